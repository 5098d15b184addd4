"""One spelling for each class, whatever label set the files of others use."""

from __future__ import annotations

from collections.abc import Iterable

from fer_ensemble.datasets.labels import EMOTIONS, parse_emotion


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
    fer2013 = None not in expressions.values()
    return {
        name: expression if expression and (fer2013 or not name.strip().isdigit()) else name
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
