"""Cameras and streams: what is one, which frames are given, and what is said at the end."""

import io
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer_ensemble.faces import (
    FaceFinder,
    Frame,
    LiveSource,
    PictureListing,
    Prediction,
    predict_files,
    read_frames,
    without_secrets,
)
from fer_ensemble.faces import live as live_module
from fer_ensemble.faces.inputs import iterate_items
from fer_ensemble.faces.live import read_live
from fer_ensemble.prediction_run import PredictionRun
from tests.faces.stand_ins import write_clip
from tests.faces.streams import Streams, serving


class Sure:
    classes_ = np.array([3, 4])

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.tile([0.9, 0.1], (len(X), 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip, a segment of a broadcast, and playlists that name it here and there."""
    folder = tmp_path_factory.mktemp("served")
    frames = np.random.default_rng(0).integers(0, 256, (12, 64, 96, 3), dtype=np.uint8)
    write_clip(folder / "clip.avi", frames)
    writer = cv2.VideoWriter(
        str(folder / "segment.ts"), cv2.VideoWriter.fourcc(*"MPEG"), 25, (96, 64)
    )
    for frame in frames:
        writer.write(frame)
    writer.release()
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.48,\n{}\n#EXT-X-ENDLIST\n"
    (folder / "there.m3u8").write_text(playlist.format("segment.ts"))
    (folder / "here.m3u8").write_text(playlist.format((folder / "segment.ts").as_uri()))
    return folder


@pytest.fixture
def streams(folder: Path) -> Iterator[Streams]:
    with serving(folder, np.full((64, 96, 3), 128, np.uint8)) as streams:
        yield streams


def _rows(address: str, **settings: Any) -> list[Prediction]:
    run = PredictionRun(address, Sure(), detector="skip", **settings)
    return [row for batch in run.batches() for row in batch]


def _problem(address: str) -> tuple[str, str]:
    *_, last = iterate_items([LiveSource(address)])
    assert last.problem is not None
    return last.problem.status, last.problem.reason


def test_numbers_and_addresses_are_live_unless_a_file_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("1").mkdir()
    given = ["0", "1", "RTSP://cam/1", "https://a/b?c=*", "ftp://a/b", "0.png"]
    listing = PictureListing(given)
    assert [source.name for source in listing.live] == ["0", "RTSP://cam/1", "https://a/b?c=*"]
    assert [type(path).__name__ for path in listing] == [
        *("LiveSource", "LiveSource", "LiveSource", "str", "str")
    ]
    assert listing.empty_folders == ["1"]
    assert listing.count_pictures() is None


def test_no_list_and_no_iterator_opens_a_camera_or_an_address() -> None:
    listed = PictureListing(["-"], io.BytesIO(b"0\nhttp://a/b\n"))
    assert list(listed) == ["0", "http://a/b"]
    assert [item.problem for item in iterate_items(["0", "http://a/b"])] == [None, None]
    assert list(PictureListing(iter(["0"]))) == ["0"]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("rtsp://anna:secret@cam:554/1", "rtsp://cam:554/1"),
        ("rtsp://anna:p@ss@cam/1", "rtsp://cam/1"),
        ("rtsp://anna:pa/ss@cam/1", "rtsp://cam/1"),
        ("http://cam/a?user=anna&channel=2&pwd=secret#x", "http://cam/a?user=***&channel=2&pwd=***#x"),
        ("https://a/b?X-Amz-Signature=abc", "https://a/b?X-Amz-Signature=***"),
        ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
        ("https://host/@anna/clip.mp4", "https://host/@anna/clip.mp4"),
        ("error: 'http://a:b@c/d' and rtsp://e:f@g", "error: 'http://c/d' and rtsp://g"),
        ("photos/a@b.jpg", "photos/a@b.jpg"),
    ],
)  # fmt: skip
def test_users_passwords_and_tokens_are_left_out_of_names(address: str, name: str) -> None:
    assert without_secrets(address) == name


def test_a_video_with_an_end_is_read_wholly_however_slow_the_reader(streams: Streams) -> None:
    source = LiveSource(f"{streams.address}/clip.avi")
    frames = []
    for frame in read_live(source, every=2):
        time.sleep(0.01)
        frames.append(frame)
    expected = list(read_frames(streams.folder / "clip.avi", every=2))
    assert [frame.number for frame in frames] == [frame.number for frame in expected]
    assert [frame.time for frame in frames] == [frame.time for frame in expected]
    for frame, other in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(frame.image, other.image)
    assert source.n_left_out == 0


def test_of_a_stream_without_an_end_a_slow_reader_gets_the_latest_frames(streams: Streams) -> None:
    streams.go_on.set()
    source = LiveSource(f"{streams.address}/live")
    reading = read_live(source)
    frames: list[Frame] = []
    while len(frames) < 200 and source.n_left_out < 20:
        time.sleep(0.03)
        frames.append(next(reading))
    reading.close()
    numbers = [frame.number for frame in frames]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 0
    assert source.n_left_out >= 20
    assert 0 < numbers[-1] - (len(frames) - 1) <= source.n_left_out < source.n_frames
    assert frames[0].time == 0
    assert frames[-1].time > 0
    assert not [thread for thread in threading.enumerate() if type(thread).__name__ == "_Reader"]


def test_rows_come_before_more_is_waited_for_and_say_when_a_stream_ended(streams: Streams) -> None:
    run = PredictionRun([f"{streams.address}/live"], Sure(), detector="skip")
    batches = run.batches()
    first = next(batches)  # of 30 frames, after which nothing comes
    assert len(first) <= 30
    assert (first[0].frame, first[0].time, first[0].label) == (0, 0.0, "happy")
    streams.closing.set()
    streams.go_on.set()
    last = [row for batch in batches for row in batch][-1]
    assert (last.frame, last.status) == (None, "unreadable")
    assert re.fullmatch(r"the stream ended or broke off after \d+ frames", last.reason)


def test_a_run_that_is_closed_waits_for_no_frame(streams: Streams) -> None:
    batches = PredictionRun([f"{streams.address}/live"], Sure(), detector="skip").batches()
    next(batches)
    start = time.monotonic()
    batches.close()
    assert time.monotonic() - start < 3  # a frame is waited for for ten seconds


def test_names_in_rows_hold_no_password_and_files_can_be_called_so(
    streams: Streams, tmp_path: Path
) -> None:
    address = streams.address.replace("://", "://anna:secret@")
    rows = _rows(f"{address}/short?token=secret", annotate_to=tmp_path)
    assert {row.path for row in rows} == {f"{streams.address}/short?token=***"}
    [copy] = tmp_path.rglob("*.mp4")
    assert "secret" not in str(copy)
    assert not set(':?*"<>|') & set(str(copy.relative_to(tmp_path)))


def test_a_playlist_from_elsewhere_opens_no_file_of_this_machine(streams: Streams) -> None:
    there = _rows(f"{streams.address}/there.m3u8")
    assert [row.frame for row in there] == list(range(12))
    assert len(list(read_frames(streams.folder / "here.m3u8"))) == 12  # from here it may
    status, reason = _problem(f"{streams.address}/here.m3u8")
    assert (status, reason.split(":")[0]) == (
        "unreadable",
        "it cannot be opened within 10 seconds",
    )


def test_a_server_that_says_nothing_is_waited_for_so_long(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "PATIENCE", 0.3)
    start = time.monotonic()
    for name in ("silent", "lost.mp4"):
        assert "it cannot be opened within 0.3 seconds" in _problem(f"{streams.address}/{name}")[1]
    streams.go_on.clear()
    assert "broke off after 30 frames" in _problem(f"{streams.address}/live")[1]
    assert time.monotonic() - start < 5


class FakeCamera:
    """Ten frames, as fast as they are asked for."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.left = 10
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.number == 0

    def get(self, _: int) -> float:
        return 0.0

    def grab(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.full((48, 64, 3), self.left, np.uint8)

    def release(self) -> None:
        self.released = True


def test_a_camera_is_read_by_its_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    cameras: list[FakeCamera] = []

    def open_camera(number: int) -> FakeCamera:
        cameras.append(FakeCamera(number))
        return cameras[-1]

    monkeypatch.setattr(cv2, "VideoCapture", open_camera)
    first, *_, last = _rows("0", every=3)
    assert (first.path, first.frame, first.status) == ("0", 0, "ok")
    assert last.reason == "the camera ended or broke off after 10 frames"
    [missing] = _rows("7")
    assert missing.status == "missing"
    assert missing.reason.startswith("neither a file of this name nor a camera 7")
    assert [(camera.number, camera.released) for camera in cameras] == [(0, True), (7, True)]


def test_a_live_source_cannot_be_resumed(tmp_path: Path) -> None:
    run = PredictionRun(["rtsp://cam/1"], Sure(), out=tmp_path / "rows.csv", resume=True)
    with pytest.raises(ValueError, match="what a live source has shown is gone"):
        run.prepare()


def test_pictures_are_shown_in_their_order_and_rows_are_those_of_the_batch(
    folder: Path, streams: Streams
) -> None:
    shown = []
    batches = predict_files(
        Sure(),
        [folder / "clip.avi"],
        class_names=("happy", "sad"),
        finder=FaceFinder("skip"),
        show=lambda path, image: shown.append((path, image.shape)),
        at_once=True,
    )
    n_rows = 0
    for batch in batches:
        n_rows += len(batch)
        assert len(shown) == n_rows
    assert shown == [(str(folder / "clip.avi"), (256, 384, 3))] * 12
