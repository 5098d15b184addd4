"""Measure every member and every rule of an ensemble on the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fer_ensemble.ensemble.rules import RULES, WEIGHTED_RULES, combine
from fer_ensemble.ensemble.stacking import StackingEnsemble
from fer_ensemble.ensemble.voting import VotingEnsemble
from fer_ensemble.evaluation import Evaluation, evaluate_predictions


@dataclass(frozen=True)
class EnsembleScores:
    """Figures of an ensemble's members and of what they make together.

    Attributes
    ----------
    n : int
        Number of samples.
    members : dict of str to Evaluation
        Each member alone, by name.
    rules : dict of str to Evaluation
        The same members under each rule, by name.
    weights : dict of str to float or None
        Weight of each member under the weighted rules, if there are any.
    """

    n: int
    members: dict[str, Evaluation]
    rules: dict[str, Evaluation]
    weights: dict[str, float] | None

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists, dictionaries and numbers, ready for JSON."""
        return {
            "n": self.n,
            "members": {name: scores.to_dict() for name, scores in self.members.items()},
            "rules": {name: scores.to_dict() for name, scores in self.rules.items()},
            "weights": self.weights,
        }


def score_ensemble(
    ensemble: VotingEnsemble | StackingEnsemble,
    probabilities: ArrayLike | None,
    y: ArrayLike | None,
    *,
    class_names: Sequence[str] | None = None,
) -> EnsembleScores:
    """Measure each member and each rule.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
        Fitted.
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What its ``predict_member_proba`` returned, or its ``validation_probabilities_``.
    y : array-like of shape (n_samples,)
        True labels.
    class_names : sequence of str, optional
        What to call the classes.

    Returns
    -------
    EnsembleScores
        Rules that need weights are left out if the ensemble has none; "stacking" stands beside
        them if it has a final estimator. Nothing counts as abstained from: with
        ``ties="abstain"``, ties are measured as if the mean probability decided them.

    Raises
    ------
    ValueError
        If there is nothing to measure, as after a fit that held nothing out.
    """
    if probabilities is None or y is None:
        raise ValueError(
            "Nothing was held out when this ensemble was fitted: score it on a test set instead."
        )
    probabilities = np.asarray(probabilities)
    names = [name for name, _ in ensemble.members_]
    weights = ensemble.weights_ if isinstance(ensemble, VotingEnsemble) else None

    def evaluate(predicted: Any) -> Evaluation:
        return evaluate_predictions(
            y, probabilities=predicted, classes=ensemble.classes_, class_names=class_names
        )

    rules = [rule for rule in RULES if weights is not None or rule not in WEIGHTED_RULES]
    if isinstance(ensemble, VotingEnsemble):
        ties = "mean_probability" if ensemble.ties == "abstain" else ensemble.ties
        by_rule = {rule: ensemble.combine(probabilities, rule, ties=ties) for rule in rules}
    else:
        by_rule = {rule: combine(probabilities, rule) for rule in rules}
        by_rule["stacking"] = ensemble.combine(probabilities)
    by_member = zip(names, np.moveaxis(probabilities, 1, 0), strict=True)
    members = {name: evaluate(predicted) for name, predicted in by_member}
    return EnsembleScores(
        n=next(iter(members.values())).n,
        members=members,
        rules={rule: evaluate(predicted) for rule, predicted in by_rule.items()},
        weights=None if weights is None else dict(zip(names, weights.tolist(), strict=True)),
    )
