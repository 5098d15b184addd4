"""Graphs in ONNX, from faces or features to probabilities, run by onnxruntime.

Imports neither scikit-learn nor Keras, which take a second and more: what predicts from an exported
ensemble stands on this module.
"""

from __future__ import annotations

import ctypes
import json
import os
import threading
import weakref
from collections.abc import Callable
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


class Session:
    """A session of onnxruntime that is opened when it is first needed, and anew after a fork.

    May be used by several threads at once.

    Parameters
    ----------
    read : callable
        Gives the content of the graph.
    name : str
        What errors call it.
    """

    def __init__(self, read: Callable[[], bytes], name: str) -> None:
        self._read = read
        self._name = name
        self._session: onnxruntime.InferenceSession | None = None
        self._opening = threading.Lock()
        _SESSIONS.add(self)

    @property
    def opened(self) -> onnxruntime.InferenceSession:
        """The session; see :func:`open_session` for its errors."""
        with self._opening:
            if self._session is None:
                self._session = open_session(self._read(), self._name)
            return self._session

    def leave_behind(self) -> None:
        """Forget the session, in a forked process; it is not closed, which would hang."""
        self._opening = threading.Lock()
        if self._session is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session))
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session._sess))
            self._session = None


_SESSIONS: weakref.WeakSet[Session] = weakref.WeakSet()


def _leave_behind() -> None:
    for session in _SESSIONS:
        session.leave_behind()


after_fork(_leave_behind)


class OnnxGraph:
    """A graph that was exported by this package, ready to run.

    Runs on all processors that this process may use. No code and no other file is read from the
    graph: operators are onnxruntime's own, and weights that stand outside the graph are refused.
    In a forked process it is opened anew, since the threads of the first opening stay behind.

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
        self._opening = Session(lambda: content, name)
        self.facts = self._read_facts()
        self.classes: list[Any] = self.facts["classes"]

    @property
    def _session(self) -> onnxruntime.InferenceSession:
        return self._opening.opened

    def _read_facts(self) -> dict[str, Any]:
        session = self._session  # opened here, where what is wrong with the graph is told as it is
        try:
            text = session.get_modelmeta().custom_metadata_map.get(METADATA)
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
        On all processors that this process may use; of trees, on one.

    Raises
    ------
    GraphError
        If it cannot be run.
    ImportError
        If onnxruntime is not installed.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Trees would be summed up in as many parts as there are threads, so that last digits depended
    # on the machine. One thread is as fast: 256 faces take 15 ms with it, and 16 with two.
    options.intra_op_num_threads = 1 if b"TreeEnsemble" in content else count_processors()
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
