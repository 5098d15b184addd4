"""Measure what changed faces do: ``python -m experiments.robustness --data fer2013.zip``.

Every shift of `experiments.shifts` at three strengths, after Hendrycks, D. and Dietterich, T.
(2019), "Benchmarking neural network robustness to common corruptions and perturbations", ICLR: the
packed ensembles, their members, and other ways to combine them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from experiments.console import Data, PackedModel, Predictions, Results, output, read_faces
from experiments.pretrained.candidates import (
    PROTOCOL,
    learning_rows,
    make_final_estimator,
    weigh_views,
)
from experiments.run import hold_out
from experiments.runs import PREDICTIONS, RESULTS, write_record
from experiments.shifts import SHIFTS, STRENGTHS
from experiments.views import EVERY_VIEW, predict_views
from fer_ensemble.artifact import load_ensemble, record_robustness, resolve_model
from fer_ensemble.artifact.pretrained import FAST
from fer_ensemble.datasets import EMOTIONS, FaceDataset, training_part
from fer_ensemble.ensemble import BaseEnsemble, apply_temperature, combine, learn_weights
from fer_ensemble.ensemble.calibration import fit_member_temperatures
from fer_ensemble.ensemble.meta_features import meta_features
from fer_ensemble.evaluation import wilson_interval

Views = NDArray[np.float64]
"""Of shape (n_views, n_samples, n_classes), the faces as they are first."""
Stacked = NDArray[np.float64]
"""Of shape (n_views, n_samples, n_members, n_classes)."""

_CLASSES = np.arange(len(EMOTIONS))
_RARE, _TAKEN_FOR = EMOTIONS.index("disgust"), EMOTIONS.index("angry")
_PENALTY, _EQUAL_SHARE = 0.1, 0.25
_RESAMPLES = 2000


class Part(StrEnum):
    """Which faces are measured."""

    held_out = "held_out"
    public_test = "public_test"


# The way by which was packed before faces were changed, and the one by which is packed.
_BASELINE = "stacking, clean"
_PACKED = "stacking, clean and shifted, classes evened"
_TOLD = {
    Part.held_out: "held out of Training, combined by what was learned on the other half",
    Part.public_test: "PublicTest",
}


class Way(NamedTuple):
    """A way to combine members that is learned on half of the faces, and measured on the others.

    Attributes
    ----------
    learn : callable
        From views of faces, their labels and weights to a function from rows of members'
        probabilities to probabilities.
    shifted_share, equal_share : float
        See `experiments.pretrained.candidates.Declaration`.
    others_only : bool
        Whether a shift is measured by what was learned without it, from the other shifts.
    """

    learn: Callable[[Stacked, NDArray[Any], NDArray[np.float64]], Callable[[Any], Any]]
    shifted_share: float = 0.0
    equal_share: float = 0.0
    others_only: bool = False


def main(
    data: Data,
    model: PackedModel = None,
    part: Annotated[
        Part, typer.Option(help="Faces held out of Training, by which is chosen, or PublicTest.")
    ] = Part.held_out,
    faces: Annotated[
        int | None, typer.Option(help="Measure so many of them, drawn.", show_default="all")
    ] = None,
    card: Annotated[bool, typer.Option(help="Write the figures into the model cards.")] = False,
    predictions: Predictions = PREDICTIONS,
    results: Results = RESULTS,
    seed: Annotated[int, typer.Option(help="Of draws, folds and bootstrap.")] = 0,
) -> None:
    """Measure the packed ensembles on faces as they are and changed in many ways.

    On the held-out faces, other ways to combine the members are measured too: learned on one half
    of the faces, measured on the other, and the other way round. What is packed has learned there
    how to combine, so that its own figures are those of PublicTest. To predict all views takes as
    long as to predict the faces 58 times; what is done stays when it is stopped.
    """
    packed, measured = model or resolve_model(None), _select(read_faces(data), part)
    if faces is not None:
        chosen = np.random.default_rng(seed).permutation(len(measured))[:faces]
        measured = measured.take(np.sort(chosen))
    ensemble, fast = load_ensemble(packed), load_ensemble(packed / FAST)
    members = dict(ensemble.members_) | dict(fast.members_)
    views = {
        name: _sum_to_one(
            predict_views(
                member, measured.images, EVERY_VIEW, predictions / "views" / f"{name}.{part}.npz"
            )
        )
        for name, member in members.items()
    }
    answers = dict(views)
    if part is Part.public_test:
        for name, one in (("ensemble", ensemble), (FAST, fast)):
            answers[name] = _ask_packed(one, _stack(views, [name for name, _ in one.members_]))
    else:
        for name, one in (("ensemble", ensemble), (FAST, fast)):
            stacked = _stack(views, [name for name, _ in one.members_])
            answers |= {
                f"{name}: {way}": p for way, p in _every_way(stacked, measured.labels, seed).items()
            }
    record: dict[str, Any] = {
        "part": str(part),
        "n": len(measured),
        "n_shifts": len(SHIFTS),
        "amounts": {name: shift.amounts for name, shift in SHIFTS.items()},
        "sides": {name: _measure(p, measured.labels, seed) for name, p in answers.items()},
        "gains": _compare(answers, measured.labels, seed),
    }
    write_record(results / f"robustness.{part}.json", record)
    for line in _lines(record):
        output.print(line)
    if card:
        for folder, one, name in ((packed, ensemble, "ensemble"), (packed / FAST, fast, FAST)):
            side = name if part is Part.public_test else f"{name}: {_PACKED}"
            told = {"data": data.name, "test": _TOLD[part], "n": len(measured)}
            record_robustness(folder, one, told | record["sides"][side])


def _select(read: FaceDataset, part: Part) -> FaceDataset:
    if part is Part.public_test:
        return read.select("PublicTest")
    training, _ = training_part(read, PROTOCOL)
    return training.take(hold_out(training, 0)[1])


def _sum_to_one(probabilities: NDArray[np.float32]) -> Views:
    exact = probabilities.astype(np.float64)
    return exact / exact.sum(axis=2, keepdims=True)


def _stack(views: dict[str, Views], names: list[str]) -> Stacked:
    return np.stack([views[name] for name in names], axis=2)


def _ask_packed(ensemble: BaseEnsemble, stacked: Stacked) -> Views:
    combined = ensemble.combine(stacked.reshape(-1, *stacked.shape[2:]))
    return combined.reshape(*stacked.shape[:2], -1)


def _every_way(stacked: Stacked, y: NDArray[Any], seed: int) -> dict[str, Views]:
    """Combine members in each way, by what was learned on the faces of the other half."""
    final = {
        _BASELINE: Way(_learn_stacking),
        "stacking, clean and shifted": Way(_learn_stacking, 0.5),
        "stacking, clean and other shifts": Way(_learn_stacking, 0.5, 0.0, True),
        _PACKED: Way(_learn_stacking, 0.5, _EQUAL_SHARE),
        "stacking, clean, classes evened": Way(_learn_stacking, 0.0, _EQUAL_SHARE),
    }
    several = {
        "average": Way(_by_rule("average")),
        "geometric": Way(_by_rule("geometric")),
        "weighted, clean": Way(_learn_weighted("log_loss")),
        "weighted, clean and shifted": Way(_learn_weighted("log_loss"), 0.5),
        "greedy, clean": Way(_learn_weighted("greedy")),
    }
    ways = final if stacked.shape[2] == 1 else several | final
    return {name: _cross_fit(way, stacked, y, seed) for name, way in ways.items()}


def _cross_fit(way: Way, stacked: Stacked, y: NDArray[Any], seed: int) -> Views:
    combined = np.empty(stacked[:, :, 0].shape)
    groups = _shift_groups() if way.others_only else [range(len(stacked))]
    halves = StratifiedKFold(2, shuffle=True, random_state=seed).split(y, y)
    for learned, measured in halves:
        for group in groups:
            known = [i for i in range(len(stacked)) if i == 0 or len(groups) == 1 or i not in group]
            known = known if way.shifted_share else [0]
            weights = weigh_views(y[learned], len(known), way.shifted_share, way.equal_share)
            ask = way.learn(stacked[known][:, learned], y[learned], weights)
            for view in group:
                combined[view, measured] = ask(stacked[view, measured])
    return combined


def _shift_groups() -> list[list[int]]:
    """Places of the views of each shift, and before them of the faces as they are."""
    by_shift: dict[str, list[int]] = {}
    for place, view in enumerate(EVERY_VIEW):
        by_shift.setdefault(view.shift, []).append(place)
    return list(by_shift.values())


def _by_rule(rule: str) -> Any:
    return lambda *_: lambda asked: combine(asked, rule)


def _learn_weighted(method: str) -> Any:
    def learn(stacked: Stacked, y: NDArray[Any], weights: NDArray[np.float64]) -> Any:
        rows, labels, shares = learning_rows(stacked, y, weights)
        temperatures = fit_member_temperatures(rows, labels, _CLASSES, shares)
        tempered = apply_temperature(rows, temperatures)
        found = learn_weights(
            tempered, labels, _CLASSES, method=method, sample_weight=shares, random_state=0
        )
        return lambda asked: combine(apply_temperature(asked, temperatures), "weighted", found)

    return learn


def _learn_stacking(stacked: Stacked, y: NDArray[Any], weights: NDArray[np.float64]) -> Any:
    rows, labels, shares = learning_rows(stacked, y, weights)
    final = make_final_estimator(_PENALTY)
    final.fit(meta_features(rows), labels, sample_weight=shares)
    return lambda asked: final.predict_proba(meta_features(asked))


def _measure(views: Views, y: NDArray[Any], seed: int) -> dict[str, Any]:
    """Measure what was predicted for the faces as they are, for each shift, and on average."""
    right, losses = _right(views, y), _losses(views, y)
    n_right = right.sum(axis=1)
    shifted = right[1:].mean(axis=0)
    worst = 1 + int(n_right[1:].argmin())
    by_shift = right[1:].mean(axis=1).reshape(len(SHIFTS), -1)
    by_shift_loss = losses[1:].mean(axis=1).reshape(by_shift.shape)
    return {
        "clean": {
            "accuracy": float(right[0].mean()),
            "interval": wilson_interval(int(n_right[0]), len(y)),
            "log_loss": float(losses[0].mean()),
            **_classes(views[:1], y),
        },
        "shifted": {
            "accuracy": float(shifted.mean()),
            "interval": _bootstrap(shifted, seed),
            "log_loss": float(losses[1:].mean()),
            "relative_accuracy": float(shifted.mean() / right[0].mean()),
            **_classes(views[1:], y),
        },
        "worst": {
            "shift": EVERY_VIEW[worst].shift,
            "strength": EVERY_VIEW[worst].strength,
            "accuracy": float(right[worst].mean()),
            "interval": wilson_interval(int(n_right[worst]), len(y)),
        },
        "accuracy": _by_name(by_shift),
        "log_loss": _by_name(by_shift_loss),
    }


def _by_name(figures: NDArray[np.float64]) -> dict[str, list[float]]:
    return {
        name: [round(x, 4) for x in row] for name, row in zip(SHIFTS, figures.tolist(), strict=True)
    }


def _classes(views: Views, y: NDArray[Any]) -> dict[str, float]:
    """Recall of all classes alike, of two that are confused, and how often they are."""
    labels = views.argmax(axis=2)
    recalls = [float((labels[:, y == c] == c).mean()) for c in _CLASSES if (y == c).any()]
    rare = labels[:, y == _RARE]
    return {
        "balanced_accuracy": float(np.mean(recalls)),
        "recall_of_disgust": float((rare == _RARE).mean()),
        "recall_of_angry": float((labels[:, y == _TAKEN_FOR] == _TAKEN_FOR).mean()),
        "disgust_taken_for_angry": float((rare == _TAKEN_FOR).mean()),
    }


def _right(views: Views, y: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(views.argmax(axis=2) == y)


def _losses(views: Views, y: NDArray[Any]) -> NDArray[np.float64]:
    of_truth = np.take_along_axis(views, y[np.newaxis, :, np.newaxis], axis=2)[..., 0]
    return np.asarray(-np.log(np.maximum(of_truth, 1e-15)))


def _bootstrap(values: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """Interval at 95 % of a mean over faces; all views of a face are drawn together."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), _RESAMPLES)
    low, high = np.percentile(counts @ values / len(values), [2.5, 97.5])
    return float(low), float(high)


def _compare(answers: dict[str, Views], y: NDArray[Any], seed: int) -> dict[str, Any]:
    """Compare each side with what stacking made of the same members before faces were changed.

    On PublicTest that is not known: each side is compared with the ensemble.
    """
    found: dict[str, Any] = {}
    for name in answers:
        kind = name.partition(":")[0]
        other = f"{kind}: {_BASELINE}" if kind in ("ensemble", FAST) else f"ensemble: {_BASELINE}"
        other = other if other in answers else "ensemble"
        if name == other:
            continue
        right = _right(answers[name], y).astype(float) - _right(answers[other], y)
        losses = _losses(answers[name], y) - _losses(answers[other], y)
        found[f"{name} over {other}"] = {
            key: {"difference": float(values.mean()), "interval": _bootstrap(values, seed)}
            for key, values in {
                "clean_accuracy": right[0],
                "shifted_accuracy": right[1:].mean(axis=0),
                "clean_log_loss": losses[0],
                "shifted_log_loss": losses[1:].mean(axis=0),
            }.items()
        }
    return found


def _lines(record: dict[str, Any]) -> list[str]:
    lines = [
        f"{record['part']}, n = {record['n']:,}; {record['n_shifts']} shifts at {len(STRENGTHS)} "
        "strengths; intervals at 95 %"
    ]
    for name, side in record["sides"].items():
        told = [_line(part, side[part]) for part in ("clean", "shifted")]
        worst = side["worst"]
        told.append(f"worst {_accuracy(worst)}: {worst['shift']}, strength {worst['strength']}")
        lines.append(f"{name}: {'; '.join(told)}")
    for pair, gains in record["gains"].items():
        told = [
            f"{key.replace('_', ' ')} {gain['difference']:+.4f} "
            f"({gain['interval'][0]:+.4f}–{gain['interval'][1]:+.4f})"
            for key, gain in gains.items()
        ]
        lines.append(f"{pair}: {', '.join(told)}")
    return lines


def _line(part: str, figures: dict[str, Any]) -> str:
    return (
        f"{part} {_accuracy(figures)}, balanced {figures['balanced_accuracy']:.3f}, log loss "
        f"{figures['log_loss']:.3f}, disgust {figures['recall_of_disgust']:.2f}"
    )


def _accuracy(figures: dict[str, Any]) -> str:
    low, high = figures["interval"]
    return f"{figures['accuracy']:.3f} ({low:.3f}–{high:.3f})"


if __name__ == "__main__":
    sys.exit(typer.run(main))
