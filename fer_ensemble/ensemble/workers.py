"""Where several fits run at once: processes or threads of this machine, or workers of a cluster.

Which it is, the user says by `joblib.parallel_config`. What joblib has for Ray and Dask is taken as
that choice, and as the connection, but does not run the calls. Ray's can't give results as they
arrive, sends the data along with every call, and fails with a worker that dies; Dask's loses the
data with a worker that dies (Ray 2.60, joblib 1.6, distributed 2026.8).
"""

from __future__ import annotations

import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import joblib
from joblib.parallel import get_active_backend
from sklearn import config_context, get_config
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_info, threadpool_limits

from fer_ensemble.libraries import keras_backend
from fer_ensemble.processors import are_gpus_hidden
from fer_ensemble.ray_clusters import node_resources, offers_gpus

#: How often a call is made whose worker dies.
TRIES = 3


class WorkersDiedError(ChildProcessError):
    """Workers died, each time anew, while they did the same."""

    def __init__(self, names: Sequence[str], reason: BaseException | None) -> None:
        first = str(reason).strip().partition("\n")[0]
        super().__init__(
            f"The workers died {TRIES} times that were to fit {', '.join(names)} ({first}): give "
            "them more memory, or fit fewer at a time. What others did is kept where the fit can "
            "be resumed."
        )


class Call(NamedTuple):
    """One call of the function that workers run.

    Attributes
    ----------
    name : str
        For messages.
    arguments : tuple
        What follows the shared data.
    threads : int
        How many threads it computes in.
    takes_device : bool
        Whether it has a worker's accelerator, if any, and the worker to itself.
    """

    name: str
    arguments: tuple[Any, ...]
    threads: int = 1
    takes_device: bool = False


class Workers(Protocol):
    """What runs calls side by side.

    Attributes
    ----------
    count : int
        How many calls may run at once.
    are_elsewhere : bool
        Whether they run on a cluster, whose processors and devices are not those of this process.
    """

    @property
    def count(self) -> int:
        """See above."""

    @property
    def are_elsewhere(self) -> bool:
        """See above."""

    def run(
        self,
        function: Callable[..., Any],
        shared: Any,
        calls: Sequence[Call],
        environment: Mapping[str, str],
    ) -> Iterator[tuple[int, Any]]:
        """Make calls, and those whose workers die again.

        Parameters
        ----------
        function : callable
            Of a module that workers can import.
        shared : object
            Its first argument in every call. It is sent to each worker once.
        calls : sequence of Call
        environment : mapping of str to str
            Variables for workers that are started for these calls, as Ray's are.

        Yields
        ------
        number : int
            Place in `calls`, in the order in which they end.
        result : object

        Raises
        ------
        WorkersDiedError
            If workers died `TRIES` times with the same calls. First, all others are ended.
        """
        ...


def find_workers(n_jobs: int | None) -> Workers:
    """Find the workers that the active backend of joblib stands for.

    Parameters
    ----------
    n_jobs : int or None
        How many of them, as in scikit-learn: -1 means all, None what `joblib.parallel_config`
        says, or else 1. The processors of this machine bound those of this machine alone.

    Returns
    -------
    Workers
    """
    backend, configured = get_active_backend()
    wanted = configured if n_jobs is None else n_jobs
    kind = type(backend).__name__
    if kind == "RayBackend":
        return _RayWorkers(_bound(wanted), backend.ray_remote_args or {})
    if kind == "DaskDistributedBackend":
        backend.effective_n_jobs(-1)  # waits for workers, and says so if there are none
        return _DaskWorkers(_bound(wanted), backend.client, backend.submit_kwargs)
    count = backend.effective_n_jobs(wanted)
    are_elsewhere = kind not in _LOCAL
    return _JoblibWorkers(count if are_elsewhere else min(count, joblib.cpu_count()), are_elsewhere)


# Backends of joblib's own whose workers share the processors of this machine.
_LOCAL = ("LokyBackend", "MultiprocessingBackend", "SequentialBackend", "ThreadingBackend")


def _bound(n_jobs: int | None) -> int:
    if n_jobs == 0:
        raise ValueError("n_jobs=0 has no meaning: take 1 or more, or -1 for all.")
    return 1 if n_jobs is None else n_jobs if n_jobs > 0 else sys.maxsize


@dataclass(frozen=True)
class _JoblibWorkers:
    count: int
    are_elsewhere: bool

    def run(
        self,
        function: Callable[..., Any],
        shared: Any,
        calls: Sequence[Call],
        environment: Mapping[str, str],
    ) -> Iterator[tuple[int, Any]]:
        left = dict(enumerate(calls))
        died: BaseException | None = None
        for _ in range(TRIES):
            try:
                for number, result in self._try(function, shared, dict(left)):
                    del left[number]
                    yield number, result
                return
            except BrokenExecutor as error:  # one worker that dies takes the others with it
                died = error
        raise WorkersDiedError([call.name for call in left.values()], died) from died

    def _try(
        self, function: Callable[..., Any], shared: Any, calls: dict[int, Call]
    ) -> Iterator[tuple[int, Any]]:
        backend, _ = get_active_backend()
        # Some can only return everything in the end.
        streams = getattr(backend, "supports_return_generator", False)
        # Of one, joblib would be this process itself: what killed a worker is left to workers.
        count = max(2, min(self.count, len(calls)))
        options = {"n_jobs": count, "return_as": "generator_unordered" if streams else "list"}
        threads = {call.threads for call in calls.values()}
        if (
            type(backend).__name__ == "LokyBackend"
            and getattr(backend, "inner_max_num_threads", None) is None
        ):
            with joblib.parallel_config("loky", inner_max_num_threads=max(threads)):
                parallel = Parallel(**options)
        else:
            parallel = Parallel(**options)
        yield from parallel(
            delayed(_numbered)(number, function, shared, call.arguments)
            for number, call in calls.items()
        )


def _numbered(
    number: int, function: Callable[..., Any], shared: Any, arguments: tuple[Any, ...]
) -> tuple[int, Any]:
    return number, function(shared, *arguments)


@dataclass(frozen=True)
class _RayWorkers:
    """Tasks of Ray, which it does again where a worker or a node dies.

    Each asks for as many processors as it has threads, or all of the smallest node, and one that
    takes a device for a GPU where the cluster has some. What was said by ``ray_remote_args`` of
    `joblib.parallel_config` goes before that.
    """

    count: int
    remote_args: dict[str, Any] = field(default_factory=dict)
    are_elsewhere = True

    def run(
        self,
        function: Callable[..., Any],
        shared: Any,
        calls: Sequence[Call],
        environment: Mapping[str, str],
    ) -> Iterator[tuple[int, Any]]:
        import ray

        if not ray.is_initialized():  # as joblib's backend does: at RAY_ADDRESS, or here
            ray.init()
        task, data = ray.remote(function), ray.put(shared)
        waiting = deque(enumerate(calls))
        running: dict[Any, int] = {}
        died: dict[int, BaseException] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.count:
                    number, call = waiting.popleft()
                    options = {**_ray_options(call, environment), **self.remote_args}
                    reference = task.options(**options).remote(data, *call.arguments)
                    running[reference] = number
                (ended, *_), _ = ray.wait(list(running))
                number = running.pop(ended)
                try:
                    result = ray.get(ended)
                except ray.exceptions.RayTaskError as error:
                    raise getattr(error, "cause", None) or error from error
                except ray.exceptions.RayError as error:
                    died[number] = error
                else:
                    yield number, result
        finally:
            for reference in running:
                ray.cancel(reference, force=True)
        if died:
            names = [calls[number].name for number in died]
            raise WorkersDiedError(names, next(iter(died.values())))


def _ray_options(call: Call, environment: Mapping[str, str]) -> dict[str, Any]:
    import ray

    nodes = node_resources(ray)
    processors = [int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1]
    options: dict[str, Any] = {
        "name": call.name,
        "runtime_env": {"env_vars": dict(environment)},
        "max_retries": TRIES - 1,
        "num_cpus": min([call.threads, *processors]),
    }
    if call.takes_device and offers_gpus(nodes):
        options["num_gpus"] = 1
    return options


def _same(shared: Any) -> Any:
    return shared


@dataclass(frozen=True)
class _DaskWorkers:
    """Tasks of Dask, which its scheduler does again where a worker dies.

    One that takes a device asks for a ``GPU`` where workers were started with such a resource.
    What else is to be asked for can be said to `joblib.parallel_config`, as ``resources``.
    """

    count: int
    client: Any
    submit_args: dict[str, Any] = field(default_factory=dict)
    are_elsewhere = True

    def run(
        self,
        function: Callable[..., Any],
        shared: Any,
        calls: Sequence[Call],
        environment: Mapping[str, str],
    ) -> Iterator[tuple[int, Any]]:
        from distributed import KilledWorker, as_completed

        waiting = deque(enumerate(calls))
        running: dict[Any, int] = {}
        died: dict[int, BaseException] = {}
        data = self._send(shared)
        ended = as_completed()
        try:
            while waiting or running:
                while waiting and len(running) < self.count:
                    number, call = waiting.popleft()
                    future = self._submit(function, data, call)
                    running[future] = number
                    ended.add(future)
                future = next(ended)
                number = running.pop(future)
                if future.status == "finished":
                    yield number, future.result()
                    continue
                error = future.exception() if future.status == "error" else None
                if error is not None and not isinstance(error, KilledWorker):
                    raise error
                died[number] = error or RuntimeError(f"Dask calls it {future.status}")
        finally:
            self.client.cancel(list(running), force=True)
        if died:
            names = [calls[number].name for number in died]
            raise WorkersDiedError(names, next(iter(died.values())))

    def _send(self, shared: Any) -> Any:
        import dask

        # As what a task returns, which is done again where it is lost. Of data that are scattered,
        # Dask soon keeps one copy alone, even if they were sent to all workers.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1PB"}):
            return self.client.submit(_same, shared, pure=False)

    def _submit(self, function: Callable[..., Any], data: Any, call: Call) -> Any:
        options = dict(self.submit_args)
        if call.takes_device and "resources" not in options:
            workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
            if offers_gpus([worker.get("resources", {}) for worker in workers]):
                options["resources"] = {"GPU": 1}
        return self.client.submit(function, data, *call.arguments, pure=False, **options)


class Surroundings(NamedTuple):
    """What decides about last digits beside data and parameters, to be the same on every worker.

    Libraries add up by threads: with another number of them, trees and networks come out otherwise.

    Attributes
    ----------
    origin : tuple of (str, int)
        Machine and process.
    processors : int
    threads : dict of str to int
        How many, by the name of a kind of thread pool.
    environment : dict of str to str
        Variables that libraries read when they are imported.
    config : dict
        Of scikit-learn.
    """

    origin: tuple[str, int]
    processors: int
    threads: dict[str, int]
    environment: dict[str, str]
    config: dict[str, Any]

    @classmethod
    def of_this_process(cls) -> Surroundings:
        """Take down those of this process.

        Returns
        -------
        Surroundings
        """
        processors = joblib.cpu_count()
        numbers = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        environment = {name: os.environ.get(name) or str(processors) for name in numbers}
        environment["KERAS_BACKEND"] = keras_backend()
        # More threads than a worker has processors would wait for one another, and busily: boosted
        # trees took seven times as long. OpenMP reads it as it is loaded, so that only workers that
        # are started with it heed it.
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
        if are_gpus_hidden():
            names = ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "KERAS_TORCH_DEVICE")
            environment |= {name: os.environ[name] for name in names if name in os.environ}
        origin = socket.gethostname(), os.getpid()
        threads = {"blas": processors, "openmp": processors}
        threads |= {pool["user_api"]: pool["num_threads"] for pool in threadpool_info()}
        return cls(origin, processors, threads, environment, get_config())

    @contextmanager
    def taken_on(self) -> Iterator[None]:
        """Make them those of a worker's process.

        Raises
        ------
        RuntimeError
            If Keras runs on another backend there already.
        """
        if (socket.gethostname(), os.getpid()) == self.origin:
            yield
            return
        os.environ.update(self.environment)
        wanted = self.environment["KERAS_BACKEND"]
        if keras_backend() != wanted:
            raise RuntimeError(
                f"Keras runs on {keras_backend()} in a worker, and on {wanted} where the fit was "
                f"begun: start the workers with KERAS_BACKEND={wanted}."
            )
        with (
            config_context(**self.config),
            threadpool_limits(self.threads),
            # Within a fit: workers are not to work for one another.
            joblib.parallel_config("threading"),
        ):
            yield
