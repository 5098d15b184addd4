"""Fitted members to bytes and back, through skops: nothing that is loaded can run code."""

from __future__ import annotations

from typing import Any
from zipfile import ZIP_DEFLATED

from fer_ensemble.artifact.manifest import ArtifactError

#: Types of ours that an artifact may hold, beside scikit-learn's and NumPy's own.
TRUSTED = (
    "fer_ensemble.features.hog.HOG",
    "fer_ensemble.features.landmark_regressor.LandmarkRegressor",
    "fer_ensemble.features.landmarks.Landmarks",
    "fer_ensemble.models.boosted_trees.BoostedTreesClassifier",
    "fer_ensemble.models.keras_classifier.KerasClassifier",
    "fer_ensemble.models.pipeline.MemberPipeline",
)


def dump_member(name: str, member: Any) -> bytes:
    """Turn a fitted member into bytes.

    Parameters
    ----------
    name : str
        Its name, for messages.
    member : classifier
        Fitted; made of scikit-learn's estimators and this package's.

    Returns
    -------
    bytes
        Deflated: trees take less than a third of their size, other members about nine tenths.

    Raises
    ------
    ArtifactError
        If it is made of anything else, which could not be loaded safely.
    """
    import skops.io

    content: bytes = skops.io.dumps(member, compression=ZIP_DEFLATED, compresslevel=9)
    foreign = set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED)
    if foreign:
        raise ArtifactError(
            f"The member {name!r} cannot be saved: it holds {sorted(foreign)}, and an artifact "
            "may hold only estimators of scikit-learn and fer_ensemble, with registered networks."
        )
    return content


def load_member(name: str, content: bytes) -> Any:
    """Rebuild a fitted member.

    Parameters
    ----------
    name : str
        Its name, for messages.
    content : bytes
        What :func:`dump_member` returned; its hash was checked before.

    Returns
    -------
    classifier

    Raises
    ------
    ArtifactError
        If the content is malformed or holds a type that is not trusted.
    """
    import skops.io

    try:
        return skops.io.loads(content, trusted=list(TRUSTED))
    except Exception as error:  # skops raises whatever a malformed file makes it meet
        raise ArtifactError(f"The member {name!r} cannot be loaded: {error}") from error


def describe_parameters(member: Any) -> dict[str, Any]:
    """Describe a member's parameters for people.

    Parameters
    ----------
    member : estimator

    Returns
    -------
    dict of str to JSON value
        Nested estimators by the name of their class, whatever else is not JSON as text.
    """
    return {
        name: _describe(value)
        for name, value in sorted(member.get_params().items())
        if name != "steps"
    }


def _describe(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): _describe(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_describe(entry) for entry in value]
    return type(value).__name__ if hasattr(value, "get_params") else str(value)
