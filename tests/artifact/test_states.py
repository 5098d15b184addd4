"""Ensembles taken apart and put together again."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from fer_ensemble.artifact.states import EnsembleState, describe_state, restore_state
from fer_ensemble.ensemble import StackingEnsemble, VotingEnsemble, to_stacking

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
MEMBERS = [("lr", LogisticRegression()), ("nb", GaussianNB())]


def _voting(**parameters: Any) -> Any:
    return VotingEnsemble(MEMBERS, **{"random_state": 0, **parameters}).fit(X, Y)


def _again(fitted: Any) -> Any:
    """Return what comes of it on the way through JSON."""
    state = describe_state(fitted)
    parameters = json.loads(json.dumps(state.parameters))
    restored = restore_state(fitted.members_, state._replace(parameters=parameters))
    restored.classes_ = fitted.classes_
    return restored


def test_a_voting_ensemble_is_what_it_was() -> None:
    fitted = _voting(calibrate=True, weights=[1, 2], rule="median", ties="random")
    again = _again(fitted)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    for name, value in fitted.get_params(deep=False).items():
        assert name == "members" or again.get_params()[name] == value, name
    for name in ("labels_", "probabilities_", "indices_", "sample_weight_"):
        np.testing.assert_array_equal(
            getattr(again, f"validation_{name}"), getattr(fitted, f"validation_{name}")
        )


def test_weights_of_held_out_samples_are_kept() -> None:
    weights = np.linspace(0.1, 2, 60)
    fitted = VotingEnsemble(MEMBERS, random_state=0).fit(X, Y, sample_weight=weights)
    again = _again(fitted)
    np.testing.assert_array_equal(
        again.validation_sample_weight_, weights[fitted.validation_indices_]
    )
    np.testing.assert_array_equal(again.learn_combination().weights_, fitted.weights_)


def test_a_stacking_ensemble_is_what_it_was() -> None:
    for fitted in (
        StackingEnsemble(MEMBERS, n_splits=2, random_state=0).fit(X, Y),
        to_stacking(_voting(validation_fraction=0.5)),
    ):
        again = _again(fitted)
        np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
        np.testing.assert_array_equal(again.oof_labels_, fitted.oof_labels_)
        assert (again.fold_ids_ is None) == (fitted.fold_ids_ is None)


def test_scalars_of_numpy_become_numbers_and_generators_nothing() -> None:
    fitted = _voting(
        validation_fraction=np.float32(0.5),
        abstain_label=np.int64(7),
        calibrate=np.True_,
        random_state=np.random.RandomState(0),
    )
    parameters = describe_state(fitted).parameters
    assert parameters["validation_fraction"] == 0.5
    assert parameters["abstain_label"] == 7
    assert parameters["calibrate"] is True
    assert parameters["random_state"] is None
    assert _again(fitted).predict(X, min_confidence=0.9).max() == 7


def test_labels_of_type_object_become_text() -> None:
    names = np.array(["down", "up"], dtype=object)[Y]
    fitted = VotingEnsemble(MEMBERS, random_state=0).fit(X, names)
    arrays = describe_state(fitted).arrays
    assert not any(array.dtype.hasobject for array in arrays.values())
    assert set(arrays["validation_labels_"]) == {"down", "up"}


def test_of_an_artifact_without_digests_nothing_is_known_to_have_been_seen() -> None:
    fitted = _voting()
    state = describe_state(fitted)
    del state.arrays["training_digests_"]
    assert not hasattr(restore_state(fitted.members_, state), "training_digests_")


@pytest.mark.parametrize("kind", ["choir", None, 1])
def test_there_is_no_other_kind(kind: Any) -> None:
    with pytest.raises(ValueError, match="no kind of ensemble"):
        restore_state(MEMBERS, EnsembleState({"kind": kind}, {}))


def test_stacking_needs_its_final_estimator() -> None:
    state = EnsembleState({"kind": "stacking", "n_splits": 2, "passthrough": False}, {})
    with pytest.raises(ValueError, match="no final estimator"):
        restore_state(MEMBERS, state)
