"""A report compares rules with the best member, and tells what each member adds."""

import pytest

from fer_ensemble import save_ensemble
from fer_ensemble.ensemble import measure_diversity, to_stacking, to_voting
from fer_ensemble.evaluation import compare_predictions
from fer_ensemble.measuring import measure_model
from fer_ensemble.reporting import gather_content


def test_combining_is_compared_with_the_best_member(measured, content):
    truth, predicted = measured.part.faces.labels, measured.probabilities.argmax(axis=2)
    accuracies = (predicted == truth[:, None]).mean(axis=0)
    combining = content.combining
    assert combining.best_member == ["network", "bayes"][accuracies.argmax()]
    average = measured.combine("average").argmax(axis=1)
    expected = compare_predictions(truth, average, predicted[:, accuracies.argmax()])
    assert combining.gains["average"] == expected
    diversity = measure_diversity(
        measured.probabilities, truth, range(7), "weighted", weights=measured.ensemble.weights_
    )
    assert tuple(combining.contributions.values()) == diversity.contributions
    [pair] = combining.pairs
    assert pair.disagreement == diversity.disagreement[0, 1]
    assert combining.contribution_rule == "weighted"


def test_stacking_tells_of_members_under_the_plain_average(ensemble, data, tmp_path):
    stacked = save_ensemble(to_stacking(ensemble), tmp_path / "stacked")
    content = gather_content(measure_model(stacked, data), name="stacked", out="report.html")
    assert content.rule == "stacking"
    assert content.combining.contribution_rule == "average"
    assert {member.weight for member in content.members} == {None}


def test_calibrated_members_are_compared_as_they_are_combined(ensemble, data, tmp_path):
    calibrated = to_voting(ensemble, rule="average", calibrate=True)
    saved = save_ensemble(calibrated, tmp_path / "calibrated")
    content = gather_content(measure_model(saved, data), name="calibrated", out="report.html")
    whole = content.scores.accuracy
    without = content.combining.contributions["network"]
    alone = next(m.scores.accuracy for m in content.members if m.name == "bayes")
    assert without.difference == pytest.approx(whole - alone)
