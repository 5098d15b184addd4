from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ensemble.faces.decode import TooManyPixels, UnreadableImage
from fer_ensemble.faces.video import is_video, read_frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames, five a second, each of one brightness: 0, 20, 40, …"""
    path = tmp_path_factory.mktemp("clips") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 5, (64, 48))
    assert writer.isOpened()
    for number in range(10):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()
    return path


def test_every_frame_comes_in_order(clip: Path) -> None:
    frames = list(read_frames(clip))
    assert [frame.number for frame in frames] == list(range(10))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(10) / 5, atol=0.01)
    for frame in frames:
        assert frame.image.shape == (48, 64, 3)
        assert abs(int(frame.image.mean()) - 20 * frame.number) < 5


def test_every_third_frame_keeps_its_number_and_time(clip: Path) -> None:
    frames = list(read_frames(clip, every=3))
    assert [frame.number for frame in frames] == [0, 3, 6, 9]
    np.testing.assert_allclose([frame.time for frame in frames], [0, 0.6, 1.2, 1.8], atol=0.01)
    assert abs(int(frames[2].image.mean()) - 120) < 5


def test_frames_are_read_as_they_are_taken(clip: Path) -> None:
    frames = read_frames(str(clip))
    assert next(frames).number == 0
    frames.close()  # type: ignore[attr-defined] - a generator


def test_a_clip_cut_short_gives_its_frames_and_then_tells(clip: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.avi"
    data = clip.read_bytes()
    short.write_bytes(data[: len(data) * 3 // 4])
    frames = read_frames(short)
    numbers = []
    with pytest.raises(UnreadableImage, match=r"cut short: \d of 10 frames"):  # noqa: PT012
        for frame in frames:
            numbers.append(frame.number)
    assert 2 <= len(numbers) < 10


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    for name, data in {"text.mp4": b"hello" * 99, "empty.avi": b"", "frame01.mkv": b"x"}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UnreadableImage, match="not a video"):
            next(read_frames(tmp_path / name))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="no such file"):
        next(read_frames(tmp_path / "none.mp4"))


def test_frames_of_too_many_pixels_are_refused(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_ensemble.faces.decode.MAX_PIXELS", 1000)
    with pytest.raises(TooManyPixels, match="64×48"):
        next(read_frames(clip))


def test_every_must_be_positive(clip: Path) -> None:
    with pytest.raises(ValueError, match="every"):
        next(read_frames(clip, every=0))


def test_videos_are_told_by_their_ending() -> None:
    assert is_video("a/b.MP4")
    assert is_video(Path("b.webm"))
    assert not is_video("b.jpg")
    assert not is_video("mp4")
