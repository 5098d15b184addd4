"""Measure sets of labels on PublicTest: ``python -m experiments.prediction_sets --data FER2013``.

How often the sets of the packed ensembles hold the true label, and how large they are: at several
coverages, by each method, with a threshold for all or for each class; learned from what is said of
the held-out faces by a final estimator that has not seen them, or that has; and on changed faces,
of which nothing was promised.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Data, PackedModel, Results, notes, output, read_faces
from experiments.pretrained.candidates import PROTOCOL
from experiments.run import hold_out
from experiments.runs import RESULTS, write_record
from experiments.shifts import SHIFTS, STRENGTHS, shift_faces
from fer_ensemble.artifact import load_ensemble, resolve_model
from fer_ensemble.artifact.pretrained import FAST
from fer_ensemble.datasets import FaceDataset, emotion_names, training_part
from fer_ensemble.ensemble import SET_METHODS, Answers, SetRule, answer_held_out, learn_set_rule
from fer_ensemble.evaluation import SetScore, evaluate_sets
from fer_ensemble.splitting import row_digests

_COVERAGES = (0.8, 0.9, 0.95)
# What predict takes unless it is told otherwise.
_METHOD = SET_METHODS[0]

Rows = NDArray[np.float64]
"""Probabilities, of shape (n_samples, n_classes)."""


def main(data: Data, model: PackedModel = None, results: Results = RESULTS) -> None:
    """Measure coverage and size of the packed ensembles' sets.

    Thresholds are learned from faces held out of Training; nothing is chosen on PublicTest. For
    changed faces, one of the 19 shifts is drawn for each face, at one strength for all.
    """
    packed, read = model or resolve_model(None), read_faces(data)
    training, _ = training_part(read, PROTOCOL)
    held_out, test = training.take(hold_out(training, 0)[1]), read.select("PublicTest")
    record = {
        "n": len(test),
        "n_learned_from": len(held_out),
        "models": {
            name: measure_folder(folder, held_out, test)
            for name, folder in (("ensemble", packed), (FAST, packed / FAST))
        },
    }
    write_record(results / "prediction_sets.json", record)
    for line in lines(record):
        output.print(line)


def draw_shifts(faces: NDArray[np.uint8], strength: int, seed: int = 0) -> NDArray[np.uint8]:
    """Change each face in a way drawn for it, at one strength.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, size, size)
    strength : {0, 1, 2, 3}
        0 leaves them as they are.
    seed : int, default=0

    Returns
    -------
    ndarray of uint8 of shape (n_samples, size, size)
    """
    changed = faces.copy()
    drawn = np.random.default_rng([seed, strength]).integers(0, len(SHIFTS), len(faces))
    for i, name in enumerate(SHIFTS):
        changed[drawn == i] = shift_faces(faces[drawn == i], name, strength, seed)
    return changed


def measure_folder(folder: Path, held_out: FaceDataset, test: FaceDataset) -> dict[str, Any]:
    """Measure the sets of one ensemble.

    Parameters
    ----------
    folder : Path
        The artifact.
    held_out : FaceDataset
        The faces that were held out of its training, in the order in which it keeps them.
    test : FaceDataset

    Returns
    -------
    dict
        For JSON: by method, without copies, learned otherwise, and on changed faces.

    Raises
    ------
    typer.BadParameter
        If other faces were held out.
    """
    ensemble = load_ensemble(folder)
    answers = answer_held_out(ensemble)
    if not np.array_equal(answers.labels, held_out.labels):
        raise typer.BadParameter(f"{folder} was learned from other faces than those of --data.")
    strengths = (0, *STRENGTHS)
    with notes.status(f"{folder.name}: predicting"):
        asked = [ensemble.predict_proba(draw_shifts(test.images, s)) for s in strengths]
        known = [ensemble.predict_proba(draw_shifts(held_out.images, s)) for s in strengths]
    y, has_copy = test.labels, np.isin(row_digests(test.images), ensemble.training_digests_)
    own = {
        coverage: learn_set_rule(*answers, ensemble.classes_, coverage) for coverage in _COVERAGES
    }
    return {
        "accuracy": [float((rows.argmax(axis=1) == y).mean()) for rows in asked],
        "methods": list(_try_methods(answers, asked[0], y, ensemble.classes_)),
        "without_copies": [
            _figures(rule, asked[0][~has_copy], y[~has_copy]) for rule in own.values()
        ],
        "learned_in_sample": [
            _figures(learn_set_rule(known[0], held_out.labels, ensemble.classes_, c), asked[0], y)
            for c in _COVERAGES
        ],
        "may_be_empty": [
            _figures(learn_set_rule(*answers, ensemble.classes_, c, allow_empty=True), asked[0], y)
            for c in _COVERAGES
        ],
        "shifted": [
            {
                "strength": strength,
                **_figures(own[c], asked[strength], y),
                # With thresholds of faces that were changed in the same ways.
                "learned_alike": _figures(
                    learn_set_rule(known[strength], held_out.labels, ensemble.classes_, c),
                    asked[strength],
                    y,
                ),
            }
            for strength, c in product(STRENGTHS, _COVERAGES)
        ],
    }


def _try_methods(
    answers: Answers, rows: Rows, y: NDArray[Any], classes: NDArray[Any]
) -> Iterator[dict[str, Any]]:
    for method, by_class, coverage in product(SET_METHODS, (False, True), _COVERAGES):
        rule = learn_set_rule(
            *answers, classes, coverage, method=method, class_conditional=by_class
        )
        yield {
            "method": method,
            "class_conditional": by_class,
            **_figures(rule, rows, y, per_class=method == _METHOD),
        }


def _figures(
    rule: SetRule, rows: Rows, y: NDArray[Any], *, per_class: bool = False
) -> dict[str, Any]:
    classes = np.arange(rows.shape[1])
    found = evaluate_sets(y, rule(rows), classes, class_names=emotion_names(classes))
    told = {"nominal": rule.coverage, **_score(found.all)}
    told["sizes"] = [round(share, 4) for share in found.sizes]
    if per_class:
        told["per_class"] = {score.name: _score(score) for score in found.per_class}
    return told


def _score(score: SetScore) -> dict[str, Any]:
    assert score.coverage is not None
    assert score.interval is not None
    assert score.mean_size is not None
    return {
        "n": score.n,
        "coverage": round(score.coverage, 4),
        "interval": [round(bound, 4) for bound in score.interval],
        "mean_size": round(score.mean_size, 3),
    }


def lines(record: dict[str, Any]) -> Iterator[str]:
    """Write a record in lines."""
    n = record["n_learned_from"]
    yield f"PublicTest, n = {record['n']:,}; learned from {n:,} held-out faces"
    for name, found in record["models"].items():
        yield f"{name}: accuracy {found['accuracy'][0]:.3f}"
        for entry in found["methods"]:
            by_class = ", for each class" * entry["class_conditional"]
            yield f"  {entry['method']}{by_class}: {_told(entry)}"
            if "per_class" in entry:
                shares = (f"{c} {e['coverage']:.2f}" for c, e in entry["per_class"].items())
                yield f"    {', '.join(shares)}"
        for title in ("without_copies", "learned_in_sample", "may_be_empty"):
            for entry in found[title]:
                yield f"  {title.replace('_', ' ')} (n = {entry['n']:,}): {_told(entry)}"
        for entry in found["shifted"]:
            yield (
                f"  shifted, strength {entry['strength']} (accuracy "
                f"{found['accuracy'][entry['strength']]:.3f}): {_told(entry)}; learned alike: "
                f"{_told(entry['learned_alike'])}"
            )


def _told(entry: dict[str, Any]) -> str:
    low, high = entry["interval"]
    empty = f", {entry['sizes'][0]:.1%} empty" if entry["sizes"][0] else ""
    return (
        f"{entry['nominal']:g} asked, {entry['coverage']:.3f} ({low:.3f}–{high:.3f}) covered, "
        f"{entry['mean_size']:.2f} labels, {entry['sizes'][1]:.0%} one{empty}"
    )


if __name__ == "__main__":
    sys.exit(typer.run(main))
