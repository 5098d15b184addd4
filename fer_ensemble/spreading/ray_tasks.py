"""Groups of inputs as tasks of Ray, and their rows in the order of the groups.

Tasks of Ray's core, and not a data set of Ray Data: that has to know its whole listing before it
begins, and a worker that is lost with its machine keeps what it was given until there is room for
another one. A task that is lost is done again wherever there is room, and machines that join are
used. The model stays loaded in the process of a worker, which takes one task after the other.
"""

from __future__ import annotations

import os
import time
import uuid
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from typing import Any, Protocol

from fer_ensemble.faces import FaceFinder, Prediction
from fer_ensemble.ray_clusters import ClusterError, connected, node_resources, offers_gpus
from fer_ensemble.spreading.engines import ON_RAY
from fer_ensemble.spreading.group_work import (
    Group,
    GroupPredictor,
    GroupWork,
    PredictGroup,
    check_seen,
)
from fer_ensemble.spreading.parquet_parts import PartFolder, WrittenPart

# How often a group is tried: machines that are taken away are no fault of it, but a picture that
# brings down every process that decodes it must not do so for ever.
_TRIES = 6

# Tasks for each place where one can run: the second waits there while the first is done.
_QUEUED = 2

# Groups for each place that may be done before one that takes longer, as a video does.
_AHEAD = 16

_LOOK_SECONDS = 5.0  # so often it is looked for machines that joined or left


class Task(Protocol):
    """What a worker is given to do."""

    @property
    def inputs(self) -> Sequence[str | os.PathLike[str]]:
        """The inputs that it is about."""

    def do(self, predictor: GroupPredictor, /) -> Any:
        """Do it."""


def predict_by_ray(
    work: GroupWork, groups: Iterable[Group], finder: FaceFinder, address: str | None = None
) -> Generator[list[Prediction], None, None]:
    """Predict groups of inputs on a cluster of Ray.

    Parameters
    ----------
    work : GroupWork
    groups : iterable of sequence of path-like
        Is gone through as rows are made, and never far ahead of them.
    finder : FaceFinder
        Counts the pictures that were searched, for all workers together.
    address : str, optional
        Of the cluster; see :func:`~fer_ensemble.ray_clusters.connected`.

    Yields
    ------
    list of Prediction
        The rows of each group, in order, and an empty list after each.

    Raises
    ------
    ClusterError
        If there is no cluster; if a worker does not see the model, or a picture that is seen here;
        or if workers died again and again over the same group.
    """
    with closing(run_by_ray(work, map(PredictGroup, groups), address)) as results:
        for done in results:
            check_seen(done.rows, done.host)
            finder.n_taken_whole += done.n_taken_whole
            finder.n_searched += done.n_searched
            if done.rows:
                yield done.rows
            yield []


def write_by_ray(
    work: GroupWork,
    groups: Iterable[Group],
    finder: FaceFinder,
    folder: PartFolder,
    address: str | None = None,
    *,
    gives_rows: bool = False,
) -> Generator[WrittenPart, None, None]:
    """Let the workers of a cluster of Ray write the parts of a table.

    Parameters
    ----------
    work, groups, finder, address
        As of :func:`predict_by_ray`.
    folder : PartFolder
    gives_rows : bool, default=False
        Whether all rows are given back too.

    Yields
    ------
    WrittenPart
        In the order of the inputs.

    Raises
    ------
    ClusterError, OSError, ValueError
        As of :func:`predict_by_ray` and `PartFolder`.
    """
    tasks = folder.tasks(groups, gives_rows=gives_rows)
    with closing(run_by_ray(work, tasks, address)) as results:
        for part in results:
            folder.check(part)
            finder.n_taken_whole += part.counts.n_taken_whole
            finder.n_searched += part.counts.n_searched
            yield part
    folder.finish()


def run_by_ray(
    work: GroupWork, tasks: Iterable[Task], address: str | None
) -> Generator[Any, None, None]:
    """Do tasks on a cluster of Ray.

    Parameters
    ----------
    work : GroupWork
    tasks : iterable of Task
        Is gone through as results are made, and never far ahead of them.
    address : str or None

    Yields
    ------
    object
        What each task came to, in order.
    """
    with connected(address, ON_RAY) as ray, closing(_Tasks(ray, work)) as running:
        yield from running.run(tasks)


class _Tasks:
    """Tasks that run or wait, no more than the cluster has use for."""

    def __init__(self, ray: Any, work: GroupWork) -> None:
        self._ray = ray
        self._resources = _resources(ray, work)
        # Kept as a reference within another value, it is fetched by those alone who need it.
        self._shared = [ray.put(work)]
        self._key = uuid.uuid4().hex
        # Of tasks with a GPU Ray would end the process after each, and with it the model.
        self._function = ray.remote(max_calls=0)(_do).options(
            name="predict", max_retries=_TRIES - 1, **self._resources
        )
        self._running: set[Any] = set()
        self._looked = -_LOOK_SECONDS
        self._places = 1

    def run(self, tasks: Iterable[Task]) -> Generator[Any, None, None]:
        waiting, in_order = iter(tasks), deque[tuple[Any, Task]]()
        more = True
        while True:
            while more and self._has_room(len(in_order)):
                task = next(waiting, None)
                if task is None:
                    more = False
                    break
                reference = self._function.remote(self._key, self._shared, task)
                self._running.add(reference)
                in_order.append((reference, task))
            if not in_order:
                return
            # Rows that were made elsewhere stay there until it is their turn.
            done, _ = (
                self._ray.wait(list(self._running), timeout=_LOOK_SECONDS, fetch_local=False)
                if self._running
                else ([], [])
            )
            self._running.difference_update(done)
            while in_order and in_order[0][0] not in self._running:
                reference, task = in_order.popleft()
                yield self._fetch(reference, task)
                if more:  # workers shall not wait while others are fetched
                    break

    def close(self) -> None:
        """Give up what was not asked for."""
        for reference in self._running:
            self._ray.cancel(reference)

    def _has_room(self, n_ahead: int) -> bool:
        now = time.monotonic()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked, self._places = now, _count_places(self._ray, self._resources)
        return len(self._running) < _QUEUED * self._places and n_ahead < _AHEAD * self._places

    def _fetch(self, reference: Any, task: Task) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except errors.RayTaskError as error:
            raise getattr(error, "cause", None) or error from None
        except errors.RayError as error:
            raise ClusterError(
                f"The workers died that were given {os.fspath(task.inputs[0])!r} and the "
                f"{len(task.inputs) - 1} inputs after it, {_TRIES} times ({_first_line(error)}). "
                "Predict them alone to see which one it is, or give workers more memory"
            ) from error


_predictors: dict[str, GroupPredictor] = {}


def _do(key: str, shared: list[Any], task: Task) -> Any:
    """Do a task in a worker, whose process keeps the model for the next one."""
    if key not in _predictors:
        import ray

        _predictors.clear()
        _predictors[key] = GroupPredictor(ray.get(shared[0]))
    return task.do(_predictors[key])


def _resources(ray: Any, work: GroupWork) -> dict[str, Any]:
    """What a task asks for: no more processors than a machine has, and a GPU if it has use for one.

    Where GPUs are hidden (``CUDA_VISIBLE_DEVICES`` is empty), and where there are none, it does
    without.
    """
    nodes = node_resources(ray)
    largest = max((int(node.get("CPU", 0)) for node in nodes), default=0)
    resources = {"num_cpus": min(work.n_threads, max(1, largest))}
    if offers_gpus(nodes) and work.takes_device:
        resources["num_gpus"] = 1
    return resources


def _count_places(ray: Any, resources: dict[str, Any]) -> int:
    """How many tasks the cluster can run at once."""
    names = {"num_cpus": "CPU", "num_gpus": "GPU"}
    fitting = (
        min(int(node.get(names[name], 0) // least) for name, least in resources.items())
        for node in node_resources(ray)
    )
    return max(1, sum(fitting))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
