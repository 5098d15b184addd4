"""Artifacts: saved ensembles, a directory that runs no code when it is loaded."""

from fer_ensemble.artifact.manifest import ArtifactError, Manifest, read_manifest
from fer_ensemble.artifact.resumable import fit_resumable
from fer_ensemble.artifact.storage import load_ensemble, save_ensemble

__all__ = [
    "ArtifactError",
    "Manifest",
    "fit_resumable",
    "load_ensemble",
    "read_manifest",
    "save_ensemble",
]
