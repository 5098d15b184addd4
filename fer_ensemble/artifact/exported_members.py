"""Exported members as estimators of scikit-learn's: taken apart for a file, and put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion

from fer_ensemble.artifact.manifest import ArtifactError, StoredFile, StoredMember
from fer_ensemble.features import HOG, LandmarkRegressor, Landmarks, load_landmark_regressor
from fer_ensemble.features.landmark_weights import dump_landmark_weights
from fer_ensemble.models import MemberPipeline, OnnxClassifier
from fer_ensemble.onnx_graph import GraphError

# What may stand before a graph: transformers of faces that learn nothing, by the name of the class.
_EXTRACTORS = {"HOG": HOG, "Landmarks": Landmarks}
# Where features are computed and kept is no matter of a member's answers.
_LEFT_OUT = ("memory", "n_jobs", "regressor")


def takes_faces(member: Any) -> bool:
    """Say whether an exported member takes faces, and not rows of a table.

    Parameters
    ----------
    member : OnnxClassifier or MemberPipeline

    Returns
    -------
    bool
    """
    return hasattr(member, "steps") or member.takes_faces


def extractors_of(step: Any) -> list[Any] | None:
    """Return the transformers of faces that a step of a pipeline is made of, side by side.

    Parameters
    ----------
    step : transformer

    Returns
    -------
    list of HOG or Landmarks, or None
        None if it is made of anything else, or weighs them.
    """
    parts = [step]
    if isinstance(step, FeatureUnion):
        if step.transformer_weights:
            return None  # an export knows no weights of features
        parts = [part for _, part in step.transformer_list]
    if not all(type(part) in _EXTRACTORS.values() for part in parts):
        return None
    return parts


def dump_extractors(name: str, member: Any) -> dict[str, bytes]:
    """Turn into files what the transformers before a member's graph have learned.

    Parameters
    ----------
    name : str
        Name of the member.
    member : OnnxClassifier or MemberPipeline
        Exported.

    Returns
    -------
    dict of str to bytes
        By file names: weights of landmark regressors of the user's own.

    Raises
    ------
    ArtifactError
        If a regressor is of another class, which an export cannot hold.
    """
    files = {}
    for number, extractor in enumerate(_extractors(member)):
        regressor = getattr(extractor, "regressor", None)
        if isinstance(regressor, FrozenEstimator):
            regressor = regressor.estimator
        if isinstance(regressor, LandmarkRegressor):
            files[_weights_file(name, number)] = dump_landmark_weights(regressor)
        elif regressor is not None:
            raise ArtifactError(
                f"The member {name!r} finds landmarks by a {type(regressor).__name__}, and an "
                "export can hold a LandmarkRegressor alone."
            )
    return files


def describe_exported(name: str, member: Any, stored: Mapping[str, StoredFile]) -> dict[str, Any]:
    """Describe what stands around a member's graph, for the manifest.

    Parameters
    ----------
    name : str
        Name of the member.
    member : OnnxClassifier or MemberPipeline
        Exported.
    stored : mapping of str to StoredFile
        The files of the artifact, those of :func:`dump_extractors` among them.

    Returns
    -------
    dict of str to JSON value
        See `StoredMember`.
    """
    features = []
    for number, extractor in enumerate(_extractors(member)):
        parameters = {
            key: value
            for key, value in extractor.get_params(deep=False).items()
            if key not in _LEFT_OUT
        }
        feature = {"name": type(extractor).__name__, "parameters": parameters}
        if weights := stored.get(_weights_file(name, number)):
            feature["weights"] = asdict(weights)
        features.append(feature)
    return {"features": features, "mirror": bool(getattr(member, "mirror", False))}


def _extractors(member: Any) -> list[Any]:
    steps = getattr(member, "steps", [("", member)])[:-1]
    return [part for _, step in steps for part in extractors_of(step) or ()]


def _weights_file(name: str, number: int) -> str:
    # Two underscores, which no member's name may hold.
    return f"{name}__landmarks_{number}.npz"


def restore_exported(
    entry: StoredMember, content: bytes, face_size: int, read: Callable[[StoredFile], bytes]
) -> Any:
    """Put an exported member together.

    Parameters
    ----------
    entry : StoredMember
        What the manifest says of it.
    content : bytes
        Its graph; the hash was checked before.
    face_size : int
        Side of the faces that it takes, in pixels.
    read : callable
        Reads another file of the artifact.

    Returns
    -------
    OnnxClassifier or MemberPipeline

    Raises
    ------
    ArtifactError
        If the graph cannot be run, or other features than this release's stand before it.
    """
    classifier = open_exported(entry.name, content)
    exported = entry.exported or {}
    extractors = [_restore_extractor(feature, read) for feature in exported["features"]]
    if not extractors:
        return classifier
    blank = np.zeros((1, face_size, face_size), np.uint8)  # nothing is learned but the size
    union = [(f"features_{i}", extractor.fit(blank)) for i, extractor in enumerate(extractors)]
    features = union[0][1] if len(union) == 1 else FeatureUnion(union).fit(blank)
    steps = [("features", features), ("classifier", classifier)]
    return MemberPipeline(steps, mirror=exported["mirror"])


def open_exported(name: str, content: bytes) -> OnnxClassifier:
    """Open a graph; what is wrong with it is told at once.

    Parameters
    ----------
    name : str
        Name of the member, for messages.
    content : bytes
        The graph.

    Returns
    -------
    OnnxClassifier

    Raises
    ------
    ArtifactError
        If it cannot be run.
    """
    classifier = OnnxClassifier(content)
    try:
        classifier.facts_  # noqa: B018
    except GraphError as error:
        raise ArtifactError(f"The member {name!r} cannot be loaded: {error}") from error
    return classifier


def _restore_extractor(feature: dict[str, Any], read: Callable[[StoredFile], bytes]) -> Any:
    if feature["name"] not in _EXTRACTORS:
        raise ArtifactError(f"There are no features {feature['name']!r}: upgrade fer-ensemble.")
    parameters = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in feature["parameters"].items()
    }
    if "weights" in feature:
        weights = read(StoredFile(**feature["weights"]))
        parameters["regressor"] = FrozenEstimator(load_landmark_regressor(weights))
    return _EXTRACTORS[feature["name"]](**parameters)
