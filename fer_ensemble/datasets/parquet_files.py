"""Read faces from Parquet files: pictures as Hugging Face lays them out, or FER2013's columns."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.bounded_files import open_regular
from fer_ensemble.datasets.csv_files import (
    LABEL_COLUMNS,
    MAX_LINE_BYTES,
    MAX_LOST,
    MAX_ROWS,
    PART_COLUMNS,
    PIXEL_COLUMNS,
)
from fer_ensemble.datasets.dataset import FACE_SIZE, DatasetError, FaceDataset, Progress, ReadReport
from fer_ensemble.datasets.folders import Entry, check_size, decode_picture
from fer_ensemble.datasets.label_meanings import LabelReader, LeftOutError, UnknownLabelError
from fer_ensemble.datasets.labels import parse_split
from fer_ensemble.datasets.pixel_parsing import PixelError, parse_pixels
from fer_ensemble.faces.contents import recognise
from fer_ensemble.libraries import require

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_IMAGE_COLUMNS = (*PIXEL_COLUMNS, "img", "face", "bytes")
_BATCH = 256  # rows
_N_PIXELS = FACE_SIZE * FACE_SIZE
# Of a group of rows, once it is unpacked; a few bytes may be packed from gigabytes.
_MOST_GROUP_BYTES = 8 * 2**30


def read_parquet(
    path: Path, report: ReadReport, labels: LabelReader, progress: Progress | None = None
) -> FaceDataset:
    """Read faces from a Parquet file, some hundred rows at a time.

    Parameters
    ----------
    path : Path
        With a column of pictures (the bytes of a file, or Hugging Face's ``image``) or of pixels
        (text, numbers, or 48 × 48 bytes); one of labels, by name or by number; and perhaps one of
        parts. Names of classes in Hugging Face's metadata say what numbers mean.
    report : ReadReport
        Takes the records that are skipped; record 1 is the first.
    labels : LabelReader
        Told here whether the columns are FER2013's.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DatasetError
        If it is no Parquet file, the columns are not there or of another type, labels are numbers
        that nothing says the meaning of, or there are more than `MAX_ROWS` rows, or nothing but
        others than faces.
    MissingLibraryError
        If pyarrow is not installed.
    OSError
        If it cannot be opened, or is a pipe or a device.
    """
    require("pyarrow", "Reading Parquet")
    import pyarrow as pa
    import pyarrow.parquet as pq

    report.unit = "record"
    with open_regular(path) as stream:
        try:
            file = pq.ParquetFile(stream)
            schema, total = file.schema_arrow, file.metadata.num_rows
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DatasetError(
                f"{path}: no Parquet file, or a damaged one ({error}). Download or make it again."
            ) from error
        columns = _find_columns(schema, report.source)
        _check_bounds(file, report.source)
        labels.is_fer2013 = columns.are_fer2013
        report.has_parts = columns.part is not None
        found = _read(_rows(file, columns, report), total, columns, report, labels, progress)
    labels.check(report.source)
    return found


class _Columns(NamedTuple):
    """Names of the columns, and what numbers in those of labels and parts stand for, if told."""

    picture: str
    label: str
    part: str | None
    label_names: Sequence[str]
    part_names: Sequence[str]

    @property
    def are_fer2013(self) -> bool:
        return (self.label.lower(), self.picture.lower()) == ("emotion", "pixels")


class _RecordError(ValueError):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _find_columns(schema: pa.Schema, source: str) -> _Columns:
    spelled = {name.strip().lower(): name for name in schema.names}

    def find(wanted: Sequence[str]) -> str | None:
        return next((spelled[name] for name in wanted if name in spelled), None)

    picture, label, part = map(find, (_IMAGE_COLUMNS, LABEL_COLUMNS, PART_COLUMNS))
    if picture is None or label is None:
        there = ", ".join(repr(name[:20]) for name in schema.names[:6]) or "none"
        raise DatasetError(
            f"{source}: there must be columns image (or pixels), label (or emotion) and "
            f"(optionally) split (or Usage); it has {there}. Rename them."
        )
    features = _features(schema.metadata or {})
    for name, is_usable in ((picture, _holds_pictures), (label, _holds_labels)):
        if not is_usable(schema.field(name).type):
            raise DatasetError(
                f"{source}: column {name!r} is of type {schema.field(name).type}. Pictures are "
                "bytes, structs with bytes, text or lists of numbers, and labels text or numbers."
            )
    names = [_class_names(features.get(column or "")) for column in (label, part)]
    return _Columns(picture, label, part, *names)


def _holds_pictures(kind: pa.DataType) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return any(field.name == "bytes" for field in kind)
    asked = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_string)
    return any(is_kind(kind) for is_kind in (*asked, types.is_large_string)) or _is_list(kind)


def _holds_labels(kind: pa.DataType) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    asked = (types.is_integer, types.is_floating, types.is_string, types.is_large_string)
    return any(is_kind(kind) for is_kind in asked)


def _is_list(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _features(metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Read what Hugging Face's library writes of the columns."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (LookupError, ValueError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def _class_names(feature: Any) -> list[str]:
    names = feature.get("names") if isinstance(feature, dict) else None
    return list(map(str, names)) if isinstance(names, list) else []


def _check_bounds(file: pq.ParquetFile, source: str) -> None:
    about = file.metadata
    if about.num_rows > MAX_ROWS:
        raise DatasetError(
            f"{source}: {about.num_rows:,} rows, at most {MAX_ROWS:,} are read. Cut the file into "
            "parts."
        )
    for number in range(about.num_row_groups):
        if about.row_group(number).total_byte_size > _MOST_GROUP_BYTES:
            raise DatasetError(
                f"{source}: a row group of more than {_MOST_GROUP_BYTES // 2**30} GiB. Write the "
                "file again in smaller ones."
            )


def _rows(
    file: pq.ParquetFile, columns: _Columns, report: ReadReport
) -> Iterator[tuple[Any, Any, Any]]:
    """Yield picture, label and part of each row."""
    import pyarrow as pa

    names = [name for name in (columns.picture, columns.label, columns.part) if name is not None]
    done = 0
    try:
        for batch in file.iter_batches(batch_size=_BATCH, columns=names, use_threads=False):
            parts = [None] * len(batch)
            if columns.part is not None:
                parts = batch.column(columns.part).to_pylist()
            labels = batch.column(columns.label).to_pylist()
            yield from zip(batch.column(columns.picture), labels, parts, strict=True)
            done += len(batch)
    except (pa.ArrowException, OSError, ValueError) as error:
        report.add("truncated", f"after record {done}", f"cut short or damaged ({error})")


def _read(
    rows: Iterator[tuple[Any, Any, Any]],
    total: int,
    columns: _Columns,
    report: ReadReport,
    labels: LabelReader,
    progress: Progress | None,
) -> FaceDataset:
    pixels, lost = bytearray(), 0
    found: list[int] = []
    parts: list[str] = []
    names: list[str] = []
    for number, (picture, label, part) in enumerate(rows, start=1):
        where = f"record {number}"
        try:
            place = _read_label(label, columns, labels)
            in_part = "train" if columns.part is None else _read_part(part, columns)
            name = _name(picture) or where
            face, note = _read_face(picture, where)
        except _RecordError as error:
            report.add(error.kind, where, str(error))
            lost += error.kind != "other_expression"
            if lost > MAX_LOST and not found:
                break
        else:
            if note:
                report.add(note[0], where, note[1])
            pixels += face
            found.append(place)
            parts.append(in_part)
            names.append(name)
        if progress and (number % _BATCH == 0 or number == total):
            progress(number, total)
    return FaceDataset(
        images=np.frombuffer(pixels, np.uint8).reshape(-1, FACE_SIZE, FACE_SIZE),
        labels=np.array(found, np.int64),
        split=np.array(parts, np.str_),
        names=np.array(names, object),
        report=report,
    )


def _read_label(value: Any, columns: _Columns, labels: LabelReader) -> int:
    if value is None:
        raise _RecordError("unknown_label", "there is no label")
    text = _named(value, columns.label_names, labels)
    try:
        return labels.read(text)
    except UnknownLabelError as error:
        raise _RecordError("unknown_label", str(error)) from None
    except LeftOutError:
        raise _RecordError("other_expression", f"{text!r} was said to be none of ours") from None


def _named(value: Any, names: Sequence[str], labels: LabelReader) -> str:
    """Give the name of a class in place of its number; what was said of numbers comes after."""
    number = str(value)
    if not isinstance(value, int) or not 0 <= value < len(names):
        return number
    return number if labels.knows(number) and not labels.knows(names[value]) else names[value]


def _read_part(value: Any, columns: _Columns) -> str:
    if isinstance(value, int) and 0 <= value < len(columns.part_names):
        value = columns.part_names[value]
    try:
        return parse_split(str(value))
    except ValueError as error:
        raise _RecordError("unknown_usage", str(error)) from None


def _name(picture: Any) -> str | None:
    """Name a picture by its file; without one, by the number of its record."""
    import pyarrow as pa

    if not isinstance(picture, pa.StructScalar) or not picture.is_valid or "path" not in picture:
        return None
    path = picture["path"].as_py()
    return str(path) if path else None


def _read_face(picture: Any, where: str) -> tuple[bytes, tuple[str, str] | None]:
    """Return the pixels, and what kind of note there is on them."""
    import pyarrow as pa

    if isinstance(picture, pa.StructScalar) and picture.is_valid:
        picture = picture["bytes"]
    if not picture.is_valid:
        raise _RecordError("unreadable", "there is no picture in it")
    content = picture.values if _is_list(picture.type) else picture.as_py()
    if not isinstance(content, bytes):
        try:
            face, resized = _read_pixels(content)
        except PixelError as error:
            raise _RecordError(error.kind, str(error)) from None
        return face, ("resized", resized) if resized else None
    if len(content) == _N_PIXELS and recognise(io.BytesIO(content)) is None:
        return content, None
    decoded = decode_picture(Entry(where, lambda: _bounded(content)))
    if decoded.face is None:
        assert decoded.problem is not None
        raise _RecordError(*decoded.problem)
    return decoded.face.tobytes(), decoded.problem


def _bounded(content: bytes) -> bytes:
    check_size(len(content))
    return content


def _read_pixels(content: str | pa.Array) -> tuple[bytes, str]:
    """Read pixels as text or as numbers, with a note on what was done to them."""
    if not isinstance(content, str):
        while _is_list(content.type):
            content = content.flatten()
    if len(content) > MAX_LINE_BYTES:
        raise PixelError("wrong_pixel_count", f"{len(content):,} are no pixels of a face")
    if isinstance(content, str):
        return parse_pixels(content.encode())
    numbers: NDArray[Any] = content.to_numpy(zero_copy_only=False)
    is_face = len(numbers) == _N_PIXELS and numbers.dtype.kind in "iu"
    if is_face and numbers.min() >= 0 and numbers.max() <= 255:
        return numbers.astype(np.uint8).tobytes(), ""
    return parse_pixels(" ".join(map(str, numbers.tolist())).encode())
