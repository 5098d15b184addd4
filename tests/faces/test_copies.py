import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ensemble.faces.boxes import FaceBox
from fer_ensemble.faces.copies import write_copies
from fer_ensemble.faces.finding import FaceFinder
from fer_ensemble.faces.prediction import predict_files


class OneFace:
    def detect(self, image: np.ndarray) -> list[FaceBox]:
        return [FaceBox(100, 100, 200, 200, score=1.0)]


class Sure:
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.tile([0.9, 0.1], (len(X), 1))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, below another, with a picture and a clip of two frames."""
    work = tmp_path / "work"
    (work / "photos").mkdir(parents=True)
    picture = np.full((400, 500, 3), 128, np.uint8)
    for path in (work / "photos" / "a.png", tmp_path / "up.png"):
        cv2.imwrite(str(path), picture)
    writer = cv2.VideoWriter(str(work / "clip.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 5, (500, 400))
    for _ in range(2):
        writer.write(picture)
    writer.release()
    monkeypatch.chdir(work)
    return work


def _annotate(*paths: str | Path, detector: object = OneFace()) -> None:
    finder = FaceFinder(detector)
    batches = predict_files(
        Sure(), paths, class_names=("happy", "sad"), finder=finder, annotate_to="seen"
    )
    list(batches)


def _listed(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*g"))


def test_pictures_and_frames_have_their_places_in_the_folder(folder: Path) -> None:
    _annotate("photos/a.png", "clip.avi", "../up.png", "./photos/../photos/a.png")
    assert _listed(folder / "seen") == [
        "__/up.png.jpg",
        "clip.avi/000000.jpg",
        "clip.avi/000001.jpg",
        "photos/__/photos/a.png.jpg",
        "photos/a.png.jpg",
    ]


def test_an_absolute_path_stays_in_the_folder(folder: Path) -> None:
    _annotate(folder / "photos" / "a.png")
    [copy] = _listed(folder / "seen")
    assert copy.endswith("work/photos/a.png.jpg")


@pytest.mark.parametrize("name", ["photos/a.png", "clip.avi"])
def test_a_copy_shows_the_face_and_keeps_the_rest(folder: Path, name: str) -> None:
    _annotate(name)
    copy = cv2.imread(str(folder / "seen" / _listed(folder / "seen")[0])).astype(int)
    assert copy.shape == (400, 500, 3)
    drawn = np.abs(copy - 128).max(axis=2) > 40
    assert drawn[90:310, 90:310].any()
    assert not drawn[:60].any()
    assert not drawn[:, :60].any()


def test_a_picture_without_a_face_is_copied_and_what_cannot_be_read_is_not(folder: Path) -> None:
    class Nobody:
        def detect(self, image: np.ndarray) -> list[FaceBox]:
            return []

    (folder / "text.png").write_text("no picture")
    _annotate("photos/a.png", "text.png", "lost.png", detector=Nobody())
    assert _listed(folder / "seen") == ["photos/a.png.jpg"]


def test_a_folder_that_cannot_be_made_is_an_error(folder: Path) -> None:
    (folder / "seen").touch()
    with pytest.raises(OSError, match="seen"):
        _annotate("photos/a.png")


def test_nothing_is_made_for_no_pictures(folder: Path) -> None:
    write_copies("seen", [])
    assert "seen" not in os.listdir()
