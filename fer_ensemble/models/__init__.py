"""Models: named members, and the estimators they are made of."""

from fer_ensemble.models import members  # noqa: F401 - registers the named members
from fer_ensemble.models.boosted_trees import BoostedTreesClassifier
from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.networks import network
from fer_ensemble.models.pipeline import MemberPipeline, last_step
from fer_ensemble.models.registry import MemberInfo, create_member, list_members, member

__all__ = [
    "BoostedTreesClassifier",
    "KerasClassifier",
    "MemberInfo",
    "MemberPipeline",
    "create_member",
    "last_step",
    "list_members",
    "member",
    "network",
]
