"""Time the combining of many predictions: ``python -m experiments.combining_speed``.

The other side is a plain loop over the samples in Python's own numbers. It takes a thousand of the
same samples, must come to the same result on them, and is scaled up to all.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Out
from experiments.runs import RESULTS, write_record
from experiments.timing import peak_gb, timed
from fer_ensemble.ensemble import combine, select_greedily

N_MEMBERS, N_CLASSES = 7, 7
WEIGHTS = [0.3, 0.2, 0.15, 0.1, 0.1, 0.1, 0.05]
LOOP_SAMPLES = 1000
EQUAL = [1 / N_MEMBERS] * N_MEMBERS

Sample = list[list[float]]


def main(
    samples: Annotated[int, typer.Option(help="Samples to combine.")] = 1_000_000,
    out: Out = RESULTS / "combining_speed.json",
) -> None:
    """Time every rule on 7 members and 7 classes, and a greedy selection among 50 members."""
    probabilities = _draw(samples, N_MEMBERS, N_CLASSES)
    rules = {}
    typer.echo(f"{'rule':18} {'CPU s':>7} {'wall s':>7} {'loop s':>8} {'times':>6} {'peak GB':>8}")
    for rule, loop in LOOPS.items():
        figures = _time_rule(rule, loop, probabilities)
        rules[rule] = figures
        typer.echo(f"{rule:18} {' '.join(_columns(figures))}")
    selection = _time_selection()
    typer.echo(f"greedy selection: {selection}")
    record = {
        "samples": samples,
        "members": N_MEMBERS,
        "classes": N_CLASSES,
        "input_gb": round(probabilities.nbytes / 1e9, 3),
        "loop": f"plain Python over {LOOP_SAMPLES} samples, scaled up",
        "peak_gb": "highest memory of the process so far, the input included",
        "rules": rules,
        "selection": selection,
    }
    write_record(out, record)


def _draw(n_samples: int, n_members: int, n_classes: int) -> NDArray[np.float64]:
    drawn = np.random.default_rng(0).standard_exponential((n_samples, n_members, n_classes))
    drawn /= drawn.sum(axis=2, keepdims=True)
    return drawn


def _time_rule(
    rule: str, loop: Callable[[Sample], list[float]], probabilities: NDArray[np.float64]
) -> dict[str, float]:
    wall, cpu, combined = timed(lambda: combine(probabilities, rule, WEIGHTS))
    # Before the loop, whose lists would count too.
    peak = peak_gb()
    some = probabilities[:LOOP_SAMPLES].tolist()
    loop_cpu, looped = timed(lambda: [_normalised(loop(sample)) for sample in some])[1:]
    # A loop that computed something else would compare nothing.
    np.testing.assert_allclose(combined[: len(some)], looped, rtol=1e-6)
    loop_cpu *= len(probabilities) / len(some)
    return {
        "cpu_seconds": round(cpu, 2),
        "wall_seconds": round(wall, 2),
        "loop_cpu_seconds": round(loop_cpu, 1),
        "times_faster": round(loop_cpu / cpu, 1),
        "peak_gb": round(peak, 2),
    }


def _columns(figures: dict[str, float]) -> list[str]:
    widths = (7, 7, 8, 6, 8)
    return [f"{figure:>{width}}" for width, figure in zip(widths, figures.values(), strict=True)]


def _time_selection() -> dict[str, Any]:
    probabilities = _draw(10_000, 50, N_CLASSES)
    labels = np.random.default_rng(1).integers(N_CLASSES, size=10_000)
    every = np.arange(N_CLASSES)
    wall, cpu, selection = timed(
        lambda: select_greedily(probabilities, labels, every, random_state=0)
    )
    return {
        "members": 50,
        "samples": 10_000,
        "rounds": len(selection.chosen),
        "cpu_seconds": round(cpu, 2),
        "wall_seconds": round(wall, 2),
    }


def _normalised(scores: list[float]) -> list[float]:
    total = sum(scores)
    return [score / total for score in scores]


def _mean(sample: Sample, weights: list[float] = EQUAL) -> list[float]:
    by_class = zip(*sample, strict=True)
    return [sum(w * p for w, p in zip(weights, values, strict=True)) for values in by_class]


def _votes(sample: Sample, weights: list[float] = EQUAL) -> list[float]:
    # The samples drawn hold no two equal probabilities; the mean decides between equal counts.
    favourites = [member.index(max(member)) for member in sample]
    scores = [0.0] * N_CLASSES
    for weight, favourite in zip(weights, favourites, strict=True):
        scores[favourite] += weight
    return scores


def _geometric(sample: Sample) -> list[float]:
    return [
        math.exp(sum(math.log(max(p, 1e-15)) for p in values) / N_MEMBERS)
        for values in zip(*sample, strict=True)
    ]


def _median(sample: Sample) -> list[float]:
    return [statistics.median(values) for values in zip(*sample, strict=True)]


def _max(sample: Sample) -> list[float]:
    return [max(values) for values in zip(*sample, strict=True)]


def _borda(sample: Sample) -> list[float]:
    scores = [0.0] * N_CLASSES
    for member in sample:
        for points, k in enumerate(sorted(range(N_CLASSES), key=member.__getitem__)):
            scores[k] += points
    return scores


LOOPS: dict[str, Callable[[Sample], list[float]]] = {
    "average": _mean,
    "weighted": lambda sample: _mean(sample, WEIGHTS),
    "majority": _votes,
    "weighted_majority": lambda sample: _votes(sample, WEIGHTS),
    "geometric": _geometric,
    "median": _median,
    "max": _max,
    "borda": _borda,
}


if __name__ == "__main__":
    sys.exit(typer.run(main))
