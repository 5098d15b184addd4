"""Parquet files: pictures and names of classes, or FER2013's columns; what is wrong is named."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_ensemble.datasets import EMOTIONS, DatasetError, FaceDataset, load_faces, parquet_files
from fer_ensemble.libraries import MissingLibraryError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def save(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def same(read: FaceDataset, faces: FaceDataset) -> None:
    np.testing.assert_array_equal(read.images, faces.images)
    np.testing.assert_array_equal(read.labels, faces.labels)
    np.testing.assert_array_equal(read.split, faces.split)
    assert (read.images.dtype, read.labels.dtype) == (np.uint8, np.int64)


def test_pictures_with_names_of_classes(
    tmp_path: Path, faces: FaceDataset, write_parquet: Callable
) -> None:
    """Names say what numbers mean, also where others were said of numbers."""
    path = write_parquet(tmp_path / "a.parquet", faces)
    for classes in (None, "rafdb"):
        read = load_faces(path, classes=classes, strict=True)
        same(read, faces)
        assert read.names.tolist() == faces.names.tolist()


@pytest.mark.parametrize("form", ["text", "numbers", "floats", "rows of numbers", "bytes"])
def test_fer2013s_columns(tmp_path: Path, faces: FaceDataset, form: str) -> None:
    flat = faces.images.reshape(len(faces), -1)
    pixels = {
        "text": [" ".join(map(str, face)) for face in flat],
        "numbers": flat.tolist(),
        "floats": flat.astype(float).tolist(),
        "rows of numbers": faces.images.tolist(),
        "bytes": [face.tobytes() for face in flat],
    }[form]
    usage = ["Training" if part == "train" else "PublicTest" for part in faces.split]
    columns = {"emotion": faces.labels, "pixels": pixels, "Usage": usage}
    read = load_faces(save(tmp_path / "a.parquet", columns), strict=True)
    same(read, faces)
    assert read.names[0] == "record 1"


def test_a_picture_of_as_many_bytes_as_a_face_has_pixels_is_a_picture(
    tmp_path: Path, faces: FaceDataset, png: Callable
) -> None:
    whole = png(faces.images[0], ".bmp")
    # What follows the picture is of no matter to decoders.
    small = png(faces.images[0][:30, :30]).ljust(2304, b"\0")
    assert len(small) == 2304
    columns = {"image": [whole, small], "label": ["fear", "joy"]}
    read = load_faces(save(tmp_path / "a.parquet", columns))
    np.testing.assert_array_equal(read.images[0], faces.images[0])
    assert [p.kind for p in read.report.problems if p.where == "record 2"] == ["resized"]
    assert not read.report.has_parts


def test_what_is_wrong_is_reported_by_record(
    tmp_path: Path, faces: FaceDataset, png: Callable
) -> None:
    good = png(faces.images[0])
    rows = [
        (good, "happy", "train"),
        (b"", "happy", "train"),
        (None, "happy", "train"),
        (b"no picture", "happy", "train"),
        (good, "sleepy", "train"),
        (good, None, "train"),
        (good, "happy", "elsewhere"),
        (good, "contempt", "test"),
    ]
    columns = dict(
        zip(("image", "label", "split"), map(list, zip(*rows, strict=True)), strict=True)
    )
    path = save(tmp_path / "a.parquet", columns)
    report = load_faces(path, classes="contempt=none").report
    lost = [(p.kind, p.where) for p in report.problems if p.kind != "missing_class"]
    assert lost == [
        ("empty_file", "record 2"),
        ("unreadable", "record 3"),
        ("unreadable", "record 4"),
        ("unknown_label", "record 5"),
        ("unknown_label", "record 6"),
        ("unknown_usage", "record 7"),
        ("other_expression", "record 8"),
    ]
    assert "1 record skipped: empty file (record 2)" in report.lines()
    with pytest.raises(DatasetError, match=r"a\.parquet, record 2: the file is empty"):
        load_faces(path, strict=True)


@pytest.mark.parametrize(
    ("pixels", "kind"),
    [
        ([1] * 2303, "wrong_pixel_count"),
        ([256] * 2304, "pixel_out_of_range"),
        ([-1] * 2304, "pixel_out_of_range"),
        ([1.5] * 2304, "not_a_number"),
        ([1] * 2303 + [None], "not_a_number"),
        ([1] * (2**20 + 1), "wrong_pixel_count"),
    ],
)
def test_pixels_that_are_no_face(tmp_path: Path, pixels: list[Any], kind: str) -> None:
    kind_of = pa.list_(pa.float64() if 1.5 in pixels else pa.int64())
    columns = {"emotion": [3, 3], "pixels": pa.array([pixels, [9] * 2304], kind_of)}
    report = load_faces(save(tmp_path / "a.parquet", columns)).report
    assert [p.kind for p in report.problems if p.where == "record 1"] == [kind]


def test_numbers_without_names_need_their_meaning(tmp_path: Path, faces: FaceDataset) -> None:
    columns = {"image": [face.tobytes() for face in faces.images], "label": faces.labels}
    path = save(tmp_path / "a.parquet", columns)
    with pytest.raises(DatasetError, match="labels that are numbers"):
        load_faces(path)
    assert EMOTIONS[load_faces(path, classes="affectnet").labels[0]] == "neutral"


def test_files_that_hold_no_faces(
    tmp_path: Path, faces: FaceDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = [face.tobytes() for face in faces.images]
    path = tmp_path / "a.parquet"
    for columns, message in (
        ({"image": raw, "other": raw}, r"there must be columns image.*it has 'image', 'other'"),
        ({"image": raw, "label": [[1]] * len(raw)}, r"column 'label' is of type list"),
        ({"image": range(len(raw)), "label": ["fear"] * len(raw)}, r"'image' is of type int64"),
    ):
        with pytest.raises(DatasetError, match=message):
            load_faces(save(path, columns))
    save(path, {"image": raw, "label": ["fear"] * len(raw)})
    monkeypatch.setattr(parquet_files, "MAX_ROWS", 20)
    with pytest.raises(DatasetError, match=r"21 rows, at most 20 are read"):
        load_faces(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DatasetError, match=r"no Parquet file, or a damaged one"):
        load_faces(path)


def test_a_damaged_file_keeps_what_was_read(tmp_path: Path, faces: FaceDataset) -> None:
    raw = [face.tobytes() for face in faces.images] * 40
    columns = {"image": raw, "label": ["fear"] * len(raw)}
    path = save(tmp_path / "a.parquet", columns, row_group_size=300, compression="zstd")
    content = bytearray(path.read_bytes())
    middle = len(content) * 3 // 4
    content[middle - 40_000 : middle] = b"\xff" * 40_000
    path.write_bytes(content)
    read = load_faces(path)
    assert 0 < len(read) < len(raw)
    assert read.report.counts["truncated"] == 1


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "a.parquet").touch()
    with pytest.raises(MissingLibraryError, match=r"Reading Parquet needs pyarrow.*parquet"):
        load_faces(tmp_path / "a.parquet")
