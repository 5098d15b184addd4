"""Detectors of faces: what each is called, and what it does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.blazeface import BlazeFaceDetector
from fer_ensemble.faces.boxes import Detector, FaceBox, Framing
from fer_ensemble.faces.decode import to_gray
from fer_ensemble.faces.scales import ScalingDetector
from fer_ensemble.libraries import quiet_start, require
from fer_ensemble.suggestions import did_you_mean


class DetectorError(ValueError):
    """There is no such detector, or it cannot work here; the message says what to do."""


def create_detector(name: str, *, min_face: int | None = None) -> Detector:
    """Make a detector.

    Parameters
    ----------
    name : {"blazeface", "haar", "mtcnn"} or "yunet:MODEL"
        A key of `DETECTORS`, where MODEL is the path of YuNet's ONNX file.
    min_face : int, optional
        Side of the smallest face to look for, in pixels. Larger is faster. By default 20, and more
        in large pictures; each detector says how much.

    Returns
    -------
    Detector

    Raises
    ------
    DetectorError
        If no detector has that name, its file cannot be read, or OpenCV lacks what it needs.
    MissingLibraryError
        If the detector needs a package that is not installed.
    """
    kind, colon, model_file = name.partition(":")
    create = DETECTORS.get(f"{kind}:MODEL" if colon else kind)
    if create is None:
        raise DetectorError(
            f"there is no detector {name!r}: use {', '.join(DETECTORS)} (MODEL is the path of "
            "YuNet's ONNX file), or auto or skip where faces are looked for in pictures."
            + did_you_mean(name, [*DETECTORS, "auto", "skip"])
        )
    return create(model_file, min_face=min_face) if colon else create(min_face=min_face)


class HaarDetector(ScalingDetector):
    """Finds upright faces seen from the front, without weights beyond those that OpenCV brings.

    Gray values are searched by a cascade of boosted Haar features [1]_, extended by tilted ones
    [2]_. Faces below 24 pixels are not found. Boxes are squares without eyes; their score is
    the sum that the cascade's last stage came to, of which about 54 suffices for a face. May be
    used by several threads at once.

    Parameters
    ----------
    min_face : int, optional
        Side of the smallest face to look for, in pixels. By default 20, and a 53rd of the longer
        side of larger pictures than of 1067 pixels.

    Attributes
    ----------
    framing : Framing
        Median relation of its boxes to the squares of FER2013, on faces of Training
        (``experiments/framing.py``).

    Raises
    ------
    DetectorError
        If the OpenCV that is installed has no cascades, as from release 5 on.

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
    sure_score = 55
    # Smaller faces cost most of the time and are hardly found.
    smallest = 24

    # It finds as many faces as OpenCV's default cascade, and takes far fewer other things for
    # faces.
    _CASCADE = "haarcascade_frontalface_alt2.xml"

    def __init__(self, *, min_face: int | None = None) -> None:
        super().__init__(min_face=min_face)
        _check_cascades()
        # A cascade keeps the picture that it searches, so each thread has one of its own.
        self._own = threading.local()

    def detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:  # noqa: D102
        return super().detect(to_gray(image))

    def _search(self, image: NDArray[np.uint8], min_face: float) -> list[FaceBox]:
        side = round(max(self.smallest, min_face))
        boxes, _, scores = self._cascade().detectMultiScale3(
            image,
            scaleFactor=1.15,
            minNeighbors=2,
            minSize=(side, side),
            outputRejectLevels=True,
        )
        return [
            FaceBox(float(x), float(y), float(width), float(height), float(score))
            for (x, y, width, height), score in zip(boxes, scores, strict=True)
        ]

    def _cascade(self) -> Any:
        if not hasattr(self._own, "cascade"):
            import cv2

            file = Path(cv2.data.haarcascades, self._CASCADE)
            self._own.cascade = cv2.CascadeClassifier(str(file))
        return self._own.cascade


def _check_cascades() -> None:
    import cv2
    import cv2.data  # here, before there are threads: two of which that import it may both fail

    # Nothing that is installed with this package brings release 5, but other packages do.
    if not hasattr(cv2, "CascadeClassifier"):
        raise DetectorError(
            f"OpenCV {cv2.__version__}, which is installed, has no cascades for the detector haar: "
            "pip install 'opencv-python-headless<5' (after pip uninstall opencv-python, if that is "
            "there), or take the detector blazeface, which needs none"
        )


class MTCNNDetector(ScalingDetector):
    """Finds faces and their eyes with three networks in a row, each smaller in what it lets by.

    The networks are those of [1]_ in the package ``mtcnn``, which brings their weights and runs
    on TensorFlow. Boxes have eyes; their score is the last network's probability of a face. May be
    used by several threads, which wait for each other: the networks use all processors.

    Parameters
    ----------
    min_face : int, optional
        Side of the smallest face to look for, in pixels; 20 at the least. By default 20, and a 64th
        of the longer side of larger pictures than of 1280 pixels.

    Attributes
    ----------
    framing : Framing
        Median relation of its boxes to the squares of FER2013, on faces of Training
        (``experiments/framing.py``).

    Raises
    ------
    MissingLibraryError
        If the package is not installed.

    References
    ----------
    .. [1] K. Zhang, Z. Zhang, Z. Li and Y. Qiao. Joint face detection and alignment using
       multitask cascaded convolutional networks. IEEE Signal Processing Letters 23(10), 2016.
    """

    framing = Framing(right=0.005, down=-0.004, scale=1.081)
    sure_score = 0.95
    # The package is always asked for faces from this side on. With a larger one it makes layers of
    # its pyramid too small for its network, and finds nothing at all: larger faces are reached by
    # shrinking the picture instead.
    smallest = 20

    def __init__(self, *, min_face: int | None = None) -> None:
        require("mtcnn", "The detector mtcnn")
        require("tensorflow", "The detector mtcnn")
        super().__init__(min_face=min_face)
        self._one_at_a_time = threading.Lock()
        with quiet_start("mtcnn"):
            from mtcnn import MTCNN

            self._networks = MTCNN()
            self.detect(np.zeros((64, 64), np.uint8))  # TensorFlow starts with its first network

    def _search(self, image: NDArray[np.uint8], min_face: float) -> list[FaceBox]:
        import cv2

        order = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
        colour = cv2.cvtColor(image, order)
        with self._one_at_a_time:
            rows = self._networks.detect_faces(
                colour, fit_to_image=False, output_type="numpy", min_face_size=self.smallest
            )
        return [self._read_row(row) for row in np.asarray(rows, float)]

    @staticmethod
    def _read_row(row: NDArray[np.float64]) -> FaceBox:
        # The picture's number, the box, the probability, five columns and five rows of points.
        x, y, width, height, score = (float(value) for value in row[1:6])
        points_x, points_y = row[6:11], row[11:16]
        eyes = [(float(points_x[eye]), float(points_y[eye])) for eye in (0, 1)]
        return FaceBox(x, y, width, height, score, (eyes[0], eyes[1]))


class YuNetDetector(ScalingDetector):
    """Finds faces and their eyes with one small network [1]_ that OpenCV runs.

    Boxes have eyes; their score is between `min_score` and 1. May be used by several threads at
    once.

    Parameters
    ----------
    model_file : path-like
        The network in ONNX, such as ``face_detection_yunet_2023mar.onnx`` of OpenCV's model zoo.
    min_face : int, optional
        Side of the smallest face to look for, in pixels. By default 20, and a 64th of the longer
        side of larger pictures than of 1280 pixels.
    min_score : float, default=0.6
        Faces of which the network is less sure are left out.
    framing : Framing, optional
        How its boxes relate to the squares of FER2013. By default that of MTCNN, which learned
        from the same boxes (WIDER FACE); it was not measured on YuNet.

    Raises
    ------
    DetectorError
        If the file cannot be read, or is no such network.

    References
    ----------
    .. [1] W. Wu, H. Peng and S. Yu. YuNet: a tiny millisecond-level face detector. Machine
       Intelligence Research 20, 2023.
    """

    sure_score = 0.85
    # Pictures are shrunk no further than to this.
    smallest = 20

    def __init__(
        self,
        model_file: str | os.PathLike[str],
        *,
        min_face: int | None = None,
        min_score: float = 0.6,
        framing: Framing = MTCNNDetector.framing,
    ) -> None:
        super().__init__(min_face=min_face)
        self.model_file = os.fspath(model_file)
        self.min_score = min_score
        self.framing = framing
        # A network keeps the size of the picture that it searches, so each thread has its own.
        self._own = threading.local()
        self._network()  # a wrong file is an error here, not at the first picture

    def _search(self, image: NDArray[np.uint8], min_face: float) -> list[FaceBox]:
        import cv2

        if image.ndim == 2:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
        network = self._network()
        network.setInputSize((image.shape[1], image.shape[0]))
        rows = network.detect(image)[1]
        return [] if rows is None else [self._read_row(row) for row in rows.tolist()]

    def _network(self) -> Any:
        if not hasattr(self._own, "network"):
            import cv2

            if not os.path.isfile(self.model_file):
                raise DetectorError(f"{self.model_file}: no such file; give YuNet's ONNX file")
            try:
                self._own.network = cv2.FaceDetectorYN.create(
                    self.model_file, "", (320, 320), score_threshold=self.min_score
                )
            except cv2.error as error:
                raise DetectorError(
                    f"{self.model_file}: not a network that OpenCV can read; give YuNet's ONNX file"
                ) from error
        return self._own.network

    @staticmethod
    def _read_row(row: list[float]) -> FaceBox:
        # The box, five points of which the first two are the eyes, the score.
        x, y, width, height, left_x, left_y, right_x, right_y = row[:8]
        return FaceBox(x, y, width, height, row[14], ((left_x, left_y), (right_x, right_y)))


#: What makes the detector of each name. Where the name ends with ":MODEL", what the user writes
#: after the colon is passed on as the first argument. Nothing else names detectors, but for the
#: help of ``fer-ensemble predict``, which is shown without importing this; a test compares them.
DETECTORS: dict[str, Callable[..., Detector]] = {
    "blazeface": BlazeFaceDetector,
    "haar": HaarDetector,
    "mtcnn": MTCNNDetector,
    "yunet:MODEL": YuNetDetector,
}
