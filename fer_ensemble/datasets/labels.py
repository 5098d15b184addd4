"""Names of the seven expressions and of the parts of a data set, in all usual spellings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from numbers import Integral
from typing import Any

from fer_ensemble.suggestions import did_you_mean

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
_LABELS = {name: label for label, names in enumerate(_SPELLINGS) for name in names}
# A number in front of a name or behind it, as in 0_angry and happy-1, puts folders in order.
_NUMBERED = re.compile(r"(?:\d+[\W_]*)?([^\W\d_]+)(?:[\W_]*\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,15}(\.0*)?(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)

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
        Any usual spelling (anger, angry, happiness, …), also with a number in front or behind
        (0_angry), or a digit from "0" to "6"; case and blanks around it do not matter.

    Returns
    -------
    int
        Place of the expression in `EMOTIONS`.

    Raises
    ------
    ValueError
        If the name is none of the accepted ones, which the message lists.
    """
    word = named_emotion(name)
    if word is not None:
        return EMOTIONS.index(word)
    digit = name.strip()
    if digit in "0123456" and len(digit) == 1:
        return int(digit)
    accepted = ", ".join("/".join(names) for names in _SPELLINGS)
    raise ValueError(
        f"unknown expression {_shortened(name)}; accepted are {accepted}, or 0 to 6 in that order."
        + _hint(name, tuple(_LABELS))
    )


@lru_cache(maxsize=1000)
def _hint(name: str, known: tuple[str, ...]) -> str:
    """Ask what was meant by a word: once for all rows of a column, and not of what is no word."""
    word = name.strip()
    return did_you_mean(word, known) if word.isalpha() and len(word) <= 20 else ""


def named_emotion(name: str) -> str | None:
    """Return the expression that a name says, whatever number stands beside it.

    Parameters
    ----------
    name : str
        As of `parse_emotion`, but a number alone says nothing.

    Returns
    -------
    str or None
        A name of `EMOTIONS`; None if it is none.

    Examples
    --------
    >>> named_emotion("1-Happiness"), named_emotion("3")
    ('happy', None)
    """
    word = name.strip().lower()
    numbered = None if len(word) > 40 else _NUMBERED.fullmatch(word)
    label = _LABELS.get(numbered[1] if numbered else word)
    return None if label is None else EMOTIONS[label]


def spell_label(label: str) -> str:
    """Bring a label to one spelling: case, blanks, and ways of writing a letter or a number.

    Parameters
    ----------
    label : str

    Returns
    -------
    str

    Examples
    --------
    >>> spell_label(" 4.0 "), spell_label("4.0000000e+00"), spell_label("Wütend")
    ('4', '4', 'wütend')
    """
    text = label.strip()
    if _WHOLE.fullmatch(text) and float(text).is_integer():
        return str(int(float(text)))
    # Some systems take letters of folders' names apart, such as u and its two dots.
    return unicodedata.normalize("NFC", text).casefold()


def is_number(label: str) -> bool:
    """Whether a label is a number alone, which says nothing without its data set."""
    return spell_label(label).lstrip("-").isdecimal()


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
            "(or Training, PublicTest, PrivateTest)." + _hint(name, SPLITS)
        ) from None


def spell_classes(
    names: Iterable[str], meanings: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """Choose one spelling for the names of classes.

    Parameters
    ----------
    names : iterable of str
        As the files have them.
    meanings : mapping, optional
        What labels mean, as `parse_classes` reads it.

    Returns
    -------
    dict of str to str
        The expressions of FER2013 in all their spellings, and labels whose meaning is given,
        become names of `EMOTIONS`; other names stay, and of numbers 4.0 becomes 4.

    Examples
    --------
    >>> spell_classes(["Anger", "angry", "contempt"])
    {'Anger': 'angry', 'angry': 'angry', 'contempt': 'contempt'}
    >>> spell_classes(["1.0", "happy"], {"1": "surprise"})
    {'1.0': 'surprise', 'happy': 'happy'}
    """
    meanings = meanings or {}

    def spell(name: str) -> str:
        key = spell_label(name)
        known = meanings.get(key) or named_emotion(name)
        return known or (key if is_number(name) else name)

    return {name: spell(name) for name in names}


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


def _shortened(name: str) -> str:
    # Whatever stands in a file may come here: a whole row of pixels, too.
    return repr(name if len(name) <= 40 else name[:40] + "…")
