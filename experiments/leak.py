"""Say what the balanced protocol leaks: ``python -m experiments.leak --data fer2013.zip``.

A test face is known if training holds the same photograph, unchanged or changed by balancing. One
and the same fitted member is measured on known and on unknown faces of the same expression: neither
another training nor other expressions add to the difference.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Data, Out, Predictions, output, read_faces
from experiments.runs import PREDICTIONS, RESULTS, find_copies, find_runs, write_record

_DRAWS = 10_000


def main(
    data: Data,
    predictions: Predictions = PREDICTIONS,
    seed: Annotated[int, typer.Option(help="Seed of those runs.")] = 0,
    out: Out = RESULTS / "leak.json",
) -> None:
    """Measure every balanced run on the test faces that it knows and on those that it does not."""
    record = {}
    # With the repeated faces left unchanged, a known face is an exact copy of one in training. The
    # same rows are drawn as in the run, where most copies were changed and could not be found.
    runs = find_runs(predictions, read_faces(data), "balanced", seed, change_copies=False)
    for system, parts, arrays in runs:
        truth = parts.test.labels
        right = arrays["test"].argmax(axis=1) == truth
        record[system.name] = measure_leak(truth, right, find_copies(parts), seed)
        output.print(f"{system.name}: {record[system.name]}")
    write_record(out, record)


def measure_leak(
    truth: NDArray[Any], right: NDArray[np.bool_], known: NDArray[np.bool_], seed: int = 0
) -> dict[str, Any]:
    """Compare the share of known faces that are recognised with that of unknown ones.

    Parameters
    ----------
    truth : ndarray of shape (n_samples,)
        Labels.
    right : ndarray of bool of shape (n_samples,)
        Which faces were recognised.
    known : ndarray of bool of shape (n_samples,)
        Which faces stand in training.
    seed : int, default=0
        Of the bootstrap.

    Returns
    -------
    dict
        ``n``, ``n_known``, and the ``difference`` in accuracy between known and unknown faces of
        the same expression, with its bootstrap ``interval`` of 95 %; both ``None`` if no
        expression has both kinds.

    Notes
    -----
    Expressions count by the weights of Mantel and Haenszel, n₁n₀ / (n₁ + n₀): more where both
    kinds are many.

    References
    ----------
    S. Greenland and J. M. Robins, "Estimation of a common effect parameter from sparse follow-up
    data", Biometrics 41, 1985, pages 55-68.
    """
    both = [c for c in np.unique(truth) if 0 < known[truth == c].sum() < (truth == c).sum()]
    counts = {"n": len(truth), "n_known": int(known.sum())}
    if not both:
        return {**counts, "difference": None, "interval": None}
    # Rows: known, unknown.
    cells = [[(truth == c) & (known == k) for c in both] for k in (True, False)]
    n = np.array([[cell.sum() for cell in row] for row in cells])
    shares = np.array([[right[cell].mean() for cell in row] for row in cells])
    weights = n.prod(axis=0) / n.sum(axis=0)
    # Resampling the faces of a cell with replacement makes its count of right ones binomial.
    drawn = np.random.default_rng(seed).binomial(n, shares, size=(_DRAWS, *n.shape)) / n
    differences = np.average(drawn[:, 0] - drawn[:, 1], axis=1, weights=weights)
    return {
        **counts,
        "difference": float(np.average(shares[0] - shares[1], weights=weights)),
        "interval": np.quantile(differences, [0.025, 0.975]).tolist(),
    }


if __name__ == "__main__":
    sys.exit(typer.run(main))
