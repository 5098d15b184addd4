"""Face detectors by name."""

from __future__ import annotations

from fer_ensemble.faces.boxes import Detector, FaceBox, Framing

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
        from fer_ensemble.faces.haar import HaarDetector

        return HaarDetector(min_face=min_face)
    if name == "mtcnn":
        from fer_ensemble.faces.mtcnn import MTCNNDetector

        return MTCNNDetector(min_face=min_face)
    if name.startswith(_YUNET):
        from fer_ensemble.faces.yunet import YuNetDetector

        return YuNetDetector(name.removeprefix(_YUNET), min_face=min_face)
    raise ValueError(
        f"there is no detector {name!r}: use {', '.join(DETECTORS)} (MODEL is the path of YuNet's "
        "ONNX file), or auto or skip where faces are looked for in pictures"
    )
