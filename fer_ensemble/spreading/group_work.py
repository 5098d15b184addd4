"""What a worker does with a group of inputs, and what it has to be told for it."""

from __future__ import annotations

import copy
import os
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeAlias

from fer_ensemble.artifact import (
    ArtifactError,
    is_exported,
    load_predictor,
    model_identity,
    read_manifest,
    resolve_model,
)
from fer_ensemble.faces import (
    FaceClassifier,
    FaceFinder,
    FindSets,
    Prediction,
    Tracker,
    name_optional,
    predict_files,
)
from fer_ensemble.processors import grant_processors
from fer_ensemble.ray_clusters import ClusterError

# What TensorFlow asks when it is first imported.
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")

#: Inputs that follow each other in a listing.
Group: TypeAlias = Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, kw_only=True)
class GroupWork:
    """All that decides what the rows of a group come to, but for the group itself.

    Parameters
    ----------
    model : path-like, str, classifier or None
        As of :func:`~fer_ensemble.predict_faces`. Of a saved one the name alone is sent: workers
        load it where they are, and make sure that it is the same.
    identity : str or None
        Which model it is; None for a classifier, which is sent itself.
    class_names : tuple of str
    finding : dict
        Parameters of the `FaceFinder`.
    every, batch_size, min_confidence
        As of :func:`~fer_ensemble.faces.predict_files`.
    n_threads : int
        Threads and processors of a worker.
    tracker : Tracker or None
        As it is before the first group; others begin a new video, whereupon it forgets what was.
    find_sets : callable or None
        As of :func:`~fer_ensemble.faces.predict_files`.
    folder : str
        Where names without a folder belong: workers are started anywhere.
    """

    model: str | os.PathLike[str] | FaceClassifier | None
    identity: str | None
    class_names: tuple[str, ...]
    finding: dict[str, Any]
    every: int
    batch_size: int
    min_confidence: float
    n_threads: int = 1
    tracker: Tracker | None = None
    find_sets: FindSets | None = None
    folder: str = field(default_factory=os.getcwd)

    @property
    def optional_columns(self) -> list[str]:
        """Which of the optional columns the rows have."""
        return name_optional(self.tracker, self.find_sets)

    @property
    def takes_device(self) -> bool:
        """Whether a GPU is of use: networks of a saved ensemble that was not exported take one."""
        if not isinstance(self.model, str | os.PathLike | None):
            return False
        manifest = read_manifest(resolve_model(self.model))
        return "keras" in manifest.versions and not is_exported(manifest)


@dataclass(frozen=True, slots=True)
class GroupRows:
    """What became of a group.

    Parameters
    ----------
    rows : list of Prediction
        In the order of the inputs.
    n_taken_whole, n_searched : int
        See `FaceFinder`.
    host : str
        The machine that predicted it.
    """

    rows: list[Prediction]
    n_taken_whole: int
    n_searched: int
    host: str


@dataclass(frozen=True, slots=True)
class PredictGroup:
    """A task: to predict a group.

    Parameters
    ----------
    inputs : sequence of path-like
    """

    inputs: Group

    def do(self, predictor: GroupPredictor) -> GroupRows:
        """Predict it.

        Parameters
        ----------
        predictor : GroupPredictor

        Returns
        -------
        GroupRows
        """
        return predictor.predict(self.inputs)


class GroupPredictor:
    """A model that is loaded and a detector that is made, for group after group.

    Parameters
    ----------
    work : GroupWork

    Raises
    ------
    ClusterError
        If this worker does not see the model, or sees another one.
    """

    def __init__(self, work: GroupWork) -> None:
        self.work = work
        # Where there is no such folder, the driver finds out by the rows: see `ray_tasks`.
        with suppress(OSError):
            os.chdir(work.folder)
        grant_processors(work.n_threads)
        for name in _THREADS:  # OMP_NUM_THREADS is set by Ray
            os.environ.setdefault(name, str(work.n_threads))
        self._classifier = _load(work)
        self._finder = FaceFinder(**work.finding)

    def predict(self, group: Group) -> GroupRows:
        """Predict a group.

        Parameters
        ----------
        group : sequence of path-like

        Returns
        -------
        GroupRows
        """
        work, finder = self.work, self._finder
        before = finder.n_taken_whole, finder.n_searched
        batches = predict_files(
            self._classifier,
            group,
            class_names=work.class_names,
            finder=finder,
            every=work.every,
            batch_size=work.batch_size,
            n_jobs=work.n_threads,
            min_confidence=work.min_confidence,
            find_sets=work.find_sets,
            tracker=copy.deepcopy(work.tracker),
        )
        rows = list(chain.from_iterable(batches))
        taken, searched = finder.n_taken_whole - before[0], finder.n_searched - before[1]
        return GroupRows(rows, taken, searched, socket.gethostname())


def _load(work: GroupWork) -> FaceClassifier:
    if not isinstance(work.model, str | os.PathLike | None):
        return work.model
    name = "of the package" if work.model is None else os.fspath(work.model)
    try:
        found = model_identity(work.model)
        classifier: FaceClassifier = load_predictor(work.model)
    except (ArtifactError, OSError) as error:
        raise ClusterError(
            f"A worker on {socket.gethostname()} cannot load the model {name} ({error}). Every "
            "machine of the cluster has to see it under the same name, as on a shared disk"
        ) from error
    if found != work.identity:
        raise ClusterError(
            f"A worker on {socket.gethostname()} sees another model as {name}: its identity is "
            f"{found} there and {work.identity} here. Give all machines the same one"
        )
    return classifier


def check_seen(rows: Iterable[Prediction], host: str) -> None:
    """Make sure that what a worker did not find is not there; of addresses it is taken for sure.

    Parameters
    ----------
    rows : iterable of Prediction
    host : str
        The worker's machine.

    Raises
    ------
    ClusterError
        If it is there on this machine.
    """
    for row in rows:
        if row.status == "missing" and os.path.exists(row.path):
            raise ClusterError(
                f"A worker on {host} does not see {row.path}, which is there on this machine: put "
                "the inputs where all machines of the cluster find them under the same name, as on "
                "a shared disk or at an address of an object store (s3://…)"
            )
