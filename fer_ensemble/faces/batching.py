"""Work in threads, in order and no further ahead than allowed; and where batches end.

OpenCV lets other threads run while it decodes, resizes and searches, so threads use all processors.
Processes would have to be sent every frame of a video, would each load a detector of their own, and
would start anew what the caller has already imported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Event, Lock, Semaphore, Thread
from typing import Any, Literal, TypeVar, cast, overload

from fer_ensemble.processors import count_processors

#: Inputs of a batch for each of its faces, at most: pictures without a face must not hold back the
#: rows of those before them for long.
INPUTS_A_FACE = 2

# Threads that are given up finish what they hold, and are waited for so long: one that waits for
# standard input may never end. They are daemons, so that such a one does not hold up the exit.
_JOIN_SECONDS = 5.0

_END = object()  # the result of the items' end

T = TypeVar("T")
R = TypeVar("R")


class BatchCounter:
    """Says when a batch is full: by the number of its faces, or of its inputs.

    A batch is full with the input that brings it to `batch_size` faces or to twice as many inputs.
    An input is never divided. The rule depends on nothing but the faces of the inputs since the
    last batch, so that whoever knows the inputs that were written knows where the batches ended.
    A batch ends with a group of inputs too, see `fer_ensemble.faces.grouping`.

    Parameters
    ----------
    batch_size : int
        Faces in a batch.

    Raises
    ------
    ValueError
        If `batch_size` is below 1.
    """

    def __init__(self, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1; got {batch_size}")
        self._batch_size = batch_size
        self._n_faces = self._n_inputs = 0

    def add(self, n_faces: int) -> bool:
        """Add an input.

        Parameters
        ----------
        n_faces : int
            How many faces it shows.

        Returns
        -------
        bool
            Whether the batch is full with it; the next input begins a new one.
        """
        self._n_faces += n_faces
        self._n_inputs += 1
        full = (
            self._n_faces >= self._batch_size or self._n_inputs >= INPUTS_A_FACE * self._batch_size
        )
        if full:
            self._n_faces = self._n_inputs = 0
        return full


@overload
def map_ordered(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    ahead: int,
    n_jobs: int = -1,
    stopped: Event | None = None,
    pauses: Literal[False] = False,
) -> Iterator[R]: ...


@overload
def map_ordered(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    ahead: int,
    n_jobs: int = -1,
    stopped: Event | None = None,
    pauses: bool,
) -> Iterator[R | None]: ...


def map_ordered(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    ahead: int,
    n_jobs: int = -1,
    stopped: Event | None = None,
    pauses: bool = False,
) -> Iterator[R | None]:
    """Apply a function to items in threads, and give the results in the order of the items.

    The threads themselves take the items, one at a time, so that items that are large (frames of a
    video) are in memory no more often than there are threads. They go on while the caller is busy
    with a result, but no further than `ahead`.

    Parameters
    ----------
    function : callable
        Applied to each item; several at once.
    items : iterable
        Never asked by two threads at once, and never for more than `ahead` items beyond the
        result that was taken last.
    ahead : int
        How many results are made before they are asked for, at most.
    n_jobs : int, default=-1
        Threads; -1 for one on each of the processor's cores.
    stopped : Event, optional
        Is set once no more items are taken, for those that would be waited for.
    pauses : bool, default=False
        Whether to give None each time before a result is waited for.

    Yields
    ------
    object
        What `function` returned for each item. An error, of the function or of the items, is
        raised in its place.

    Examples
    --------
    >>> list(map_ordered(abs, [-3, 2, -1], ahead=2))
    [3, 2, 1]
    """
    # ThreadPoolExecutor.map would take all items at once, however many there are.
    work = _Work(function, items, ahead, stopped or Event())
    n_threads = n_jobs if n_jobs > 0 else count_processors()
    threads = [Thread(target=work.run, daemon=True) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    try:
        while True:
            coming = work.results.get()
            if pauses and not coming.done():
                yield None
            if (result := coming.result()) is _END:
                break
            work.slots.release()
            yield cast(R, result)
    finally:
        work.stop()
        until = time.monotonic() + _JOIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))


class _Work:
    """What the threads share: the items, the results, and how many more of these are allowed."""

    def __init__(
        self, function: Callable[[Any], Any], items: Iterable[Any], ahead: int, stopped: Event
    ) -> None:
        self.results: SimpleQueue[Future[Any]] = SimpleQueue()
        self.slots = Semaphore(ahead)
        self._function = function
        self._items = iter(items)
        self._taking = Lock()
        self._stopped = stopped

    def run(self) -> None:
        while (taken := self._take()) is not None:
            item, result = taken
            try:
                result.set_result(self._function(item))
            except BaseException as error:
                result.set_exception(error)

    def stop(self) -> None:
        self._stopped.set()
        self.slots.release()  # for the thread that waits for it, if one does

    def _take(self) -> tuple[Any, Future[Any]] | None:
        """The next item, and where its result goes; None if there is no more to do."""
        # Whoever waits for a slot keeps the others from taking, so that each result is queued in
        # the order of its item.
        with self._taking:
            if not self._stopped.is_set():
                self.slots.acquire()
            if self._stopped.is_set():
                return None
            result: Future[Any] = Future()
            self.results.put(result)
            try:
                return next(self._items), result
            except StopIteration:
                result.set_result(_END)
            except BaseException as error:
                result.set_exception(error)  # raised by the caller's thread, in its place
            self._stopped.set()
            return None
