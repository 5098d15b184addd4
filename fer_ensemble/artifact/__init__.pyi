from .exported import ExportedEnsemble
from .manifest import (
    ArtifactError,
    Manifest,
    has_ensemble,
    installed_version,
    is_exported,
    read_manifest,
)
from .measurements import Measurement, record_measurement, record_robustness
from .pretrained import (
    PRETRAINED,
    load_model,
    load_predictor,
    load_pretrained,
    model_identity,
    resolve_model,
)
from .resumable import fit_resumable
from .set_rules import SetOptions, load_answers, load_set_rule
from .storage import load_ensemble, record_answers, save_ensemble

__all__ = [
    "PRETRAINED",
    "ArtifactError",
    "ExportedEnsemble",
    "Manifest",
    "Measurement",
    "SetOptions",
    "fit_resumable",
    "has_ensemble",
    "installed_version",
    "is_exported",
    "load_answers",
    "load_ensemble",
    "load_model",
    "load_predictor",
    "load_pretrained",
    "load_set_rule",
    "model_identity",
    "read_manifest",
    "record_answers",
    "record_measurement",
    "record_robustness",
    "resolve_model",
    "save_ensemble",
]
