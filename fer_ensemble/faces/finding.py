"""Finding the faces in a picture, and in an item: a picture's file, or a frame of a video."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.boxes import Detector, FaceBox, Framing, crop_face
from fer_ensemble.faces.decode import to_face, to_gray
from fer_ensemble.faces.detectors import create_detector
from fer_ensemble.faces.inputs import FileProblem, Item, Status, read_item

#: A gray picture whose sides are no longer is taken for a face, in pixels: faces that were cut out
#: for a data set are small or square, and gray (FER2013's have 48 pixels); photographs are not.
SMALL_PICTURE = 100


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


class FaceFinder:
    """Finds the faces in pictures; may be used by several threads at once.

    Parameters
    ----------
    detector : str or Detector, default="auto"
        The name of a detector, as :func:`create_detector` takes it; or "skip", which takes every
        picture for one face; or "auto", which takes gray pictures that are square, or have no side
        above 100 pixels, for faces, and searches all others with "haar" (a colour picture whose
        channels are equal is gray). Any object with a method `detect` will also do.
    align : bool, default=True
        Whether to turn faces so that their eyes are level, where the detector finds eyes.
    min_face : int, default=20
        Faces are left out whose box has a side below this, in pixels.
    size : int, default=48
        Side of the faces that are returned, in pixels.

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
        min_face: int = 20,
        size: int = 48,
    ) -> None:
        self.align = align
        self.min_face = min_face
        self.size = size
        self.n_taken_whole = 0
        self.n_searched = 0
        self._name = detector if isinstance(detector, str) else None
        self._detector = _choose_detector(detector, min_face)
        # Threads count together, and += is no single step.
        self._counting = threading.Lock()

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
        if self._detector is None or (self._name == "auto" and _is_face(image)):
            with self._counting:
                self.n_taken_whole += 1
            return [FoundFace(to_face(to_gray(image), self.size), None)]
        with self._counting:
            self.n_searched += 1
        boxes = [box for box in self._detector.detect(image) if self._is_large_enough(box)]
        boxes.sort(key=lambda box: (-box.score, box.x, box.y))
        framing = getattr(self._detector, "framing", Framing())
        return [
            FoundFace(crop_face(image, box, size=self.size, align=self.align, framing=framing), box)
            for box in boxes
        ]

    def _is_large_enough(self, box: FaceBox) -> bool:
        return min(box.width, box.height) >= self.min_face


def _choose_detector(detector: str | Detector, min_face: int) -> Detector | None:
    if not isinstance(detector, str):
        return detector
    if detector == "skip":
        return None
    return create_detector("haar" if detector == "auto" else detector, min_face=min_face)


def _is_face(image: NDArray[np.uint8]) -> bool:
    """Whether "auto" takes a picture for a face."""
    height, width = image.shape[:2]
    if height != width and max(height, width) > SMALL_PICTURE:
        return False
    return image.ndim == 2 or bool((image == image[..., :1]).all())


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
    """

    path: str
    frame: int | None
    time: float | None
    faces: list[FoundFace]
    status: Status
    reason: str = ""
    frame_copy: bytes | None = None


def search_item(item: Item, finder: FaceFinder, *, keep_frame: bool = False) -> SearchResult:
    """Find the faces in an item; what is wrong with it becomes a part of the result.

    Parameters
    ----------
    item : Item
    finder : FaceFinder
    keep_frame : bool, default=False
        Whether to keep a copy of a video's frame, or of a picture that is no file.

    Returns
    -------
    SearchResult
        Errors of the finder make it "unreadable", so that one odd picture does not end a long run.
    """
    number, time = (item.frame.number, item.frame.time) if item.frame else (None, None)
    try:
        image, note = read_item(item)
        try:
            faces = finder.find(image)
        except Exception as error:  # a detector of the user's, or a native one, may raise anything
            reason = f"the search for faces failed ({type(error).__name__}: {error})"
            raise FileProblem("unreadable", " ".join(reason.split())) from error
    except FileProblem as problem:
        return SearchResult(item.path, number, time, [], problem.status, problem.reason)
    # Frames are copied as files, of which a batch takes far less memory than of arrays.
    copy = _encode_jpeg(image) if keep_frame and (item.frame or item.given) else None
    if faces:
        return SearchResult(item.path, number, time, faces, "ok", note, copy)
    reason = "; ".join(filter(None, ("no face was found", note)))
    return SearchResult(item.path, number, time, [], "no_face", reason, copy)


def _encode_jpeg(image: NDArray[np.uint8]) -> bytes:
    import cv2

    return bytes(cv2.imencode(".jpg", image)[1].tobytes())
