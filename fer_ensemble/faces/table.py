"""Columns of a table of predictions, and its rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fer_ensemble.faces.prediction import Prediction

if TYPE_CHECKING:
    import pandas as pd

#: A cell of the table; None where there is nothing.
Cell = str | int | float | None

#: Columns of text, and of whole numbers; all others hold real numbers.
TEXTS = ("path", "label", "status")
COUNTS = ("frame", "face")

_BEFORE = ("path", "frame", "time", "face", "x", "y", "width", "height", "face_score")
_TIME_DIGITS = 6  # microseconds


def columns(class_names: Sequence[str]) -> list[str]:
    """Names of the columns.

    Parameters
    ----------
    class_names : sequence of str
        Names of the classes, in the order that their columns shall have.

    Returns
    -------
    list of str

    Examples
    --------
    >>> columns(["happy", "sad"])[-5:]
    ['label', 'confidence', 'p_happy', 'p_sad', 'status']
    """
    return [*_BEFORE, "label", "confidence", *(f"p_{name}" for name in class_names), "status"]


def row(prediction: Prediction, class_names: Sequence[str]) -> list[Cell]:
    """Cells of a prediction's row.

    Parameters
    ----------
    prediction : Prediction
    class_names : sequence of str

    Returns
    -------
    list of str, int, float or None
        In the order of `columns`.
    """
    probabilities = prediction.probabilities or {}
    time = prediction.time
    return [
        printable_path(prediction.path),
        prediction.frame,
        None if time is None else round(time, _TIME_DIGITS),
        *(getattr(prediction, name) for name in _BEFORE[3:]),
        prediction.label,
        prediction.confidence,
        *(probabilities.get(name) for name in class_names),
        prediction.status,
    ]


def to_frame(predictions: Iterable[Prediction], class_names: Sequence[str]) -> pd.DataFrame:
    """Lay predictions out as a DataFrame.

    Parameters
    ----------
    predictions : iterable of Prediction
    class_names : sequence of str

    Returns
    -------
    pandas.DataFrame
        With the `columns` of the files; missing where there is nothing.

    Raises
    ------
    ImportError
        If pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("a table in Python needs pandas: pip install pandas") from error
    names = columns(class_names)
    frame = pd.DataFrame([row(item, class_names) for item in predictions], columns=names)
    kinds = {name: "Int64" if name in COUNTS else "float64" for name in names if name not in TEXTS}
    return frame.astype(kinds)


def printable_path(path: str) -> str:
    r"""Path as valid Unicode, whatever bytes it is made of.

    Parameters
    ----------
    path : str
        As the system gives it.

    Returns
    -------
    str
        The same, but with ``\xff`` and the like for bytes that are not UTF-8.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")
