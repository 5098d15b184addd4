"""Architectures: functions from an input shape to an uncompiled Keras network.

A network takes what the estimator feeds it (pixels 0–255 or features) and ends in a softmax.
Register one with :func:`network` and :class:`~fer_ensemble.models.KerasClassifier` finds it by
name in ``NETWORKS``, which is also how an artifact rebuilds it. Importing this package registers
those of its own modules; none of them imports Keras before a network is built.
"""

from fer_ensemble.models.networks import plain, residual, transfer, vgg  # noqa: F401 - register
from fer_ensemble.models.networks.blocks import NETWORKS, network

__all__ = ["NETWORKS", "network"]
