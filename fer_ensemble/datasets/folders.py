"""Read and write faces as pictures in folders named after expressions.

A zip of pictures is laid out in the same way: `read_pictures` is what both share.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.bounded_files import open_regular
from fer_ensemble.datasets.dataset import FACE_SIZE, FaceDataset, Progress, ReadReport
from fer_ensemble.datasets.label_meanings import LabelReader, LeftOutError, UnknownLabelError
from fer_ensemble.datasets.labels import EMOTIONS, is_number, parse_split
from fer_ensemble.faces import UnreadableImage, decode_gray, to_face
from fer_ensemble.faces.animations import is_animated
from fer_ensemble.faces.contents import PICTURE_ENDINGS
from fer_ensemble.faces.decode import MAX_PICTURE_BYTES, import_decoders

_IGNORED = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
_OFFICIAL_PREFIXES = ("Training_", "PublicTest_", "PrivateTest_")
_CHUNK = 100  # pictures between two calls of `progress`, and of one task of a thread

# Decoding frees the interpreter, so threads share the processor's cores. For pictures of a few
# kilobytes, as FER2013's, they wait for it longer than they decode: four take twice as long as one.
_THREADS = 4
_WORTH_THREADS = 12_000  # mean bytes of a picture, of the first chunk


def read_folder(
    path: Path, report: ReadReport, labels: LabelReader, progress: Progress | None = None
) -> FaceDataset:
    """Read faces from a folder; links to other folders are followed.

    Parameters
    ----------
    path : Path
    report : ReadReport
        Takes what is skipped, resized or left out.
    labels : LabelReader
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DatasetError
        If folders are numbers that nothing says the meaning of.
    """
    return read_pictures(_entries(path, report), report, progress, labels)


def write_folder(faces: FaceDataset, path: str | os.PathLike[str]) -> None:
    """Write faces as ``class/name.png``.

    Parameters
    ----------
    faces : FaceDataset
        Names serve as file names; an ending is replaced by ``.png``.
    path : path-like
        Folder to write to; made if it is not there, and what stands in it is kept.

    Raises
    ------
    ValueError
        If two faces of a class would share a file.
    OSError
        If a file can't be written.
    """
    import cv2

    files = [
        (Path(path) / EMOTIONS[label] / Path(name).name).with_suffix(".png")
        for label, name in zip(faces.labels, faces.names, strict=True)
    ]
    file, times = Counter(files).most_common(1)[0] if files else (None, 0)
    if times > 1:
        raise ValueError(f"{times} faces would be written to {file}: write one split at a time.")
    for image, file in zip(faces.images, files, strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, cv2.imencode(".png", image)[1].tobytes(), lasting=False)


def read_pictures(
    entries: Iterable[Entry],
    report: ReadReport,
    progress: Progress | None = None,
    labels: LabelReader | None = None,
) -> FaceDataset:
    """Decode pictures that lie in folders named after expressions.

    Parameters
    ----------
    entries : iterable of Entry
        In any order; the dataset is sorted by name.
    report : ReadReport
        Takes what is skipped, resized or left out.
    progress : callable, optional
        Called as ``progress(done, total)``.
    labels : LabelReader, optional
        By default, folders are named after expressions.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DatasetError
        If folders are numbers that nothing says the meaning of.
    """
    placed = _place(sorted(entries, key=lambda entry: entry.name), report, labels or LabelReader())
    images = np.empty((len(placed), FACE_SIZE, FACE_SIZE), np.uint8)
    kept: list[_Placed] = []
    for done, (item, decoded) in enumerate(_decode_all(placed), start=1):
        if decoded.problem:
            report.add(decoded.problem[0], item.entry.name, decoded.problem[1])
        if decoded.face is not None:
            images[len(kept)] = decoded.face
            kept.append(item)
        if progress and (done % _CHUNK == 0 or done == len(placed)):
            progress(done, len(placed))
    return FaceDataset(
        images=images if len(kept) == len(placed) else images[: len(kept)].copy(),
        labels=np.array([item.label for item in kept], np.int64),
        split=np.array([item.part for item in kept], np.str_),
        names=np.array([item.entry.name for item in kept], object),
        report=report,
    )


class Entry(NamedTuple):
    """A file of the source: its name in it, and a function that reads it.

    `read` raises `UnreadableImage` with the reason if it cannot.
    """

    name: str
    read: Callable[[], bytes]


class Decoded(NamedTuple):
    """A face, or None; the kind and the message of a problem, if there is one; bytes read."""

    face: NDArray[np.uint8] | None
    problem: tuple[str, str] | None
    n_bytes: int


def is_ignored(name: str) -> bool:
    """Whether a file is one that systems leave behind: hidden, ``__MACOSX``, ``Thumbs.db``."""
    return any(part.startswith(".") or part.lower() in _IGNORED for part in split_name(name))


def is_picture(name: str) -> bool:
    """Whether the ending is that of a picture."""
    return os.path.splitext(name)[1].lower() in PICTURE_ENDINGS


def split_name(name: str) -> list[str]:
    """Return the folders and the file of a name, with either slash."""
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def check_size(n_bytes: int) -> None:
    """Raise an error if a file is too large for a picture, before it is read.

    Raises
    ------
    UnreadableImage
        If it has more than `MAX_PICTURE_BYTES`.
    """
    if n_bytes > MAX_PICTURE_BYTES:
        raise UnreadableImage(
            f"{n_bytes:,} bytes large, at most {MAX_PICTURE_BYTES // 2**20} MiB are read"
        )


def decode_picture(entry: Entry) -> Decoded:
    """Read a picture and make a face of it.

    Parameters
    ----------
    entry : Entry

    Returns
    -------
    Decoded
    """
    data = b""
    try:
        data = entry.read()
        if not data:
            return Decoded(None, ("empty_file", "the file is empty"), 0)
        gray = decode_gray(data)
    except UnreadableImage as error:
        return Decoded(None, ("unreadable", str(error)), len(data))
    if is_animated(data):
        why = ("several_frames", "the first of several frames is taken")
        return Decoded(to_face(gray, FACE_SIZE), why, len(data))
    height, width = gray.shape
    if (height, width) == (FACE_SIZE, FACE_SIZE):
        return Decoded(gray, None, len(data))
    resized = ("resized", f"resized from {width}×{height}")
    return Decoded(to_face(gray, FACE_SIZE), resized, len(data))


class _Placed(NamedTuple):
    entry: Entry
    label: int
    part: str


def _entries(root: Path, report: ReadReport) -> Iterator[Entry]:
    def report_folder(error: OSError) -> None:
        name = os.path.relpath(error.filename, root)
        report.add("unreadable", name, f"the folder cannot be opened ({error.strerror})")

    # A link to a folder above would be walked round and round, so each folder knows those above.
    above = {os.fspath(root): {os.path.realpath(root)}}
    for folder, below, files in os.walk(os.fspath(root), onerror=report_folder, followlinks=True):
        for name in files:
            path = Path(folder, name)
            yield Entry(_printable(path.relative_to(root)), partial(_read_file, path))
        real = {name: os.path.realpath(os.path.join(folder, name)) for name in below}
        below[:] = [name for name in below if real[name] not in above[folder]]
        above |= {os.path.join(folder, name): above[folder] | {real[name]} for name in below}


def _printable(path: Path) -> str:
    """Return a name with ``/`` between its parts, printable whatever its bytes."""
    return os.fsencode(path.as_posix()).decode("utf-8", "replace")


def _read_file(path: Path) -> bytes:
    try:
        with open_regular(path) as stream:
            check_size(os.fstat(stream.fileno()).st_size)
            return stream.read(MAX_PICTURE_BYTES)
    except OSError as error:
        raise UnreadableImage(f"cannot be opened ({error.strerror})") from error


def _place(entries: Sequence[Entry], report: ReadReport, labels: LabelReader) -> list[_Placed]:
    """Find the label and the part of each picture by the folders that it lies in."""
    placed: list[tuple[Entry, int, str | None]] = []
    unknown: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for entry in entries:
        *folders, file = split_name(entry.name) or [""]
        if is_ignored(entry.name):
            continue
        label: int | None = None
        above: Sequence[str] = folders
        try:
            label, above = _find_label(folders, file, labels)
        except UnknownLabelError:
            if is_picture(file):
                unknown["/".join(folders)] += 1
        except LeftOutError:
            left_out["/".join(folders)] += is_picture(file)
            continue
        if not is_picture(file):
            # What lies among the faces was probably meant as one.
            kind = "other_file" if label is None else "unreadable"
            report.add(kind, entry.name, f"not a picture ({', '.join(sorted(PICTURE_ENDINGS))})")
        elif label is not None:
            placed.append((entry, label, _part_of(above, file)))
    labels.check(report.source)
    for kind, counts, why in (
        ("unknown_class_folder", unknown, "that is not named after an expression"),
        ("other_expression", left_out, "said to be of no expression of ours"),
    ):
        for folder, count in counts.items():
            where = f"{folder}/" if folder else "the top folder"
            report.add(kind, where, f"{count} pictures in a folder {why}", count)
    # Without any split, all faces are for training. Beside a split, a face without one could be of
    # any part: taken for training, a test face would leak.
    report.has_parts = any(part is not None for _, _, part in placed)
    if not report.has_parts:
        return [_Placed(entry, label, "train") for entry, label, _ in placed]
    for entry, _, part in placed:
        if part is None:
            report.add("unknown_usage", entry.name, "in no folder named after a split")
    return [_Placed(entry, label, part) for entry, label, part in placed if part is not None]


def _find_label(
    folders: Sequence[str], file: str, labels: LabelReader
) -> tuple[int, Sequence[str]]:
    """Return the expression, and the folders beside the one that says it.

    It is the nearest folder above the picture that is one: ``class/subject/*`` is read as well.
    """
    for place in reversed(range(len(folders))):
        if labels.knows(folders[place]):
            return labels.read(folders[place]), [*folders[:place], *folders[place + 1 :]]
    try:
        return labels.read_file_name(file), folders
    except UnknownLabelError:
        # A number of two digits may stand for a class, one of four is a year.
        if folders and is_number(folders[-1]) and len(folders[-1]) <= 2 and is_picture(file):
            labels.read(folders[-1])
        raise


def _part_of(folders: Sequence[str], file: str) -> str | None:
    """Find the part by the nearest folder, refined by FER2013's file names."""
    for folder in reversed(folders):
        try:
            part = parse_split(folder)
        except ValueError:
            continue
        if part == "test" and file.startswith(_OFFICIAL_PREFIXES):
            return parse_split(file.partition("_")[0])
        return part
    return None


def _decode_all(placed: Sequence[_Placed]) -> Iterator[tuple[_Placed, Decoded]]:
    first, rest = placed[:_CHUNK], placed[_CHUNK:]
    sample = _decode_chunk(first)
    yield from zip(first, sample, strict=True)
    if sum(decoded.n_bytes for decoded in sample) >= _WORTH_THREADS * len(sample):
        yield from _decode_in_threads(rest)
    else:
        for item in rest:
            yield item, decode_picture(item.entry)


def _decode_in_threads(placed: Sequence[_Placed]) -> Iterator[tuple[_Placed, Decoded]]:
    chunks = [placed[start : start + _CHUNK] for start in range(0, len(placed), _CHUNK)]
    import_decoders()
    pool = ThreadPoolExecutor(_THREADS)
    try:
        # Faces are small; a chunk that waits for its turn costs a quarter of a megabyte.
        for chunk, decoded in zip(chunks, pool.map(_decode_chunk, chunks), strict=True):
            yield from zip(chunk, decoded, strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _decode_chunk(chunk: Sequence[_Placed]) -> list[Decoded]:
    return [decode_picture(item.entry) for item in chunk]
