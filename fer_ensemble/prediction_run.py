"""One run over pictures and videos: what it is asked for, what it keeps, what it writes."""

from __future__ import annotations

import os
from array import array
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Unpack

from fer_ensemble.artifact import (
    SetOptions,
    load_predictor,
    load_set_rule,
    model_identity,
    read_manifest,
    resolve_model,
)
from fer_ensemble.datasets import emotion_names
from fer_ensemble.faces import (
    FINDING,
    WINDOW,
    FaceClassifier,
    FaceFinder,
    FindingOptions,
    FindSets,
    Input,
    KeptRows,
    Marked,
    Output,
    PictureListing,
    Prediction,
    PredictionWriter,
    ShardInputs,
    ShowPicture,
    Tracker,
    check_same_settings,
    check_set_names,
    choose_writer,
    describe_settings,
    file_to_resume,
    gather_groups,
    is_address,
    is_part_folder,
    keep_rows,
    mark_groups,
    name_optional,
    open_writer,
    predict_files,
    record_path,
    restore_tracks,
)
from fer_ensemble.libraries import require_for_members
from fer_ensemble.locks import Lock

if TYPE_CHECKING:
    from fer_ensemble.spreading import GroupWork, WrittenPart


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
    paths, model, resume, shard, face_size
        As of :func:`~fer_ensemble.predict_faces`.
    out : path-like or binary file, optional
        File to write; a stream takes CSV. By default nothing is written.
    standard_input : binary file, optional
        Where the paths are listed that ``-`` stands for; see `PictureListing`.
    every, batch_size, n_jobs, min_confidence, annotate_to, explain_to
        As of :func:`~fer_ensemble.predict_faces`.
    track, window, engine, address
        As of :func:`~fer_ensemble.predict_faces`.
    sets : SetOptions, optional
        Which sets of labels to give. By default none.
    show : callable, optional
        Called with the path and the annotated copy of each picture and frame: an array of shape
        (height, width, 3), uint8, in the order blue, green, red.
    **finding
        The parameters detector, align, min_face, min_score and max_faces of `FaceFinder`.

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
    writes_parts : bool
        Whether `out` is a folder, into which workers write: see `parts`.
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
    _find_sets: FindSets | None
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
        face_size: int | None = None,
        every: int = 1,
        batch_size: int = 256,
        n_jobs: int = -1,
        min_confidence: float = 0.0,
        sets: SetOptions | None = None,
        annotate_to: str | os.PathLike[str] | None = None,
        explain_to: str | os.PathLike[str] | None = None,
        track: bool = False,
        window: float = WINDOW,
        show: ShowPicture | None = None,
        engine: str = "local",
        address: str | None = None,
        **finding: Unpack[FindingOptions],
    ) -> None:
        self.writes_parts = out is not None and is_part_folder(out)
        if out is not None and not self.writes_parts:
            choose_writer(out)
        self._resume = resume
        self._to_resume = file_to_resume(out) if resume and not self.writes_parts else None
        outputs = (out, annotate_to, explain_to)
        written = [file for file in outputs if isinstance(file, str | os.PathLike)]
        if isinstance(out, str | os.PathLike):
            written.append(record_path(out))
        self.listing = PictureListing(paths, standard_input, left_out=written)
        self._inputs: Marked = iter(self.listing)
        self._model = model
        self._classifier: FaceClassifier | None = None
        self._out = out
        self._finding: FindingOptions = {**FINDING, **finding}
        self._face_size = face_size
        self._lock: Lock | None = None
        self._batch_size = batch_size
        self._tracker = Tracker(window) if track else None
        self._sets, self._find_sets = sets, None
        self._settings: dict[str, Any] = {
            "every": every,
            "n_jobs": n_jobs,
            "min_confidence": min_confidence,
            "annotate_to": annotate_to,
            "explain_to": explain_to,
            "show": show,
            "at_once": bool(self.listing.live) or show is not None,
        }
        self._engine, self._address = engine, address
        self._check_means(shard)
        self._shard: ShardInputs | None = None
        if shard is not None:
            assert isinstance(out, str | os.PathLike)
            self._shard = ShardInputs(self.listing, shard, batch_size, out)
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
            If the model can give no sets of labels, or they can't be written; or if the run cannot
            be resumed: `out` holds something else, or rows of other inputs, of
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
        if self._sets is not None:
            check_set_names(self.class_names)
            self._find_sets = load_set_rule(self._model, *self._sets)
        self.finder = FaceFinder(**self._finding, size=size or 48)
        if isinstance(self._out, str | os.PathLike) and not is_address(self._out):
            folder = Path(self._out) if self.writes_parts else Path(self._out).parent
            with suppress(OSError):  # told when the file is opened
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(self._out)
        try:
            self.kept = None if self._to_resume is None else self._keep(self._to_resume)
        except BaseException:
            self._release()
            raise

    def load(self) -> FaceClassifier | None:
        """Load the model, unless it is a classifier.

        Returns
        -------
        classifier or None
            None where workers load it.

        Raises
        ------
        ArtifactError
            If the saved ensemble is damaged.
        MissingLibraryError
            If a library that a member predicts with is not installed.
        """
        self.prepare()
        if self._classifier is None and self._engine == "local":
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
        if self.writes_parts:
            for part in self._write_parts(gives_rows=True):
                yield part.rows
            return
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
                settings = self._describe()
                settings.pop("shard")
                self._shard.record(group_ends, n_rows, self.class_names, self.optional, settings)

    def parts(self) -> Generator[WrittenPart, None, None]:
        """Let workers predict the inputs and write their rows; may be gone through once.

        Yields
        ------
        WrittenPart
            What it counts, of each part of a folder; its rows are in its file alone.

        Raises
        ------
        ClusterError, OSError, ValueError
            As of :func:`~fer_ensemble.predict_faces`.
        """
        yield from self._write_parts(gives_rows=False)

    def _write_parts(self, *, gives_rows: bool) -> Generator[WrittenPart, None, None]:
        from fer_ensemble.spreading import PartFolder, write_by_ray

        assert isinstance(self._out, str | os.PathLike)

        self.prepare()
        with ExitStack() as stack:
            stack.callback(self._release)
            parts = write_by_ray(
                self._group_work(),
                gather_groups(self._inputs),
                self.finder,
                PartFolder(self._out, self._describe(), resume=self._resume),
                self._address,
                gives_rows=gives_rows,
            )
            yield from stack.enter_context(closing(parts))

    def _check_means(self, shard: tuple[int, int] | None) -> None:
        is_plain = not (self.writes_parts or is_address(self._out) or shard or self._address)
        if is_plain and self._engine == "local":
            return
        from fer_ensemble.spreading import check_means

        options = {"resume": self._resume, "is_divided": shard is not None, **self._settings}
        check_means(self._engine, self._address, self._out, options)

    def _open(self) -> AbstractContextManager[PredictionWriter]:
        assert self._out is not None
        if isinstance(self._out, str | os.PathLike):  # what it says would be true no more
            record_path(self._out).unlink(missing_ok=True)
        n_kept = self.kept.n_bytes if self.kept else 0
        return open_writer(self._out, self.class_names, n_kept=n_kept, optional=self.optional)

    def _predict(self) -> Generator[list[Prediction], None, None]:
        if self._engine == "ray":
            from fer_ensemble.spreading import predict_by_ray

            groups = gather_groups(self._inputs)
            return predict_by_ray(self._group_work(), groups, self.finder, self._address)
        classifier = self.load()
        assert classifier is not None
        options = {**self._settings, **self._row_options()}
        if (folder := options.pop("explain_to")) is not None:
            from fer_ensemble.explanation import ExplainedCopies

            options["explain"] = ExplainedCopies(folder, classifier, self.class_names).add
        return predict_files(classifier, self._inputs, finder=self.finder, **options)

    def _row_options(self) -> dict[str, Any]:
        """Give what a worker has to know like this process."""
        return {
            "class_names": self.class_names,
            "every": self._settings["every"],
            "batch_size": self._batch_size,
            "min_confidence": self._settings["min_confidence"],
            "tracker": self._tracker,
            "find_sets": self._find_sets,
        }

    def _group_work(self) -> GroupWork:
        """Say all that a worker has to know."""
        from fer_ensemble.spreading import GroupWork

        return GroupWork(
            model=self._model,
            identity=self._model_identity(),
            finding=dict(self._finding, size=self.finder.size),
            n_threads=max(1, self._settings["n_jobs"]),
            **self._row_options(),
        )

    def _keep(self, table: str | os.PathLike[str]) -> KeptRows:
        try:
            kept, self._inputs = keep_rows(
                table, self.class_names, self._inputs, self._batch_size, optional=self.optional
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
    def optional(self) -> list[str]:
        """Which of the optional columns the rows have: "track", "labels"."""
        return name_optional(self._tracker, self._find_sets)

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _model_identity(self) -> str | None:
        """Say which model it is; None for a classifier."""
        if isinstance(self._model, str | os.PathLike | None):
            return model_identity(self._model)
        return None

    def _describe(self) -> dict[str, Any]:
        """Give all that decides what the rows come to, but for the inputs, as JSON values."""
        model, size, options = self._model_identity(), self.finder.size, self._row_options()
        numbers = {name: options[name] for name in ("every", "batch_size", "min_confidence")}
        return describe_settings(
            {"model": model or self._model, **self._finding, "face_size": size, **numbers},
            window=None if self._tracker is None else self._tracker.window,
            sets=None if self._sets is None else self._sets._asdict(),
            at_once=self._settings["at_once"] or None,
            shard=None if self._shard is None else str(self._shard),
        )

    def _check_run(self, table: str | os.PathLike[str]) -> None:
        """Refuse to add rows to those of another model or other settings."""
        now = self._describe()
        before = self._lock.read() if self._lock is not None else None
        if isinstance(before, dict):
            check_same_settings(table, before, now)
        else:
            self.is_same_run = None
