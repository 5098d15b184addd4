"""Classifiers that answer with sets of labels, around any classifier with probabilities."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)

from fer_ensemble.ensemble.base import BaseEnsemble, check_input
from fer_ensemble.ensemble.calibration import deal_out
from fer_ensemble.ensemble.evidence import predict_member
from fer_ensemble.ensemble.prediction_sets import (
    Answers,
    SetRule,
    check_set_method,
    learn_set_rule,
)
from fer_ensemble.evaluation import encode_labels, find_classes
from fer_ensemble.splitting import check_unseen, distinct_holdout_split


def answer_held_out(ensemble: BaseEnsemble, *, n_folds: int = 5, random_state: int = 0) -> Answers:
    """Combine held-out predictions of an ensemble's members by what was learned without them.

    Weights, temperatures or a final estimator are learned anew for each fold from the other folds;
    no member is fitted. For the samples from which they were learned, the ensemble itself is surer
    than it will be of others.

    Parameters
    ----------
    ensemble : BaseEnsemble
        Fitted.
    n_folds : int, default=5
        The samples of each class are dealt out to so many folds.
    random_state : int, default=0
        Seed of the folds.

    Returns
    -------
    Answers
        Those that the ensemble keeps, if it does.

    Raises
    ------
    ValueError
        If nothing was held out, or nothing can be learned without some of it.
    """
    if ensemble.answers_ is not None:
        return ensemble.answers_
    held_out = ensemble.held_out
    if held_out is None:
        raise ValueError(
            "nothing was held out when this ensemble was fitted, or it was not kept: fit it with "
            "a validation_fraction or validation_data"
        )
    probabilities, labels, shares = held_out
    n_folds = min(n_folds, len(labels))
    answers = np.empty((len(labels), len(ensemble.classes_)))
    folds = deal_out(encode_labels(labels, ensemble.classes_), n_folds, random_state)
    for fold in range(n_folds):
        others, own = folds != fold, folds == fold
        rest = held_out._replace(
            probabilities=probabilities[others],
            labels=labels[others],
            sample_weight=None if shares is None else shares[others],
        )
        answers[own] = ensemble.learned_from(rest).combine(probabilities[own])
    return Answers(answers, labels)


def _has_decision_function(classifier: ConformalClassifier) -> bool:
    return hasattr(getattr(classifier, "estimator_", classifier.estimator), "decision_function")


class ConformalClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A classifier whose sets of labels hold the true one as often as is asked for.

    Split conformal prediction, see `learn_set_rule`: it predicts as the classifier does that it
    stands around, and `predict_set` gives all labels that a sample may well have. That takes
    samples which the classifier was not fitted on. `fit` holds some out, and `conformalize` takes
    them for a classifier that is fitted already; an ensemble has its own.

    Parameters
    ----------
    estimator : classifier
        Any with ``predict_proba``. It is cloned before it is fitted; one wrapped in
        `sklearn.frozen.FrozenEstimator` is used as it is, and all samples that are given to `fit`
        are taken for held out.
    method : {"lac", "aps", "raps"}, default="lac"
        See `score_classes`.
    class_conditional : bool, default=False
        Whether the coverage is to hold for the samples of each class.
    allow_empty : bool, default=False
        Whether a set of "lac" may have no label.
    held_out_fraction : float, default=0.2
        Share of the samples that `fit` holds out; exact copies stand on one side. Of an ensemble
        that holds samples out itself, `fit` leaves it to that.
    random_state : int, RandomState instance or None
        Seed of the choice of held-out samples.

    Attributes
    ----------
    estimator_ : classifier
        The fitted one.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    answers_ : Answers
        Probabilities of the held-out samples, and their labels.
    n_features_in_ : int
        Number of columns; only after a fit on a table.

    References
    ----------
    See `fer_ensemble.ensemble.prediction_sets`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from fer_ensemble.ensemble import ConformalClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = ConformalClassifier(GaussianNB(), random_state=0).fit(X, y)
    >>> classifier.predict_set(X[:1], coverage=0.9)
    array([[ True, False, False]])
    """

    def __init__(
        self,
        estimator: Any,
        *,
        method: str = "lac",
        class_conditional: bool = False,
        allow_empty: bool = False,
        held_out_fraction: float = 0.2,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.class_conditional = class_conditional
        self.allow_empty = allow_empty
        self.held_out_fraction = held_out_fraction
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Fit the classifier on a part of the samples, and keep what it says of the others.

        Parameters
        ----------
        X : array, sparse matrix or data frame whose first axis is the samples
            Anything that the classifier takes.
        y : array-like of shape (n_samples,)
            Labels of any sortable type.

        Returns
        -------
        self : ConformalClassifier

        Raises
        ------
        ValueError
            If a parameter or the data is unusable, a class has too few distinct samples to be held
            out, or a frozen classifier has seen some of them.
        """
        check_set_method(self.method)
        if y is None:
            raise ValueError("A classifier requires y to be passed, but the target y is None.")
        if not hasattr(self.estimator, "predict_proba"):
            raise ValueError(f"{self.estimator!r} has no predict_proba, and sets are made of that.")
        labels: NDArray[Any] = column_or_1d(y, warn=True)
        X = check_input(self, X, reset=True)
        check_consistent_length(X, labels)
        check_classification_targets(labels)
        find_classes(labels)
        if isinstance(self.estimator, FrozenEstimator):
            return self.conformalize(X, labels)
        if isinstance(self.estimator, BaseEnsemble):
            self._keep(clone(self.estimator).fit(X, labels))
            self.answers_ = answer_held_out(self.estimator_)
            return self
        if not 0 < self.held_out_fraction < 1:
            raise ValueError(
                f"held_out_fraction must lie between 0 and 1, not {self.held_out_fraction!r}."
            )
        fitted, held = distinct_holdout_split(
            X, labels, test_size=self.held_out_fraction, random_state=self.random_state
        )
        self._keep(clone(self.estimator).fit(_safe_indexing(X, fitted), labels[fitted]))
        self._answer(_safe_indexing(X, held), labels[held])
        return self

    def conformalize(self, X: Any = None, y: ArrayLike | None = None) -> Self:
        """Take held-out samples for a classifier that is fitted already.

        Parameters
        ----------
        X : array, sparse matrix or data frame whose first axis is the samples, optional
            Samples that it was not fitted on. Without them those that the ensemble held out
            itself, each combined by what was learned from the others.
        y : array-like of shape (n_samples,), optional
            Their labels.

        Returns
        -------
        self : ConformalClassifier

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If the classifier is known to have seen some of the samples, a label is not among its
            classes, or there are none and it keeps none.
        """
        check_set_method(self.method)
        inner = self.estimator
        inner = inner.estimator if isinstance(inner, FrozenEstimator) else inner
        check_is_fitted(inner)
        if X is None:
            if not isinstance(inner, BaseEnsemble):
                raise ValueError(
                    f"{type(inner).__name__} keeps no held-out samples: give X and y that it was "
                    "not fitted on."
                )
            self._keep(inner)
            self.answers_ = answer_held_out(inner)
            return self
        X = check_input(self, X, reset=True)
        labels: NDArray[Any] = column_or_1d(y, warn=True)
        check_consistent_length(X, labels)
        check_unseen([("estimator", FrozenEstimator(inner))], X, "held-out samples")
        self._keep(inner)
        self._answer(X, labels)
        return self

    def set_rule(self, coverage: float = 0.9) -> SetRule:
        """Learn which classes belong to a set, from the held-out samples.

        Parameters
        ----------
        coverage : float, default=0.9
            Share of samples whose set has to hold the true label, between 0 and 1.

        Returns
        -------
        SetRule

        Raises
        ------
        NotFittedError
            If nothing was fitted.
        ValueError
            If `coverage` or a parameter is unusable.
        """
        check_is_fitted(self)
        return learn_set_rule(
            *self.answers_,
            self.classes_,
            coverage,
            method=self.method,
            class_conditional=self.class_conditional,
            allow_empty=self.allow_empty,
        )

    def predict_set(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Find all labels that each sample may well have.

        Parameters
        ----------
        X : array, sparse matrix or data frame whose first axis is the samples
            Samples of the kind that was fitted on.
        coverage : float, default=0.9
            Share of samples, drawn as those held out were, whose set has to hold the true label.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), bool
            Whether each class, in the order of ``classes_``, belongs to the set.

        Raises
        ------
        NotFittedError, ValueError
            As of `set_rule`.
        """
        rule = self.set_rule(coverage)
        return rule(self.predict_proba(X))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the classifier's probability of each class, of shape (n_samples, n_classes)."""
        check_is_fitted(self)
        return predict_member(
            "estimator", self.estimator_, check_input(self, X, reset=False), self.classes_
        )

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the label that the classifier predicts, of shape (n_samples,)."""
        check_is_fitted(self)
        labels: NDArray[Any] = self.estimator_.predict(check_input(self, X, reset=False))
        return labels

    @available_if(_has_decision_function)
    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the classifier's own scores."""
        check_is_fitted(self)
        scores: NDArray[np.float64] = self.estimator_.decision_function(
            check_input(self, X, reset=False)
        )
        return scores

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether there are answers to learn thresholds from."""
        return hasattr(self, "answers_")

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn what data the classifier takes."""
        tags = super().__sklearn_tags__()
        try:
            tags.input_tags = get_tags(self.estimator).input_tags
        except (TypeError, ValueError, AttributeError):
            return tags  # one that is none is reported by fit
        return tags

    def _keep(self, fitted: Any) -> None:
        if not hasattr(fitted, "classes_"):
            raise NotFittedError(f"{type(fitted).__name__} has no classes_: fit it first.")
        self.__dict__.pop("answers_", None)  # of what was fitted before
        self.estimator_, self.classes_ = fitted, np.asarray(fitted.classes_)

    def _answer(self, X: Any, y: NDArray[Any]) -> None:
        encode_labels(y, self.classes_, what="The y of held-out samples")
        self.answers_ = Answers(predict_member("estimator", self.estimator_, X, self.classes_), y)
