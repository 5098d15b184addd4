"""Architectures: functions from an input shape to an uncompiled Keras network.

A network takes what the estimator feeds it (pixels 0–255 or features) and ends in a softmax.
Register one with :func:`network` and :class:`~fer_ensemble.models.KerasClassifier` finds it by
name, which is also how an artifact rebuilds it.
"""

from fer_ensemble.models.networks.plain import cnn_1, cnn_2, cnn_8, dense, wide_cnn
from fer_ensemble.models.networks.registry import NETWORKS, network
from fer_ensemble.models.networks.residual import mini_xception, resnet, se_resnet, tiny_xception
from fer_ensemble.models.networks.transfer import efficientnet, mobilenet_v2, resnet50
from fer_ensemble.models.networks.vgg import (
    baseline_cnn,
    improved_vgg,
    regularised_cnn,
    tuned_cnn,
    vgg_style,
)

__all__ = [
    "NETWORKS",
    "baseline_cnn",
    "cnn_1",
    "cnn_2",
    "cnn_8",
    "dense",
    "efficientnet",
    "improved_vgg",
    "mini_xception",
    "mobilenet_v2",
    "network",
    "regularised_cnn",
    "resnet",
    "resnet50",
    "se_resnet",
    "tiny_xception",
    "tuned_cnn",
    "vgg_style",
    "wide_cnn",
]
