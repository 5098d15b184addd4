"""What is published of the plain convolutional networks, and how cnn_2 keeps its filters."""

import numpy as np

from fer_ensemble.models.networks import cnn_2, cnn_8, wide_cnn


def layers_of(network, kind):
    return [layer for layer in network.layers if type(layer).__name__ == kind]


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
