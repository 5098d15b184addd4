"""Which members to ask about a sample: those that were right about held-out samples like it.

A combination by weights trusts a member equally everywhere. Dynamic selection looks for the
held-out samples that are nearest to the one in question, its region of competence, and lets the
members speak that did well there (`DYNAMIC_RULES` has the ways). Near are samples of which the
members say much the same, all their probabilities taken as coordinates, as META-DES has it for its
output profiles: that takes nothing but held-out predictions. Any other space will do as well, see
`find_neighbors`.

All of it is arithmetic on arrays, without scikit-learn, which an exported ensemble predicts by.

Results are those of DESlib 0.3.7, but for this: members are selected even where all agree, which
changes probabilities and no label; KNORA-U's mean probabilities are not put through a softmax; a
member whose highest probability is shared by several classes is right if the true one is among
them; and ties of votes are decided as everywhere here (see `fer_ensemble.ensemble.ties`), where
DESlib takes the first class.

References
----------
A. H. R. Ko, R. Sabourin and A. S. Britto Jr., "From dynamic classifier selection to dynamic
ensemble selection", Pattern Recognition 41(5), 2008, pages 1718-1731.

R. M. O. Cruz, R. Sabourin, G. D. C. Cavalcanti and T. I. Ren, "META-DES: a dynamic ensemble
selection framework using meta-learning", Pattern Recognition 48(5), 2015, pages 1925-1935.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.evidence import check_evidence, check_probabilities
from fer_ensemble.ensemble.ties import choose_classes, settle_ties

#: Neighbours among output profiles in META-DES, as published.
N_PROFILES = 5
# Queries whose distances are computed at once.
_BLOCK = 256
# Distances that differ by less than such a part of the largest length are the same: products of
# matrices round by the size of a batch.
_STEPS = 1e10

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


class DynamicRule(NamedTuple):
    """A way to select members for each sample.

    Attributes
    ----------
    name : str
        Its key in `DYNAMIC_RULES`.
    summary : str
        What it does, in one line.
    source : str
        Where it comes from; the module has the full references.
    """

    name: str
    summary: str
    source: str


DYNAMIC_RULES: Mapping[str, DynamicRule] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            DynamicRule(
                "knora_e",
                "The members that are right about all neighbours, of as many as there are such.",
                "Ko et al. 2008",
            ),
            DynamicRule(
                "knora_u",
                "Each member, by the number of neighbours that it is right about.",
                "Ko et al. 2008",
            ),
            DynamicRule(
                "meta_des",
                "The members that are likely right, by a classifier of how they did nearby.",
                "Cruz et al. 2015",
            ),
        )
    }
)
"""The ways to select members by name."""


def find_neighbors(
    reference: NDArray[Any], queries: NDArray[Any], n_neighbors: int, *, are_same: bool = False
) -> NDArray[np.intp]:
    """Find the nearest samples, by the Euclidean distance.

    Parameters
    ----------
    reference : ndarray of shape (n_reference, ...)
        Where neighbours are looked for.
    queries : ndarray of shape (n_samples, ...)
    n_neighbors : int
        At most as many as there are.
    are_same : bool, default=False
        Whether the queries are the reference itself, of which no sample is its own neighbour.

    Returns
    -------
    ndarray of shape (n_samples, n_neighbors)
        Rows of `reference`, the nearest first, and of equally near ones the first first.
    """
    known = np.asarray(reference, dtype=np.float64).reshape(len(reference), -1)
    asked = np.asarray(queries, dtype=np.float64).reshape(len(queries), -1)
    # From the middle, so that little is lost where lengths are subtracted from each other.
    middle = known.mean(axis=0)
    known, asked = known - middle, asked - middle
    lengths = np.einsum("nd,nd->n", known, known)
    n_known = len(known)
    per_step = _STEPS / (lengths.max() or 1.0)
    farthest = np.iinfo(np.int64).max // n_known - 1
    found = np.empty((len(asked), n_neighbors), dtype=np.intp)
    for start in range(0, len(asked), _BLOCK):
        block = asked[start : start + _BLOCK]
        distances = lengths - 2 * block @ known.T + np.einsum("nd,nd->n", block, block)[:, None]
        steps = np.clip(np.rint(distances * per_step), 0, farthest - 1).astype(np.int64)
        if are_same:
            rows = np.arange(len(block))
            steps[rows, start + rows] = farthest
        # With the row in the last digits no two are the same, and none has to be sorted but these.
        keys = steps * n_known + np.arange(n_known)
        keys.partition(n_neighbors - 1, axis=1)
        nearest = np.sort(keys[:, :n_neighbors], axis=1)
        found[start : start + _BLOCK] = nearest % n_known
    return found


def select_knora_e(right: _Bools) -> _Floats:
    """Select the members that are right about all neighbours (KNORA-Eliminate).

    If there are none, the farthest neighbour is left out, and so on; if none is right about the
    nearest one, all are selected.

    Parameters
    ----------
    right : ndarray of bool of shape (n_samples, n_neighbors, n_members)
        Which member is right about which neighbour, the nearest first.

    Returns
    -------
    ndarray of shape (n_samples, n_members)
        1 for each that is selected, 0 for others.

    Examples
    --------
    The second member errs about the nearest neighbour, and no member is right about all three:

    >>> right = [[[True, False], [True, True], [False, True]]]
    >>> select_knora_e(np.array(right))
    array([[1., 0.]])
    """
    unbroken = np.cumprod(right, axis=1).sum(axis=1)
    selected: _Floats = (unbroken == unbroken.max(axis=1, keepdims=True)).astype(np.float64)
    return selected


def select_knora_u(right: _Bools) -> _Floats:
    """Give each member a vote for every neighbour that it is right about (KNORA-Union).

    Parameters
    ----------
    right : ndarray of bool of shape (n_samples, n_neighbors, n_members)
        Which member is right about which neighbour.

    Returns
    -------
    ndarray of shape (n_samples, n_members)
        Votes; ones where no member is right about any neighbour.

    Examples
    --------
    >>> right = [[[True, False], [True, True], [False, True]]]
    >>> select_knora_u(np.array(right))
    array([[2., 2.]])
    """
    return _all_if_none(right.sum(axis=1).astype(np.float64))


def describe_competence(
    right: _Bools, likelihood: _Floats, right_profiles: _Bools, confidence: _Floats
) -> _Floats:
    """Lay out by what META-DES tells how competent a member is for a sample.

    Parameters
    ----------
    right : ndarray of bool of shape (n_samples, n_neighbors, n_members)
        Which member is right about which neighbour, the nearest first.
    likelihood : ndarray of shape (n_samples, n_neighbors, n_members)
        What probability each gives to the true class of a neighbour.
    right_profiles : ndarray of bool of shape (n_samples, n_profiles, n_members)
        As `right`, of the samples of which members say the most similar.
    confidence : ndarray of shape (n_samples, n_members)
        Each member's highest probability for the sample itself.

    Returns
    -------
    ndarray of shape (n_samples, n_members, 2 * n_neighbors + n_profiles + 2)
        Neighbours' hits, their likelihoods, the share of hits, profiles' hits, and confidence: f1
        to f5 of the publication.
    """
    return np.concatenate(
        [
            right.swapaxes(1, 2),
            likelihood.swapaxes(1, 2),
            right.mean(axis=1)[..., np.newaxis],
            right_profiles.swapaxes(1, 2),
            confidence[..., np.newaxis],
        ],
        axis=2,
    )


def select_meta_des(descriptions: _Floats, coefficients: _Floats) -> _Floats:
    """Select the members that are right more likely than not.

    Parameters
    ----------
    descriptions : ndarray of shape (n_samples, n_members, n_columns)
        From `describe_competence`.
    coefficients : ndarray of shape (n_columns + 1,)
        Of a logistic regression, the intercept last.

    Returns
    -------
    ndarray of shape (n_samples, n_members)
        1 for each that is selected, 0 for others; all ones where none would be.
    """
    log_odds = descriptions @ coefficients[:-1] + coefficients[-1]
    return _all_if_none((log_odds > 0).astype(np.float64))


def combine_selected(
    probabilities: NDArray[np.floating[Any]],
    shares: _Floats,
    voting: str = "soft",
    *,
    ties: str = "mean_probability",
    random_state: int | np.random.RandomState | None = None,
) -> _Floats:
    """Combine members that weigh otherwise for every sample.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
    shares : ndarray of shape (n_samples, n_members)
        Weights, none negative and not all zero for a sample.
    voting : {"soft", "hard"}, default="soft"
        Whether probabilities are averaged or votes are counted, one for each member's most
        probable class; a vote for several is split.
    ties, random_state
        See `choose_classes`.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows that sum to one, whose ``argmax`` is the class chosen.
    """
    said = np.asarray(probabilities, dtype=np.float64)
    if voting == "hard":
        favourites = said == said.max(axis=2, keepdims=True)
        said = favourites / favourites.sum(axis=2, keepdims=True)
    combined: _Floats = np.einsum("nmk,nm->nk", said, shares)
    combined /= combined.sum(axis=1, keepdims=True)
    if ties == "abstain":
        return combined
    winners = choose_classes(combined, probabilities, ties, random_state=random_state)
    return settle_ties(combined, winners)


@dataclass(frozen=True, eq=False)
class Competence:
    """Held-out samples, by which members are selected for others.

    Parameters
    ----------
    probabilities : ndarray of shape (n_held_out, n_members, n_classes)
        What members predict for samples that they were not fitted on.
    labels : ndarray of shape (n_held_out,)
        Places of the true classes.
    n_neighbors : int, default=7
        How many neighbours make a region; at most one fewer than there are samples.
    coefficients : ndarray, optional
        Of META-DES, see `select_meta_des`; without them, it cannot be asked for.
    voting : {"soft", "hard"}, default="soft"
        See `combine_selected`.
    features : ndarray of shape (n_held_out, ...), optional
        Where neighbours are looked for, in place of the probabilities.

    Raises
    ------
    ValueError
        If the arrays do not belong together, or there are fewer than two samples.
    """

    probabilities: NDArray[np.floating[Any]]
    labels: NDArray[np.intp]
    n_neighbors: int = 7
    coefficients: _Floats | None = None
    voting: str = "soft"
    features: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        classes = np.arange(self.probabilities.shape[-1])
        check_evidence(self.probabilities, self.labels, classes)
        if len(self.labels) < 2:
            raise ValueError("members are selected by two held-out samples at least.")
        if self.features is not None and len(self.features) != len(self.labels):
            raise ValueError("there is not one row of features for each held-out sample.")
        expected = 2 * self._n_neighbors + self._n_profiles + 3
        if self.coefficients is not None and self.coefficients.shape != (expected,):
            raise ValueError(
                f"META-DES has {expected} coefficients for {self.n_neighbors} neighbours among "
                f"{len(self.labels)} samples, and these are of shape {self.coefficients.shape}."
            )

    @property
    def _n_neighbors(self) -> int:
        return min(self.n_neighbors, len(self.labels) - 1)

    @property
    def _n_profiles(self) -> int:
        return min(N_PROFILES, len(self.labels) - 1)

    def select(
        self,
        probabilities: NDArray[np.floating[Any]],
        rule: str,
        features: NDArray[Any] | None = None,
    ) -> _Floats:
        """Say how much each member counts for each sample.

        Parameters
        ----------
        probabilities : ndarray of shape (n_samples, n_members, n_classes)
            What the members predict. Of the held-out samples themselves, the same array: none of
            them is then its own neighbour.
        rule : str
            A key of `DYNAMIC_RULES`.
        features : ndarray of shape (n_samples, ...), optional
            Of the samples, where neighbours are looked for among features.

        Returns
        -------
        ndarray of shape (n_samples, n_members)
            Weights, not all zero for any sample.

        Raises
        ------
        ValueError
            If META-DES is asked for and was not learned, or features are missing.
        """
        neighbors = self._find(probabilities, features, self._n_neighbors)
        if rule == "meta_des":
            if self.coefficients is None:
                raise ValueError("META-DES was not learned here.")
            described = self._describe(probabilities, neighbors)
            return select_meta_des(described, self.coefficients)
        right = self._right[neighbors]
        return select_knora_e(right) if rule == "knora_e" else select_knora_u(right)

    def combine(
        self,
        probabilities: ArrayLike,
        rule: str,
        features: NDArray[Any] | None = None,
        *,
        ties: str = "mean_probability",
        random_state: int | np.random.RandomState | None = None,
    ) -> _Floats:
        """Combine the members that are selected.

        Parameters
        ----------
        probabilities, rule, features
            As of :meth:`select`.
        ties, random_state
            See `choose_classes`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows that sum to one.

        Raises
        ------
        ValueError
            As :meth:`select`, or if the probabilities are not distributions.
        """
        array = check_probabilities(probabilities)
        if array.shape[1:] != self.probabilities.shape[1:]:
            raise ValueError(
                f"There are {array.shape[1]} members and {array.shape[2]} classes, but "
                f"{self.probabilities.shape[1]} and {self.probabilities.shape[2]} among the "
                "held-out samples."
            )
        shares = self.select(array, rule, features)
        return combine_selected(array, shares, self.voting, ties=ties, random_state=random_state)

    def lessons(self) -> tuple[_Floats, _Bools]:
        """Describe every member for every held-out sample, each by the others.

        Returns
        -------
        descriptions : ndarray of shape (n_held_out * n_members, n_columns)
        right : ndarray of bool of shape (n_held_out * n_members,)
            Whether the member is right about the sample: what a classifier for `coefficients` has
            to learn.
        """
        neighbors = self._find(self.probabilities, self.features, self._n_neighbors)
        described = self._describe(self.probabilities, neighbors)
        return described.reshape(-1, described.shape[2]), self._right.ravel()

    @property
    def _right(self) -> _Bools:
        of_truth = self._likelihood
        right: _Bools = of_truth >= self.probabilities.max(axis=2)
        return right

    @property
    def _likelihood(self) -> NDArray[np.floating[Any]]:
        return self.probabilities[np.arange(len(self.labels)), :, self.labels]

    def _find(
        self, probabilities: NDArray[Any], features: NDArray[Any] | None, n_neighbors: int
    ) -> NDArray[np.intp]:
        are_same = probabilities is self.probabilities
        if self.features is None:
            return find_neighbors(self.probabilities, probabilities, n_neighbors, are_same=are_same)
        queries = self.features if are_same else features
        if queries is None:
            raise ValueError("Neighbours are looked for among features: the samples are needed.")
        return find_neighbors(self.features, queries, n_neighbors, are_same=are_same)

    def _describe(self, probabilities: NDArray[Any], neighbors: NDArray[np.intp]) -> _Floats:
        right = self._right
        profiles = find_neighbors(
            self.probabilities,
            probabilities,
            self._n_profiles,
            are_same=probabilities is self.probabilities,
        )
        return describe_competence(
            right[neighbors],
            np.asarray(self._likelihood, dtype=np.float64)[neighbors],
            right[profiles],
            np.asarray(probabilities.max(axis=2), dtype=np.float64),
        )


def _all_if_none(shares: _Floats) -> _Floats:
    shares[~shares.any(axis=1)] = 1.0
    return shares
