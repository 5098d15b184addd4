"""Models: named members, and the estimators they are made of.

Importing this package registers the named members and their networks. It imports no backend and no
XGBoost: those wait until something is trained, predicted or built.
"""

from fer_ensemble.models import recipes  # noqa: F401 - registers the named members
from fer_ensemble.models.boosted_trees import BoostedTreesClassifier
from fer_ensemble.models.cost import LayerCost, build_member_network, layer_costs
from fer_ensemble.models.device import describe_device, use_cpu
from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.networks import NETWORKS, network
from fer_ensemble.models.onnx_classifier import OnnxClassifier
from fer_ensemble.models.pipeline import MemberPipeline, last_step
from fer_ensemble.models.registry import (
    MemberInfo,
    create_member,
    find_parameters,
    get_member,
    list_members,
    member,
)
from fer_ensemble.models.training_data import augment_copies

__all__ = [
    "NETWORKS",
    "BoostedTreesClassifier",
    "KerasClassifier",
    "LayerCost",
    "MemberInfo",
    "MemberPipeline",
    "OnnxClassifier",
    "augment_copies",
    "build_member_network",
    "create_member",
    "describe_device",
    "find_parameters",
    "get_member",
    "last_step",
    "layer_costs",
    "list_members",
    "member",
    "network",
    "use_cpu",
]
