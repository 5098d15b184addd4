"""Faces in pictures: found by a detector and cropped, or the whole picture."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.boxes import Detector, FaceBox, Framing
from fer_ensemble.faces.decode import to_face, to_gray
from fer_ensemble.faces.detection import create_detector
from fer_ensemble.faces.framing import crop_face

#: A gray picture whose sides are no longer is taken for a face, in pixels.
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
        "haar", "mtcnn" or "yunet:MODEL" name detectors, of which :func:`create_detector` tells
        more. "skip" takes every picture for one face. "auto" takes gray pictures that are square,
        or have no side above 100 pixels, for faces, and searches all others with "haar"; a colour
        picture whose channels are equal is gray. Any object with a method `detect` will also do.
    align : bool, default=True
        Whether to turn faces so that their eyes are level, where the detector tells of eyes.
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
    ImportError
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
        self._detector = _resolve(detector, min_face)
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


def _resolve(detector: str | Detector, min_face: int) -> Detector | None:
    if not isinstance(detector, str):
        return detector
    if detector == "skip":
        return None
    return create_detector("haar" if detector == "auto" else detector, min_face=min_face)


def _is_face(image: NDArray[np.uint8]) -> bool:
    height, width = image.shape[:2]
    if height != width and max(height, width) > SMALL_PICTURE:
        return False
    return image.ndim == 2 or bool((image == image[..., :1]).all())
