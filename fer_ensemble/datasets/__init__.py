"""Faces with labels: readers of FER2013 in its usual forms, splits, and synthetic faces."""

from fer_ensemble.datasets.audit import CopySets, DataAudit, audit_faces
from fer_ensemble.datasets.balancing import BalancedRows, balance_rows
from fer_ensemble.datasets.dataset import DatasetError, FaceDataset, Problem, ReadReport
from fer_ensemble.datasets.ferplus import FERPlusVotes, join_ferplus, load_ferplus
from fer_ensemble.datasets.folders import write_folder
from fer_ensemble.datasets.labels import EMOTIONS, SPLITS, emotion_names, parse_emotion
from fer_ensemble.datasets.near_copies import NearCopies, find_near_copies
from fer_ensemble.datasets.parts import EvaluationPart, evaluation_part, training_part
from fer_ensemble.datasets.protocols import PROTOCOLS, Parts, Protocol, find_protocol
from fer_ensemble.datasets.reading import load_faces, open_faces
from fer_ensemble.datasets.soft_labels import SoftTraining, soft_label_rows, soft_training
from fer_ensemble.datasets.synthetic import SyntheticFaces, make_faces, synthetic_dataset

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
    "SyntheticFaces",
    "audit_faces",
    "balance_rows",
    "emotion_names",
    "evaluation_part",
    "find_near_copies",
    "find_protocol",
    "join_ferplus",
    "load_faces",
    "load_ferplus",
    "make_faces",
    "open_faces",
    "parse_emotion",
    "soft_label_rows",
    "soft_training",
    "synthetic_dataset",
    "training_part",
    "write_folder",
]
