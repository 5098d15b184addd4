"""Pictures in class folders: read whatever lies there, written without loss."""

import io
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import current_thread, main_thread

import numpy as np
import pytest
from PIL import Image

from fer_ensemble.datasets import (
    DatasetError,
    FaceDataset,
    ReadReport,
    folders,
    load_faces,
    synthetic_dataset,
    write_folder,
)
from fer_ensemble.datasets.folders import Entry, read_pictures
from fer_ensemble.faces import UnreadableImage, to_face


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
    monkeypatch.setattr(folders, "MAX_PICTURE_BYTES", 20_000)
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


def test_round_trip(tmp_path):
    faces = synthetic_dataset(21, random_state=0)
    write_folder(faces, tmp_path)
    read = load_faces(tmp_path, strict=True)
    order = np.argsort([name.rpartition("/")[2] for name in read.names])
    np.testing.assert_array_equal(read.images[order], faces.images)
    np.testing.assert_array_equal(read.labels[order], faces.labels)


def test_no_face_replaces_another(tmp_path):
    faces = synthetic_dataset(21, random_state=0).take([3, 3])
    with pytest.raises(ValueError, match="2 faces would be written to"):
        write_folder(faces, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def read(png: Callable[..., bytes]) -> Callable[..., tuple]:
    """Read gray faces, or the given bytes, from files of the given names."""
    face = png(np.full((48, 48), 9, np.uint8))

    def read_names(*names: str | tuple[str, bytes]) -> tuple:
        files = [(name, face) if isinstance(name, str) else name for name in names]
        report = ReadReport()
        entries = [Entry(name, partial(bytes, data)) for name, data in files]
        dataset = read_pictures(entries, report)
        return dataset, report

    return read_names


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train/happy/a.jpg", "train"),
        ("Training/happy/a.jpg", "train"),
        ("valid/happy/a.jpg", "validation"),
        ("test/happy/a.jpg", "test"),
        ("test/happy/PublicTest_1.jpg", "public_test"),
        ("test/happy/PrivateTest_1.jpg", "private_test"),
        ("test/happy/Training_1.jpg", "train"),
        ("PublicTest/happy/a.jpg", "public_test"),
        ("private_test/happy/a.jpg", "private_test"),
        ("train/happy/PublicTest_1.jpg", "train"),
        ("fer2013/images/train/happy/a.jpg", "train"),
        ("test\\happy\\PublicTest_1.jpg", "public_test"),
        ("./test/happy/a.jpg", "test"),
        ("happy/a.jpg", "train"),
        ("faces/happy/a.jpg", "train"),
    ],
)
def test_part_comes_from_folder_and_name(read: Callable, name: str, part: str) -> None:
    dataset, _ = read(name)
    assert dataset.split.tolist() == [part]
    assert dataset.labels.tolist() == [3]
    assert dataset.names.tolist() == [name]


def test_where_some_have_a_split_the_others_are_not_guessed(read: Callable) -> None:
    dataset, report = read("train/happy/a.jpg", "holiday/happy/b.jpg", "sad/c.jpg")
    assert dataset.names.tolist() == ["train/happy/a.jpg"]
    assert report.counts == {"unknown_usage": 2}


def test_order_is_that_of_the_names(read: Callable) -> None:
    dataset, _ = read("train/sad/2.jpg", "train/angry/9.jpg", "train/sad/10.jpg")
    assert dataset.names.tolist() == ["train/angry/9.jpg", "train/sad/10.jpg", "train/sad/2.jpg"]
    assert dataset.labels.tolist() == [0, 4, 4]


def test_unknown_class_folders_are_counted(read: Callable) -> None:
    dataset, report = read("contempt/a.jpg", "contempt/b.jpg", "happy/c.jpg", "d.jpg")
    assert len(dataset) == 1
    assert [(p.where, p.count) for p in report.problems] == [
        ("contempt/", 2),
        ("the top folder", 1),
    ]
    assert report.n_lost == 3


def test_what_systems_leave_behind_is_ignored(read: Callable) -> None:
    dataset, report = read(
        "happy/a.jpg",
        "happy/.hidden.jpg",
        ".git/happy/a.jpg",
        "__MACOSX/happy/._a.jpg",
        "happy/Thumbs.db",
        "happy/desktop.ini",
        ".DS_Store",
    )
    assert len(dataset) == 1
    assert report.problems == []


def test_other_files_are_notes_unless_they_lie_among_the_faces(read: Callable) -> None:
    _, report = read("happy/a.jpg", "README.txt", "labels.csv", "happy/b.svg", "happy/jpg")
    assert report.counts == {"other_file": 2, "unreadable": 2}
    assert report.n_lost == 2


def test_bad_pictures_are_named_with_the_reason(read: Callable, png: Callable) -> None:
    face = np.full((48, 48), 9, np.uint8)
    dataset, report = read(
        "happy/a.jpg",
        ("happy/empty.jpg", b""),
        ("happy/junk.jpg", b"no picture at all"),
        ("happy/short.png", png(face)[:-30]),
        ("happy/wrong_ending.png", png(face, ".jpg")),
    )
    assert dataset.names.tolist() == ["happy/a.jpg", "happy/wrong_ending.png"]
    assert [(p.kind, p.where) for p in report.problems] == [
        ("empty_file", "happy/empty.jpg"),
        ("unreadable", "happy/junk.jpg"),
        ("unreadable", "happy/short.png"),
    ]


def test_other_sizes_are_resized_and_said(read: Callable, png: Callable) -> None:
    dataset, report = read(("happy/a.png", png(np.full((96, 64), 100, np.uint8))))
    assert dataset.images.shape == (1, 48, 48)
    assert (dataset.images == 100).all()
    assert report.n_lost == 0
    assert report.problems[0].message == "resized from 64×96"


def test_a_source_that_cannot_be_read_is_a_loss() -> None:
    def fail() -> bytes:
        raise UnreadableImage("encrypted")

    report = ReadReport()
    assert len(read_pictures([Entry("happy/a.jpg", fail)], report)) == 0
    assert report.problems[0].message == "encrypted"


def test_every_picture_is_in_the_dataset_or_in_the_report(read: Callable) -> None:
    rng = np.random.default_rng(2)
    names = ["train/happy", "test/sad", "contempt", "fear", "x/angry"]
    for _ in range(10):
        files: list = []
        for number in range(30):
            name = f"{rng.choice(names)}/{number}.{rng.choice(['jpg', 'png', 'heic'])}"
            files.append((name, b"junk") if rng.random() < 0.3 else name)
        dataset, report = read(*files)
        others = report.counts.get("other_file", 0)
        assert len(dataset) + report.n_lost + others == len(files)


def test_progress_reaches_the_total(png: Callable) -> None:
    face = png(np.full((48, 48), 9, np.uint8))
    calls: list[tuple[int, int]] = []
    entries = [Entry(f"happy/{n}.png", lambda: face) for n in range(250)]
    dataset = read_pictures(entries, ReadReport(), lambda *call: calls.append(call))
    assert len(dataset) == 250
    assert calls == [(100, 250), (200, 250), (250, 250)]


@pytest.mark.parametrize(("side", "threads"), [(48, {True}), (160, {True, False})])
def test_threads_decode_pictures_that_are_large(
    png: Callable, side: int, threads: set[bool]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, side, side), np.uint8)
    files = [png(face) for face in noise]
    in_main: set[bool] = set()

    def read(number: int) -> bytes:
        in_main.add(current_thread() is main_thread())
        return files[number]

    entries = [Entry(f"happy/{n:03}.png", partial(read, n)) for n in range(len(files))]
    dataset = read_pictures(entries, ReadReport())
    assert in_main == threads
    np.testing.assert_array_equal(dataset.images, [to_face(face) for face in noise])


def test_an_error_in_progress_ends_the_reading(png: Callable) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    entries = [Entry(f"happy/{n}.png", lambda: b"junk") for n in range(600)]
    with pytest.raises(KeyboardInterrupt):
        read_pictures(entries, ReadReport(), interrupt)


def test_huge_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_PICTURE_BYTES", 1000)
    with pytest.raises(UnreadableImage, match="1,001 bytes"):
        folders.check_size(1001)


def test_of_several_frames_the_first_is_taken_and_said(read: Callable) -> None:
    first, second = (Image.new("L", (48, 48), shade) for shade in (100, 200))
    stream = io.BytesIO()
    first.save(stream, "GIF", save_all=True, append_images=[second])
    dataset, report = read(("happy/a.gif", stream.getvalue()))
    assert (dataset.images == 100).all()
    assert report.lines() == [
        "1 picture with several frames, of which the first is taken (happy/a.gif)"
    ]
