"""OpenCV's cascade of Haar features as a face detector."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.boxes import FaceBox, Framing
from fer_ensemble.faces.decode import to_gray
from fer_ensemble.faces.shrinking import enlarge, shrink

#: It finds as many faces as OpenCV's default cascade, and takes far fewer other things for faces.
_CASCADE = "haarcascade_frontalface_alt2.xml"

#: Smaller faces, in pixels of what is searched, cost most of the time and are hardly found.
_SMALLEST = 24


class HaarDetector:
    """Finds upright faces seen from the front, without weights beyond those that OpenCV brings.

    Gray values are searched by a cascade of boosted Haar features [1]_, extended by tilted ones
    [2]_. Pictures whose longer side is above 1280 pixels are shrunk to it first, and faces below
    24 pixels of what is then searched are not found. May be used by several threads at once.

    Parameters
    ----------
    min_face : int, default=20
        Side of the smallest face to look for, in pixels.

    Attributes
    ----------
    framing : Framing
        Median relation of its boxes to the squares of FER2013, on faces of Training
        (``experiments/framing.py``).

    References
    ----------
    .. [1] P. Viola and M. Jones. Rapid object detection using a boosted cascade of simple
       features. CVPR, 2001.
    .. [2] R. Lienhart and J. Maydt. An extended set of Haar-like features for rapid object
       detection. ICIP, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> HaarDetector().detect(np.zeros((120, 160), np.uint8))
    []
    """

    framing = Framing(right=0.0, down=0.004, scale=1.057)

    def __init__(self, *, min_face: int = 20) -> None:
        self.min_face = min_face
        # A cascade keeps the picture that it searches, so each thread has one of its own.
        self._own = threading.local()

    def detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Find the faces in a picture.

        Parameters
        ----------
        image : ndarray of shape (height, width) or (height, width, 3), uint8
            Gray, or colour in the order blue, green, red.

        Returns
        -------
        list of FaceBox
            Squares without eyes. The score is the sum that the cascade's last stage came to; the
            sum that suffices for a face is about 54.
        """
        gray, factor = shrink(to_gray(image), self.min_face, _SMALLEST)
        least = round(max(_SMALLEST, self.min_face / factor))
        boxes, _, scores = self._cascade().detectMultiScale3(
            gray,
            scaleFactor=1.15,
            minNeighbors=2,
            minSize=(least, least),
            outputRejectLevels=True,
        )
        return [
            enlarge(FaceBox(float(x), float(y), float(width), float(height), float(score)), factor)
            for (x, y, width, height), score in zip(boxes, scores, strict=True)
        ]

    def _cascade(self) -> Any:
        if not hasattr(self._own, "cascade"):
            import cv2
            import cv2.data

            self._own.cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades, _CASCADE)))
        return self._own.cascade
