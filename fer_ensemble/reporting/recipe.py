"""How to come to the figures of a report: commands, settings, versions and hashes."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fer_ensemble.artifact.reproducing import fit_commands
from fer_ensemble.datasets import FaceDataset
from fer_ensemble.evaluation.report import RecipeContent
from fer_ensemble.measuring import MeasuredModel

_DATA = {
    "source": "fitted on",
    "n_samples": "training faces",
    "protocol": "protocol of the fit",
    "split": "part fitted on",
    "test_size": "share set apart for the test",
    "seed": "seed of the fit",
}
_ENSEMBLE = {
    "rule": "rule",
    "weighting": "weights learned by",
    "ties": "ties decided by",
    "calibrate": "temperatures learned",
    "validation_fraction": "share held out",
    "n_splits": "folds of the stacking",
}


def tell_recipe(measured: MeasuredModel, name: str, out: str) -> RecipeContent:
    """Gather what someone needs who wants the same figures.

    Parameters
    ----------
    measured : MeasuredModel
    name : str
        What to call the model's folder.
    out : str
        Name of the report's file.

    Returns
    -------
    RecipeContent
    """
    manifest = measured.manifest
    members = [entry for entry in manifest.members if entry.name in measured.scores.members]
    others = [file for file in (manifest.final_estimator, manifest.validation) if file is not None]
    files = [*(entry.stored for entry in members), *others]
    fitting = fit_commands(manifest, name)
    return RecipeContent(
        commands=[*fitting, _report_command(measured, name, out)],
        refits=bool(fitting),
        settings=_tell_settings(measured),
        versions={
            library: (fitted, _installed(library)) for library, fitted in manifest.versions.items()
        },
        hashes={file.file: file.sha256 for file in files},
        parameters={entry.name: json.dumps(entry.parameters, indent=1) for entry in members},
    )


def _report_command(measured: MeasuredModel, name: str, out: str) -> str:
    words = ["fer-ensemble", "report", name]
    if not measured.synthetic:
        words.append(measured.source)
    if measured.protocol != measured.manifest.data.get("protocol", "official"):
        words += ["--protocol", measured.protocol]
    if measured.part.split is not None:
        words += ["--split", measured.part.split]
    return shlex.join([*words, "--out", out])


def _tell_settings(measured: MeasuredModel) -> dict[str, str]:
    record, ensemble = measured.manifest.data, measured.manifest.ensemble
    told = _named(record, _DATA) | _named(ensemble, _ENSEMBLE)
    return told | {
        "measured on": f"{measured.told}, n = {measured.scores.n:,}",
        "SHA-256 of these faces and labels": _digest(measured.part.faces),
    }


def _named(values: dict[str, Any], names: dict[str, str]) -> dict[str, str]:
    found = {told: values.get(name) for name, told in names.items()}
    return {
        told: {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
        for told, value in found.items()
        if value is not None
    }


def _digest(faces: FaceDataset) -> str:
    content = hashlib.sha256(faces.images.tobytes())
    content.update(faces.labels.astype("<i8").tobytes())
    return content.hexdigest()


def _installed(library: str) -> str:
    if library == "python":
        return platform.python_version()
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
