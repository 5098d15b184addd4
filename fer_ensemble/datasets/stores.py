"""Data sets on disk whose faces are read a batch at a time: stores, and folders of users' arrays.

A store is a folder with ``images.npy``, ``labels.npy``, ``split.npy``, ``names.npy``, and
``faces.json``, which says how it came about. What there is once for a face, as its label, is read
into memory; pictures and names stay where they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.bounded_files import read_bounded
from fer_ensemble.datasets.dataset import (
    FACE_SIZE,
    PROBLEM_KINDS,
    DatasetError,
    FaceDataset,
    Problem,
    Progress,
    ReadReport,
)
from fer_ensemble.datasets.label_meanings import LabelReader, LeftOutError, UnknownLabelError
from fer_ensemble.datasets.labels import EMOTIONS, SPLITS, parse_split, spell_label
from fer_ensemble.stored_arrays import StoredArray

IMAGES, LABELS, SPLIT, NAMES = "images.npy", "labels.npy", "split.npy", "names.npy"

#: Written last: a folder with it is a whole store.
RECORD = "faces.json"

_FORMAT, _VERSION = "faces of fer-ensemble", 1
_MOST_RECORD_BYTES = 16 * 2**20
_MOST_LABELS = 1000  # different ones; more are no classes


def is_store(path: Path) -> bool:
    """Whether a folder holds faces as arrays: a store, or a user's own images and labels."""
    return (path / IMAGES).is_file() and any((path / name).is_file() for name in (RECORD, LABELS))


def read_store(
    path: Path, report: ReadReport, labels: LabelReader, progress: Progress | None = None
) -> FaceDataset:
    """Open a store, or a folder with a user's own ``images.npy`` and ``labels.npy``.

    The latter may have a ``split.npy`` and a ``names.npy`` as well. Its labels are names of
    expressions, or numbers that were said to be some.

    Parameters
    ----------
    path : Path
    report : ReadReport
        Takes what was wrong when the store was made, or what is with a user's labels.
    labels : LabelReader
        Labels of a store have been read already.
    progress : callable, optional
        Not called: nothing here takes long.

    Returns
    -------
    FaceDataset
        Its images and names are `StoredArray`; pictures whose label is none are left out.

    Raises
    ------
    DatasetError
        If an array is missing, damaged or of another shape or type, the number of faces differs,
        or labels are numbers that nothing says the meaning of.
    OSError
        If a file cannot be read.
    """
    images = _open(path, IMAGES)
    if images.dtype != np.uint8 or images.shape[1:] != (FACE_SIZE, FACE_SIZE):
        side = f"{FACE_SIZE}, {FACE_SIZE}"
        raise DatasetError(
            f"{path / IMAGES}: {images.dtype} of shape {images.shape}; faces are uint8 of shape "
            f"(n, {side}). Resize and convert them, and save them again."
        )
    is_own = not (path / RECORD).is_file()
    return (_read_own if is_own else _read_whole)(path, images, report, labels)


def write_record(path: Path, faces: FaceDataset) -> bytes:
    """Describe a store.

    Parameters
    ----------
    path : Path
        Where it will be.
    faces : FaceDataset

    Returns
    -------
    bytes
        The content of `RECORD`.
    """
    report = faces.report
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "name": path.name,
        "source": report.source,
        "faces": len(faces),
        "splits": faces.split_counts(),
        "expressions": faces.class_counts(),
        "has_parts": report.has_parts,
        "unit": report.unit,
        "classes": report.classes,
        "how_labelled": report.how_labelled,
        "problems": [asdict(p) for p in report.problems if p.kind != "missing_class"],
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def encode_names(names: Sequence[str]) -> NDArray[np.bytes_]:
    """Turn names into rows of bytes, which `read_store` decodes when they are asked for."""
    return np.array([str(name).encode("utf-8", "replace") for name in names], np.bytes_)


def _read_whole(
    path: Path, images: StoredArray, report: ReadReport, labels: LabelReader
) -> FaceDataset:
    try:
        record = json.loads(read_bounded(path / RECORD, _MOST_RECORD_BYTES))
        if (record["format"], record["version"]) != (_FORMAT, _VERSION):
            raise ValueError(f"it is version {record['version']}, and this is {_VERSION}")
        report.problems += [Problem(**problem) for problem in record["problems"]]
        if unknown := {problem.kind for problem in report.problems} - set(PROBLEM_KINDS):
            raise ValueError(f"a problem called {min(unknown)!r}")
        report.classes = dict(record["classes"])
        report.how_labelled, report.unit = str(record["how_labelled"]), str(record["unit"])
        report.has_parts = bool(record["has_parts"])
    except (ValueError, LookupError, TypeError) as error:
        raise DatasetError(
            f"{path / RECORD} cannot be used ({error}). Make the store again, by fer-ensemble "
            "data … --store."
        ) from error
    if labels.given and dict(labels.given) != report.classes:
        raise DatasetError(
            f"{path}: its labels were read when it was made, so that --classes changes nothing. "
            "Leave --classes out, or make the store again with it."
        )
    found = _load(path, LABELS, len(images), "iu").astype(np.int64, copy=False)
    split = _load(path, SPLIT, len(images), "U")
    if ((found < 0) | (found >= len(EMOTIONS))).any() or not np.isin(split, SPLITS).all():
        raise DatasetError(
            f"{path}: labels or parts that there are none of stand in {LABELS} or {SPLIT}. Make "
            "the store again."
        )
    names = cast(Any, _open_names(path, len(images)))
    return FaceDataset(cast(Any, images), found, split, names, report)


def _read_own(
    path: Path, images: StoredArray, report: ReadReport, labels: LabelReader
) -> FaceDataset:
    report.unit = "face"
    report.has_parts = (path / SPLIT).is_file()

    def read_label(text: str) -> int:
        try:
            return labels.read(text)
        except UnknownLabelError as error:
            raise _LostError("unknown_label", str(error)) from None
        except LeftOutError:
            raise _LostError("other_expression", f"{text!r} was said to be none of ours") from None

    def read_part(text: str) -> int:
        try:
            return SPLITS.index(parse_split(text))
        except ValueError as error:
            raise _LostError("unknown_usage", str(error)) from None

    given = _load(path, LABELS, len(images), "biufUS")
    found, counts = _translate(given, path / LABELS, read_label, report)
    for text in labels.numbers:  # each was asked for once
        labels.numbers[text] = counts[text]
    labels.check(report.source)
    parts = np.zeros(len(images), np.int64)
    if report.has_parts:
        given = _load(path, SPLIT, len(images), "US")
        parts, _ = _translate(given, path / SPLIT, read_part, report)
    names: Any
    if (path / NAMES).is_file():
        names = _open_names(path, len(images))
    else:
        names = np.array([f"face {number}" for number in range(1, len(images) + 1)], object)
    faces = FaceDataset(cast(Any, images), found, np.array(SPLITS)[parts], names, report)
    whole = (found >= 0) & (parts >= 0)
    return faces if whole.all() else faces.take(np.flatnonzero(whole))


class _LostError(ValueError):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _translate(
    values: NDArray[Any], file: Path, read: Callable[[str], int], report: ReadReport
) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Read each different value once; -1 stands for what is none, which is reported."""
    different, first, place, counts = np.unique(
        values, return_index=True, return_inverse=True, return_counts=True
    )
    if len(different) > _MOST_LABELS:
        raise DatasetError(
            f"{file}: {len(different):,} different values are no classes. Save one label a face."
        )
    texts = [_text(value) for value in different.tolist()]
    meanings = np.full(len(texts), -1, np.int64)
    for number, text in enumerate(texts):
        try:
            meanings[number] = read(text)
        except _LostError as error:
            where = f"face {first[number] + 1}"
            report.add(error.kind, where, str(error), int(counts[number]))
    by_text: dict[str, int] = {}
    for text, count in zip(texts, counts.tolist(), strict=True):
        by_text[spell_label(text)] = by_text.get(spell_label(text), 0) + count
    return meanings[place], by_text


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _as_text(names: NDArray[Any]) -> NDArray[np.object_]:
    return np.array([_text(name) for name in names.tolist()], object)


def _open_names(path: Path, n_faces: int) -> StoredArray:
    names = _open(path, NAMES)
    _check(path / NAMES, names, n_faces, "US")
    return names.mapped(_as_text)


def _load(path: Path, name: str, n_faces: int, kinds: str) -> NDArray[Any]:
    stored = _open(path, name)
    _check(path / name, stored, n_faces, kinds)
    return np.asarray(stored)


def _open(path: Path, name: str) -> StoredArray:
    if not (path / name).is_file():
        raise DatasetError(f"{path}: {name} is missing. Make the store again.")
    try:
        return StoredArray(path / name)
    except ValueError as error:
        raise DatasetError(f"{path}: {error}") from error


def _check(file: Path, array: StoredArray, n_faces: int, kinds: str) -> None:
    if array.shape != (n_faces,) or array.dtype.kind not in kinds:
        raise DatasetError(
            f"{file}: {array.dtype} of shape {array.shape}, where one value for each of the "
            f"{n_faces:,} faces in {IMAGES} is expected. Save it again."
        )
