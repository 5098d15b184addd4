import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_ensemble.datasets import EMOTIONS, DatasetError, FaceDataset, load_faces


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
        "print({'cv2', 'sklearn', 'PIL', 'keras', 'skimage'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_fer2013(fer2013_path: Path) -> None:
    faces = load_faces(fer2013_path, strict=True)
    train = faces.select("train")
    assert len(train) == 28_709
    assert list(train.class_counts().values()) == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert len(faces.select("public_test")) == 3_589
    assert faces.report.problems == []
    if fer2013_path.suffix == ".zip":
        assert faces.names[-1].startswith("train/surprise/Training_")
