"""Exported ensembles at work: members in ONNX, combined in NumPy, without scikit-learn.

To import scikit-learn takes longer than to label a photograph from start to end.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.artifact.manifest import (
    MOST_ARRAYS,
    ArtifactError,
    Manifest,
    StoredFile,
    StoredMember,
    is_exported,
    read_manifest,
    read_verified,
)
from fer_ensemble.bounded_files import read_arrays
from fer_ensemble.ensemble import DYNAMIC_RULES, Calibration, Competence, combine_calibrated
from fer_ensemble.ensemble.evidence import align_columns, check_classes, check_probabilities
from fer_ensemble.ensemble.meta_features import meta_features
from fer_ensemble.evaluation import encode_labels
from fer_ensemble.features.extraction import Extractor, find_extractor
from fer_ensemble.onnx_graph import GraphError, OnnxGraph
from fer_ensemble.pixels import check_faces


class _Member(NamedTuple):
    name: str
    graph: OnnxGraph
    extractors: list[Extractor]
    mirror: bool

    def face_shape(self, size: int) -> tuple[int, ...] | None:
        """Shape of the faces, of that side where its graph does not say; None for tables."""
        if self.extractors:
            return size, size
        return self.graph.sample_shape if self.graph.takes_faces else None

    def predict_proba(self, faces: NDArray[Any]) -> NDArray[np.float64]:
        probabilities = self._ask(faces)
        if self.mirror:
            probabilities = (probabilities + self._ask(faces[:, :, ::-1])) / 2
        return probabilities

    def _ask(self, faces: NDArray[Any]) -> NDArray[np.float64]:
        parts = [extract(faces) for extract in self.extractors] or [faces]
        return self.graph.run(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1))


class ExportedEnsemble:
    """An ensemble whose members are graphs in ONNX, for quick prediction.

    It predicts what :func:`~fer_ensemble.load_ensemble` predicts from the same folder, and starts
    in a fraction of the time; but it is no estimator of scikit-learn's.

    Parameters
    ----------
    path : path-like
        Folder that :func:`~fer_ensemble.export_ensemble` or ``fer-ensemble export`` made.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    ties : str
        How ties are decided, as in `VotingEnsemble`.
    passthrough : bool
        Whether combining needs the samples themselves, beside what the members predict.

    Raises
    ------
    ArtifactError
        If there is no exported ensemble, or a file is missing, altered or cut short, or holds
        anything but a graph that this release exports.

    Examples
    --------
    >>> from fer_ensemble.artifact import ExportedEnsemble, resolve_model
    >>> from fer_ensemble.datasets import make_faces
    >>> faces = make_faces(2, random_state=0).images
    >>> ExportedEnsemble(resolve_model("fast")).predict_proba(faces).shape
    (2, 7)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        directory = Path(path)
        manifest = read_manifest(directory)
        if not is_exported(manifest):
            raise ArtifactError(
                f"{directory} holds an ensemble that was not exported: load it with "
                f"load_ensemble, or export it with: fer-ensemble export {directory} --out DIR"
            )
        self.classes_ = np.asarray(manifest.classes)
        try:
            self._read_state(manifest)
            self._members = [_open_member(directory, entry) for entry in manifest.members]
            for member in self._members:
                check_classes(member.graph.classes, manifest.classes, member.name)
        except ArtifactError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ArtifactError(
                f"{directory}: its manifest is damaged ({error}). Export or copy it again."
            ) from error
        shapes = [member.face_shape(self._size) for member in self._members]
        self._face_shape = next((shape for shape in shapes if shape), None)
        self._competence = _read_competence(directory, manifest)
        self._final = None
        if manifest.final_estimator is not None:
            self._final = _open_graph(directory, manifest.final_estimator)

    def _read_state(self, manifest: Manifest) -> None:
        state = manifest.ensemble
        self._size: int = manifest.preprocessing["size"]
        self.ties: str = state.get("ties", "mean_probability")
        self.passthrough = bool(state.get("passthrough"))
        self._rule: str = state.get("rule", "average")
        self._weights: list[float] | None = state.get("weights")
        self._random_state: int | None = state.get("random_state")
        calibration = (state.get("calibration") or {}).get(self._rule)
        self._calibration = None if calibration is None else Calibration.from_dict(calibration)

    @property
    def exported_members(self) -> list[tuple[str, Any]]:
        """Names of the members, and what predicts as each."""
        return [(member.name, member) for member in self._members]

    def predict_member_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return what each member predicts, its columns in the order of ``classes_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, n_features)
            Faces of pixels 0–255, or rows of a table, whatever the ensemble was fitted on.

        Returns
        -------
        ndarray of shape (n_samples, n_members, n_classes)
            Probabilities from 0 to 1.

        Raises
        ------
        ValueError
            If the samples have another shape, or are no pixels.
        """
        samples = self._check(X)
        return np.stack(
            [
                align_columns(
                    member.predict_proba(samples), member.graph.classes, self.classes_, member.name
                )
                for member in self._members
            ],
            axis=1,
        )

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, n_features)
            As of :meth:`predict_member_proba`.

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
        probabilities = self.predict_member_proba(samples)
        return self._combine(probabilities, samples if self.passthrough else None)

    def combine(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        """Combine what the members predict, as `predict_proba` does.

        Parameters
        ----------
        probabilities : array-like of shape (n_samples, n_members, n_classes)
            What `predict_member_proba` returned.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows that sum to one.

        Raises
        ------
        ValueError
            If the final estimator wants the samples too, by `passthrough`.
        """
        if self.passthrough:
            raise ValueError("passthrough=True needs the samples too: call predict_proba on them.")
        return self._combine(probabilities, None)

    def _combine(self, probabilities: ArrayLike, samples: Any) -> NDArray[np.float64]:
        if self._competence is not None:
            return self._competence.combine(
                probabilities, self._rule, ties=self.ties, random_state=self._random_state
            )
        if self._final is None:
            return combine_calibrated(
                probabilities,
                self._rule,
                self._weights,
                self._calibration,
                ties=self.ties,
                random_state=self._random_state,
            )
        table = meta_features(check_probabilities(probabilities), samples)
        places = np.arange(len(self.classes_))
        return align_columns(self._final.run(table), self._final.classes, places, "final_estimator")

    def _check(self, X: ArrayLike) -> NDArray[Any]:
        """Check faces once for all members; rows of a table are the graphs' matter."""
        if self._face_shape is None:
            return np.asarray(X)
        return check_faces(X, "The exported ensemble", self._face_shape)


def _read_competence(directory: Path, manifest: Manifest) -> Competence | None:
    """Read the held-out samples by which members are selected, where they are."""
    state = manifest.ensemble
    if state.get("rule") not in DYNAMIC_RULES:
        return None
    coefficients = state["coefficients"]
    try:
        if manifest.validation is None:
            raise ValueError("there are no held-out samples, by which members are selected")
        arrays = read_arrays(read_verified(directory, manifest.validation), MOST_ARRAYS)
        return Competence(
            arrays["validation_probabilities_"],
            encode_labels(arrays["validation_labels_"], manifest.classes),
            state["n_neighbors"],
            None if coefficients is None else np.asarray(coefficients),
            state["voting"],
        )
    except (KeyError, IndexError, ValueError) as error:
        raise ArtifactError(f"{directory}: its held-out samples are damaged ({error}).") from error


def _open_member(directory: Path, entry: StoredMember) -> _Member:
    graph = _open_graph(directory, entry.stored)
    exported = entry.exported or {}
    try:
        extractors = [
            find_extractor(
                feature["name"], feature["parameters"], _read_weights(directory, feature)
            )
            for feature in exported["features"]
        ]
    except ValueError as error:
        raise ArtifactError(f"The member {entry.name!r} of {directory}: {error}") from error
    return _Member(entry.name, graph, extractors, exported["mirror"])


def _read_weights(directory: Path, feature: dict[str, Any]) -> bytes | None:
    if "weights" not in feature:
        return None
    return read_verified(directory, StoredFile(**feature["weights"]))


def _open_graph(directory: Path, stored: StoredFile) -> OnnxGraph:
    content = read_verified(directory, stored)
    try:
        return OnnxGraph(content, str(directory / stored.file))
    except GraphError as error:
        raise ArtifactError(str(error)) from error
