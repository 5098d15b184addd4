"""Faces, runs and commands for the tests of the experiments."""

import numpy as np
import typer
from typer.testing import CliRunner

from fer_ensemble.datasets import FaceDataset, make_faces, write_folder


def invoke(main, *arguments):
    """Call an experiment as its command does."""
    app = typer.Typer()
    app.command()(main)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def words(outcome):
    """What a command printed, without the line breaks and frames of its errors."""
    return " ".join(outcome.output.replace("│", " ").split())


def write_faces(folder, n_train, n_test=0):
    """Write synthetic faces into folders of FER2013's names."""
    n = n_train + n_test
    faces, labels, _ = make_faces(n, random_state=0)
    names = np.array([f"{i}.png" for i in range(n)], object)
    whole = FaceDataset(faces, labels, np.full(n, "train"), names)
    write_folder(whole.take(np.arange(n_train)), folder / "train")
    if n_test:
        write_folder(whole.take(np.arange(n_train, n)), folder / "PublicTest")
    return folder


def write_predictions(folder, members, *, seed=0, skill=(2.5, 2.0), n=600):
    """Write predictions that are right to a known degree, with errors of each member's own."""
    random = np.random.default_rng(seed)
    y = {part: random.integers(0, 7, n) for part in ("held_out", "test")}
    for member, strength in zip(members, skill, strict=True):
        arrays = {}
        for part, labels in y.items():
            scores = random.normal(size=(n, 7)) + strength * np.eye(7)[labels]
            arrays[part] = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
            arrays[f"y_{part}"] = labels
        arrays["test_without_copies"] = np.arange(n) >= 50
        np.savez(folder / f"{member}.official.npz", **arrays)
