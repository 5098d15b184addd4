"""What a value from elsewhere may be: its type and its bounds, in words and as a check."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

_MOST_ENTRIES = 100_000


@dataclass(frozen=True)
class Kind:
    """What a value may be.

    Parameters
    ----------
    says : str
        In words, after "must be".
    holds : callable
        Says of a value whether it is.
    """

    says: str
    holds: Callable[[Any], bool]

    def __or__(self, other: Kind) -> Kind:
        return Kind(
            f"{self.says}, or {other.says}", lambda value: self.holds(value) or other.holds(value)
        )


def check_kind(value: Any, kind: Kind, name: str) -> None:
    """Check a value.

    Parameters
    ----------
    value : object
    kind : Kind
    name : str
        What the error calls it.

    Raises
    ------
    ValueError
        If it is of another kind: says what it is and what it must be.
    """
    if not kind.holds(value):
        shown = type(value).__name__ if isinstance(value, Mapping | Sequence) else repr(value)
        if isinstance(value, str):
            shown = repr(value)
        shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
        raise ValueError(f"{name} is {shown}, and must be {kind.says}")


def check_entries(content: Any, kinds: Mapping[str, Kind], name: str) -> None:
    """Check the entries of a mapping; every one has to be known.

    Parameters
    ----------
    content : mapping
    kinds : mapping of str to Kind
    name : str
        What the error calls it.

    Raises
    ------
    ValueError
        If it is no mapping, or an entry is unknown or of another kind. Entries may be missing.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"{name} is {type(content).__name__}, and must be an object of entries")
    for key, value in content.items():
        if key not in kinds:
            raise ValueError(f"{name} has an unknown entry {str(key)[:60]!r}")
        check_kind(value, kinds[key], f"{name}: {key}")


def whole(least: int, most: int) -> Kind:
    """Whole numbers of a range, both ends in it."""
    return Kind(
        f"a whole number from {least:,} to {most:,}",
        lambda x: isinstance(x, Integral) and not isinstance(x, bool) and least <= int(x) <= most,
    )


def real(least: float, most: float) -> Kind:
    """Numbers of a range, both ends in it; none that is not finite."""
    return Kind(
        f"a number from {least:,} to {most:,}",
        lambda x: isinstance(x, Real) and not isinstance(x, bool) and least <= float(x) <= most,
    )


def one_of(*values: str) -> Kind:
    """One of some words."""
    return Kind(f"one of {', '.join(values)}", lambda x: isinstance(x, str) and x in values)


def text(most: int = 1000) -> Kind:
    """Text of some length."""
    return Kind(
        f"text of at most {most:,} characters", lambda x: isinstance(x, str) and len(x) <= most
    )


def several(kind: Kind, least: int = 0, most: int = 1000) -> Kind:
    """Lists of a kind."""
    return Kind(
        f"a list of {least:,} to {most:,}, each {kind.says}",
        lambda x: (
            isinstance(x, list | tuple) and least <= len(x) <= most and all(map(kind.holds, x))
        ),
    )


def mapping(kind: Kind, most: int = 1000) -> Kind:
    """Mappings from text, or whole numbers, to a kind."""
    return Kind(
        f"an object of at most {most:,} entries, each {kind.says}",
        lambda x: (
            isinstance(x, Mapping)
            and len(x) <= most
            and all(isinstance(key, str | Integral) for key in x)
            and all(map(kind.holds, x.values()))
        ),
    )


def array(kinds: str, *dimensions: int) -> Kind:
    """Arrays of some of NumPy's kinds of types, of some number of axes; floats are finite."""
    axes = " or ".join(map(str, dimensions))

    def holds(value: Any) -> bool:
        right = isinstance(value, np.ndarray) and value.dtype.kind in kinds
        right = right and (not dimensions or value.ndim in dimensions)
        return right and (value.dtype.kind != "f" or bool(np.isfinite(value).all()))

    return Kind(f"an array of finite numbers, or of text, of {axes or 'any'} axes", holds)


def plain(*, largest: float = math.inf, longest: int = _MOST_ENTRIES, levels: int = 8) -> Kind:
    """Numbers, text and arrays, and lists and mappings of such.

    Parameters
    ----------
    largest : float, default=inf
        Largest magnitude of a number.
    longest : int, default=100000
        Most entries of a list or mapping, and characters of a text.
    levels : int, default=8
        How deeply they may be nested.

    Returns
    -------
    Kind
    """

    def holds(value: Any, level: int = 0) -> bool:
        if value is None or isinstance(value, bool | np.bool_):
            return True
        if isinstance(value, Real):
            return bool(abs(float(value)) <= largest) or (largest == math.inf and value != value)
        if isinstance(value, np.ndarray):
            return value.dtype.kind in "biufUO" and value.ndim <= 8
        if not isinstance(value, str | list | tuple | Mapping):
            return False
        if len(value) > longest or level > levels:
            return False
        if isinstance(value, str):
            return True
        if isinstance(value, Mapping):
            named = all(isinstance(key, str | Real) for key in value)
            return named and all(holds(entry, level + 1) for entry in value.values())
        return all(holds(entry, level + 1) for entry in value)

    bound = "" if largest == math.inf else f" up to {largest:,.0f}"
    return Kind(f"numbers{bound} and text, or lists and objects of such", holds)


NOTHING = Kind("null", lambda x: x is None)
FLAG = Kind("true or false", lambda x: isinstance(x, bool | np.bool_))
COUNT = whole(1, 2**31 - 1)
SEED = whole(0, 2**32 - 1) | NOTHING
LABEL = text(200) | whole(-(2**31), 2**31 - 1)
PAIR = several(whole(1, 1024), 2, 2)

#: Parameters of the transformers of faces, which manifests of exported ensembles hold as well.
FEATURES: Mapping[str, Mapping[str, Kind]] = {
    "HOG": {
        "orientations": whole(1, 64),
        "pixels_per_cell": PAIR,
        "cells_per_block": several(whole(1, 64), 2, 2),
        "block_norm": one_of("L1", "L1-sqrt", "L2", "L2-Hys"),
        "transform_sqrt": FLAG,
    },
    "Landmarks": {
        "output": one_of("geometry", "points", "hog")
        | several(one_of("geometry", "points", "hog"), 1, 3),
    },
}
_MOST_FEATURES = 2**18


def check_features(name: str, parameters: Mapping[str, Any], face_shape: Sequence[int]) -> None:
    """Check the parameters of a transformer of faces, and how many features they make.

    Parameters
    ----------
    name : {'HOG', 'Landmarks'}
    parameters : mapping
    face_shape : (int, int)
        Height and width of the faces, in pixels.

    Raises
    ------
    ValueError
        If they are not such parameters, or would make too many features of a face.
    """
    check_entries(parameters, FEATURES[name], name)
    if name != "HOG":
        return
    per_block = parameters.get("cells_per_block", (2, 2))
    cells = np.floor_divide(face_shape, parameters.get("pixels_per_cell", (6, 6)))
    blocks = cells - np.subtract(per_block, 1)
    features = math.prod([*blocks.tolist(), *per_block, parameters.get("orientations", 8)])
    if blocks.min() < 1 or features > _MOST_FEATURES:
        raise ValueError(
            f"HOG: makes {features:,} features of a face of {face_shape[0]}×{face_shape[1]} px, "
            f"and must make 1 to {_MOST_FEATURES:,}"
        )
