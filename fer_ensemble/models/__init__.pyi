from .boosted_trees import BoostedTreesClassifier
from .cost import LayerCost, build_member_network, layer_costs
from .device import describe_device, use_cpu
from .keras_classifier import KerasClassifier
from .networks import NETWORKS, network
from .onnx_classifier import OnnxClassifier
from .pipeline import MemberPipeline, last_step
from .recipes import create_member, get_member, list_members, member
from .registry import MemberInfo, find_parameters
from .snapshots import set_snapshots, split_snapshots
from .training_data import augment_copies

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
    "set_snapshots",
    "split_snapshots",
    "use_cpu",
]
