"""OpenCV's cascade of Haar features as a face detector."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.boxes import Detector, FaceBox, Framing, enlarge, shrink
from fer_ensemble.faces.decode import to_gray

#: It finds as many faces as OpenCV's default cascade, and takes far fewer other things for faces.
_CASCADE = "haarcascade_frontalface_alt2.xml"

#: Smaller faces, in pixels of what is searched, cost most of the time and are hardly found.
_HAAR_SMALLEST = 24


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
        gray, factor = shrink(to_gray(image), self.min_face, _HAAR_SMALLEST)
        least = round(max(_HAAR_SMALLEST, self.min_face / factor))
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


#: Side in pixels of the smallest face that is looked for in what the package is given. With a
#: larger one the package makes layers of its pyramid too small for its network, and finds nothing
#: at all: larger faces are reached by shrinking the picture instead.
_MTCNN_SMALLEST = 20


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

        image, factor = shrink(image, self.min_face, _MTCNN_SMALLEST)
        order = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
        colour = cv2.cvtColor(image, order)
        with self._one_at_a_time:
            rows = self._networks.detect_faces(
                colour, fit_to_image=False, output_type="numpy", min_face_size=_MTCNN_SMALLEST
            )
        return [enlarge(_mtcnn_box(row), factor) for row in np.asarray(rows, float)]


def _mtcnn_box(row: NDArray[np.float64]) -> FaceBox:
    """Read a row: number of the picture, place, probability, five columns and five rows."""
    x, y, width, height, score = (float(value) for value in row[1:6])
    points_x, points_y = row[6:11], row[11:16]
    eyes = [(float(points_x[eye]), float(points_y[eye])) for eye in (0, 1)]
    return FaceBox(x, y, width, height, score, (eyes[0], eyes[1]))


#: Pictures are shrunk no further than to this side of the smallest face, in pixels.
_YUNET_SMALLEST = 20


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

        image, factor = shrink(image, self.min_face, _YUNET_SMALLEST)
        if image.ndim == 2:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
        network = self._network()
        network.setInputSize((image.shape[1], image.shape[0]))
        rows = network.detect(image)[1]
        return [] if rows is None else [enlarge(_yunet_box(row), factor) for row in rows.tolist()]

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


def _yunet_box(row: list[float]) -> FaceBox:
    """Read a row: place, five points of which the first two are the eyes, score."""
    x, y, width, height, left_x, left_y, right_x, right_y = row[:8]
    return FaceBox(x, y, width, height, row[14], ((left_x, left_y), (right_x, right_y)))


__all__ = ["DETECTORS", "Detector", "FaceBox", "Framing", "create_detector"]

#: Names that `create_detector` knows.
DETECTORS = ("haar", "mtcnn", "yunet:MODEL")

_YUNET = "yunet:"


def create_detector(name: str, *, min_face: int = 20) -> Detector:
    """Make a detector.

    Parameters
    ----------
    name : {"haar", "mtcnn"} or "yunet:MODEL"
        MODEL is the path of YuNet's ONNX file.
    min_face : int, default=20
        Side of the smallest face to look for, in pixels. Larger is faster.

    Returns
    -------
    Detector

    Raises
    ------
    ValueError
        If no detector has that name, or the model file cannot be read.
    ImportError
        If the detector needs a package that is not installed.
    """
    if name == "haar":
        return HaarDetector(min_face=min_face)
    if name == "mtcnn":
        return MTCNNDetector(min_face=min_face)
    if name.startswith(_YUNET):
        return YuNetDetector(name.removeprefix(_YUNET), min_face=min_face)
    raise ValueError(
        f"there is no detector {name!r}: use {', '.join(DETECTORS)} (MODEL is the path of YuNet's "
        "ONNX file), or auto or skip where faces are looked for in pictures"
    )
