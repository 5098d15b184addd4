"""Faces in the pictures of requests: decoded and searched in a fixed number of threads."""

from __future__ import annotations

import asyncio
import heapq
import io
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Lock, Thread

import numpy as np

from fer_ensemble.faces import FaceFinder
from fer_ensemble.faces.contents import recognise
from fer_ensemble.faces.decode import import_decoders
from fer_ensemble.faces.finding import SearchResult, search_item
from fer_ensemble.faces.inputs import GivenPicture, iterate_items
from fer_ensemble.processors import count_processors
from fer_ensemble.serving.limits import Limits
from fer_ensemble.serving.slow_pictures import is_slow, may_be_slow
from fer_ensemble.serving.uploads import too_many_pictures

# Small pictures are searched several at a time: to hand one to a thread takes as long as to read a
# cut-out face. Not more, so that the requests take turns.
_PIECE_PICTURES = 16
_PIECE_BYTES = 64 * 1024

# Threads that end are waited for so long, in seconds.
_JOIN_SECONDS = 2.0


@dataclass
class Search:
    """How the pictures of a request are searched, and how many they are.

    Parameters
    ----------
    finder : FaceFinder
    turn : bool
        Whether pictures are turned in which no face is sure.
    limits : Limits

    Attributes
    ----------
    seconds : float
        That threads have spent on it.
    stopped : bool
        Whether nobody waits for the rest any more.
    """

    finder: FaceFinder
    turn: bool
    limits: Limits
    seconds: float = 0.0
    stopped: bool = False
    _n_pictures: int = 0
    _counting: Lock = field(default_factory=Lock)

    def run(self, pictures: Sequence[GivenPicture]) -> list[SearchResult]:
        """Search some of the pictures; in a thread.

        Parameters
        ----------
        pictures : sequence of GivenPicture

        Returns
        -------
        list of SearchResult
            One for each picture, and of animated ones for each frame.

        Raises
        ------
        Refusal
            413 if the request has too many.
        """
        began = time.monotonic()
        try:
            return list(self._search(pictures))
        finally:
            with self._counting:
                self.seconds += time.monotonic() - began

    def _search(self, pictures: Sequence[GivenPicture]) -> Iterator[SearchResult]:
        for picture in pictures:
            if recognise(io.BytesIO(picture.content)) == "video":
                self._count()
                yield _video(picture.name)
                continue
            for item in iterate_items([picture]):
                self._count()
                if self.stopped:
                    return
                yield search_item(item, self.finder, turn=self.turn)

    def _count(self) -> None:
        with self._counting:
            self._n_pictures += 1
        if self._n_pictures > self.limits.pictures:
            raise too_many_pictures(self.limits)


def _video(name: str) -> SearchResult:
    reason = "a video: send frames of it as pictures, or predict it with fer-ensemble predict"
    return SearchResult(name, None, None, [], "unreadable", reason)


def divide(pictures: Sequence[GivenPicture]) -> Iterator[list[GivenPicture]]:
    """Divide the pictures of a request into pieces, each for one thread.

    Parameters
    ----------
    pictures : sequence of GivenPicture

    Yields
    ------
    list of GivenPicture
        One at the least; one that may take long alone.
    """
    piece: list[GivenPicture] = []
    n_bytes = 0
    for picture in pictures:
        size, slow = len(picture.content), may_be_slow(picture)
        is_full = len(piece) >= _PIECE_PICTURES or n_bytes + size > _PIECE_BYTES
        if piece and (is_full or slow or may_be_slow(piece[-1])):
            yield piece
            piece, n_bytes = [], 0
        piece.append(picture)
        n_bytes += size
    if piece:
        yield piece


@dataclass(order=True)
class _Piece:
    """Some pictures that wait for a thread, ordered by whose turn it is."""

    turn: float
    search: Search = field(compare=False)
    pictures: Sequence[GivenPicture] = field(compare=False)
    slow: bool = field(compare=False, default=False)
    results: Future[list[SearchResult]] = field(compare=False, default_factory=Future)

    def run(self) -> None:
        """Search them, unless the request has been given up meanwhile."""
        if not self.results.set_running_or_notify_cancel():
            return
        try:
            self.results.set_result(self.search.run(self.pictures))
        except BaseException as error:
            self.results.set_exception(error)


class SearchThreads:
    """Threads that search, as many as there are processors, and the finders that they share.

    Requests take turns: a piece waits as if it had come later by the time that threads have spent
    on its request already. So a request of a thousand large pictures does not hold up a small one.
    One thread is left to what is quick: a file of a few bytes may have hundreds of frames or many
    million pixels, and a thread that has begun with it is not free before the end.

    Parameters
    ----------
    detector : str
        What finds faces where a request does not say; see `create_detector`.
    sizes : iterable of int, default=()
        Sides of the faces that models take, in pixels.
    n_threads : int, optional
        By default one for each processor, and two at the least.

    Attributes
    ----------
    detectors : tuple of str
        What requests may ask for.

    Raises
    ------
    DetectorError
        If there is no such detector, or it cannot work here.
    MissingLibraryError
        If the detector needs a package that is not installed.
    """

    def __init__(
        self, detector: str, sizes: Iterable[int] = (), n_threads: int | None = None
    ) -> None:
        self.detectors = tuple(dict.fromkeys(["auto", "skip", detector]))
        self._default = detector
        self._finders: dict[tuple[str, int], FaceFinder] = {}
        self._waiting: list[_Piece] = []
        self._slow: list[_Piece] = []
        self._n_slow = 0  # pieces that threads are at
        self._changed = Condition()
        self._stopped = False
        self._n_threads = n_threads or max(2, count_processors())
        self._threads: list[Thread] = []
        self._opencv_threads = -1  # OpenCV's own, as before the start
        # What threads need is imported, and has worked once, before there are any.
        import_decoders()
        for size in set(sizes):
            for name in self.detectors:
                finder = FaceFinder(name, size=size)
                finder.find(np.zeros((96, 128, 3), np.uint8))
                self._finders[name, size] = finder

    def start(self) -> None:
        """Start the threads, unless they run."""
        import cv2

        if self._threads:
            return
        self._opencv_threads = cv2.getNumThreads()
        cv2.setNumThreads(1)  # these threads take all processors already
        self._stopped = False
        self._threads = [
            Thread(target=self._run, name=f"search {number}", daemon=True)
            for number in range(self._n_threads)
        ]
        for thread in self._threads:
            thread.start()

    def finder(
        self,
        detector: str | None,
        size: int,
        *,
        min_face: int | None,
        min_score: float | None,
        max_faces: int | None,
    ) -> FaceFinder:
        """Give the finder of a request, which shares networks with all others.

        Parameters
        ----------
        detector : str or None
            One of `detectors`; by default that of the server.
        size : int
            Side of the faces, in pixels.
        min_face, min_score, max_faces
            As of `FaceFinder`.

        Returns
        -------
        FaceFinder
        """
        return self._finders[detector or self._default, size].adjusted(
            min_face=min_face, min_score=min_score, max_faces=max_faces
        )

    async def run(self, search: Search, pictures: Sequence[GivenPicture]) -> list[SearchResult]:
        """Search some pictures of a request in a thread, when it is their turn.

        Parameters
        ----------
        search : Search
        pictures : sequence of GivenPicture

        Returns
        -------
        list of SearchResult
        """
        piece = _Piece(time.monotonic() + search.seconds, search, pictures)
        with self._changed:
            heapq.heappush(self._waiting, piece)
            self._changed.notify_all()
        return await asyncio.wrap_future(piece.results)

    def stop(self) -> None:
        """End the threads after what they hold; what waits is not searched."""
        import cv2

        if not self._threads:
            return
        with self._changed:
            self._stopped = True
            for piece in (*self._waiting, *self._slow):
                piece.results.cancel()
            self._changed.notify_all()
        until = time.monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._threads = []
        cv2.setNumThreads(self._opencv_threads)

    def _run(self) -> None:
        while (piece := self._take()) is not None:
            if not piece.slow and is_slow(piece.pictures[0]):
                self._put_aside(piece)
                continue
            piece.run()
            if piece.slow:
                with self._changed:
                    self._n_slow -= 1
                    self._changed.notify_all()

    def _put_aside(self, piece: _Piece) -> None:
        """Let a piece wait among the slow ones."""
        piece.slow = True
        with self._changed:
            heapq.heappush(self._slow, piece)
            self._changed.notify_all()

    def _take(self) -> _Piece | None:
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._stopped or self._ready())
                if self._stopped:
                    return None
                piece = heapq.heappop(min(self._ready(), key=lambda queue: queue[0]))
                if not piece.results.cancelled():
                    self._n_slow += piece.slow
                    return piece

    def _ready(self) -> list[list[_Piece]]:
        """List the queues of which a thread may take a piece now."""
        is_free = self._n_slow < self._n_threads - 1
        return [queue for queue in (self._waiting, self._slow if is_free else []) if queue]
