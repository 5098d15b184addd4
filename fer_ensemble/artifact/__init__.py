"""Artifacts: saved ensembles, a directory that runs no code when it is loaded."""

from fer_ensemble.artifact.manifest import (
    ArtifactError,
    Manifest,
    has_ensemble,
    installed_version,
    read_manifest,
)
from fer_ensemble.artifact.measurements import Measurement, record_measurement
from fer_ensemble.artifact.pretrained import PRETRAINED, load_model, load_pretrained, resolve_model
from fer_ensemble.artifact.resumable import fit_resumable
from fer_ensemble.artifact.storage import load_ensemble, save_ensemble

__all__ = [
    "PRETRAINED",
    "ArtifactError",
    "Manifest",
    "Measurement",
    "fit_resumable",
    "has_ensemble",
    "installed_version",
    "load_ensemble",
    "load_model",
    "load_pretrained",
    "read_manifest",
    "record_measurement",
    "resolve_model",
    "save_ensemble",
]
