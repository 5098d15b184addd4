"""Expressions of the faces in pictures and videos, as a table in Python."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import chain
from typing import Any

from fer_ensemble.artifact import load_model, read_manifest, resolve_model
from fer_ensemble.datasets import emotion_names
from fer_ensemble.faces import (
    Detector,
    FaceFinder,
    PictureListing,
    Predictions,
    predict_files,
)


def predict_faces(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    model: Any = None,
    *,
    detector: str | Detector = "auto",
    align: bool = True,
    min_face: int = 20,
    face_size: int | None = None,
    every: int = 1,
    batch_size: int = 256,
    n_jobs: int = -1,
    min_confidence: float = 0.0,
    annotate_to: str | os.PathLike[str] | None = None,
) -> Predictions:
    """Predict the expression of each face in pictures and videos.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Pictures, videos, folders of them and patterns; see `PictureListing`.
    model : path-like, "fast" or classifier, optional
        By default the ensemble that comes with the package, or with "fast" its cheapest member;
        the folder of a saved ensemble; or a fitted classifier with ``classes_`` and a
        ``predict_proba`` that takes faces of shape (n_samples, size, size), uint8.
    detector : str or Detector, default="auto"
        What finds the faces; see `FaceFinder`, also for `align` and `min_face`.
    align : bool, default=True
        Whether to turn faces so that their eyes are level, where the detector tells of eyes.
    min_face : int, default=20
        Side of the smallest face, in pixels.
    face_size : int, optional
        Side of the faces that the model takes, in pixels. By default that of the saved ensemble;
        48 for a classifier.
    every : int, default=1
        Of so many frames of a video the first is looked at.
    batch_size : int, default=256
        Faces predicted at once.
    n_jobs : int, default=-1
        Threads that decode and search; -1 for one on each of the processor's cores.
    min_confidence : float, default=0.0
        Faces whose most probable class is less probable than this get no label and the status
        "unsure".
    annotate_to : path-like, optional
        Folder for annotated copies of the pictures.

    Returns
    -------
    Predictions
        A `Prediction` for each face, and for each picture or frame without one. Its methods
        `write` and `to_frame` give the table that ``fer-ensemble predict`` writes.

    Raises
    ------
    ArtifactError
        If no ensemble is saved in `model`, or it is damaged, or the package came without weights.
    ImportError
        If the detector needs a package that is not installed.
    ValueError
        If there is no such detector, or a setting is out of its range.
    """
    if model is None or isinstance(model, str | os.PathLike):
        size = face_size or read_manifest(resolve_model(model)).preprocessing["size"]
        classifier: Any = load_model(model)
    else:
        classifier, size = model, face_size or 48
    names = emotion_names(classifier.classes_)
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    batches = predict_files(
        classifier,
        PictureListing(given, left_out=annotate_to),
        class_names=names,
        finder=FaceFinder(detector, align=align, min_face=min_face, size=size),
        every=every,
        batch_size=batch_size,
        n_jobs=n_jobs,
        min_confidence=min_confidence,
        annotate_to=annotate_to,
    )
    return Predictions(chain.from_iterable(batches), names)
