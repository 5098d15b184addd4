import numpy as np
import pytest

from fer_ensemble.datasets import make_faces
from fer_ensemble.models import KerasClassifier
from fer_ensemble.models.balancing import balance_samples
from fer_ensemble.models.validation import Samples

FACES, LABELS, _ = make_faces(140, random_state=0)
ONE_HOT = np.eye(7)[LABELS]


def network(**params):
    small = {"filters": (8,), "convolutions": (1,), "units": 32, "dropout": 0.0}
    given = {"epochs": 2, "loss": "categorical_crossentropy", "random_state": 0} | params
    return KerasClassifier("cnn_2", network_params=small, **given)


def test_certain_soft_labels_train_as_labels_do():
    hard = network(label_smoothing=0.1).fit(FACES, LABELS)
    soft = network(label_smoothing=0.1).fit(FACES, LABELS, soft_labels=ONE_HOT)
    np.testing.assert_allclose(soft.predict_proba(FACES), hard.predict_proba(FACES), atol=1e-4)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(soft.history_[name], hard.history_[name], atol=1e-4)


def test_what_is_learned_are_the_shares():
    shares = np.tile([0.6, 0.2, 0.2, 0, 0, 0, 0], (len(FACES), 1))
    fitted = network(epochs=30, learning_rate=0.01, patience=None, validation_fraction=None).fit(
        FACES, LABELS, soft_labels=shares
    )
    np.testing.assert_allclose(fitted.predict_proba(FACES).mean(axis=0), shares[0], atol=0.05)


def test_shares_follow_their_faces_through_balancing():
    given = Samples(FACES[..., None], LABELS, None, ONE_HOT.astype(np.float32))
    given = given.take(np.flatnonzero((LABELS != 1) | (np.arange(len(LABELS)) % 3 == 0)))
    balanced, counts = balance_samples(
        given,
        np.arange(7),
        target="max",
        augmentation={"flip": True},
        class_weight=None,
        random_state=0,
    )
    assert len(set(counts["after"].values())) == 1
    assert len(balanced.targets) > len(given.targets)
    np.testing.assert_array_equal(balanced.soft_labels.argmax(axis=1), balanced.targets)


@pytest.mark.parametrize(
    ("params", "shares", "message"),
    [
        ({"loss": "sparse_categorical_crossentropy"}, ONE_HOT, "categorical_crossentropy"),
        ({}, ONE_HOT[:, :6], r"shape \(140, 6\).*\(140, 7\)"),
        ({}, ONE_HOT * 2, "sample 0.*sum to 1"),
        ({}, np.where(np.arange(140)[:, None] == 3, np.nan, ONE_HOT), "sample 3"),
    ],
)
def test_wrong_soft_labels_are_refused(params, shares, message):
    with pytest.raises(ValueError, match=message):
        network(**params).fit(FACES, LABELS, soft_labels=shares)
