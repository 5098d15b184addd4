"""How good the shipped ensemble is on test faces."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets import emotion_names
from fer_ensemble.ensemble import VotingEnsemble, apply_temperature, combine, leave_one_out
from fer_ensemble.evaluation import (
    calibration_error,
    compare_predictions,
    evaluate_predictions,
)


def ensemble_figures(
    ensemble: VotingEnsemble,
    probabilities: NDArray[np.float64],
    y: NDArray[Any],
    has_copy: NDArray[np.bool_],
) -> dict[str, Any]:
    """Measure a calibrated ensemble and what its members give it.

    Parameters
    ----------
    ensemble : VotingEnsemble
        Fitted with ``calibrate=True``.
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        What its ``predict_member_proba`` gives for the test faces.
    y : ndarray of shape (n_samples,)
        Their labels.
    has_copy : ndarray of shape (n_samples,), bool
        Which of them have an exact copy in the training data.

    Returns
    -------
    dict
        Figures on all and on those without copies, of the members, the gain over the best of
        them on these very faces, each member's contribution, and the calibration error before and
        after, ready for JSON.
    """
    names = [name for name, _ in ensemble.members_]
    combined = ensemble.combine(probabilities)
    untempered = combine(probabilities, ensemble.rule, ensemble.weights_)
    members = {
        name: figures(ensemble, probabilities[:, i], y, has_copy) for i, name in enumerate(names)
    }
    best = max(names, key=lambda name: members[name]["all"]["accuracy"])
    gain = compare_predictions(y, combined.argmax(1), probabilities[:, names.index(best)].argmax(1))
    return {
        **figures(ensemble, combined, y, has_copy),
        "calibration_error": {
            "before": calibration_error(y, untempered, ensemble.classes_),
            "after": calibration_error(y, combined, ensemble.classes_),
        },
        "members": members,
        "best_member": best,
        "gain": gain.to_dict(),
        "contributions": _contributions(ensemble, probabilities, y) if len(names) > 1 else {},
    }


def figures(
    ensemble: VotingEnsemble,
    probabilities: NDArray[np.float64],
    y: NDArray[Any],
    has_copy: NDArray[np.bool_],
) -> dict[str, Any]:
    """Measure probabilities on all faces, and on those without copies in the training data.

    Parameters
    ----------
    ensemble : VotingEnsemble
        Whose classes they are of.
    probabilities : ndarray of shape (n_samples, n_classes)
    y, has_copy
        As of :func:`ensemble_figures`.

    Returns
    -------
    dict
        ``all`` and ``without_copies``, ready for JSON.
    """
    classes = ensemble.classes_

    def measure(rows: NDArray[np.bool_]) -> dict[str, Any]:
        return evaluate_predictions(
            y[rows],
            probabilities=probabilities[rows],
            classes=classes,
            class_names=emotion_names(classes),
        ).to_dict()

    return {"all": measure(np.ones_like(has_copy)), "without_copies": measure(~has_copy)}


def mirrored_members(ensemble: VotingEnsemble) -> Iterator[tuple[str, Any]]:
    """Find the members that average a face and its mirror image, and copy them without that.

    Parameters
    ----------
    ensemble : VotingEnsemble

    Yields
    ------
    tuple of (str, classifier)
        Name, and the member that sees each face once.
    """
    for name, member in ensemble.members_:
        for parameter in ("flip_average", "mirror"):
            if member.get_params(deep=False).get(parameter):
                yield name, copy.copy(member).set_params(**{parameter: False})


def _contributions(
    ensemble: VotingEnsemble, probabilities: NDArray[np.float64], y: NDArray[Any]
) -> dict[str, dict[str, Any]]:
    assert ensemble.calibration_ is not None
    tempered = apply_temperature(
        probabilities, ensemble.calibration_[ensemble.rule].member_temperatures
    )
    found = leave_one_out(tempered, y, ensemble.classes_, "weighted", weights=ensemble.weights_)
    names = [name for name, _ in ensemble.members_]
    return {name: one.to_dict() for name, one in zip(names, found, strict=True)}
