"""Faces with labels: readers of FER2013 in its usual forms, splits, and synthetic faces."""

from typing import TYPE_CHECKING, Any

from fer_ensemble.datasets.balancing import BalancedRows, balance_rows
from fer_ensemble.datasets.dataset import FaceDataset
from fer_ensemble.datasets.embedded import synthetic_dataset
from fer_ensemble.datasets.folder_writer import write_folder
from fer_ensemble.datasets.labels import EMOTIONS, SPLITS, emotion_names, parse_emotion
from fer_ensemble.datasets.reading import load_faces
from fer_ensemble.datasets.report import DatasetError, Problem, ReadReport
from fer_ensemble.datasets.splits import copy_groups, holdout_split, row_digests

if TYPE_CHECKING:
    from fer_ensemble.datasets.synthetic import make_faces

__all__ = [
    "EMOTIONS",
    "SPLITS",
    "BalancedRows",
    "DatasetError",
    "FaceDataset",
    "Problem",
    "ReadReport",
    "balance_rows",
    "copy_groups",
    "emotion_names",
    "holdout_split",
    "load_faces",
    "make_faces",
    "parse_emotion",
    "row_digests",
    "synthetic_dataset",
    "write_folder",
]


def __getattr__(name: str) -> Any:
    if name == "make_faces":
        from fer_ensemble.datasets.synthetic import make_faces

        return make_faces
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
