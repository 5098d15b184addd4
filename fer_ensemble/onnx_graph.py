"""Graphs in ONNX, from faces or features to probabilities, run by onnxruntime.

Imports neither scikit-learn nor Keras, which take a second and more: what predicts from an exported
ensemble stands on this module.
"""

from __future__ import annotations

import json
import os
import weakref
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.forks import after_fork
from fer_ensemble.onnx_structure import check_structure
from fer_ensemble.pixels import check_faces
from fer_ensemble.processors import count_processors

if TYPE_CHECKING:
    import onnxruntime

#: Key of the graph's metadata under which what this package knows of it stands, as JSON.
METADATA = "fer_ensemble"

#: Version of that entry, and of the inputs and outputs that it promises.
GRAPH_VERSION = 1

#: Names of a graph's input and output. Faces are ``uint8`` of shape (n, height, width[, channels]).
FACES, FEATURES, PROBABILITIES = "faces", "features", "probabilities"

# Read when onnxruntime is imported. It would write to its makers otherwise, from a thread that a
# forked process waits for at its end, for ever.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Samples at once. What a network makes of more no longer fits into a processor's cache.
_BATCH = 64


class GraphError(ValueError):
    """A graph is damaged, made by a later release, or holds what may not be in one."""


class Graph:
    """Any graph in ONNX, opened when it is first run.

    No code and no other file is read from it: operators are onnxruntime's own, and weights that
    stand outside the graph are refused. In a forked process it is opened anew, since the threads of
    the first opening stay behind.

    Parameters
    ----------
    content : bytes
    name : str
        What errors call it.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self.name = name
        self._content = content
        self._opened: onnxruntime.InferenceSession | None = None
        _GRAPHS.add(self)

    @property
    def _session(self) -> onnxruntime.InferenceSession:
        session = self._opened
        if session is None:
            session = self._opened = _open(self._content, self.name)
        return session

    def compute(self, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Run the graph on all processors that this process may use.

        Parameters
        ----------
        inputs : dict of str to ndarray
            By the names of the graph's inputs.

        Returns
        -------
        list of ndarray
            Its outputs, in order.

        Raises
        ------
        GraphError
            If it cannot be run.
        """
        return list(self._session.run(None, inputs))

    def leave_behind(self) -> None:
        """Forget the session, in a forked process; it is not closed, which would hang."""
        if self._opened is not None:
            import ctypes

            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._opened))
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._opened._sess))
            self._opened = None


class OnnxGraph(Graph):
    """A graph that was exported by this package, ready to run.

    Runs on all processors that this process may use.

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
        super().__init__(content, name)
        self.facts = self._read_facts()
        self.classes: list[Any] = self.facts["classes"]

    def _read_facts(self) -> dict[str, Any]:
        try:
            text = self._session.get_modelmeta().custom_metadata_map.get(METADATA)
            facts = json.loads(text or "")
            version, classes = facts["version"], facts["classes"]
            n_classes = len(classes)
            if not all(isinstance(label, int | str) for label in classes):
                raise TypeError("a class is neither a number nor text")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
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
        known = known and all(isinstance(side, int) for side in inputs[0].shape[1:])
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
        samples = self._check(X)
        source = FACES if self.takes_faces else FEATURES
        try:
            parts = [
                self._session.run([PROBABILITIES], {source: samples[start : start + _BATCH]})[0]
                for start in range(0, len(samples), _BATCH)
            ]
        except Exception as error:  # of a dozen classes, without a common one of its own
            raise GraphError(
                f"{self.name} fails: {_reason(error)} Export the ensemble again."
            ) from error
        probabilities = np.concatenate(parts).astype(np.float64)
        # In double precision, single-precision probabilities no longer sum to 1 exactly.
        total: NDArray[np.float64] = probabilities.sum(axis=1, keepdims=True)
        return probabilities / total

    def _check(self, X: ArrayLike) -> NDArray[Any]:
        shape = self.sample_shape
        if self.takes_faces:
            return np.ascontiguousarray(check_faces(X, self.name, shape))
        samples = np.asarray(X)
        if samples.shape[1:] != shape or not len(samples):
            raise ValueError(
                f"{self.name} takes samples of shape (n_samples, {', '.join(map(str, shape))}), "
                f"at least one, and got {samples.shape}."
            )
        return np.ascontiguousarray(samples, dtype=np.float32)


def _open(content: bytes, name: str) -> onnxruntime.InferenceSession:
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
        check_structure(content)
    except ValueError as error:
        raise GraphError(
            f"{name} cannot be run by onnxruntime: {error}. Export the ensemble again."
        ) from error
    try:
        # Where it fails, it would print so, and try the same once more.
        return onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:
        raise GraphError(
            f"{name} cannot be run by onnxruntime {onnxruntime.__version__}: {_reason(error)} "
            "Export the ensemble again, or upgrade onnxruntime."
        ) from error


def _reason(error: Exception) -> str:
    text = str(error).partition(" : ")[2].rpartition(" : ")[2] or str(error)
    return " ".join(text.split())[:300]


_GRAPHS: weakref.WeakSet[Graph] = weakref.WeakSet()


def _leave_behind() -> None:
    for graph in _GRAPHS:
        graph.leave_behind()


after_fork(_leave_behind)
