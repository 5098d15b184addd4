"""Measure a saved ensemble and write a page about it."""

from __future__ import annotations

import os
from pathlib import Path

from fer_ensemble.datasets import FaceDataset
from fer_ensemble.evaluation.report import render_report, save_pictures
from fer_ensemble.measuring import measure_model
from fer_ensemble.reporting.gathering import gather_content


def write_report(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str] | FaceDataset | None = None,
    out: str | os.PathLike[str] = "report.html",
    *,
    split: str | None = None,
    protocol: str | None = None,
    figures: str | os.PathLike[str] | None = None,
    n_mistakes: int = 24,
    strict: bool = False,
    seed: int = 1_000_000,
) -> Path:
    """Measure a saved ensemble on test faces, and write a page about it.

    The page is one file that needs no network and no script: data, members, combining, classes,
    confidence, the surest mistakes as pictures, and how to come to the same figures.

    Parameters
    ----------
    model : str or path-like
        Folder of a saved ensemble, or a name that `load_model` takes.
    data : path-like or FaceDataset, optional
        Labelled faces in any form that `load_faces` takes, or read already. Without them,
        synthetic faces are drawn.
    out : path-like, default='report.html'
        File to write; one that is there is replaced.
    split : str, optional
        Part of the data, where the protocol keeps the data's own split; by default what the
        protocol tests on.
    protocol : str, optional
        How test faces are set apart; by default as the ensemble was fitted.
    figures : path-like, optional
        Folder to write the figures to as well, as PNG for a paper.
    n_mistakes : int, default=24
        How many of the surest mistakes to show.
    strict : bool, default=False
        Whether a face that can't be used is an error.
    seed : int, default=1000000
        Seed of the synthetic faces.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ArtifactError
        If there is no such model, or it is damaged.
    DatasetError
        If the data can't be read.
    ValueError
        If there is no such protocol or part, or the test faces of the fit can't be found again.
    OSError
        If the page or the figures can't be written.
    """
    file = Path(out)
    # Asked before the members predict, which takes a while.
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder: name a file to write the report to.")
    file.parent.mkdir(parents=True, exist_ok=True)
    measured = measure_model(model, data, split=split, protocol=protocol, strict=strict, seed=seed)
    content = gather_content(measured, name=Path(model).resolve().name, out=file.name)
    if figures is not None:
        save_pictures(content, Path(figures))
    file.write_text(render_report(content, n_mistakes=n_mistakes), encoding="utf-8")
    return file
