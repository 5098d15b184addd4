"""Say whether selecting members for every face pays: ``python -m experiments.dynamic_selection``.

Beside the mean, learned weights and stacking, of the same members: those that the package ships,
those of published systems that ``experiments.run`` left, and all together. Everything is learned
and chosen on the faces held out of Training, and reported on PublicTest.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from sklearn.decomposition import PCA

from experiments.combine import CLASSES, combine_every_way
from experiments.console import Data, Out, output, read_faces
from experiments.run import hold_out
from experiments.runs import (
    RESULTS,
    UNFINISHED,
    Probabilities,
    read_predictions,
    stack_predictions,
    write_record,
)
from experiments.tables import cells
from fer_ensemble import load_pretrained
from fer_ensemble.atomic_files import open_atomically
from fer_ensemble.datasets import Parts, find_protocol
from fer_ensemble.ensemble import DYNAMIC_RULES, Competence, oracle_accuracy
from fer_ensemble.ensemble.dynamic import learn_coefficients
from fer_ensemble.evaluation import compare_predictions, evaluate_predictions
from fer_ensemble.features import HOG

# As published, and larger: labels of faces are less certain than those of published comparisons.
SIZES = (7, 15, 31, 63, 127)
_OTHERS = ("average", "weighted", "stacking")


def main(
    data: Data,
    predictions: Annotated[
        Path, typer.Option(help="Folder where 'experiments.run' left its predictions.")
    ],
    unfinished: Annotated[
        Path, typer.Option(help="Folder for what the shipped members predict.")
    ] = UNFINISHED,
    out: Out = RESULTS / "dynamic_selection.json",
) -> None:
    """Compare dynamic selection with combinations that are the same for every face."""
    parts = find_protocol("official").split(read_faces(data), 0)
    _, held = hold_out(parts.train, 0)
    features = _project(parts, held)
    names, (shipped, tested) = _ask_shipped(parts, held, unfinished / "shipped_members.npz")
    y_held, y = parts.train.labels[held], parts.test.labels
    runs = {
        path.name.partition(".")[0]: read_predictions(
            predictions, path.name.partition(".")[0], "official", y
        )
        for path in sorted(predictions.glob("*.official.npz"))
    }
    published, y_published = stack_predictions(list(runs.values()), "held_out")
    if not np.array_equal(y_published, y_held):
        raise typer.BadParameter("The runs were held out of other faces: run them with seed 0.")
    published_test, _ = stack_predictions(list(runs.values()), "test")
    pools = {
        "shipped members": (names, shipped, tested),
        "published systems": (list(runs), published, published_test),
        "all together": (
            [*names, *runs],
            np.concatenate([shipped, published], axis=1),
            np.concatenate([tested, published_test], axis=1),
        ),
    }
    record: dict[str, Any] = {"n": len(y), "n_held_out": len(held), "sizes": SIZES, "pools": {}}
    for pool, (members, learned_from, asked) in pools.items():
        figures = _measure(learned_from, y_held, asked, y, features)
        record["pools"][pool] = {"members": members, **figures}
        output.print(_table(f"{pool}, {len(members)} members, PublicTest, n = {len(y):,}", figures))
    write_record(out, record)


def _project(parts: Parts, held: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Project HOG features onto 50 axes of those of held-out faces."""
    hog = HOG().fit(parts.test.images[:2])
    known = hog.transform(parts.train.images[held])
    projection = PCA(50, random_state=0).fit(known)
    return projection.transform(known), projection.transform(hog.transform(parts.test.images))


def _ask_shipped(
    parts: Parts, held: NDArray[np.int64], kept: Path
) -> tuple[list[str], list[Probabilities]]:
    """Ask the members of both shipped models; that takes minutes, and is kept."""
    members = [entry for name in ("ensemble", "fast") for entry in load_pretrained(name).members_]
    if not kept.is_file():
        images = {"held_out": parts.train.images[held], "test": parts.test.images}
        arrays = {
            part: np.stack([member.predict_proba(faces) for _, member in members], axis=1)
            for part, faces in images.items()
        }
        kept.parent.mkdir(parents=True, exist_ok=True)
        with open_atomically(kept) as stream:
            np.savez(stream, **arrays)
    with np.load(kept) as stored:
        return [name for name, _ in members], [stored["held_out"], stored["test"]]


def _measure(
    held_out: Probabilities,
    y_held: NDArray[Any],
    test: Probabilities,
    y: NDArray[Any],
    features: tuple[NDArray[Any], NDArray[Any]],
) -> dict[str, Any]:
    """Measure every way, and the dynamic ones against the others."""
    combined, _ = combine_every_way(held_out, y_held, test, 0)
    combined = {way: combined[way] for way in _OTHERS}
    best = int((held_out.argmax(axis=2) == y_held[:, None]).mean(axis=0).argmax())
    combined = {"best member": test[:, best], **combined}
    chosen: dict[str, Any] = {}
    for space, (known, asked) in {"predictions": (None, None), "HOG": features}.items():
        learned = [_learn(Competence(held_out, y_held, size, features=known)) for size in SIZES]
        for voting in ("soft", "hard"):
            regions = [replace(region, voting=voting) for region in learned]
            for rule in DYNAMIC_RULES:
                # None of the held-out faces is its own neighbour.
                alone = [
                    float((region.combine(held_out, rule).argmax(axis=1) == y_held).mean())
                    for region in regions
                ]
                place, way = int(np.argmax(alone)), f"{rule}, {voting}, by {space}"
                combined[f"{way}, 7 neighbours"] = regions[0].combine(test, rule, asked)
                combined[way] = regions[place].combine(test, rule, asked)
                chosen[way] = {
                    "neighbours": SIZES[place],
                    "held_out_accuracy": round(alone[place], 4),
                }
    return {
        "oracle": oracle_accuracy(test.argmax(axis=2) == y[:, None]),
        "best_member": best,
        "ways": {
            way: {
                **_figures(y, probabilities, {other: combined[other] for other in _OTHERS}),
                **chosen.get(way, {}),
            }
            for way, probabilities in combined.items()
        },
    }


def _learn(region: Competence) -> Competence:
    return replace(region, coefficients=learn_coefficients(region))


def _figures(
    y: NDArray[Any], probabilities: NDArray[Any], others: dict[str, NDArray[Any]]
) -> dict[str, Any]:
    figures = evaluate_predictions(y, probabilities=probabilities, classes=CLASSES)
    gains = {}
    for name, other in others.items():
        gain = compare_predictions(y, probabilities.argmax(1), other.argmax(1), random_state=0)
        gains[name] = {
            "gain": round(gain.difference, 4),
            "interval": [round(end, 4) for end in gain.interval],
            "mcnemar_p": round(gain.mcnemar_p, 4),
        }
    return {
        "accuracy": round(figures.accuracy, 4),
        "interval": [round(end, 4) for end in figures.accuracy_interval],
        "log_loss": round(figures.log_loss or np.nan, 4),
        "against": gains,
    }


def _table(title: str, figures: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=0)
    columns = ("way", "neighbours", "accuracy", "95 % CI", "log loss", "over weighted", "stacking")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for way, found in figures["ways"].items():
        low, high = found["interval"]
        gains = [
            f"{cells.points(gain['gain'])} ({cells.points(gain['interval'][0])} to "
            f"{cells.points(gain['interval'][1])})"
            for gain in (found["against"]["weighted"], found["against"]["stacking"])
        ]
        neighbours = str(found.get("neighbours", ""))
        interval = f"{low:.3f}–{high:.3f}"
        accuracy, loss = f"{found['accuracy']:.3f}", f"{found['log_loss']:.3f}"
        table.add_row(way, neighbours, accuracy, interval, loss, *gains)
    return table


if __name__ == "__main__":
    typer.run(main)
