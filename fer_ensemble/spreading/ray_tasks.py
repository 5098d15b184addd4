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
from typing import Any

from fer_ensemble.faces import FaceFinder, Prediction
from fer_ensemble.ray_clusters import ClusterError, connected
from fer_ensemble.spreading.group_work import GroupPredictor, GroupRows, GroupWork

# How often a group is tried: machines that are taken away are no fault of it, but a picture that
# brings down every process that decodes it must not do so for ever.
_TRIES = 6

# Tasks for each place where one can run: the second waits there while the first is done.
_QUEUED = 2

# Groups for each place that may be done before one that takes longer, as a video does.
_AHEAD = 16

_LOOK_SECONDS = 5.0  # so often it is looked for machines that joined or left

Group = Sequence[str | os.PathLike[str]]


def predict_by_ray(
    work: GroupWork,
    groups: Iterable[Group],
    finder: FaceFinder,
    address: str | None = None,
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
    with connected(address, "The engine ray") as ray, closing(_Tasks(ray, work)) as tasks:
        for group, done in tasks.run(groups):
            _check_seen(done)
            finder.n_taken_whole += done.n_taken_whole
            finder.n_searched += done.n_searched
            if done.rows:
                yield done.rows
            yield []


class _Tasks:
    """Tasks that run or wait, no more than the cluster has use for."""

    def __init__(self, ray: Any, work: GroupWork) -> None:
        self._ray = ray
        self._resources = _resources(ray, work)
        # Kept as a reference within another value, it is fetched by those alone who need it.
        self._shared = [ray.put(work)]
        self._key = uuid.uuid4().hex
        self._task = ray.remote(_predict_group).options(
            name="predict_group", max_retries=_TRIES - 1, **self._resources
        )
        self._running: set[Any] = set()
        self._looked = -_LOOK_SECONDS
        self._places = 1

    def run(self, groups: Iterable[Group]) -> Generator[tuple[Group, GroupRows], None, None]:
        waiting, in_order = iter(groups), deque[tuple[Any, Group]]()
        more = True
        while True:
            while more and self._has_room(len(in_order)):
                group = next(waiting, None)
                if group is None:
                    more = False
                    break
                reference = self._task.remote(self._key, self._shared, list(group))
                self._running.add(reference)
                in_order.append((reference, group))
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
                reference, group = in_order.popleft()
                yield group, self._fetch(reference, group)
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

    def _fetch(self, reference: Any, group: Group) -> GroupRows:
        errors = self._ray.exceptions
        try:
            result: GroupRows = self._ray.get(reference)
        except errors.RayTaskError as error:
            raise getattr(error, "cause", None) or error from None
        except errors.RayError as error:
            raise ClusterError(
                f"The workers died that were given {os.fspath(group[0])!r} and the "
                f"{len(group) - 1} inputs after it, {_TRIES} times ({_first_line(error)}). Predict "
                "them alone to see which one it is, or give workers more memory"
            ) from error
        return result


_predictors: dict[str, GroupPredictor] = {}


def _predict_group(key: str, shared: list[Any], group: Group) -> GroupRows:
    """Predict a group in a worker, whose process keeps the model for the next one."""
    if key not in _predictors:
        import ray

        _predictors.clear()
        _predictors[key] = GroupPredictor(ray.get(shared[0]))
    return _predictors[key].predict(group)


def _resources(ray: Any, work: GroupWork) -> dict[str, Any]:
    """Processors that a task asks for: no more than a machine of the cluster has."""
    largest = max((int(node.get("CPU", 0)) for node in _nodes(ray)), default=0)
    return {"num_cpus": min(work.n_threads, max(1, largest))}


def _count_places(ray: Any, resources: dict[str, Any]) -> int:
    """How many tasks the cluster can run at once."""
    fitting = (int(node.get("CPU", 0) // resources["num_cpus"]) for node in _nodes(ray))
    return max(1, sum(fitting))


def _nodes(ray: Any) -> list[dict[str, float]]:
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _check_seen(done: GroupRows) -> None:
    """Raise an error if a worker did not find what stands here."""
    for row in done.rows:
        if row.status == "missing" and os.path.exists(row.path):
            raise ClusterError(
                f"A worker on {done.host} does not see {row.path}, which is there on this machine: "
                "put the inputs where all machines of the cluster find them under the same name, "
                "as on a shared disk or at an address of an object store (s3://…)"
            )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
