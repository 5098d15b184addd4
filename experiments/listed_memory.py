"""Memory over a long listing: ``python -m experiments.listed_memory --pictures 1000000``.

A folder of so many links to a few small files is predicted by the quick network, in processes of
their own: once as a folder, once as a list on standard input, and once in shards, which are then
joined. Of `--every` links one leads to a face and the others to a file that is no picture, since
the network would take nearly all of the time; with 1 all are faces. Meanwhile the resident memory
of each process is read twice a second. What counts is how far it spreads from the tenth of its rows
to the last. The tables of all three have to be the same.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import cv2
import typer

from experiments.console import Out, output, predict_command
from experiments.runs import RESULTS, write_record
from fer_ensemble import merge_shards
from fer_ensemble.datasets import make_faces
from fer_ensemble.processors import count_processors

_FACES = 20  # pictures that the links lead to
_PAUSE = 0.5  # seconds between two readings
_CHUNK = 1 << 20
_MEBIBYTE = 2**20


def main(
    pictures: Annotated[int, typer.Option(help="Links in the folder.")] = 1_000_000,
    every: Annotated[int, typer.Option(help="Of so many links one leads to a face.")] = 1,
    shards: Annotated[int, typer.Option(help="Shards, one process after the other.")] = 4,
    bound: Annotated[float, typer.Option(help="Most that memory may spread, in MiB.")] = 100,
    scratch: Annotated[Path | None, typer.Option(help="Folder for the links.")] = None,
    out: Out = RESULTS / "listed_memory.json",
) -> None:
    """Watch the memory of predictions of a folder, of a list and in shards."""
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        links = make_links(folder, pictures, every)
        listed = folder / "list.txt"
        with listed.open("w") as stream:
            stream.writelines(f"{links / f'{number:08}.png'}\n" for number in range(pictures))
        runs = {
            "folder": _watch(links, folder / "folder.csv", pictures),
            "list on standard input": _watch("-", folder / "list.csv", pictures, given=listed),
        }
        for number in range(1, shards + 1):
            part = folder / "parts" / f"{number}.csv"
            runs[f"shard {number}/{shards}"] = _watch(
                links, part, pictures // shards, shard=f"{number}/{shards}"
            )
        started = time.perf_counter()
        merge_shards(folder / "parts", folder / "merged.csv")
        merging = time.perf_counter() - started
        tables = [(folder / f"{name}.csv").read_bytes() for name in ("folder", "list", "merged")]
    record = {
        "pictures": pictures,
        "one_face_of": every,
        "processors": count_processors(),
        "runs": runs,
        "merging_seconds": round(merging, 1),
        "table_bytes": len(tables[0]),
        "identical": tables[0] == tables[1] == tables[2],
    }
    write_record(out, record, show=True)
    spread = max(run["spread_mib"] for run in runs.values())
    output.print(f"Largest spread: {spread:.1f} MiB; tables identical: {record['identical']}")
    raise typer.Exit(not (record["identical"] and spread <= bound))


def make_links(folder: Path, pictures: int, every: int) -> Path:
    """Make links to a few files.

    Parameters
    ----------
    folder : Path
        For the files.
    pictures : int
        How many links.
    every : int
        Of so many links one leads to a face, the others to a file that is no picture.

    Returns
    -------
    Path
        The folder of the links.
    """
    for number, face in enumerate(make_faces(_FACES, random_state=0).images):
        cv2.imwrite(str(folder / f"{number}.png"), face)
    (folder / "none.png").write_bytes(b"no picture")
    links = folder / "links"
    links.mkdir()
    for number in range(pictures):
        name = "none" if number % every else number // every % _FACES
        os.symlink(f"../{name}.png", links / f"{number:08}.png")
    return links


def _watch(
    inputs: Path | str, table: Path, expected: int, *, given: Path | None = None, **options: object
) -> dict[str, Any]:
    """Predict in a process of its own, and read its memory as its table grows."""
    command = predict_command(Path(inputs), Path("fast"), table, detector="skip", **options)
    started = time.perf_counter()
    with open(given or os.devnull, "rb") as listed:
        process = subprocess.Popen(command, stdin=listed, stderr=subprocess.PIPE)
    readings: list[tuple[float, float]] = []
    rows = RowCounter(table)
    while process.poll() is None:
        if memory := _resident(process.pid):
            readings.append((rows.count() / expected, memory))
        time.sleep(_PAUSE)
    _, errors = process.communicate()
    if process.returncode not in (0, 3):  # 3: not all are faces
        raise RuntimeError(f"{command[3:]} ended with {process.returncode}: {errors.decode()}")
    seconds = time.perf_counter() - started
    counted = rows.count()
    late = [memory for share, memory in readings if share >= 0.1]
    result = {
        "rows": counted,
        "seconds": round(seconds, 1),
        "pictures_per_second": round(counted / seconds),
        "mib_at_tenths": [memory_at(readings, tenth / 10) for tenth in range(1, 11)],
        "least_mib": round(min(late), 1),
        "most_mib": round(max(late), 1),
        "spread_mib": round(max(late) - min(late), 1),
        "most_mib_of_all": round(max(memory for _, memory in readings), 1),
        "readings": len(late),
    }
    output.print(f"{inputs} {options}: {result}")
    return result


def memory_at(readings: list[tuple[float, float]], share: float) -> float:
    """Give the memory when so much was done; that of the last reading if the end came after it.

    Parameters
    ----------
    readings : list of (float, float)
        What share was done, and the memory.
    share : float

    Returns
    -------
    float
    """
    return round(next((memory for done, memory in readings if done >= share), readings[-1][1]), 1)


class RowCounter:
    """Counts the rows of a CSV table that grows; what was counted is not read again.

    Parameters
    ----------
    table : Path
        Need not exist yet.
    """

    def __init__(self, table: Path) -> None:
        self._table = table
        self._place = 0
        self._lines = 0

    def count(self) -> int:
        """Count the rows that are whole, without the header.

        Returns
        -------
        int
        """
        if not self._table.exists():
            return 0
        with self._table.open("rb") as stream:
            stream.seek(self._place)
            while chunk := stream.read(_CHUNK):
                self._lines += chunk.count(b"\n")
            self._place = stream.tell()
        return max(0, self._lines - 1)


def _resident(process: int) -> float | None:
    """Resident memory of a process in MiB, as Linux tells it; None once it has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / _MEBIBYTE


if __name__ == "__main__":
    typer.run(main)
