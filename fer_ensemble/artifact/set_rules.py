"""The rule by which a model's sets of labels are made, learned from its answers for held-out faces.

An exported ensemble keeps these answers, so that nothing but NumPy is needed; of another ensemble
they are found anew, see :func:`~fer_ensemble.ensemble.answer_held_out`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.artifact.kept_answers import take_answers
from fer_ensemble.artifact.manifest import (
    MOST_ARRAYS,
    ArtifactError,
    Manifest,
    read_manifest,
    read_verified,
)
from fer_ensemble.artifact.pretrained import load_model, load_predictor, resolve_model
from fer_ensemble.bounded_files import read_arrays
from fer_ensemble.ensemble import Answers, SetRule, learn_set_rule
from fer_ensemble.ensemble.prediction_sets import check_coverage, check_set_method


class SetOptions(NamedTuple):
    """Which sets of labels to give.

    Attributes
    ----------
    coverage : float, default=0.9
        Share of faces, drawn as the held-out ones were, whose set has to hold the true label.
    method : {"lac", "aps", "raps"}, default="lac"
        See :func:`~fer_ensemble.ensemble.learn_set_rule`, as for `class_conditional`.
    class_conditional : bool, default=False
        Whether the coverage is to hold for the faces of each class.
    """

    coverage: float = 0.9
    method: str = "lac"
    class_conditional: bool = False


def load_set_rule(
    model: Any, coverage: float = 0.9, method: str = "lac", class_conditional: bool = False
) -> SetRule:
    """Learn which classes belong to the sets of faces that a model predicts.

    Parameters
    ----------
    model : str, path-like, classifier or None
        As of :func:`~fer_ensemble.predict_faces`. A classifier is a fitted ensemble, or a
        :class:`~fer_ensemble.ensemble.ConformalClassifier` around another one.
    coverage, method, class_conditional
        As of `SetOptions`.

    Returns
    -------
    SetRule

    Raises
    ------
    ArtifactError
        If the model is not there or damaged, or nothing is known of held-out faces.
    ValueError
        If a setting is unusable, or the classifier keeps no held-out samples.
    """
    check_coverage(coverage)
    check_set_method(method)
    answers, classes = load_answers(model)
    return learn_set_rule(
        *answers, classes, coverage, method=method, class_conditional=class_conditional
    )


def load_answers(model: Any) -> tuple[Answers, NDArray[Any]]:
    """Find what a model says of held-out faces, and its classes.

    Parameters
    ----------
    model : str, path-like, classifier or None
        As of `load_set_rule`.

    Returns
    -------
    answers : Answers
    classes : ndarray of shape (n_classes,)

    Raises
    ------
    ArtifactError, ValueError
        As of `load_set_rule`.
    """
    if not isinstance(model, str | os.PathLike | None):
        return _ask_classifier(model), model.classes_
    folder = resolve_model(model)
    manifest = read_manifest(folder)
    classes = np.asarray(manifest.classes)
    kept = _read_kept(folder, manifest)
    if kept is not None:
        return kept, classes
    from fer_ensemble.ensemble import BaseEnsemble, answer_held_out

    ensemble = load_predictor(folder)
    if not isinstance(ensemble, BaseEnsemble):  # one that an earlier release exported
        ensemble = load_model(folder)
    try:
        return answer_held_out(ensemble), classes
    except (AttributeError, ValueError) as error:
        raise ArtifactError(
            f"{folder} can't give sets of labels, which are learned from held-out faces: {error}. "
            "Fit it again so that faces are held out, export it again from the ensemble that was "
            "fitted, or give held-out faces to fer_ensemble.ensemble.ConformalClassifier"
        ) from error


def _read_kept(folder: Path, manifest: Manifest) -> Answers | None:
    if manifest.validation is None:
        return None
    try:
        arrays = read_arrays(read_verified(folder, manifest.validation), MOST_ARRAYS)
        return take_answers(arrays, len(manifest.classes))
    except ArtifactError:
        raise
    except ValueError as error:
        raise ArtifactError(
            f"{folder / manifest.validation.file}: {error}. Fit or copy it again."
        ) from error


def _ask_classifier(classifier: Any) -> Answers:
    from fer_ensemble.ensemble import BaseEnsemble, ConformalClassifier, answer_held_out

    if isinstance(classifier, BaseEnsemble):
        return answer_held_out(classifier)
    if isinstance(classifier, ConformalClassifier):
        return classifier.answers_
    raise ValueError(
        f"{type(classifier).__name__} keeps no held-out samples, from which sets of labels are "
        "learned: wrap it as ConformalClassifier(classifier).conformalize(X, y), with samples that "
        "it was not fitted on"
    )
