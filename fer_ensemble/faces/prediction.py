"""Expressions of the faces in many files, in batches and in constant memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.files import FACE_SIZE, FaceFile, Status, read_faces

# While one batch is predicted, two more are decoded: enough to hide the decoding.
_BATCHES_AHEAD = 2

# Probabilities no further apart than this are level.
_LEVEL = 1e-10


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a classifier says of the face in a file.

    Parameters
    ----------
    path : str
        The file.
    label : str or None
        Name of the most probable class; None if no face could be read, or the classifier is too
        unsure.
    confidence : float or None
        Probability of that class, from 0 to 1.
    probabilities : dict of str to float, or None
        Probability of each class, by name.
    status : {"ok", "unsure", "unreadable", "empty", "missing", "too_large"}
        What became of the file.
    reason : str
        Why no face could be read, in plain words; empty if one could.
    """

    path: str
    label: str | None
    confidence: float | None
    probabilities: dict[str, float] | None
    status: Status | Literal["unsure"]
    reason: str = ""


def predict_files(
    classifier: Any,
    paths: Iterable[str | os.PathLike[str]],
    *,
    class_names: Sequence[str],
    batch_size: int = 256,
    n_jobs: int = -1,
    face_size: int = FACE_SIZE,
    min_confidence: float = 0.0,
) -> Iterator[list[Prediction]]:
    """Predict the expression of the face in each file.

    Files are decoded in threads while the classifier works on the batch before; three batches
    are in memory at most, however many files there are.

    Parameters
    ----------
    classifier : object
        Fitted, with a ``predict_proba`` that takes faces of shape (n_samples, size, size), uint8.
    paths : iterable of path-like
        Pictures that show one face each. Folders are not walked through; see `PictureListing`.
    class_names : sequence of str
        Names of the classifier's classes, in the order of its columns.
    batch_size : int, default=256
        Files in a batch.
    n_jobs : int, default=-1
        Threads that decode; -1 for one on each of the processor's cores.
    face_size : int, default=48
        Side that the faces are brought to, in pixels.
    min_confidence : float, default=0.0
        Faces whose most probable class is less probable than this get no label, and the status
        "unsure"; so do ties of a classifier whose attribute ``ties`` is "abstain".

    Yields
    ------
    list of Prediction
        Of a batch: one for every file, in the order of the paths.

    Raises
    ------
    ValueError
        If the classifier gives anything but a finite probability for each class.

    Examples
    --------
    >>> from fer_ensemble.faces import predict_files
    >>> batches = predict_files(None, ["lost.jpg"], class_names=["happy", "sad"])
    >>> [(row.path, row.status, row.reason) for batch in batches for row in batch]
    [('lost.jpg', 'missing', 'no such file')]
    """
    ahead = _BATCHES_AHEAD * batch_size
    faces = read_faces(paths, ahead=ahead, n_jobs=n_jobs, size=face_size)
    while batch := list(islice(faces, batch_size)):
        yield _predict_batch(classifier, batch, class_names, min_confidence)


def _predict_batch(
    classifier: Any, batch: Sequence[FaceFile], class_names: Sequence[str], min_confidence: float
) -> list[Prediction]:
    faces = [file.face for file in batch if file.face is not None]
    rows = iter(_probabilities(classifier, np.stack(faces), class_names) if faces else ())
    abstains = getattr(classifier, "ties", None) == "abstain"
    return [
        Prediction(file.path, None, None, None, file.status, file.reason)
        if file.face is None
        else _prediction(file.path, next(rows), class_names, min_confidence, abstains)
        for file in batch
    ]


def _prediction(
    path: str,
    row: NDArray[np.float64],
    class_names: Sequence[str],
    min_confidence: float,
    abstains: bool,
) -> Prediction:
    winner = int(row.argmax())
    confidence = float(row[winner])
    probabilities = dict(zip(class_names, row.tolist(), strict=True))
    tied = abstains and np.count_nonzero(row >= confidence - _LEVEL) > 1
    if tied or confidence < min_confidence:
        return Prediction(path, None, confidence, probabilities, "unsure")
    return Prediction(path, class_names[winner], confidence, probabilities, "ok")


def _probabilities(
    classifier: Any, faces: NDArray[np.uint8], class_names: Sequence[str]
) -> NDArray[np.float64]:
    probabilities = np.asarray(classifier.predict_proba(faces), np.float64)
    expected = (len(faces), len(class_names))
    if probabilities.shape != expected or not np.isfinite(probabilities).all():
        raise ValueError(
            f"the classifier must give {expected[1]} finite probabilities for each of "
            f"{expected[0]} faces ({', '.join(class_names)}); it gave an array of shape "
            f"{probabilities.shape} with {(~np.isfinite(probabilities)).sum()} that are not finite"
        )
    return probabilities
