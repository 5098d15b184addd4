"""Models that all requests share: their faces are gathered for a moment, and predicted at once."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import lru_cache
from threading import Condition, Thread
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.artifact import (
    ArtifactError,
    Manifest,
    load_answers,
    load_predictor,
    read_manifest,
    resolve_model,
)
from fer_ensemble.ensemble import Answers, SetRule, learn_set_rule
from fer_ensemble.faces.prediction import ask_classifier
from fer_ensemble.libraries import require_for_members

#: A batch begins no later than this after its first face, in seconds.
GATHERING_SECONDS = 0.005

# Rules that different requests asked for.
_RULES_KEPT = 64

#: Faces of a batch, beyond which no others are added.
MOST_FACES = 64

# The thread is waited for so long when it ends, in seconds.
_JOIN_SECONDS = 2.0


class _Waiting(NamedTuple):
    faces: NDArray[np.uint8]
    answer: Future[NDArray[np.float64]]


class SharedModel:
    """A model in memory, and the one thread that predicts with it.

    Faces of different requests become one batch. A batch begins when the thread is free and no
    search is on whose faces are for this model, or after `GATHERING_SECONDS`, or with `MOST_FACES`.

    Parameters
    ----------
    model : path-like or None
        As of `resolve_model`.
    name : str
        What requests call it.
    on_batch : callable, optional
        Told the number of faces of each batch, by the thread.

    Attributes
    ----------
    manifest : Manifest
    class_names : tuple of str
    size : int
        Side of its faces, in pixels.
    classifier : ExportedEnsemble or BaseEnsemble
        Its members may be asked about a few faces, too; else :meth:`predict` is to be asked.
    abstains : bool
        Whether it gives no label where several classes are the most probable.
    answers : Answers or None
        What it says of held-out faces, from which sets of labels are learned; None if that is not
        known.

    Raises
    ------
    ArtifactError
        If no ensemble is saved there, or it is damaged.
    MissingLibraryError
        If a library that a member predicts with is not installed.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None,
        name: str,
        on_batch: Callable[[int], None] = lambda n_faces: None,
    ) -> None:
        self.name = name
        self.folder = resolve_model(model)
        self.manifest: Manifest = read_manifest(self.folder)
        self.class_names = tuple(self.manifest.class_names)
        self.size: int = self.manifest.preprocessing["size"]
        self.classifier = load_predictor(model)
        require_for_members(getattr(self.classifier, "members_", ()))
        self.abstains = getattr(self.classifier, "ties", None) == "abstain"
        self.answers: Answers | None = None
        # Of a model without held-out faces only who asks for sets is refused.
        with suppress(ArtifactError):
            self.answers, self._classes = load_answers(model)
        self.learn_sets = lru_cache(_RULES_KEPT)(self._learn_sets)
        self._on_batch = on_batch
        self._queue: deque[_Waiting] = deque()
        self._changed = Condition()
        self._n_searches = 0
        self._stopped = False
        # What prediction imports is imported here, and not by the thread.
        self._ask(np.zeros((1, self.size, self.size), np.uint8))
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it runs."""
        if self._thread is None:
            self._stopped = False
            self._thread = Thread(target=self._run, name=f"predict {self.name}", daemon=True)
            self._thread.start()

    def _learn_sets(self, coverage: float, method: str, class_conditional: bool) -> SetRule:
        """Learn which classes belong to a set; asked for again, it is remembered."""
        assert self.answers is not None
        return learn_set_rule(
            *self.answers,
            self._classes,
            coverage,
            method=method,
            class_conditional=class_conditional,
        )

    @property
    def n_waiting(self) -> int:
        """Faces that wait to be predicted."""
        with self._changed:
            return sum(len(waiting.faces) for waiting in self._queue)

    @contextmanager
    def searching(self) -> Iterator[None]:
        """Say that faces may come any moment: a batch waits a little for them."""
        with self._changed:
            self._n_searches += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_searches -= 1
                self._changed.notify()

    async def predict(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Predict faces, together with those of others.

        Parameters
        ----------
        faces : ndarray of shape (n_faces, size, size), uint8

        Returns
        -------
        ndarray of shape (n_faces, n_classes)

        Raises
        ------
        ValueError
            As `ask_classifier`.
        """
        return await asyncio.wrap_future(self.submit(faces))

    def submit(self, faces: NDArray[np.uint8]) -> Future[NDArray[np.float64]]:
        """Have faces predicted as :meth:`predict` does, from any thread.

        Parameters
        ----------
        faces : ndarray of shape (n_faces, size, size), uint8

        Returns
        -------
        Future of ndarray of shape (n_faces, n_classes)
        """
        answer: Future[NDArray[np.float64]] = Future()
        with self._changed:
            self._queue.append(_Waiting(faces, answer))
            self._changed.notify()
        return answer

    def stop(self) -> None:
        """End the thread after what it holds; what waits is not predicted."""
        with self._changed:
            self._stopped = True
            while self._queue:
                self._queue.popleft().answer.cancel()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)
            self._thread = None

    def _run(self) -> None:
        while batch := self._gather():
            try:
                rows = self._ask(np.concatenate([waiting.faces for waiting in batch]))
            except Exception as error:
                for waiting in batch:
                    waiting.answer.set_exception(error)
                continue
            self._on_batch(len(rows))
            ends = np.cumsum([len(waiting.faces) for waiting in batch])
            for waiting, answer in zip(batch, np.split(rows, ends[:-1]), strict=True):
                waiting.answer.set_result(answer)

    def _ask(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        return ask_classifier(self.classifier, faces, self.class_names)

    def _gather(self) -> list[_Waiting]:
        """Take what becomes a batch; empty once the thread is to end."""
        batch: list[_Waiting] = []
        n_faces = 0
        with self._changed:
            while not batch and not self._stopped:
                self._changed.wait_for(lambda: self._queue or self._stopped)
                until = time.monotonic() + GATHERING_SECONDS
                while not self._is_enough() and (left := until - time.monotonic()) > 0:
                    self._changed.wait(left)
                while self._queue and (
                    not batch or n_faces + len(self._queue[0].faces) <= MOST_FACES
                ):
                    waiting = self._queue.popleft()
                    # False if the request has been given up meanwhile.
                    if waiting.answer.set_running_or_notify_cancel():
                        batch.append(waiting)
                        n_faces += len(waiting.faces)
        return batch

    def _is_enough(self) -> bool:
        if self._stopped or self._n_searches == 0:
            return True
        return sum(len(waiting.faces) for waiting in self._queue) >= MOST_FACES
