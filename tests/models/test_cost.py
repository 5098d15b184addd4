"""Costs of layers, by hand and against what members say of themselves."""

import pytest
from sklearn.dummy import DummyClassifier

from fer_ensemble.models import KerasClassifier, create_member
from fer_ensemble.models.cost import build_member_network, layer_costs
from fer_ensemble.models.registry import get_member


def network_of(layers, shape=(8, 8, 4)):
    import keras

    return keras.Sequential([keras.Input(shape), *layers])


def macs(*layers, **options):
    return [cost.multiply_accumulates for cost in layer_costs(network_of(layers, **options))]


def test_convolutions_cost_their_kernel_at_every_place_of_the_output():
    from keras import layers

    assert macs(layers.Conv2D(6, 3)) == [6 * 6 * 6 * 9 * 4]
    assert macs(layers.Conv2D(6, 3, padding="same", strides=2)) == [4 * 4 * 6 * 9 * 4]
    assert macs(layers.Conv2D(6, 3, groups=2)) == [6 * 6 * 6 * 9 * 2]
    assert macs(layers.DepthwiseConv2D(3, depth_multiplier=2)) == [6 * 6 * 8 * 9]
    assert macs(layers.SeparableConv2D(6, 3)) == [6 * 6 * (9 * 4 + 4 * 6)]


def test_dense_layers_cost_their_kernel_and_all_else_nothing():
    from keras import layers

    stack = (layers.BatchNormalization(), layers.ReLU(), layers.Flatten(), layers.Dense(5))
    assert macs(*stack) == [0, 0, 0, 256 * 5]
    assert macs(layers.Dense(5)) == [8 * 8 * 4 * 5]


def test_a_network_inside_counts_as_one_layer():
    from keras import layers

    inner = network_of([layers.Conv2D(6, 3), network_of([layers.Conv2D(2, 1)], (6, 6, 6))])
    base, dense = layer_costs(network_of([inner, layers.Dense(3)]))
    assert base.name == inner.name
    assert base.n_layers == 2
    assert base.output_shape == (6, 6, 2)
    assert base.parameters == (9 * 4 + 1) * 6 + (6 + 1) * 2
    assert base.multiply_accumulates == 36 * 6 * 9 * 4 + 36 * 6 * 2
    assert (dense.kind, dense.n_layers) == ("Dense", 1)


@pytest.mark.parametrize("name", ["cnn_1", "tiny_xception", "dense_hog"])
def test_totals_are_what_the_member_says(name):
    info = get_member(name)
    costs = layer_costs(build_member_network(info.build()))
    assert sum(cost.parameters for cost in costs) == info.parameters
    assert sum(cost.multiply_accumulates for cost in costs) == info.multiply_accumulates


def test_transfer_networks_are_built_without_their_weights(monkeypatch):
    import keras

    def refuse(*_, **__):
        raise AssertionError("weights were looked for")

    monkeypatch.setattr(keras.utils, "get_file", refuse)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", refuse)
    info = get_member("mobilenet_v2")
    costs = layer_costs(build_member_network(info.build()))
    assert sum(cost.multiply_accumulates for cost in costs) == info.multiply_accumulates
    assert [cost.n_layers > 100 for cost in costs].count(True) == 1


def test_a_pipelines_network_takes_what_its_steps_make_and_the_member_stays_unfitted():
    member = create_member("dense_hog", hog__orientations=4)
    assert build_member_network(member).input_shape == (None, 784)
    assert not hasattr(member[0], "n_features_out_")
    assert not hasattr(member[-1], "classes_")


def test_other_classifiers_have_no_network():
    assert build_member_network(DummyClassifier()) is None
    assert build_member_network(create_member("boosted_hog")) is None
    with pytest.raises(ValueError, match="Unknown network 'cnn_99'"):
        build_member_network(KerasClassifier("cnn_99"))
