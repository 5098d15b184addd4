"""An ensemble whose members' predictions are the features of a further classifier."""

from __future__ import annotations

import copy
import os
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from fer_ensemble.ensemble.base import BaseEnsemble, HeldOut
from fer_ensemble.ensemble.evidence import check_probabilities, check_sample_weight
from fer_ensemble.ensemble.member_fits import TrainingData, predict_out_of_fold, write_out_of_fold
from fer_ensemble.ensemble.meta_features import meta_features
from fer_ensemble.ensemble.meta_learner import (
    choose_final_estimator,
    fit_final_estimator,
    predict_final_proba,
)
from fer_ensemble.ensemble.rules import RULES, WEIGHTED_RULES, combine
from fer_ensemble.splitting import (
    assign_folds,
    check_unseen,
    raise_if_seen,
    row_digests,
    seen_digests,
)


class StackingEnsemble(BaseEnsemble):
    """A classifier that learns from its members' predictions how to combine them.

    The training rows are dealt out to folds. What a member says of a row is predicted by a clone
    that was fitted on the other folds; from these predictions the final estimator learns. At last
    the members are fitted again on all rows. Exact copies of one sample, and samples of one
    group, always stand in one fold.

    Parameters
    ----------
    members : list of (str, estimator)
        Classifiers with ``predict_proba``, each with a name. Each is cloned before it is fitted.
        One wrapped in `sklearn.frozen.FrozenEstimator` is used as it is, and needs held-out
        `validation_data` in ``fit``.
    final_estimator : classifier, optional
        Any with ``predict_proba``. It is fitted on the natural logarithms of the members'
        probabilities, in ``n_members * n_classes`` columns, and on labels encoded as 0 to
        ``n_classes - 1``, as `xgboost.XGBClassifier` demands. None takes a multinomial
        `sklearn.linear_model.LogisticRegression`.
    n_splits : int
        Number of folds.
    passthrough : bool
        Whether the final estimator sees the samples too, flattened, in further columns. They are
        not scaled: put a scaler in front of one that needs it.
    random_state : int, RandomState instance or None
        Seed of the folds. The members and the final estimator have their own.
    n_jobs : int, optional
        Processes that fit members and folds side by side, with the threads of all together not
        more than the processors; -1 for one per processor. Members with an attribute
        ``fits_alone``, as networks, are fitted one at a time in the main process. Where a
        `joblib.parallel_config` says so, all are fitted by the workers of a cluster.
    verbose : int
        0 logs each fit at the level DEBUG, 1 at INFO.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    members_ : list of (str, estimator)
        The members, fitted on all rows. After an interrupted fit, those that were done.
    final_estimator_ : estimator
        The fitted final estimator.
    oof_probabilities_ : ndarray of shape (n_samples, n_members, n_classes)
        What each member predicts for the rows of the other folds, or for `validation_data`; NaN
        for samples of weight zero. None where that was not kept.
    oof_labels_ : ndarray of shape (n_samples,)
        True labels of the same samples.
    fold_ids_ : ndarray of shape (n_samples,), int, or None
        Fold of each row, -1 for samples of weight zero; None after a fit with `validation_data`.
    sample_weight_members_ : list of str
        Names of the members to which ``sample_weight`` was passed.
    fit_times_ : dict of str to float
        Seconds that each member's fits took, those in the folds included.
    training_digests_ : ndarray of uint64
        Sorted digests of the samples fitted on, see `fer_ensemble.splitting.row_digests`.
    n_features_in_ : int
        Number of columns; only after a fit on a table.
    feature_names_in_ : ndarray of shape (n_features_in,)
        Names of the columns; only after a fit on a table whose columns have names.

    Notes
    -----
    Members never receive ``validation_data`` here. The rows that a member predicts must not
    decide when its training stops; a member that needs rows to watch holds out a share of its
    own, as those of this package do by their ``validation_fraction``.

    References
    ----------
    Wolpert, D. H. (1992). Stacked generalization. Neural Networks 5(2).

    Ting, K. M. and Witten, I. H. (1999). Issues in stacked generalization. Journal of Artificial
    Intelligence Research 10.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from fer_ensemble.ensemble import StackingEnsemble
    >>> X, y = load_iris(return_X_y=True)
    >>> members = [("nb", GaussianNB()), ("tree", DecisionTreeClassifier(random_state=0))]
    >>> ensemble = StackingEnsemble(members, random_state=0).fit(X, y)
    >>> ensemble.oof_probabilities_.shape
    (150, 2, 3)
    >>> ensemble.predict(X[:2])
    array([0, 0])
    """

    kind = "stacking"
    _combination_params = ("final_estimator", "passthrough")
    _last_learned = "final_estimator_"

    # Read by an ensemble that this one is a member of: it must not pass the samples on which
    # it compares its members.
    learns_from_validation_data = True

    def __init__(
        self,
        members: Any,
        *,
        final_estimator: Any = None,
        n_splits: int = 5,
        passthrough: bool = False,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.members = members
        self.final_estimator = final_estimator
        self.n_splits = n_splits
        self.passthrough = passthrough
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[Any, ArrayLike] | None = None,
        groups: ArrayLike | None = None,
    ) -> StackingEnsemble:
        """Predict every row by members that have not seen it, learn from that, fit the members.

        Parameters
        ----------
        X : array, sparse matrix or data frame whose first axis is the samples
            Anything that every member takes: faces, tables.
        y : array-like of shape (n_samples,)
            Labels of any sortable type.
        sample_weight : array-like of shape (n_samples,), optional
            How much each sample counts, in the fit of the members and of the final estimator if
            they take weights. Samples of weight zero are left out altogether.
        validation_data : tuple of (X, y), optional
            Held-out samples for the final estimator to learn from, in place of folds; then the
            members that are not frozen are fitted on `X`, once. They need every class.
        groups : array-like of shape (n_samples,), optional
            Samples that must stay in one fold, as pictures of one person.

        Returns
        -------
        self : StackingEnsemble
            The fitted ensemble.

        Raises
        ------
        ValueError
            If a parameter or the data is unusable, a class has too few distinct samples for the
            folds or none in `validation_data`, a member knows other classes than the ensemble,
            a member is frozen and there is no `validation_data`, or members have seen samples
            on which the final estimator would learn.
        TypeError
            If a member, or the final estimator, is no classifier object.
        """
        self._check_parameters(validation_data)
        final = choose_final_estimator(self.final_estimator)
        self.__dict__.pop("final_estimator_", None)  # an interrupted fit must not look whole
        X, y = self._check_training_data(X, y)
        check_consistent_length(y, groups)
        shares = None if sample_weight is None else check_sample_weight(sample_weight, len(y))
        kept = np.arange(len(y)) if shares is None else np.flatnonzero(shares)
        data = self._select(X, y, shares, kept)
        basis, folds = data, None
        if validation_data is None:
            folds = self._assign_folds(data, groups, kept)
        else:
            basis = self._check_held_out(data, validation_data)

        self._fit_members(data)
        if folds is None:
            probabilities = self._member_probabilities(basis.X)
        else:
            probabilities = self._predict_out_of_fold(data, folds)
        fit_final_estimator(
            final,
            self._meta_features(probabilities, basis.X),
            basis.y,
            self.classes_,
            basis.sample_weight,
        )
        self.oof_probabilities_, self.oof_labels_ = probabilities, basis.y
        self.fold_ids_ = folds
        if folds is not None and len(kept) < len(y):
            self.oof_probabilities_ = _spread(probabilities, kept, len(y), np.nan)
            self.fold_ids_ = _spread(folds, kept, len(y), -1)
            self.oof_labels_ = y
        self.training_digests_ = seen_digests(
            self.members, basis.X, *([data.X] * self._has_members_to_fit())
        )
        self._weights_learned_by = basis.sample_weight
        self.final_estimator_ = final
        self._out_of_date = None
        return self

    def learn_combination(self) -> Self:
        """Fit the final estimator anew on what the members predicted for held-out samples.

        For after `final_estimator` was changed other than by `set_params`, which calls this; no
        member is fitted.

        Returns
        -------
        self : StackingEnsemble

        Raises
        ------
        NotFittedError
            If the ensemble has not been fitted.
        ValueError
            If the final estimator is unusable, wants the samples too, by `passthrough`, or what it
            learned from was not kept.
        """
        check_is_fitted(self, "final_estimator_")
        final = choose_final_estimator(self.final_estimator)
        if self.passthrough:
            raise ValueError("passthrough=True needs the samples too.")
        found = self._find_held_out()
        are_weights_known = hasattr(self, "_weights_learned_by") or not self.sample_weight_members_
        if found is None or not are_weights_known:
            raise ValueError("what the final estimator learned from was not kept.")
        self.final_estimator_ = fit_final_estimator(
            final,
            meta_features(found.probabilities),
            found.labels,
            self.classes_,
            getattr(self, "_weights_learned_by", None),
        )
        self._out_of_date = None
        return self

    def learned_from(self, held_out: HeldOut) -> Self:  # noqa: D102
        if self.passthrough:
            raise ValueError("passthrough=True needs the samples too.")
        new = copy.copy(self)
        # Of the fitted one: that which was given as a parameter is not saved.
        try:
            new.final_estimator_ = fit_final_estimator(
                clone(self.final_estimator_),
                meta_features(held_out.probabilities),
                held_out.labels,
                self.classes_,
                held_out.sample_weight,
            )
        except TypeError as error:
            raise ValueError("its final estimator was exported and can't learn anew") from error
        new.oof_probabilities_, new.oof_labels_ = held_out[:2]
        return new

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Let the final estimator judge what the members predict.

        Parameters
        ----------
        X : array, sparse matrix or data frame whose first axis is the samples
            Samples of the kind that was fitted on.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, columns in the order of ``classes_``.

        Raises
        ------
        NotFittedError
            If the ensemble has not been fitted.
        """
        probabilities = self.predict_member_proba(X)
        features = self._meta_features(probabilities, self._check_input(X, reset=False))
        return predict_final_proba(self.final_estimator_, features, self.classes_)

    def combine(
        self, probabilities: ArrayLike, rule: str | None = None, *, ties: str | None = None
    ) -> NDArray[np.float64]:
        """Let the final estimator judge predictions alone, as `predict_proba` does.

        Parameters
        ----------
        probabilities : array-like of shape (n_samples, n_members, n_classes)
            What `predict_member_proba` returned.
        rule : str, default=None
            A rule without weights, to combine by it instead; "stacking" is the ensemble's own.
        ties : str, default=None
            How that rule decides ties, by default by the mean probability.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows that sum to one.

        Raises
        ------
        NotFittedError
            If the ensemble has not been fitted.
        ValueError
            If the final estimator wants the samples too, by `passthrough`; or the rule is unknown
            or needs weights.
        """
        self._check_fitted()
        if rule not in (None, self.rule_name):
            return combine(probabilities, rule, ties=ties or "mean_probability")
        if self.passthrough:
            raise ValueError("passthrough=True needs the samples too: call predict_proba on them.")
        features = meta_features(check_probabilities(probabilities))
        return predict_final_proba(self.final_estimator_, features, self.classes_)

    @property
    def rule_name(self) -> str:
        """The name under which the final estimator stands beside the rules: "stacking"."""
        return "stacking"

    @property
    def rule_names(self) -> list[str]:
        """The rules without weights, and "stacking"."""
        return [rule for rule in RULES if rule not in WEIGHTED_RULES] + [self.rule_name]

    @property
    def held_out(self) -> HeldOut | None:
        """What the members predict for the samples that the final estimator learned from.

        None where that was not kept, as in an ensemble that was made small.
        """
        self._check_fitted()
        return self._find_held_out()

    def _find_held_out(self) -> HeldOut | None:
        if self.oof_probabilities_ is None:
            return None
        predicted = np.isfinite(self.oof_probabilities_).all(axis=(1, 2))  # not of weight zero
        return HeldOut(self.oof_probabilities_[predicted], self.oof_labels_[predicted])

    def save_out_of_fold(self, path: str | os.PathLike[str]) -> Path:
        """Write the table that the final estimator learned from, for `numpy.load`.

        Parameters
        ----------
        path : path-like
            File to write; .npz is its usual ending.

        Returns
        -------
        Path
            The file. It holds the arrays ``probabilities``, ``labels``, ``classes``, ``members``
            and, after a fit with folds, ``fold_ids``; none of them needs pickle.

        Raises
        ------
        NotFittedError
            If the ensemble has not been fitted.
        ValueError
            If the table was not kept.
        """
        if self.held_out is None:
            raise ValueError("What the final estimator learned from was not kept.")
        return write_out_of_fold(
            path,
            probabilities=self.oof_probabilities_,
            labels=self.oof_labels_,
            fold_ids=self.fold_ids_,
            classes=self.classes_,
            members=[name for name, _ in self.members_],
        )

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn what data can be taken: the final estimator may see it too."""
        tags = super().__sklearn_tags__()
        if self.passthrough:
            try:
                final = get_tags(choose_final_estimator(self.final_estimator)).input_tags
            except (TypeError, ValueError):
                return tags  # one that is none is reported by fit
            tags.input_tags.allow_nan &= final.allow_nan
            tags.input_tags.sparse &= final.sparse
        return tags

    def _check_parameters(self, validation_data: Any) -> None:
        self._check_members()
        if not isinstance(self.n_splits, Integral) or self.n_splits < 2:
            raise ValueError(f"n_splits must be a whole number from 2 on, not {self.n_splits!r}.")
        frozen = [name for name, member in self.members if isinstance(member, FrozenEstimator)]
        if frozen and validation_data is None:
            raise ValueError(
                f"These members are frozen: {', '.join(frozen)}. They cannot be fitted on folds, "
                "and what they say of samples that they have seen tells nothing: give fit "
                "validation_data that they were not fitted on."
            )

    def _has_members_to_fit(self) -> bool:
        return not all(isinstance(member, FrozenEstimator) for _, member in self.members)

    def _select(
        self,
        X: Any,
        y: NDArray[Any],
        shares: NDArray[np.float64] | None,
        kept: NDArray[np.intp],
    ) -> TrainingData:
        self._learn_classes(y[kept])
        if shares is None or len(kept) == len(y):
            return TrainingData(X, y, self.classes_, shares)
        return TrainingData(_safe_indexing(X, kept), y[kept], self.classes_, shares[kept])

    def _assign_folds(
        self, data: TrainingData, groups: ArrayLike | None, kept: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        if groups is not None:
            groups = column_or_1d(groups)[kept]
        check_unseen(self.members, data.X)
        return assign_folds(
            data.X,
            data.y,
            n_splits=self.n_splits,
            groups=groups,
            random_state=self.random_state,
        )

    def _check_held_out(self, data: TrainingData, validation_data: Any) -> TrainingData:
        what = "samples of validation_data"
        X, y = self._check_validation_data(validation_data)
        counts = {label: int((y == label).sum()) for label in self.classes_.tolist()}
        if not all(counts.values()):
            listing = ", ".join(f"{label}: {count}" for label, count in counts.items())
            raise ValueError(f"validation_data must have samples of every class; it has {listing}.")
        check_unseen(self.members, X, what)
        if self._has_members_to_fit():
            copies = np.isin(row_digests(X), row_digests(data.X))
            raise_if_seen("The X that members are fitted on holds copies of", copies, what)
        return TrainingData(X, y, self.classes_)

    def _predict_out_of_fold(
        self, data: TrainingData, folds: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        probabilities, seconds = predict_out_of_fold(
            self.members, data, folds, n_jobs=self.n_jobs, log_level=self._log_level()
        )
        for name in seconds:
            self.fit_times_[name] += seconds[name]
        return probabilities

    def _meta_features(self, probabilities: NDArray[np.float64], X: Any) -> Any:
        return meta_features(probabilities, X if self.passthrough else None)


def _spread(values: NDArray[Any], rows: NDArray[np.intp], n_rows: int, fill: float) -> NDArray[Any]:
    """Put values into their rows among others, which were left out of the fit."""
    spread = np.full((n_rows, *values.shape[1:]), fill, dtype=values.dtype)
    spread[rows] = values
    return spread
