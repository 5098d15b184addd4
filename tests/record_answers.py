"""Record what the shipped models answer, after a new pack: ``python -m tests.record_answers``.

`tests/test_unchanged.py` holds later code to these answers.
"""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from fer_ensemble import load_pretrained, predict_faces
from fer_ensemble.datasets import make_faces, synthetic_dataset, write_folder
from fer_ensemble.diagnosis.trial import KNOWN_ANSWERS
from fer_ensemble.faces import Predictions

RECORDED = Path(__file__).parent / "recorded"
ANSWERS = RECORDED / "pretrained_on_200_faces.npz"
ROWS = {
    "ensemble": RECORDED / "predicted_200_files.csv",
    "fast": RECORDED / "predicted_200_files_fast.csv",
}


def answer(name: str) -> dict[str, np.ndarray]:
    """Ask a shipped model about 200 faces: its probabilities, and those of its members."""
    faces, model = make_faces(200, random_state=0).images, load_pretrained(name)
    return {name: model.predict_proba(faces), f"{name}_members": model.predict_member_proba(faces)}


def predict_files(name: str) -> Predictions:
    """Let a shipped model predict 200 files, in a folder below the working one."""
    write_folder(synthetic_dataset(200, random_state=1), "faces")
    return predict_faces("faces", name)


def answer_known_faces() -> dict[str, np.ndarray]:
    """Ask both shipped models about the faces with which ``fer-ensemble doctor`` tries them."""
    faces = make_faces(7, random_state=0).images
    answers = {name: load_pretrained(name).predict_proba(faces) for name in ROWS}
    return {"faces": faces, **answers}


def main() -> None:
    """Write all kinds of answers."""
    np.savez_compressed(KNOWN_ANSWERS, **answer_known_faces())
    np.savez_compressed(ANSWERS, **answer("ensemble"), **answer("fast"))
    for name, path in ROWS.items():
        with TemporaryDirectory() as work, chdir(work):
            predict_files(name).write(path)


if __name__ == "__main__":
    main()
