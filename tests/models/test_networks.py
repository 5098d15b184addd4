"""What is published of the baseline and of its regularised variant."""

import inspect

import numpy as np
import pytest

from fer_ensemble.models import network
from fer_ensemble.models.networks import (
    NETWORKS,
    baseline_cnn,
    cnn_2,
    cnn_8,
    improved_vgg,
    mini_xception,
    regularised_cnn,
    resnet,
    se_resnet,
    tiny_xception,
    tuned_cnn,
    vgg_style,
    wide_cnn,
)
from fer_ensemble.models.networks import plain as dense


def layers_of(network, kind):
    return [layer for layer in network.layers if type(layer).__name__ == kind]


def test_baseline_drops_more_the_deeper_it_gets():
    dropouts = layers_of(baseline_cnn((48, 48, 1), 7), "Dropout")
    assert [layer.rate for layer in dropouts] == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_regularised_network_has_leaky_rectifiers_and_half_dropped_at_its_end():
    network = regularised_cnn((48, 48, 1), 7)
    assert [layer.filters for layer in layers_of(network, "Conv2D")] == [128, 128, 256, 256, 512]
    assert len(layers_of(network, "LeakyReLU")) == 6
    assert layers_of(network, "Dropout")[-1].rate == 0.5


def test_a_search_may_choose_every_size():
    network = tuned_cnn((24, 24, 3), 4, filters=[8, 16], dropout=0.4, units=12)
    assert [layer.filters for layer in layers_of(network, "Conv2D")] == [8, 16]
    assert {layer.rate for layer in layers_of(network, "Dropout")} == {0.4}
    assert [layer.units for layer in layers_of(network, "Dense")] == [12, 4]
    with pytest.raises(ValueError, match="shorter"):
        baseline_cnn((48, 48, 1), 7, filters=(8, 16, 32, 64), dropout=(0.1,))


def test_takes_vectors_and_flattens_faces():
    assert dense((20,), 3, units=(8, 4)).count_params() == 21 * 8 + 9 * 4 + 5 * 3
    assert dense((4, 5, 1), 3, units=(8, 4)).count_params() == 21 * 8 + 9 * 4 + 5 * 3


def test_features_and_units_are_dropped_in_training_only():
    ones = np.ones((64, 20), "float32")
    for params in ({"dropout": 0.0, "input_dropout": 0.5}, {"dropout": 0.5}):
        network = dense((20,), 3, units=(8,), **params)
        assert len(np.unique(np.asarray(network(ones, training=True)), axis=0)) > 2
        assert np.ptp(np.asarray(network(ones)), axis=0).max() < 1e-6


def test_eight_convolutions_are_426_parameters_from_the_published_total():
    network = cnn_8((48, 48, 1), 7)
    assert network.count_params() - 8_816_399 == 426
    assert len(layers_of(network, "Conv2D")) == 8
    assert [layer.rate for layer in layers_of(network, "Dropout")] == [0.25] * 4 + [0.5] * 2


def test_wide_network_has_one_block_of_larger_filters():
    convolutions = layers_of(wide_cnn((48, 48, 1), 7), "Conv2D")
    assert [layer.filters for layer in convolutions] == [32, 64, 128, 512, 512]
    assert [layer.kernel_size[0] for layer in convolutions] == [3, 3, 5, 3, 3]


def test_filters_stay_centred_through_training():
    import keras

    keras.utils.set_random_seed(0)
    network = cnn_2((12, 12, 1), 3, filters=(4, 6), convolutions=(1, 2), units=5)
    network.compile("sgd", "sparse_categorical_crossentropy")
    before = [np.asarray(layer.kernel) for layer in layers_of(network, "Conv2D")]
    faces = np.random.default_rng(0).uniform(0, 255, (8, 12, 12, 1))
    network.train_on_batch(faces, np.arange(8) % 3)
    for layer, old in zip(layers_of(network, "Conv2D"), before, strict=True):
        kernel = np.asarray(layer.kernel).reshape(-1, layer.filters)
        assert np.abs(kernel - old.reshape(kernel.shape)).max() > 1e-4
        np.testing.assert_allclose(kernel.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 2**0.5, rtol=1e-5)


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


STILL = {"filters": (4, 8), "blocks": (0, 1), "dropout": 0.0, "stage_dropout": 0.0}


def test_resnet_18_has_eighteen_layers_with_weights_on_its_way():
    network = resnet((48, 48, 1), 7, filters=(4, 6, 8, 10))
    kinds = [type(layer).__name__ for layer in network.layers]
    shortcuts = 3
    assert kinds.count("Conv2D") + kinds.count("Dense") - shortcuts == 18
    assert network.layers[-2].input.shape[1:3] == (2, 2)


def test_faces_skip_a_branch_as_a_whole_and_only_in_training():
    rng = np.random.default_rng(0)
    same = np.repeat(rng.uniform(0, 255, (1, 12, 12, 1)).astype("float32"), 64, axis=0)
    network = se_resnet((12, 12, 1), 3, **STILL, drop_path=0.5)
    outcomes, counts = np.unique(
        np.asarray(network(same, training=True)).round(5), axis=0, return_counts=True
    )
    assert len(outcomes) == 2
    assert counts.min() > 15
    assert len(np.unique(np.asarray(network(same)).round(5), axis=0)) == 1
    steady = se_resnet((12, 12, 1), 3, **STILL, drop_path=0.0)
    assert len(np.unique(np.asarray(steady(same, training=True)).round(5), axis=0)) == 1


def test_vgg_style_drops_half_after_each_of_four_blocks():
    network = vgg_style((48, 48, 1), 7)
    assert [layer.rate for layer in layers_of(network, "Dropout")] == [0.5] * 4
    sides = [layer.output.shape[1] for layer in layers_of(network, "MaxPooling2D")]
    assert sides == [24, 11, 4, 2]


def test_improved_vgg_grows_deeper_and_drops_once():
    network = improved_vgg((48, 48, 1), 7)
    filters = [layer.filters for layer in layers_of(network, "Conv2D")]
    assert filters == [32] + [64] * 4 + [128] * 3
    assert [layer.rate for layer in layers_of(network, "Dropout")] == [0.5]


@pytest.mark.parametrize(
    ("builder", "stem", "widths"),
    [(mini_xception, 8, [16, 32, 64, 128]), (tiny_xception, 5, [8, 16, 32, 64])],
)
def test_four_modules_of_separable_convolutions(builder, stem, widths):
    network = builder((48, 48, 1), 7)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert "Dense" not in kinds
    separable = [layer for layer in network.layers if type(layer).__name__ == "SeparableConv2D"]
    assert [layer.filters for layer in separable[::2]] == widths
    assert network.layers[2].filters == stem
    assert len(network.losses) == 2


def test_takes_faces_of_any_size():
    assert mini_xception((64, 32, 3), 4).output_shape == (None, 4)
