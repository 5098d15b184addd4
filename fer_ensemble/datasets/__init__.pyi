from .audit import CopySets, DataAudit, audit_faces
from .balancing import BalancedRows, balance_rows
from .dataset import DatasetError, FaceDataset, Problem, ReadReport
from .decisions import DECISION_COLUMNS, Decision, Decisions, read_decisions
from .ferplus import FERPlusVotes, join_ferplus, load_ferplus
from .folders import write_folder
from .label_meanings import KNOWN_CLASSES, Classes, format_classes, parse_classes
from .labels import EMOTIONS, SPLITS, emotion_names, parse_emotion
from .near_copies import NearCopies, find_near_copies
from .parts import EvaluationPart, evaluation_part, training_part
from .protocols import PROTOCOLS, Parts, Protocol, find_protocol
from .reading import load_faces, open_faces
from .soft_labels import SoftTraining, soft_label_rows, soft_training
from .store_writing import write_store
from .synthetic import SyntheticFaces, make_faces, synthetic_dataset

__all__ = [
    "DECISION_COLUMNS",
    "EMOTIONS",
    "KNOWN_CLASSES",
    "PROTOCOLS",
    "SPLITS",
    "BalancedRows",
    "Classes",
    "CopySets",
    "DataAudit",
    "DatasetError",
    "Decision",
    "Decisions",
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
    "format_classes",
    "join_ferplus",
    "load_faces",
    "load_ferplus",
    "make_faces",
    "open_faces",
    "parse_classes",
    "parse_emotion",
    "read_decisions",
    "soft_label_rows",
    "soft_training",
    "synthetic_dataset",
    "training_part",
    "write_folder",
    "write_store",
]
