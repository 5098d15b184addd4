"""Folders, zips and CSVs give the same faces, and what cannot be read is named."""

import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_ensemble.datasets import (
    EMOTIONS,
    DatasetError,
    FaceDataset,
    folders,
    load_faces,
    zip_files,
)


def test_csv_zip_and_folder_give_the_same(
    tmp_path: Path,
    faces: FaceDataset,
    files: dict[str, bytes],
    csv_rows: list[str],
    write_tree: Callable,
    write_zip: Callable,
) -> None:
    (tmp_path / "a.csv").write_text("\n".join(csv_rows))
    sources = [
        tmp_path / "a.csv",
        write_zip(tmp_path / "a.zip", files),
        write_tree(tmp_path / "tree", files),
    ]
    for source in sources:
        read = load_faces(source, strict=True)
        np.testing.assert_array_equal(read.images, faces.images)
        np.testing.assert_array_equal(read.labels, faces.labels)
        np.testing.assert_array_equal(read.split, faces.split)
        assert read.images.dtype == np.uint8
        assert read.labels.dtype == np.int64
        assert read.select("train").class_counts() == dict.fromkeys(EMOTIONS, 2)
        assert len(read.select("test")) == 7


def test_missing_classes_are_noted_and_strict_refuses(
    tmp_path: Path, files: dict[str, bytes], write_tree: Callable
) -> None:
    kept = {name: data for name, data in files.items() if "test/fear" not in name}
    root = write_tree(tmp_path / "a", kept)
    report = load_faces(root).report
    assert report.counts == {"missing_class": 1}
    assert report.n_lost == 0
    assert "fear in public_test" in report.summary()
    with pytest.raises(DatasetError, match=r"fear in public_test.*Add faces"):
        load_faces(root, strict=True)


def test_a_missing_path(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere\.zip: there is no such file"):
        load_faces(tmp_path / "nowhere.zip")


@pytest.mark.parametrize("name", ["faces.tar.gz", "faces.npz", "faces", "faces.gz"])
def test_an_unknown_ending(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"\.zip, a \.csv"):
        load_faces(tmp_path / name)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no usable face: there is nothing in it"):
        load_faces(tmp_path)


def test_a_folder_with_nothing_usable_says_why(tmp_path: Path, write_tree: Callable) -> None:
    write_tree(tmp_path, {"happy/a.jpg": b"", "contempt/b.jpg": b"x"})
    with pytest.raises(DatasetError, match=r"empty file \(happy/a\.jpg\)"):
        load_faces(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["a.csv", "a.zip"])
def test_a_file_without_permission(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch(mode=0o000)
    with pytest.raises(DatasetError, match="permissions"):
        load_faces(tmp_path / name)


def test_import_is_light() -> None:
    code = (
        "import sys, fer_ensemble.datasets; "
        "print({'cv2', 'sklearn', 'scipy', 'PIL', 'keras', 'skimage'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_fer2013(fer2013: FaceDataset, fer2013_path: Path) -> None:
    faces = fer2013
    train = faces.select("train")
    assert len(train) == 28_709
    assert list(train.class_counts().values()) == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert len(faces.select("public_test")) == 3_589
    assert faces.report.problems == []
    if fer2013_path.suffix == ".zip":
        assert faces.names[-1].startswith("train/surprise/Training_")


@pytest.fixture
def archive(tmp_path: Path, files: dict[str, bytes], write_zip: Callable) -> Path:
    """The random faces as a zip."""
    return write_zip(tmp_path / "fer2013.zip", files)


def _same(read: FaceDataset, faces: FaceDataset) -> None:
    np.testing.assert_array_equal(read.images, faces.images)
    np.testing.assert_array_equal(read.labels, faces.labels)
    np.testing.assert_array_equal(read.split, faces.split)


def test_zip(archive: Path, faces: FaceDataset) -> None:
    read = load_faces(archive, strict=True)
    _same(read, faces)
    assert read.names.tolist() == faces.names.tolist()


def test_under_a_top_folder_in_another_order(
    tmp_path: Path, files: dict[str, bytes], faces: FaceDataset, write_zip: Callable
) -> None:
    shuffled = {f"archive/fer/{name}": files[name] for name in sorted(files, reverse=True)}
    _same(load_faces(write_zip(tmp_path / "A.ZIP", shuffled)), faces)


def _flag_as_encrypted(path: Path, name: str) -> None:
    data = bytearray(path.read_bytes())
    encoded = name.encode()
    for signature, flags, name_at in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        at = data.find(signature)
        while data[at + name_at : at + name_at + len(encoded)] != encoded:
            at = data.find(signature, at + 1)
        data[at + flags] |= 1
    path.write_bytes(data)


def test_an_encrypted_member_is_a_loss(archive: Path, faces: FaceDataset) -> None:
    name = faces.names[-1]
    _flag_as_encrypted(archive, name)
    read = load_faces(archive)
    assert len(read) == len(faces) - 1
    assert [(p.where, p.message) for p in read.report.problems] == [(name, "encrypted")]
    with pytest.raises(DatasetError, match="encrypted"):
        load_faces(archive, strict=True)


def test_a_corrupt_member_is_a_loss(archive: Path, faces: FaceDataset) -> None:
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo(faces.names[-2])
    data = bytearray(archive.read_bytes())
    middle = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
    data[middle : middle + 20] = bytes(255 - value for value in data[middle : middle + 20])
    archive.write_bytes(data)
    read = load_faces(archive)
    assert len(read) == len(faces) - 1
    assert read.report.problems[0].where == faces.names[-2]
    assert "damaged in the zip" in read.report.problems[0].message


def test_a_bomb_is_not_unpacked(
    tmp_path: Path, files: dict[str, bytes], faces: FaceDataset, write_zip: Callable
) -> None:
    files["train/happy/bomb.jpg"] = bytes(folders.MAX_PICTURE_BYTES + 1)
    read = load_faces(write_zip(tmp_path / "a.zip", files))
    assert len(read) == len(faces)
    assert read.report.problems[0].where == "train/happy/bomb.jpg"
    assert "bytes large" in read.report.problems[0].message


def test_a_member_that_lies_about_its_size_is_not_unpacked(
    archive: Path, files: dict[str, bytes], faces: FaceDataset, write_zip: Callable
) -> None:
    """The stated size is the bound: what goes beyond it is never inflated."""
    files["train/happy/bomb.jpg"] = bytes(30_000_000)
    write_zip(archive, files)
    data = archive.read_bytes()
    assert data.count(struct.pack("<I", 30_000_000)) == 2
    archive.write_bytes(data.replace(struct.pack("<I", 30_000_000), struct.pack("<I", 900)))
    read = load_faces(archive)
    assert len(read) == len(faces)
    assert read.report.counts == {"unreadable": 1}


def test_what_lies_about_its_size_takes_no_memory(tmp_path: Path) -> None:
    size = 100_000_000
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("happy/a.jpg", bytes(size))
    told, data = struct.pack("<I", size), (tmp_path / "a.zip").read_bytes()
    assert told in data
    (tmp_path / "a.zip").write_bytes(data.replace(told, struct.pack("<I", 1000)))
    tracemalloc.start()
    with pytest.raises(DatasetError, match=r"no usable face: 1 picture skipped.*a\.jpg"):
        load_faces(tmp_path / "a.zip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 10


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_cannot_be_unpacked_in_steps_is_not(
    tmp_path: Path, files: dict[str, bytes], csv_rows: list[str], method: int
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr(*next(iter(files.items())))
    with pytest.raises(DatasetError, match=r"method other than deflate"):
        load_faces(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", method) as archive:
        archive.writestr("fer2013.csv", "\n".join(csv_rows))
    with pytest.raises(DatasetError, match=r"method other than deflate"):
        load_faces(tmp_path / "b.zip")


def test_too_many_members_are_refused(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_files, "MAX_MEMBERS", 5)
    with pytest.raises(DatasetError, match=r"21 files, at most 5 .*Unpack"):
        load_faces(archive)


def test_what_is_no_zip(tmp_path: Path, archive: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    (tmp_path / "b.zip").write_bytes(b"")
    (tmp_path / "c.zip").write_bytes(archive.read_bytes()[:-200])
    for name in "abc":
        with pytest.raises(DatasetError, match=rf"{name}\.zip: not a zip file.*Download"):
            load_faces(tmp_path / f"{name}.zip")


def test_an_empty_zip(tmp_path: Path, write_zip: Callable) -> None:
    with pytest.raises(DatasetError, match="no usable face: there is nothing in it"):
        load_faces(write_zip(tmp_path / "a.zip", {}))


def test_a_zipped_csv(
    tmp_path: Path, csv_rows: list[str], faces: FaceDataset, write_zip: Callable
) -> None:
    data = "\n".join(csv_rows).encode()
    files = {"fer2013/fer2013.csv": data, "fer2013/README": b"read me"}
    read = load_faces(write_zip(tmp_path / "a.zip", files), strict=True)
    _same(read, faces)
    assert read.report.unit == "row"


def test_the_csv_with_official_splits_goes_first(
    tmp_path: Path, csv_rows: list[str], faces: FaceDataset, write_zip: Callable
) -> None:
    """The challenge's download also has train.csv, a part of it, and test.csv without labels."""
    train = [row.rpartition(",")[0] for row in csv_rows]
    files = {
        "train.csv": "\n".join(train).encode(),
        "icml_face_data.csv": "\n".join(csv_rows).encode(),
        "test.csv": b"pixels\n1 2 3",
    }
    _same(load_faces(write_zip(tmp_path / "a.zip", files)), faces)
    files["copy.csv"] = files["icml_face_data.csv"]
    with pytest.raises(DatasetError, match=r"several CSVs .*icml_face_data\.csv, copy\.csv"):
        load_faces(write_zip(tmp_path / "a.zip", files))


def test_a_damaged_zipped_csv_keeps_what_was_read(
    tmp_path: Path, csv_rows: list[str], faces: FaceDataset, write_zip: Callable
) -> None:
    path = write_zip(tmp_path / "a.zip", {"fer2013.csv": "\n".join(csv_rows).encode()})
    data = bytearray(path.read_bytes())
    middle = int(len(data) * 0.9)
    data[middle : middle + 20] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"a\.zip, fer2013\.csv, "):
        load_faces(path, strict=True)
    read = load_faces(path)
    assert 5 < len(read) < len(faces)
    assert read.report.counts["truncated"] == 1


def test_a_zip_without_faces_says_what_it_has(tmp_path: Path, write_zip: Callable) -> None:
    with pytest.raises(DatasetError, match=r"no usable face: 1 file left out.*notes\.txt"):
        load_faces(write_zip(tmp_path / "a.zip", {"notes.txt": b"x"}))
