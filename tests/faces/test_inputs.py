from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ensemble.faces.inputs import Item, VideoRest, iterate_items


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Ten grainy frames, each brighter than the one before."""
    grain = np.random.default_rng(0).integers(0, 20, (48, 64, 3), dtype=np.uint8)
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for number in range(10):
        writer.write(20 * number + grain)
    writer.release()
    return path


def _told(items: list[Item]) -> list[tuple[str, int | None, str]]:
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
    assert _told(items) == [
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
    assert _told(list(iterate_items(rest, every=4))) == [("clip.avi", 8, ""), ("b.png", None, "")]
    assert _told(list(iterate_items([VideoRest(str(clip), 3)], every=4))) == []


def test_what_is_wrong_with_a_video_is_an_item(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "folder.mp4").mkdir()
    names = ("empty.mp4", "text.mp4", "folder.mp4", "lost.mp4")
    items = list(iterate_items([tmp_path / name for name in names]))
    assert _told(items) == [
        ("empty.mp4", None, "empty"),
        ("text.mp4", None, "unreadable"),
        ("folder.mp4", None, "unreadable"),
        ("lost.mp4", None, "missing"),
    ]


def test_a_video_that_breaks_keeps_its_frames_and_says_so(clip: Path) -> None:
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 7 // 10])
    *frames, last = _told(list(iterate_items([clip])))
    assert [number for _, number, _ in frames] == list(range(len(frames)))
    assert 2 <= len(frames) < 10
    assert last == ("clip.avi", None, "unreadable")


def test_a_wrong_setting_is_an_error_and_no_row(clip: Path) -> None:
    with pytest.raises(ValueError, match="every"):
        list(iterate_items([clip], every=0))
