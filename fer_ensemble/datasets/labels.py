"""Names of the seven expressions and of the parts of a data set, in all usual spellings."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

#: The seven expressions; the place in the tuple is the label, as in FER2013.
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

#: The parts that a face can belong to. FER2013 has train, public_test and private_test.
SPLITS = ("train", "validation", "public_test", "private_test", "test")

_SPELLINGS = (
    ("angry", "anger"),
    ("disgust", "disgusted"),
    ("fear", "fearful", "afraid"),
    ("happy", "happiness", "joy"),
    ("sad", "sadness"),
    ("surprise", "surprised"),
    ("neutral", "neutrality"),
)
_LABELS = {name: label for label, names in enumerate(_SPELLINGS) for name in (*names, str(label))}

_PARTS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
    "public": "public_test",
    "publictest": "public_test",
    "private": "private_test",
    "privatetest": "private_test",
}


def parse_emotion(name: str) -> int:
    """Return the label of an expression given by name or by digit.

    Parameters
    ----------
    name : str
        Any usual spelling (anger, angry, happiness, …) or a digit from "0" to "6"; case and
        blanks around it do not matter.

    Returns
    -------
    int
        Place of the expression in `EMOTIONS`.

    Raises
    ------
    ValueError
        If the name is none of the accepted ones, which the message lists.
    """
    try:
        return _LABELS[name.strip().lower()]
    except KeyError:
        accepted = ", ".join("/".join(names) for names in _SPELLINGS)
        raise ValueError(
            f"unknown expression {_shortened(name)}; accepted are {accepted}, "
            "or 0 to 6 in that order"
        ) from None


def emotion_names(classes: Iterable[Any]) -> list[str]:
    """Return the names of a classifier's classes.

    Parameters
    ----------
    classes : iterable of int or str
        Integers from 0 to 6 become names of `EMOTIONS`; strings stay; all else becomes a string.

    Returns
    -------
    list of str
    """
    return [
        EMOTIONS[int(value)]
        if isinstance(value, Integral) and 0 <= int(value) < len(EMOTIONS)
        else str(value)
        for value in classes
    ]


def parse_split(name: str) -> str:
    """Return the part of a data set (one of `SPLITS`) given in any usual spelling.

    Parameters
    ----------
    name : str
        Such as Training, PublicTest, private_test, val; case, blanks, ``_`` and ``-`` do not
        matter.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the name is none of the accepted ones, which the message lists.
    """
    try:
        return _PARTS[name.strip().lower().replace("_", "").replace("-", "").replace(" ", "")]
    except KeyError:
        raise ValueError(
            f"unknown split {_shortened(name)}; accepted are {', '.join(SPLITS)} "
            "(or Training, PublicTest, PrivateTest)"
        ) from None


def spell_classes(names: Iterable[str]) -> dict[str, str]:
    """Choose one spelling for the names of classes.

    Parameters
    ----------
    names : iterable of str
        As the files have them.

    Returns
    -------
    dict of str to str
        The expressions of FER2013 in all their spellings become names of `EMOTIONS`, other names
        stay. Digits are taken for FER2013's only if no name is anything else: in another label
        set they mean something else.

    Examples
    --------
    >>> spell_classes(["Anger", "angry", "contempt"])
    {'Anger': 'angry', 'angry': 'angry', 'contempt': 'contempt'}
    >>> spell_classes(["3", "happy"])
    {'3': 'happy', 'happy': 'happy'}
    >>> spell_classes(["3", "7"])
    {'3': '3', '7': '7'}
    """
    expressions = {name: _expression(name) for name in names}
    # Where one name is no expression, 3 is as likely a class of its own as it is happy.
    is_fer2013 = None not in expressions.values()
    return {
        name: expression if expression and (is_fer2013 or not name.strip().isdigit()) else name
        for name, expression in expressions.items()
    }


def sort_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Put classes in order.

    Parameters
    ----------
    names : iterable of str
        As `spell_classes` returns them.

    Returns
    -------
    tuple of str
        Without doubles: the expressions in FER2013's order, then numbers, then the rest.
    """

    def place(name: str) -> tuple[int, int, str]:
        if name in EMOTIONS:
            return 0, EMOTIONS.index(name), name
        return (1, int(name), name) if name.isdecimal() else (2, 0, name)

    return tuple(sorted(set(names), key=place))


def _expression(name: str) -> str | None:
    try:
        return EMOTIONS[parse_emotion(name)]
    except ValueError:
        return None


def _shortened(name: str) -> str:
    # Whatever stands in a file may come here: a whole row of pixels, too.
    return repr(name if len(name) <= 40 else name[:40] + "…")
