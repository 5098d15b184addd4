"""Where transfer starts: ImageNet weights, a local file, or random weights; never a download."""

import warnings

import numpy as np
import pytest

from fer_ensemble.models.networks.transfer import efficientnet, mobilenet_v2, resnet50

SHAPE = (48, 48, 1)


def base_of(network):
    """The network inside that was built by Keras's applications."""
    import keras

    (base,) = (layer for layer in network.layers if isinstance(layer, keras.Model))
    return base


def seen_by_base(network, faces):
    """What the network's base makes of faces, which it may prepare first."""
    import keras

    pooling = next(x for x in network.layers if isinstance(x, keras.layers.GlobalAveragePooling2D))
    return np.asarray(keras.Model(network.input, pooling.input)(faces))


def other_values(network, seed=0):
    """Weights of a network's shapes that it cannot have come to by itself."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.5, 1.5, w.shape).astype("float32") for w in network.get_weights()]


@pytest.fixture
def without_network(monkeypatch):
    """Stand-ins of Keras's applications whose downloads fail."""
    import keras

    def make(name):
        def application(*, include_top, weights, input_shape):
            assert not include_top
            if weights == "imagenet":
                raise Exception("URL fetch failure on https://example.org")  # as Keras does
            inputs = keras.Input(input_shape)
            return keras.Model(inputs, keras.layers.Conv2D(4, 5, strides=8)(inputs))

        application.__name__ = name
        monkeypatch.setattr(keras.applications, name, application)

    for name in ("MobileNetV2", "ResNet50", "EfficientNetB0"):
        make(name)


@pytest.mark.parametrize(
    ("builder", "name"),
    [(mobilenet_v2, "MobileNetV2"), (resnet50, "ResNet50"), (efficientnet, "EfficientNetB0")],
)
def test_starts_at_random_and_says_so_where_nothing_can_be_downloaded(
    without_network, builder, name
):
    with pytest.warns(UserWarning, match=rf"{name} starts at random.*URL fetch failure") as warned:
        assert builder(SHAPE, 7).output_shape == (None, 7)
    assert len(warned) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        builder(SHAPE, 7, weights=None)


def test_a_local_file_is_read(tmp_path):
    import keras

    source = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(48, 48, 3)
    )
    source.set_weights(other_values(source))
    path = tmp_path / "base.weights.h5"
    source.save_weights(path)
    read = base_of(mobilenet_v2(SHAPE, 7, weights=str(path))).get_weights()
    for value, expected in zip(read, source.get_weights(), strict=True):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # Keras, layer by layer
def test_no_file_and_a_file_of_another_network_are_named(tmp_path):
    import keras

    with pytest.raises(ValueError, match=r"weights='lost\.weights\.h5': there is no such file"):
        mobilenet_v2(SHAPE, 7, weights="lost.weights.h5")
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    path = tmp_path / "other.weights.h5"
    other.save_weights(path)
    with pytest.raises(
        ValueError, match=r"other\.weights\.h5.* one of another network than MobileNetV2"
    ):
        mobilenet_v2(SHAPE, 7, weights=str(path))


@pytest.fixture(scope="module")
def efficientnet_file(tmp_path_factory):
    """A stand-in for the file of ImageNet weights, normalised as that one is."""
    import keras

    source = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    colours = [np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])]
    source.set_weights([*colours, *source.get_weights()[2:]])
    path = tmp_path_factory.mktemp("imagenet") / "base.weights.h5"
    source.save_weights(path)
    return str(path)


@pytest.fixture(scope="module")
def imagenet_is_that_file(efficientnet_file):
    """Keras finds the stand-in where it looks for its ImageNet weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: efficientnet_file)
        yield


@pytest.fixture(scope="module")
def colours():
    return np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def expected(imagenet_is_that_file, colours):
    """What Keras's own network makes of faces with those weights."""
    import keras

    reference = keras.applications.EfficientNetB0(include_top=False, input_shape=(32, 32, 3))
    return np.asarray(reference(colours))


@pytest.fixture(scope="module")
def random_efficientnet():
    return efficientnet((32, 32, 3), 7, size=32, weights=None)


@pytest.mark.parametrize("start", ["imagenet", "file"])
def test_efficientnet_sees_colours_as_its_weights_did_and_can_be_rebuilt(
    expected, colours, efficientnet_file, random_efficientnet, start
):
    weights = efficientnet_file if start == "file" else start
    network = efficientnet((32, 32, 3), 7, size=32, weights=weights)
    close = {"rtol": 0, "atol": 1e-3 * np.abs(expected).max()}
    np.testing.assert_allclose(seen_by_base(network, colours), expected, **close)
    # Prediction rebuilds a fitted network without looking for any weights.
    random_efficientnet.set_weights(network.get_weights())
    np.testing.assert_allclose(seen_by_base(random_efficientnet, colours), expected, **close)
