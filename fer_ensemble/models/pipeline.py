"""A pipeline from faces to probabilities, and how to reach into a member that may be one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.pipeline import Pipeline

from fer_ensemble.models.stored_features import StoredFeatures, feature_folder
from fer_ensemble.splitting import row_digests
from fer_ensemble.stored_arrays import StoredArray


class MemberPipeline(Pipeline):
    """A :class:`sklearn.pipeline.Pipeline` that takes held-out data, and mirror images too.

    Held-out data go through the fitted transformers, as at prediction, and on to the last step,
    which must be a classifier whose ``fit`` takes ``sample_weight`` and ``validation_data``.
    Features go from step to step as arrays, also under ``set_config(transform_output="pandas")``:
    so one that was fitted under it predicts without it, and the other way round.

    Parameters
    ----------
    steps : list of (str, estimator)
        Transformers, and a classifier at the end.
    mirror : bool, default=False
        Whether to fit the classifier on every face and on its mirror image, and to average the
        probabilities of both; doubles the cost. Needs input of shape
        ``(n_samples, height, width)``.
    transform_input, memory, verbose
        As in :class:`sklearn.pipeline.Pipeline`.

    Attributes
    ----------
    training_digests_ : ndarray of uint64
        Sorted digests of the samples given to ``fit``, see
        :func:`~fer_ensemble.splitting.row_digests`.

    Examples
    --------
    >>> from fer_ensemble.features import HOG
    >>> from fer_ensemble.models import KerasClassifier, MemberPipeline
    >>> MemberPipeline([("hog", HOG()), ("classifier", KerasClassifier())]).named_steps["hog"]
    HOG()
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Pipeline._parameter_constraints,
        "mirror": ["boolean"],
    }

    def __init__(
        self,
        steps: list[tuple[str, Any]],
        *,
        mirror: bool = False,
        transform_input: list[str] | None = None,
        memory: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(steps, transform_input=transform_input, memory=memory, verbose=verbose)
        self.mirror = mirror

    @config_context(transform_output="default")
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> MemberPipeline:
        """Fit the transformers one after the other, then the classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            What the first step takes; faces, for the named members.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, for the classifier.
        validation_data : tuple of (X, y), default=None
            Held-out data for the classifier.

        Returns
        -------
        MemberPipeline
            The fitted pipeline.

        Raises
        ------
        ValueError
            If a parameter is out of range.
        """
        self._validate_params()
        if isinstance(X, StoredArray):
            self._fit_stored(X, y, sample_weight, validation_data)
            return self
        # Scikit-learn's own fit would hand on to the classifier whatever it is given, held-out
        # faces included, without transforming them.
        transformers = self[:-1]
        features = transformers.fit_transform(X, y)
        # With a `memory`, other objects than those in `steps` were fitted.
        self.steps[:-1] = transformers.steps
        if validation_data is not None:
            validation_data = (transformers.transform(validation_data[0]), validation_data[1])
        if self.mirror:
            # Transformers are fitted on the faces as they are, so that a scaler's means are those
            # of real faces; the classifier alone learns from mirror images beside them.
            features = np.concatenate([features, transformers.transform(_mirrored(X))])
        self._fit_classifier(X, features, y, sample_weight, validation_data)
        return self

    def _fit_stored(
        self,
        X: StoredArray,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        validation_data: tuple[ArrayLike, ArrayLike] | None,
    ) -> None:
        """Fit on samples on disk, whose features are written to disk too."""
        transformers = [step for step in self.steps[:-1] if step[1] not in (None, "passthrough")]
        with feature_folder(transformers) as folder:
            stored = StoredFeatures(transformers, folder)
            features = stored.fit(X, _mirrored if self.mirror else None)
            if validation_data is not None:
                held_out, y_held_out = validation_data
                if isinstance(held_out, StoredArray):
                    watched: Any = stored.transform(held_out)
                else:
                    watched = self[:-1].transform(held_out)
                validation_data = (watched, y_held_out)
            self._fit_classifier(X, features, y, sample_weight, validation_data)

    def _fit_classifier(
        self,
        X: Any,
        features: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        validation_data: tuple[ArrayLike, ArrayLike] | None,
    ) -> None:
        if self.mirror:
            y = np.tile(np.asarray(y), 2)
            sample_weight = None if sample_weight is None else np.tile(sample_weight, 2)
        self.steps[-1][1].fit(
            features, y, sample_weight=sample_weight, validation_data=validation_data
        )
        # Of the faces that came in: the classifier's own are of features, and of mirror images too.
        self.training_digests_ = np.unique(row_digests(X))

    @config_context(transform_output="default")
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Transform the samples and predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            What the first step takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, columns in the order of ``classes_``.
        """
        probabilities: NDArray[np.float64] = super().predict_proba(X)
        if self.mirror:
            probabilities = (probabilities + super().predict_proba(_mirrored(X))) / 2
        return probabilities

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Transform the samples and predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            What the first step takes.

        Returns
        -------
        ndarray of shape (n_samples,)
            The most probable label of each sample.
        """
        winners = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[winners]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _mirrored(X: ArrayLike) -> NDArray[Any]:
    return np.ascontiguousarray(np.asarray(X)[:, :, ::-1])


def last_step(member: Any) -> Any:
    """Return the classifier of a member: the last step of a pipeline, anything else itself.

    Parameters
    ----------
    member : classifier

    Returns
    -------
    classifier
    """
    return prefixed_steps(member)[-1][1]


def prefixed_steps(member: Any) -> list[tuple[str, Any]]:
    """Return the steps of a pipeline, or any other member as its only one.

    Parameters
    ----------
    member : classifier

    Returns
    -------
    list of (str, estimator)
        What precedes the names of the step's parameters in the member's own ``set_params``, such
        as ``'classifier__'`` (empty unless it is a pipeline), and the step.
    """
    if not hasattr(member, "steps"):
        return [("", member)]
    return [(f"{name}__", step) for name, step in member.steps]
