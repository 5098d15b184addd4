from .artifact import load_ensemble, load_pretrained, save_ensemble
from .explaining import explain
from .exporting import export_ensemble
from .faces import annotate
from .fitting import fit_ensemble
from .merging import merge_shards
from .predicting import predict_faces
from .report import write_report
from .suspects import find_suspect_labels

__version__: str

__all__ = [
    "annotate",
    "explain",
    "export_ensemble",
    "find_suspect_labels",
    "fit_ensemble",
    "load_ensemble",
    "load_pretrained",
    "merge_shards",
    "predict_faces",
    "save_ensemble",
    "write_report",
]
