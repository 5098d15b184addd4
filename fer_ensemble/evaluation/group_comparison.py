"""Whether some groups are recognised less well than others, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.arrays import check_count
from fer_ensemble.evaluation.intervals import wilson_interval
from fer_ensemble.evaluation.subgroups import MISSING, GroupScore, evaluate_groups

# Draws are level with what was found although they were added up in another order.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class StandardAccuracy:
    """Accuracy of a group as it would be with the class mix of all samples.

    Attributes
    ----------
    value : float
        Recalls of the classes, weighted by their shares among all samples.
    interval : tuple of (float, float)
    """

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class GroupGap:
    """How far the best and the worst of several groups are apart.

    Attributes
    ----------
    best, worst : object
        The groups.
    difference : float
        Of their accuracies, from 0 to 1.
    interval : tuple of (float, float)
        For these two groups, as if they had been named beforehand: since they were chosen by their
        accuracies, the difference is somewhat too large.
    p_value : float
        Of the permutation test that no group differs from any other; it heeds that choice.
    adjusted_p : float
        The same by Holm's method, for all conditions by which the samples were grouped.
    """

    best: Any
    worst: Any
    difference: float
    interval: tuple[float, float]
    p_value: float
    adjusted_p: float


@dataclass(frozen=True, eq=False)
class GroupComparison:
    """Figures of the groups that one condition makes.

    Attributes
    ----------
    groups : tuple of GroupScore
        In the order asked for.
    standardised : tuple of StandardAccuracy or None
        Of each of them; ``None`` of small groups and of samples without one.
    left_out : tuple of str
        Classes that are missing in one of the groups compared, and so in all of `standardised`.
    gap : GroupGap or None
        Of accuracy; ``None`` with fewer than two groups to compare.
    standardised_gap : GroupGap or None
        Of accuracy with the same class mix in all groups.
    """

    groups: tuple[GroupScore, ...]
    standardised: tuple[StandardAccuracy | None, ...]
    left_out: tuple[str, ...] = ()
    gap: GroupGap | None = None
    standardised_gap: GroupGap | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists, dictionaries and numbers, ready for JSON."""
        rows = zip(self.groups, self.standardised, strict=True)
        return {
            "groups": [
                part.to_dict() | {"standardised": found and asdict(found)} for part, found in rows
            ],
            "left_out": list(self.left_out),
            "gap": self.gap and asdict(self.gap),
            "standardised_gap": self.standardised_gap and asdict(self.standardised_gap),
        }


def compare_groups(
    y_true: ArrayLike,
    y_pred: ArrayLike | None = None,
    *,
    groupings: Mapping[str, ArrayLike],
    orders: Mapping[str, Sequence[Any]] | None = None,
    probabilities: ArrayLike | None = None,
    small: int = 30,
    n_permutations: int = 10_000,
    confidence: float = 0.95,
    random_state: int = 0,
    **options: Any,
) -> dict[str, GroupComparison]:
    """Measure groups of samples, and test whether some are recognised less well.

    Parameters
    ----------
    y_true, y_pred, probabilities
        See `evaluate_predictions`.
    groupings : mapping of str to array-like of shape (n_samples,)
        For each condition, the group of every sample, as `evaluate_groups` takes it.
    orders : mapping of str to sequence, optional
        For conditions whose groups have an order of their own, that order.
    small : int, default=30
        Groups of fewer samples are marked, and not compared.
    n_permutations : int, default=10000
        Draws of the test; no p-value is below one by so many.
    confidence : float, default=0.95
        Level of the intervals.
    random_state : int, default=0
        Seed of draws.
    **options
        ``classes`` and what else `evaluate_predictions` takes.

    Returns
    -------
    dict of str to GroupComparison
        By condition.

    Raises
    ------
    ValueError
        As `evaluate_groups`.

    Notes
    -----
    Groups differ in their mix of classes, and classes in how well they are recognised. Direct
    standardisation gives each group the mix of all samples; whatever else goes with a condition
    stays confounded with it. Its intervals add in squares how far Wilson's of the classes reach
    (Zou and Donner 2008), as those of differences do (Newcombe 1998).

    The test asks how often the best and the worst group are as far apart when groups are dealt out
    anew, for the standardised accuracies within each class. The counts that this leads to are
    drawn straight away from the multivariate hypergeometric distribution. Holm's method then bounds
    the chance of a single false alarm among all conditions.

    References
    ----------
    J. L. Fleiss, B. Levin and M. C. Paik, "Statistical Methods for Rates and Proportions", 3rd
    edition, Wiley, 2003, chapter 19. (direct standardisation)

    G. Y. Zou and A. Donner, "Construction of confidence limits about effect measures: a general
    approach", Statistics in Medicine 27, 2008, pages 1693-1702.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979, pages 65-70.

    Examples
    --------
    >>> light = ["dim"] * 40 + ["bright"] * 40
    >>> found = compare_groups(
    ...     [0] * 80, [1] * 20 + [0] * 60, groupings={"light": light}, classes=[0, 1]
    ... )
    >>> found["light"].gap.best, found["light"].gap.difference
    ('bright', 0.5)
    """
    check_count(n_permutations, "n_permutations")
    rng = np.random.default_rng(random_state)
    found = {}
    for name, groups in groupings.items():
        scores = evaluate_groups(
            y_true,
            y_pred,
            groups=groups,
            order=(orders or {}).get(name),
            probabilities=probabilities,
            small=small,
            confidence=confidence,
            random_state=random_state,
            **options,
        )
        found[name] = _compare(scores, n_permutations, confidence, rng)
    return _adjust(found)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values of several tests, so that each can be read beside a level for all of them.

    Parameters
    ----------
    p_values : array-like of shape (n_tests,)

    Returns
    -------
    ndarray of shape (n_tests,)
        At most 1. Below a level, the test's hypothesis is refused; the chance that any true one is
        refused stays below that level, however the tests hang together.

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979, pages 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p_values, np.float64)
    order = np.argsort(given, kind="stable")
    adjusted = np.empty_like(given)
    factors = np.arange(len(given), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1)
    return adjusted


def _compare(
    scores: tuple[GroupScore, ...], n_draws: int, confidence: float, rng: np.random.Generator
) -> GroupComparison:
    compared = [not part.small and part.group != MISSING for part in scores]
    names = [part.group for part, taken in zip(scores, compared, strict=True) if taken]
    supports = np.array([[row.support for row in part.scores.per_class] for part in scores])
    rights = np.array([part.scores.confusion.diagonal() for part in scores])
    counts, right = supports[compared], rights[compared]
    common = (counts > 0).all(axis=0)
    everywhere = supports.sum(axis=0)
    occurring = everywhere > 0
    left_out = [
        row.name
        for row, gone in zip(scores[0].scores.per_class, occurring & ~common, strict=True)
        if gone
    ]
    if not names or not common.any():
        return GroupComparison(scores, (None,) * len(scores))
    shares = everywhere[common] / everywhere[common].sum()
    cells = _Cells(counts[:, common], right[:, common], shares)
    standard = iter(cells.accuracies(confidence))
    standardised = tuple(next(standard) if taken else None for taken in compared)
    if len(names) < 2:
        return GroupComparison(scores, standardised, tuple(left_out))
    whole = _Cells(counts.sum(1, keepdims=True), right.sum(1, keepdims=True), np.ones(1))
    return GroupComparison(
        scores,
        standardised,
        tuple(left_out),
        whole.gap(names, n_draws, confidence, rng),
        cells.gap(names, n_draws, confidence, rng),
    )


@dataclass(frozen=True, eq=False)
class _Cells:
    """Counts of groups (rows) and classes (columns), how many are right, and classes' shares."""

    counts: NDArray[np.int64]
    right: NDArray[np.int64]
    shares: NDArray[np.float64]

    def accuracies(self, confidence: float) -> list[StandardAccuracy]:
        values = self._weigh(self.right)
        return [
            StandardAccuracy(float(value), self._interval(row, confidence))
            for row, value in enumerate(values)
        ]

    def gap(
        self, names: list[Any], n_draws: int, confidence: float, rng: np.random.Generator
    ) -> GroupGap:
        found = self.accuracies(confidence)
        values = [one.value for one in found]
        best, worst = int(np.argmax(values)), int(np.argmin(values))
        high, low = found[best], found[worst]
        difference = high.value - low.value
        return GroupGap(
            best=names[best],
            worst=names[worst],
            difference=difference,
            interval=(
                difference
                - sqrt((high.value - high.interval[0]) ** 2 + (low.interval[1] - low.value) ** 2),
                difference
                + sqrt((high.interval[1] - high.value) ** 2 + (low.value - low.interval[0]) ** 2),
            ),
            p_value=self._permute(difference, n_draws, rng),
            adjusted_p=1.0,
        )

    def _weigh(self, right: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray((right / self.counts) @ self.shares)

    def _interval(self, row: int, confidence: float) -> tuple[float, float]:
        rates = self.right[row] / self.counts[row]
        ends = np.array(
            [
                wilson_interval(int(right), int(n), confidence)
                for right, n in zip(self.right[row], self.counts[row], strict=True)
            ]
        )
        below, above = self.shares * (rates - ends[:, 0]), self.shares * (ends[:, 1] - rates)
        value = float(rates @ self.shares)
        return value - float(np.hypot.reduce(below)), value + float(np.hypot.reduce(above))

    def _permute(self, found: float, n_draws: int, rng: np.random.Generator) -> float:
        # Who of a class is right stays; to which group each belongs is dealt out anew.
        drawn = np.stack(
            [
                rng.multivariate_hypergeometric(counts, int(right), n_draws, method="marginals")
                for counts, right in zip(self.counts.T, self.right.sum(axis=0), strict=True)
            ],
            axis=2,
        )
        gaps = np.ptp(self._weigh(drawn), axis=1)
        return float((1 + (gaps >= found - _ROUNDING).sum()) / (1 + n_draws))


def _adjust(found: dict[str, GroupComparison]) -> dict[str, GroupComparison]:
    for kind in ("gap", "standardised_gap"):
        gaps = {name: getattr(one, kind) for name, one in found.items() if getattr(one, kind)}
        adjusted = holm([gap.p_value for gap in gaps.values()])
        for (name, gap), p in zip(gaps.items(), adjusted.tolist(), strict=True):
            found[name] = replace(found[name], **{kind: replace(gap, adjusted_p=p)})
    return found
