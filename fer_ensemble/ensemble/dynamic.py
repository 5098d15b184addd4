"""An ensemble that selects members for every sample anew."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from fer_ensemble.ensemble.competence import DYNAMIC_RULES, Competence
from fer_ensemble.ensemble.evidence import check_probabilities
from fer_ensemble.ensemble.rules import check_rule
from fer_ensemble.ensemble.voting import VotingEnsemble
from fer_ensemble.evaluation import encode_labels


class DynamicEnsemble(VotingEnsemble):
    """A classifier that asks those members which were right about held-out samples like this one.

    Members are fitted, and samples held out, as in `VotingEnsemble`, of which this is one with
    further rules. Held-out samples stay part of it: it predicts by them, also when it was saved,
    exported or made small; as neighbours they count alike, whatever their weights. It has no use
    for `calibrate` and for given `weights`; weights are learned nevertheless, so that all rules can
    be compared.

    Parameters
    ----------
    members : list of (str, estimator)
        As of `VotingEnsemble`.
    rule : str, default="knora_u"
        How to select members: a key of `DYNAMIC_RULES`, or of `RULES` to select none.
    n_neighbors : int, default=7
        How many held-out samples make the region in which members have to prove themselves.
    voting : {"soft", "hard"}, default="soft"
        Whether the probabilities of selected members are averaged, or their votes counted, as
        published.
    features : transformer, optional
        From samples to vectors, fitted on the held-out samples: neighbours are looked for among
        these. None takes what the members predict. Such an ensemble cannot be saved.
    weighting, ties, abstain_label, validation_fraction, n_jobs, random_state, verbose
        As of `VotingEnsemble`.

    Attributes
    ----------
    coefficients_ : ndarray or None
        Of META-DES, see `fer_ensemble.ensemble.competence.select_meta_des`; None where nothing was
        held out.
    features_ : transformer
        The fitted one; only with `features`.
    validation_features_ : ndarray of shape (n_held_out, n_features) or None
        What it makes of the held-out samples.

    See Also
    --------
    VotingEnsemble : All other attributes.

    References
    ----------
    See `fer_ensemble.ensemble.competence`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from fer_ensemble.ensemble import DynamicEnsemble
    >>> X, y = load_iris(return_X_y=True)
    >>> members = [("nb", GaussianNB()), ("tree", DecisionTreeClassifier(random_state=0))]
    >>> ensemble = DynamicEnsemble(members, rule="knora_e", random_state=0).fit(X, y)
    >>> ensemble.predict(X[:2])
    array([0, 0])
    """

    kind = "dynamic"
    weights: ArrayLike | None = None
    calibrate = False
    needs_held_out = True
    _combination_params = ("weighting", "n_neighbors")
    _rules: ClassVar[tuple[str, ...]] = (*VotingEnsemble._rules, *DYNAMIC_RULES)

    def __init__(
        self,
        members: Any,
        *,
        rule: str = "knora_u",
        n_neighbors: int = 7,
        voting: str = "soft",
        features: Any = None,
        weighting: str = "log_loss",
        ties: str = "mean_probability",
        abstain_label: int | str | None = None,
        validation_fraction: float | None = 0.1,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.members = members
        self.rule = rule
        self.n_neighbors = n_neighbors
        self.voting = voting
        self.features = features
        self.weighting = weighting
        self.ties = ties
        self.abstain_label = abstain_label
        self.validation_fraction = validation_fraction
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @property
    def passthrough(self) -> bool:  # type: ignore[override]
        """Whether the samples themselves are needed to find neighbours of theirs."""
        return self.features is not None

    @property
    def rule_names(self) -> list[str]:
        """The rules under which what members predict can be combined."""
        names = super().rule_names
        selects = self._has_region() and not self.passthrough
        return [*names, *DYNAMIC_RULES] if selects else names

    def set_params(self, **params: Any) -> Self:
        """Set parameters, as of `VotingEnsemble`; only the next fit heeds `features`.

        Parameters
        ----------
        **params
            Names and values.

        Returns
        -------
        self
        """
        super().set_params(**params)
        names = {name.partition("__")[0] for name in params}
        if "features" in names and hasattr(self, self._last_learned):
            self._out_of_date = "features changed after the fit, but only a fit heeds them."
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Combine the probabilities of the members that are selected.

        Parameters
        ----------
        X : array, sparse matrix or data frame whose first axis is the samples
            Samples of the kind that was fitted on.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows that sum to one.

        Raises
        ------
        NotFittedError
            If the ensemble has not been fitted.
        ValueError
            If the rule is unknown.
        """
        if self.features is None or self.rule not in DYNAMIC_RULES:
            return super().predict_proba(X)
        self._check_fitted()
        features = _as_rows(self.features_.transform(self._check_input(X, reset=False)))
        return self._combine_dynamically(self.predict_member_proba(X), self.rule, features)

    def combine(
        self, probabilities: ArrayLike, rule: str | None = None, *, ties: str | None = None
    ) -> NDArray[np.float64]:
        """Combine what the members predict, as `predict_proba` does.

        Parameters
        ----------
        probabilities : array-like of shape (n_samples, n_members, n_classes)
            What `predict_member_proba` returned; or ``validation_probabilities_``, of which no
            sample is then taken for a neighbour of its own.
        rule : str, default=None
            Another rule than the ensemble's own.
        ties : str, default=None
            Another way to decide ties than the ensemble's own.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows that sum to one.

        Raises
        ------
        NotFittedError
            If the ensemble has not been fitted.
        ValueError
            If the rule is unknown, or needs the samples too, by `features`.
        """
        rule = self.rule if rule is None else rule
        if rule not in DYNAMIC_RULES:
            return super().combine(probabilities, rule, ties=ties)
        self._check_fitted()
        if self.passthrough:
            raise ValueError("features need the samples too: call predict_proba on them.")
        return self._combine_dynamically(probabilities, rule, None, ties)

    def _combine_dynamically(
        self,
        probabilities: ArrayLike,
        rule: str,
        features: NDArray[Any] | None,
        ties: str | None = None,
    ) -> NDArray[np.float64]:
        return self.find_competence().combine(
            check_probabilities(probabilities),
            rule,
            features,
            ties=self.ties if ties is None else ties,
            random_state=self.random_state,
        )

    def _check_parameters(self, is_held_out: bool) -> None:
        super()._check_parameters(is_held_out)
        if not isinstance(self.n_neighbors, Integral) or self.n_neighbors < 1:
            raise ValueError(
                f"n_neighbors must be a whole number from 1 on, not {self.n_neighbors!r}."
            )
        if self.voting not in ("soft", "hard"):
            raise ValueError(f"voting must be 'soft' or 'hard', not {self.voting!r}.")
        if self.rule in DYNAMIC_RULES and not is_held_out:
            raise ValueError(
                f"The rule {self.rule!r} selects members by held-out samples: give a "
                "validation_fraction or validation_data, or choose another rule."
            )

    def _check_rule(self, rule: str) -> str:
        return rule if rule in DYNAMIC_RULES else super()._check_rule(check_rule(rule))

    def _keep_validation(
        self,
        validation: tuple[Any, NDArray[Any]] | None,
        sample_weight: NDArray[np.float64] | None,
    ) -> None:
        super()._keep_validation(validation, sample_weight)
        self.validation_features_ = None
        if self.features is not None and validation is not None:
            self.features_ = clone(self.features)
            self.validation_features_ = _as_rows(self.features_.fit_transform(validation[0]))

    def _learn_combination(self, rules: Iterable[str], n_folds: int | None) -> None:
        rules = list(rules)
        # Weights and temperatures know the rules that are none of these.
        super()._learn_combination([rule for rule in rules if rule not in DYNAMIC_RULES], n_folds)
        self.coefficients_ = None
        if self._has_region() and "meta_des" in rules:
            self.coefficients_ = learn_coefficients(self.find_competence())

    def _has_region(self) -> bool:
        held_out = self.held_out
        return held_out is not None and len(held_out.labels) > 1

    def find_competence(self) -> Competence:
        """Give what members are selected by.

        Returns
        -------
        Competence

        Raises
        ------
        ValueError
            If nothing was held out, or what is there does not belong together.
        """
        held_out = self.held_out
        if held_out is None or len(held_out.labels) < 2:
            raise ValueError(
                "Members are selected by held-out samples, and fewer than two were held out, or "
                "they were not kept."
            )
        return Competence(
            held_out.probabilities,
            encode_labels(held_out.labels, self.classes_),
            int(self.n_neighbors),
            getattr(self, "coefficients_", None),
            self.voting,
            getattr(self, "validation_features_", None),
        )


def learn_coefficients(competence: Competence) -> NDArray[np.float64]:
    """Learn how META-DES tells from what is around a sample whether a member is right about it.

    Published is any classifier that gives probabilities; of the regions of held-out samples, each
    is described by the others. All of them are learned from, as DESlib does by default, and not
    those alone about which members disagree.

    Parameters
    ----------
    competence : Competence
        With held-out samples.

    Returns
    -------
    ndarray of shape (n_columns + 1,)
        Coefficients of a logistic regression, the intercept last.
    """
    descriptions, right = competence.lessons()
    if right.all() or not right.any():
        # Nothing tells members apart: all are, or none is, which selects all as well.
        return np.append(np.zeros(descriptions.shape[1]), 1.0)
    learned = LogisticRegression(max_iter=1000).fit(descriptions, right)
    return np.append(learned.coef_[0], learned.intercept_)


def _as_rows(features: Any) -> NDArray[Any]:
    array = np.asarray(features)
    return array.reshape(len(array), -1)
