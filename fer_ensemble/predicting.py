"""Expressions of the faces in pictures and videos: what the command line and Python users call."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from itertools import chain
from typing import Any, BinaryIO

from fer_ensemble.artifact import load_predictor, read_manifest, resolve_model
from fer_ensemble.datasets import emotion_names
from fer_ensemble.faces import (
    Detector,
    FaceClassifier,
    FaceFinder,
    KeptRows,
    Output,
    PictureListing,
    Prediction,
    Predictions,
    choose_writer,
    find_kept_rows,
    open_writer,
    predict_files,
    skip_done,
)
from fer_ensemble.libraries import require_for_members


def predict_faces(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    model: str | os.PathLike[str] | FaceClassifier | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    detector: str | Detector = "auto",
    align: bool = True,
    min_face: int | None = None,
    min_score: float | None = None,
    max_faces: int | None = None,
    face_size: int | None = None,
    every: int = 1,
    batch_size: int = 256,
    n_jobs: int = -1,
    min_confidence: float = 0.0,
    annotate_to: str | os.PathLike[str] | None = None,
) -> Predictions:
    """Predict the expression of each face in pictures and videos.

    All predictions are held in memory; of very many files take the batches of a `PredictionRun`.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Pictures, videos, folders of them and patterns; see `PictureListing`.
    model : path-like, "fast" or classifier, optional
        By default the ensemble that comes with the package, with "fast" the quick network beside
        it; the folder of a saved ensemble; or a fitted classifier with ``classes_`` and a
        ``predict_proba`` that takes faces of shape (n_samples, size, size), uint8.
    out : path-like, optional
        File to which each batch is written as soon as it is predicted: .csv, .jsonl (or .ndjson)
        or .parquet.
    resume : bool, default=False
        Whether to keep the rows that a run which was killed has left in `out` (CSV or JSON Lines),
        and predict the rest only; give the same paths and settings. The rows that are kept are in
        the file alone, not in what is returned.
    detector : str or Detector, default="auto"
        What finds the faces; see `FaceFinder`, also for `align` and `min_face`.
    align : bool, default=True
        Whether to turn faces so that their eyes are level, where the detector finds eyes.
    min_face : int, optional
        Side of the smallest face, in pixels. By default 20, and more in large pictures.
    min_score : float, optional
        Faces of which the detector is less sure are left out; see the detector for what its scores
        mean.
    max_faces : int, optional
        Of each picture, the largest so many faces are predicted; 1 for its main face.
    face_size : int, optional
        Side of the faces that the model takes, in pixels. By default that of the saved ensemble;
        48 for a classifier.
    every : int, default=1
        Of so many frames of a video the first is searched.
    batch_size : int, default=256
        Faces predicted at once.
    n_jobs : int, default=-1
        Threads that decode and search; -1 for one on each of the processor's cores.
    min_confidence : float, default=0.0
        Faces whose most probable class is less probable than this get no label and the status
        "unsure".
    annotate_to : path-like, optional
        Folder for annotated copies of the pictures.

    Returns
    -------
    Predictions
        A `Prediction` for each face, and for each picture or frame without one. Its methods
        `write` and `to_frame` give the table that ``fer-ensemble predict`` writes.

    Raises
    ------
    ArtifactError
        If no ensemble is saved in `model`, or it is damaged, or the package came without weights.
    MissingLibraryError
        If the model, the detector or the form of `out` needs a library that is not installed.
    OSError
        If `out` or an annotated copy cannot be written.
    ValueError
        If there is no such detector, a setting is out of its range, or `out` cannot be resumed.
    """
    run = PredictionRun(
        paths,
        model,
        out=out,
        resume=resume,
        detector=detector,
        align=align,
        min_face=min_face,
        min_score=min_score,
        max_faces=max_faces,
        face_size=face_size,
        every=every,
        batch_size=batch_size,
        n_jobs=n_jobs,
        min_confidence=min_confidence,
        annotate_to=annotate_to,
    )
    run.prepare()
    return Predictions(chain.from_iterable(run.batches()), run.class_names)


class PredictionRun:
    """One run over pictures and videos, in constant memory: for each batch, predict and write it.

    The run goes in steps, so that what is wrong is known before what takes long: making it checks
    that `out` has a form that can be written, `has_inputs` looks for a first file, `prepare` reads
    what the model says of itself, makes the detector and finds the rows to keep, `load` loads the
    model, and `batches` predicts. `load` and `batches` do the steps before them that are left.

    Parameters
    ----------
    paths, model, resume, detector, align, min_face, min_score, max_faces, face_size
        As of :func:`predict_faces`.
    out : path-like or binary file, optional
        File to write; a stream takes CSV. By default nothing is written.
    standard_input : binary file, optional
        Where the paths are listed that ``-`` stands for; see `PictureListing`.
    every, batch_size, n_jobs, min_confidence, annotate_to
        As of :func:`predict_faces`.

    Attributes
    ----------
    listing : PictureListing
        The inputs; its counts are complete once the last batch has been given.
    class_names : tuple of str
        Names of the model's classes. Known once the run is prepared, as all that follow.
    finder : FaceFinder
        Counts which pictures it searched.
    kept : KeptRows or None
        What is kept of `out`; None unless the run is resumed.

    Raises
    ------
    ValueError
        If no form has the ending of `out`, or there is no file to resume.
    MissingLibraryError
        If the form of `out` needs a package that is not installed.

    Examples
    --------
    >>> class Model:
    ...     classes_ = ["happy", "sad"]
    >>> run = PredictionRun(["lost.jpg"], Model())
    >>> [[row.status for row in batch] for batch in run.batches()]
    [['missing']]
    """

    class_names: tuple[str, ...]
    finder: FaceFinder
    kept: KeptRows | None

    def __init__(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        model: str | os.PathLike[str] | FaceClassifier | None = None,
        *,
        out: Output | None = None,
        resume: bool = False,
        standard_input: BinaryIO | None = None,
        detector: str | Detector = "auto",
        align: bool = True,
        min_face: int | None = None,
        min_score: float | None = None,
        max_faces: int | None = None,
        face_size: int | None = None,
        every: int = 1,
        batch_size: int = 256,
        n_jobs: int = -1,
        min_confidence: float = 0.0,
        annotate_to: str | os.PathLike[str] | None = None,
    ) -> None:
        if out is not None:
            choose_writer(out)
        self._to_resume = None
        if resume:
            if not isinstance(out, str | os.PathLike):
                raise ValueError("resume needs the file that an earlier run has begun: give out")
            self._to_resume = out
        given = [paths] if isinstance(paths, str | os.PathLike) else paths
        self.listing = PictureListing(given, standard_input, left_out=annotate_to)
        self._inputs: Iterator[str | os.PathLike[str]] = iter(self.listing)
        self._model = model
        self._classifier: FaceClassifier | None = None
        self._out = out
        self._finding: dict[str, Any] = {
            "detector": detector,
            "align": align,
            "min_face": min_face,
            "min_score": min_score,
            "max_faces": max_faces,
        }
        self._face_size = face_size
        self._batch_size = batch_size
        self._settings: dict[str, Any] = {
            "every": every,
            "n_jobs": n_jobs,
            "min_confidence": min_confidence,
            "annotate_to": annotate_to,
        }

    def has_inputs(self) -> bool:
        """Say whether there is any picture or video to predict.

        Returns
        -------
        bool
        """
        first = next(self._inputs, None)
        if first is None:
            return False
        # Inputs are listed while others are predicted, and a list on standard input is read once.
        self._inputs = chain([first], self._inputs)
        return True

    def prepare(self) -> None:
        """Read what the model says of itself, make the detector and find the rows to keep.

        Raises
        ------
        ArtifactError
            If no ensemble is saved there, or its manifest is damaged.
        DetectorError
            If there is no such detector, or it cannot work here.
        MissingLibraryError
            If the detector needs a package that is not installed.
        ValueError
            If the run cannot be resumed: `out` holds something else, or rows of other inputs.
        """
        if hasattr(self, "kept"):
            return
        size = self._face_size
        # Of a saved ensemble the manifest is enough; to load its members takes seconds.
        if isinstance(self._model, str | os.PathLike | None):
            manifest = read_manifest(resolve_model(self._model))
            self.class_names = tuple(manifest.class_names)
            size = size or manifest.preprocessing["size"]
        else:
            self.class_names = tuple(emotion_names(self._model.classes_))
        self.finder = FaceFinder(**self._finding, size=size or 48)
        kept = None
        if self._to_resume is not None:
            kept = find_kept_rows(self._to_resume, self.class_names, self._batch_size)
            self._inputs = skip_done((os.fspath(path) for path in self._inputs), kept)
        self.kept = kept

    def load(self) -> FaceClassifier:
        """Load the model, unless it is a classifier.

        Returns
        -------
        classifier

        Raises
        ------
        ArtifactError
            If the saved ensemble is damaged.
        MissingLibraryError
            If a library that a member predicts with is not installed.
        """
        self.prepare()
        if self._classifier is None:
            if isinstance(self._model, str | os.PathLike | None):
                self._classifier = load_predictor(self._model)
                require_for_members(getattr(self._classifier, "members_", ()))
            else:
                self._classifier = self._model
        return self._classifier

    def batches(self) -> Generator[list[Prediction], None, None]:
        """Predict the inputs; may be gone through once.

        Yields
        ------
        list of Prediction
            A batch, which has been written; see `predict_files`.

        Raises
        ------
        OSError
            If `out` or an annotated copy cannot be written.
        ValueError
            As `predict_files`.
        """
        batches = predict_files(
            self.load(),
            self._inputs,
            class_names=self.class_names,
            finder=self.finder,
            batch_size=self._batch_size,
            **self._settings,
        )
        opened = (
            nullcontext()
            if self._out is None
            else open_writer(
                self._out, self.class_names, n_kept=self.kept.n_bytes if self.kept else 0
            )
        )
        # The generator is closed, and its threads are stopped, whoever breaks off.
        with closing(batches), opened as writer:
            for batch in batches:
                if writer is not None:
                    writer.write(batch)
                yield batch
