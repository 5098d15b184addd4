"""Finding the faces in a picture, and in an item: a picture's file, or a frame of a video."""

from __future__ import annotations

import copy
import math
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.blazeface import BlazeFaceDetector
from fer_ensemble.faces.boxes import (
    Detector,
    FaceBox,
    Framing,
    clip_box,
    crop_face,
    merge_boxes,
    tilt,
    turn_back,
)
from fer_ensemble.faces.decode import to_face, to_gray
from fer_ensemble.faces.detectors import create_detector
from fer_ensemble.faces.inputs import FileProblem, Item, Status, read_item
from fer_ensemble.faces.scales import SMALLEST_FACE, ScalingDetector, shrink

#: A gray picture whose sides are no longer is taken for a face without a look at it, in pixels:
#: FER2013's faces have 48, and no detector finds all of them.
SMALL_PICTURE = 64

#: A larger picture is no face that was cut out for a data set, in pixels: it is searched.
LARGEST_CROP = 256

# Pictures are turned with a longer side of at most so many pixels, to see which turn shows a face.
_TURNED_SIDE = 640

# A face of just the least size may have a box that is smaller by this much: the spread of the
# detectors' boxes.
_TOLERANCE = 0.8

# What numpy.rot90 takes, in the order in which cameras are held, and what it is called.
_TURNS = {3: "90° to the right", 1: "90° to the left", 2: "180°"}


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face, ready for a classifier.

    Parameters
    ----------
    face : ndarray of shape (size, size), uint8
    box : FaceBox or None
        Where the detector saw it; None if the whole picture was taken for the face.
    """

    face: NDArray[np.uint8]
    box: FaceBox | None


class FindingOptions(TypedDict, total=False):
    """How faces are found: parameters of `FaceFinder`."""

    detector: str | Detector
    align: bool
    min_face: int | None
    min_score: float | None
    max_faces: int | None


#: How they are found by default.
FINDING = FindingOptions(detector="auto", align=True, min_face=None, min_score=None, max_faces=None)


class FaceFinder:
    """Finds the faces in pictures; may be used by several threads at once.

    Parameters
    ----------
    detector : str or Detector, default="auto"
        The name of a detector, as :func:`create_detector` takes it; or "skip", which takes every
        picture for one face; or "auto", which takes pictures for faces that were cut out for a data
        set, and searches all others with "blazeface". For such faces it takes gray pictures with no
        side above 64 pixels, and pictures with no side above 256 that one face fills (a colour
        picture whose channels are equal is gray). Any object with a method `detect` will also do.
    align : bool, default=True
        Whether to turn faces so that their eyes are level, where the detector finds eyes.
    min_face : int, optional
        Faces are left out whose square, as FER2013 would have cut it, has a side below this, in
        pixels. By default 20, and more in large pictures; see the detectors.
    size : int, default=48
        Side of the faces that are returned, in pixels.
    min_score : float, optional
        Boxes of which the detector is less sure are left out. By default those that the detector
        leaves out by itself, of which "blazeface" alone gives more if this is lower; what a score
        means, each detector says.
    max_faces : int, optional
        Of each picture, no more faces than this are kept: the largest.

    Attributes
    ----------
    n_taken_whole : int
        Pictures so far that were taken for faces.
    n_searched : int
        Pictures so far that were searched by a detector.

    Raises
    ------
    ValueError
        If no detector has that name.
    MissingLibraryError
        If the detector needs a package that is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> finder = FaceFinder("skip")
    >>> [found] = finder.find(np.zeros((90, 60, 3), np.uint8))
    >>> found.face.shape, found.box, finder.n_taken_whole
    ((48, 48), None, 1)
    """

    def __init__(
        self,
        detector: str | Detector = "auto",
        *,
        align: bool = True,
        min_face: int | None = None,
        size: int = 48,
        min_score: float | None = None,
        max_faces: int | None = None,
    ) -> None:
        self.align = align
        self.min_face = min_face
        self.size = size
        self.min_score = min_score
        self.max_faces = max_faces
        self.n_taken_whole = 0
        self.n_searched = 0
        self._detector = _choose_detector(detector, min_face)
        if isinstance(detector, str) and isinstance(self._detector, BlazeFaceDetector):
            self._detector.min_score = self._detector.min_score if min_score is None else min_score
        self._asks_for_crops = detector == "auto"
        # Threads count together, and += is no single step.
        self._counting = threading.Lock()

    def adjusted(
        self,
        *,
        min_face: int | None = None,
        min_score: float | None = None,
        max_faces: int | None = None,
    ) -> FaceFinder:
        """Give a finder with other settings that shares the detector's network.

        Parameters
        ----------
        min_face, min_score, max_faces
            As of the class.

        Returns
        -------
        FaceFinder
            That counts for itself.
        """
        finder, detector = copy.copy(self), copy.copy(self._detector)
        if isinstance(detector, ScalingDetector):
            detector.min_face = min_face
        if isinstance(detector, BlazeFaceDetector) and min_score is not None:
            detector.min_score = min_score
        finder.min_face, finder.min_score, finder.max_faces = min_face, min_score, max_faces
        finder.n_taken_whole = finder.n_searched = 0
        finder._detector = detector
        return finder

    def find(self, image: NDArray[np.uint8]) -> list[FoundFace]:
        """Find the faces in a picture.

        Parameters
        ----------
        image : ndarray of shape (height, width) or (height, width, 3), uint8
            Gray, or colour in the order blue, green, red.

        Returns
        -------
        list of FoundFace
            The surest first; equally sure ones from left to right, then from top to bottom. Empty
            if there is no face.
        """
        return self.search(image, turn=False)[0]

    def search(self, image: NDArray[np.uint8], *, turn: bool = True) -> tuple[list[FoundFace], str]:
        """Find the faces in a picture, and say what else is to be known of the search.

        Parameters
        ----------
        image : ndarray of shape (height, width) or (height, width, 3), uint8
            Gray, or colour in the order blue, green, red.
        turn : bool, default=True
            Whether to turn the picture by 90°, 180° and 270° where no face is sure otherwise.

        Returns
        -------
        faces : list of FoundFace
            As :meth:`find` returns them; boxes are in pixels of the picture as it is given.
        remark : str
            That the picture was turned, or which faces were not looked for or not kept, in plain
            words; empty if there is nothing of the kind.
        """
        if self._detector is None or (self._asks_for_crops and self._is_face(image)):
            with self._counting:
                self.n_taken_whole += 1
            return [FoundFace(to_face(to_gray(image), self.size), None)], ""
        with self._counting:
            self.n_searched += 1
        boxes, quarters = self._detect(image), 0
        if turn:
            quarters = self._choose_turn(image, boxes)
        turned = np.ascontiguousarray(np.rot90(image, quarters)) if quarters else image
        if quarters:
            boxes = self._detect(turned)
        kept = self._largest(boxes)
        faces = [self._cut(turned, box, quarters, image.shape[:2]) for box in kept]
        return faces, "; ".join(self._remarks(image, quarters, len(boxes) - len(kept)))

    def _detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Boxes that are worth a row: large and sure enough, and one of each face."""
        assert self._detector is not None
        height, width = image.shape[:2]
        least = float(self.min_face or SMALLEST_FACE)
        if isinstance(self._detector, ScalingDetector):  # which has looked for no smaller ones
            least *= _TOLERANCE
        return merge_boxes(
            box
            for box in self._detector.detect(image)
            if (self.min_score is None or box.score >= self.min_score)
            and box.size * self._framing.scale >= least
            and clip_box(box, height, width) is not None
        )

    @property
    def _framing(self) -> Framing:
        framing: Framing = getattr(self._detector, "framing", Framing())
        return framing

    def _choose_turn(self, image: NDArray[np.uint8], boxes: list[FaceBox]) -> int:
        """Quarter turns that show a surer face than the picture does as it is."""
        sure = getattr(self._detector, "sure_score", -math.inf)
        best, quarters = max((box.score for box in boxes), default=-math.inf), 0
        if boxes and best >= sure:
            return _common_turn([box for box in boxes if box.score >= sure])
        small = shrink(image, _TURNED_SIDE)
        for other in _TURNS:
            found = self._detect(np.ascontiguousarray(np.rot90(small, other)))
            surest = max((box.score for box in found), default=-math.inf)
            if surest >= sure and surest > best:
                # Detectors that see eyes find faces that lie on their side too.
                best, quarters = surest, (other + _common_turn(found)) % 4
        return quarters

    def _largest(self, boxes: list[FaceBox]) -> list[FaceBox]:
        """As many of the boxes as are to be kept, in their order."""
        by_area = sorted(range(len(boxes)), key=lambda i: -boxes[i].width * boxes[i].height)
        return [boxes[i] for i in sorted(by_area[: self.max_faces])]

    def _cut(
        self, turned: NDArray[np.uint8], box: FaceBox, quarters: int, shape: tuple[int, ...]
    ) -> FoundFace:
        face = crop_face(turned, box, size=self.size, align=self.align, framing=self._framing)
        height, width = shape
        return FoundFace(face, clip_box(turn_back(box, quarters, height, width), height, width))

    def _remarks(self, image: NDArray[np.uint8], quarters: int, n_left_out: int) -> Iterator[str]:
        if quarters:
            yield f"found after turning the picture by {_TURNS[quarters]}"
        if isinstance(self._detector, ScalingDetector):
            smallest = self._detector.smallest_face(*image.shape[:2])
            if smallest > (self.min_face or SMALLEST_FACE):
                yield f"faces below {math.ceil(smallest)} pixels were not looked for"
        if n_left_out:
            yield f"{n_left_out} smaller {'face' if n_left_out == 1 else 'faces'} left out"

    def _is_face(self, image: NDArray[np.uint8]) -> bool:
        """Whether "auto" takes a picture for a face."""
        side = max(image.shape[:2])
        if side > LARGEST_CROP:
            return False
        if side <= SMALL_PICTURE and (image.ndim == 2 or bool((image == image[..., :1]).all())):
            return True
        return isinstance(self._detector, BlazeFaceDetector) and self._detector.fills(image)


def _common_turn(boxes: list[FaceBox]) -> int:
    """Quarter turns to the left that bring most faces upright, by the directions of their eyes."""
    votes = Counter(round(tilt(box.eyes) / (math.pi / 2)) % 4 for box in boxes if box.eyes)
    return votes.most_common(1)[0][0] if votes else 0


def _choose_detector(detector: str | Detector, min_face: int | None) -> Detector | None:
    if not isinstance(detector, str):
        return detector
    if detector == "skip":
        return None
    return create_detector("blazeface" if detector == "auto" else detector, min_face=min_face)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What the search of an item found.

    Parameters
    ----------
    path : str
        The picture or the video.
    frame : int or None
        Number of the frame, from 0; None for a picture, and for a video that cannot be read.
    time : float or None
        Seconds from the video's beginning to the frame.
    faces : list of FoundFace
        Empty unless the status is "ok".
    status : {"ok", "no_face", "unreadable", "empty", "missing", "too_large"}
    reason : str
        Why there is no face, or what else is to be known of those found, in plain words.
    frame_copy : bytes or None
        The frame, or the picture that was given as such, as a JPEG file, if it was to be kept.
    rate : float or None
        Frames a second, by what a video states.
    """

    path: str
    frame: int | None
    time: float | None
    faces: list[FoundFace]
    status: Status
    reason: str = ""
    frame_copy: bytes | None = None
    rate: float | None = None


def search_item(
    item: Item, finder: FaceFinder, *, keep_frame: bool = False, turn: bool = True
) -> SearchResult:
    """Find the faces in an item; what is wrong with it becomes a part of the result.

    Parameters
    ----------
    item : Item
    finder : FaceFinder
    keep_frame : bool, default=False
        Whether to keep a copy of a video's frame, or of a picture that is no file.
    turn : bool, default=True
        Whether to turn pictures in which no face is sure, as :meth:`FaceFinder.search` does.

    Returns
    -------
    SearchResult
        Errors of the finder make it "unreadable", so that one odd picture does not end a long run.
    """
    number, time = (item.frame.number, item.frame.time) if item.frame else (None, None)
    try:
        image, note = read_item(item)
        try:
            # Films are seldom turned, and many of their frames have no face.
            faces, remark = finder.search(image, turn=turn and item.frame is None)
        except Exception as error:  # a detector of the user's, or a native one, may raise anything
            reason = f"the search for faces failed ({type(error).__name__}: {error})"
            raise FileProblem("unreadable", " ".join(reason.split())) from error
    except FileProblem as problem:
        return SearchResult(item.path, number, time, [], problem.status, problem.reason)
    # Frames are copied as files, of which a batch takes far less memory than of arrays.
    copy = _encode_jpeg(image) if keep_frame and (item.frame or item.given) else None
    status: Status = "ok" if faces else "no_face"
    reason = "; ".join(filter(None, ("" if faces else "no face was found", remark, note)))
    rate = item.frame.rate if item.frame else None
    return SearchResult(item.path, number, time, faces, status, reason, copy, rate)


def _encode_jpeg(image: NDArray[np.uint8]) -> bytes:
    import cv2

    return bytes(cv2.imencode(".jpg", image)[1].tobytes())
