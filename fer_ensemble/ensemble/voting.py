"""An ensemble whose members vote, or whose probabilities are averaged."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from fer_ensemble.ensemble.base import BaseEnsemble, HeldOut
from fer_ensemble.ensemble.calibration import fit_calibrations, fit_member_temperatures
from fer_ensemble.ensemble.evidence import check_sample_weight, check_weights
from fer_ensemble.ensemble.member_fits import FitStore, TrainingData
from fer_ensemble.ensemble.rules import RULES, WEIGHTED_RULES, check_rule
from fer_ensemble.ensemble.temperature import (
    Calibration,
    apply_temperature,
    combine_calibrated,
)
from fer_ensemble.ensemble.ties import check_ties, ties_for_scoring
from fer_ensemble.ensemble.weights import check_weighting, learn_weights
from fer_ensemble.splitting import check_unseen, distinct_holdout_split, seen_digests

_CALIBRATION_FOLDS = 5


class VotingEnsemble(BaseEnsemble):
    """A classifier that combines the probabilities of its members by a fixed rule.

    A part of the training data is held out of every member's fit. On it the weights of the
    members are learned, whatever the rule, so that `rule`, `weights`, `weighting` and `calibrate`
    can be changed afterwards by ``set_params`` without fitting again; members whose ``fit`` has a
    parameter ``validation_data`` receive it too, for early stopping. Exact copies of one sample
    never stand on both sides.

    Parameters
    ----------
    members : list of (str, estimator)
        Classifiers with ``predict_proba``, each with a name. Each is cloned before it is fitted;
        one wrapped in `sklearn.frozen.FrozenEstimator` is used as it is. Members are fitted on
        the labels as given, and their columns are put in order by their ``classes_``.
    rule : str, default="weighted"
        How to combine the members: a key of `RULES`, see `fer_ensemble.ensemble.rules`.
    weights : array-like of shape (n_members,), optional
        Weights to use instead of learned ones. None of them negative, not all zero.
    weighting : {"log_loss", "accuracy", "greedy"}, default="log_loss"
        How weights are learned; see `learn_weights`.
    ties : {"mean_probability", "priority", "random", "abstain"}, default="mean_probability"
        Who decides between classes that the rule puts level; see `choose_classes`.
    calibrate : bool, default=False
        Whether to learn temperatures on the held-out samples, for every member before combining
        and for what every rule makes of them; see `fit_calibration`. Weights are then learned
        on the tempered probabilities.
    validation_fraction : float or None
        Share of the distinct samples of each class to hold out. None fits on every sample; the
        rule "weighted" then needs `weights`, and nothing is known about held-out accuracy.
    abstain_label : int or str, optional
        What `predict` returns where it abstains; by default -1 for numeric labels and "abstain"
        for others.
    n_jobs : int, default=None
        How many members to fit at once, each in a process of its own, or where a
        `joblib.parallel_config` says, as on a cluster; networks have the machine, or a worker of
        the cluster, to themselves. -1 takes all processors or workers.
    random_state : int, RandomState instance or None
        Seed of the choice of held-out samples, of greedy selection and of random ties. The members
        have their own.
    verbose : int
        0 logs each member's fit at the level DEBUG, 1 at INFO.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    members_ : list of (str, estimator)
        The fitted members. After an interrupted fit, those that were done.
    weights_ : ndarray of shape (n_members,) or None
        Weights that sum to one: given, or learned on the held-out samples; None if neither.
    calibration_ : dict of str to Calibration, or None
        Temperatures under each rule, with figures before and after; None without `calibrate`.
    validation_indices_ : ndarray of int or None
        Rows of the training data that were held out; None if no row was.
    validation_labels_ : ndarray of shape (n_held_out,) or None
        True labels of the held-out samples.
    validation_probabilities_ : ndarray of shape (n_held_out, n_members, n_classes) or None
        What each member predicts for the held-out samples.
    validation_sample_weight_ : ndarray of shape (n_held_out,) or None
        Weights of the held-out samples, if weights were given.
    sample_weight_members_ : list of str
        Names of the members to which ``sample_weight`` was passed.
    training_digests_ : ndarray of uint64
        What the members were fitted on, so that another ensemble can refuse it as held-out data.
    fit_times_ : dict of str to float
        Seconds that each member's fit took.
    n_features_in_ : int
        Number of columns; only after a fit on a table.
    feature_names_in_ : ndarray of shape (n_features_in,)
        Names of the columns; only after a fit on a table whose columns have names.

    Notes
    -----
    A frozen member must not have been fitted on the samples that are held out: its weight would
    be learned from answers that it has seen. Samples that it is known to have seen, by their
    digests, are refused; give `fit` other `validation_data` in that case.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from fer_ensemble.ensemble import VotingEnsemble
    >>> X, y = load_iris(return_X_y=True)
    >>> members = [("lr", LogisticRegression(max_iter=1000)), ("nb", GaussianNB())]
    >>> ensemble = VotingEnsemble(members, random_state=0).fit(X, y)
    >>> ensemble.predict_proba(X).shape
    (150, 3)
    >>> ensemble.set_params(rule="majority").predict(X[:2])
    array([0, 0])
    """

    kind = "voting"
    _combination_params: ClassVar[tuple[str, ...]] = ("weights", "weighting", "calibrate")
    _last_learned = "weights_"
    _rules: ClassVar[tuple[str, ...]] = tuple(RULES)

    def __init__(
        self,
        members: Any,
        *,
        rule: str = "weighted",
        weights: ArrayLike | None = None,
        weighting: str = "log_loss",
        ties: str = "mean_probability",
        calibrate: bool = False,
        abstain_label: int | str | None = None,
        validation_fraction: float | None = 0.1,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.members = members
        self.rule = rule
        self.weights = weights
        self.weighting = weighting
        self.ties = ties
        self.calibrate = calibrate
        self.abstain_label = abstain_label
        self.validation_fraction = validation_fraction
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[Any, ArrayLike] | None = None,
        groups: ArrayLike | None = None,
        *,
        keep: FitStore | None = None,
    ) -> VotingEnsemble:
        """Fit every member, then learn the weights on samples that no member was fitted on.

        Parameters
        ----------
        X : array, sparse matrix or data frame whose first axis is the samples
            Anything that every member takes: faces, tables.
        y : array-like of shape (n_samples,)
            Labels of any sortable type.
        sample_weight : array-like of shape (n_samples,), optional
            How much each sample counts, in the fit of the members that take weights and in the
            learning of the members' weights. Samples of weight zero are left out altogether.
        validation_data : tuple of (X, y), optional
            Samples to use as the held-out ones; then every row of `X` is fitted on.
        groups : array-like of shape (n_samples,), optional
            Samples that must stay together, as pictures of one person, when some are held out.
        keep : FitStore, optional
            Where each member is kept as soon as it is fitted, and read from if the same fit was
            kept before; see `fer_ensemble.artifact.fit_resumable`.

        Returns
        -------
        self : VotingEnsemble
            The fitted ensemble.

        Raises
        ------
        ValueError
            If a parameter or the data is unusable, a class has too few distinct samples to be
            held out, or a member knows other classes than the ensemble.
        TypeError
            If a member is no classifier object.
        """
        self._check_parameters(validation_data is not None or self.validation_fraction is not None)
        for learned in ("weights_", "validation_probabilities_"):
            self.__dict__.pop(learned, None)  # an interrupted fit must not look like a whole one
        X, y = self._check_training_data(X, y)
        shares = None if sample_weight is None else check_sample_weight(sample_weight, len(y))
        kept = np.arange(len(y)) if shares is None else np.flatnonzero(shares)
        self._learn_classes(y[kept])

        fitted, held = kept, None
        validation: tuple[Any, NDArray[Any]] | None = None
        if validation_data is not None:
            validation = self._check_validation_data(validation_data)
        elif self.validation_fraction is not None:
            fitted, held = self._divide(X, y, kept, groups)
            validation = _safe_indexing(X, held), y[held]
        self.validation_indices_ = held
        if validation is not None:
            check_unseen(self.members, validation[0], "held-out samples")

        training = X if len(fitted) == len(y) else _safe_indexing(X, fitted)
        weights = None if shares is None else shares[fitted]
        data = TrainingData(training, y[fitted], self.classes_, weights, validation)
        self._fit_members(data, keep)
        self._keep_validation(validation, None if shares is None or held is None else shares[held])
        is_anything_fitted = bool(self.fit_times_)  # or are all members frozen?
        self.training_digests_ = seen_digests(self.members, *[training] * is_anything_fitted)
        self.learn_combination()
        return self

    def learn_combination(self) -> Self:
        """Learn weights and temperatures anew from the held-out probabilities.

        For after `weighting`, `weights` or `calibrate` were changed other than by `set_params`,
        which calls this; no member is fitted.

        Returns
        -------
        self : VotingEnsemble

        Raises
        ------
        NotFittedError
            If the ensemble has not been fitted.
        ValueError
            If a parameter is unusable, or nothing was held out and something is to be learned.
        """
        check_is_fitted(self, "validation_probabilities_")
        self._check_parameters(self.validation_probabilities_ is not None)
        self._learn_combination(self._rules, _CALIBRATION_FOLDS)
        self._out_of_date = None
        return self

    def learned_from(self, held_out: HeldOut) -> Self:  # noqa: D102
        new = copy.copy(self)
        new.validation_probabilities_, new.validation_labels_ = held_out[:2]
        new.validation_sample_weight_ = held_out.sample_weight
        # Of the other rules nothing is asked, and nothing of how well the temperatures do.
        new._learn_combination([self.rule], None)
        return new

    def _learn_combination(self, rules: Iterable[str], n_folds: int | None) -> None:
        probabilities, labels = self.validation_probabilities_, self.validation_labels_
        shares = self.validation_sample_weight_
        self.calibration_: dict[str, Calibration] | None = None
        self.weights_: NDArray[np.float64] | None
        if self.weights is not None:
            self.weights_ = check_weights(self.weights, len(self.members_))
        elif probabilities is None or labels is None:
            self.weights_ = None
        else:
            tempered = probabilities
            if self.calibrate:
                temperatures = fit_member_temperatures(probabilities, labels, self.classes_, shares)
                tempered = apply_temperature(probabilities, temperatures)
            self.weights_ = learn_weights(
                tempered,
                labels,
                self.classes_,
                method=self.weighting,
                sample_weight=shares,
                random_state=self.random_state,
            )
        if self.calibrate and probabilities is not None and labels is not None:
            self.calibration_ = fit_calibrations(
                probabilities,
                labels,
                self.classes_,
                rules,
                weights=self.weights_,
                sample_weight=shares,
                n_folds=min(n_folds, len(labels)) if n_folds and len(labels) > 1 else None,
            )

    @property
    def rule_name(self) -> str:
        """The rule that the ensemble is set to."""
        return self.rule

    @property
    def rule_names(self) -> list[str]:
        """The rules under which the members can be combined: all, or those without weights."""
        self._check_fitted()
        return [rule for rule in RULES if self.weights_ is not None or rule not in WEIGHTED_RULES]

    @property
    def member_weights(self) -> NDArray[np.float64] | None:
        """The weights of the members, of shape (n_members,); None if there are none."""
        return self.weights_

    @property
    def held_out(self) -> HeldOut | None:
        """What the members predict for the held-out samples; None if none were held out."""
        probabilities, labels = self.validation_probabilities_, self.validation_labels_
        if probabilities is None or labels is None:
            return None
        return HeldOut(probabilities, labels, self.validation_sample_weight_)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Combine the members' probabilities by the rule.

        Parameters
        ----------
        X : array, sparse matrix or data frame whose first axis is the samples
            Samples of the kind that was fitted on.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows that sum to one; for the rule "majority", shares of the votes.

        Raises
        ------
        NotFittedError
            If the ensemble has not been fitted.
        ValueError
            If the rule is unknown or needs weights and there are none.
        """
        self._check_fitted()
        self._check_rule(self.rule)
        return self.combine(self.predict_member_proba(X))

    def combine(
        self, probabilities: ArrayLike, rule: str | None = None, *, ties: str | None = None
    ) -> NDArray[np.float64]:
        """Combine what the members predict, as `predict_proba` does.

        Parameters
        ----------
        probabilities : array-like of shape (n_samples, n_members, n_classes)
            What `predict_member_proba` returned.
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
        ValueError
            If the rule is unknown or needs weights and there are none, or there is no such way to
            decide ties.
        """
        self._check_fitted()
        rule = self._check_rule(self.rule if rule is None else rule)
        return combine_calibrated(
            probabilities,
            rule,
            self.weights_,
            self.calibration_[rule] if self.calibration_ else None,
            ties=self.ties if ties is None else ties,
            random_state=self.random_state,
        )

    def combine_for_scoring(self, probabilities: ArrayLike, rule: str) -> NDArray[np.float64]:
        """Combine what the members predict so that every sample has an answer.

        Parameters
        ----------
        probabilities : array-like of shape (n_samples, n_members, n_classes)
            What `predict_member_proba` returned.
        rule : str
            One of `rule_names`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows that sum to one; with ``ties="abstain"``, the mean probability decides ties.
        """
        return self.combine(probabilities, rule, ties=ties_for_scoring(self.ties))

    def temper_members(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return members' probabilities as the ensemble's own rule is given them.

        Parameters
        ----------
        probabilities : ndarray of shape (n_samples, n_members, n_classes)
            What `predict_member_proba` returned.

        Returns
        -------
        ndarray of shape (n_samples, n_members, n_classes)
            After the members' temperatures, if ``calibrate=True`` learned any.
        """
        if not self.calibration_:
            return probabilities
        return apply_temperature(probabilities, self.calibration_[self.rule].member_temperatures)

    def _check_rule(self, rule: str) -> str:
        if check_rule(rule) in WEIGHTED_RULES and self.weights_ is None:
            raise ValueError(
                f"The rule {rule!r} needs weights, but this ensemble was fitted without "
                "held-out data and without given weights. Choose another rule, or fit again "
                "with a validation_fraction, validation_data or weights."
            )
        return rule

    def _check_parameters(self, is_held_out: bool) -> None:
        self._check_members()
        check_rule(self.rule, self._rules)
        check_ties(self.ties)
        check_weighting(self.weighting)
        if self.weights is not None:
            check_weights(self.weights, len(self.members))
        fraction = self.validation_fraction
        if fraction is not None and not 0 < fraction < 1:
            raise ValueError(
                f"validation_fraction must lie between 0 and 1, or be None, not {fraction!r}."
            )
        if self.rule in WEIGHTED_RULES and self.weights is None and not is_held_out:
            raise ValueError(
                f"The rule {self.rule!r} learns its weights on held-out samples: give "
                "a validation_fraction, validation_data or weights, or choose another rule."
            )
        if self.calibrate and not is_held_out:
            raise ValueError(
                "calibrate=True learns temperatures on held-out samples: give "
                "a validation_fraction or validation_data."
            )

    def _divide(
        self, X: Any, y: NDArray[Any], kept: NDArray[np.intp], groups: ArrayLike | None
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        if groups is not None:
            groups = column_or_1d(groups)
            check_consistent_length(X, groups)
            groups = np.asarray(groups)[kept]
        whole = len(kept) == len(y)
        fitted, held = distinct_holdout_split(
            X if whole else _safe_indexing(X, kept),
            y[kept],
            test_size=self.validation_fraction,  # type: ignore[arg-type]
            groups=groups,
            random_state=self.random_state,
        )
        fitted, held = kept[fitted], kept[held]
        absent = np.setdiff1d(self.classes_, y[held])
        if absent.size:
            counts = ", ".join(f"{label} ({(y == label).sum()} samples)" for label in absent)
            warnings.warn(
                "Too few distinct samples to hold any out, so that the weights are learned "
                f"without: {counts}.",
                UserWarning,
                stacklevel=3,
            )
        return fitted, held

    def _keep_validation(
        self,
        validation: tuple[Any, NDArray[Any]] | None,
        sample_weight: NDArray[np.float64] | None,
    ) -> None:
        self.validation_sample_weight_ = sample_weight
        self.validation_probabilities_ = None
        self.validation_labels_ = None
        if validation is not None:
            X, self.validation_labels_ = validation
            self.validation_probabilities_ = self._member_probabilities(X)
