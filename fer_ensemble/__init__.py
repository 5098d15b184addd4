"""Facial expression recognition by ensembles of classical and deep models."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fer_ensemble.artifact import load_ensemble, load_pretrained, save_ensemble
    from fer_ensemble.faces import annotate
    from fer_ensemble.fitting import fit_ensemble
    from fer_ensemble.predicting import predict_faces
    from fer_ensemble.report import write_report

__all__ = [
    "annotate",
    "fit_ensemble",
    "load_ensemble",
    "load_pretrained",
    "predict_faces",
    "save_ensemble",
    "write_report",
]

_PACKAGES = {
    "annotate": "faces",
    "fit_ensemble": "fitting",
    "load_ensemble": "artifact",
    "load_pretrained": "artifact",
    "predict_faces": "predicting",
    "save_ensemble": "artifact",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    # Resolved on first use, so that importing the package is instant.
    if name in _PACKAGES:
        return getattr(import_module(f"fer_ensemble.{_PACKAGES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
