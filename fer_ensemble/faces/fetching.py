"""Pictures at addresses are fetched ahead, many at once: to wait for a store takes no processor."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TypeVar

from fer_ensemble.faces.addresses import is_address
from fer_ensemble.faces.batching import map_ordered
from fer_ensemble.faces.contents import is_video
from fer_ensemble.faces.inputs import GivenPicture, fetch_picture

_AT_ONCE = 16
_AHEAD = 32  # pictures that are kept in memory

P = TypeVar("P", bound="str | os.PathLike[str] | None")


def fetch_ahead(paths: Iterable[P]) -> Iterator[P | GivenPicture]:
    """Read the pictures at addresses before they are asked for.

    Parameters
    ----------
    paths : iterable of path-like or None

    Yields
    ------
    path-like or None
        The same, but for each picture at an address what it holds. Nothing is read ahead where
        there are none.
    """
    remaining = iter(paths)
    for path in remaining:
        if is_address(path):
            yield from map_ordered(_fetch, chain([path], remaining), ahead=_AHEAD, n_jobs=_AT_ONCE)
            return
        yield path


def _fetch(path: P) -> P | GivenPicture:
    if isinstance(path, str) and is_address(path) and not is_video(path):
        return fetch_picture(path)
    return path
