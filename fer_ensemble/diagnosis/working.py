"""Whether what is installed works: libraries, shipped weights, predictions, the device, files."""

from __future__ import annotations

import hashlib
import locale
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fer_ensemble.diagnosis.apart import run_apart
from fer_ensemble.diagnosis.checks import Check, describe_error
from fer_ensemble.diagnosis.installed import AGAIN, KEEP_ONE, installed_modules
from fer_ensemble.diagnosis.private import hide_private
from fer_ensemble.libraries import KERAS_BACKENDS, extra_remedy, keras_backend
from fer_ensemble.processors import are_gpus_hidden

if TYPE_CHECKING:
    from fer_ensemble.artifact import Manifest

#: Answers of a shipped model may be off by so much. Processors add up single precision in different
#: orders, which makes a difference of 0.00002, and more where a tree's branch is decided by it.
TOLERANCE = 0.002

_WEIGHTS = "Install fer-ensemble again from a release or a complete clone of its source"
# Long: on a busy machine, or one that has never imported a library, it takes much longer than here.
_IMPORT_SECONDS = _PREDICT_SECONDS = 120.0
_DEVICE_SECONDS = 60.0
_LITTLE_SPACE = 200_000_000


def check_imports() -> Iterator[Check]:
    """Import the base dependencies, and onnxruntime above all, in a process of its own.

    Yields
    ------
    Check
    """
    # Asked for by its name: without it nothing predicts, whatever the metadata tell.
    names = {"onnxruntime": "onnxruntime", **installed_modules()}
    code = "from fer_ensemble.diagnosis.trial import import_modules; import_modules(sys.argv[1:])"
    ran = run_apart(code, *names, seconds=_IMPORT_SECONDS)
    found = {line["module"]: line for line in ran.lines if isinstance(line, dict)}
    whole = [name for name in names if "version" in found.get(name, {})]
    if whole:
        yield Check("libraries", "import", "ok", ", ".join(whole))
    # Of a crash, those that come after the one that crashed are not told of.
    for name in [name for name in names if name in found and name not in whole]:
        error = " ".join(str(found[name].get("error") or ran.error).split())
        remedy = f"pip install --force-reinstall {names[name]}"
        if name == "cv2":
            remedy = KEEP_ONE["cv2"].format(all=names[name])
        yield Check("libraries", name, "fail", f"cannot be imported: {hide_private(error)}", remedy)
    if ran.error and not found:
        yield Check("libraries", "import", "fail", ran.error, AGAIN)


def check_weights() -> Iterator[Check]:
    """Compare the hash of every shipped file with what its manifest says.

    Yields
    ------
    Check
    """
    from fer_ensemble.artifact import PRETRAINED, read_manifest, resolve_model

    for name in PRETRAINED:
        try:
            folder = resolve_model(name)
            stored = _stored_files(read_manifest(folder))
        except Exception as error:
            yield Check("weights", name, "fail", describe_error(error), _WEIGHTS)
            continue
        damaged = [
            f"{file} {problem}"
            for file, sha256 in stored.items()
            if (problem := _compare(folder / file, sha256))
        ]
        facts = {"files": len(stored), "damaged": damaged}
        if damaged:
            yield Check("weights", name, "fail", "; ".join(damaged), _WEIGHTS, facts)
        else:
            yield Check("weights", name, "ok", f"{len(stored)} files are whole", facts=facts)
    yield from _check_other_weights()


def _check_other_weights() -> Iterator[Check]:
    from fer_ensemble.faces import blazeface
    from fer_ensemble.features import landmark_weights

    for what, file, sha256 in (
        ("face detector", blazeface.GRAPH, blazeface.SHA256),
        ("landmarks", landmark_weights.SHIPPED, landmark_weights.SHIPPED_SHA256),
    ):
        problem = _compare(file, sha256)
        if problem:
            yield Check("weights", what, "fail", f"{file.name} {problem}", _WEIGHTS)
        else:
            yield Check("weights", what, "ok", "1 file is whole")


def _stored_files(manifest: Manifest) -> dict[str, str]:
    """Return the hash of every file that a manifest names."""
    stored = [member.stored for member in manifest.members]
    stored += [file for file in (manifest.validation, manifest.final_estimator) if file]
    files = {file.file: file.sha256 for file in stored}
    for member in manifest.members:
        for feature in (member.exported or {}).get("features", []):
            if weights := feature.get("weights"):
                files[weights["file"]] = weights["sha256"]
    return files


def _compare(file: Path, sha256: str) -> str:
    """Say what is wrong with a file; nothing if it is whole."""
    try:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if found == sha256 else "is damaged: it was altered or cut short"


def check_predictions() -> Iterator[Check]:
    """Let each shipped model predict faces whose answers are known, in a process of its own.

    Yields
    ------
    Check
    """
    from fer_ensemble.artifact import PRETRAINED, resolve_model

    code = (
        "from fer_ensemble.diagnosis.trial import try_model; "
        "try_model(sys.argv[1], sys.argv[2], float(sys.argv[3]))"
    )
    for name in PRETRAINED:
        try:
            folder = str(resolve_model(name))
        except Exception as error:
            yield Check("prediction", name, "fail", describe_error(error), _WEIGHTS)
            continue
        ran = run_apart(code, name, folder, str(time.time()), seconds=_PREDICT_SECONDS)
        facts = next((line for line in ran.lines if isinstance(line, dict)), {})
        if ran.error or "largest_difference" not in facts:
            message = f"does not predict: {ran.error or 'it gave no answer'}"
            yield Check("prediction", name, "fail", message, "See what else failed above")
            continue
        difference, n_faces = facts["largest_difference"], facts["n_faces"]
        right = difference <= TOLERANCE
        facts["tolerance"] = TOLERANCE
        answers = "as they should be" if right else "WRONG"
        message = (
            f"first face after {facts['cold_start_ms']:,} ms, start of Python included; then "
            f"{facts['faces_per_second']:,} faces/s; answers for {n_faces} known faces {answers} "
            f"(largest difference {difference:.1g}, at most {TOLERANCE:g} may be)"
        )
        remedy = "" if right else "Install onnxruntime, NumPy and fer-ensemble again"
        yield Check("prediction", name, "ok" if right else "fail", message, remedy, facts)


def check_devices() -> Iterator[Check]:
    """Ask each installed backend of Keras what networks would run on, in a process of its own.

    Yields
    ------
    Check
    """
    yield Check("device", "prediction", "ok", "processors, by onnxruntime")
    if not _has("keras"):
        message = "Keras is not installed: no networks are trained here"
        yield Check("device", "training", "note", message, extra_remedy("train"))
        return
    chosen = keras_backend()
    if chosen not in KERAS_BACKENDS or not _has(chosen):
        message = f"Keras is set to the backend {chosen!r}, which is not installed"
        remedy = "set KERAS_BACKEND to tensorflow, jax or torch, whichever is installed"
        yield Check("device", "training", "warn", message, remedy)
    code = "from fer_ensemble.diagnosis.trial import describe_networks_device as d; d()"
    for backend in KERAS_BACKENDS:
        if not _has(backend):
            continue
        own = {"KERAS_BACKEND": backend}
        ran = run_apart(code, seconds=_DEVICE_SECONDS, environment=own)
        told = next((line for line in ran.lines if isinstance(line, dict)), {})
        if "device" not in told:
            message = f"cannot be asked: {ran.error or 'it gave no answer'}"
            yield Check("device", backend, "warn", message, f"pip install --upgrade {backend}")
            continue
        message = told["device"] + (", which Keras is set to" if backend == chosen else "")
        if are_gpus_hidden():
            message += "; GPUs are hidden: CUDA_VISIBLE_DEVICES is empty"
        yield Check("device", backend, "ok", message, facts={"chosen": backend == chosen})


def check_surroundings() -> Iterator[Check]:
    """Look at the folder for temporary files, and at how text is encoded.

    Yields
    ------
    Check
    """
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"fer-ensemble")
        free = shutil.disk_usage(tempfile.gettempdir()).free
    except OSError as error:
        remedy = "set TMPDIR to a folder that can be written to"
        yield Check("files", "temporary", "warn", describe_error(error), remedy)
    else:
        enough = free >= _LITTLE_SPACE
        message = f"can be written, {free / 1e9:,.1f} GB free"
        remedy = "" if enough else "free some space, or set TMPDIR to a folder elsewhere"
        yield Check("files", "temporary", "ok" if enough else "warn", message, remedy)
    encodings = {
        "file names": sys.getfilesystemencoding(),
        "text": locale.getencoding(),
        "output": getattr(sys.stdout, "encoding", None) or "none",
    }
    message = ", ".join(f"{what} {encoding}" for what, encoding in encodings.items())
    odd = encodings["file names"].lower().replace("-", "") != "utf8" and os.name != "nt"
    remedy = "set PYTHONUTF8=1, or LANG to a locale with UTF-8" if odd else ""
    yield Check("files", "encoding", "warn" if odd else "ok", message, remedy, encodings)


def _has(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
