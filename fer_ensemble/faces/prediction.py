"""Expressions of the faces in many pictures and videos, in batches and in constant memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from threading import Event
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.evaluation import is_unsure
from fer_ensemble.faces.annotated_copies import AnnotatedCopies, Predicted, ShowPicture
from fer_ensemble.faces.batching import BatchCounter, map_ordered
from fer_ensemble.faces.boxes import FaceBox
from fer_ensemble.faces.decode import import_decoders
from fer_ensemble.faces.finding import FaceFinder, SearchResult, search_item
from fer_ensemble.faces.inputs import Item, Status, fetch_ahead, iterate_items
from fer_ensemble.faces.tracking import Tracker
from fer_ensemble.processors import count_processors

# While one batch is predicted, two more are read: enough to hide the reading, and few enough to
# keep in memory.
_AHEAD = 2

_GROUP_END = object()

#: Digits of a second that are written, and that faces are followed by: microseconds.
TIME_DIGITS = 6

#: What a box is written as.
SIDES = ("x", "y", "width", "height")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a classifier says of a face, or why there is none in an input.

    Parameters
    ----------
    path : str
        The picture or the video.
    status : {"ok", "unsure", "no_face", "unreadable", "empty", "missing", "too_large"}
        What became of the face or the input.
    frame : int or None
        Number of a video's frame, from 0; None for a picture, and for the row which says that a
        video cannot be read, or no further.
    time : float or None
        Seconds from the video's beginning to the frame.
    face : int or None
        Number of the face in its picture or frame, from 0; None if there is no face.
    track : int or None
        Number of the face in its video, from 0, the same in all frames in which it was followed;
        None if it was not.
    x, y : float or None
        Corner of the face's box at the upper left, in pixels of the picture; None if the picture
        was taken for the face.
    width, height : float or None
        Of the box, in pixels.
    face_score : float or None
        How sure the detector is of the box.
    label : str or None
        Name of the most probable class; None if there is no face, or the classifier is too unsure.
    confidence : float or None
        Probability of that class, from 0 to 1.
    labels : tuple of str or None
        Names of all classes that the face may well have, the most probable first; None if there is
        no face, or sets were not asked for.
    probabilities : dict of str to float, or None
        Probability of each class, by name.
    reason : str
        Why there is no label, or what else is to be known of the row, in plain words; mostly empty
        if there is a face.
    """

    path: str
    status: Status | Literal["unsure"]
    frame: int | None = None
    time: float | None = None
    face: int | None = None
    track: int | None = None
    x: float | None = None
    y: float | None = None
    width: float | None = None
    height: float | None = None
    face_score: float | None = None
    label: str | None = None
    confidence: float | None = None
    labels: tuple[str, ...] | None = None
    probabilities: dict[str, float] | None = None
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether an input has failed, see :func:`~fer_ensemble.faces.prediction.has_failed`."""
        return has_failed(self.status, self.frame)


def has_failed(status: str, frame: int | None) -> bool:
    """Say whether a row stands for an input that has failed.

    Parameters
    ----------
    status : str
        As that of a `Prediction`.
    frame : int or None
        Number of a video's frame; None for a picture, and for a video that cannot be read.

    Returns
    -------
    bool
        An unsure face has not failed; a picture without a face has, a frame without one has not.
    """
    if status == "no_face":
        # People leave the picture, and clips begin with titles: a frame without a face is a
        # finding, whereas a picture was given for the face in it.
        return frame is None
    return status not in ("ok", "unsure")


class FindSets(Protocol):
    """Says which classes belong to the set of a face, as a `SetRule` of an ensemble does."""

    def __call__(self, probabilities: NDArray[np.float64], /) -> NDArray[np.bool_]:
        """Find the sets of faces: arrays of shape (n_faces, n_classes)."""


class FaceClassifier(Protocol):
    """A fitted classifier, as scikit-learn has them, that takes faces."""

    @property
    def classes_(self) -> Iterable[Any]:
        """The classes, in the order of the probabilities."""

    def predict_proba(self, X: NDArray[np.uint8], /) -> NDArray[Any]:
        """Give the probability of each class for faces of shape (n_samples, size, size)."""


def predict_files(
    classifier: FaceClassifier,
    paths: Iterable[str | os.PathLike[str] | None],
    *,
    class_names: Sequence[str],
    finder: FaceFinder | None = None,
    every: int = 1,
    batch_size: int = 256,
    n_jobs: int = -1,
    min_confidence: float = 0.0,
    find_sets: FindSets | None = None,
    annotate_to: str | os.PathLike[str] | None = None,
    tracker: Tracker | None = None,
    show: ShowPicture | None = None,
    explain: Callable[[Sequence[Predicted]], object] | None = None,
    at_once: bool = False,
) -> Generator[list[Prediction], None, None]:
    """Predict the expression of each face in pictures and videos.

    Files are decoded and searched in threads while the classifier works on the batch before; three
    batches of faces are in memory at most, however many files there are and however long a video.

    The faces of a batch depend on the inputs alone, see `BatchCounter`, and never on time: networks
    may give a face other last digits in other company. Where a group of inputs ends, see
    :func:`~fer_ensemble.faces.mark_groups`, a batch ends.

    Parameters
    ----------
    classifier : FaceClassifier
        Fitted, with a ``predict_proba`` that takes faces of shape (n_samples, size, size), uint8.
    paths : iterable of path-like or None
        Pictures and videos, and None where a group of them ends. Folders are not walked through;
        see `PictureListing`.
    class_names : sequence of str
        Names of the classifier's classes, in the order of its columns.
    finder : FaceFinder, optional
        Finds the faces and brings them to the classifier's size. By default a ``FaceFinder()``.
    every : int, default=1
        Of so many frames of a video the first is searched.
    batch_size : int, default=256
        Faces predicted at once; a few more where the last picture has several.
    n_jobs : int, default=-1
        Threads that decode and search; -1 for one on each of the processor's cores.
    min_confidence : float, default=0.0
        Faces whose most probable class is less probable than this get no label, and the status
        "unsure"; so do ties of a classifier whose attribute ``ties`` is "abstain".
    find_sets : callable, optional
        Finds the `labels` of each face, with `tracker` by the smoothed probabilities.
    annotate_to : path-like, optional
        Folder for annotated copies of the pictures and videos; see `AnnotatedCopies`.
    tracker : Tracker, optional
        Follows the faces of videos and smooths their probabilities; label, confidence and status
        are then those of the smoothed ones.
    show : callable, optional
        Called, in the thread of the caller, with the path and the annotated copy of each picture
        and frame, once its batch is predicted.
    explain : callable, optional
        Called likewise with each batch: what was found in each picture or frame, and what is
        predicted of its faces.
    at_once : bool, default=False
        Whether a batch ends with what there is before more is waited for, as live sources need it.
        Its faces then depend on time, and with them the last digits that some networks give.

    Yields
    ------
    list of Prediction
        Of a batch: one for every face, and one for every picture or frame without a face, in the
        order of the paths. Those of one picture or frame are never divided. And an empty list for
        each end of a group, once all its batches have been given.

    Raises
    ------
    ValueError
        If the classifier gives anything but a finite probability for each class, or a setting is
        out of its range.

    Examples
    --------
    >>> from fer_ensemble.faces import predict_files
    >>> batches = predict_files(None, ["lost.jpg"], class_names=["happy", "sad"])
    >>> [(row.path, row.status, row.reason) for batch in batches for row in batch]
    [('lost.jpg', 'missing', 'no such file')]
    """
    is_drawn = annotate_to is not None or show is not None
    search_one = partial(search_item, finder=finder or FaceFinder(), keep_frame=is_drawn)
    counter = BatchCounter(batch_size)
    # Of a live source nothing may wait for long.
    ahead = (n_jobs if n_jobs > 0 else count_processors()) if at_once else _AHEAD * batch_size
    stopped = Event()

    def search(item: Item | None) -> SearchResult | object:
        return _GROUP_END if item is None else search_one(item)

    batch: list[SearchResult] = []
    import_decoders()
    with ExitStack() as stack:
        stack.enter_context(_opencv_in_one_thread())
        copies = None
        if is_drawn:
            copies = stack.enter_context(AnnotatedCopies(annotate_to, n_jobs, show))
        answer = partial(
            label_faces,
            class_names=class_names,
            min_confidence=min_confidence,
            ties=getattr(classifier, "ties", None) == "abstain",
            tracker=tracker,
            find_sets=find_sets,
        )
        add = None if copies is None else copies.add
        takers = [taker for taker in (add, explain) if taker is not None]
        predict = partial(_predict_batch, classifier, class_names, answer, takers)
        items = _items(paths, every, stopped)
        for result in map_ordered(
            search, items, ahead=ahead, n_jobs=n_jobs, stopped=stopped, pauses=at_once
        ):
            if isinstance(result, SearchResult):
                batch.append(result)
                is_full = counter.add(len(result.faces))
            else:
                is_full = bool(batch)
            if is_full:
                yield predict(batch)
                batch, counter = [], BatchCounter(batch_size)
            if result is _GROUP_END:
                yield []
        if batch:
            yield predict(batch)


def _items(
    paths: Iterable[str | os.PathLike[str] | None], every: int, stopped: Event
) -> Iterator[Item | None]:
    for path in fetch_ahead(paths):
        if path is None:
            yield None
        else:
            yield from iterate_items([path], every, stopped)


@contextmanager
def _opencv_in_one_thread() -> Iterator[None]:
    """Keep OpenCV from threads of its own, where as many as there are processors call it."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _predict_batch(
    classifier: FaceClassifier,
    class_names: Sequence[str],
    answer: Callable[..., list[list[Prediction]]],
    takers: Sequence[Callable[[Sequence[Predicted]], object]],
    batch: Sequence[SearchResult],
) -> list[Prediction]:
    faces = [found.face for result in batch for found in result.faces]
    rows = ask_classifier(classifier, np.stack(faces), class_names) if faces else np.empty((0, 0))
    by_input = answer(batch, rows)
    for take in takers:
        take(list(zip(batch, by_input, strict=True)))
    return [prediction for predictions in by_input for prediction in predictions]


def label_faces(
    batch: Sequence[SearchResult],
    probabilities: NDArray[np.float64],
    class_names: Sequence[str],
    *,
    min_confidence: float = 0.0,
    ties: bool = False,
    tracker: Tracker | None = None,
    find_sets: FindSets | None = None,
) -> list[list[Prediction]]:
    """Make predictions of what was found in inputs, and of what a classifier says of the faces.

    Parameters
    ----------
    batch : sequence of SearchResult
    probabilities : ndarray of shape (n_faces, n_classes)
        Of the faces of all inputs, in their order.
    class_names : sequence of str
        Names of the classes, in the order of the columns.
    min_confidence : float, default=0.0
        Faces whose most probable class is less probable get no label, and the status "unsure".
    ties : bool, default=False
        Whether faces of which several classes are the most probable get none either.
    tracker : Tracker, optional
        Gives faces of videos their numbers, and smooths their probabilities.
    find_sets : callable, optional
        Finds the `labels` of each face by its probabilities, smoothed perhaps.

    Returns
    -------
    list of list of Prediction
        Those of each input: one for every face; where there is none, the one that says why.
    """
    boxes = [_box_values(found.box) for result in batch for found in result.faces]
    tracks: list[int | None] = [None] * len(boxes)
    if tracker is not None:
        tracks, probabilities = _follow(tracker, batch, boxes, probabilities)
    answers = _answers(probabilities, class_names, min_confidence, ties)
    if find_sets is not None and boxes:
        sets = find_sets(probabilities)
        for answer, row, members in zip(answers, probabilities, sets, strict=True):
            answer["labels"] = _name_set(row, members, class_names)
    faces = zip(boxes, tracks, answers, strict=True)
    return [_predictions(result, faces) for result in batch]


def _follow(
    tracker: Tracker,
    batch: Sequence[SearchResult],
    boxes: Sequence[dict[str, Any]],
    probabilities: NDArray[np.float64],
) -> tuple[list[int | None], NDArray[np.float64]]:
    """Give the track of each face, and its smoothed probabilities."""
    tracks: list[int | None] = []
    smoothed = np.empty_like(probabilities)
    for result in batch:
        part = slice(len(tracks), len(tracks) + len(result.faces))
        places = [tuple(box[side] for side in SIDES) if box else None for box in boxes[part]]
        numbers, smoothed[part] = tracker.follow(
            result.frame, _written_time(result.time), places, probabilities[part]
        )
        tracks += numbers
    return tracks, smoothed


def _written_time(time: float | None) -> float | None:
    return None if time is None else round(time, TIME_DIGITS)


def _predictions(
    result: SearchResult, faces: Iterator[tuple[dict[str, Any], int | None, dict[str, Any]]]
) -> list[Prediction]:
    """Give the predictions of an input; as many faces are taken as it has."""
    origin: dict[str, Any] = {"path": result.path, "frame": result.frame, "time": result.time}
    if not result.faces:
        return [Prediction(**origin, status=result.status, reason=result.reason)]
    predictions = []
    for number, (box, track, answer) in enumerate(islice(faces, len(result.faces))):
        reason = "; ".join(filter(None, (result.reason, answer.pop("reason"))))
        predictions.append(
            Prediction(**origin, face=number, track=track, **box, **answer, reason=reason)
        )
    return predictions


def _box_values(box: FaceBox | None) -> dict[str, Any]:
    if box is None:
        return {}
    # A detector is no surer of a box than to a tenth of a pixel.
    sides = {name: round(float(getattr(box, name)), 1) for name in SIDES}
    return {**sides, "face_score": round(float(box.score), 4)}


def _answers(
    rows: NDArray[np.float64], class_names: Sequence[str], min_confidence: float, ties: bool
) -> list[dict[str, Any]]:
    """Give what a prediction says of each face: its status, label, reason and probabilities."""
    if not len(rows):
        return []
    return [
        {
            "status": "unsure" if undecided else "ok",
            "label": None if undecided else class_names[int(row.argmax())],
            "confidence": float(row.max()),
            "probabilities": dict(zip(class_names, row.tolist(), strict=True)),
            "reason": _why_unsure(float(row.max()), min_confidence) if undecided else "",
        }
        for row, undecided in zip(rows, is_unsure(rows, min_confidence, ties=ties), strict=True)
    ]


def _name_set(
    row: NDArray[np.float64], members: NDArray[np.bool_], class_names: Sequence[str]
) -> tuple[str, ...]:
    order = np.argsort(-row, kind="stable")
    return tuple(class_names[place] for place in order if members[place])


def _why_unsure(confidence: float, min_confidence: float) -> str:
    if confidence < min_confidence:
        return f"the confidence is below {min_confidence:g}"
    return "several classes are the most probable"


def ask_classifier(
    classifier: FaceClassifier, faces: NDArray[np.uint8], class_names: Sequence[str]
) -> NDArray[np.float64]:
    """Ask a classifier for the probability of each class.

    Parameters
    ----------
    classifier : FaceClassifier
    faces : ndarray of shape (n_faces, size, size), uint8
    class_names : sequence of str

    Returns
    -------
    ndarray of shape (n_faces, n_classes)

    Raises
    ------
    ValueError
        If it gives anything but a finite probability for each class.
    """
    probabilities = np.asarray(classifier.predict_proba(faces), np.float64)
    expected = (len(faces), len(class_names))
    if probabilities.shape != expected or not np.isfinite(probabilities).all():
        raise ValueError(
            f"the classifier must give {expected[1]} finite probabilities for each of "
            f"{expected[0]} faces ({', '.join(class_names)}); it gave an array of shape "
            f"{probabilities.shape} with {(~np.isfinite(probabilities)).sum()} that are not finite"
        )
    return probabilities
