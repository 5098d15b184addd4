"""Join the tables of shards to the one that an unbroken run would have written."""

from __future__ import annotations

import glob
import hashlib
import io
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fer_ensemble.atomic_files import open_atomically
from fer_ensemble.faces import (
    RECORD_ENDING,
    ParquetWriter,
    ShardRecord,
    choose_writer,
    digest_file,
    read_record,
    record_path,
)
from fer_ensemble.locks import holding_file

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 1 << 20  # bytes copied at once
_SHOWN = 5  # shards named in an error

# Groups of rows of Parquet files that are kept decoded, since many groups of inputs are in one.
_KEPT_ROW_GROUPS = 32

# What all shards have to agree in, and what to do where they do not.
_SAME = {
    "count": "leave out the parts of the other run",
    "settings": "run those that differ again with the model and the options of the others",
    "listing": "what was listed has changed between them; run all shards again over the same "
    "inputs, given in the same way",
}


@dataclass(frozen=True)
class MergedShards:
    """What the tables of shards were joined to.

    Attributes
    ----------
    path : Path
        The table.
    n_shards : int
    n_inputs : int
        Of the listing.
    n_rows : int
    """

    path: Path
    n_shards: int
    n_inputs: int
    n_rows: int


def merge_shards(
    parts: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
) -> MergedShards:
    """Join the tables of all shards of one listing, in the order of its inputs.

    The result is to the byte what a run over the whole listing writes. Tables are gone through
    once, group of inputs by group of inputs, and `out` is there whole or not at all.

    Parameters
    ----------
    parts : path-like or iterable of path-like
        Tables that shards have written, or their records; folders of them, and patterns. Their
        order does not matter, and they may have been renamed or moved, each with its record.
    out : path-like
        File to write, in the form of the parts; replaced if it exists.

    Returns
    -------
    MergedShards

    Raises
    ------
    ValueError
        If a shard is missing, unfinished or there twice, a table was changed, or parts are of other
        listings, models or settings. The message says which part, and what to do.
    OSError
        If a part cannot be read, or `out` not be written.

    Examples
    --------
    >>> merge_shards("parts/", "rows.csv")  # doctest: +SKIP
    """
    tables = _find_tables([parts] if isinstance(parts, str | os.PathLike) else parts, out)
    shards = _read_records(tables)
    writer = choose_writer(out)
    for table, _ in shards:
        if choose_writer(table) is not writer:
            raise ValueError(
                f"{table} has another form than {os.fspath(out)}: shards are joined in the form in "
                f"which they were written; give a file that ends in {table.suffix}"
            )
    join = _join_parquet if writer is ParquetWriter else _join_text
    with holding_file(out), open_atomically(out) as stream:
        join(shards, stream)
    first = shards[0][1]
    n_rows = sum(record.rows for _, record in shards)
    return MergedShards(Path(out), len(shards), first.listing["inputs"], n_rows)


def _find_tables(
    parts: Iterable[str | os.PathLike[str]], out: str | os.PathLike[str]
) -> list[Path]:
    """Find the tables that are meant, each once."""
    tables: dict[str, Path] = {}
    for part in parts:
        found = _expand(os.fspath(part))
        if not found:
            raise ValueError(
                f"there is no record of a shard (NAME{RECORD_ENDING}) in {os.fspath(part)}: a "
                "shard writes it once its table is complete"
            )
        for name in found:
            table = Path(name.removesuffix(RECORD_ENDING))
            # A table that was joined before may lie among the parts.
            if os.path.abspath(table) != os.path.abspath(out) or record_path(table).exists():
                tables.setdefault(os.path.realpath(table), table)
    if any(os.path.realpath(out) == real for real in tables):
        raise ValueError(f"{os.fspath(out)} is one of the parts: write another file")
    return list(tables.values())


def _expand(part: str) -> list[str]:
    if os.path.isdir(part):
        with os.scandir(part) as entries:
            return [entry.path for entry in entries if entry.name.endswith(RECORD_ENDING)]
    if glob.has_magic(part) and not os.path.lexists(part):
        return [name for match in glob.iglob(part, recursive=True) for name in _expand(match)]
    return [part]


def _read_records(tables: Sequence[Path]) -> list[tuple[Path, ShardRecord]]:
    """Read the records of tables and make sure that they are all shards of one run, in order."""
    shards: dict[int, tuple[Path, ShardRecord]] = {}
    first: tuple[Path, ShardRecord] | None = None
    for table in tables:
        record = _read_one(table)
        first = first or (table, record)
        _check_same(first, (table, record))
        if record.shard in shards:
            raise ValueError(
                f"{table} and {shards[record.shard][0]} are both shard {record.shard} of "
                f"{record.n_shards}: give one of them"
            )
        shards[record.shard] = (table, record)
    if first is None:
        raise ValueError("there are no shards to join: name their tables, or a folder of them")
    n_shards = first[1].n_shards
    missing = [number for number in range(1, n_shards + 1) if number not in shards]
    if missing:
        names = ", ".join(f"{number}/{n_shards}" for number in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN:,} more" * (len(missing) > _SHOWN)
        raise ValueError(
            f"{len(missing):,} of {n_shards:,} shards are missing or unfinished: {names}{more}. "
            "Name their tables too, or run them with --resume until they end"
        )
    return [shards[number] for number in range(1, n_shards + 1)]


def _read_one(table: Path) -> ShardRecord:
    if not table.exists():
        raise ValueError(f"{table}: there is no such file")
    if not record_path(table).exists():
        raise ValueError(
            f"{table} is unfinished, or no shard: beside it there is no {record_path(table).name}, "
            "which a shard writes once its table is complete, and which goes where the table goes. "
            "Run that shard again with --resume"
        )
    record = read_record(record_path(table))
    if table.stat().st_size != record.table["bytes"]:
        raise _changed(table)
    return record


def _changed(table: Path) -> ValueError:
    return ValueError(
        f"{table} was changed since its shard was complete: run that shard again, with --resume if "
        "the table was merely cut off"
    )


def _check_same(one: tuple[Path, ShardRecord], other: tuple[Path, ShardRecord]) -> None:
    """Refuse shards of different runs."""
    for name, remedy in _SAME.items():
        before, now = (_said(record, name) for _, record in (one, other))
        if before != now:
            differences = ", ".join(
                f"{key} {before.get(key)} and {now.get(key)}"
                for key in {**before, **now}
                if before.get(key) != now.get(key)
            )
            raise ValueError(
                f"{one[0]} and {other[0]} are no shards of one run ({differences}): {remedy}"
            )


def _said(record: ShardRecord, name: str) -> dict[str, Any]:
    if name == "count":
        return {"of": record.n_shards}
    if name == "listing":
        listing = {key: record.listing[key] for key in ("inputs", "groups")}
        return {**listing, "names' digest": str(record.listing["sha256"])[:12]}
    classes = ", ".join(record.class_names)
    return {**record.settings, "classes": classes, "track": "track" in record.optional}


def _groups(
    shards: Sequence[tuple[Path, ShardRecord]],
) -> Iterator[tuple[int, Path, int, int]]:
    """Give the groups in the order of the listing: the shard's place, its table, begin and end."""
    for number in range(shards[0][1].listing["groups"]):
        turn, place = number % len(shards), number // len(shards)
        table, record = shards[turn]
        yield turn, table, record.group_ends[place], record.group_ends[place + 1]


def _join_text(shards: Sequence[tuple[Path, ShardRecord]], out: BinaryIO) -> None:
    # Groups of a table follow one another, so that its digest can be computed on the way.
    digests = [hashlib.sha256() for _ in shards]
    for turn, (table, record) in enumerate(shards):
        header = io.BytesIO()
        _copy(table, 0, record.group_ends[0], header, digests[turn])
        if turn == 0:
            out.write(header.getvalue())
    for turn, table, begin, end in _groups(shards):
        _copy(table, begin, end, out, digests[turn])
    for digest, (table, record) in zip(digests, shards, strict=True):
        if digest.hexdigest() != record.table["sha256"]:
            raise _changed(table)


def _copy(table: Path, begin: int, end: int, out: BinaryIO, digest: Any) -> None:
    # Opened each time: there may be more tables than a process may have open.
    with open(table, "rb", buffering=0) as stream:
        stream.seek(begin)
        while begin < end and (chunk := stream.read(min(_CHUNK, end - begin))):
            digest.update(chunk)
            out.write(chunk)
            begin += len(chunk)


def _join_parquet(shards: Sequence[tuple[Path, ShardRecord]], out: BinaryIO) -> None:
    for table, record in shards:
        if digest_file(table) != record.table:
            raise _changed(table)
    first = shards[0][1]
    writer = ParquetWriter(out, first.class_names, optional=first.optional)
    begins, read = lru_cache(None)(_row_group_begins), lru_cache(_KEPT_ROW_GROUPS)(_read_row_group)
    for _, table, begin, end in _groups(shards):
        while begin < end:
            number = bisect_right(begins(table), begin) - 1
            skipped = begin - begins(table)[number]
            rows = read(table, number).slice(skipped, end - begin)
            writer.write_table(rows)
            begin += len(rows)
    writer.finish()


def _row_group_begins(table: Path) -> list[int]:
    import pyarrow.parquet as pq

    footer = pq.read_metadata(table)
    sizes = (footer.row_group(number).num_rows for number in range(footer.num_row_groups))
    return list(accumulate(sizes, initial=0))[:-1]


def _read_row_group(table: Path, number: int) -> pa.Table:
    import pyarrow.parquet as pq

    with pq.ParquetFile(table) as file:
        return file.read_row_group(number)
