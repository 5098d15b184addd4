"""What every ensemble does with its members: name them, check them, fit them, ask them."""

from __future__ import annotations

import logging
import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    has_fit_parameter,
    validate_data,
)

from fer_ensemble.ensemble.alignment import align_columns, check_classes

LOGGER = logging.getLogger(__name__)


class MemberComposition(_BaseComposition):
    """The part of an ensemble that looks after ``members``, a list of (name, estimator)."""

    members: Any
    members_: list[tuple[str, Any]]
    classes_: NDArray[Any]
    fit_times_: dict[str, float]
    sample_weight_members_: list[str]

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

    def set_params(self, **params: Any) -> MemberComposition:
        """Set parameters: the ensemble's, a whole member (``name``) or ``name__parameter``.

        Parameters
        ----------
        **params
            Names and values.

        Returns
        -------
        self
        """
        self._set_params("members", **params)
        return self

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
        """Return samples that can be indexed; what their values mean is the members' matter."""
        if not hasattr(X, "shape"):
            X = np.asarray(X)
        checked = check_array(
            X,
            accept_sparse="csr",
            dtype=None,
            ensure_all_finite=False,
            ensure_2d=False,
            allow_nd=True,
            estimator=self,
        )
        if len(X.shape) == 2:
            validate_data(self, X, reset=reset, skip_check_array=True)
        # Data frames stay what they are: members may choose columns by name.
        return checked if sparse.issparse(X) else X

    def _check_training_data(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
        if y is None:
            raise ValueError("A classifier requires y to be passed, but the target y is None.")
        y = validate_data(self, y=column_or_1d(y, warn=True))
        X = self._check_input(X, reset=True)
        check_consistent_length(X, y)
        check_classification_targets(y)
        return X, y

    def _fit_members(
        self,
        X: Any,
        y: NDArray[Any],
        sample_weight: NDArray[np.float64] | None,
        validation_data: tuple[Any, NDArray[Any]] | None,
        log_level: int,
    ) -> None:
        """Fit a clone of each member; after an interruption, those that are done are kept."""
        self.members_ = []
        self.fit_times_ = {}
        self.sample_weight_members_ = []
        without_weights = []
        for name, member in self.members:
            # Asked of all before the first fit: it may take an hour until the last one's turn.
            if isinstance(member, FrozenEstimator):
                check_is_fitted(member)
                check_classes(getattr(member, "classes_", None), self.classes_, name)
        for name, member in self.members:
            if isinstance(member, FrozenEstimator):
                self.members_.append((name, member))
                continue
            keywords: dict[str, Any] = {}
            if sample_weight is not None:
                keyword = _sample_weight_keyword(member)
                if keyword is None:
                    without_weights.append(name)
                else:
                    keywords[keyword] = sample_weight
                    self.sample_weight_members_.append(name)
            if validation_data is not None and has_fit_parameter(member, "validation_data"):
                keywords["validation_data"] = validation_data
            LOGGER.log(log_level, "%s: fitting on %d samples", name, len(y))
            start = time.perf_counter()
            fitted = clone(member).fit(X, y, **keywords)
            self.fit_times_[name] = time.perf_counter() - start
            LOGGER.log(log_level, "%s: fitted in %.1f s", name, self.fit_times_[name])
            check_classes(getattr(fitted, "classes_", None), self.classes_, name)
            self.members_.append((name, fitted))
        if without_weights:
            warnings.warn(
                "sample_weight was given, but these members take none and were fitted without: "
                f"{', '.join(without_weights)}.",
                UserWarning,
                stacklevel=3,
            )

    def _member_probabilities(self, X: Any) -> NDArray[np.float64]:
        probabilities = [
            align_columns(member.predict_proba(X), member.classes_, self.classes_, name)
            for name, member in self.members_
        ]
        return np.stack(probabilities, axis=1)


def _sample_weight_keyword(member: Any) -> str | None:
    """Return the name under which a member's ``fit`` takes sample weights, if it does."""
    if has_fit_parameter(member, "sample_weight"):
        return "sample_weight"
    if isinstance(member, Pipeline):
        step, final = member.steps[-1]
        inner = _sample_weight_keyword(final)
        return None if inner is None else f"{step}__{inner}"
    return None
