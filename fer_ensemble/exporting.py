"""Export a saved ensemble to ONNX, as ``fer-ensemble export`` does."""

from __future__ import annotations

import copy
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from fer_ensemble.artifact import (
    PRETRAINED,
    ArtifactError,
    has_ensemble,
    is_exported,
    load_model,
    read_manifest,
    resolve_model,
    save_ensemble,
)
from fer_ensemble.artifact.exported_members import extractors_of, takes_faces
from fer_ensemble.artifact.hub_folder import CONFIG, README, hub_files
from fer_ensemble.artifact.manifest import MODEL_CARD
from fer_ensemble.artifact.states import describe_parameters
from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.datasets import make_faces
from fer_ensemble.ensemble import BaseEnsemble, answer_held_out
from fer_ensemble.locks import holding_folder
from fer_ensemble.models import MemberPipeline, OnnxClassifier
from fer_ensemble.models.onnx_export import PRECISIONS, convert_classifier

# From so many faces the ranges of layers are learned: more change nothing.
_FACES = 512


@dataclass(frozen=True, eq=False)
class Export:
    """An ensemble that was exported, and how near it is to what it was.

    Attributes
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
        What was saved.
    path : Path
        Its folder.
    n_faces : int
        On how many faces both were asked; 0 if the ensemble takes no faces.
    largest_change : float
        The largest difference of a probability.
    agreement : float
        Share of faces that have the same label.
    """

    ensemble: BaseEnsemble
    path: Path
    n_faces: int = 0
    largest_change: float = 0.0
    agreement: float = 1.0


def export_ensemble(
    model: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    *,
    precision: str = "float32",
    faces: NDArray[np.uint8] | None = None,
    overwrite: bool = False,
    hub: bool = False,
    license: str | None = None,
) -> Export:
    """Export a saved ensemble: the same artifact, its members as graphs in ONNX.

    What is written is loaded by `load_ensemble`, predicted with by `predict_faces` and by
    ``fer-ensemble predict --model``, without TensorFlow and XGBoost, and each graph can be run by
    any runtime of ONNX. Features (HOG, landmarks) are computed in front of the graphs, by this
    package alone.

    Parameters
    ----------
    model : path-like, "ensemble", "fast" or None
        The saved ensemble, exported before perhaps; see `load_model`.
    out : path-like
        Folder to make.
    precision : {"float32", "float16", "int8"}, default="float32"
        How the weights of networks are stored: as they are; rounded to half precision, which
        halves the files; or as whole numbers of 8 bits, in which convolutions then compute: a
        quarter of the size, and faster on processors that can.
    faces : ndarray of uint8 of shape (n_samples, size, size), optional
        Faces from which "int8" learns the range of every layer, and on which the exported ensemble
        is compared with what it was: such as were fitted on, never those on which the result will
        be measured. By default faces are drawn. Of more than 512, so many are taken at random.
    overwrite : bool, default=False
        Whether an ensemble that stands in `out` may be replaced.
    hub : bool, default=False
        Whether to lay `out` out as a repository of the Hugging Face hub: ``README.md``, a card with
        metadata, in place of ``MODEL_CARD.md``, ``config.json`` and ``.gitattributes`` stand beside
        the graphs. Nothing is sent. What was exported before, with "float32", is copied as it is.
    license : str, optional
        For the card of a model of yours: as the hub has it, such as "apache-2.0", or the name of
        another. Models of the package have the package's.

    Returns
    -------
    Export

    Raises
    ------
    ArtifactError
        If there is no ensemble, or one, or a card, stands in `out`.
    MissingLibraryError
        If a converter is not installed.
    ValueError
        If a member has no converter, there is no such precision, or a license is given for what has
        one or goes nowhere.

    Examples
    --------
    >>> from fer_ensemble import export_ensemble
    >>> export_ensemble("model/", "model-onnx/", precision="float16")  # doctest: +SKIP
    >>> export_ensemble("model/", "to-push/", hub=True, license="apache-2.0")  # doctest: +SKIP
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r}: choose among {', '.join(PRECISIONS)}.")
    source, target = resolve_model(model), Path(out)
    shipped = model is None or model in PRETRAINED
    if license is not None and (shipped or not hub):
        why = "models of the package have the package's" if shipped else "it is for hub=True"
        raise ValueError(f"license={license!r}: {why}; leave it out.")
    if hub and not overwrite and not has_ensemble(target):
        _refuse_to_replace(target)
    if has_ensemble(target) and not overwrite:
        raise ArtifactError(
            f"{target} holds a saved ensemble already: choose another folder, or overwrite it."
        )
    if faces is None:
        faces = make_faces(_FACES, random_state=0).images
    elif len(faces) > _FACES:
        faces = faces[np.random.RandomState(0).choice(len(faces), _FACES, replace=False)]
    with holding_folder(target):
        manifest, ensemble = read_manifest(source), load_model(model)
        # Graphs are there already, and float32 leaves them as they are: nothing is needed for it.
        if hub and precision == "float32" and is_exported(manifest):
            exported = ensemble
        else:
            exported = convert_ensemble(ensemble, precision=precision, faces=faces)
        save_ensemble(
            exported,
            target,
            data=manifest.data,
            face_size=manifest.preprocessing["size"],
            overwrite=overwrite,
        )
        if hub:
            _lay_out_for_hub(exported, target, license, shipped)
    if not all(takes_faces(member) for _, member in exported.members_):
        return Export(exported, target)
    before, after = ensemble.predict_proba(faces), exported.predict_proba(faces)
    return Export(
        exported,
        target,
        len(faces),
        float(np.abs(before - after).max()),
        float((before.argmax(axis=1) == after.argmax(axis=1)).mean()),
    )


def _refuse_to_replace(target: Path) -> None:
    if there := [name for name in (README, CONFIG) if (target / name).exists()]:
        raise ArtifactError(
            f"{target} has {' and '.join(there)} already: choose another folder, or overwrite them."
        )


def _lay_out_for_hub(
    exported: BaseEnsemble, target: Path, license: str | None, shipped: bool
) -> None:
    files = hub_files(
        target,
        exported,
        read_manifest(target),
        name=target.resolve().name,
        license=license,
        shipped=shipped,
    )
    for name, content in files.items():
        write_atomically(target / name, content)
    (target / MODEL_CARD).unlink(missing_ok=True)  # README.md has all that it says


def convert_ensemble(
    ensemble: BaseEnsemble, *, precision: str = "float32", faces: NDArray[np.uint8] | None = None
) -> BaseEnsemble:
    """Copy a fitted ensemble, its members and its final estimator as graphs in ONNX.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
        Fitted; it stays as it is.
    precision, faces
        As of `export_ensemble`; faces are needed for "int8" alone.

    Returns
    -------
    VotingEnsemble or StackingEnsemble
        Fitted.

    Raises
    ------
    MissingLibraryError
        If a converter is not installed.
    ValueError
        If a member has no converter.
    """
    converted = copy.copy(ensemble)
    converted.members_ = [
        (name, convert_member(name, member, precision=precision, faces=faces))
        for name, member in ensemble.members_
    ]
    converted.members = converted.members_
    final = getattr(ensemble, "final_estimator_", None)
    if final is not None:
        converted.final_estimator_ = OnnxClassifier(
            convert_classifier(final, describe_parameters(final))
        )
    # A final estimator in ONNX can't learn anew without some of the samples.
    with suppress(ValueError):
        converted.answers_ = answer_held_out(ensemble)
    return converted


def convert_member(
    name: str, member: Any, *, precision: str = "float32", faces: NDArray[np.uint8] | None = None
) -> MemberPipeline | OnnxClassifier:
    """Copy a fitted member, its classifier as a graph in ONNX.

    Parameters
    ----------
    name : str
        Its name, for messages.
    member : classifier
        Fitted, a pipeline or frozen perhaps; it stays as it is.
    precision, faces
        As of `convert_ensemble`.

    Returns
    -------
    OnnxClassifier, or MemberPipeline
        The second of a member that computes features of faces.

    Raises
    ------
    MissingLibraryError, ValueError
        As of `convert_ensemble`.
    """
    if isinstance(member, FrozenEstimator):
        member = member.estimator
    steps = list(getattr(member, "steps", [(name, member)]))
    extracting: list[tuple[str, Any]] = []
    if len(steps) > 1 and extractors_of(steps[0][1]) is not None:
        extracting.append(steps.pop(0))
    samples = faces
    if extracting and faces is not None:
        samples = Pipeline(extracting).transform(faces)
    *transformers, (_, classifier) = steps
    try:
        graph = convert_classifier(
            classifier,
            describe_parameters(member),
            transformers=transformers,
            precision=precision,
            samples=samples,
        )
    except ValueError as error:
        raise ValueError(f"The member {name!r}: {error}") from error
    if not extracting:
        return OnnxClassifier(graph)
    mirror = getattr(member, "mirror", False)
    return MemberPipeline([*extracting, ("classifier", OnnxClassifier(graph))], mirror=mirror)
