"""The faces that are seen in one item: a picture, or a frame of a video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.decode import decode_image
from fer_ensemble.faces.files import FileProblem, Status, naming_problems, read_file
from fer_ensemble.faces.finding import FaceFinder, FoundFace
from fer_ensemble.faces.inputs import Item


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen in an item.

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
        Why there is no face, in plain words; empty if there is one.
    frame_copy : bytes or None
        The frame as a JPEG file, if it was to be kept.
    """

    path: str
    frame: int | None
    time: float | None
    faces: list[FoundFace]
    status: Status
    reason: str = ""
    frame_copy: bytes | None = None


def look(item: Item, finder: FaceFinder, *, keep_frame: bool = False) -> Sighting:
    """Find the faces in an item; whatever is wrong with it is told.

    Parameters
    ----------
    item : Item
    finder : FaceFinder
    keep_frame : bool, default=False
        Whether to keep a copy of a video's frame.

    Returns
    -------
    Sighting
        Errors of the finder make it "unreadable", so that one odd picture does not end a long run.
    """
    number, time = (item.frame.number, item.frame.time) if item.frame else (None, None)
    try:
        image = _image(item)
        try:
            faces = finder.find(image)
        except Exception as error:
            reason = f"the search for faces failed ({type(error).__name__}: {error})"
            raise FileProblem("unreadable", " ".join(reason.split())) from error
    except FileProblem as problem:
        return Sighting(item.path, number, time, [], problem.status, problem.reason)
    copy = _jpeg(image) if keep_frame and item.frame else None
    if faces:
        return Sighting(item.path, number, time, faces, "ok", frame_copy=copy)
    return Sighting(item.path, number, time, [], "no_face", "no face was found", copy)


def _image(item: Item) -> NDArray[np.uint8]:
    if item.problem is not None:
        raise item.problem
    if item.frame is not None:
        return item.frame.image
    with naming_problems(item.path):
        return decode_image(read_file(item.path))


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    import cv2

    return bytes(cv2.imencode(".jpg", image)[1].tobytes())
