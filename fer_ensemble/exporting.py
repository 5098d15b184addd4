"""Export a saved ensemble to ONNX, as ``fer-ensemble export`` does."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from fer_ensemble.artifact import (
    ArtifactError,
    has_ensemble,
    load_model,
    read_manifest,
    resolve_model,
    save_ensemble,
)
from fer_ensemble.artifact.exported_members import extractors_of, is_exported_member
from fer_ensemble.artifact.states import describe_parameters
from fer_ensemble.datasets import make_faces
from fer_ensemble.ensemble import BaseEnsemble
from fer_ensemble.models import MemberPipeline
from fer_ensemble.models.onnx_export import PRECISIONS, convert_classifier

# From so many faces the ranges of layers are learned: more change nothing.
_CALIBRATION_FACES = 512


def export_ensemble(
    model: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    *,
    precision: str = "float32",
    faces: NDArray[np.uint8] | None = None,
    overwrite: bool = False,
) -> BaseEnsemble:
    """Export a saved ensemble: the same artifact, its members as graphs in ONNX.

    What is written is loaded by `load_ensemble`, predicted with by `predict_faces` and by
    ``fer-ensemble predict --model``, without TensorFlow and XGBoost, and each graph can be run by
    any runtime of ONNX. Features (HOG, landmarks) are computed in front of the graphs, by this
    package alone.

    Parameters
    ----------
    model : path-like, "fast" or None
        The saved ensemble; see `load_model`.
    out : path-like
        Folder to make.
    precision : {"float32", "float16", "int8"}, default="float32"
        How the weights of networks are stored: as they are; rounded to half precision, which
        halves the files; or as whole numbers of 8 bits, in which convolutions then compute: a
        quarter of the size, and faster on processors that can.
    faces : ndarray of uint8 of shape (n_samples, size, size), optional
        Faces from which "int8" learns the range of every layer: such as were fitted on, never
        those on which the result will be measured. By default faces are drawn.
    overwrite : bool, default=False
        Whether an ensemble that stands in `out` may be replaced.

    Returns
    -------
    VotingEnsemble or StackingEnsemble
        What was saved.

    Raises
    ------
    ArtifactError
        If there is no ensemble, or one stands in `out`.
    ImportError
        If a converter is not installed.
    ValueError
        If a member has no converter, or there is no such precision.

    Examples
    --------
    >>> from fer_ensemble import export_ensemble
    >>> export_ensemble("model/", "model-onnx/", precision="float16")  # doctest: +SKIP
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r}: choose among {', '.join(PRECISIONS)}.")
    source, target = resolve_model(model), Path(out)
    if has_ensemble(target) and not overwrite:
        raise ArtifactError(
            f"{target} holds a saved ensemble already: choose another folder, or overwrite it."
        )
    manifest = read_manifest(source)
    if faces is None:
        size = manifest.preprocessing["size"]
        faces = make_faces(_CALIBRATION_FACES, size=size, random_state=0).images
    elif len(faces) > _CALIBRATION_FACES:
        chosen = np.random.RandomState(0).choice(len(faces), _CALIBRATION_FACES, replace=False)
        faces = faces[chosen]
    exported = convert_ensemble(load_model(model), precision=precision, faces=faces)
    data = {**manifest.data, "exported": {"precision": precision}}
    save_ensemble(
        exported,
        target,
        data=data,
        face_size=manifest.preprocessing["size"],
        overwrite=overwrite,
    )
    return exported


def convert_ensemble(
    ensemble: BaseEnsemble, *, precision: str = "float32", faces: NDArray[np.uint8]
) -> BaseEnsemble:
    """Copy a fitted ensemble, its members and its final estimator as graphs in ONNX.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
        Fitted; it stays as it is.
    precision, faces
        As of `export_ensemble`.

    Returns
    -------
    VotingEnsemble or StackingEnsemble
        Fitted.

    Raises
    ------
    ImportError
        If a converter is not installed.
    ValueError
        If a member has no converter.
    """
    converted = copy.copy(ensemble)
    converted.members_ = [
        (name, _convert_member(name, member, precision, faces))
        for name, member in ensemble.members_
    ]
    converted.members = converted.members_
    final = getattr(ensemble, "final_estimator_", None)
    if final is not None:
        converted.final_estimator_ = convert_classifier(final, describe_parameters(final))
    return converted


def _convert_member(
    name: str, member: Any, precision: str, faces: NDArray[np.uint8]
) -> Any:
    if is_exported_member(member):
        return member
    parameters = describe_parameters(member)
    steps = list(getattr(member, "steps", [(name, member)]))
    extracting: list[tuple[str, Any]] = []
    while len(steps) > 1 and extractors_of(steps[0][1]) is not None:
        extracting.append(steps.pop(0))
    try:
        graph = convert_classifier(
            steps[-1][1],
            parameters,
            transformers=steps[:-1],
            precision=precision,
            samples=Pipeline(extracting).transform(faces) if extracting else faces,
        )
    except ValueError as error:
        raise ValueError(f"The member {name!r}: {error}") from error
    if not extracting:
        return graph
    return MemberPipeline([*extracting, ("classifier", graph)], mirror=member.mirror)
