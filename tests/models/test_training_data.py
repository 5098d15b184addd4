"""Training samples are held out, balanced and changed, and none of one part reaches another."""

import numpy as np
import pytest

from fer_ensemble.datasets import EMOTIONS, PROTOCOLS, synthetic_dataset
from fer_ensemble.models import training
from fer_ensemble.models.training_data import (
    Samples,
    augment_copies,
    augment_once,
    balance_samples,
)
from fer_ensemble.splitting import copy_groups
from tests.models.stand_ins import small_dense

CLASSES = np.array(["calm", "glad", "sad"])
TARGETS = np.repeat([0, 1, 2], [2, 4, 12])


def samples(weight=None, side=4):
    """Faces that are told apart by their brightness."""
    faces = np.arange(len(TARGETS), dtype=np.uint8)[:, None, None, None]
    return Samples(np.broadcast_to(10 * faces, (len(TARGETS), side, side, 1)), TARGETS, weight)


def balance(samples, *, target=None, augmentation=None, class_weight=None):
    return balance_samples(
        samples,
        CLASSES,
        target=target,
        augmentation=augmentation,
        class_weight=class_weight,
        random_state=0,
    )


def test_samples_labels_and_weights_stay_together():
    weight = np.arange(18.0)
    balanced, counts = balance(samples(weight), target={"calm": 5, "sad": 3})
    assert counts == {
        "before": {"calm": 2, "glad": 4, "sad": 12},
        "after": {"calm": 5, "glad": 4, "sad": 3},
    }
    rows = balanced.X[:, 0, 0, 0] // 10
    np.testing.assert_array_equal(balanced.targets, TARGETS[rows])
    np.testing.assert_array_equal(balanced.weight, weight[rows])
    assert np.bincount(balanced.targets).tolist() == [5, 4, 3]


def test_soft_labels_stay_with_their_samples():
    shares = np.eye(3, dtype=np.float32)[TARGETS]
    given = samples()._replace(soft_labels=shares)
    balanced, counts = balance(given, target="max", augmentation={"flip": True})
    assert set(counts["after"].values()) == {12}
    np.testing.assert_array_equal(balanced.soft_labels.argmax(axis=1), balanced.targets)


def test_nothing_asked_for_is_nothing_done():
    given = samples()
    balanced, counts = balance(given)
    assert balanced is given
    assert counts["before"] == counts["after"] == {"calm": 2, "glad": 4, "sad": 12}


def test_only_repeated_faces_are_augmented():
    given = Samples(*samples()[:2])
    before = given.X.copy()
    balanced, _ = balance(given, target=6, augmentation={"noise": 0.2})
    plain, _ = balance(given, target=6)
    n_first = 2 + 4 + 6
    np.testing.assert_array_equal(balanced.X[:n_first], plain.X[:n_first])
    changed = (balanced.X[n_first:] != plain.X[n_first:]).any(axis=(1, 2, 3))
    assert changed.all()
    np.testing.assert_array_equal(given.X, before)


def test_class_weights_multiply_the_weights_of_the_samples():
    balanced, counts = balance(samples(), class_weight="balanced")
    np.testing.assert_allclose(balanced.weight, np.repeat([3, 1.5, 0.5], [2, 4, 12]))
    assert counts["after"] == counts["before"]
    own = np.arange(18.0)
    named, _ = balance(samples(own), class_weight={"glad": 2})
    np.testing.assert_allclose(named.weight, own * np.repeat([1, 2, 1], [2, 4, 12]))
    # Once they are equal in number, they are equal in weight.
    both, _ = balance(samples(), target=6, class_weight="balanced")
    np.testing.assert_allclose(both.weight, 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_augmenting_once_changes_faces_and_keeps_their_type(dtype):
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (300, 8, 8, 1)).astype(dtype)
    changed = augment_once(faces, {"rotation": 20, "noise": 0.5}, 0)
    assert changed.shape == faces.shape
    assert changed.dtype == dtype
    assert (changed != faces).any(axis=(1, 2, 3)).all()
    assert 0 <= changed.min() < 5
    assert 250 < changed.max() <= 255
    np.testing.assert_array_equal(changed, augment_once(faces, {"rotation": 20, "noise": 0.5}, 0))
    assert not np.array_equal(changed, augment_once(faces, {"rotation": 20, "noise": 0.5}, 1))


def test_pixels_are_rounded_and_not_cut_off():
    # As many pixels above mid-grey as below it: contrast keeps the mean, cutting off would not.
    half = np.random.default_rng(0).integers(50, 128, (20, 4, 8, 1), dtype=np.uint8)
    changed = augment_once(np.concatenate([half, 254 - half], axis=1), {"contrast": 0.2}, 0)
    assert changed.mean() == pytest.approx(127, abs=0.01)


def test_an_augmentation_that_leaves_pixels_as_they_are_shifts_none():
    faces = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 1), dtype=np.uint8)
    changed = augment_once(faces, {"flip": True}, 0)
    mirrored = (changed == faces[:, :, ::-1]).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(changed[~mirrored], faces[~mirrored])
    assert 0.4 < mirrored.mean() < 0.6


def short(**params):
    return small_dense(**{"epochs": 2, "precision": "float32", **params})


@pytest.fixture
def table():
    X = np.random.default_rng(0).normal(size=(90, 3))
    return X, np.repeat(CLASSES, [15, 25, 50])


def test_held_out_rows_are_not_trained_on(table, monkeypatch):
    X, y = table
    seen = []
    train = training.train

    def spy(estimator, fitted, validation, *args):
        seen.extend([fitted, validation])
        return train(estimator, fitted, validation, *args)

    monkeypatch.setattr(training, "train", spy)
    counts = short(balance="max", validation_fraction=0.2).fit(X, y).class_counts_
    fitted, validation = seen
    held_out = {tuple(row) for row in validation.X}
    assert not held_out & {tuple(row) for row in fitted.X}
    in_all = {**counts["before"]}
    for label in CLASSES[validation.targets].tolist():
        in_all[label] += 1
    assert in_all == {"calm": 15, "glad": 25, "sad": 50}
    assert len(held_out) == len(validation.X) == 18
    assert set(counts["after"].values()) == {counts["before"]["sad"]}
    assert len(fitted.X) == sum(counts["after"].values())


def test_balanced_class_weights_are_sample_weights(table):
    X, y = table
    by_class = short(validation_fraction=None, class_weight="balanced").fit(X, y)
    weight = np.repeat(90 / (3 * np.array([15, 25, 50])), [15, 25, 50])
    by_hand = short(validation_fraction=None).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(by_class.predict_proba(X), by_hand.predict_proba(X))
    neither = short(validation_fraction=None).fit(X, y).predict_proba(X)
    assert np.abs(by_class.predict_proba(X) - neither).max() > 1e-3


def test_a_balance_that_cannot_be_is_an_error(table):
    with pytest.raises(ValueError, match=r"labels \['angry'\]"):
        short(balance={"angry": 3}).fit(*table)


def test_copies_are_changed_by_the_seed(faces):
    images = faces[0][:20]
    changed = augment_copies(images, 0)
    assert changed.shape == images.shape
    assert changed.dtype == np.uint8
    assert (changed != images).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(changed, augment_copies(images, 0))
    assert (changed != augment_copies(images, 1)).any()


def test_balanced_protocol_with_changed_copies():
    data = synthetic_dataset(210, random_state=0)
    parts = PROTOCOLS["balanced"].split(
        data, 0, target=dict.fromkeys(EMOTIONS, 40), augment=augment_copies
    )
    images = np.concatenate([parts.train.images, parts.test.images])
    assert len(images) == 280
    # Few copies come out as they went in: most are changed.
    assert len(np.unique(copy_groups(images))) > 250
