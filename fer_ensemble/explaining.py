"""Explaining the labels of faces, for Python users: of pictures, or of faces that were cut out."""

from __future__ import annotations

import os

import numpy as np

from fer_ensemble.artifact import load_predictor, read_manifest, resolve_model
from fer_ensemble.datasets import emotion_names
from fer_ensemble.explanation import Explanation, FaceExplainer
from fer_ensemble.faces import (
    Detector,
    FaceClassifier,
    FaceFinder,
    Input,
    PictureListing,
    Predicted,
    predict_files,
)
from fer_ensemble.libraries import require_for_members
from fer_ensemble.pixels import MOST_CHANNELS


def explain(
    image: Input,
    model: str | os.PathLike[str] | FaceClassifier | None = None,
    *,
    label: str | None = None,
    detector: str | Detector = "auto",
    align: bool = True,
    fill: str = "blur",
    patch: int | None = None,
    stride: int | None = None,
) -> list[Explanation]:
    """Tell what speaks for the label of each face in a picture.

    A map shows which places of the face speak for the label, by covering one after the other; of
    an ensemble, each member is told apart; and where a member measures landmarks, so is each trait
    of the face's shape, such as the width of the mouth. None of this tells whether the label is
    right, only what moved the model.

    Parameters
    ----------
    image : path-like, array, picture of Pillow's, bytes or binary file
        A picture, as `predict_faces` takes it. Or faces that were cut out: an array of shape
        (n_faces, side, side), uint8, of the size that the model takes.
    model : path-like, "fast" or classifier, optional
        As of :func:`~fer_ensemble.predict_faces`. Any classifier gets a map; members and landmarks
        are told of this package's ensembles.
    label : str, optional
        The label to explain, as in "why not happy?"; by default the most probable of each face.
    detector, align
        As of :func:`~fer_ensemble.predict_faces`; unused for faces that were cut out.
    fill, patch, stride
        How places are covered, see :func:`~fer_ensemble.explanation.occlusion_map`.

    Returns
    -------
    list of Explanation
        One for each face, in the order in which `predict_faces` gives them; none if no face is
        found. ``draw`` makes a picture of it, ``to_dict`` what JSON takes.

    Raises
    ------
    ArtifactError
        If no ensemble is saved in `model`, or it is damaged, or the package came without weights.
    MissingLibraryError
        If the model or the detector needs a library that is not installed.
    ValueError
        If the picture cannot be read, there is no such label or detector, or a setting is out of
        its range.

    Examples
    --------
    >>> from fer_ensemble import explain
    >>> from fer_ensemble.datasets import make_faces
    >>> [found] = explain(make_faces(1, random_state=0).images, "fast")
    >>> found.map.shape
    (48, 48)
    """
    classifier: FaceClassifier
    if isinstance(model, str | os.PathLike | None):
        manifest = read_manifest(resolve_model(model))
        names, size = list(manifest.class_names), manifest.preprocessing["size"]
        classifier = load_predictor(model)
        require_for_members(getattr(classifier, "members_", ()))
    else:
        names, size = list(emotion_names(model.classes_)), 48
        classifier = model
    explainer = FaceExplainer(classifier, names, fill=fill, patch=patch, stride=stride)
    if isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] > MOST_CHANNELS:
        faces = list(image)
    else:
        found: list[Predicted] = []
        batches = predict_files(
            classifier,
            PictureListing(image),
            class_names=names,
            finder=FaceFinder(detector, align=align, size=size),
            explain=found.extend,
        )
        for _ in batches:
            pass
        for result, _ in found:
            if result.status not in ("ok", "no_face"):
                raise ValueError(f"{result.path}: {result.reason}")
        faces = [face.face for result, _ in found for face in result.faces]
    return [explainer.explain(face, label) for face in faces]
