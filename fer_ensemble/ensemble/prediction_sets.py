"""Prediction sets: all labels that a face may well have, with a guarantee of how often one is it.

Split conformal prediction. Of samples that nothing was fitted on, each class gets a score, which is
the higher the stranger the class would be; the quantile of the scores of the true classes is the
threshold up to which a class belongs to a set (`learn_set_rule`). If other samples are exchangeable
with these, drawn as they were, their sets hold the true class at least as often as was asked for,
whatever the classifier. Of faces that were taken or cut out in another way nothing is promised.

References
----------
V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random World", Springer, 2005.

M. Sadinle, J. Lei and L. Wasserman, "Least ambiguous set-valued classifiers with bounded error
levels", Journal of the American Statistical Association 114, 2019, pages 223-234.

Y. Romano, M. Sesia and E. J. Candès, "Classification with valid and adaptive coverage", Advances in
Neural Information Processing Systems 33, 2020.

A. N. Angelopoulos, S. Bates, J. Malik and M. I. Jordan, "Uncertainty sets for image classifiers
using conformal prediction", International Conference on Learning Representations, 2021.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.evidence import check_evidence
from fer_ensemble.ensemble.temperature import as_one_member
from fer_ensemble.suggestions import did_you_mean

SET_METHODS = ("lac", "aps", "raps")
"""How classes are scored: by their own probability (LAC, the smallest sets on average), by the sum
of those above them (APS, larger sets where it is harder to tell), or by that and their rank (RAPS,
APS without its largest sets)."""

#: What RAPS adds to the score of a class for each rank beyond the `N_FREE` most probable: by the
#: mean size of sets at 0.9 and 0.95, cross-validated on faces held out of FER2013's Training. More
#: makes sets of seven labels larger on average, and less leaves APS as it is.
PENALTY = 0.03
N_FREE = 3

# Far below half a sample, and far above the rounding of (n + 1) * coverage.
_ROUNDING = 1e-9


class Answers(NamedTuple):
    """What an ensemble says of samples that nothing in it has learned from, and the truth.

    Attributes
    ----------
    probabilities : ndarray of shape (n_samples, n_classes)
        Each combined as was learned without that sample.
    labels : ndarray of shape (n_samples,)
        True labels.
    """

    probabilities: NDArray[np.float64]
    labels: NDArray[Any]


@dataclass(frozen=True, eq=False)
class SetRule:
    """Which classes belong to the set of a sample, by the probabilities that it was given.

    Attributes
    ----------
    thresholds : ndarray of shape (n_classes,)
        Highest score of a class that belongs to a set; infinite where there are too few samples
        to leave it out ever. All the same, unless they were learned for each class.
    coverage : float
        Share of the samples whose set holds the true class, which was asked for.
    method : str
        One of `SET_METHODS`.
    n_samples : int
        From how many samples the thresholds were learned.
    class_conditional : bool
        Whether each class has a threshold of its own.
    allow_empty : bool
        Whether the most probable class has to earn its place, too.
    """

    thresholds: NDArray[np.float64]
    coverage: float
    method: str = "lac"
    n_samples: int = 0
    class_conditional: bool = False
    allow_empty: bool = False

    def __call__(self, probabilities: ArrayLike) -> NDArray[np.bool_]:
        """Find the sets of samples.

        Parameters
        ----------
        probabilities : array-like of shape (n_samples, n_classes)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), bool
            Whether each class belongs to the set.

        Raises
        ------
        ValueError
            If there is not one column for each threshold.
        """
        array = np.asarray(probabilities, np.float64)
        if array.ndim != 2 or array.shape[1] != len(self.thresholds):
            raise ValueError(
                f"probabilities must have the shape (n_samples, {len(self.thresholds)}), not "
                f"{array.shape}."
            )
        scores = score_classes(array, self.method, allow_empty=self.allow_empty)
        found: NDArray[np.bool_] = scores <= self.thresholds
        return found


def score_classes(
    probabilities: NDArray[np.float64],
    method: str = "lac",
    *,
    allow_empty: bool = False,
    penalty: float = PENALTY,
    n_free: int = N_FREE,
) -> NDArray[np.float64]:
    """Say how strange each class would be for each sample.

    The most probable class scores below all others, unless `allow_empty`: so it belongs to every
    set, and since the true classes are scored alike, coverage stays what was asked for. To add it
    to sets that turned out empty would raise coverage above it.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_classes)
        Of equally probable classes the first counts as the more probable.
    method : {"lac", "aps", "raps"}, default="lac"
        "lac" scores a class by 1 - its probability (Sadinle et al. 2019), "aps" by the sum of the
        probabilities of the classes above it (Romano et al. 2020, never randomised, so that the
        same face always gets the same set), and "raps" adds a penalty for low ranks to that
        (Angelopoulos et al. 2021).
    allow_empty : bool, default=False
        Whether "lac" scores the most probable class like all others, so that a set may be empty.
    penalty : float, default=0.03
        What "raps" adds for each rank beyond `n_free`.
    n_free : int, default=3
        How many of the most probable classes "raps" leaves without penalty.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)

    Raises
    ------
    ValueError
        If there is no such method.

    Examples
    --------
    >>> score_classes(np.array([[0.5, 0.2, 0.3]]), "aps")
    array([[-inf,  0.8,  0.5]])
    """
    check_set_method(method)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    if method == "lac":
        scores = 1 - probabilities
    else:
        ranked = np.take_along_axis(probabilities, order, axis=1)
        above = np.zeros_like(ranked)
        np.cumsum(ranked[:, :-1], axis=1, out=above[:, 1:])
        if method == "raps":
            above += penalty * np.maximum(np.arange(1, above.shape[1] + 1) - n_free, 0)
        scores = np.empty_like(above)
        np.put_along_axis(scores, order, above, axis=1)
    if not (allow_empty and method == "lac"):
        np.put_along_axis(scores, order[:, :1], -np.inf, axis=1)
    return scores


def conformal_quantile(scores: NDArray[np.float64], coverage: float) -> float:
    """Find the score that another sample stays below, or reaches, with a probability.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Of samples from the same source.
    coverage : float
        That probability, between 0 and 1.

    Returns
    -------
    float
        The ⌈(n + 1) · coverage⌉th smallest score; infinite if there are fewer.

    Examples
    --------
    >>> conformal_quantile(np.array([0.1, 0.4, 0.2, 0.3]), 0.6)
    0.3
    >>> conformal_quantile(np.array([0.1, 0.4, 0.2, 0.3]), 0.9)
    inf
    """
    place = math.ceil((len(scores) + 1) * coverage - _ROUNDING)
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else math.inf


def learn_set_rule(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    coverage: float = 0.9,
    *,
    method: str = "lac",
    class_conditional: bool = False,
    allow_empty: bool = False,
) -> SetRule:
    """Learn which classes belong to the sets of samples.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_classes)
        What a classifier predicts for samples that neither it was fitted on, nor anything learned
        that its probabilities went through.
    y : array-like of shape (n_samples,)
        The true labels.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    coverage : float, default=0.9
        Share of other such samples whose set has to hold the true label, between 0 and 1.
    method : {"lac", "aps", "raps"}, default="lac"
        See `score_classes`.
    class_conditional : bool, default=False
        Whether `coverage` is to hold for the samples of each class, and not only for all together
        (Vovk et al. 2005). It takes larger sets, and of a class with less than
        1 / (1 - coverage) - 1 samples nothing is known: it belongs to every set.
    allow_empty : bool, default=False
        See `score_classes`.

    Returns
    -------
    SetRule

    Raises
    ------
    ValueError
        If `coverage` is not between 0 and 1, there is no such method, or the arrays do not fit
        together.

    Notes
    -----
    The promise is of an average over all that can be drawn: of one draw of n samples to learn from,
    the coverage of others varies by a standard deviation of about √(c(1 - c)/n), 0.6 points at 0.9
    for 2,896 samples. Where the most probable class alone is right more often than `coverage` asks,
    sets hold it alone, and cover more.

    Examples
    --------
    >>> rows = [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]]
    >>> rule = learn_set_rule(rows, [0, 1, 2, 2], [0, 1, 2], coverage=0.6)
    >>> rule.thresholds
    array([0.7, 0.7, 0.7])
    >>> rule([[0.5, 0.4, 0.1]])
    array([[ True,  True, False]])
    """
    check_coverage(coverage)
    evidence = check_evidence(as_one_member(probabilities), y, classes)
    scores = score_classes(
        np.asarray(evidence.probabilities[:, 0], np.float64), method, allow_empty=allow_empty
    )
    of_truth = scores[np.arange(len(scores)), evidence.labels]
    n_classes = scores.shape[1]
    if class_conditional:
        groups = [of_truth[evidence.labels == place] for place in range(n_classes)]
        thresholds = np.array([conformal_quantile(group, coverage) for group in groups])
    else:
        thresholds = np.full(n_classes, conformal_quantile(of_truth, coverage))
    return SetRule(thresholds, coverage, method, len(scores), class_conditional, allow_empty)


def check_coverage(coverage: float) -> None:
    """Raise an error unless a share lies between 0 and 1.

    Raises
    ------
    ValueError
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must be a share between 0 and 1, such as 0.9, not {coverage!r}")


def check_set_method(method: str) -> None:
    """Raise an error unless sets can be made so.

    Raises
    ------
    ValueError
    """
    if method not in SET_METHODS:
        raise ValueError(
            f"there is no set method {method!r}: choose among {', '.join(SET_METHODS)}."
            + did_you_mean(method, SET_METHODS)
        )
