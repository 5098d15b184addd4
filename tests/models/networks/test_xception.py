"""Small networks after Xception: no dense layer, and a decay on their first filters alone."""

import pytest

from fer_ensemble.models.networks import mini_xception, tiny_xception


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
