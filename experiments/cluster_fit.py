"""Fit one ensemble alone and on clusters of this machine.

``OMP_WAIT_POLICY=PASSIVE python -m experiments.cluster_fit --data fer2013.zip``: without the
variable, threads of XGBoost that share two processors with those of another worker wait busily.

The clusters are real ones: a head and a second node of Ray, with a processor each, and two workers
of Dask. Workers and a whole node are killed by SIGKILL in the middle of a fit. What is compared is
what members say of held-out faces, bit for bit.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Annotated, Any

import joblib
import numpy as np
import psutil
import typer

from experiments.console import Data, Out, notes, read_faces
from experiments.runs import RESULTS, write_record
from fer_ensemble import fit_ensemble
from fer_ensemble.datasets import FaceDataset
from fer_ensemble.fitting import FittedEnsemble, create_members

# A pipeline of each kind and a network on pixels, small enough for a measurement of minutes.
_PARAMS = {
    "dense_hog": {"classifier__epochs": 8},
    "boosted_hog": {"classifier__n_estimators": 40},
    "boosted_landmarks": {"classifier__n_estimators": 40},
    "cnn_1": {"epochs": 3},
}
_STORE = 300 * 2**20  # bytes for each node's objects


def main(
    data: Data,
    faces: Annotated[int, typer.Option(help="Training faces, drawn at random.")] = 2000,
    out: Out = RESULTS / "cluster_fit.json",
) -> None:
    """Time fits side by side, compare what comes out, and kill workers and a node meanwhile."""
    training = read_faces(data).select("train")
    rows = np.random.default_rng(0).permutation(len(training))[:faces]
    subset = training.take(np.sort(rows))
    # What starts once, such as TensorFlow, is not the first fit's alone.
    _fit(subset.take(np.arange(0, len(subset), 4)))

    alone, seconds = _timed(lambda: _fit(subset))
    expected = alone.ensemble.validation_probabilities_
    record: dict[str, Any] = {
        "faces": faces,
        "held_out": len(expected),
        "members": list(_PARAMS),
        "processors": joblib.cpu_count(),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", ""),
    }
    record["alone"] = {
        "seconds": seconds,
        "seconds_by_member": _rounded(alone),
        "load_average": _load(),
    }

    def compare(name: str, fit: Callable[[], FittedEnsemble], **facts: Any) -> None:
        fitted, taken = _timed(fit)
        found = fitted.ensemble.validation_probabilities_
        record[name] = {
            "seconds": taken,
            "share_of_alone": round(taken / seconds, 2),
            "seconds_by_member": _rounded(fitted),
            "is_same": bool(np.array_equal(found, expected)),
            "load_average": _load(),
            **facts,
        }
        notes.print(f"{name}: {record[name]}", markup=False)

    with _ray_cluster() as cluster:
        compare("ray_cold", lambda: _fit(subset, engine="ray"))
        compare("ray_warm", lambda: _fit(subset, engine="ray"))
        for name in ("dense_hog", "boosted_hog"):
            with _killing(f"ray::{name}") as killed:
                compare(f"ray_{name}_killed", lambda: _fit(subset, engine="ray"), killed=killed)
        compare("begun_on_ray_resumed_alone", lambda: _begin_and_resume(subset, "ray", "local"))
        compare("begun_alone_resumed_on_ray", lambda: _begin_and_resume(subset, "local", "ray"))
        with _removing(cluster) as removed:
            compare("ray_node_killed", lambda: _fit(subset, engine="ray"), killed=removed)
    with _dask_cluster() as client:
        compare("dask_cold", lambda: _fit(subset))
        compare("dask_warm", lambda: _fit(subset))
        with _killing_one_of(client) as killed:
            compare("dask_worker_killed", lambda: _fit(subset), killed=killed)
    write_record(out, record, show=True)


def _fit(faces: FaceDataset, **options: Any) -> FittedEnsemble:
    with TemporaryDirectory() as folder:
        options = {"out": Path(folder) / "model", "members": _members(), **options}
        return fit_ensemble(faces, **options)


def _members() -> list[tuple[str, Any]]:
    return create_members(list(_PARAMS), _PARAMS)


def _timed(fit: Callable[[], FittedEnsemble]) -> tuple[FittedEnsemble, float]:
    start = time.perf_counter()
    fitted = fit()
    return fitted, round(time.perf_counter() - start, 1)


def _load() -> float:
    """Say how many processes computed or waited to, those of others included, in this minute."""
    return round(os.getloadavg()[0], 1)


def _rounded(fitted: FittedEnsemble) -> dict[str, float]:
    return {name: round(seconds, 1) for name, seconds in fitted.ensemble.fit_times_.items()}


def _begin_and_resume(faces: FaceDataset, first: str, then: str) -> FittedEnsemble:
    """Interrupt a fit on one engine after its first member, and end it on another."""
    stages: list[tuple[str, str]] = []

    def interrupt(member: str, stage: str) -> None:
        if stage == "fitted":
            raise KeyboardInterrupt

    with TemporaryDirectory() as folder:
        out = Path(folder) / "model"
        with suppress(KeyboardInterrupt):
            _fit(faces, out=out, engine=first, on_member=interrupt)
        fitted = _fit(
            faces,
            out=out,
            engine=then,
            resume=True,
            on_member=lambda name, stage: stages.append((name, stage)),
        )
    kept = [name for name, stage in stages if stage == "kept"]
    if len(kept) != 1:
        raise RuntimeError(f"One member should have been kept, and not {kept}.")
    return fitted


@contextmanager
def _ray_cluster() -> Iterator[Any]:
    import ray
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": _STORE}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@contextmanager
def _dask_cluster() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
        joblib.parallel_config("dask"),
    ):
        yield client


@contextmanager
def _meanwhile(act: Callable[[], bool]) -> Iterator[None]:
    """Try to act in a thread again and again, until it is done or the block is."""
    over = Event()

    def watch() -> None:
        while not over.wait(0.2) and not act():
            pass

    thread = Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def _killing(title: str) -> Iterator[list[str]]:
    """Kill the first process of our own that is called so, two seconds after it is seen."""
    killed: list[str] = []

    def kill() -> bool:
        for process in psutil.Process().children(recursive=True):
            try:
                if not " ".join(process.cmdline()).startswith(title):
                    continue
                time.sleep(2)
                process.kill()
            except psutil.NoSuchProcess:
                continue
            killed.append(title)
            return True
        return False

    with _meanwhile(kill):
        yield killed


@contextmanager
def _removing(cluster: Any) -> Iterator[list[str]]:
    """Kill the second node, with its worker, after eight seconds."""
    killed: list[str] = []
    begun = time.monotonic()

    def remove() -> bool:
        if time.monotonic() - begun < 8:
            return False
        (node,) = cluster.worker_nodes
        cluster.remove_node(node, allow_graceful=False)
        killed.append("the second node")
        return True

    with _meanwhile(remove):
        yield killed


@contextmanager
def _killing_one_of(client: Any) -> Iterator[list[str]]:
    """Kill the first worker of Dask that has a fit, after three seconds."""
    killed: list[str] = []

    def kill() -> bool:
        busy = [address for address, keys in client.processing().items() if keys]
        if not busy:
            return False
        time.sleep(3)
        workers = client.scheduler_info(n_workers=-1)["workers"]
        nanny = client.cluster.workers[workers[busy[0]]["id"]]
        psutil.Process(nanny.pid).kill()
        killed.append("a worker")
        return True

    with _meanwhile(kill):
        yield killed


if __name__ == "__main__":
    sys.exit(typer.run(main))
