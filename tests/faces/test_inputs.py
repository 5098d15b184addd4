import os
import struct
from pathlib import Path

import numpy as np
import pytest

from fer_ensemble.faces import UnreadableImage, read_frames
from fer_ensemble.faces import inputs as files
from fer_ensemble.faces.containers import _elements
from fer_ensemble.faces.decode import TooManyPixels
from fer_ensemble.faces.inputs import (
    FileProblem,
    Item,
    VideoRest,
    check_file,
    iterate_items,
    raising_file_problems,
    read_file,
)
from tests.faces.stand_ins import write_clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Ten grainy frames, each brighter than the one before."""
    grain = np.random.default_rng(0).integers(0, 20, (48, 64, 3), dtype=np.uint8)
    return write_clip(tmp_path / "clip.avi", [20 * number + grain for number in range(10)])


def _described(items: list[Item]) -> list[tuple[str, int | None, str]]:
    return [
        (
            Path(item.path).name,
            item.frame.number if item.frame else None,
            item.problem.status if item.problem else "",
        )
        for item in items
    ]


def test_a_picture_is_an_item_and_a_video_one_for_each_frame(clip: Path) -> None:
    items = list(iterate_items(["a.png", clip, "b.png"], every=4))
    assert _described(items) == [
        ("a.png", None, ""),
        ("clip.avi", 0, ""),
        ("clip.avi", 4, ""),
        ("clip.avi", 8, ""),
        ("b.png", None, ""),
    ]
    frames = [item.frame for item in items if item.frame]
    assert [int(frame.image.mean() / 20) for frame in frames] == [0, 4, 8]
    assert [frame.time for frame in frames] == pytest.approx([0, 0.4, 0.8])


def test_of_the_rest_of_a_video_the_done_frames_are_left_out(clip: Path) -> None:
    rest = [VideoRest(str(clip), 2), "b.png"]
    assert _described(list(iterate_items(rest, every=4))) == [
        ("clip.avi", 8, ""),
        ("b.png", None, ""),
    ]
    assert _described(list(iterate_items([VideoRest(str(clip), 3)], every=4))) == []


def test_what_is_wrong_with_a_video_is_an_item(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "folder.mp4").mkdir()
    names = ("empty.mp4", "text.mp4", "folder.mp4", "lost.mp4")
    items = list(iterate_items([tmp_path / name for name in names]))
    assert _described(items) == [
        ("empty.mp4", None, "empty"),
        ("text.mp4", None, "unreadable"),
        ("folder.mp4", None, "unreadable"),
        ("lost.mp4", None, "missing"),
    ]


def test_a_video_that_breaks_keeps_its_frames_and_says_so(clip: Path) -> None:
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 7 // 10])
    *frames, last = _described(list(iterate_items([clip])))
    assert [number for _, number, _ in frames] == list(range(len(frames)))
    assert 2 <= len(frames) < 10
    assert last == ("clip.avi", None, "unreadable")


def test_a_wrong_setting_is_an_error_and_no_row(clip: Path) -> None:
    with pytest.raises(ValueError, match="every"):
        list(iterate_items([clip], every=0))


def _problem(path: Path | str) -> tuple[str, str]:
    with pytest.raises(FileProblem) as raised, raising_file_problems(str(path)):
        read_file(str(path))
    assert str(raised.value) == raised.value.reason
    return raised.value.status, raised.value.reason


def _broken(kind: str, folder: Path) -> Path:
    path = folder / "face.jpg"
    if kind == "zero bytes":
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
    elif kind == "pattern":
        path = folder / "*.jpg"
    elif kind == "pipe":
        os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("zero bytes", "empty", "the file is empty"),
        ("folder", "unreadable", "a folder that cannot be opened"),
        ("absent", "missing", "no such file"),
        ("pattern", "missing", "nothing matches this pattern"),
        ("link to nothing", "missing", "a link to nothing"),
        ("link to itself", "unreadable", "cannot be opened (Too many levels of symbolic links)"),
        ("below a file", "missing", "no such file"),
        ("pipe", "unreadable", "not a regular file"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")
def test_what_is_wrong_is_told(tmp_path: Path, kind: str, status: str, reason: str) -> None:
    assert _problem(_broken(kind, tmp_path)) == (status, reason)


def test_a_name_that_no_file_can_have_is_told() -> None:
    assert _problem("a\0b.jpg") == ("missing", "no file can have this name")


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    assert read_file(str(tmp_path / "a")) == b"1234"
    assert check_file(str(tmp_path / "a")) == 4


def test_too_many_bytes_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    monkeypatch.setattr(files, "MAX_PICTURE_BYTES", 3)
    status, reason = _problem(tmp_path / "a")
    assert (status, reason[:13]) == ("too_large", "4 bytes large")


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (
            PermissionError(13, "Permission denied"),
            "unreadable",
            "cannot be opened (Permission denied)",
        ),
        (TooManyPixels("too many"), "too_large", "too many"),
        (UnreadableImage("cut short"), "unreadable", "cut short"),
        (MemoryError(), "too_large", "does not fit into memory"),
    ],
)
def test_errors_become_problems(error: Exception, status: str, reason: str) -> None:
    with pytest.raises(FileProblem) as raised, raising_file_problems("a.jpg"):
        raise error
    assert (raised.value.status, raised.value.reason) == (status, reason)
    assert raised.value.__cause__ is error


def test_errors_of_the_program_stay_what_they_are() -> None:
    with pytest.raises(ValueError, match="a setting"), raising_file_problems("a.jpg"):
        raise ValueError("a setting")


@pytest.fixture(scope="module")
def clip_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames, five a second, each of one brightness: 0, 20, 40, …"""
    frames = [np.full((48, 64, 3), 20 * number, np.uint8) for number in range(10)]
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.avi", frames, rate=5)


def test_every_frame_comes_in_order(clip_video: Path) -> None:
    frames = list(read_frames(clip_video))
    assert [frame.number for frame in frames] == list(range(10))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(10) / 5, atol=0.01)
    for frame in frames:
        assert frame.image.shape == (48, 64, 3)
        assert abs(int(frame.image.mean()) - 20 * frame.number) < 5


def test_every_third_frame_keeps_its_number_and_time(clip_video: Path) -> None:
    frames = list(read_frames(clip_video, every=3))
    assert [frame.number for frame in frames] == [0, 3, 6, 9]
    np.testing.assert_allclose([frame.time for frame in frames], [0, 0.6, 1.2, 1.8], atol=0.01)
    assert abs(int(frames[2].image.mean()) - 120) < 5


def test_frames_are_read_as_they_are_taken(clip_video: Path) -> None:
    frames = read_frames(str(clip_video))
    assert next(frames).number == 0
    frames.close()  # type: ignore[attr-defined] - a generator


def test_a_clip_cut_short_gives_its_frames_and_then_tells(clip_video: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.avi"
    data = clip_video.read_bytes()
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


def test_frames_of_too_many_pixels_are_refused(
    clip_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_ensemble.faces.video.MAX_PIXELS", 1000)
    with pytest.raises(TooManyPixels, match="64×48"):
        next(read_frames(clip_video))


def test_every_must_be_positive(clip_video: Path) -> None:
    with pytest.raises(ValueError, match="every"):
        next(read_frames(clip_video, every=0))


def _film(folder: Path, ending: str, n_frames: int = 40) -> Path:
    """Noisy frames at a constant rate of ten a second."""
    frames = np.random.default_rng(0).integers(0, 256, (n_frames, 48, 64, 3), dtype=np.uint8)
    return write_clip(folder / f"film{ending}", frames)


def _set_times(film: Path, times: list[int], duration: float) -> None:
    """Change the times at which the frames of a Matroska file are shown, in milliseconds."""
    data = bytearray(film.read_bytes())
    blocks, cluster = [], 0
    with open(film, "rb") as stream:
        for kind, start, end in _elements(stream, len(data)):
            if kind == 0xE7:
                cluster = int.from_bytes(data[start:end], "big")
            elif kind in (0xA3, 0xA1):
                blocks.append((start, cluster))
    for (start, cluster), time in zip(blocks, times, strict=True):
        struct.pack_into(">h", data, start + 1, time - cluster)  # behind the number of the track
    place = data.index(b"\x44\x89\x88") + 3
    struct.pack_into(">d", data, place, duration)
    film.write_bytes(data)


@pytest.mark.parametrize("last", [700, 9000])
def test_frames_that_are_shown_for_unlike_times_are_all_there(tmp_path: Path, last: int) -> None:
    film = _film(tmp_path, ".mkv", 6)
    _set_times(film, [0, 100, 3000, 3100, 5000, 5100], 5100 + last)
    frames = list(read_frames(film))  # of ten times as many, by duration and rate
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 3, 3.1, 5, 5.1])
    film.write_bytes(film.read_bytes()[:-2000])
    with pytest.raises(UnreadableImage, match=r"cut short: the end is missing, [345] frames can"):
        list(read_frames(film))


@pytest.mark.parametrize("ending", [".mkv", ".avi", ".wmv"])
def test_a_film_of_a_constant_rate_that_is_cut_is_told(tmp_path: Path, ending: str) -> None:
    film = _film(tmp_path, ending)
    assert len(list(read_frames(film))) == 40
    film.write_bytes(film.read_bytes()[: film.stat().st_size * 6 // 10])
    with pytest.raises(UnreadableImage, match="damaged or cut short"):
        list(read_frames(film))


def test_frames_that_are_lost_amid_a_film_are_told(tmp_path: Path) -> None:
    film = _film(tmp_path, ".mkv")
    data = bytearray(film.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 5] = bytes(len(data) // 5)
    film.write_bytes(data)
    with pytest.raises(UnreadableImage, match="damaged or cut short"):
        list(read_frames(film))
