"""What is published of the small VGGs beside their size."""

from fer_ensemble.models.networks import improved_vgg, vgg_style


def layers_of(network, kind):
    return [layer for layer in network.layers if type(layer).__name__ == kind]


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
