"""Predict on a cluster of two nodes, kill one: ``python -m experiments.ray_cluster --photos DIR``.

Three ways predict the same pictures in turn, each as a command of its own: one process with all
processors; two processes with a half of the pictures and one processor each; and a cluster of Ray
that has two nodes of one processor on this machine. Then the cluster predicts them again, and when
half of the rows are there, the node without the driver is killed. Every table must be that of the
one process, to the byte. What Ray costs is seen beside the two processes: they do the same work
with the same processors, and nothing else. Seconds to the first rows are told apart from the rate
after them, because a start counts for less the longer a run is.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from experiments.console import Out, notes, predict_command
from experiments.runs import RESULTS, write_record

_STORE_BYTES = 200 * 2**20


def main(
    photos: Annotated[Path, typer.Option(help="Folder of pictures.")],
    pictures: Annotated[int, typer.Option(help="How many names to list: links to them.")] = 20_000,
    repeats: Annotated[int, typer.Option(help="How often each way is timed.")] = 3,
    kills: Annotated[int, typer.Option(help="How often a node is killed.")] = 1,
    model: Annotated[str, typer.Option(help="As of 'fer-ensemble predict'.")] = "fast",
    out: Out = RESULTS / "ray_cluster.json",
) -> None:
    """Compare the tables and the seconds of one process, two processes and a cluster."""
    runs: dict[str, list[dict[str, float]]] = {"one": [], "two": [], "ray": []}
    with tempfile.TemporaryDirectory() as name, _Nodes() as nodes:
        folder = Path(name)
        _link(photos, folder / "photos", pictures)
        predict = partial(_predict, folder / "photos", folder, Path(model))
        ways: dict[str, Callable[[], tuple[float, float, bytes]]] = {
            "one": predict,
            "two": partial(_predict_halves, folder, Path(model)),
            "ray": partial(predict, engine="ray", address=nodes.address),
        }
        whole = predict()[2]  # and reads the pictures into memory
        same = []
        for _ in range(repeats):
            for way, run in ways.items():
                seconds, first, table = run()
                same.append(table == whole)
                rate = (pictures - 512) / (seconds - first)
                runs[way].append({"seconds": seconds, "to_first_rows": first, "rate": rate})
                notes.print(f"{way}: {seconds:.1f} s, first rows after {first:.1f} s")
        killed = []
        for _ in range(kills):
            *_, table = predict(
                engine="ray", address=nodes.address, halfway=(len(whole) // 2, nodes.kill)
            )
            killed.append(_difference(whole, table))
            nodes.add()
    record = {
        "pictures": pictures,
        "processors": os.cpu_count(),
        "model": model,
        "tables_identical_to_one_process": f"{sum(same)} of {len(same)}",
        "runs": {
            way: [{name: round(value, 2) for name, value in run.items()} for run in made]
            for way, made in runs.items()
        },
        "ratios": {
            "ray_to_one_process": _ratios(runs, "ray", "one"),
            "ray_to_two_processes": _ratios(runs, "ray", "two"),
        },
        "after_a_node_was_killed": killed,
    }
    write_record(out, record, show=True)
    raise typer.Exit(not (all(same) and all(run["identical"] for run in killed)))


class _Nodes:
    """A cluster of two nodes; the driver is on the first."""

    def __enter__(self) -> _Nodes:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 1,
                "include_dashboard": False,
                "object_store_memory": _STORE_BYTES,
            },
        )
        self.address: str = self._cluster.address
        self.add()
        return self

    def add(self) -> None:
        self._node = self._cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES)

    def kill(self) -> None:
        """Kill the node, its workers and its objects, without a warning to anyone."""
        self._cluster.remove_node(self._node, allow_graceful=False)

    def __exit__(self, *_: object) -> None:
        self._cluster.shutdown()


def _link(photos: Path, folder: Path, n_pictures: int) -> None:
    files = sorted(path for path in photos.rglob("*") if path.is_file())
    if not files:
        raise typer.BadParameter(f"there is no picture in {photos}")
    folder.mkdir()
    for number, path in enumerate(islice(cycle(files), n_pictures)):
        (folder / f"{number:06}{path.suffix}").symlink_to(path.resolve())


def _predict(
    inputs: Path,
    folder: Path,
    model: Path,
    *,
    halfway: tuple[int, Callable[[], None]] | None = None,
    **options: object,
) -> tuple[float, float, bytes]:
    """Give the seconds of a command, those to its first rows, and its table."""
    table = folder / "rows.csv"
    table.unlink(missing_ok=True)
    begun = time.perf_counter()
    process = _start(predict_command(inputs, model, table, **options))
    first = _wait_for_rows(process, table, 1) - begun
    if halfway is not None:
        _wait_for_rows(process, table, halfway[0])
        halfway[1]()
    _finish(process)
    return time.perf_counter() - begun, first, table.read_bytes()


def _predict_halves(folder: Path, model: Path) -> tuple[float, float, bytes]:
    """Predict a half of the pictures in each of two processes; as many groups in both."""
    names = sorted((folder / "photos").iterdir())
    middle = len(names) // 1024 * 512
    tables, processes = [], []
    begun = time.perf_counter()
    for number, part in enumerate((names[:middle], names[middle:])):
        (folder / f"{number}.txt").write_text("\n".join(map(str, part)))
        tables.append(folder / f"{number}.csv")
        tables[-1].unlink(missing_ok=True)
        command = predict_command(Path("-"), model, tables[-1], jobs=1)
        with open(folder / f"{number}.txt", "rb") as listed:
            processes.append(_start(command, stdin=listed, processor=number))
    first = max(map(_wait_for_rows, processes, tables, (1, 1))) - begun
    for process in processes:
        _finish(process)
    seconds = time.perf_counter() - begun
    beginning, rest = (table.read_bytes() for table in tables)
    return seconds, first, beginning + rest.partition(b"\n")[2]


def _start(
    command: list[str], stdin: Any = subprocess.DEVNULL, processor: int | None = None
) -> subprocess.Popen[bytes]:
    def keep_to_one() -> None:
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[(processor or 0) % len(allowed)]})

    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=None if processor is None else keep_to_one,
    )


def _wait_for_rows(process: subprocess.Popen[bytes], table: Path, n_bytes: int) -> float:
    """Wait until a table has more bytes than its header and some; give the moment."""
    header = 0
    while process.poll() is None:
        size = table.stat().st_size if table.exists() else 0
        header = header or size
        if header and size >= header + n_bytes:
            break
        time.sleep(0.01)
    return time.perf_counter()


def _finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate()
    if process.returncode not in (0, 3):  # 3: some pictures have no face
        raise RuntimeError(f"a run ended with {process.returncode}: {errors.decode()}")


def _difference(whole: bytes, table: bytes) -> dict[str, Any]:
    """Say whether tables are the same, and which rows are missing or stand there more often."""
    before, after = Counter(whole.splitlines()), Counter(table.splitlines())
    return {
        "identical": whole == table,
        "rows": after.total() - 1,
        "missing": (before - after).total(),
        "doubled": (after - before).total(),
    }


def _ratios(runs: dict[str, list[dict[str, float]]], way: str, other: str) -> dict[str, Any]:
    """Compare pictures a second of runs that were made one after the other."""
    pairs = list(zip(runs[way], runs[other], strict=True))
    whole = [theirs["seconds"] / ours["seconds"] for ours, theirs in pairs]
    steady = [ours["rate"] / theirs["rate"] for ours, theirs in pairs]
    return {
        "pictures_a_second": _spread(whole),
        "pictures_a_second_after_the_first_rows": _spread(steady),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        name: round(of(values), 3)
        for name, of in (("median", median), ("least", min), ("most", max))
        if values
    }


if __name__ == "__main__":
    typer.run(main)
