"""Going on with a table of predictions whose run was killed.

Rows are written batch by batch, but a kill may come amid a batch or a row, and networks may give a
face other last digits in other company. So only whole batches are kept. Where batches ended is not
in the file: it follows from the faces of its inputs (see `Gathering`). The last input in the file
is never kept, because further faces of it may be missing. What goes on with the first input after
the kept ones gathers the same batches as a run that was never broken, and so ends with the same
file, provided that inputs and options are the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from fer_ensemble.faces.batches import Gathering
from fer_ensemble.faces.inputs import VideoRest
from fer_ensemble.faces.output import choose_writer
from fer_ensemble.faces.row_reading import WrittenItem, read_items
from fer_ensemble.faces.table import printable_path
from fer_ensemble.faces.video import is_video


@dataclass(frozen=True, slots=True)
class KeptRows:
    """The certain part of a table.

    Parameters
    ----------
    path : path-like
        The file.
    class_names : sequence of str
    n_bytes : int
        How much of the file is certain, its header included; 0 if nothing is.
    n_rows : int
    n_items : int
        Pictures and frames that the rows belong to.
    n_faces : int
        Rows that hold a prediction.
    n_failed : int
        Rows that tell why there is none, other than those of frames without a face.
    """

    path: str | os.PathLike[str]
    class_names: tuple[str, ...]
    n_bytes: int = 0
    n_rows: int = 0
    n_items: int = 0
    n_faces: int = 0
    n_failed: int = 0


@dataclass(slots=True)
class _Done:
    """An input whose rows are kept, and how many of its frames they tell of if it is a video."""

    path: str
    n_frames: int
    last_frame: int
    ended: bool


def find_kept_rows(
    path: str | os.PathLike[str], class_names: Sequence[str], batch_size: int
) -> KeptRows:
    """Find which part of a table is certain. The file is left as it is.

    Parameters
    ----------
    path : path-like
        A CSV or JSON Lines file that `open_writer` began, or none yet.
    class_names : sequence of str
        Names of the classifier's classes.
    batch_size : int
        That of the run that was killed.

    Returns
    -------
    KeptRows

    Raises
    ------
    ValueError
        If the file is no table with these columns, or has a form that cannot be gone on with.
    """
    kept = found = KeptRows(path, tuple(class_names))
    if choose_writer(path).__name__ == "ParquetWriter":
        raise ValueError(
            f"{os.fspath(path)}: a Parquet file is whole or nothing and cannot be gone on with; "
            "write .csv or .jsonl"
        )
    if not os.path.exists(path):
        return kept
    gathering = Gathering(batch_size)
    for item, _ in pairwise(read_items(path, class_names)):
        found = _with(found, item)
        if gathering.add(item.n_faces):
            kept = found
    return kept


def skip_done(paths: Iterable[str], kept: KeptRows) -> Iterator[str | VideoRest]:
    """Leave out the inputs whose rows are kept, having made sure that they are the same.

    Parameters
    ----------
    paths : iterable of str
        All inputs of the run.
    kept : KeptRows

    Returns
    -------
    iterator of str or VideoRest
        The inputs that remain; at first, perhaps, the rest of a video.

    Raises
    ------
    ValueError
        If the kept rows do not belong to the first of the paths, in their order.
    """
    remaining = iter(paths)
    given, last = None, None
    for number, last in enumerate(_done_inputs(kept), 1):
        given = next(remaining, None)
        if given is None or printable_path(given) != last.path:
            told = "there is none" if given is None else f"it is {given!r}"
            raise ValueError(
                f"{os.fspath(kept.path)} cannot be gone on with: by its rows input {number:,} is "
                f"{last.path!r}, but now {told}. Give the same inputs in the same order, or "
                "another file to write"
            )
    if last is not None and given is not None and is_video(given) and not last.ended:
        return chain([VideoRest(given, last.n_frames)], remaining)
    return remaining


def _with(rows: KeptRows, item: WrittenItem) -> KeptRows:
    return replace(
        rows,
        n_bytes=item.end,
        n_rows=rows.n_rows + item.n_rows,
        n_items=rows.n_items + 1,
        n_faces=rows.n_faces + item.n_faces,
        n_failed=rows.n_failed + item.failed,
    )


def _done_inputs(kept: KeptRows) -> Iterator[_Done]:
    done: _Done | None = None
    for item in read_items(kept.path, kept.class_names) if kept.n_bytes else ():
        if item.end > kept.n_bytes:
            break
        if done is not None and _continues(item, done):
            if item.frame is None:
                done.ended = True
            else:
                done.n_frames, done.last_frame = done.n_frames + 1, item.frame
            continue
        if done is not None:
            yield done
        if item.frame is None:
            done = _Done(item.path, 0, -1, ended=True)
        else:
            done = _Done(item.path, 1, item.frame, ended=False)
    if done is not None:
        yield done


def _continues(item: WrittenItem, done: _Done) -> bool:
    """Whether an item is of the input before it: a later frame, or the row that ends a video."""
    if item.path != done.path or done.ended:
        return False
    return item.frame is None or item.frame > done.last_frame
