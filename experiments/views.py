"""What classifiers predict for faces as they are and for changed ones, kept between runs."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.console import notes
from experiments.shifts import SHIFTS, STRENGTHS, shift_at_random, shift_faces
from fer_ensemble.atomic_files import write_atomically

# So many faces a classifier is asked again, to see that what was kept is its own.
_N_ASKED = 16
# Processors add up in different orders.
_ROUNDING = 1e-3


class View(NamedTuple):
    """A way to see faces.

    Attributes
    ----------
    shift : str
        A key of `experiments.shifts.SHIFTS`; `ANY` for one drawn for each face, with its strength;
        empty for the faces as they are.
    strength : int
        From 1 to 3.
    seed : int
        Of what is drawn.
    """

    shift: str = ""
    strength: int = 0
    seed: int = 0

    def of(self, faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """See faces so: an array of the same shape."""
        if not self.shift:
            return faces
        if self.shift == ANY:
            return shift_at_random(faces, self.seed)
        return shift_faces(faces, self.shift, self.strength, self.seed)


ANY = "any"
CLEAN = View()
#: The faces as they are, then every shift at every strength.
EVERY_VIEW = (CLEAN, *(View(name, strength) for name in SHIFTS for strength in STRENGTHS))
#: The faces as they are, then three times changed in a way that is drawn for each face.
DRAWN_VIEWS = (CLEAN, *(View(ANY, seed=seed) for seed in range(3)))


def predict_views(
    classifier: Any,
    faces: NDArray[np.uint8],
    views: Sequence[View],
    kept: Path,
) -> NDArray[np.float32]:
    """Predict every view of faces, or read what an earlier run predicted.

    Parameters
    ----------
    classifier : classifier
        With ``predict_proba``.
    faces : ndarray of uint8 of shape (n_samples, size, size)
    views : sequence of View
        The first is `CLEAN`.
    kept : Path
        File (.npz) that is written after each view. What it holds of other faces, views or another
        classifier is replaced.

    Returns
    -------
    ndarray of shape (n_views, n_samples, n_classes)
    """
    asked = np.asarray(classifier.predict_proba(faces[:_N_ASKED]), np.float32)
    content = json.dumps([views, {name: SHIFTS[name].amounts for name in SHIFTS}])
    key = hashlib.sha256(content.encode() + np.ascontiguousarray(faces).tobytes()).hexdigest()
    done = _read(kept, key, asked)
    for view in views[len(done) :]:
        with notes.status(f"{kept.stem}: {view.shift or 'faces as they are'}"):
            done.append(np.asarray(classifier.predict_proba(view.of(faces)), np.float32))
        stored = io.BytesIO()
        np.savez(stored, key=key, probabilities=np.stack(done))
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, stored.getvalue())
    return np.stack(done)


def _read(kept: Path, key: str, asked: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    if not kept.is_file():
        return []
    with np.load(kept) as stored:
        if str(stored["key"]) != key:
            return []
        done = stored["probabilities"]
    is_same = np.allclose(done[0][: len(asked)], asked, atol=_ROUNDING, rtol=0)
    return list(done) if is_same else []
