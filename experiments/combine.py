"""Combine systems that were run: ``python -m experiments.combine seven_members``."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from experiments.console import Predictions, Results, output
from experiments.runs import (
    PREDICTIONS,
    RESULTS,
    Arrays,
    Probabilities,
    read_predictions,
    record_file,
    stack_predictions,
    write_record,
)
from experiments.systems import Ensemble, read_ensemble
from experiments.tables import cells
from fer_ensemble.datasets import EMOTIONS, find_protocol
from fer_ensemble.ensemble import RULES, combine, learn_weights, measure_diversity
from fer_ensemble.ensemble.meta_features import meta_features
from fer_ensemble.ensemble.meta_learner import (
    choose_final_estimator,
    fit_final_estimator,
    predict_final_proba,
)
from fer_ensemble.evaluation import compare_predictions, evaluate_predictions

CLASSES = np.arange(len(EMOTIONS))
# Ways to learn weights: what each is called here, and what `learn_weights` calls it.
_WEIGHTINGS = {
    "weighted": "log_loss",
    "weighted by accuracy": "accuracy",
    "greedy selection": "greedy",
}
# What a member of noise costs is the mean of so many of them.
_N_NOISE = 5


def main(
    name: Annotated[str, typer.Argument(help="An ensemble: the name of a file in ensembles/.")],
    protocol: Annotated[
        str, typer.Option(help="Of which runs: official, or published for its authors' way.")
    ] = "official",
    predictions: Predictions = PREDICTIONS,
    results: Results = RESULTS,
    seed: Annotated[int, typer.Option(help="Seed of bootstrap, selection and noise.")] = 0,
) -> None:
    """Measure every way to combine the systems of an ensemble, each against its best member.

    Weights and stacking are learned on the faces held out of the training of all members. Each way
    is measured once more with a member added that knows nothing and is sure of it: what that costs
    says how well the way guards against bad members.
    """
    try:
        ensemble = read_ensemble(name)
        split = find_protocol(ensemble.protocol if protocol == "published" else protocol)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    protocol = split.name
    runs = [read_predictions(predictions, member, protocol) for member in ensemble.members]
    record = {"ensemble": name, "protocol": protocol, **_measure(ensemble, runs, seed)}
    write_record(record_file(results, name, protocol), record)
    output.print(_table(ensemble.title, record), soft_wrap=False)
    if split.warning:
        output.print(split.warning)


def _measure(ensemble: Ensemble, runs: list[Arrays], seed: int) -> dict[str, Any]:
    held_out, y_held_out = stack_predictions(runs, "held_out")
    test, y_test = stack_predictions(runs, "test")
    combined, weights = combine_every_way(held_out, y_held_out, test, seed)
    noisy = _accuracy_with_noise(held_out, y_held_out, test, y_test, seed)
    best = int((test.argmax(axis=2) == y_test[:, np.newaxis]).mean(axis=0).argmax())
    return {
        "n": len(y_test),
        "n_held_out": len(y_held_out),
        "members": {
            member: _measure_member(y_test, test[:, i], {way: w[i] for way, w in weights.items()})
            for i, member in enumerate(ensemble.members)
        },
        "best_member": ensemble.members[best],
        "combined": {
            way: _compare(y_test, probabilities, test[:, best], noisy[way], seed)
            for way, probabilities in combined.items()
        },
        "without_copies": _without_copies(runs[0], y_test, combined),
        "diversity": measure_diversity(
            test, y_test, CLASSES, "weighted", weights=weights["weighted"]
        ).to_dict(),
        "published": ensemble.published,
    }


def combine_every_way(
    held_out: Probabilities, y_held_out: NDArray[Any], test: Probabilities, seed: int
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Combine by all rules, by weights learned otherwise, and by stacking.

    Parameters
    ----------
    held_out : ndarray of shape (n_held_out, n_members, n_classes)
        What weights and stacking are learned on.
    y_held_out : ndarray of shape (n_held_out,)
    test : ndarray of shape (n_samples, n_members, n_classes)
    seed : int

    Returns
    -------
    combined : dict of str to ndarray of shape (n_samples, n_classes)
        By way to combine.
    weights : dict of str to ndarray of shape (n_members,)
        Of the ways that have some.
    """
    weights = {
        way: learn_weights(held_out, y_held_out, CLASSES, method=method, random_state=seed)
        for way, method in _WEIGHTINGS.items()
    }
    combined = {rule: combine(test, rule, weights["weighted"]) for rule in RULES}
    combined |= {way: combine(test, "weighted", learned) for way, learned in weights.items()}
    final = fit_final_estimator(
        choose_final_estimator(None), meta_features(held_out), y_held_out, CLASSES
    )
    combined["stacking"] = predict_final_proba(final, meta_features(test), CLASSES)
    return combined, weights


def _accuracy_with_noise(
    held_out: Probabilities,
    y_held_out: NDArray[Any],
    test: Probabilities,
    y_test: NDArray[Any],
    seed: int,
) -> dict[str, float]:
    """Measure every way beside a member whose probabilities are drawn uniformly from the simplex.

    Weights and stacking are learned anew; the mean of several such members, one at a time.
    """
    random = np.random.default_rng(seed)

    def add(members: Probabilities) -> Probabilities:
        noise = random.dirichlet(np.ones(len(CLASSES)), size=(len(members), 1))
        return np.concatenate([members, noise], axis=1)

    accuracies: dict[str, list[float]] = {}
    for _ in range(_N_NOISE):
        combined, _ = combine_every_way(add(held_out), y_held_out, add(test), seed)
        for way, probabilities in combined.items():
            accuracies.setdefault(way, []).append((probabilities.argmax(axis=1) == y_test).mean())
    return {way: float(np.mean(found)) for way, found in accuracies.items()}


def _measure_member(
    y: NDArray[Any], probabilities: NDArray[Any], weights: dict[str, Any]
) -> dict[str, Any]:
    figures = evaluate_predictions(y, probabilities=probabilities, classes=CLASSES)
    return {
        "accuracy": figures.accuracy,
        "interval": figures.accuracy_interval,
        "weights": {way: round(float(weight), 4) for way, weight in weights.items()},
    }


def _compare(
    y: NDArray[Any],
    probabilities: NDArray[Any],
    best: NDArray[Any],
    noisy: float,
    seed: int,
) -> dict[str, Any]:
    figures = evaluate_predictions(y, probabilities=probabilities, classes=CLASSES)
    gain = compare_predictions(y, probabilities.argmax(1), best.argmax(1), random_state=seed)
    return {
        "accuracy": figures.accuracy,
        "interval": figures.accuracy_interval,
        "log_loss": figures.log_loss,
        "gain": gain.difference,
        "gain_interval": gain.interval,
        "mcnemar_p": gain.mcnemar_p,
        "cost_of_noise": figures.accuracy - noisy,
    }


def _without_copies(
    run: Arrays, y_test: NDArray[Any], combined: dict[str, NDArray[Any]]
) -> dict[str, Any] | None:
    """Measure on the test faces without a copy in the training data, if the run says which."""
    if "test_without_copies" not in run:
        return None
    alone = run["test_without_copies"]
    right = {way: (p.argmax(1) == y_test)[alone] for way, p in combined.items()}
    return {
        "n": int(alone.sum()),
        "accuracy": {way: float(hits.mean()) for way, hits in right.items()},
    }


def _table(title: str, record: dict[str, Any]) -> Table:
    table = Table(
        title=f"{title}, {record['protocol']} protocol, n = {record['n']:,}. Gain over "
        f"{record['best_member']} in points.",
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    table.add_column("")
    for column in ("accuracy", "95 % CI", "gain", "95 % CI", "McNemar", "noise\ncosts"):
        table.add_column(column, justify="right", no_wrap=True)
    for member, figures in record["members"].items():
        table.add_row(member, *_with_interval(figures))
    table.add_section()
    for way, figures in record["combined"].items():
        least, most = figures["gain_interval"]
        table.add_row(
            way,
            *_with_interval(figures),
            cells.points(figures["gain"]),
            f"{cells.points(least)} to {cells.points(most)}",
            cells.p_value(figures["mcnemar_p"]),
            cells.points(figures["cost_of_noise"]),
        )
    return table


def _with_interval(figures: dict[str, Any]) -> tuple[str, str]:
    low, high = figures["interval"]
    return f"{figures['accuracy']:.3f}", f"{low:.3f}–{high:.3f}"


if __name__ == "__main__":
    sys.exit(typer.run(main))
