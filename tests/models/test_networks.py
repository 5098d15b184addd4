"""Every registered architecture: what is published of it, and what all of them keep to."""

import inspect

import numpy as np
import pytest

from fer_ensemble.models import NETWORKS, list_members, network
from fer_ensemble.models.pipeline import last_step

FACE = (48, 48, 1)
# Those of the package; other tests, and examples in docstrings, register some of their own.
NAMES = [
    name for name, builder in NETWORKS.items() if builder.__module__.startswith("fer_ensemble")
]

# The networks that teach others, by what is set of them, and their sizes for grayscale faces of
# 48×48 and seven classes. All other sizes stand with the members, whose own test counts them.
TEACHERS = [
    ("pre_resnet", {}, 11_353_527),
    ("pre_resnet", {"filters": (64, 128, 320, 512), "activation": "relu"}, 12_778_055),
    ("normalised_vgg", {}, 12_372_039),
    ("se_resnet", {"filters": (64, 128, 256, 512), "blocks": (1, 1, 2, 2)}, 13_900_959),
]

# What is published, for the same faces and classes.
NON_TRAINABLE = {
    "cnn_8": 840,
    "mobilenet_v2": 34_112,
    "resnet50": 53_120,
    "wide_cnn": 3_968,
}


def build(name, shape=FACE, n_classes=7, **params):
    return NETWORKS[name](shape, n_classes, **params)


def layers_of(network, kind):
    return [layer for layer in network.layers if type(layer).__name__ == kind]


@pytest.fixture(scope="module", params=NAMES)
def built(request):
    """Each network, at random weights and in mixed precision."""
    import keras

    starts = "weights" in inspect.signature(NETWORKS[request.param]).parameters
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return build(request.param, **({"weights": None} if starts else {}))
    finally:
        keras.config.set_dtype_policy(policy)


def test_fixed_weights_are_as_many_as_published(built):
    fixed = sum(int(np.prod(w.shape)) for w in built.non_trainable_weights)
    assert fixed == NON_TRAINABLE.get(built.name, fixed)


def test_probabilities_are_whole_and_in_single_precision(built):
    faces = np.random.default_rng(0).integers(0, 256, (2, *FACE)).astype("float32")
    probabilities = np.asarray(built(faces))
    assert probabilities.shape == (2, 7)
    assert probabilities.dtype == np.float32
    assert probabilities.min() >= 0
    # In half precision, sums would be off by thousandths.
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_a_plain_call_changes_no_weights(built):
    before = built.get_weights()
    built(np.full((2, *FACE), 100.0, "float32"))
    for old, new in zip(before, built.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_every_network_has_a_size_that_is_tested():
    classifiers = [last_step(info.build()) for info in list_members()]
    counted = {classifier.get_params().get("network") for classifier in classifiers}
    assert counted | {name for name, _, _ in TEACHERS} >= set(NAMES)


@pytest.mark.parametrize(("name", "params", "n_parameters"), TEACHERS)
def test_teachers_have_the_size_of_those_that_taught(name, params, n_parameters):
    assert build(name, **params).count_params() == n_parameters


def test_a_network_is_registered_under_its_functions_name(monkeypatch):
    monkeypatch.setitem(NETWORKS, "found", None)  # taken out again after this test

    @network
    def found(input_shape, n_classes):
        raise AssertionError("it is only built when it is needed")

    assert NETWORKS["found"] is found


def test_dense_network_takes_vectors_and_flattens_faces():
    for shape in ((20,), (4, 5, 1)):
        network = build("dense", shape, 3, units=(8, 4))
        assert network.count_params() == 21 * 8 + 9 * 4 + 5 * 3


def test_features_and_units_are_dropped_in_training_only():
    ones = np.ones((64, 20), "float32")
    for params in ({"dropout": 0.0, "input_dropout": 0.5}, {"dropout": 0.5}):
        network = build("dense", (20,), 3, units=(64,), **params)
        assert len(np.unique(np.asarray(network(ones, training=True)), axis=0)) > 2
        assert np.ptp(np.asarray(network(ones)), axis=0).max() < 1e-6


def test_baseline_drops_more_the_deeper_it_gets():
    dropouts = layers_of(build("baseline_cnn"), "Dropout")
    assert [layer.rate for layer in dropouts] == [0.1, 0.2, 0.3, 0.4, 0.5]
    with pytest.raises(ValueError, match="shorter"):
        build("baseline_cnn", filters=(8, 16, 32, 64), dropout=(0.1,))


def test_a_search_may_choose_every_size():
    network = build("tuned_cnn", (24, 24, 3), 4, filters=[8, 16], dropout=0.4, units=12)
    assert [layer.filters for layer in layers_of(network, "Conv2D")] == [8, 16]
    assert {layer.rate for layer in layers_of(network, "Dropout")} == {0.4}
    assert [layer.units for layer in layers_of(network, "Dense")] == [12, 4]


def test_regularised_network_has_leaky_rectifiers_and_half_dropped_at_its_end():
    network = build("regularised_cnn")
    assert [layer.filters for layer in layers_of(network, "Conv2D")] == [128, 128, 256, 256, 512]
    assert len(layers_of(network, "LeakyReLU")) == 6
    assert layers_of(network, "Dropout")[-1].rate == 0.5


def test_eight_convolutions_are_426_parameters_from_the_published_total():
    network = build("cnn_8")
    assert network.count_params() - 8_816_399 == 426
    assert len(layers_of(network, "Conv2D")) == 8
    assert [layer.rate for layer in layers_of(network, "Dropout")] == [0.25] * 4 + [0.5] * 2


def test_wide_network_has_one_block_of_larger_filters():
    convolutions = layers_of(build("wide_cnn"), "Conv2D")
    assert [layer.filters for layer in convolutions] == [32, 64, 128, 512, 512]
    assert [layer.kernel_size[0] for layer in convolutions] == [3, 3, 5, 3, 3]


def test_vgg_style_drops_half_after_each_of_four_blocks():
    network = build("vgg_style")
    assert [layer.rate for layer in layers_of(network, "Dropout")] == [0.5] * 4
    sides = [layer.output.shape[1] for layer in layers_of(network, "MaxPooling2D")]
    assert sides == [24, 11, 4, 2]


def test_improved_vgg_grows_deeper_and_drops_once():
    network = build("improved_vgg")
    filters = [layer.filters for layer in layers_of(network, "Conv2D")]
    assert filters == [32] + [64] * 4 + [128] * 3
    assert [layer.rate for layer in layers_of(network, "Dropout")] == [0.5]


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("cnn_2", {"filters": (4, 6), "convolutions": (1, 2), "units": 5}),
        ("se_resnet", {"filters": (8, 16), "blocks": (1, 1)}),
    ],
)
def test_filters_stay_centred_through_training(name, params):
    import keras

    keras.utils.set_random_seed(0)
    network = build(name, (12, 12, 1), 3, **params)
    network.compile("sgd", "sparse_categorical_crossentropy")
    # A squeeze's convolutions are of one pixel, and not centred.
    centred = [layer for layer in layers_of(network, "Conv2D") if layer.kernel_size == (3, 3)]
    before = [np.asarray(layer.kernel) for layer in centred]
    faces = np.random.default_rng(0).uniform(0, 255, (8, 12, 12, 1))
    network.train_on_batch(faces, np.arange(8) % 3)
    for layer, old in zip(centred, before, strict=True):
        kernel = np.asarray(layer.kernel).reshape(-1, layer.filters)
        assert np.abs(kernel - old.reshape(kernel.shape)).max() > 1e-4
        np.testing.assert_allclose(kernel.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 2**0.5, rtol=1e-5)


def test_resnet_18_has_eighteen_layers_with_weights_on_its_way():
    network = build("resnet", filters=(4, 6, 8, 10))
    kinds = [type(layer).__name__ for layer in network.layers]
    shortcuts = 3
    assert kinds.count("Conv2D") + kinds.count("Dense") - shortcuts == 18
    assert network.layers[-2].input.shape[1:3] == (2, 2)


@pytest.mark.parametrize(
    ("name", "still"),
    [
        ("se_resnet", {"filters": (4, 8), "blocks": (0, 1), "stage_dropout": 0.0}),
        ("pre_resnet", {"filters": (8,), "blocks": (1,)}),
    ],
)
def test_faces_skip_a_branch_as_a_whole_and_only_in_training(name, still):
    rng = np.random.default_rng(0)
    same = np.repeat(rng.uniform(0, 255, (1, 12, 12, 1)).astype("float32"), 64, axis=0)
    network = build(name, (12, 12, 1), 3, **still, dropout=0.0, drop_path=0.5)
    outcomes, counts = np.unique(
        np.asarray(network(same, training=True)).round(5), axis=0, return_counts=True
    )
    assert len(outcomes) == 2
    assert counts.min() > 15
    assert len(np.unique(np.asarray(network(same)).round(5), axis=0)) == 1
    steady = build(name, (12, 12, 1), 3, **still, dropout=0.0, drop_path=0.0)
    assert len(np.unique(np.asarray(steady(same, training=True)).round(5), axis=0)) == 1


def test_pre_activation_adds_to_a_sum_as_it_is():
    network = build("pre_resnet", (12, 12, 1), 3, filters=(8,), blocks=(2,))
    first, second = layers_of(network, "Add")
    assert any(added is first.output for added in second.input)


@pytest.mark.parametrize(
    ("name", "stem", "widths"),
    [("mini_xception", 8, [16, 32, 64, 128]), ("tiny_xception", 5, [8, 16, 32, 64])],
)
def test_xceptions_have_four_modules_of_separable_convolutions(name, stem, widths):
    network = build(name)
    assert not layers_of(network, "Dense")
    assert [x.filters for x in layers_of(network, "SeparableConv2D")[::2]] == widths
    assert network.layers[2].filters == stem
    assert len(network.losses) == 2


def test_xceptions_take_faces_of_any_size():
    assert build("mini_xception", (64, 32, 3), 4).output_shape == (None, 4)
