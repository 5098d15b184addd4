"""The base of every ensemble: it names, checks, fits and asks its members."""

from __future__ import annotations

import logging
import warnings
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from fer_ensemble.ensemble.evidence import check_classes, predict_member
from fer_ensemble.ensemble.member_fits import (
    FitStore,
    MemberFit,
    TrainingData,
    fit_side_by_side,
    sample_weight_keyword,
)
from fer_ensemble.ensemble.prediction_sets import Answers
from fer_ensemble.ensemble.ties import choose_labels
from fer_ensemble.evaluation import encode_labels, find_classes
from fer_ensemble.stored_arrays import StoredArray

# Parameters of any ensemble that change nothing of what was fitted.
_HEEDED_LATE = ("rule", "ties", "abstain_label", "n_jobs", "random_state", "verbose", "voting")


class HeldOut(NamedTuple):
    """Predictions for samples that no member was fitted on, and the truth.

    Attributes
    ----------
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        What each member predicts.
    labels : ndarray of shape (n_samples,)
        True labels.
    sample_weight : ndarray of shape (n_samples,) or None
        How much each sample counts, if weights were given.
    """

    probabilities: NDArray[np.float64]
    labels: NDArray[Any]
    sample_weight: NDArray[np.float64] | None = None


class BaseEnsemble(ClassifierMixin, _BaseComposition):
    """A classifier that combines ``members``, a list of (name, estimator).

    Not for direct use: `VotingEnsemble` combines by a rule, `StackingEnsemble` by a further
    classifier, and `DynamicEnsemble` selects members for every sample. Whoever is given any
    ensemble, such as an artifact or a report, needs only what stands here.

    Attributes
    ----------
    kind : {"voting", "stacking", "dynamic"}
        What a manifest calls this kind of ensemble.
    passthrough : bool
        Whether combining needs the samples themselves, beside what the members predict.
    needs_held_out : bool
        Whether predicting needs what the members predicted for held-out samples.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    members_ : list of (str, estimator)
        The fitted members.
    fit_times_ : dict of str to float
        Seconds that each member's fit took.
    training_digests_ : ndarray of uint64
        Digests of the samples fitted on, see `fer_ensemble.splitting.row_digests`.
    answers_ : Answers or None
        Of an ensemble that was made small or exported: what `answer_held_out` found before.
    """

    kind: ClassVar[str]
    # Parameters from which, and from held-out probabilities, the combination is learned; and the
    # attribute that is learned last.
    _combination_params: ClassVar[tuple[str, ...]]
    _last_learned: ClassVar[str]
    _out_of_date: str | None = None
    passthrough: bool = False
    needs_held_out: ClassVar[bool] = False
    members: Any
    members_: list[tuple[str, Any]]
    classes_: NDArray[Any]
    fit_times_: dict[str, float]
    sample_weight_members_: list[str]
    training_digests_: NDArray[np.uint64]
    answers_: Answers | None = None
    n_jobs: int | None = None
    verbose: int = 0
    ties: str = "mean_probability"
    abstain_label: int | str | None = None

    @property
    def rule_name(self) -> str:
        """The rule that the ensemble is set to; "stacking" for a further classifier."""
        raise NotImplementedError

    @property
    def rule_names(self) -> list[str]:
        """The rules under which the fitted members can be combined, the ensemble's own included."""
        raise NotImplementedError

    @property
    def member_weights(self) -> NDArray[np.float64] | None:
        """The weights of the members under the weighted rules, of shape (n_members,), if any."""
        return None

    @property
    def held_out(self) -> HeldOut | None:
        """What the members predict for samples that they were not fitted on; None if unknown."""
        raise NotImplementedError

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, of shape (n_samples, n_classes)."""
        raise NotImplementedError

    def combine(
        self, probabilities: ArrayLike, rule: str | None = None, *, ties: str | None = None
    ) -> NDArray[np.float64]:
        """Combine what the members predict, of shape (n_samples, n_members, n_classes)."""
        raise NotImplementedError

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
            Rows that sum to one.
        """
        return self.combine(probabilities, rule)

    def temper_members(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return members' probabilities as the ensemble's own rule is given them.

        Parameters
        ----------
        probabilities : ndarray of shape (n_samples, n_members, n_classes)
            What `predict_member_proba` returned.

        Returns
        -------
        ndarray of shape (n_samples, n_members, n_classes)
            The same unless temperatures were learned.
        """
        return probabilities

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, and with ``deep`` those of every member as ``name__parameter``.

        Parameters
        ----------
        deep : bool
            Whether to list the members and their parameters as well.

        Returns
        -------
        dict
            Names and values.
        """
        params: dict[str, Any] = self._get_params("members", deep=deep)
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters: the ensemble's, a whole member (``name``) or ``name__parameter``.

        After a fit, parameters of how members are combined act at once: a rule when it is next
        asked for, whatever is learned from held-out probabilities here and now. Where nothing was
        held out, or others are set along that only a fit heeds, predictions are refused until the
        next fit. What members are fitted with, and on, waits for it anyway.

        Parameters
        ----------
        **params
            Names and values.

        Returns
        -------
        self
        """
        self._set_params("members", **params)
        names = {name.partition("__")[0] for name in params}
        changed = sorted(names.intersection(self._combination_params))
        if not changed or not hasattr(self, self._last_learned):
            return self
        try:
            if others := sorted(names.difference(self._combination_params, _HEEDED_LATE)):
                raise ValueError(f"only a fit heeds {', '.join(others)}, set along with it.")
            self.learn_combination()
        except (TypeError, ValueError) as error:
            self._out_of_date = f"{', '.join(changed)} changed after the fit, but {error}"
        return self

    def learn_combination(self) -> Self:
        """Learn anew how to combine the members, from what they predicted for held-out samples."""
        raise NotImplementedError

    def learned_from(self, held_out: HeldOut) -> Self:
        """Copy the ensemble, combined by what other held-out predictions of its members teach.

        Parameters
        ----------
        held_out : HeldOut

        Returns
        -------
        ensemble of the same kind
            With the same members.

        Raises
        ------
        ValueError
            If nothing can be learned from them.
        """
        raise NotImplementedError

    def predict_member_proba(self, X: Any) -> NDArray[np.float64]:
        """Return what each member predicts, its columns in the order of ``classes_``.

        Parameters
        ----------
        X : array, sparse matrix or data frame whose first axis is the samples
            Samples of the kind that was fitted on.

        Returns
        -------
        ndarray of shape (n_samples, n_members, n_classes)
            Probabilities from 0 to 1.

        Raises
        ------
        NotFittedError
            If the ensemble has not been fitted.
        """
        self._check_fitted()
        return self._member_probabilities(self._check_input(X, reset=False))

    def predict(self, X: Any, min_confidence: float = 0.0) -> NDArray[Any]:
        """Return the most probable class of each sample, or abstain.

        Parameters
        ----------
        X : array, sparse matrix or data frame whose first axis is the samples
            Samples of the kind that was fitted on.
        min_confidence : float, default=0.0
            Abstain where the highest probability is below this.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of the type that was fitted on, and `abstain_label` where the confidence is too
            low or ``ties="abstain"`` finds a tie. Where an ensemble has no such parameter, that
            label is -1, or "abstain" among text.

        Raises
        ------
        NotFittedError
            If the ensemble has not been fitted.
        ValueError
            If `min_confidence` is not between 0 and 1, or `abstain_label` is one of the classes.
        """
        return choose_labels(
            self.predict_proba(X),
            self.classes_,
            min_confidence=min_confidence,
            abstain_on_ties=self.ties == "abstain",
            abstain_label=self.abstain_label,
        )

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn what data all members can take."""
        tags = super().__sklearn_tags__()
        try:
            inputs = [get_tags(member).input_tags for _, member in self.members]
        except (TypeError, ValueError, AttributeError):
            return tags  # members that are none are reported by fit
        tags.input_tags.allow_nan = all(tag.allow_nan for tag in inputs)
        tags.input_tags.sparse = all(tag.sparse for tag in inputs)
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether members were fitted, and their combination learned as parameters say."""
        return hasattr(self, self._last_learned) and self._out_of_date is None

    def _check_fitted(self) -> None:
        if self._out_of_date is not None:
            raise NotFittedError(f"{self._out_of_date} Fit again, or set it back.")
        check_is_fitted(self)

    def _check_members(self) -> None:
        members = self.members
        if (
            not isinstance(members, (list, tuple))
            or not members
            or not all(isinstance(m, (list, tuple)) and len(m) == 2 for m in members)
            or not all(isinstance(name, str) for name, _ in members)
        ):
            raise ValueError(
                "members must be a list of (name, classifier), at least one, as in "
                f"[('lr', LogisticRegression())]; it is {members!r}."
            )
        self._validate_names([name for name, _ in members])
        for name, member in members:
            # Asked before any fit: a missing predict_proba should not cost an hour of training.
            if isinstance(member, type) or not hasattr(member, "fit"):
                raise TypeError(
                    f"Member {name!r} must be a classifier object with fit and predict_proba; "
                    f"it is {member!r}."
                )
            if not hasattr(member, "predict_proba"):
                raise ValueError(
                    f"Member {name!r} ({type(member).__name__}) has no predict_proba, and an "
                    "ensemble combines probabilities. Wrap it in "
                    "sklearn.calibration.CalibratedClassifierCV to give it one."
                )

    def _check_input(self, X: Any, *, reset: bool) -> Any:
        return check_input(self, X, reset=reset)

    def _check_training_data(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
        if y is None:
            raise ValueError("A classifier requires y to be passed, but the target y is None.")
        y = validate_data(self, y=column_or_1d(y, warn=True))
        X = self._check_input(X, reset=True)
        check_consistent_length(X, y)
        check_classification_targets(y)
        return X, y

    def _check_validation_data(self, validation_data: Any) -> tuple[Any, NDArray[Any]]:
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
            raise ValueError("validation_data must be a pair: (X, y).")
        X = self._check_input(validation_data[0], reset=False)
        y = column_or_1d(validation_data[1], warn=True)
        check_consistent_length(X, y)
        encode_labels(y, self.classes_, what="The y of validation_data")
        return X, y

    def _learn_classes(self, y: NDArray[Any]) -> None:
        self.classes_, _ = find_classes(y)

    def _log_level(self) -> int:
        return logging.INFO if self.verbose else logging.DEBUG

    def _fit_members(self, data: TrainingData, keep: FitStore | None = None) -> None:
        """Fit a clone of each member; after an interruption, those that are done are kept."""
        done = {name: member for name, member in self.members if _is_frozen(member)}
        for name, member in done.items():
            # Asked of all before the first fit: it may take an hour until the last one's turn.
            check_is_fitted(member)
            check_classes(getattr(member, "classes_", None), self.classes_, name)
        self.members_ = []
        self.fit_times_ = {}
        self._assign_sample_weight(data.sample_weight)
        fits = [MemberFit(name, member) for name, member in self.members if name not in done]
        fitted = fit_side_by_side(
            fits, data, n_jobs=self.n_jobs, log_level=self._log_level(), keep=keep
        )
        for number, (member, seconds) in fitted:
            name = fits[number].name
            done[name] = member
            self.fit_times_[name] = seconds
            self.members_ = [(name, done[name]) for name, _ in self.members if name in done]
        self.members_ = [(name, done[name]) for name, _ in self.members]

    def _assign_sample_weight(self, sample_weight: NDArray[np.float64] | None) -> None:
        """Keep the names of the members that are fitted with weights, and name the others."""
        self.sample_weight_members_ = []
        if sample_weight is None:
            return
        fitted = [(name, member) for name, member in self.members if not _is_frozen(member)]
        takers = [name for name, member in fitted if sample_weight_keyword(member)]
        self.sample_weight_members_ = takers
        without = [name for name, _ in fitted if name not in takers]
        if without:
            warnings.warn(
                "sample_weight was given, but these members take none and are fitted without: "
                f"{', '.join(without)}.",
                UserWarning,
                stacklevel=4,
            )

    def _member_probabilities(self, X: Any) -> NDArray[np.float64]:
        probabilities = [
            predict_member(name, member, X, self.classes_) for name, member in self.members_
        ]
        return np.stack(probabilities, axis=1)


def check_input(estimator: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """Return samples that can be indexed; what their values mean is the members' matter.

    Parameters
    ----------
    estimator : BaseEstimator
        That which they are for. It learns of a table how many columns there are, or asks for them.
    X : array, sparse matrix, data frame or StoredArray whose first axis is the samples
    reset : bool
        Whether it learns.

    Returns
    -------
    array, sparse matrix, data frame or StoredArray

    Raises
    ------
    ValueError
        If they are no samples, or a table of other columns.
    """
    if isinstance(X, StoredArray):
        if X.ndim == 2:
            validate_data(estimator, X, reset=reset, skip_check_array=True)
        return X
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    checked = check_array(
        X,
        accept_sparse="csr",
        dtype=None,
        ensure_all_finite=False,
        ensure_2d=False,
        allow_nd=True,
        estimator=estimator,
    )
    if len(X.shape) == 2:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
    # Data frames stay what they are: members may choose columns by name.
    return checked if sparse.issparse(X) else X


def _is_frozen(member: Any) -> bool:
    return isinstance(member, FrozenEstimator)
