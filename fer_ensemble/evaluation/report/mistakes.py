"""The mistakes that a model is surest of, as small pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.checks import check_scored


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
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:n_mistakes]
    return [
        Mistake(int(row), int(truth[row]), int(predicted[row]), float(confidence[row]))
        for row in surest
    ]


def picture_uri(face: NDArray[np.uint8]) -> str:
    """Encode a face as an address that holds the picture itself.

    Parameters
    ----------
    face : ndarray of shape (height, width), uint8

    Returns
    -------
    str
        A ``data:`` address of a PNG.
    """
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(face).save(stream, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
