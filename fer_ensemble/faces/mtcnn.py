"""MTCNN as a face detector, through the package ``mtcnn``."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.boxes import FaceBox, Framing
from fer_ensemble.faces.shrinking import enlarge, shrink

#: Side in pixels of the smallest face that is looked for in what the package is given. With a
#: larger one the package makes layers of its pyramid too small for its network, and finds nothing
#: at all: larger faces are reached by shrinking the picture instead.
_SMALLEST = 20


class MTCNNDetector:
    """Finds faces and their eyes with three networks in a row, each smaller in what it lets by.

    The networks are those of [1]_ in the package ``mtcnn``, which brings their weights and runs
    on TensorFlow. Pictures whose longer side is above 1280 pixels are shrunk to it first. May be
    used by several threads, which wait for each other: the networks use all processors.

    Parameters
    ----------
    min_face : int, default=20
        Side of the smallest face to look for, in pixels; 20 at the least.

    Attributes
    ----------
    framing : Framing
        Median relation of its boxes to the squares of FER2013, on faces of Training
        (``experiments/framing.py``).

    Raises
    ------
    ImportError
        If the package is not installed.

    References
    ----------
    .. [1] K. Zhang, Z. Zhang, Z. Li and Y. Qiao. Joint face detection and alignment using
       multitask cascaded convolutional networks. IEEE Signal Processing Letters 23(10), 2016.
    """

    framing = Framing(right=0.005, down=-0.004, scale=1.081)

    def __init__(self, *, min_face: int = 20) -> None:
        try:
            from mtcnn import MTCNN
        except ImportError as error:
            raise ImportError(
                "the detector mtcnn needs a package: pip install 'fer-ensemble[mtcnn]'"
            ) from error
        self.min_face = min_face
        self._networks = MTCNN()
        self._one_at_a_time = threading.Lock()

    def detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Find the faces in a picture.

        Parameters
        ----------
        image : ndarray of shape (height, width) or (height, width, 3), uint8
            Gray, or colour in the order blue, green, red.

        Returns
        -------
        list of FaceBox
            With eyes. The score is the last network's probability of a face.
        """
        import cv2

        image, factor = shrink(image, self.min_face, _SMALLEST)
        order = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
        colour = cv2.cvtColor(image, order)
        with self._one_at_a_time:
            rows = self._networks.detect_faces(
                colour, fit_to_image=False, output_type="numpy", min_face_size=_SMALLEST
            )
        return [enlarge(_box(row), factor) for row in np.asarray(rows, float)]


def _box(row: NDArray[np.float64]) -> FaceBox:
    """Read a row: number of the picture, place, probability, five columns and five rows."""
    x, y, width, height, score = (float(value) for value in row[1:6])
    points_x, points_y = row[6:11], row[11:16]
    eyes = [(float(points_x[eye]), float(points_y[eye])) for eye in (0, 1)]
    return FaceBox(x, y, width, height, score, (eyes[0], eyes[1]))
