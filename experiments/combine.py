"""Combine systems that were run: ``python -m experiments.combine seven_members``."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from fer_ensemble.cli.console import output
from fer_ensemble.datasets import PROTOCOLS
from fer_ensemble.ensemble import RULES, combine, learn_weights, measure_diversity
from fer_ensemble.ensemble.meta_learner import (
    choose_final_estimator,
    fit_final_estimator,
    meta_features,
    predict_final_proba,
)
from fer_ensemble.evaluation import compare_predictions, evaluate_predictions

HERE = Path(__file__).parent


def main(
    name: Annotated[str, typer.Argument(help="An ensemble: the name of a file in ensembles/.")],
    protocol: Annotated[
        str, typer.Option(help="Of which runs: official, or published for its authors' way.")
    ] = "official",
    predictions: Annotated[
        Path, typer.Option(help="Folder where 'experiments.run' left its predictions.")
    ] = HERE / "predictions",
    results: Annotated[Path, typer.Option(help="Folder for the figures.")] = HERE / "results",
    seed: Annotated[int, typer.Option(help="Seed of bootstrap, selection and noise.")] = 0,
) -> None:
    """Measure every way to combine the systems of an ensemble, each against its best member.

    Weights and stacking are learned on the faces held out of the training of all members.
    """
    declared = tomllib.loads((HERE / "ensembles" / f"{name}.toml").read_text())
    protocol = declared["protocol"] if protocol == "published" else protocol
    runs = [_read(predictions, member, protocol) for member in declared["members"]]
    held_out, y_held_out = _stack(runs, "held_out")
    test, y_test = _stack(runs, "test")
    members = {
        member: evaluate_predictions(y_test, probabilities=test[:, i], classes=np.arange(7))
        for i, member in enumerate(declared["members"])
    }
    best = int(np.argmax([figures.accuracy for figures in members.values()]))
    combined, weights = _combine(held_out, y_held_out, test, seed)
    with_noise, _ = _combine(*_with_noise(held_out, y_held_out, test, seed), seed)
    rows = {
        way: _compare(y_test, probabilities, test[:, best], with_noise[way], seed)
        for way, probabilities in combined.items()
    }
    record = {
        "ensemble": name,
        "protocol": protocol,
        "n": len(y_test),
        "n_held_out": len(y_held_out),
        "members": {
            member: {
                "accuracy": figures.accuracy,
                "interval": figures.accuracy_interval,
                "weights": {way: round(float(w[i]), 4) for way, w in weights.items()},
            }
            for i, (member, figures) in enumerate(members.items())
        },
        "best_member": declared["members"][best],
        "combined": rows,
        "without_copies": _without_copies(runs[0], y_test, combined),
        "diversity": measure_diversity(
            test, y_test, np.arange(7), "weighted", weights=weights["weighted"]
        ).to_dict(),
        "published": declared["published"],
    }
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{name}.{protocol}.json").write_text(json.dumps(record, indent=1) + "\n")
    output.print(_table(declared["title"], record))
    if warning := PROTOCOLS[protocol].warning:
        output.print(warning)


def _read(folder: Path, member: str, protocol: str) -> Any:
    path = folder / f"{member}.{protocol}.npz"
    if not path.is_file():
        raise typer.BadParameter(
            f"{member} has no predictions under the {protocol} protocol: run "
            f"'python -m experiments.run {member} --protocol {protocol}' first."
        )
    return np.load(path)


def _stack(runs: list[Any], part: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    truths = [run[f"y_{part}"] for run in runs]
    if not all(np.array_equal(truths[0], truth) for truth in truths):
        raise typer.BadParameter(
            f"The members were not measured on the same faces ({part}): run all with one seed."
        )
    probabilities = np.stack([run[part].astype(np.float64) for run in runs], axis=1)
    return probabilities / probabilities.sum(axis=2, keepdims=True), truths[0]


def _without_copies(
    run: Any, y_test: NDArray[Any], combined: dict[str, NDArray[Any]]
) -> dict[str, Any] | None:
    """Measure on the test faces without a copy in the training data; runs of old do not tell."""
    if "test_without_copies" not in run:
        return None
    alone = run["test_without_copies"]
    right = {way: (p.argmax(1) == y_test)[alone] for way, p in combined.items()}
    return {
        "n": int(alone.sum()),
        "accuracy": {way: float(hits.mean()) for way, hits in right.items()},
    }


def _combine(
    held_out: NDArray[Any], y_held_out: NDArray[Any], test: NDArray[Any], seed: int
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Combine in every way: the rules, weights learned otherwise, and stacking."""
    classes = np.arange(held_out.shape[2])
    weights = {
        way: learn_weights(held_out, y_held_out, classes, method=method, random_state=seed)
        for way, method in (
            ("weighted", "log_loss"),
            ("weighted by accuracy", "accuracy"),
            ("greedy selection", "greedy"),
        )
    }
    combined = {rule: combine(test, rule, weights["weighted"]) for rule in RULES}
    for way in ("weighted by accuracy", "greedy selection"):
        combined[way] = combine(test, "weighted", weights[way])
    final = fit_final_estimator(
        choose_final_estimator(None), meta_features(held_out), y_held_out, classes
    )
    combined["stacking"] = predict_final_proba(final, meta_features(test), classes)
    return combined, weights


def _with_noise(
    held_out: NDArray[Any], y_held_out: NDArray[Any], test: NDArray[Any], seed: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Add a member that knows nothing and is often sure of it."""
    random = np.random.default_rng(seed)
    n_classes = held_out.shape[2]

    def add(probabilities: NDArray[Any]) -> NDArray[Any]:
        noise = random.uniform(size=(len(probabilities), 1, n_classes))
        return np.concatenate([probabilities, noise / noise.sum(axis=2, keepdims=True)], axis=1)

    return add(held_out), y_held_out, add(test)


def _compare(
    y: NDArray[Any], probabilities: NDArray[Any], best: Any, noisy: Any, seed: int
) -> dict[str, Any]:
    figures = evaluate_predictions(y, probabilities=probabilities, classes=np.arange(7))
    gain = compare_predictions(y, probabilities.argmax(1), best.argmax(1), random_state=seed)
    return {
        "accuracy": figures.accuracy,
        "interval": figures.accuracy_interval,
        "log_loss": figures.log_loss,
        "gain": gain.difference,
        "gain_interval": gain.interval,
        "mcnemar_p": gain.mcnemar_p,
        "loss_by_noise_member": figures.accuracy - float((noisy.argmax(1) == y).mean()),
    }


def _table(title: str, record: dict[str, Any]) -> Table:
    table = Table(
        title=f"{title}, {record['protocol']} protocol, n = {record['n']:,}; gain over "
        f"{record['best_member']}",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", min_width=22)
    for column in ("accuracy", "95 % CI", "gain", "95 % CI", "McNemar", "noise\ncosts"):
        table.add_column(column, justify="right", no_wrap=True)
    for member, figures in record["members"].items():
        low, high = figures["interval"]
        table.add_row(member, f"{figures['accuracy']:.3f}", f"{low:.3f}–{high:.3f}")
    table.add_section()
    for way, figures in record["combined"].items():
        (low, high), (least, most) = figures["interval"], figures["gain_interval"]
        table.add_row(
            way,
            f"{figures['accuracy']:.3f}",
            f"{low:.3f}–{high:.3f}",
            f"{figures['gain']:+.3f}",
            f"{least:+.3f}–{most:+.3f}",
            f"{figures['mcnemar_p']:.2g}",
            f"{figures['loss_by_noise_member']:+.3f}",
        )
    return table


if __name__ == "__main__":
    sys.exit(typer.run(main))
