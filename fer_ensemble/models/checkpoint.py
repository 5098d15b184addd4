"""The state of an unfinished training on disk, so that it can go on after an interruption."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
from numpy.typing import NDArray


def write_checkpoint(
    path: str | os.PathLike[str],
    model: keras.Model,
    best: list[NDArray[Any]],
    state: dict[str, Any],
) -> None:
    """Write all that a training depends on; an older checkpoint stays until this one is whole.

    Parameters
    ----------
    path : path-like
        File to write.
    model : keras.Model
        Compiled; its weights, random states and optimizer are kept.
    best : list of ndarray
        Weights of the best epoch so far.
    state : dict
        Whatever else there is, as JSON values.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {
        f"variable_{i}": np.asarray(v) for i, v in enumerate(_variables(model))
    }
    arrays |= {f"best_{i}": array for i, array in enumerate(best)}
    arrays["state"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def read_checkpoint(
    path: str | os.PathLike[str], model: keras.Model, fingerprint: str
) -> tuple[list[NDArray[Any]], dict[str, Any]] | None:
    """Put a model into the state of a checkpoint.

    Parameters
    ----------
    path : path-like
        Where a checkpoint may be.
    model : keras.Model
        Compiled as for the interrupted training.
    fingerprint : str
        Must be the ``'fingerprint'`` in the checkpoint's state.

    Returns
    -------
    best : list of ndarray
        Weights of the best epoch.
    state : dict
        As given to :func:`write_checkpoint`. Without a usable checkpoint of that fingerprint,
        ``None`` is returned in place of both.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            state = json.loads(stored["state"].tobytes())
            if state["fingerprint"] != fingerprint:
                return None
            n_best = sum(name.startswith("best_") for name in stored.files)
            best = [stored[f"best_{i}"] for i in range(n_best)]
            variables = _variables(model)
            values = [stored[f"variable_{i}"] for i in range(len(variables))]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return None  # nothing there, or nothing usable: the training starts anew
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return best, state


def _variables(model: keras.Model) -> list[keras.Variable]:
    # The optimizer makes its variables at the first step unless it is asked to.
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]
