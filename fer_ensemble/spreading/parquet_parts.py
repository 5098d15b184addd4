"""A table of predictions as a folder of Parquet files, which workers write themselves.

Each part has the rows of the same inputs whoever writes it, and its name says their place in the
listing. So a part that is written again takes its own place, and one that is there is complete: it
appears under its name only when it is whole. Its metadata say of which run it is and what it
counts, so that a run which was broken off leaves out what is done without a record elsewhere.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from fer_ensemble.faces import (
    ParquetWriter,
    Prediction,
    is_address,
    is_local,
    is_video,
    locate,
    printable_path,
    write_address,
)
from fer_ensemble.ray_clusters import ClusterError
from fer_ensemble.spreading.group_work import Group, GroupPredictor, check_seen

#: Groups in a part: a store is slow with many small files, and a worker that is lost loses a part.
GROUPS = 8

#: Is written once all parts are, as by other tools.
DONE = "_SUCCESS"

_FAILURES_KEPT = 5
_KEY = "fer_ensemble"
_PART = re.compile(r"part-\d{9}\.parquet")


@dataclass(frozen=True, slots=True)
class PartCounts:
    """What a part counts.

    Parameters
    ----------
    n_rows, n_items, n_faces, n_failed : int
        Rows, pictures and frames, faces, and inputs that failed.
    has_frames : bool
        Whether there are frames of videos.
    all_missing : bool
        Whether no input was found.
    n_taken_whole, n_searched : int
        See `FaceFinder`.
    """

    n_rows: int
    n_items: int
    n_faces: int
    n_failed: int
    has_frames: bool
    all_missing: bool
    n_taken_whole: int
    n_searched: int


@dataclass(frozen=True, slots=True)
class WrittenPart:
    """What became of a part.

    Parameters
    ----------
    address : str
    counts : PartCounts
    rows : list of Prediction
        All, if they were asked for; else the first of those that failed.
    host : str
        The machine that has written it; empty if it was there.
    """

    address: str
    counts: PartCounts
    rows: list[Prediction]
    host: str = ""


@dataclass(frozen=True, slots=True)
class WritePart:
    """A task: to predict a part and write it.

    Parameters
    ----------
    address : str
        Of the file.
    groups : sequence of sequence of path-like
    run : str
        What makes the rows what they are, see `PartFolder`.
    gives_rows : bool
        Whether all rows are given back.
    """

    address: str
    groups: Sequence[Group]
    run: str
    gives_rows: bool

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs."""
        return [os.fspath(given) for given in chain.from_iterable(self.groups)]

    def do(self, predictor: GroupPredictor) -> WrittenPart:
        """Write the part, unless it is there.

        Parameters
        ----------
        predictor : GroupPredictor

        Returns
        -------
        WrittenPart

        Raises
        ------
        ValueError
            If another run has written it.
        """
        names = json.dumps([self.run, [printable_path(name) for name in self.inputs]])
        identity = hashlib.sha256(names.encode()).hexdigest()
        if (counts := _read_counts(self.address, identity)) is not None:
            return WrittenPart(self.address, counts, [])
        groups = [predictor.predict(group) for group in self.groups]
        rows = [row for group in groups for row in group.rows]
        failures = [row for row in rows if row.failed]
        counts = PartCounts(
            n_rows=len(rows),
            n_items=sum(not row.face for row in rows),
            n_faces=sum(row.face is not None for row in rows),
            n_failed=len(failures),
            has_frames=any(row.frame is not None for row in rows),
            all_missing=all(row.status == "missing" for row in rows),
            n_taken_whole=sum(group.n_taken_whole for group in groups),
            n_searched=sum(group.n_searched for group in groups),
        )
        content = io.BytesIO()
        work = predictor.work
        writer = ParquetWriter(content, work.class_names, optional=work.optional_columns)
        writer.write(rows)
        writer.note(_KEY, json.dumps({"identity": identity, **asdict(counts)}))
        writer.finish()
        write_address(self.address, content.getvalue())
        # Of what is missing the driver makes sure that it is.
        missing = [row for row in failures if row.status == "missing"]
        shown = rows if self.gives_rows else missing or failures[:_FAILURES_KEPT]
        return WrittenPart(self.address, counts, shown, groups[0].host)


def _read_counts(address: str, identity: str) -> PartCounts | None:
    """Read what a part counts that is there; None if there is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    system, path = locate(address)
    try:
        with system.open_input_file(path) as stream:
            noted = json.loads(pq.read_metadata(stream).metadata[_KEY.encode()])
    except FileNotFoundError:
        return None
    except (pa.ArrowInvalid, KeyError, TypeError, ValueError):
        noted = {}
    if noted.pop("identity", None) != identity:
        raise ValueError(
            f"{address} cannot be kept: it was made of other inputs, by another model or with "
            "other settings. Give the same ones, or another folder"
        )
    return PartCounts(**noted)


class PartFolder:
    """A folder of parts, as the driver sees it.

    Parameters
    ----------
    out : path-like
        A folder, or an address of one.
    run : dict
        All that decides what the rows come to, but for the inputs, as JSON values.
    resume : bool
        Whether parts that are there are kept.

    Raises
    ------
    ValueError
        If there are parts, and the run is not resumed.
    OSError
        If the folder cannot be read.
    """

    def __init__(self, out: str | os.PathLike[str], run: dict[str, Any], *, resume: bool) -> None:
        name = os.fspath(out)
        self._folder = (name if is_address(name) else f"file://{os.path.abspath(name)}").rstrip("/")
        self._run = json.dumps(run, sort_keys=True)
        self._n_parts = self._n_rows = 0
        if not resume and (found := self._count_parts()):
            raise ValueError(
                f"{name} holds {found:,} parts of an earlier run: resume it, or remove them, or "
                "give another folder"
            )
        system, path = locate(f"{self._folder}/{DONE}")
        with suppress(FileNotFoundError):
            system.delete_file(path)

    def tasks(self, groups: Iterable[Group], *, gives_rows: bool) -> Iterator[WritePart]:
        """Make tasks of groups.

        Parameters
        ----------
        groups : iterable of sequence of path-like
        gives_rows : bool

        Yields
        ------
        WritePart
            A video is a part by itself.
        """
        for number, part in enumerate(_gather_parts(groups)):
            self._n_parts = number + 1
            address = f"{self._folder}/part-{number:09}.parquet"
            yield WritePart(address, part, self._run, gives_rows)

    def check(self, part: WrittenPart) -> None:
        """Make sure that a part is there, and that what its worker missed is missing.

        Parameters
        ----------
        part : WrittenPart

        Raises
        ------
        ClusterError
            If the worker sees other folders than this process.
        """
        system, path = locate(part.address)
        try:
            check_seen(part.rows, part.host)
        except ClusterError:
            system.delete_file(path)
            raise
        if is_local(part.address) and not os.path.exists(path):
            raise ClusterError(
                f"{path}, which a worker on {part.host} has written, is not there on this machine: "
                "write to a disk that all machines share, or to an address (s3://…)"
            )
        self._n_rows += part.counts.n_rows

    def finish(self) -> None:
        """Say that all parts are written.

        Raises
        ------
        ValueError
            If there are more of them, of another run.
        """
        if (found := self._count_parts()) != self._n_parts:
            raise ValueError(
                f"{self._folder} holds {found:,} parts, and {self._n_parts:,} are this run's: it "
                "was begun with other inputs. Write to another folder"
            )
        done = {"parts": self._n_parts, "rows": self._n_rows, "run": json.loads(self._run)}
        write_address(f"{self._folder}/{DONE}", json.dumps(done, indent=1).encode())

    def _count_parts(self) -> int:
        from pyarrow import fs

        system, path = locate(self._folder)
        selector = fs.FileSelector(path, allow_not_found=True)
        return sum(
            _PART.fullmatch(entry.base_name) is not None for entry in system.get_file_info(selector)
        )


def _gather_parts(groups: Iterable[Group]) -> Iterator[list[Group]]:
    part: list[Group] = []
    for group in groups:
        alone = is_video(group[0])
        if part and (alone or len(part) == GROUPS):
            yield part
            part = []
        part.append(group)
        if alone:
            yield part
            part = []
    if part:
        yield part
