"""Faces with labels: readers of FER2013 in its usual forms, splits, and synthetic faces."""

from typing import TYPE_CHECKING, Any

from fer_ensemble.datasets.audit import CopySets, DataAudit, audit_faces
from fer_ensemble.datasets.balancing import BalancedRows, balance_rows
from fer_ensemble.datasets.dataset import DatasetError, FaceDataset, Problem, ReadReport
from fer_ensemble.datasets.ferplus import FERPlusVotes, join_ferplus, load_ferplus
from fer_ensemble.datasets.folders import write_folder
from fer_ensemble.datasets.labels import EMOTIONS, SPLITS, emotion_names, parse_emotion
from fer_ensemble.datasets.near_copies import NearCopies, find_near_copies
from fer_ensemble.datasets.parts import EvaluationPart, evaluation_part, training_part
from fer_ensemble.datasets.protocols import PROTOCOLS, Parts, Protocol, find_protocol
from fer_ensemble.datasets.reading import load_faces
from fer_ensemble.datasets.soft_labels import SoftTraining, soft_label_rows, soft_training
from fer_ensemble.datasets.synthetic import synthetic_dataset
from fer_ensemble.splitting import copy_groups, holdout_split, row_digests

if TYPE_CHECKING:
    from fer_ensemble.datasets.synthetic import make_faces

__all__ = [
    "EMOTIONS",
    "PROTOCOLS",
    "SPLITS",
    "BalancedRows",
    "CopySets",
    "DataAudit",
    "DatasetError",
    "EvaluationPart",
    "FERPlusVotes",
    "FaceDataset",
    "NearCopies",
    "Parts",
    "Problem",
    "Protocol",
    "ReadReport",
    "SoftTraining",
    "audit_faces",
    "balance_rows",
    "copy_groups",
    "emotion_names",
    "evaluation_part",
    "find_near_copies",
    "find_protocol",
    "holdout_split",
    "join_ferplus",
    "load_faces",
    "load_ferplus",
    "make_faces",
    "parse_emotion",
    "row_digests",
    "soft_label_rows",
    "soft_training",
    "synthetic_dataset",
    "training_part",
    "write_folder",
]


def __getattr__(name: str) -> Any:
    if name == "make_faces":
        from fer_ensemble.datasets.synthetic import make_faces

        return make_faces
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
