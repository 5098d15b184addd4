import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_ensemble.faces import decode, files
from fer_ensemble.faces.files import read_face, read_faces


def _png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


FACE = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)


@pytest.fixture
def face_file(tmp_path: Path) -> Path:
    path = tmp_path / "face.png"
    path.write_bytes(_png(FACE))
    return path


def test_a_face_is_read_as_it_is(face_file: Path) -> None:
    read = read_face(face_file)
    assert (read.path, read.status, read.reason) == (str(face_file), "ok", "")
    assert read.face is not None
    np.testing.assert_array_equal(read.face, FACE)


def test_a_picture_of_another_size_is_resized(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(_png(np.full((100, 80, 3), 7, np.uint8)))
    read = read_face(path, size=32)
    assert read.face is not None
    assert read.face.shape == (32, 32)
    assert (read.face == 7).all()


def _broken(kind: str, folder: Path) -> Path:
    path = folder / "face.jpg"
    if kind == "text":
        path.write_text("not a picture")
    elif kind == "cut short":
        path.write_bytes(_png(FACE)[:200])
    elif kind == "zero bytes":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "link to nothing":
        path.symlink_to(folder / "lost.jpg")
    elif kind == "link to itself":
        path.symlink_to(path)
    elif kind == "below a file":
        path.touch()
        path /= "face.jpg"
    elif kind == "pipe":
        os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("text", "unreadable", "not a picture"),
        ("cut short", "unreadable", "cut short"),
        ("zero bytes", "empty", "empty"),
        ("folder", "unreadable", "folder"),
        ("absent", "missing", "no such file"),
        ("link to nothing", "missing", "link to nothing"),
        ("link to itself", "unreadable", "cannot be opened"),
        ("below a file", "missing", "no such file"),
        ("pipe", "unreadable", "not a regular file"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")
def test_what_is_wrong_is_told(tmp_path: Path, kind: str, status: str, reason: str) -> None:
    read = read_face(_broken(kind, tmp_path))
    assert read.face is None
    assert read.status == status
    assert reason in read.reason


def test_a_file_that_may_not_be_read_is_told(
    face_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    read = read_face(face_file)
    assert (read.status, read.reason) == ("unreadable", "cannot be opened (Permission denied)")


def test_too_many_bytes_are_not_read(face_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_PICTURE_BYTES", 100)
    read = read_face(face_file)
    assert read.status == "too_large"
    assert "bytes large" in read.reason


def test_too_many_pixels_are_not_decoded(face_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_PIXELS", 100)
    read = read_face(face_file)
    assert read.status == "too_large"
    assert "48×48" in read.reason


@pytest.mark.parametrize("n_jobs", [1, 4, -1])
def test_faces_come_in_the_order_of_the_paths(tmp_path: Path, n_jobs: int) -> None:
    paths = []
    for value in range(40):
        paths.append(tmp_path / f"{value}.png")
        side = 400 if value % 3 == 0 else 48  # some take longer than those after them
        paths[-1].write_bytes(_png(np.full((side, side), value, np.uint8)))
    read = list(read_faces(paths, ahead=10, n_jobs=n_jobs))
    assert [file.path for file in read] == [str(path) for path in paths]
    assert [int(file.face[0, 0]) for file in read if file.face is not None] == list(range(40))


def test_reading_does_not_run_ahead(face_file: Path) -> None:
    taken = 0

    def paths() -> Iterator[Path]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield face_file

    faces = read_faces(paths(), ahead=10, n_jobs=2)
    for _ in range(5):
        next(faces)
    time.sleep(0.1)  # would threads go on by themselves, they did so now
    assert taken == 15
    faces.close()  # type: ignore[attr-defined]


def test_files_are_read_while_the_caller_is_busy(
    face_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seventh = threading.Event()
    count = iter(range(1, 100))
    read = files.read_face

    def counted(path: Path, size: int) -> files.FaceFile:
        result = read(path, size)
        if next(count) == 7:
            seventh.set()
        return result

    monkeypatch.setattr(files, "read_face", counted)
    faces = read_faces([face_file] * 20, ahead=6, n_jobs=1)
    next(faces)
    assert seventh.wait(5)
    faces.close()  # type: ignore[attr-defined]
