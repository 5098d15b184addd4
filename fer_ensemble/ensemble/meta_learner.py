"""The classifier that learns from members' predictions: the final estimator of a stacking."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from fer_ensemble.ensemble.evidence import align_columns, check_classes
from fer_ensemble.ensemble.member_fits import sample_weight_keyword, weights_asked_for
from fer_ensemble.evaluation import encode_labels

# What errors call the final estimator, as they call a member by its name.
_NAME = "final_estimator"


def choose_final_estimator(estimator: Any) -> Any:
    """Return the classifier to learn with, or say why it cannot.

    Parameters
    ----------
    estimator : classifier or None
        None takes a multinomial logistic regression, with thirty times scikit-learn's penalty,
        because the members' predictions are many columns that are much alike.

    Returns
    -------
    classifier
        Not fitted; a clone of `estimator`.

    Raises
    ------
    TypeError
        If it is no classifier object.
    ValueError
        If it has no ``predict_proba``.
    """
    if estimator is None:
        # C was chosen on held-out faces. On PublicTest, seven members stacked came to 0.677 with
        # C = 0.1 and to 0.683 with 0.03, at a log loss of 0.88 and 0.85.
        # Newton's method: gradients alone need thousands of steps on columns so alike.
        return LogisticRegression(C=0.03, solver="newton-cg", max_iter=1000)
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise TypeError(
            "final_estimator must be a classifier object with fit and predict_proba, or None; it "
            f"is {estimator!r}."
        )
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"The final_estimator ({type(estimator).__name__}) has no predict_proba. Wrap it in "
            "sklearn.calibration.CalibratedClassifierCV to give it one."
        )
    return clone(estimator)


def fit_final_estimator(
    estimator: Any,
    features: Any,
    y: ArrayLike,
    classes: NDArray[Any],
    sample_weight: NDArray[np.float64] | None = None,
) -> Any:
    """Fit the final estimator on labels encoded as positions in `classes`.

    Parameters
    ----------
    estimator : classifier
        From `choose_final_estimator`.
    features : ndarray or sparse array of shape (n_samples, n_columns)
        From `meta_features`.
    y : array-like of shape (n_samples,)
        Labels, each class among them.
    classes : ndarray of shape (n_classes,)
        The ensemble's classes.
    sample_weight : ndarray of shape (n_samples,), optional
        Weights of the samples; an estimator that takes none is fitted without, with a warning.

    Returns
    -------
    classifier
        `estimator`, fitted.

    Raises
    ------
    ValueError
        If it does not know every class after its fit.
    """
    keywords: dict[str, Any] = {}
    if sample_weight is not None:
        keyword = sample_weight_keyword(estimator)
        if keyword is None:
            warnings.warn(
                f"sample_weight was given, but the final_estimator ({type(estimator).__name__}) "
                "takes none and is fitted without.",
                UserWarning,
                stacklevel=3,
            )
        else:
            keywords[keyword] = sample_weight
    # Encoded, because XGBoost takes no other labels than 0 to n_classes - 1.
    with weights_asked_for(estimator):
        estimator = estimator.fit(features, encode_labels(y, classes), **keywords)
    check_classes(getattr(estimator, "classes_", None), np.arange(len(classes)), _NAME)
    return estimator


def predict_final_proba(
    estimator: Any, features: Any, classes: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the final estimator's probabilities in the ensemble's order of classes.

    Parameters
    ----------
    estimator : classifier
        Fitted by `fit_final_estimator`.
    features : ndarray or sparse array of shape (n_samples, n_columns)
        From `meta_features`.
    classes : ndarray of shape (n_classes,)
        The ensemble's classes.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows that sum to one.
    """
    probabilities = estimator.predict_proba(features)
    return align_columns(probabilities, estimator.classes_, np.arange(len(classes)), _NAME)
