"""A scikit-learn classifier around an exported graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.onnx_graph import OnnxGraph


class OnnxClassifier(ClassifierMixin, BaseEstimator):
    """A fitted classifier that was exported to ONNX, and is run by onnxruntime.

    It predicts what the classifier predicted that it was exported from, without that one's
    libraries, and cannot be fitted: to train a network further, see :meth:`to_keras`. In an
    ensemble of one's own it stands wrapped in :class:`sklearn.frozen.FrozenEstimator`.

    Parameters
    ----------
    graph : bytes
        Content of the ``.onnx`` file.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    facts_ : dict of str to JSON value
        What was known of the classifier that was exported: ``exported_from``, its class;
        ``parameters`` of the member; ``precision``; and of a network ``n_parameters`` and
        ``multiply_accumulates``.
    history_, class_counts_
        Of a network, as those of `KerasClassifier`; others lack them.

    Raises
    ------
    GraphError
        If the graph cannot be run, or was not exported by this package; on first use.

    Examples
    --------
    >>> from fer_ensemble import load_pretrained
    >>> network = dict(load_pretrained("fast").members_)["fast_cnn"]  # doctest: +SKIP
    >>> network.predict_proba(faces).shape  # doctest: +SKIP
    (3, 7)
    """

    def __init__(self, graph: bytes) -> None:
        self.graph = graph

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels, sorted, of shape (n_classes,)."""
        return np.asarray(self._loaded.classes)

    @property
    def facts_(self) -> dict[str, Any]:
        """What was known of the classifier that was exported."""
        return self._loaded.facts

    @property
    def history_(self) -> dict[str, list[float]]:
        """Figures of each epoch of a network's training."""
        return dict(self._fact("history"))

    @property
    def class_counts_(self) -> dict[str, dict[Any, int]]:
        """How many samples of each class a network was trained on, before and after balancing."""
        return {
            when: dict(zip(self.classes_.tolist(), counts, strict=True))
            for when, counts in self._fact("class_counts").items()
        }

    @property
    def monitor(self) -> str:
        """What chose the best epoch of a network's training."""
        return str(self._parameter("monitor"))

    @property
    def network(self) -> str:
        """Name of the architecture of a network."""
        return str(self._parameter("network"))

    @property
    def takes_faces(self) -> bool:
        """Whether the graph takes faces, ``uint8``; else features."""
        return self._loaded.takes_faces

    def fit(self, X: ArrayLike, y: ArrayLike) -> OnnxClassifier:
        """Refuse: a graph for prediction learns nothing.

        Parameters
        ----------
        X, y : array-like
            Whatever a classifier is fitted on.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            "An exported classifier cannot be fitted. In an ensemble, wrap it in "
            "sklearn.frozen.FrozenEstimator; to train its network further, take to_keras(); or "
            "fit a new member: fer_ensemble.models.create_member(name)."
        )

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, n_features)
            Faces of pixels 0–255, or features, whatever the exported classifier took.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, columns in the order of ``classes_``.

        Raises
        ------
        ValueError
            If the samples have another shape, or are no pixels.
        """
        return self._loaded.run(X)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, n_features)
            As of :meth:`predict_proba`.

        Returns
        -------
        ndarray of shape (n_samples,)
            The most probable label of each sample.
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def to_keras(self, **params: Any) -> KerasClassifier:
        """Take the network out of the graph again, to train it further or to run it in Keras.

        Parameters
        ----------
        **params
            Parameters to change, such as ``warm_start=True``.

        Returns
        -------
        KerasClassifier
            Fitted, with the weights of the graph; of one exported in half precision, rounded.

        Raises
        ------
        MissingLibraryError
            If the package onnx is not installed.
        TypeError
            If the graph holds no network, or one in whole numbers (int8).

        Examples
        --------
        >>> network.to_keras(warm_start=True, epochs=5).fit(faces, labels)  # doctest: +SKIP
        """
        from fer_ensemble.models.onnx_export import read_network

        return read_network(self.graph).set_params(**params)

    def _fact(self, name: str) -> Any:
        if name not in self.facts_:
            raise AttributeError(f"{self.facts_['exported_from']} has no {name}: it is no network.")
        return self.facts_[name]

    def _parameter(self, name: str) -> Any:
        self._fact("history")  # trees and others have other parameters
        found = self.facts_["parameters"]
        return next(value for key, value in found.items() if key.rpartition("__")[2] == name)

    @property
    def _loaded(self) -> OnnxGraph:
        if getattr(self, "_graph", None) is None:
            self._graph = OnnxGraph(self.graph, "The exported classifier")
        return self._graph

    # The session is a cache, made anew from the graph.
    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_graph"}

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return f"OnnxClassifier(<{len(self.graph):,} bytes>)"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.two_d_array = True
        return tags
