"""What a data set holds, from the command line."""

import csv
import json

import numpy as np
import pytest

from fer_ensemble.datasets import FaceDataset, write_folder


@pytest.fixture
def faces(tmp_path):
    """A folder of train and test faces, with a blank one and a copy in the test."""
    images = np.random.default_rng(0).integers(0, 256, (42, 48, 48), dtype=np.uint8)
    images[3] = 77
    images[30] = images[2]
    names = np.array([f"{i}.png" for i in range(42)], object)
    whole = FaceDataset(images, np.arange(42) % 7, np.full(42, "train"), names)
    write_folder(whole.take(np.arange(28)), tmp_path / "faces" / "train")
    write_folder(whole.take(np.arange(28, 42)), tmp_path / "faces" / "test")
    return tmp_path / "faces"


def test_counts_and_copies_are_printed(run, faces):
    code, printed, notes = run("data", faces)
    assert code == 0, notes
    lines = [line.split() for line in printed.splitlines()]
    assert ["happy", "4", "2", "6"] in lines
    assert ["all", "28", "14", "42"] in lines
    assert "Blank faces: 1 (train 1)" in printed
    assert "Exact copies: 1 redundant face (2 faces in 1 set); the labels of" in printed
    assert "1 face of test also stands in train" in printed
    assert "Near-copies: 0 redundant" in printed


def test_list_chart_and_json_are_written(run, faces, tmp_path):
    out = tmp_path / "out"
    code, _, notes = run(
        "data", faces, "--out", out / "list.csv", "--chart", out / "counts.png",
        "--json", out / "counts.json",
    )  # fmt: skip
    assert code == 0, notes
    rows = list(csv.DictReader((out / "list.csv").open()))
    assert [row["finding"] for row in rows] == ["blank", "exact_copy", "exact_copy"]
    assert (out / "counts.png").read_bytes().startswith(b"\x89PNG")
    content = json.loads((out / "counts.json").read_text())
    assert (content["data"], content["n"], content["blank"]) == ("faces", 42, {"train": 1})


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere.zip"], 1, "nowhere.zip: there is no such file"),
        (["faces", "--chart", "counts.gif"], 2, "--chart counts.gif: its ending must be"),
    ],
)
def test_mistakes_end_in_a_line(run, arguments, code, message):
    ended, printed, notes = run("data", *arguments)
    assert ended == code
    assert message in " ".join(notes.replace("│", " ").split())
    assert not printed


def test_a_store_is_made_and_described(run, faces, tmp_path):
    store = tmp_path / "store"
    code, printed, notes = run("data", faces / "train", faces / "test", "--store", store)
    assert code == 0, notes
    assert f"42 faces (train 28, test 14) in {store}. Next:" in notes
    assert f"fer-ensemble fit {store}" in notes
    code, printed, notes = run("data", store)
    assert code == 0, notes
    assert "1 face of test also stands in train" in printed
    code, _, notes = run("data", faces, "--store", store)
    assert (code, "there is a store already" in notes) == (1, True)


def test_several_paths_need_a_store(run):
    code, _, notes = run("data", "a.zip", "b.zip")
    assert code == 2
    assert "go with --store" in notes
