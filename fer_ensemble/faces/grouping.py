"""Groups: parts of a listing whose rows are the same wherever they are predicted.

Networks may give a face other last digits in other company, so equal rows need equal batches. A
listing is therefore cut by a rule that knows nothing but its names, and no batch crosses a cut: a
group predicted in another process, or on another machine, gives the rows that it would have given
amid the others.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from fer_ensemble.faces.batching import INPUTS_A_FACE
from fer_ensemble.faces.contents import is_video

#: Inputs, and None after the last of each group; so that no group need be in memory as a whole.
Marked: TypeAlias = Iterator[str | os.PathLike[str] | None]


def mark_groups(inputs: Iterable[str | os.PathLike[str]], batch_size: int) -> Marked:
    """Cut a listing into groups.

    A video, by its name, is a group by itself; of other inputs, twice as many as there are faces in
    a batch, one after the other, or fewer before a video and at the end.

    Parameters
    ----------
    inputs : iterable of path-like
        Is gone through lazily.
    batch_size : int
        Faces predicted at once.

    Yields
    ------
    path-like or None
        The inputs, and None at the end of each group.

    Examples
    --------
    >>> list(mark_groups(["a.jpg", "b.jpg", "c.mp4", "d.jpg"], batch_size=1))
    ['a.jpg', 'b.jpg', None, 'c.mp4', None, 'd.jpg', None]
    """
    most, n_inputs = INPUTS_A_FACE * batch_size, 0
    for given in inputs:
        alone = is_video(given)
        if alone and n_inputs:
            yield None
            n_inputs = 0
        yield given
        n_inputs += 1
        if alone or n_inputs == most:
            yield None
            n_inputs = 0
    if n_inputs:
        yield None


def gather_groups(marked: Marked) -> Iterator[list[str | os.PathLike[str]]]:
    """Give groups as lists, each as soon as it is complete.

    Parameters
    ----------
    marked : iterator of path-like or None
        See :func:`mark_groups`.

    Yields
    ------
    list of path-like
        May be empty where a run was resumed: nothing of that group was left to do.
    """
    group: list[str | os.PathLike[str]] = []
    for given in marked:
        if given is None:
            yield group
            group = []
        else:
            group.append(given)


def select_shard(marked: Marked, shard: int, n_shards: int) -> Marked:
    """Leave the groups of one shard: of `n_shards` groups one, in turn.

    Parameters
    ----------
    marked : iterator of path-like or None
        The whole listing; see :func:`mark_groups`.
    shard : int
        From 1.
    n_shards : int

    Yields
    ------
    path-like or None
        As `mark_groups`.

    Examples
    --------
    >>> list(select_shard(iter(["a", "b", None, "c", None, "d", None]), 1, 2))
    ['a', 'b', None, 'd', None]
    """
    turn = 0
    for given in marked:
        if turn == shard - 1:
            yield given
        if given is None:
            turn = (turn + 1) % n_shards
