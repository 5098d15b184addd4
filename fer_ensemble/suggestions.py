"""What was probably meant by a word that is none of those there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_MOST = 3
_LEAST_LIKENESS = 0.6


def did_you_mean(
    word: object,
    known: Iterable[object],
    *,
    likeness: float = _LEAST_LIKENESS,
    synonyms: Mapping[str, str] | None = None,
) -> str:
    """Ask whether a similar word was meant, to be put behind an error.

    Letters may be swapped, missing or too many, capital or small; words may be joined by ``-``,
    ``_`` or a space.

    Parameters
    ----------
    word : object
        What was written; nothing but text is like anything.
    known : iterable
        What could have been meant; what is no text is passed over.
    likeness : float, default=0.6
        How much of the letters has to be the same, as `difflib.get_close_matches` counts it.
    synonyms : mapping of str to str, optional
        Other words for some of the known ones, which are no less known for being spelled otherwise.

    Returns
    -------
    str
        A sentence after a space, or nothing where nothing is like it.

    Examples
    --------
    >>> "There is no rule 'wieghted'." + did_you_mean("wieghted", ["average", "weighted"])
    "There is no rule 'wieghted'. Did you mean weighted?"
    >>> did_you_mean("train", ["fit", "predict"], synonyms={"train": "fit"})
    ' Did you mean fit?'
    >>> did_you_mean("tables", ["average", "weighted"])
    ''
    """
    from difflib import get_close_matches  # asked for where something went wrong alone

    if not isinstance(word, str):
        return ""
    spelled: dict[str, str] = {}
    for name in known:
        if isinstance(name, str):
            spelled.setdefault(_plain(name), name)
    plain = _plain(word)
    found = [spelled[like] for like in get_close_matches(plain, spelled, _MOST, likeness)]
    # A word of several is left out more easily than misspelled.
    found += [name for like, name in spelled.items() if plain and plain in like.split("_")]
    meant = (synonyms or {}).get(word)
    if meant in spelled.values():
        found = [meant] if meant is not None else []
    listed = list(dict.fromkeys(found))[:_MOST]
    return f" Did you mean {' or '.join(listed)}?" if listed else ""


def _plain(word: str) -> str:
    return word.strip().lstrip("-").lower().replace("-", "_").replace(" ", "_")
