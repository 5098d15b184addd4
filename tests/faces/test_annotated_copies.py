"""Annotated copies: what they are called, what videos become, and what an interruption leaves."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_ensemble.faces import FaceBox, FaceFinder, Frame, predict_files, read_frames
from fer_ensemble.faces.annotated_copies import AnnotatedCopies
from fer_ensemble.faces.inputs import VideoRest
from fer_ensemble.faces.mp4 import Mp4Writer, fit
from tests.faces.stand_ins import Crowd, FixedBoxes, write_clip

ONE_FACE = FixedBoxes(FaceBox(100, 100, 200, 200, score=1.0))


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
    write_clip(work / "clip.avi", [picture] * 2)
    monkeypatch.chdir(work)
    return work


def _annotate(*paths: str | Path, detector: object = ONE_FACE) -> None:
    finder = FaceFinder(detector)
    batches = predict_files(
        Sure(), paths, class_names=("happy", "sad"), finder=finder, annotate_to="seen"
    )
    list(batches)


def _listed(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def test_pictures_and_frames_have_their_places_in_the_folder(folder: Path) -> None:
    _annotate("photos/a.png", "clip.avi", "../up.png", "./photos/../photos/a.png")
    assert _listed(folder / "seen") == [
        "__/up.png.jpg",
        "clip.avi.mp4",
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
    [path] = _listed(folder / "seen")
    _, copy = cv2.VideoCapture(str(folder / "seen" / path)).read()
    copy = copy.astype(int)
    assert copy.shape == (400, 500, 3)
    drawn = np.abs(copy - 128).max(axis=2) > 40
    assert drawn[90:310, 90:310].any()
    assert not drawn[:60].any()
    assert not drawn[:, :60].any()


def test_a_picture_without_a_face_is_copied_and_what_cannot_be_read_is_not(folder: Path) -> None:
    (folder / "text.png").write_text("no picture")
    _annotate("photos/a.png", "text.png", "lost.png", detector=FixedBoxes())
    assert _listed(folder / "seen") == ["photos/a.png.jpg"]


def test_a_folder_that_cannot_be_made_is_an_error(folder: Path) -> None:
    (folder / "seen").touch()
    with pytest.raises(OSError, match="seen"):
        _annotate("photos/a.png")


def test_nothing_is_made_for_no_pictures(folder: Path) -> None:
    with AnnotatedCopies("seen") as copies:
        copies.add([])
    assert "seen" not in os.listdir()


def _gray(level: int, height: int = 240, width: int = 320) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def _frames(path: Path) -> list[Frame]:
    return list(read_frames(path))


def _levels(path: Path) -> list[int]:
    """Brightness of each frame's middle, in steps of fifty."""
    return [round(frame.image[100:140].mean() / 50) for frame in _frames(path)]


def _steps(n_frames: int) -> list[int]:
    return [number * 2 % 5 for number in range(n_frames)]


def _batches(*paths: Any, detector: object = FixedBoxes(), **settings: Any) -> Any:
    finder = FaceFinder(detector)
    settings = {"class_names": ("happy", "sad"), "annotate_to": "seen", **settings}
    return predict_files(Sure(), paths, finder=finder, **settings)


def test_a_copy_has_the_frames_of_its_video_in_their_order_and_its_rate(folder: Path) -> None:
    write_clip(Path("a.avi"), [_gray(50 * n) for n in _steps(25)], rate=12)
    list(_batches("a.avi", "clip.avi", "a.avi", batch_size=2))  # batches end within it
    assert _levels(Path("seen/a.avi.mp4")) == _steps(25)
    assert [frame.time for frame in _frames(Path("seen/a.avi.mp4"))] == pytest.approx(
        np.arange(25) / 12, abs=0.002
    )
    list(_batches("a.avi", annotate_to="few", every=4))
    few = _frames(Path("few/a.avi.mp4"))
    assert [frame.time for frame in few] == pytest.approx(np.arange(7) / 3, abs=0.002)


def test_an_animation_keeps_its_times_and_pages_become_pictures(folder: Path) -> None:
    frames = [Image.fromarray(_gray(level)) for level in (0, 100, 200)]
    options: Any = {"save_all": True, "append_images": frames[1:]}
    frames[0].save("a.webp", duration=[100, 300, 200], lossless=True, **options)
    frames[0].save("text.tif", **options)
    list(_batches("a.webp", "text.tif"))
    assert _listed(folder / "seen") == [
        "a.webp.mp4",
        *(f"text.tif/{number:06d}.jpg" for number in range(3)),
    ]
    assert _levels(Path("seen/a.webp.mp4")) == [0, 2, 2, 2, 4]


def test_an_interrupted_copy_is_whole_and_called_a_part_and_so_is_the_rest(folder: Path) -> None:
    write_clip(Path("a.avi"), [_gray(50 * n) for n in _steps(12)])
    batches = _batches("clip.avi", "a.avi", batch_size=2)  # faces; or four frames without one
    next(batches)
    next(batches)
    batches.close()
    list(_batches(VideoRest("a.avi", 6)))
    assert _listed(folder / "seen") == [
        "a.avi.000000-000005.mp4",
        "a.avi.000006-000011.mp4",
        "clip.avi.mp4",
    ]
    assert _levels(Path("seen/a.avi.000000-000005.mp4")) == _steps(12)[:6]
    assert _levels(Path("seen/a.avi.000006-000011.mp4")) == _steps(12)[6:]


def test_sides_become_even_and_a_legend_is_fitted_into_the_frame(folder: Path) -> None:
    frames = [Image.fromarray(_gray(level, 301, 401)) for level in (1, 250, 1)]
    frames[0].save("odd.gif", save_all=True, append_images=frames[1:], duration=100)
    # More faces than there is room for beside them.
    list(_batches("odd.gif", detector=Crowd(unit=25, box=FaceBox(0, 0, 40, 300, score=1))))
    copy = _frames(Path("seen/odd.gif.mp4"))
    assert {frame.image.shape for frame in copy} == {(302, 402, 3)}
    assert (copy[1].image[:, :20] < 40).mean() > 0.9  # black beside what was scaled


def test_pictures_are_fitted_without_scaling_for_one_pixel() -> None:
    random = np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    assert (fit(random, (12, 10))[:9, :11] == random).all()
    tall = fit(np.full((40, 10, 3), 200, np.uint8), (20, 20))
    assert (tall[:, 8:12] == 200).all()
    assert not tall[:, :7].any()
    assert not tall[:, 13:].any()


@pytest.mark.parametrize(
    ("rate", "times", "n_frames"),
    [
        (10, [0, 0.1, 0.5], 6),  # a longer one in between
        (None, [5, 5.25, 5.5], 3),
        (10, [0, 0, 0], 3),  # none is left out where time stands still,
        (10, [0, 3600], 101),  # and none is shown for an hour
        (1000, [0, 0.5, 1], 3),  # a unit of time, and no rate
        (None, [0], 1),
    ],
)
def test_pictures_are_shown_at_their_times(
    tmp_path: Path, rate: float | None, times: list[float], n_frames: int
) -> None:
    writer = Mp4Writer(tmp_path / "new", (320, 240), rate)
    for time in times:
        writer.write(_gray(99), time)
    writer.finish(tmp_path / "new" / "a.mp4")
    assert len(_frames(tmp_path / "new" / "a.mp4")) == n_frames
    assert os.listdir(tmp_path / "new") == ["a.mp4"]


def test_a_full_disk_is_an_error_and_leaves_what_was_there(folder: Path) -> None:
    resource = pytest.importorskip("resource")
    noise = np.random.default_rng(0).integers(0, 256, (8, 240, 320, 3), dtype=np.uint8)
    write_clip(Path("noise.avi"), noise)
    Path("seen").mkdir()
    Path("seen/noise.avi.mp4").write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"could not be written.*noise\.avi\.mp4"):
            list(_batches("noise.avi"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert _listed(folder / "seen") == ["noise.avi.mp4"]
    assert Path("seen/noise.avi.mp4").read_text() == "before"
