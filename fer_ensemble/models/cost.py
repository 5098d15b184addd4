"""What a network costs, layer by layer: parameters, and multiplications for one face."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import ClassifierMixin, clone

from fer_ensemble.datasets import make_faces
from fer_ensemble.libraries import quiet_start, require
from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.pipeline import last_step

if TYPE_CHECKING:
    import keras

# As in FER2013: costs are stated, and tested, for its expressions.
_N_CLASSES = 7


@dataclass(frozen=True)
class LayerCost:
    """Cost of a layer, or of a network that is used as one.

    Parameters
    ----------
    name : str
        Its name in the network.
    kind : str
        Name of its class.
    output_shape : tuple of int
        Shape of what it makes of one sample.
    parameters : int
        Its weights, trainable or not.
    multiply_accumulates : int
        Multiply-accumulate operations for one sample, of convolutions and dense layers.
    n_layers : int
        Layers inside; 1 unless it is a network.
    """

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    parameters: int
    multiply_accumulates: int
    n_layers: int = 1


def layer_costs(network: keras.Model) -> list[LayerCost]:
    """Count parameters and multiply-accumulates of every layer of a network.

    A convolution costs the size of its kernel at every place of its output, edges included.
    Biases, normalisations, activations and poolings are left out, as is usual: they cost little
    beside it.

    Parameters
    ----------
    network : keras.Model
        Functional or sequential, and built. Networks inside it count as one layer, with the sum
        of their layers.

    Returns
    -------
    list of LayerCost
        In the network's order; they sum to ``network.count_params()`` and to the network's
        multiply-accumulates.

    Examples
    --------
    >>> import keras
    >>> from fer_ensemble.models import layer_costs
    >>> network = keras.Sequential(
    ...     [keras.Input((48, 48, 1)), keras.layers.Conv2D(8, 3), keras.layers.Flatten()]
    ... )
    >>> [(cost.kind, cost.parameters, cost.multiply_accumulates) for cost in layer_costs(network)]
    [('Conv2D', 80, 152352), ('Flatten', 0, 0)]
    """
    import keras

    return [
        LayerCost(
            layer.name,
            type(layer).__name__,
            tuple(keras.tree.flatten(layer.output)[0].shape[1:]),
            layer.count_params(),
            _multiply_accumulates(layer),
            len(layer.layers) if isinstance(layer, keras.Model) else 1,
        )
        for layer in network.layers
    ]


def build_member_network(member: ClassifierMixin) -> keras.Model | None:
    """Build the network of a member as it is for 48×48 faces and seven classes.

    Its weights are drawn at random, and none are looked for or downloaded.

    Parameters
    ----------
    member : classifier
        A :class:`~fer_ensemble.models.KerasClassifier`, or a pipeline that may end in one; it
        stays as it is.

    Returns
    -------
    keras.Model or None
        ``None`` if the member is no network.

    Raises
    ------
    ValueError
        If no network of its name is registered, or its parameters do not fit.
    MissingLibraryError
        If Keras, or the backend that it is set to, is not installed.

    Examples
    --------
    >>> from fer_ensemble.models import build_member_network, create_member
    >>> build_member_network(create_member("dense_hog")).input_shape
    (None, 1568)
    """
    member = clone(member)
    classifier = last_step(member)
    if not isinstance(classifier, KerasClassifier):
        return None
    require("keras", "Building a network")
    # Any faces do, for only their shape counts; two of each class, as a step may ask for.
    faces = make_faces(2 * _N_CLASSES, random_state=0)
    if classifier is member:
        classifier.input_shape_ = (*faces.images.shape[1:], 1)
    else:
        # What the network is fed is known only to the steps before it.
        features = member[:-1].fit_transform(faces.images, faces.labels)
        classifier.input_shape_ = features.shape[1:]
    classifier.classes_ = np.arange(_N_CLASSES)
    with quiet_start("fer_ensemble.models.training"):
        from fer_ensemble.models.training import build_network
    return build_network(classifier, "float32", to_predict=True)


def _multiply_accumulates(layer: keras.layers.Layer) -> int:
    import keras
    from keras import layers

    if isinstance(layer, keras.Model):
        return sum(_multiply_accumulates(inner) for inner in layer.layers)
    if isinstance(layer, layers.SeparableConv2D):
        kernels, channels = [layer.depthwise_kernel, layer.pointwise_kernel], layer.filters
    elif isinstance(layer, layers.DepthwiseConv2D):
        kernels, channels = [layer.kernel], math.prod(layer.kernel.shape[2:])
    elif isinstance(layer, layers.Conv2D):
        kernels, channels = [layer.kernel], layer.filters
    elif isinstance(layer, layers.Dense):
        kernels, channels = [layer.kernel], layer.units
    else:
        return 0
    # Each weight of a kernel is used once at every place of the output.
    places = math.prod(layer.output.shape[1:]) // channels
    return places * sum(math.prod(kernel.shape) for kernel in kernels)
