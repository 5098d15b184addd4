"""Foreign weights: read without running anything, and converted without a change of result."""

import io
import os
import pickle
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest

from experiments import imagenet_weights
from experiments.imagenet_weights import compare, convert, read_state, run_original
from fer_ensemble.models.networks.transfer import mobilenet_v2
from tests.experiments.stand_ins import invoke, words


class Storage:
    """Numbers of a tensor, pickled as PyTorch does: by reference."""

    def __init__(self, key, numbers):
        self.key, self.numbers = key, numbers


class Tensor:
    def __init__(self, storage, offset, shape, rebuild):
        self.arguments = (storage, offset, shape, (), False, OrderedDict())
        self.rebuild = rebuild

    def __reduce__(self):
        return self.rebuild, self.arguments


@pytest.fixture
def torch(monkeypatch):
    """The names by which PyTorch's files call it."""

    def _rebuild_tensor_v2():
        raise AssertionError("PyTorch itself was called")

    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = (
        "torch._utils",
        ("_rebuild_tensor_v2"),
    )
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    torch._utils = utils
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


def write_state(torch, state, storages):
    """Write tensors as PyTorch did before version 1.6."""
    stream = io.BytesIO()
    for head in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(head, stream, protocol=2)

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                size = len(value.numbers)
                return ("storage", torch.FloatStorage, value.key, "cpu", size, None)
            return None

    Pickler(stream, protocol=2).dump(state)
    pickle.dump([storage.key for storage in storages], stream, protocol=2)
    for storage in storages:
        stream.write(np.int64(len(storage.numbers)).tobytes())
        stream.write(np.asarray(storage.numbers, "<f4").tobytes())
    return io.BytesIO(stream.getvalue())


def test_tensors_are_read_without_pytorch(torch):
    storages = [Storage("7", np.arange(6)), Storage("8", np.arange(10, 14))]
    rebuild = torch._utils._rebuild_tensor_v2
    state = OrderedDict(
        a=Tensor(storages[1], 1, (3,), rebuild), b=Tensor(storages[0], 0, (2, 3), rebuild)
    )
    read = read_state(write_state(torch, state, storages))
    assert list(read) == ["a", "b"]
    np.testing.assert_array_equal(read["a"], [11, 12, 13])
    np.testing.assert_array_equal(read["b"], [[0, 1, 2], [3, 4, 5]])


def test_nothing_else_is_called(torch):
    class Hostile:
        def __reduce__(self):
            return os.getcwd, ()

    with pytest.raises(pickle.UnpicklingError, match=r"getcwd, which no table of weights needs"):
        read_state(write_state(torch, OrderedDict(a=Hostile()), []))


def test_another_file_is_refused(tmp_path):
    file = tmp_path / "other.pth"
    file.write_bytes(pickle.dumps(1))
    outcome = invoke(imagenet_weights.main, file, "--out", tmp_path / "a.weights.h5")
    assert outcome.exit_code == 2
    assert "is another file: its SHA-256" in words(outcome)
    with pytest.raises(pickle.UnpicklingError, match="no file that PyTorch wrote"):
        read_state(io.BytesIO(pickle.dumps(1)))


@pytest.fixture(scope="module")
def weights():
    """Weights of MobileNetV2's shapes, under names like torchvision's."""
    import keras

    base = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(48, 48, 3))
    random, found = np.random.default_rng(0), {}
    for i, layer in enumerate(layer for layer in base.layers if layer.weights):
        if i % 2 == 0:
            height, width, inner, outer = layer.kernel.shape
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            shape = (inner, outer) if depthwise else (outer, inner)
            # So that sums have about the variances below.
            scale = 0.1 / np.sqrt(height * width * shape[1])
            kernel = random.normal(scale=scale, size=(*shape, height, width))
            found[f"features.{i}.weight"] = kernel.astype(np.float32)
            continue
        n = layer.gamma.shape[0]
        # Small variances: it matters how much is added to them.
        for name, (low, high) in {
            "weight": (0.5, 1.5),
            "bias": (-0.5, 0.5),
            "running_mean": (-0.02, 0.02),
            "running_var": (0.01, 0.02),
        }.items():
            found[f"features.{i}.bn.{name}"] = random.uniform(low, high, n).astype(np.float32)
        found[f"features.{i}.bn.num_batches_tracked"] = np.array(1)
    return {**found, "classifier.1.weight": np.zeros((1000, 1280))}


@pytest.fixture(scope="module")
def base(weights):
    return convert(weights)


def test_the_converted_network_makes_the_same_of_a_picture_to_its_borders(weights, base):
    picture = np.random.default_rng(1).normal(size=(48, 48, 3)).astype(np.float32)
    original = run_original(weights, picture)
    assert original.std() > 0.1
    assert compare(weights, base, picture) < 1e-4
    # Without the half turn, strided convolutions look at other pixels.
    upright = np.asarray(base(picture[np.newaxis]))[0]
    assert np.abs(upright - original).max() > 0.1


def test_the_member_starts_from_them_and_sees_faces_as_they_did(weights, base, tmp_path):
    import keras

    file = tmp_path / "base.weights.h5"
    base.save_weights(file)
    network = mobilenet_v2((48, 48, 1), 7, weights=str(file), origin="torchvision")
    above = next(layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D))
    face = np.random.default_rng(2).integers(0, 256, (48, 48, 1)).astype(np.float32)
    seen = np.asarray(keras.Model(network.input, above.input)(face[np.newaxis]))[0]
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    picture = ((face / 255 - mean) / deviation).astype(np.float32)
    original = run_original(weights, picture)
    np.testing.assert_allclose(seen[::-1, ::-1], original, atol=1e-4)
    assert network.count_params() == 5_835_975
    with pytest.raises(ValueError, match="origin='torch': choose"):
        mobilenet_v2((48, 48, 1), 7, weights=None, origin="torch")
