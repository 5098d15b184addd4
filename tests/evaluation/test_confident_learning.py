import numpy as np
import pytest
from cleanlab.count import compute_confident_joint
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from fer_ensemble.evaluation import QUALITIES, confident_labels, label_quality


def drawn(seed, n=600, n_classes=7, sharpness=2.0):
    """Labels of which a fifth is wrong, and the probabilities of a model that is mostly right."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, 3.0)))
    given = np.where(rng.random(n) < 0.2, rng.integers(0, n_classes, n), truth)
    logits = rng.normal(size=(n, n_classes)) + sharpness * np.eye(n_classes)[truth]
    odds = np.exp(logits)
    return given, odds / odds.sum(axis=1, keepdims=True)


def check_joint(joint, y, proba):
    """The same counts as cleanlab's, but where two of a row are equally near to the next number."""
    theirs = compute_confident_joint(y, proba)
    counts = compute_confident_joint(y, proba, calibrate=False)
    scaled = counts / counts.sum(axis=1, keepdims=True) * np.bincount(y)[:, np.newaxis]
    rests = (scaled - scaled.round()).round(9)
    for row, column in np.argwhere(joint != theirs):
        assert abs(joint[row, column] - theirs[row, column]) == 1
        assert (np.abs(rests[row]) == abs(rests[row, column])).sum() > 1
    assert (joint == theirs).mean() > 0.9
    assert joint.sum(axis=1).tolist() == np.bincount(y).tolist()


def test_thresholds_joint_and_suspects_are_those_of_a_case_worked_by_hand():
    y = [0, 0, 0, 1, 1]
    proba = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.6, 0.4]])
    found = confident_labels(y, proba)
    # Means of a label's own probabilities: (0.9 + 0.7 + 0.2) / 3 and (0.9 + 0.4) / 2.
    assert found.thresholds == pytest.approx([0.6, 0.65])
    # The fifth reaches the threshold of class 0 exactly.
    assert found.confident.tolist() == [0, 0, 1, 1, 0]
    assert found.joint.tolist() == [[2, 1], [1, 1]]
    assert found.is_suspect.tolist() == [False, False, True, False, True]
    assert found.n_wrong == 2


def test_a_row_whose_confident_counts_miss_some_samples_is_scaled_to_its_label():
    y = [0, 0, 0, 0, 1, 1]
    p = np.array([0.9, 0.5, 0.5, 0.1, 0.2, 0.3])
    found = confident_labels(y, np.column_stack([p, 1 - p]))
    # Class 0 is reached from 0.5, class 1 from 0.75: the sixth is confidently nothing.
    assert found.confident.tolist() == [0, 0, 0, 1, 1, -1]
    assert found.joint.tolist() == [[3, 1], [0, 2]]


@pytest.mark.parametrize("seed", range(6))
def test_joint_suspects_and_order_are_those_of_cleanlab(seed):
    y, proba = drawn(seed, sharpness=1.0 + seed / 2)
    found = confident_labels(y, proba)
    check_joint(found.joint, y, proba)
    issues = find_label_issues(y, proba, filter_by="confident_learning", n_jobs=1)
    assert np.array_equal(found.is_suspect, issues)
    assert 0 < found.is_suspect.sum() < len(y)
    for by in QUALITIES:
        theirs = find_label_issues(
            y, proba, filter_by="confident_learning", return_indices_ranked_by=by, n_jobs=1
        )
        quality = label_quality(y, proba, by=by)
        assert quality == pytest.approx(get_label_quality_scores(y, proba, method=by))
        rows = np.flatnonzero(found.is_suspect)
        assert rows[np.argsort(quality[rows])].tolist() == theirs.tolist()


def test_a_class_without_labels_is_nobodys_confident_class():
    y, proba = drawn(7)
    kept = y != 3
    found = confident_labels(y[kept], proba[kept])
    assert 3 not in found.confident
    theirs = find_label_issues(y[kept], proba[kept], filter_by="confident_learning", n_jobs=1)
    assert np.array_equal(found.is_suspect, theirs)


def test_columns_stand_for_the_classes_that_are_named():
    y, proba = drawn(8)
    order = np.array([6, 2, 4, 0, 1, 3, 5])
    found = confident_labels(y, proba[:, order], order)
    assert np.array_equal(found.is_suspect, confident_labels(y, proba).is_suspect)


def test_a_measure_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ValueError, match="no measure 'entropy': choose self_confidence or"):
        label_quality([0], [[0.5, 0.5]], by="entropy")
