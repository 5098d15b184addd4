"""Learned weights against an independent solver, and what must hold for any predictions."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.metrics import log_loss

from fer_ensemble.ensemble import WEIGHTING, combine, learn_weights, select_greedily
from fer_ensemble.ensemble.weights import SELECTION_METRICS
from tests.ensemble.stand_ins import make_predictions

CLASSES = np.array(["a", "b", "c", "d"])


def _predictions(seed: int, skills: Any, n_samples: int = 300) -> tuple[Any, Any]:
    return make_predictions(CLASSES, skills, n_samples, seed)


def _measure(
    probabilities: Any, y: Any, metric: str = "log_loss", sample_weight: Any = None
) -> float:
    if metric == "log_loss":
        return float(log_loss(y, probabilities, labels=CLASSES, sample_weight=sample_weight))
    right = CLASSES[probabilities.argmax(axis=1)] == y
    return float(np.average(right, weights=sample_weight))


def _loss(probabilities: Any, y: Any, weights: Any) -> float:
    return _measure(combine(probabilities, "weighted", weights), y)


# --- every method -------------------------------------------------------------------------


@pytest.mark.parametrize("method", WEIGHTING)
def test_every_method_puts_weights_on_the_simplex_and_follows_the_members(method: str) -> None:
    probabilities, y = _predictions(3, [0.2, 1.0, 1.1])
    weights = learn_weights(probabilities, y, CLASSES, method=method)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    swapped = learn_weights(probabilities[:, [2, 0, 1]], y, CLASSES, method=method)
    np.testing.assert_allclose(swapped, weights[[2, 0, 1]], atol=1e-6)


@pytest.mark.parametrize("method", WEIGHTING)
def test_under_every_method_a_sample_weight_of_two_is_a_row_twice(method: str) -> None:
    probabilities, y = _predictions(5, [0.8, 1.0, 0.9])
    times = np.random.default_rng(0).integers(0, 4, size=len(y))
    np.testing.assert_allclose(
        learn_weights(probabilities, y, CLASSES, method=method, sample_weight=times),
        learn_weights(probabilities.repeat(times, axis=0), y.repeat(times), CLASSES, method=method),
        atol=1e-9,
    )


def test_an_unknown_method_is_answered_with_the_known_ones() -> None:
    probabilities, y = _predictions(0, [1.0])
    with pytest.raises(ValueError, match="by 'f1'; choose one of log_loss, accuracy, greedy"):
        learn_weights(probabilities, y, CLASSES, method="f1")


@pytest.mark.parametrize("method", WEIGHTING)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.array(["a", "x", "x"])}, r"not among the 4 classes .*: x \(2×\)"),
        ({"y": np.array(["a", "b"])}, "3 rows and 2 labels"),
        ({"classes": CLASSES[:3]}, "4 columns but 3 classes"),
        ({"sample_weight": [1, -1, 1]}, "1 of 3 sample weights are negative"),
        ({"sample_weight": [1, 1]}, "3 in all"),
        ({"sample_weight": [0, 0, 0]}, "All sample weights are zero"),
        ({"probabilities": np.full((3, 2, 4), np.nan)}, "not finite"),
        ({"probabilities": np.empty((0, 2, 4)), "y": np.array([])}, "0 rows"),
    ],
)
def test_unusable_predictions_are_refused(
    change: dict[str, Any], message: str, method: str
) -> None:
    arguments = {
        "probabilities": np.full((3, 2, 4), 0.25),
        "y": np.array(["a", "b", "a"]),
        "classes": CLASSES,
    } | change
    with pytest.raises(ValueError, match=message):
        learn_weights(**arguments, method=method)


@pytest.mark.parametrize("method", WEIGHTING)
def test_the_order_of_the_classes_does_not_matter(method: str) -> None:
    probabilities, y = _predictions(3, [0.2, 1.0, 1.1])
    order = [2, 0, 3, 1]
    np.testing.assert_array_equal(
        learn_weights(probabilities[..., order], y, CLASSES[order], method=method),
        learn_weights(probabilities, y, CLASSES, method=method),
    )


# --- by log loss --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("skills", [[1.0, 1.2], [0.5, 2.0, 1.8], [0.0, 0.3, 1.0, 1.5, 1.4]])
def test_the_weights_are_those_that_a_general_solver_finds(seed: int, skills: list[float]) -> None:
    probabilities, y = _predictions(seed, skills)
    weights = learn_weights(probabilities, y, CLASSES)
    solution = minimize(
        lambda w: _loss(probabilities, y, np.maximum(w, 0)),
        np.full(len(skills), 1 / len(skills)),
        method="SLSQP",
        bounds=[(0, 1)] * len(skills),
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    assert _loss(probabilities, y, weights) <= solution.fun + 1e-8
    np.testing.assert_allclose(weights, solution.x, atol=1e-3)


def test_a_known_optimum_is_found() -> None:
    # Member 0 is right on three rows of four and member 1 on the fourth: with members that are
    # certain, the best proportions are those of the rows.
    one, other = [1.0, 0.0], [0.0, 1.0]
    probabilities = np.array([[one, other]] * 4)
    weights = learn_weights(probabilities, [0, 0, 0, 1], [0, 1])
    np.testing.assert_allclose(weights, [0.75, 0.25], atol=1e-6)


def test_a_useless_member_gets_almost_no_weight() -> None:
    probabilities, y = _predictions(0, [1.5, 0.0, 1.5], n_samples=2000)
    noise = np.random.default_rng(1).dirichlet(np.ones(4), 2000)
    probabilities[:, 1] = noise
    assert learn_weights(probabilities, y, CLASSES)[1] < 1e-3


@pytest.mark.parametrize("seed", range(10))
def test_the_weights_are_never_worse_than_the_average_or_the_best_member(seed: int) -> None:
    skills = np.random.default_rng(seed).uniform(-0.5, 2, size=4).tolist()
    probabilities, y = _predictions(seed, skills, n_samples=60)
    loss = _loss(probabilities, y, learn_weights(probabilities, y, CLASSES))
    candidates = [np.ones(4), *np.eye(4)]
    assert loss <= min(_loss(probabilities, y, weights) for weights in candidates) + 1e-8


def test_members_that_are_alike_share_the_weight() -> None:
    probabilities, y = _predictions(0, [1.0])
    twins = probabilities.repeat(2, axis=1)
    np.testing.assert_allclose(learn_weights(twins, y, CLASSES), [0.5, 0.5])


def test_a_row_that_every_member_gets_wrong_for_certain_is_survived() -> None:
    probabilities, y = _predictions(0, [2.0, 1.0])
    probabilities[0] = np.eye(4)[(np.searchsorted(CLASSES, y[0]) + 1) % 4]
    weights = learn_weights(probabilities, y, CLASSES)
    assert np.isfinite(weights).all()
    np.testing.assert_allclose(weights, learn_weights(probabilities[1:], y[1:], CLASSES), atol=0.05)


def test_one_member_has_all_the_weight() -> None:
    probabilities, y = _predictions(0, [1.0])
    np.testing.assert_array_equal(learn_weights(probabilities, y, CLASSES), [1.0])


# --- by accuracy --------------------------------------------------------------------------


def _right_on(counts: list[int], n_samples: int, n_classes: int = 4) -> tuple[Any, Any]:
    """Return members of which each is right on the first so many rows, and labels."""
    truth = np.arange(n_samples) % n_classes
    wrong = (truth + 1) % n_classes
    answers = np.array([np.where(np.arange(n_samples) < n, truth, wrong) for n in counts]).T
    return np.eye(n_classes)[answers], CLASSES[truth]


def _by_accuracy(*arguments: Any, **keywords: Any) -> Any:
    return learn_weights(*arguments, method="accuracy", **keywords)


def test_weights_by_accuracy_are_the_log_odds_above_chance() -> None:
    # 90 and 60 of 100 right, drawn towards 1 / 4 by four rows with one right answer.
    probabilities, y = _right_on([90, 60], 100)
    odds = np.log(3 * np.array([91 / 13, 61 / 43]))
    np.testing.assert_allclose(
        _by_accuracy(probabilities, y, CLASSES), odds / odds.sum(), rtol=1e-12
    )


def test_a_member_no_better_than_chance_gets_no_weight() -> None:
    probabilities, y = _right_on([80, 25, 10, 0], 100)
    assert _by_accuracy(probabilities, y, CLASSES).tolist() == [1, 0, 0, 0]


def test_members_none_of_which_beats_chance_weigh_the_same() -> None:
    probabilities, y = _right_on([25, 10, 0], 100)
    np.testing.assert_allclose(_by_accuracy(probabilities, y, CLASSES), [1 / 3] * 3)
    np.testing.assert_allclose(_by_accuracy(np.ones((3, 2, 1)), ["a"] * 3, ["a"]), [0.5, 0.5])


def test_a_member_without_a_mistake_has_a_finite_weight() -> None:
    probabilities, y = _right_on([20, 15], 20)
    perfect, other = _by_accuracy(probabilities, y, CLASSES)
    assert 0.5 < perfect < 0.9
    assert other > 0


def test_an_answer_shared_among_classes_is_right_in_part_never_by_the_lowest_index() -> None:
    torn = np.tile([[0.5, 0.5, 0.0, 0.0], [0.1, 0.1, 0.4, 0.4]], (8, 1, 1))
    for label in "ab":
        weights = _by_accuracy(torn, [label] * 4 + ["c"] * 4, CLASSES)
        np.testing.assert_allclose(weights, [0.5, 0.5])


def test_weights_by_accuracy_do_not_depend_on_the_other_members() -> None:
    probabilities, y = _predictions(0, [0.5, 1.0, 1.5])
    weights = _by_accuracy(probabilities, y, CLASSES)
    pair = _by_accuracy(probabilities[:, :2], y, CLASSES)
    assert weights[1] / weights[0] == pytest.approx(pair[1] / pair[0], rel=1e-12)
    assert weights[0] < weights[1] < weights[2]


# --- greedily -----------------------------------------------------------------------------


def test_greedy_weights_are_the_shares_of_the_members_selected() -> None:
    probabilities, y = _predictions(2, [0.5, 1.0, 1.1, 1.2])
    np.testing.assert_array_equal(
        learn_weights(probabilities, y, CLASSES, method="greedy", random_state=1),
        select_greedily(probabilities, y, CLASSES, random_state=1).weights,
    )


@pytest.mark.parametrize("metric", SELECTION_METRICS)
@pytest.mark.parametrize("seed", range(4))
def test_every_round_adds_the_member_that_helps_most(seed: int, metric: str) -> None:
    probabilities, y = _predictions(seed, [0.5, 1.0, 1.1, 1.2, 0.0], 120)
    selection = select_greedily(probabilities, y, CLASSES, n_rounds=10, metric=metric)
    chosen: list[int] = []
    for position, member in enumerate(selection.chosen):
        keys = []
        for candidate in range(5):
            mean = probabilities[:, [*chosen, candidate]].mean(axis=1)
            by_metric, by_loss = _measure(mean, y, metric), _measure(mean, y, "log_loss")
            keys.append((-by_metric if metric == "accuracy" else by_metric, by_loss))
        rounded = [tuple(np.round(key, 9)) for key in keys]
        assert rounded[member] == min(rounded)
        chosen.append(int(member))
        mean = probabilities[:, chosen].mean(axis=1)
        assert selection.scores[position] == pytest.approx(_measure(mean, y, metric), abs=1e-12)


@pytest.mark.parametrize("metric", SELECTION_METRICS)
@pytest.mark.parametrize("seed", range(4))
def test_the_ensemble_is_the_best_prefix(seed: int, metric: str) -> None:
    probabilities, y = _predictions(seed, [0.5, 1.0, 1.1, 1.2, 0.0], 120)
    selection = select_greedily(probabilities, y, CLASSES, n_rounds=12, metric=metric)
    assert len(selection.chosen) == len(selection.scores) == 12
    sign = -1 if metric == "accuracy" else 1
    best = np.round(sign * selection.scores, 9).argmin()
    assert selection.best_round == best + 1
    counts = np.bincount(selection.chosen[: best + 1], minlength=5)
    np.testing.assert_allclose(selection.weights, counts / counts.sum(), rtol=1e-15)
    assert selection.used.tolist() == np.flatnonzero(counts).tolist()
    combined = combine(probabilities, "weighted", selection.weights)
    assert selection.score == pytest.approx(_measure(combined, y, metric), abs=1e-12)


@pytest.mark.parametrize("metric", SELECTION_METRICS)
@pytest.mark.parametrize("seed", range(5))
def test_the_selection_is_never_worse_than_the_best_single_member(seed: int, metric: str) -> None:
    skills = np.random.default_rng(seed).uniform(0, 1.5, size=6)
    probabilities, y = _predictions(seed, skills, n_samples=50)
    selection = select_greedily(probabilities, y, CLASSES, metric=metric)
    singles = [_measure(probabilities[:, i], y, metric) for i in range(6)]
    sign = -1 if metric == "accuracy" else 1
    assert sign * selection.single_score == pytest.approx(min(sign * np.array(singles)))
    assert sign * selection.score <= sign * selection.single_score


def test_many_rounds_for_log_loss_come_near_the_best_weights_there_are() -> None:
    probabilities, y = _predictions(1, [0.3, 1.0, 1.2, 1.1], n_samples=300)
    selection = select_greedily(probabilities, y, CLASSES, n_rounds=100, metric="log_loss")
    best = _measure(
        combine(probabilities, "weighted", learn_weights(probabilities, y, CLASSES)), y, "log_loss"
    )
    assert best - 1e-8 <= selection.score <= best + 1e-3


@pytest.mark.parametrize("metric", SELECTION_METRICS)
def test_fewer_than_two_helpful_members_are_a_result(metric: str) -> None:
    # The others are the first one, a bit worse on every row.
    probabilities, y = _predictions(0, [1.5], 120)
    truth = np.eye(4)[np.searchsorted(CLASSES, y)][:, None]
    wrong = (1 - truth) / 3
    probabilities = np.concatenate(
        [probabilities, 0.6 * probabilities + 0.4 * wrong, wrong], axis=1
    )
    selection = select_greedily(probabilities, y, CLASSES, metric=metric)
    assert selection.used.tolist() == [0]
    assert selection.best_round == 1
    assert selection.weights.tolist() == [1, 0, 0]
    assert selection.score == selection.single_score


def test_one_member_is_a_result() -> None:
    probabilities, y = _predictions(0, [1.0], 120)
    selection = select_greedily(probabilities, y, CLASSES, n_rounds=3)
    assert selection.weights.tolist() == [1]
    assert selection.chosen.tolist() == [0, 0, 0]


def test_members_equal_by_accuracy_are_told_apart_by_log_loss() -> None:
    unsure, sure = [0.6, 0.4], [0.9, 0.1]
    for members, best in (([unsure, sure], 1), ([sure, unsure], 0)):
        selection = select_greedily([members] * 3, [0, 0, 0], [0, 1], n_rounds=1)
        assert selection.chosen.tolist() == [best]


def test_members_exactly_alike_are_chosen_between_by_the_seed_never_by_the_lowest_index() -> None:
    probabilities, y = _predictions(0, [1.0], 120)
    twins = probabilities.repeat(3, axis=1)
    firsts = [
        select_greedily(twins, y, CLASSES, n_rounds=1, random_state=seed).chosen[0]
        for seed in range(20)
    ]
    assert set(firsts) == {0, 1, 2}
    first, again = (
        select_greedily(twins, y, CLASSES, random_state=5).chosen.tolist() for _ in range(2)
    )
    assert first == again


def test_a_row_with_several_favourites_counts_as_a_decision_by_chance_would() -> None:
    torn = [[[0.5, 0.5, 0.0, 0.0]], [[0.25, 0.25, 0.25, 0.25]]]
    for label in ("a", "b"):
        selection = select_greedily(torn, [label, "c"], CLASSES, n_rounds=1)
        assert selection.score == pytest.approx((1 / 2 + 1 / 4) / 2, abs=1e-15)


@pytest.mark.parametrize("metric", SELECTION_METRICS)
def test_a_selection_counts_a_sample_weight_of_two_as_a_row_twice(metric: str) -> None:
    probabilities, y = _predictions(5, [0.8, 1.0, 0.9], 120)
    times = np.random.default_rng(0).integers(0, 4, size=len(y))
    by_weight = select_greedily(
        probabilities, y, CLASSES, metric=metric, sample_weight=times, random_state=0
    )
    repeated = probabilities.repeat(times, axis=0), y.repeat(times)
    by_copies = select_greedily(*repeated, CLASSES, metric=metric, random_state=0)
    np.testing.assert_allclose(by_weight.scores, by_copies.scores, rtol=1e-12)
    np.testing.assert_array_equal(by_weight.chosen, by_copies.chosen)


def test_input_is_left_alone_and_single_precision_will_do() -> None:
    probabilities, y = _predictions(3, [0.2, 1.0, 1.1], 120)
    probabilities.flags.writeable = False
    double = select_greedily(probabilities, y, CLASSES, metric="log_loss")
    single = select_greedily(probabilities.astype(np.float32), y, CLASSES, metric="log_loss")
    np.testing.assert_allclose(double.scores, single.scores, rtol=1e-5)


def test_a_selection_needs_a_known_metric_and_a_round() -> None:
    predictions = _predictions(0, [1.0])
    with pytest.raises(ValueError, match="no metric 'f1'; choose one of accuracy, log_loss"):
        select_greedily(*predictions, CLASSES, metric="f1")
    with pytest.raises(ValueError, match="n_rounds must be at least 1, not 0"):
        select_greedily(*predictions, CLASSES, n_rounds=0)
