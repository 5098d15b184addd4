"""One training makes several networks, which are averaged, told apart, kept and resumed."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

from fer_ensemble.artifact import load_ensemble, save_ensemble
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.fitting import create_members
from fer_ensemble.models import MemberPipeline, OnnxClassifier, epochs, split_snapshots
from fer_ensemble.models.cycles import Snapshots, snapshot_points
from fer_ensemble.models.onnx_export import convert_classifier, read_network
from fer_ensemble.models.schedules import SCHEDULES, Pace, rate_factor
from tests.models.stand_ins import small_dense

CYCLES = {"schedule": "cosine", "validation_fraction": None, "learning_rate": 0.02}


@pytest.fixture(scope="module")
def table():
    return make_blobs(96, centers=3, n_features=5, cluster_std=3.0, random_state=0)


@pytest.fixture(scope="module")
def fitted(table):
    return small_dense(epochs=6, snapshots=3, **CYCLES).fit(*table)


def test_each_cycle_goes_down_a_cosine_of_its_own():
    rates = [rate_factor("cosine", {"warm_up": 0.0}, i / 4, i, False, 2) for i in range(4)]
    assert rates == pytest.approx([1, 0.5, 1, 0.5])
    assert rate_factor("cosine", {"warm_up": 0.0}, 1.0, 4, False, 2) == pytest.approx(0)
    assert snapshot_points("cosine", {}, 4) == [0.25, 0.5, 0.75, 1.0]


def test_fast_geometric_rates_are_lowest_where_weights_are_kept():
    params = {"share": 0.4, "high": 0.2, "low": 0.1}
    # A half of the first cycle, then a whole one down to the middle of the second.
    points = snapshot_points("fast_geometric", params, 2)
    assert points == pytest.approx([0.6, 1.0])
    places = [0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    rates = [rate_factor("fast_geometric", params, place, 0, False, 2) for place in places]
    assert rates == pytest.approx([1, 0.6, 0.2, 0.15, 0.1, 0.15, 0.2, 0.15, 0.1])
    assert set(SCHEDULES["fast_geometric"]) == set(params)


def test_a_point_is_due_once_and_the_last_even_where_time_was_over():
    kept = Snapshots([0.25, 0.5, 0.75, 1.0])
    assert [kept.is_due(share) for share in (0.2, 0.25 - 1e-12, 0.3, 0.8)] == [0, 1, 0, 1]
    assert kept.is_lacking()
    assert kept.next_point == 1.0
    assert kept.is_due(1.0)
    assert not kept.is_lacking()


def test_groups_of_steps_end_where_weights_are_kept():
    pace = Pace(20, 5, None)
    assert pace.steps_until(0.25) == 5
    pace.advance(4)
    assert [pace.steps_until(share) for share in (0.25, 0.1, 1.0)] == [1, 1, 16]


def test_the_first_snapshot_is_what_a_training_of_one_cycle_comes_to(fitted, table):
    short = small_dense(epochs=2, snapshots=2, **{**CYCLES, "schedule": "fast_geometric"})
    short.set_params(schedule="cosine", snapshots=1).fit(*table)
    first, *_, last = split_snapshots(fitted)
    for ours, expected in zip(first.weights_, short.weights_, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert np.abs(first.weights_[0] - last.weights_[0]).max() > 1e-3


def test_probabilities_are_the_mean_of_all_snapshots(fitted, table):
    parts = split_snapshots(fitted)
    assert [len(part.weights_) for part in parts] == [len(fitted.weights_) // 3] * 3
    expected = np.mean([part.predict_proba(table[0]) for part in parts], axis=0)
    np.testing.assert_allclose(fitted.predict_proba(table[0]), expected, atol=1e-6)
    assert len(split_snapshots(parts[0])) == 1


def test_snapshots_are_members_of_an_ensemble_one_by_one(fitted, table):
    X, y = table
    pipeline = MemberPipeline([("scaler", StandardScaler()), ("classifier", fitted)])
    pipeline.steps[0][1].fit(X)
    members = [
        (f"snapshot_{i}", FrozenEstimator(part)) for i, part in enumerate(split_snapshots(pipeline))
    ]
    ensemble = VotingEnsemble(members, rule="average", validation_fraction=None).fit(X, y)
    np.testing.assert_allclose(ensemble.predict_proba(X), pipeline.predict_proba(X), atol=1e-6)


def test_an_interrupted_training_keeps_its_snapshots(fitted, table, tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    broken = small_dense(epochs=6, snapshots=3, checkpoint=path, **CYCLES)
    write = epochs.write_checkpoint

    def interrupt(path, model, weights, state):
        if len(state["history"]["loss"]) == 4:
            raise KeyboardInterrupt
        write(path, model, weights, state)

    with monkeypatch.context() as patch:
        patch.setattr(epochs, "write_checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt):
            broken.fit(*table)
    broken.fit(*table)
    for ours, expected in zip(broken.weights_, fitted.weights_, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_a_warm_start_goes_on_from_the_last_snapshot(fitted, table):
    warm = small_dense(epochs=2, snapshots=2, **{**CYCLES, "learning_rate": 0.0}, warm_start=True)
    warm.__dict__.update(weights_=fitted.weights_, classes_=fitted.classes_, input_shape_=(5,))
    last = split_snapshots(fitted)[-1].weights_
    for ours, expected in zip(warm.fit(*table).weights_, [*last, *last], strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_snapshots_are_saved_and_exported_as_one_member(fitted, table, tmp_path):
    X, y = table
    frozen = [("network", FrozenEstimator(fitted))]
    ensemble = VotingEnsemble(frozen, rule="average", validation_fraction=None).fit(X, y)
    again = load_ensemble(save_ensemble(ensemble, tmp_path / "model"))
    np.testing.assert_array_equal(again.predict_proba(X), ensemble.predict_proba(X))
    parameters = {"network": "dense", "network_params": fitted.network_params, "snapshots": 3}
    graph = OnnxClassifier(convert_classifier(fitted, parameters))
    np.testing.assert_allclose(graph.predict_proba(X), fitted.predict_proba(X), atol=1e-6)
    assert graph.facts_["n_parameters"] == sum(weights.size for weights in fitted.weights_)
    assert len(split_snapshots(read_network(graph.graph))) == 3


def test_members_are_asked_for_snapshots_by_their_number():
    hog, trees, annealed = (
        member
        for _, member in create_members(
            ["dense_hog_published", "boosted_hog", "cnn_2"], snapshots=5
        )
    )
    assert (hog[-1].snapshots, hog[-1].schedule) == (5, "cosine")
    assert "snapshots" not in trees[-1].get_params()
    assert (annealed.snapshots, annealed.schedule) == (5, "one_cycle")


def test_a_schedule_that_does_not_come_down_has_no_snapshots(table):
    with pytest.raises(ValueError, match=r"snapshots=2 are kept where .* choose one of cosine"):
        small_dense(snapshots=2, schedule="plateau").fit(*table)
