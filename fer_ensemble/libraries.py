"""Libraries that only a part of the package needs: asked for here, with what installs them.

Prediction with the models that come along needs none of them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fer_ensemble.forks import refuse_after_fork

#: What Keras can run on.
KERAS_BACKENDS = ("tensorflow", "jax", "torch")


def extra_remedy(name: str) -> str:
    """Say what installs an extra.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
    """
    return f"pip install '.[{name}]' in the folder of fer-ensemble's source"


_TRAIN, _SERVE = extra_remedy("train"), extra_remedy("serve")

# By the name of the module: what people call it, and what installs it.
_LIBRARIES = {
    "fastapi": ("FastAPI", _SERVE),
    "jax": ("JAX", "pip install jax"),
    "keras": ("Keras", _TRAIN),
    "keras_tuner": ("KerasTuner", extra_remedy("tune")),
    "matplotlib": ("Matplotlib", extra_remedy("report")),
    "mtcnn": ("the package mtcnn", extra_remedy("mtcnn")),
    "pillow_heif": ("pillow-heif", extra_remedy("heic")),
    "onnx": ("the package onnx", "pip install onnx"),  # enough for what was exported before
    "onnxmltools": ("onnxmltools", _TRAIN),
    "pandas": ("pandas", "pip install pandas"),
    "prometheus_client": ("prometheus-client", _SERVE),
    "pyarrow": ("pyarrow", extra_remedy("parquet")),
    "python_multipart": ("python-multipart", _SERVE),
    "ray": ("Ray", extra_remedy("ray")),
    "skl2onnx": ("skl2onnx", _TRAIN),
    "tensorflow": ("TensorFlow", _TRAIN),
    "tf2onnx": ("tf2onnx", _TRAIN),
    "torch": ("PyTorch", "pip install torch"),
    "uvicorn": ("Uvicorn", _SERVE),
    "xgboost": ("XGBoost", _TRAIN),
}


class MissingLibraryError(ImportError):
    """A library is not installed; the message says what needs it, and what installs it."""


def require(library: str, purpose: str) -> None:
    """Raise an error if a library is not installed; it is not imported.

    Parameters
    ----------
    library : str
        Name of a module. For 'keras' the backend that it is set to is required as well.
    purpose : str
        What needs it, to open a sentence with.

    Raises
    ------
    MissingLibraryError
        If it is not installed.
    ForkError
        If its threads stayed behind when this process was forked.

    Examples
    --------
    >>> require("keras", "A network")  # doctest: +SKIP
    Traceback (most recent call last):
    fer_ensemble.libraries.MissingLibraryError: A network needs Keras, which is not installed: ...
    """
    if library == "keras":
        refuse_after_fork(keras_backend(), purpose)
    if sys.modules.get(library) is not None:
        return
    needed = [library, keras_backend()] if library == "keras" else [library]
    for module in needed:
        if module not in (library, *KERAS_BACKENDS):  # no name to tell people to install
            raise MissingLibraryError(
                f"{purpose} needs Keras, which has no backend {module!r}, as it is set to by "
                f"KERAS_BACKEND or keras.json: set that to {', '.join(KERAS_BACKENDS)}"
            )
        if not _is_installed(module):
            name, remedy = _LIBRARIES.get(module, (module, f"pip install {module}"))
            if module != library:
                remedy += ", or set KERAS_BACKEND to another backend of Keras that is"
            raise MissingLibraryError(f"{purpose} needs {name}, which is not installed: {remedy}")


def require_for_members(members: Iterable[tuple[str, Any]]) -> None:
    """Raise an error if what members are fitted or predict with is not installed.

    Parameters
    ----------
    members : iterable of (str, estimator)
        Estimators that need a library have its name as ``needed_library``; those inside of others,
        such as the steps of a pipeline, are asked as well.

    Raises
    ------
    MissingLibraryError
        If a library is not installed; the message names the member.
    """
    for name, member in members:
        parts = [member]
        if hasattr(member, "get_params") and not isinstance(member, type):
            parts += member.get_params().values()
        for part in parts:
            library = getattr(part, "needed_library", None)
            if library is not None:
                require(library, f"The member {name!r}")


def keras_backend() -> str:
    """Return the backend that Keras has taken, or would take, as Keras itself finds it out.

    Returns
    -------
    str
        Mostly one of `KERAS_BACKENDS`.
    """
    if (keras := sys.modules.get("keras")) is not None and hasattr(keras, "backend"):
        return str(keras.backend.backend())
    folder = Path(os.environ.get("KERAS_HOME") or Path("~", ".keras").expanduser())
    try:
        chosen = json.loads((folder / "keras.json").read_text())["backend"]
    except (OSError, ValueError, LookupError, TypeError):
        chosen = "tensorflow"
    return os.environ.get("KERAS_BACKEND") or str(chosen)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


# Held by the thread that imports a library: file descriptors belong to the whole process.
_STARTING = threading.RLock()


@contextmanager
def quiet_start(module: str) -> Iterator[None]:
    """Keep off standard error what native libraries write while a module is first imported.

    They write to file descriptor 2 itself, past ``sys.stderr`` and before their log level counts,
    so that the descriptor has to be turned away for a while. Python's own errors are raised as
    ever.

    Parameters
    ----------
    module : str
        What is imported meanwhile, by its whole name.

    Raises
    ------
    MissingLibraryError
        If it cannot be imported, as by a part of a backend that is missing or of another version.
    """
    with _STARTING:
        if module in sys.modules:
            yield
            return
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        sys.stderr.flush()
        saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 2)
        try:
            yield
        except ImportError as error:
            raise MissingLibraryError(
                f"Keras and what it runs on cannot be imported ({error}): install them again, or "
                "set KERAS_BACKEND to another backend that is installed"
            ) from error
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            os.close(sink)
