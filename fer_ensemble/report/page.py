"""A report as one page of HTML, with the mistakes that a model is surest of."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.datasets import Classes, FaceDataset
from fer_ensemble.evaluation import check_scored
from fer_ensemble.explanation import Explanation, FaceExplainer
from fer_ensemble.libraries import require
from fer_ensemble.locks import holding_file
from fer_ensemble.measuring import MeasuredModel, measure_model
from fer_ensemble.report import wording
from fer_ensemble.report.content import ReportContent
from fer_ensemble.report.gathering import gather_content
from fer_ensemble.report.page_tables import lay_out_tables
from fer_ensemble.report.pictures import Picture, list_pictures

_TEMPLATE = "report.html.j2"


def write_report(
    model: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | FaceDataset | None = None,
    out: str | os.PathLike[str] = "report.html",
    *,
    classes: Classes | None = None,
    split: str | None = None,
    protocol: str | None = None,
    figures: str | os.PathLike[str] | None = None,
    n_mistakes: int = 24,
    n_explained: int = 0,
    subgroups: bool = False,
    strict: bool = False,
    seed: int = 1_000_000,
) -> Path:
    """Measure a saved ensemble on test faces, and write a page about it.

    The page is one file that needs no network and no script: data, members, combining, classes,
    confidence, the surest mistakes as pictures, and how to come to the same figures.

    Parameters
    ----------
    model : str or path-like, optional
        Folder of a saved ensemble, or a name that `load_model` takes. Without it, the ensemble
        that comes with the package.
    data : path-like or FaceDataset, optional
        Labelled faces in any form that `load_faces` takes, or read already. Without them,
        synthetic faces are drawn.
    out : path-like, default='report.html'
        File to write; one that is there is replaced.
    classes : str or mapping, optional
        What labels of the data mean, as `load_faces` takes it.
    split : str, optional
        Part of the data, where the protocol keeps the data's own split; by default what the
        protocol tests on.
    protocol : str, optional
        How test faces are set apart; by default as the ensemble was fitted.
    figures : path-like, optional
        Folder to write the figures to as well, as PNG for a paper.
    n_mistakes : int, default=24
        How many of the surest mistakes to show.
    n_explained : int, default=0
        Of how many of these to show what spoke for the wrong label, as `explain` does.
    subgroups : bool, default=False
        Whether to measure groups of the faces and changed faces too, as `measure_model` does.
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
    MissingLibraryError
        If Matplotlib, or a library that a member predicts with, is not installed.
    """
    file = Path(out)
    # Asked before the members predict, which takes a while.
    require("matplotlib", "A report")
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder: name a file to write the report to.")
    with holding_file(file):
        measured = measure_model(
            model,
            data,
            classes=classes,
            split=split,
            protocol=protocol,
            subgroups=subgroups,
            strict=strict,
            seed=seed,
        )
        name = "ensemble" if model is None else Path(model).resolve().name
        content = gather_content(measured, name=name, out=file.name, n_explained=n_explained)
        content = replace(content, explained=_explain_mistakes(measured, content, n_explained))
        if figures is not None:
            save_pictures(content, Path(figures))
        write_atomically(file, render_report(content, n_mistakes=n_mistakes).encode())
    return file


def render_report(content: ReportContent, *, n_mistakes: int = 24) -> str:
    """Write a report as one page that needs no network and no script.

    Parameters
    ----------
    content : ReportContent
    n_mistakes : int, default=24
        How many of the surest mistakes to show.

    Returns
    -------
    str
        HTML, with style and pictures inside; the same for the same content.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        # Models, members and files are named by users: their names are no markup.
        autoescape=True,
        # A name that the template misspells is an error and no empty place on the page.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template(_TEMPLATE)
    return template.render(
        content=content,
        tables=lay_out_tables(content),
        pictures=_by_section(list_pictures(content)),
        mistakes=_show_mistakes(content, n_mistakes),
        explained=_show_explained(content),
        wording=wording,
    )


def save_pictures(content: ReportContent, folder: Path) -> list[Path]:
    """Write the pictures of a report as PNG, 200 dots per inch.

    Parameters
    ----------
    content : ReportContent
    folder : Path
        Made if need be.

    Returns
    -------
    list of Path
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [picture.save(folder) for picture in list_pictures(content)]


@dataclass(frozen=True)
class Mistake:
    """A face that was taken for another class.

    Attributes
    ----------
    row : int
        Its place among the faces.
    truth, predicted : int
        Places of the classes.
    confidence : float
        Probability of the predicted class.
    """

    row: int
    truth: int
    predicted: int
    confidence: float


def find_mistakes(
    y_true: ArrayLike, probabilities: ArrayLike, classes: Sequence[Any], n_mistakes: int = 24
) -> list[Mistake]:
    """Find the wrong predictions of the highest confidence.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    probabilities : array-like of shape (n_samples, n_classes)
        Predicted probabilities, columns in the order of `classes`.
    classes : sequence of length n_classes
        The label that each column stands for.
    n_mistakes : int, default=24
        How many at most.

    Returns
    -------
    list of Mistake
        The surest first; of equals, the first row.

    Raises
    ------
    ValueError
        If there are no samples, lengths differ, labels are not among the classes, or the
        probabilities are not distributions.

    Examples
    --------
    >>> find_mistakes(["a", "b"], [[0.9, 0.1], [0.6, 0.4]], ["a", "b"])
    [Mistake(row=1, truth=1, predicted=0, confidence=0.6)]
    """
    truth, proba = check_scored(y_true, probabilities, classes)
    predicted, confidence = proba.argmax(axis=1), proba.max(axis=1)
    wrong = np.flatnonzero(predicted != truth)
    # Stable, so that equally sure mistakes stand in the order of the data on every machine.
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:n_mistakes]
    return [
        Mistake(int(row), int(truth[row]), int(predicted[row]), float(confidence[row]))
        for row in surest
    ]


def picture_uri(face: NDArray[np.uint8]) -> str:
    """Encode a face as an address that holds the picture itself.

    Parameters
    ----------
    face : ndarray of shape (height, width), uint8; or (height, width, 3), red, green, blue

    Returns
    -------
    str
        A ``data:`` address of a PNG.
    """
    from PIL import Image

    # PNG keeps every grey as it was: a mistake should be judged on what the model was shown.
    stream = io.BytesIO()
    Image.fromarray(face).save(stream, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _show_mistakes(content: ReportContent, n_mistakes: int) -> list[dict[str, str]]:
    found = find_mistakes(content.labels, content.probabilities, content.classes, n_mistakes)
    return [
        {
            "uri": picture_uri(content.faces[mistake.row]),
            "truth": content.class_names[mistake.truth],
            "predicted": content.class_names[mistake.predicted],
            "confidence": f"{mistake.confidence:.2f}",
            "name": str(content.names[mistake.row]),
        }
        for mistake in found
    ]


def _explain_mistakes(
    measured: MeasuredModel, content: ReportContent, n_explained: int
) -> dict[int, Explanation]:
    """Explain the surest mistakes, by their places among the faces."""
    explainer = FaceExplainer(measured.ensemble, content.class_names)
    found = find_mistakes(content.labels, content.probabilities, content.classes, n_explained)
    return {
        mistake.row: explainer.explain(
            content.faces[mistake.row], content.class_names[mistake.predicted]
        )
        for mistake in found
    }


def _show_explained(content: ReportContent) -> list[dict[str, str]]:
    truths = dict(zip(content.classes, content.class_names, strict=True))
    return [
        {
            "uri": picture_uri(found.draw()[..., ::-1]),
            "truth": truths[content.labels[row]],
            "predicted": found.label,
            "name": str(content.names[row]),
            "voices": wording.list_voices([*found.members, *found.landmarks[:3]]),
        }
        for row, found in content.explained.items()
    ]


def _by_section(pictures: list[Picture]) -> dict[str, list[Picture]]:
    sections: dict[str, list[Picture]] = {}
    for picture in pictures:
        sections.setdefault(picture.section, []).append(picture)
    return sections
