"""What speaks for the label of a face in a request: asked in a thread, in small pieces."""

from __future__ import annotations

import asyncio
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.explanation import Explanation, FaceExplainer
from fer_ensemble.faces.finding import SearchResult
from fer_ensemble.faces.inputs import GivenPicture
from fer_ensemble.serving.picture_search import Search, SearchThreads
from fer_ensemble.serving.refusals import Refusal
from fer_ensemble.serving.shared_models import SharedModel

# Covered faces that are asked about at once. Those of other requests are predicted in between.
_AT_ONCE = 16


class _Shared:
    """A model that is asked in turns with other requests, until nobody waits any more."""

    def __init__(self, model: SharedModel, given_up: Event) -> None:
        self._model = model
        self._given_up = given_up

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model.classifier, name)

    def predict_proba(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        parts = []
        for start in range(0, len(faces), _AT_ONCE):
            if self._given_up.is_set():
                raise InterruptedError
            parts.append(self._model.submit(faces[start : start + _AT_ONCE]).result())
        return np.concatenate(parts)


def import_drawing() -> None:
    """Import all that drawing takes, before threads do."""
    blank = np.zeros((8, 8), np.uint8)
    Explanation("", 0.0, {"": 0.0}, blank, blank.astype(np.float32)).draw()


async def explain_face(
    pictures: list[GivenPicture],
    model: SharedModel,
    threads: SearchThreads,
    search: Search,
    *,
    face: int,
    frame: int | None,
    label: str | None,
) -> Explanation:
    """Explain the label of one face.

    Parameters
    ----------
    pictures : list of GivenPicture
        One.
    model : SharedModel
    threads : SearchThreads
    search : Search
    face : int
        Its number in the picture or frame, as rows have it.
    frame : int or None
        Of an animated picture, by default the first with faces.
    label : str or None
        By default the most probable.

    Returns
    -------
    Explanation

    Raises
    ------
    Refusal
        413 if there are several pictures, or it may not be read for its size; 415 if it cannot be
        read; 422 if there is no such face or label.
    """
    if len(pictures) != 1:
        raise Refusal(413, "too_many_pictures", "A request explains one picture: send one.")
    if label is not None and label not in model.class_names:
        known = ", ".join(model.class_names)
        raise Refusal(422, "bad_parameter", f"label: there is none of that name; use {known}.")
    with model.searching():
        results = await threads.run(search, pictures)
    pixels = _choose_face(results, face, frame)
    given_up = Event()
    explainer = FaceExplainer(_Shared(model, given_up), model.class_names)
    try:
        return await asyncio.to_thread(explainer.explain, pixels, label)
    finally:
        given_up.set()


def _choose_face(results: list[SearchResult], face: int, frame: int | None) -> NDArray[np.uint8]:
    chosen = [result for result in results if frame is None or result.frame == frame]
    found = next((result for result in chosen if result.faces), None)
    if found is not None and face < len(found.faces):
        return found.faces[face].face
    failed = next((one for one in results if one.status not in ("ok", "no_face")), None)
    if found is None and failed is not None:
        large = failed.status == "too_large"
        status, code = (413, "picture_too_large") if large else (415, "unreadable")
        raise Refusal(status, code, f"The picture cannot be read: {failed.reason}.")
    n_faces = 0 if found is None else len(found.faces)
    raise Refusal(
        422,
        "no_such_face",
        f"There is no face {face}: {n_faces} were found, and are numbered from 0.",
    )
