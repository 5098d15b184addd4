"""Make a store of faces out of many files, one at a time in memory."""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.datasets.dataset import DatasetError, FaceDataset, Problem, Progress, ReadReport
from fer_ensemble.datasets.folders import is_ignored, is_picture
from fer_ensemble.datasets.label_meanings import (
    Classes,
    LabelReader,
    UnknownClassesError,
    parse_classes,
)
from fer_ensemble.datasets.labels import parse_split
from fer_ensemble.datasets.reading import (
    ENDINGS,
    find_reader,
    load_faces,
    note_missing_classes,
    read_source,
)
from fer_ensemble.datasets.stores import (
    IMAGES,
    LABELS,
    NAMES,
    RECORD,
    SPLIT,
    encode_names,
    is_store,
    write_record,
)
from fer_ensemble.locks import holding_file
from fer_ensemble.stored_arrays import BATCH, StoredArray, write_array

Source = str | os.PathLike[str]

_STEPS = 1000  # of the progress of one file
_LISTED = 10  # problems of a kind that are kept with their places
_MOST_NAME_BYTES = 500


def write_store(
    sources: Source | Sequence[Source],
    path: Source,
    *,
    classes: Classes | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> FaceDataset:
    """Convert faces in files of any kind to a store, which is fitted on without being in memory.

    Memory holds the faces of one source at a time, and the label and the part of each face.

    Parameters
    ----------
    sources : path-like or sequence of path-like
        What :func:`load_faces` takes, patterns such as ``"shards/*.zip"``, or folders of nothing
        but such files; in this order. The names of faces begin with the file's. Where a file does
        not say which part its faces belong to, its own name or its folder's may, as in
        ``train-00000-of-00004.parquet``.
    path : path-like
        The folder to make.
    classes : str or mapping, optional
        What labels mean, as of :func:`load_faces`.
    strict : bool, default=False
        Whether a face or a file that can't be used is an error. By default it is skipped and
        reported.
    progress : callable, optional
        Called as ``progress(done, total)``, in thousandths of files.
    overwrite : bool, default=False
        Whether to replace a store that is there.

    Returns
    -------
    FaceDataset
        The new store, opened.

    Raises
    ------
    DatasetError
        If there is no such source, none has a usable face, some say which part their faces belong
        to and others do not, or the folder is there.
    InUseError
        If another process writes the same store.
    OSError
        If it cannot be written. Nothing is left of it then, nor after Ctrl-C; a kill leaves a
        folder that ends in ``.partial``, which the next run removes.
    """
    folder = Path(os.path.abspath(path))
    given = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    _check_place(folder, overwrite)
    files = list(dict.fromkeys(file for source in given for file in _find_files(source)))
    for file in files:
        find_reader(file)  # one that cannot be read is told before hours of reading others
    partial = folder.with_name(f"{folder.name}.partial")
    with holding_file(folder.with_name(f"{folder.name}.store")):
        try:
            _remove(partial)
            partial.mkdir()
            _write(files, given, folder, partial, classes, strict, progress)
            if folder.exists():
                _check_place(folder, overwrite)
                _remove(folder)
            partial.rename(folder)
        finally:
            _remove(partial)
    return load_faces(folder)


def _check_place(folder: Path, overwrite: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (is_store(folder) and (folder / RECORD).is_file()):
        raise DatasetError(f"{folder}: there is something else than a store. Give another name.")
    if not overwrite:
        raise DatasetError(
            f"{folder}: there is a store already. Give another name, or say --overwrite (in "
            "Python: overwrite=True)."
        )


def _remove(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)


def _find_files(source: Source) -> Iterator[Path]:
    text = os.fspath(source)
    found = [text]
    if not os.path.lexists(text) and glob.has_magic(text):
        found = sorted(glob.iglob(text, recursive=True))
    if not found:
        raise DatasetError(f"{text}: no file or folder has such a name. Check the pattern.")
    for each in found:
        yield from list_shards(Path(each)) or [Path(os.path.abspath(each))]


def list_shards(path: Path) -> list[Path]:
    """List the files of a folder that holds nothing but files of faces, as zips.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of Path
        Sorted by name; empty where it is no such folder, as if it has pictures or folders in it.
    """
    if not path.is_dir() or is_store(path):
        return []
    entries = [e for e in Path(os.path.abspath(path)).iterdir() if not is_ignored(e.name)]
    if any(entry.is_dir() or is_picture(entry.name) for entry in entries):
        return []
    return sorted(entry for entry in entries if entry.name.lower().endswith(ENDINGS))


def _write(
    files: Sequence[Path],
    given: Sequence[Source],
    folder: Path,
    partial: Path,
    classes: Classes | None,
    strict: bool,
    progress: Progress | None,
) -> None:
    meanings = {} if classes is None else parse_classes(classes)
    source = ", ".join(os.fspath(each) for each in given[:_LISTED]) + ", …" * (len(given) > _LISTED)
    reading = _Reading(files, meanings, ReadReport(source, strict=strict), partial, progress)
    images = write_array(partial / IMAGES, reading.images())
    labels, split = np.concatenate(reading.labels), np.concatenate(reading.split)
    write_array(partial / LABELS, [labels])
    write_array(partial / SPLIT, [split])
    names = write_array(partial / NAMES, reading.all_names())
    faces = FaceDataset(images, labels, split, names, reading.report)  # type: ignore[arg-type]
    note_missing_classes(faces)
    write_atomically(partial / RECORD, write_record(folder, faces))


@dataclass
class _Reading:
    """Reads one source after the other and gathers what there is beside the pictures."""

    files: Sequence[Path]
    meanings: dict[str, str | None]
    report: ReadReport
    folder: Path
    progress: Progress | None
    labels: list[NDArray[np.int64]] = field(default_factory=list)
    split: list[NDArray[np.str_]] = field(default_factory=list)
    names: list[Path] = field(default_factory=list)  # of each source, until all are there
    first: Path | None = None  # the first source that had faces
    problems: dict[str, list[Problem]] = field(default_factory=dict)

    def images(self) -> Iterator[NDArray[np.uint8]]:
        above = os.path.commonpath([file.parent for file in self.files])
        for number, file in enumerate(self.files):
            # In a function of its own: what a loop holds would stay while the next one is read.
            yield from self._read(number, file, Path(os.path.relpath(file, above)).as_posix())
        self.report.problems = [problem for kind in self.problems.values() for problem in kind]
        if self.first is None:
            why = next((f". First, {p.where}: {p.message}" for p in self.report.problems), "")
            raise DatasetError(
                f"{self.report.source}: no usable face in {len(self.files):,} "
                f"file{'s' if len(self.files) != 1 else ''}{why}"
            )

    def all_names(self) -> Iterator[NDArray[np.bytes_]]:
        widest = max(StoredArray(file).dtype.itemsize for file in self.names)
        for file in self.names:
            yield np.load(file).astype(f"S{widest}")
            file.unlink()

    def _read(self, number: int, file: Path, name: str) -> Iterator[NDArray[np.uint8]]:
        def step(done: int, total: int) -> None:
            if self.progress:
                done = min(_STEPS, round(_STEPS * done / max(1, total)))
                self.progress(_STEPS * number + done, _STEPS * len(self.files))

        labels = LabelReader(self.meanings)
        try:
            faces = read_source(file, labels, strict=self.report.strict, progress=step)
        except UnknownClassesError:
            raise
        except DatasetError as error:
            if self.report.strict:
                raise
            self._note([Problem("unusable_file", name, str(error))], "")
            step(1, 1)
            return
        self._add(faces, file, name, number)
        for start in range(0, len(faces), BATCH):
            yield np.array(
                faces.images[start : start + BATCH]
            )  # a copy, which may outlive the rest
        step(1, 1)

    def _add(self, faces: FaceDataset, file: Path, name: str, number: int) -> None:
        report, split = faces.report, faces.split
        if not report.has_parts and (part := _part_of(file)):
            split, report.has_parts = np.full(len(faces), part), True
        if self.first is None:
            self.first = file
            self.report.has_parts, self.report.unit = report.has_parts, report.unit
            self.report.classes = report.classes
        elif report.has_parts != self.report.has_parts:
            # Taken for training, a test face would leak.
            with_parts, without = (file, self.first)[:: 1 if report.has_parts else -1]
            raise DatasetError(
                f"{with_parts} says which part each face belongs to (train, test, …), and "
                f"{without} does not. Name files or folders by their part, as in train-1.zip, or "
                "make one store of each kind."
            )
        self.report.unit = report.unit if report.unit == self.report.unit else "face"
        # Stores may have been made with other classes; what a label means has to be said once.
        self.report.classes = report.classes if report.classes == self.report.classes else {}
        self.report.how_labelled = self.report.how_labelled or report.how_labelled
        self._note(report.problems, f"{name}: ")
        self.labels.append(faces.labels)
        self.split.append(split)
        names = self.folder / f"names{number}.npy"
        np.save(names, encode_names([_shorten(f"{name}/{own}") for own in faces.names]))
        self.names.append(names)

    def _note(self, problems: Iterable[Problem], before: str) -> None:
        """Keep the first problems of a kind, and count the others with the last of those."""
        for problem in problems:
            if problem.kind == "missing_class":  # of all files together, not of each
                continue
            kept = self.problems.setdefault(problem.kind, [])
            if len(kept) < _LISTED:
                kept.append(replace(problem, where=f"{before}{problem.where}"))
            else:
                kept[-1] = replace(kept[-1], count=kept[-1].count + problem.count)


def _shorten(name: str) -> str:
    """Bound a name: each takes as much room in the store as the longest."""
    encoded = name.encode("utf-8", "replace")
    if len(encoded) <= _MOST_NAME_BYTES:
        return name
    return "…" + encoded[-_MOST_NAME_BYTES:].decode("utf-8", "ignore")


def _part_of(file: Path) -> str | None:
    """Find the part that the name of a file says, or that of its folder."""
    words = re.split(r"[\W\d_]+", file.name.partition(".")[0])
    for word in [*words, file.parent.name]:
        try:
            return parse_split(word)
        except ValueError:
            continue
    return None
