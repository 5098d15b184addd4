"""What Keras lacks: random changes of faces, a convolution that JAX is quick at, a constraint.

Keras has layers that change images at random, too. They would keep the whole training step from
being compiled (XLA), resample, and so blur, once for each change, and change faces by default
outside training, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from fer_ensemble.models.device import has_gpu

# Whatever `keras.json` says: the type of pixels, and of shares of labels.
_FLOAT = "float32"
_WHITE = 255.0
_MID_GREY = 127.0
# Least and greatest share of a face, and least ratio of height to width: as published for random
# erasing, but for the greatest share, which is 0.4 there.
_ERASED_AREA = (0.02, 0.2)
_ERASED_ASPECT = 0.3
# The norm of He's initialisation, which keeps the variance of activations through rectifiers.
_FILTER_NORM = 2**0.5


class RandomChange(keras.layers.Layer):
    """Base of layers that change each face of a batch at random, and only in training.

    Parameters
    ----------
    amount : float
        How much to change at most; what it measures is said by each change.
    seed : int
        Seed of the draws.
    name : str, default=None
        Name of the layer.
    """

    def __init__(self, amount: float, *, seed: int, name: str | None = None) -> None:
        # Mixed precision would round pixels and coordinates.
        super().__init__(dtype="float32", name=name)
        self.amount = amount
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Change faces in training and pass them as they are otherwise.

        Parameters
        ----------
        images : tensor of shape (n_samples, height, width, channels)
            Pixels 0–255.
        training : bool, default=False

        Returns
        -------
        tensor of the same shape
        """
        return self.change(images) if training else images

    def change(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Change every face; take and return what ``call`` does."""
        raise NotImplementedError

    def _draw(
        self, images: keras.KerasTensor, low: float = 0.0, high: float = 1.0
    ) -> keras.KerasTensor:
        """Draw one number per face, of shape (n_samples, 1, 1, 1)."""
        shape = (ops.shape(images)[0], 1, 1, 1)
        return keras.random.uniform(shape, low, high, dtype=_FLOAT, seed=self.seed_generator)


class RandomlyApplied(RandomChange):
    """Puts a share of the faces through a chain of changes and passes the rest as they are.

    Parameters
    ----------
    chain : sequence of keras.layers.Layer
        Changes, the first one first.
    amount : float
        Probability that a face is changed.
    seed, name
        As of every :class:`RandomChange`.
    """

    def __init__(
        self,
        chain: Sequence[keras.layers.Layer],
        amount: float,
        *,
        seed: int,
        name: str | None = None,
    ) -> None:
        super().__init__(amount, seed=seed, name=name)
        self.chain = list(chain)

    def build(self, input_shape: tuple[int | None, ...]) -> None:  # noqa: D102
        for layer in self.chain:
            layer.build(input_shape)

    def change(self, images: keras.KerasTensor) -> keras.KerasTensor:  # noqa: D102
        # Every face is changed, and the change of some thrown away: a compiled step takes the same
        # way for a whole batch.
        changed = images
        for layer in self.chain:
            changed = layer(changed, training=True)
        return ops.where(self._draw(images) < self.amount, changed, images)


class RandomFlip(RandomChange):
    """Mirrors faces left to right, with probability `amount`."""

    def change(self, images: keras.KerasTensor) -> keras.KerasTensor:  # noqa: D102
        return ops.where(self._draw(images) < self.amount, ops.flip(images, axis=2), images)


class RandomAffine(RandomChange):
    """Turns, shears, zooms, shifts and crops faces in one bilinear resampling.

    Parameters
    ----------
    rotation : float, default=0
        Degrees to either side.
    translation : float, default=0
        Share of height and width, both ways.
    zoom : float, default=0
        Share of the side, in or out; the aspect ratio stays.
    shear : float, default=0
        Degrees to either side by which vertical lines lean.
    crop : float, default=0
        Share of the side cut off at most at each side, before resizing back.
    seed, name
        As of every :class:`RandomChange`.
    """

    def __init__(
        self,
        *,
        rotation: float = 0.0,
        translation: float = 0.0,
        zoom: float = 0.0,
        shear: float = 0.0,
        crop: float = 0.0,
        seed: int,
        name: str | None = None,
    ) -> None:
        super().__init__(1.0, seed=seed, name=name)
        self.rotation = math.radians(rotation)
        self.translation = translation
        self.zoom = zoom
        self.shear = math.radians(shear)
        self.crop = crop

    def change(self, images: keras.KerasTensor) -> keras.KerasTensor:  # noqa: D102
        return _read_bilinear(images, *self._sources(images))

    def _sources(self, images: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Draw columns and rows to read each pixel from, (n_samples, height, width) each."""
        n_samples, height, width, _ = ops.shape(images)
        # One for rotation, zoom, shear, and each way to shift; four for the sides to crop. All are
        # drawn whatever is asked for, so that a change draws the same whatever the others are.
        draws = keras.random.uniform(
            (9, n_samples, 1, 1), -1.0, 1.0, dtype=_FLOAT, seed=self.seed_generator
        )
        cuts = (draws[5:] + 1) / 2 * self.crop
        x = _before_crop(width, cuts[0], cuts[1])
        y = ops.transpose(_before_crop(height, cuts[2], cuts[3]), (0, 2, 1))
        # Read backwards, as resampling does: where each pixel of the changed face comes from.
        angle, scale = draws[0] * self.rotation, 1 + draws[1] * self.zoom
        lean = ops.tan(draws[2] * self.shear)
        cos, sin = scale * ops.cos(angle), scale * ops.sin(angle)
        right, down = draws[3] * self.translation * width, draws[4] * self.translation * height
        columns = cos * x + ((cos * lean - sin) * y + (right + (width - 1) / 2))
        rows = sin * x + ((sin * lean + cos) * y + (down + (height - 1) / 2))
        return columns, rows


class RandomContrast(RandomChange):
    """Scales distances from mid-grey (127) by a factor of 1 - amount … 1 + amount."""

    def change(self, images: keras.KerasTensor) -> keras.KerasTensor:  # noqa: D102
        factor = self._draw(images, 1 - self.amount, 1 + self.amount)
        return _clip(_MID_GREY + factor * (images - _MID_GREY))


class RandomSharpness(RandomChange):
    """Blends faces with their sharpened selves, whose weight is drawn from 0 … amount.

    The sharpened face is the face plus what sets each pixel off from its eight neighbours
    (3×3 kernel of 9 amid -1).
    """

    def change(self, images: keras.KerasTensor) -> keras.KerasTensor:  # noqa: D102
        _, height, width, _ = ops.shape(images)
        # By one pixel, symmetric padding repeats the edge.
        padded = ops.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], "symmetric")
        lines = padded[:, :height] + padded[:, 1:-1] + padded[:, 2:]
        boxes = lines[:, :, :width] + lines[:, :, 1:-1] + lines[:, :, 2:]
        return _clip(images + self._draw(images, 0.0, self.amount) * (9 * images - boxes))


class RandomNoise(RandomChange):
    """Adds Gaussian noise of a standard deviation drawn from 0 … amount · 255."""

    def change(self, images: keras.KerasTensor) -> keras.KerasTensor:  # noqa: D102
        deviation = self._draw(images, 0.0, self.amount * _WHITE)
        noise = keras.random.normal(ops.shape(images), dtype=_FLOAT, seed=self.seed_generator)
        return _clip(images + deviation * noise)


class RandomErasing(RandomChange):
    """Fills a box of each face with uniform noise, with probability `amount`.

    The box takes 2–20 % of the face and is 0.3 to 1 / 0.3 times as high as wide, tall and wide
    ones alike; it lies within the face.

    References
    ----------
    Zhong, Z. et al. (2020). Random erasing data augmentation. AAAI.
    """

    def change(self, images: keras.KerasTensor) -> keras.KerasTensor:  # noqa: D102
        _, height, width, _ = ops.shape(images)
        area = self._draw(images, *_ERASED_AREA) * (height * width)
        # Drawn as a logarithm: as many boxes are twice as high as wide as twice as wide as high.
        bound = -math.log(_ERASED_ASPECT)
        aspect = ops.exp(self._draw(images, -bound, bound))
        inside_rows = self._span(images, height, ops.sqrt(area * aspect))
        inside_columns = self._span(images, width, ops.sqrt(area / aspect))
        box = ops.logical_and(ops.transpose(inside_rows, (0, 2, 1, 3)), inside_columns)
        erased = ops.logical_and(box, self._draw(images) < self.amount)
        noise = keras.random.uniform(
            ops.shape(images), 0.0, _WHITE, dtype=_FLOAT, seed=self.seed_generator
        )
        return ops.where(erased, noise, images)

    def _span(self, images: keras.KerasTensor, side: int, length: Any) -> keras.KerasTensor:
        """Place a stretch on a side at random; say which pixels it covers, (n, 1, side, 1)."""
        length = ops.minimum(length, side)
        start = self._draw(images) * (side - length)
        centres = ops.reshape(ops.arange(side, dtype="float32") + 0.5, (1, 1, side, 1))
        return ops.logical_and(centres > start, centres < start + length)


class SeparableConv2D(keras.layers.SeparableConv2D):
    """Keras's separable convolution of 3×3, which is quick on JAX's CPU, too.

    XLA computes depthwise convolutions on a processor value by value. There, nine products of moved
    faces with a weight each are added up instead: a step of ``tiny_xception`` takes about a quarter
    of the time.

    Parameters
    ----------
    filters : int
        Number of filters. The side of a face stays as it is, and nothing is added (no bias).
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(filters, 3, padding="same", use_bias=False, **kwargs)
        self._moves_faces = keras.backend.backend() == "jax" and not has_gpu()

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Convolve each channel, then mix them.

        Parameters
        ----------
        inputs : tensor of shape (n_samples, height, width, n_channels)

        Returns
        -------
        tensor of shape (n_samples, height, width, filters)
        """
        if not self._moves_faces:
            return super().call(inputs)
        channels = _depthwise(inputs, self.depthwise_kernel[..., 0])
        return ops.matmul(channels, self.pointwise_kernel[0, 0])


class CentredNorm(keras.constraints.Constraint):
    """Keeps each filter of a convolution at zero mean and at the norm √2.

    References
    ----------
    Huang, L. et al. (2017). Centered weight normalization in accelerating training of deep
    neural networks. ICCV.
    """

    def __call__(self, w: keras.KerasTensor) -> keras.KerasTensor:
        """Project filters.

        Parameters
        ----------
        w : tensor of shape (height, width, n_channels, n_filters)

        Returns
        -------
        tensor of the same shape
        """
        axes = tuple(range(len(w.shape) - 1))
        centred = w - ops.mean(w, axis=axes, keepdims=True)
        norm = ops.sqrt(ops.sum(ops.square(centred), axis=axes, keepdims=True))
        return centred * (_FILTER_NORM / (norm + keras.config.epsilon()))


@ops.custom_gradient
def _depthwise(faces: Any, kernel: Any) -> tuple[Any, Any]:
    """Convolve each channel by 3×3, as a sum of moved faces; return that and its gradient.

    XLA would find the gradient by itself, and take twice the time for it.
    """
    moved = _moved(faces)

    def gradient(upstream: Any) -> tuple[Any, Any]:
        of_faces = sum(map(ops.multiply, _moved(upstream), _weights(kernel[::-1, ::-1])))
        of_kernel = ops.stack([ops.sum(one * upstream, axis=(0, 1, 2)) for one in moved])
        return of_faces, ops.reshape(of_kernel, kernel.shape)

    return sum(map(ops.multiply, moved, _weights(kernel))), gradient


def _moved(faces: Any) -> list[Any]:
    """Move faces by up to a pixel each way, so that each weight of a 3×3 kernel has its own."""
    height, width = faces.shape[1:3]
    padded = ops.pad(faces, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return [
        padded[:, down : down + height, right : right + width]
        for down in range(3)
        for right in range(3)
    ]


def _weights(kernel: Any) -> list[Any]:
    return [kernel[down, right] for down in range(3) for right in range(3)]


def _clip(images: keras.KerasTensor) -> keras.KerasTensor:
    return ops.clip(images, 0.0, _WHITE)


def _before_crop(side: int, before: Any, after: Any) -> keras.KerasTensor:
    """Compute where pixels lay before a crop was resized back, from the centre: (n, 1, side)."""
    offsets = ops.reshape(ops.arange(side, dtype="float32") - (side - 1) / 2, (1, 1, side))
    return (1 - before - after) * offsets + (before - after) * (side / 2)


def _read_bilinear(images: keras.KerasTensor, columns: Any, rows: Any) -> keras.KerasTensor:
    """Read faces between pixels (bilinear), and beyond the edge at the nearest pixel."""
    n_samples, height, width, channels = ops.shape(images)
    columns, rows = ops.clip(columns, 0, width - 1), ops.clip(rows, 0, height - 1)
    left, top = ops.floor(columns), ops.floor(rows)
    right_weight, bottom_weight = (columns - left)[..., None], (rows - top)[..., None]
    first = ops.reshape(ops.arange(n_samples, dtype="int32") * (height * width), (-1, 1, 1))
    # The four neighbours stand at the same place of faces moved by a pixel, so that one set of flat
    # indices gathers them all.
    places = first + (ops.cast(top, "int32") * width + ops.cast(left, "int32"))
    padded = ops.pad(images, [[0, 0], [0, 1], [0, 1], [0, 0]], "symmetric")

    def corner(down: int, right: int) -> keras.KerasTensor:
        moved = padded[:, down : down + height, right : right + width]
        return ops.take(ops.reshape(moved, (-1, channels)), places, axis=0)

    upper = corner(0, 0) + right_weight * (corner(0, 1) - corner(0, 0))
    lower = corner(1, 0) + right_weight * (corner(1, 1) - corner(1, 0))
    return upper + bottom_weight * (lower - upper)
