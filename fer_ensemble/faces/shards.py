"""Shards: parts of a listing that are predicted apart, and the records that stand beside them.

The record of a shard is written once its table is complete. It says all that has to be known before
tables can be joined: which shard of how many it is, of which listing, by which model and settings,
and where in the table the rows of each group of inputs end.
"""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.faces.grouping import Marked, mark_groups, select_shard

#: What the name of a table has behind it in the name of its record.
RECORD_ENDING = ".shard.json"

_FORM = 2


class ShardInputs:
    """The inputs of one shard, in groups; the whole listing is gone through for them, once.

    Parameters
    ----------
    listing : iterable of path-like
        All inputs.
    shard : (int, int)
        Which shard, from 1, of how many.
    batch_size : int
        Faces predicted at once.
    table : path-like
        Where the rows of the shard go.

    Attributes
    ----------
    number, count : int
        Which shard of how many.
    n_inputs, n_groups : int
        How many the listing has, as far as it has been gone through.
    n_own : int
        How many inputs of it are the shard's.

    Raises
    ------
    ValueError
        If there is no such shard.

    Examples
    --------
    >>> inputs = ShardInputs(["a.png", "b.mp4", "c.mp4"], (1, 2), 9, "rows.csv")
    >>> list(inputs)
    ['a.png', None, 'c.mp4', None]
    >>> inputs.n_inputs, inputs.n_groups, inputs.n_own
    (3, 3, 2)
    """

    def __init__(
        self,
        listing: Iterable[str | os.PathLike[str]],
        shard: tuple[int, int],
        batch_size: int,
        table: str | os.PathLike[str],
    ) -> None:
        self.number, self.count = shard
        if not 1 <= self.number <= self.count:
            raise ValueError(
                f"there is no shard {self}: of n shards, the first is 1/n and the last n/n"
            )
        self._listing = listing
        self._batch_size = batch_size
        self._table = table
        self._hash = hashlib.sha256()
        self.n_inputs = self.n_groups = self.n_own = 0

    def __str__(self) -> str:
        """Say which shard it is, as "2/7"."""
        return f"{self.number}/{self.count}"

    def __iter__(self) -> Marked:
        """Give the inputs of the shard, and None at the end of each group."""
        marked = mark_groups(self._digested(), self._batch_size)
        for given in select_shard(self._counted(marked), self.number, self.count):
            self.n_own += given is not None
            yield given

    def record(
        self,
        group_ends: array[int],
        n_rows: int,
        class_names: Sequence[str],
        optional: Sequence[str],
        settings: dict[str, Any],
    ) -> None:
        """Say beside the table that it is complete.

        Parameters
        ----------
        group_ends, class_names, optional, settings
            As of `ShardRecord`.
        n_rows : int
            Of the table.

        Raises
        ------
        OSError
            If the table cannot be read, or the record not be written.
        """
        ShardRecord(
            shard=self.number,
            n_shards=self.count,
            class_names=tuple(class_names),
            optional=tuple(optional),
            settings=settings,
            listing={
                "inputs": self.n_inputs,
                "groups": self.n_groups,
                "sha256": self._hash.hexdigest(),
            },
            inputs=self.n_own,
            rows=n_rows,
            table=digest_file(self._table),
            group_ends=group_ends,
        ).write(self._table)

    def _digested(self) -> Iterator[str | os.PathLike[str]]:
        for given in self._listing:
            # No name holds a zero byte.
            self._hash.update(os.fsencode(given) + b"\0")
            self.n_inputs += 1
            yield given

    def _counted(self, marked: Marked) -> Marked:
        for given in marked:
            self.n_groups += given is None
            yield given


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    """What is known of a shard whose table is complete.

    Parameters
    ----------
    shard, n_shards : int
        Which shard, from 1, of how many.
    class_names : tuple of str
    optional : tuple of str
        Which of the optional columns there are.
    settings : dict
        The model and all else that decides what the rows come to, but for the inputs.
    listing : dict
        ``inputs`` and ``groups`` of the whole listing, and the ``sha256`` of its names.
    inputs, rows : int
        Of this shard.
    table : dict
        ``bytes`` and ``sha256`` of the table.
    group_ends : array of int
        Where the first group begins and where each ends: bytes, or rows of a Parquet file.
    """

    shard: int
    n_shards: int
    class_names: tuple[str, ...]
    optional: tuple[str, ...]
    settings: dict[str, Any]
    listing: dict[str, Any]
    inputs: int
    rows: int
    table: dict[str, Any]
    group_ends: array[int]

    def write(self, table: str | os.PathLike[str]) -> None:
        """Write the record beside its table.

        Parameters
        ----------
        table : path-like

        Raises
        ------
        OSError
            If it cannot be written.
        """
        content = {"form": _FORM, **vars(self), "group_ends": self.group_ends.tolist()}
        write_atomically(record_path(table), (json.dumps(content, indent=1) + "\n").encode())


def record_path(table: str | os.PathLike[str]) -> Path:
    """Say where the record of a shard stands.

    Parameters
    ----------
    table : path-like
        Its table.

    Returns
    -------
    Path
    """
    return Path(f"{os.fspath(table)}{RECORD_ENDING}")


def read_record(file: str | os.PathLike[str]) -> ShardRecord:
    """Read the record of a shard.

    Parameters
    ----------
    file : path-like

    Returns
    -------
    ShardRecord

    Raises
    ------
    ValueError
        If it is none, or damaged, or of another form.
    OSError
        If it cannot be read.
    """
    try:
        content = json.loads(Path(file).read_bytes())
        if content.pop("form") != _FORM:
            raise ValueError("another version of this package wrote it")
        ends = array("q", content.pop("group_ends"))
        names, optional = tuple(content.pop("class_names")), tuple(content.pop("optional"))
        record = ShardRecord(**content, class_names=names, optional=optional, group_ends=ends)
        _check(record)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError(
            f"{os.fspath(file)} is no record of a shard, or is damaged ({error}): run the shard "
            "again with --resume"
        ) from error
    return record


def _check(record: ShardRecord) -> None:
    """Make sure that the numbers of a record agree with one another."""
    number, count = int(record.shard), int(record.n_shards)
    n_groups = len(range(number - 1, int(record.listing["groups"]), count))
    if not 1 <= number <= count or len(record.group_ends) != n_groups + 1:
        raise ValueError("its counts do not agree")
    if any(end < begin for begin, end in pairwise(record.group_ends)):
        raise ValueError("its groups do not follow one another")
    if not isinstance(record.table["sha256"], str) or int(record.table["bytes"]) < 0:
        raise ValueError("it does not say what its table is")


def digest_file(file: str | os.PathLike[str]) -> dict[str, Any]:
    """Say what a file holds, in few words.

    Parameters
    ----------
    file : path-like

    Returns
    -------
    dict
        Its ``bytes`` and their ``sha256``.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with open(file, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"bytes": stream.tell(), "sha256": digest}
