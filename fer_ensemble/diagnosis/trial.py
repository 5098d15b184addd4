"""What is tried in a process of its own: to import libraries, and to predict."""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path
from typing import Any

#: Seven drawn faces and what each shipped model says of them; ``python -m tests.record_answers``
#: writes it after a new pack.
KNOWN_ANSWERS = Path(__file__).with_name("known_answers.npz")

# Faces at once, and about how long they are predicted again and again to be timed.
_BATCH, _SECONDS = 64, 0.5


def import_modules(names: list[str]) -> None:
    """Import modules, and print what came of each as a line of JSON.

    Parameters
    ----------
    names : list of str
    """
    for name in names:
        # Said before: a library may end the whole process.
        print(json.dumps({"module": name}), flush=True)
        try:
            module = importlib.import_module(name)
            found = {"module": name, "version": str(getattr(module, "__version__", ""))}
        except BaseException as error:
            found = {"module": name, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(found), flush=True)


def try_model(name: str, folder: str, started: float) -> None:
    """Predict the known faces and time it; print what came of it as a line of JSON.

    Parameters
    ----------
    name : str
        Of a shipped model, whose answers are known.
    folder : str
        Where it lies.
    started : float
        When this process was asked for, in seconds as of ``time.time``.
    """
    import numpy as np

    from fer_ensemble.artifact import load_predictor

    with np.load(KNOWN_ANSWERS, allow_pickle=False) as known:
        faces, expected = known["faces"], known[name]
    model = load_predictor(Path(folder))
    model.predict_proba(faces[:1])
    cold = time.time() - started
    found = model.predict_proba(faces)
    batch = np.resize(faces, (_BATCH, *faces.shape[1:]))
    model.predict_proba(batch)
    runs, begin = 0, time.perf_counter()
    while not runs or time.perf_counter() - begin < _SECONDS:
        model.predict_proba(batch)
        runs += 1
    speed = runs * _BATCH / (time.perf_counter() - begin)
    answer: dict[str, Any] = {
        "cold_start_ms": round(cold * 1000),
        "faces_per_second": round(speed),
        "n_faces": len(faces),
        "largest_difference": float(np.abs(found - expected).max()),
    }
    print(json.dumps(answer), flush=True)


def describe_networks_device() -> None:
    """Print what networks run on, by the backend that Keras is set to, as a line of JSON."""
    from fer_ensemble.models import describe_device

    print(json.dumps({"device": describe_device()}), flush=True)
