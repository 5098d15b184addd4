"""Every registered member: built by name, cloned, fitted on faces, as costly as it says."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from fer_ensemble.models import create_member, list_members, member
from fer_ensemble.models.networks import NETWORKS

NAMES = [info.name for info in list_members()]

# Enough to run, not to learn.
QUICK = {
    "dense_hog": {"classifier__epochs": 1},
    "boosted_hog": {"classifier__n_estimators": 2},
    "cnn_2": {"epochs": 1},
}


def multiply_accumulates(network):
    """Count the multiplications of dense layers and convolutions for one sample."""
    total = 0
    for layer in network.layers:
        kind = type(layer).__name__
        if kind == "Dense":
            total += layer.kernel.shape[0] * layer.kernel.shape[1]
        elif kind == "Conv2D":
            height, width = layer.output.shape[1:3]
            total += height * width * int(np.prod(layer.kernel.shape))
    return total


@pytest.mark.parametrize("name", NAMES)
def test_member_is_a_classifier_from_faces_to_probabilities(name, faces):
    images, labels = faces
    estimator = create_member(name, random_state=0, n_jobs=1, **QUICK.get(name, {}))
    assert clone(estimator).get_params().keys() == estimator.get_params().keys()
    estimator.fit(images, labels, validation_data=(images[:35], labels[:35]))
    probabilities = estimator.predict_proba(images)
    assert probabilities.shape == (140, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert estimator.classes_.tolist() == list(range(7))


@pytest.mark.parametrize("name", NAMES)
def test_member_takes_weights_and_held_out_data(name):
    estimator = create_member(name)
    assert has_fit_parameter(estimator, "sample_weight")
    assert has_fit_parameter(estimator, "validation_data")


@pytest.mark.parametrize("info", list_members(), ids=NAMES)
def test_stated_cost_is_the_networks(info):
    estimator = info.build()
    if info.parameters is None:
        assert info.multiply_accumulates is None
        return
    classifier = estimator[-1] if hasattr(estimator, "steps") else estimator
    shape = (48, 48, 1) if classifier is estimator else (1568,)
    network = NETWORKS[classifier.network](shape, 7, **(classifier.network_params or {}))
    assert network.count_params() == info.parameters
    assert multiply_accumulates(network) == info.multiply_accumulates


def test_shared_parameters_reach_every_step():
    params = create_member("dense_hog", random_state=3, n_jobs=2, verbose=1).get_params()
    assert params["classifier__random_state"] == 3
    assert params["hog__n_jobs"] == 2
    assert params["classifier__verbose"] == 1
    assert params["verbose"] is False
    assert create_member("cnn_2", random_state=3, n_jobs=2, verbose=1).random_state == 3


def test_two_members_never_share_state():
    first, second = create_member("dense_hog"), create_member("dense_hog")
    first.set_params(hog__orientations=3)
    assert second.get_params()["hog__orientations"] == 8


def test_unknown_names_are_told():
    with pytest.raises(ValueError, match=r"Unknown member 'cnn_9': choose among \['dense_hog'"):
        create_member("cnn_9")
    with pytest.raises(ValueError, match="Invalid parameter 'epoch'"):
        create_member("cnn_2", epoch=3)
    with pytest.raises(ValueError, match="registered already"):

        @member(source="here")
        def cnn_2():
            """Another one."""
