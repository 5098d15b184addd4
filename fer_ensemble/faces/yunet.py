"""YuNet as a face detector, through OpenCV and a model file that the user has."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.boxes import FaceBox, Framing
from fer_ensemble.faces.mtcnn import MTCNNDetector
from fer_ensemble.faces.shrinking import enlarge, shrink

#: Pictures are shrunk no further than to this side of the smallest face, in pixels.
_SMALLEST = 20


class YuNetDetector:
    """Finds faces and their eyes with one small network [1]_ that OpenCV runs.

    Pictures whose longer side is above 1280 pixels are shrunk to it first. May be used by several
    threads at once.

    Parameters
    ----------
    model_file : path-like
        The network in ONNX, such as ``face_detection_yunet_2023mar.onnx`` of OpenCV's model zoo.
    min_face : int, default=20
        Side of the smallest face to look for, in pixels.
    min_score : float, default=0.6
        Faces of which the network is less sure are left out.
    framing : Framing, optional
        How its boxes relate to the squares of FER2013. By default that of MTCNN, which learned
        from the same boxes (WIDER FACE); it was not measured on YuNet.

    Raises
    ------
    ValueError
        If the file cannot be read, or is no such network.

    References
    ----------
    .. [1] W. Wu, H. Peng and S. Yu. YuNet: a tiny millisecond-level face detector. Machine
       Intelligence Research 20, 2023.
    """

    def __init__(
        self,
        model_file: str | os.PathLike[str],
        *,
        min_face: int = 20,
        min_score: float = 0.6,
        framing: Framing = MTCNNDetector.framing,
    ) -> None:
        self.model_file = os.fspath(model_file)
        self.min_face = min_face
        self.min_score = min_score
        self.framing = framing
        # A network keeps the size of the picture that it searches, so each thread has its own.
        self._own = threading.local()
        self._network()

    def detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Find the faces in a picture.

        Parameters
        ----------
        image : ndarray of shape (height, width) or (height, width, 3), uint8
            Gray, or colour in the order blue, green, red.

        Returns
        -------
        list of FaceBox
            With eyes. The score is between `min_score` and 1.
        """
        import cv2

        image, factor = shrink(image, self.min_face, _SMALLEST)
        if image.ndim == 2:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
        network = self._network()
        network.setInputSize((image.shape[1], image.shape[0]))
        rows = network.detect(image)[1]
        return [] if rows is None else [enlarge(_box(row), factor) for row in rows.tolist()]

    def _network(self) -> Any:
        if not hasattr(self._own, "network"):
            import cv2

            if not os.path.isfile(self.model_file):
                raise ValueError(f"{self.model_file}: no such file; give YuNet's ONNX file")
            try:
                self._own.network = cv2.FaceDetectorYN.create(
                    self.model_file, "", (320, 320), score_threshold=self.min_score
                )
            except cv2.error as error:
                raise ValueError(
                    f"{self.model_file}: not a network that OpenCV can read; give YuNet's ONNX file"
                ) from error
        return self._own.network


def _box(row: list[float]) -> FaceBox:
    """Read a row: place, five points of which the first two are the eyes, score."""
    x, y, width, height, left_x, left_y, right_x, right_y = row[:8]
    return FaceBox(x, y, width, height, row[14], ((left_x, left_y), (right_x, right_y)))
