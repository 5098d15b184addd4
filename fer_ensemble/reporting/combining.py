"""What the members of a measured ensemble make together, and what each of them adds."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.ensemble import Diversity, VotingEnsemble, apply_temperature, measure_diversity
from fer_ensemble.ensemble.rules import WEIGHTED_RULES
from fer_ensemble.evaluation import compare_predictions
from fer_ensemble.evaluation.report import CombiningContent, PairContent
from fer_ensemble.measuring import MeasuredModel


def tell_combining(measured: MeasuredModel) -> CombiningContent:
    """Gather what the members make together.

    Parameters
    ----------
    measured : MeasuredModel
        Of two members or more.

    Returns
    -------
    CombiningContent
    """
    scores, new = measured.scores, measured.new_scores
    names, labels = list(scores.members), measured.part.faces.labels
    predicted = measured.probabilities.argmax(axis=2)
    truth = np.searchsorted(measured.ensemble.classes_, labels)
    best = max(names, key=lambda name: scores.members[name].accuracy)
    of_best = predicted[:, names.index(best)]
    rule, diversity = _measure_diversity(measured, labels)
    return CombiningContent(
        rules=scores.rules,
        new_rules={} if new is None else new.rules,
        best_member=best,
        gains={
            name: compare_predictions(truth, measured.combine(name).argmax(axis=1), of_best)
            for name in scores.rules
        },
        oracle_accuracy=diversity.oracle_accuracy,
        pairs=_tell_pairs(names, diversity),
        contribution_rule=rule,
        contributions=dict(zip(names, diversity.contributions, strict=True)),
    )


def _tell_pairs(names: list[str], diversity: Diversity) -> list[PairContent]:
    measures = diversity.disagreement, diversity.q_statistic, diversity.kappa
    return [
        PairContent(names[i], names[j], *(float(measure[i, j]) for measure in measures))
        for i, j in combinations(range(len(names)), 2)
    ]


def _measure_diversity(measured: MeasuredModel, labels: NDArray[Any]) -> tuple[str, Diversity]:
    """Measure under the ensemble's own rule; of stacking, which can lack none, under average."""
    ensemble, probabilities = measured.ensemble, measured.probabilities
    rule, weights = "average", None
    if isinstance(ensemble, VotingEnsemble):
        rule = ensemble.rule
        weights = ensemble.weights_ if rule in WEIGHTED_RULES else None
        if ensemble.calibration_:
            temperatures = ensemble.calibration_[rule].member_temperatures
            probabilities = apply_temperature(probabilities, temperatures)
    return rule, measure_diversity(probabilities, labels, ensemble.classes_, rule, weights=weights)
