"""What is published of the baseline and of its regularised variant."""

import pytest

from fer_ensemble.models.networks import baseline_cnn, regularised_cnn, tuned_cnn


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
