"""Expressions of the faces in pictures and videos: what the command line and Python users call."""

from __future__ import annotations

import os
from array import array
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from fer_ensemble.artifact import load_predictor, model_identity, read_manifest, resolve_model
from fer_ensemble.datasets import emotion_names
from fer_ensemble.faces import (
    WINDOW,
    Detector,
    FaceClassifier,
    FaceFinder,
    Input,
    KeptRows,
    Marked,
    Output,
    PictureListing,
    Prediction,
    Predictions,
    PredictionWriter,
    ShardInputs,
    ShardRecord,
    ShowPicture,
    Tracker,
    choose_writer,
    digest_file,
    keep_rows,
    mark_groups,
    open_writer,
    predict_files,
    record_path,
    restore_tracks,
)
from fer_ensemble.libraries import require_for_members
from fer_ensemble.locks import Lock


def predict_faces(
    paths: Input | Iterable[Input],
    model: str | os.PathLike[str] | FaceClassifier | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    shard: tuple[int, int] | None = None,
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
    track: bool = False,
    window: float = WINDOW,
) -> Predictions:
    """Predict the expression of each face in pictures and videos.

    All predictions are held in memory; of very many files, of a camera and of a stream without an
    end, which this function would gather for ever, take the batches of a `PredictionRun`.

    Parameters
    ----------
    paths : path-like, array, picture of Pillow's, bytes or binary file; or iterable of these
        Pictures, videos, folders of them and patterns; numbers of cameras ("0") and addresses
        ("rtsp://…", "https://…"), so that names from strangers have to be checked first; see
        `PictureListing`. Or pictures themselves: arrays of shape (height, width) or (height, width,
        3), in the order blue, green and red as OpenCV reads them, of values from 0 to 255 or 0.0 to
        1.0; pictures of Pillow's; and files' contents. These are called "<array 0>" and the like,
        by their place.
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
    shard : (int, int), optional
        Predict one part of the inputs only, such as (2, 7) for the second of seven; all parts get
        the same paths and settings, and each writes its own `out`.
        :func:`~fer_ensemble.merge_shards` joins them.
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
        Folder for annotated copies: a JPEG of each picture, an MP4 of each video.
    track : bool, default=False
        Whether to follow the faces of videos by their boxes: each gets a number, in the column
        `track`, and its probabilities are smoothed over time, of which label, confidence and
        status follow. Pictures stand alone.
    window : float, default=0.5
        Seconds in which older probabilities lose all but 1/e of their weight, if `track`; see
        :class:`~fer_ensemble.faces.Tracker`. With 0 nothing is smoothed.

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
        shard=shard,
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
        track=track,
        window=window,
    )
    run.prepare()
    return Predictions(chain.from_iterable(run.batches()), run.class_names, tracked=track)


class PredictionRun:
    """One run over pictures and videos, in constant memory: for each batch, predict and write it.

    With a live source among the inputs, or `show`, a batch is what there is at the time: it ends
    before more would be waited for. Who has seen enough closes the generator.

    The run goes in steps, so that what is wrong is known before what takes long: making it checks
    that `out` has a form that can be written, `has_inputs` looks for a first file, `prepare` reads
    what the model says of itself, makes the detector and finds the rows to keep, `load` loads the
    model, and `batches` predicts. `load` and `batches` do the steps before them that are left.

    Parameters
    ----------
    paths, model, resume, shard, detector, align, min_face, min_score, max_faces, face_size
        As of :func:`predict_faces`.
    out : path-like or binary file, optional
        File to write; a stream takes CSV. By default nothing is written.
    standard_input : binary file, optional
        Where the paths are listed that ``-`` stands for; see `PictureListing`.
    every, batch_size, n_jobs, min_confidence, annotate_to, track, window
        As of :func:`predict_faces`.
    show : callable, optional
        Called with the path and the annotated copy of each picture and frame: an array of shape
        (height, width, 3), uint8, in the order blue, green, red.

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
    is_same_run : bool or None
        Whether the kept rows were made with this model and these settings; None if that is not
        known, because the hidden file beside `out` is missing that says so (``.rows.csv.run``).

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

    Of a stream, the happy faces until the first that is sad:

    >>> run = PredictionRun("rtsp://camera/1", "fast", track=True)  # doctest: +SKIP
    >>> with closing(run.batches()) as batches:  # doctest: +SKIP
    ...     for row in chain.from_iterable(batches):
    ...         if row.label == "sad":
    ...             break
    ...         print(row.time, row.track, row.label)
    """

    class_names: tuple[str, ...]
    finder: FaceFinder
    kept: KeptRows | None
    is_same_run: bool | None = True

    def __init__(
        self,
        paths: Input | Iterable[Input],
        model: str | os.PathLike[str] | FaceClassifier | None = None,
        *,
        out: Output | None = None,
        resume: bool = False,
        shard: tuple[int, int] | None = None,
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
        track: bool = False,
        window: float = WINDOW,
        show: ShowPicture | None = None,
    ) -> None:
        if out is not None:
            choose_writer(out)
        self._to_resume = None
        if resume:
            if not isinstance(out, str | os.PathLike):
                raise ValueError("resume needs the file that an earlier run has begun: give out")
            self._to_resume = out
        written = [file for file in (out, annotate_to) if isinstance(file, str | os.PathLike)]
        if isinstance(out, str | os.PathLike):
            written.append(record_path(out))
        self.listing = PictureListing(paths, standard_input, left_out=written)
        self._inputs: Marked = iter(self.listing)
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
        self._lock: Lock | None = None
        self._batch_size = batch_size
        self._tracker = Tracker(window) if track else None
        self._settings: dict[str, Any] = {
            "every": every,
            "n_jobs": n_jobs,
            "min_confidence": min_confidence,
            "annotate_to": annotate_to,
            "show": show,
            "at_once": bool(self.listing.live) or show is not None,
        }
        self._shard: ShardInputs | None = None
        if shard is not None:
            self._shard = self._divide(shard)
            self._inputs = iter(self._shard)
        elif not self._settings["at_once"]:
            self._inputs = mark_groups(self.listing, batch_size)

    def has_inputs(self) -> bool:
        """Say whether there is any picture or video to predict.

        Returns
        -------
        bool
        """
        first = next(self._inputs, None)
        if first is None:  # there may be fewer groups than shards
            return self._shard is not None and self._shard.n_inputs > 0
        # Inputs are listed while others are predicted, and a list on standard input is read once.
        self._inputs = chain([first], self._inputs)
        return True

    def count_pictures(self) -> int | None:
        """Count the pictures beforehand, as a progress bar needs it.

        Returns
        -------
        int or None
            None if that cannot be known; see `PictureListing`. How many are a shard's is not.
        """
        return None if self._shard is not None else self.listing.count_pictures()

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
            If the run cannot be resumed: `out` holds something else, or rows of other inputs, of
            another model or other settings. `InUseError` if another run writes `out`.
        """
        if hasattr(self, "kept"):
            return
        if self._to_resume is not None and self._settings["at_once"]:
            raise ValueError(
                f"{os.fspath(self._to_resume)} cannot be resumed: what a live source has shown is "
                "gone, and with it, or with a window, batches end by time. Write another file"
            )
        size = self._face_size
        # Of a saved ensemble the manifest is enough; to load its members takes seconds.
        if isinstance(self._model, str | os.PathLike | None):
            manifest = read_manifest(resolve_model(self._model))
            self.class_names = tuple(manifest.class_names)
            size = size or manifest.preprocessing["size"]
        else:
            self.class_names = tuple(emotion_names(self._model.classes_))
        self.finder = FaceFinder(**self._finding, size=size or 48)
        if isinstance(self._out, str | os.PathLike):
            with suppress(OSError):  # told when the file is opened
                Path(self._out).parent.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(self._out)
        try:
            self.kept = None if self._to_resume is None else self._keep(self._to_resume)
        except BaseException:
            self._release()
            raise

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
        with ExitStack() as lock:
            lock.callback(self._release)
            with ExitStack() as stack:
                batches = self._predict()
                writer = stack.enter_context(self._open()) if self._out is not None else None
                if self._lock is not None:  # the table has been begun: no earlier rows are in it
                    self._lock.note(self._describe())
                group_ends, n_rows = array("q"), 0
                if self._shard is not None and writer is not None:
                    group_ends.append(writer.place())
                if self.kept is not None and self.kept.n_bytes:
                    group_ends, n_rows = self.kept.group_ends, self.kept.n_rows
                # The generator is closed, and its threads are stopped, whoever breaks off.
                for batch in stack.enter_context(closing(batches)):
                    if batch:
                        if writer is not None:
                            writer.write(batch)
                        n_rows += len(batch)
                        yield batch
                    elif self._shard is not None and writer is not None:
                        group_ends.append(writer.place())
            if self._shard is not None:
                self._record(self._shard, group_ends, n_rows)

    def _predict(self) -> Generator[list[Prediction], None, None]:
        return predict_files(
            self.load(),
            self._inputs,
            class_names=self.class_names,
            finder=self.finder,
            batch_size=self._batch_size,
            tracker=self._tracker,
            **self._settings,
        )

    def _open(self) -> AbstractContextManager[PredictionWriter]:
        assert self._out is not None
        if isinstance(self._out, str | os.PathLike):  # what it says would be true no more
            record_path(self._out).unlink(missing_ok=True)
        n_kept = self.kept.n_bytes if self.kept else 0
        return open_writer(self._out, self.class_names, n_kept=n_kept, tracked=self._is_tracked)

    def _divide(self, shard: tuple[int, int]) -> ShardInputs:
        if not isinstance(self._out, str | os.PathLike):
            raise ValueError("a shard needs a file of its own for its rows: give out")
        if self._settings["at_once"]:
            raise ValueError(
                "a shard is a part of a listing of files: neither cameras and streams nor what is "
                "shown in a window can be divided. Leave out shard"
            )
        return ShardInputs(self.listing, shard, self._batch_size)

    def _record(self, shard: ShardInputs, group_ends: array[int], n_rows: int) -> None:
        """Say that the shard is complete."""
        assert isinstance(self._out, str | os.PathLike)
        ShardRecord(
            shard=shard.number,
            n_shards=shard.count,
            class_names=self.class_names,
            tracked=self._is_tracked,
            settings={name: value for name, value in self._describe().items() if name != "shard"},
            listing={
                "inputs": shard.n_inputs,
                "groups": shard.n_groups,
                "sha256": shard.digest,
            },
            inputs=shard.n_own,
            rows=n_rows,
            table=digest_file(self._out),
            group_ends=group_ends,
        ).write(self._out)

    def _keep(self, table: str | os.PathLike[str]) -> KeptRows:
        try:
            kept, self._inputs = keep_rows(
                table, self.class_names, self._inputs, self._batch_size, tracked=self._is_tracked
            )
        except ValueError:
            # That it is another shard, say, is why there are other inputs.
            self._check_run(table)
            raise
        if kept.n_bytes:
            self._check_run(table)
        if self._tracker is not None:
            restore_tracks(self._tracker, kept)
        return kept

    @property
    def _is_tracked(self) -> bool:
        return self._tracker is not None

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _describe(self) -> dict[str, Any]:
        """Give all that decides what the rows come to, but for the inputs, as JSON values."""
        if isinstance(self._model, str | os.PathLike | None):
            model = model_identity(self._model)
        else:
            model = type(self._model).__qualname__
        finding = {
            name: value if isinstance(value, str | int | float | None) else type(value).__qualname__
            for name, value in self._finding.items()
        }
        return {
            "model": model,
            **finding,
            "face_size": self.finder.size,
            "every": self._settings["every"],
            "batch_size": self._batch_size,
            "min_confidence": self._settings["min_confidence"],
            # What is not asked for is left out, as runs had it that knew nothing of it.
            **({} if self._tracker is None else {"window": self._tracker.window}),
            **({"at_once": True} if self._settings["at_once"] else {}),
            **({} if self._shard is None else {"shard": str(self._shard)}),
        }

    def _check_run(self, table: str | os.PathLike[str]) -> None:
        """Refuse to add rows to those of another model or other settings."""
        now = self._describe()
        before = self._lock.read() if self._lock is not None else None
        if not isinstance(before, dict):
            self.is_same_run = None
            return
        names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        if names:
            differences = ", ".join(
                f"{name} was {before.get(name)} and is {now.get(name)}" for name in names
            )
            raise ValueError(
                f"{os.fspath(table)} cannot be resumed: its rows were made in another way "
                f"({differences}). Give the same model and options, or another file to write"
            )
