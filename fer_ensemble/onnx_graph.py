"""Graphs in ONNX, from faces or features to probabilities, run by onnxruntime.

Imports neither scikit-learn nor Keras, which take a second and more: what predicts from an exported
ensemble stands on this module.
"""

from __future__ import annotations

import json
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.processors import count_processors

if TYPE_CHECKING:
    import onnxruntime

#: Key of the graph's metadata under which what this package knows of it stands, as JSON.
METADATA = "fer_ensemble"

#: Version of that entry, and of the inputs and outputs that it promises.
GRAPH_VERSION = 1

#: Names of a graph's input and output. Faces are ``uint8`` of shape (n, height, width[, channels]).
FACES, FEATURES, PROBABILITIES = "faces", "features", "probabilities"

# Samples at once. What a network makes of more no longer fits into a processor's cache.
_BATCH = 64


class GraphError(ValueError):
    """A graph is damaged, made by a later release, or holds what may not be in one."""


class OnnxGraph:
    """A graph that was exported by this package, ready to run.

    Runs on all processors that this process may use. No code and no other file is read from the
    graph: operators are onnxruntime's own, and weights that stand outside the graph are refused.

    Parameters
    ----------
    content : bytes
        The graph, as :mod:`fer_ensemble.models.onnx_export` makes it.
    name : str, default='graph'
        What errors call it.

    Attributes
    ----------
    classes : list
        The label of each column of probabilities.
    facts : dict of str to JSON value
        What was known of the classifier when it was exported: its parameters, among others.

    Raises
    ------
    GraphError
        If it cannot be run, or was not exported by this package or a release before it.
    ImportError
        If onnxruntime is not installed.
    """

    def __init__(self, content: bytes, name: str = "graph") -> None:
        self.name = name
        self._session = open_session(content, name)
        self.facts = self._read_facts()
        self.classes: list[Any] = self.facts["classes"]

    def _read_facts(self) -> dict[str, Any]:
        text = self._session.get_modelmeta().custom_metadata_map.get(METADATA)
        try:
            facts = json.loads(text or "")
            version, n_classes = facts["version"], len(facts["classes"])
        except (ValueError, TypeError, KeyError) as error:
            raise GraphError(
                f"{self.name} does not say which classes its columns stand for: it was not made "
                "by 'fer-ensemble export'. Export the ensemble again."
            ) from error
        if not isinstance(version, int) or version > GRAPH_VERSION:
            raise GraphError(
                f"{self.name} is of graph version {version}, and this release runs up to "
                f"{GRAPH_VERSION}: upgrade fer-ensemble."
            )
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        known = len(inputs) == 1 and inputs[0].name in (FACES, FEATURES)
        columns = [entry.shape[-1:] for entry in outputs if entry.name == PROBABILITIES]
        if not known or columns != [[n_classes]]:
            raise GraphError(
                f"{self.name} does not lead from faces or features to the probabilities of "
                f"{n_classes} classes. Export the ensemble again."
            )
        return dict(facts)

    @cached_property
    def takes_faces(self) -> bool:
        """Whether the graph takes faces, ``uint8``; else features, single precision."""
        return bool(self._session.get_inputs()[0].name == FACES)

    @cached_property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of a sample, such as (48, 48)."""
        return tuple(self._session.get_inputs()[0].shape[1:])

    def run(self, X: ArrayLike) -> NDArray[np.float64]:
        """Give the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, *sample_shape)
            Faces of whole-numbered pixels 0–255, with or without an axis for the one channel of
            gray ones; or features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows that sum to one.

        Raises
        ------
        ValueError
            If the samples have another shape, or are no pixels.
        """
        samples = self._check(np.asarray(X))
        source = FACES if self.takes_faces else FEATURES
        parts = [
            self._session.run([PROBABILITIES], {source: samples[start : start + _BATCH]})[0]
            for start in range(0, len(samples), _BATCH)
        ]
        probabilities = np.concatenate(parts).astype(np.float64)
        # In double precision, single-precision probabilities no longer sum to 1 exactly.
        total: NDArray[np.float64] = probabilities.sum(axis=1, keepdims=True)
        return probabilities / total

    def _check(self, samples: NDArray[Any]) -> NDArray[Any]:
        shape = self.sample_shape
        if samples.shape[1:] == (*shape, 1):
            samples = samples[..., 0]
        if samples.shape[1:] != shape or not len(samples):
            raise ValueError(
                f"{self.name} takes samples of shape (n_samples, {', '.join(map(str, shape))}), "
                f"at least one, and got {samples.shape}: resize them first."
            )
        if not self.takes_faces:
            return np.ascontiguousarray(samples, dtype=np.float32)
        if samples.dtype == np.uint8:
            return np.ascontiguousarray(samples)
        pixels = samples.astype(np.uint8)
        if not np.array_equal(pixels, samples):
            raise ValueError(
                f"{self.name} takes pixels, whole numbers from 0 to 255, and got values such as "
                f"{samples[pixels != samples][0]}: give uint8 faces."
            )
        return pixels


def open_session(content: bytes, name: str) -> onnxruntime.InferenceSession:
    """Open any graph, so that nothing outside it is read.

    Parameters
    ----------
    content : bytes
    name : str
        What errors call it.

    Returns
    -------
    onnxruntime.InferenceSession
        On all processors that this process may use.

    Raises
    ------
    GraphError
        If it cannot be run.
    ImportError
        If onnxruntime is not installed.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = count_processors()
    # Threads that wait would keep processors busy, while others read and search pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Errors are raised, and what else it has to say is for those who write graphs.
    options.log_severity_level = 4
    # A graph can name a file that holds its weights, by default relative to the working directory.
    # There is no such folder, and from outside it nothing is read.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", os.devnull
    )
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of a dozen classes, without a common one of its own
        reason = str(error).partition(" : ")[2].rpartition(" : ")[2] or str(error)
        raise GraphError(
            f"{name} cannot be run by onnxruntime {onnxruntime.__version__}: {reason.strip()} "
            "Export the ensemble again, or upgrade onnxruntime."
        ) from error
