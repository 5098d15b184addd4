import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_ensemble.datasets import DatasetError, FaceDataset, load_faces, pictures


@pytest.fixture
def root(tmp_path: Path, files: dict[str, bytes], write_tree: Callable) -> Path:
    """The random faces as a folder."""
    return write_tree(tmp_path / "fer", files)


def test_folder(root: Path, faces: FaceDataset) -> None:
    read = load_faces(root, strict=True)
    np.testing.assert_array_equal(read.images, faces.images)
    np.testing.assert_array_equal(read.labels, faces.labels)
    np.testing.assert_array_equal(read.split, faces.split)
    assert read.names.tolist() == faces.names.tolist()


def test_path_may_be_a_string_with_a_slash(root: Path, faces: FaceDataset) -> None:
    assert len(load_faces(f"{root}/")) == len(faces)


def test_a_linked_split_is_read_and_a_circle_is_not(
    root: Path, faces: FaceDataset, tmp_path: Path
) -> None:
    (root / "validation").symlink_to(root / "train", target_is_directory=True)
    (root / "train" / "happy" / "up").symlink_to(root, target_is_directory=True)
    read = load_faces(root)
    assert read.split_counts() == {"train": 14, "validation": 14, "public_test": 7}


def test_links_to_nothing_and_pipes_are_losses(root: Path, faces: FaceDataset) -> None:
    (root / "train" / "happy" / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(root / "train" / "happy" / "pipe.jpg")
    read = load_faces(root)
    assert len(read) == len(faces)
    assert read.report.counts == {"unreadable": 2}


def test_a_large_file_is_not_read(
    root: Path, faces: FaceDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "train" / "happy" / "film.jpg").write_bytes(b"x" * 20_001)
    monkeypatch.setattr(pictures, "MAX_PICTURE_BYTES", 20_000)
    read = load_faces(root)
    assert len(read) == len(faces)
    assert "20,001 bytes" in read.report.problems[0].message


def test_strict_names_the_file_and_the_remedy(root: Path) -> None:
    (root / "train" / "happy" / "broken.jpg").write_bytes(b"broken")
    with pytest.raises(DatasetError, match=r"train/happy/broken\.jpg: not a picture.*[Rr]eplace"):
        load_faces(root, strict=True)


def test_strict_refuses_an_unknown_class_folder(root: Path, files: dict[str, bytes]) -> None:
    (root / "train" / "contempt").mkdir()
    (root / "train" / "contempt" / "a.png").write_bytes(next(iter(files.values())))
    with pytest.raises(DatasetError, match=r"train/contempt/: .*Rename"):
        load_faces(root, strict=True)


def test_names_that_are_not_utf8_can_be_printed(root: Path, files: dict[str, bytes]) -> None:
    folder = os.fsencode(root / "train" / "happy")
    try:
        with open(os.path.join(folder, b"m\xfcller.png"), "wb") as file:
            file.write(next(iter(files.values())))
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    for name in load_faces(root).names:
        name.encode()
