"""Every registered network: as large as published, from faces to probabilities."""

import inspect

import numpy as np
import pytest

from fer_ensemble.models.networks import NETWORKS, network

# For grayscale faces of 48×48 and seven classes.
PARAMETERS = {
    "baseline_cnn": 685_703,
    "cnn_1": 683_527,
    "cnn_2": 2_503_431,
    "cnn_8": 8_816_825,
    "dense": 2_888_711,
    "efficientnet": 4_058_538,
    "improved_vgg": 647_111,
    "mini_xception": 58_423,
    "mobilenet_v2": 5_835_975,
    "regularised_cnn": 2_482_567,
    "resnet": 11_183_431,
    "resnet50": 25_693_063,
    "se_resnet": 1_963_615,
    "tiny_xception": 18_314,
    "tuned_cnn": 403_463,
    "vgg_style": 528_295,
    "wide_cnn": 4_496_903,
}
# Those that are published.
NON_TRAINABLE = {
    "cnn_8": 840,
    "mobilenet_v2": 34_112,
    "resnet50": 53_120,
    "wide_cnn": 3_968,
}


@pytest.fixture(scope="module", params=list(NETWORKS))
def built(request):
    """Each network, at random weights and in mixed precision."""
    import keras

    builder = NETWORKS[request.param]
    starts = "weights" in inspect.signature(builder).parameters
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return builder((48, 48, 1), 7, **({"weights": None} if starts else {}))
    finally:
        keras.config.set_dtype_policy(policy)


def test_size_is_as_stated(built):
    assert built.count_params() == PARAMETERS[built.name]
    non_trainable = sum(int(np.prod(w.shape)) for w in built.non_trainable_weights)
    assert non_trainable == NON_TRAINABLE.get(built.name, non_trainable)


def test_probabilities_are_whole_and_in_single_precision(built):
    faces = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 1)).astype("float32")
    probabilities = np.asarray(built(faces))
    assert probabilities.shape == (2, 7)
    assert probabilities.dtype == np.float32
    assert probabilities.min() >= 0
    # In half precision, sums would be off by thousandths.
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_a_plain_call_changes_no_weights(built):
    before = built.get_weights()
    built(np.full((2, 48, 48, 1), 100.0, "float32"))
    for old, new in zip(before, built.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_network_is_registered_under_its_functions_name(monkeypatch):
    monkeypatch.setattr("fer_ensemble.models.networks.registry.NETWORKS", {})
    from fer_ensemble.models.networks import registry

    @network
    def found(input_shape, n_classes):
        raise AssertionError("it is only built when it is needed")

    assert list(registry.NETWORKS.items()) == [("found", found)]
