"""Say what the balanced protocol leaks: ``python -m experiments.leak --data fer2013.zip``.

A test face is known if training holds the same photograph, unchanged or changed by balancing. One
and the same fitted member, on known and on unknown faces of the same expression, shows the leak
alone: no other test faces, no other training.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.options import PREDICTIONS, RESULTS, Data, Out, Predictions, write_record
from experiments.systems import System, all_systems
from fer_ensemble.cli.console import output, read_faces
from fer_ensemble.datasets import PROTOCOLS, FaceDataset
from fer_ensemble.splitting import row_digests

_DRAWS = 10_000


def main(
    data: Data,
    predictions: Predictions = PREDICTIONS,
    seed: Annotated[int, typer.Option(help="Seed of those runs.")] = 0,
    out: Out = RESULTS / "leak.json",
) -> None:
    """Measure every balanced run on the test faces that it knows and on those that it does not."""
    faces, _ = read_faces(data, strict=False, seed=seed)
    record = {}
    for system in all_systems():
        path = predictions / f"{system.name}.balanced.npz"
        if not path.is_file():
            continue
        truth, known = _known(system, faces, seed)
        with np.load(path) as run:
            if not np.array_equal(run["y_test"], truth):
                raise typer.BadParameter(f"{path}: of other faces; run {system.name} anew.")
            right = run["test"].argmax(axis=1) == truth
        record[system.name] = measure_leak(truth, right, known, seed)
        output.print(f"{system.name}: {record[system.name]}")
    write_record(out, record)


def _known(system: System, faces: FaceDataset, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Split as the run did, but leave repeated faces unchanged: a known face is an exact copy."""
    params = system.protocol_params if system.protocol == "balanced" else {}
    parts = PROTOCOLS["balanced"].split(faces, seed, **params)
    known = np.isin(row_digests(parts.test.images), row_digests(parts.train.images))
    return parts.test.labels, known


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
    Expressions count by the weights of Mantel and Haenszel, n₁n₀ / (n₁ + n₀): those that tell most.

    References
    ----------
    S. Greenland and J. M. Robins, "Estimation of a common effect parameter from sparse follow-up
    data", Biometrics 41, 1985, pages 55-68.
    """
    both = [c for c in np.unique(truth) if 0 < known[truth == c].sum() < (truth == c).sum()]
    told = {"n": len(truth), "n_known": int(known.sum())}
    if not both:
        return {**told, "difference": None, "interval": None}
    # Rows: known, unknown.
    cells = [[(truth == c) & (known == k) for c in both] for k in (True, False)]
    n = np.array([[cell.sum() for cell in row] for row in cells])
    shares = np.array([[right[cell].mean() for cell in row] for row in cells])
    weights = n.prod(axis=0) / n.sum(axis=0)
    drawn = np.random.default_rng(seed).binomial(n, shares, size=(_DRAWS, *n.shape)) / n
    differences = np.average(drawn[:, 0] - drawn[:, 1], axis=1, weights=weights)
    return {
        **told,
        "difference": float(np.average(shares[0] - shares[1], weights=weights)),
        "interval": np.quantile(differences, [0.025, 0.975]).tolist(),
    }


if __name__ == "__main__":
    sys.exit(typer.run(main))
