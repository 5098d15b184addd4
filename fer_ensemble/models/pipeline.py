"""A pipeline that lets its classifier watch held-out data."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline


class MemberPipeline(Pipeline):
    """A :class:`sklearn.pipeline.Pipeline` whose ``fit`` takes weights and held-out data.

    The held-out data go through the fitted transformers, as at prediction, and on to the last
    step, which must be a classifier whose ``fit`` takes ``sample_weight`` and
    ``validation_data``. Parameters and attributes are scikit-learn's.

    Examples
    --------
    >>> from fer_ensemble.features import HOG
    >>> from fer_ensemble.models import KerasClassifier, MemberPipeline
    >>> MemberPipeline([("hog", HOG()), ("classifier", KerasClassifier())]).named_steps["hog"]
    HOG()
    """

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
        """
        transformers = self[:-1]
        features = transformers.fit_transform(X, y)
        self.steps[:-1] = transformers.steps
        if validation_data is not None:
            validation_data = (transformers.transform(validation_data[0]), validation_data[1])
        self.steps[-1][1].fit(
            features, y, sample_weight=sample_weight, validation_data=validation_data
        )
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
