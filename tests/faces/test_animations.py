import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fer_ensemble.faces import UnreadableImage, animations
from fer_ensemble.faces.animations import is_animated, read_animation
from fer_ensemble.faces.contents import recognise
from fer_ensemble.faces.inputs import GivenPicture, iterate_items

SHADES = (0, 60, 120, 180, 240)
KINDS: dict[str, dict[str, Any]] = {
    "GIF": {"duration": 100},
    "WEBP": {"duration": 100, "lossless": True},
    "PNG": {"duration": 100},
    "TIFF": {},
}


def _pictures(noise: int) -> list[Image.Image]:
    random = np.random.default_rng(0)
    grains = random.integers(0, noise, (len(SHADES), 40, 60, 3), dtype=np.uint8)
    return [Image.fromarray(np.uint8(s) + g) for s, g in zip(SHADES, grains, strict=True)]


def _encoded(kind: str, n_frames: int = len(SHADES), noise: int = 8) -> bytes:
    stream = io.BytesIO()
    first, *others = _pictures(noise)[:n_frames]
    more = {"save_all": True, "append_images": others} if others else {}
    first.save(stream, kind, **more, **KINDS[kind])
    return stream.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_is_read_with_its_number_and_time(kind: str) -> None:
    frames = list(read_animation(_encoded(kind)))
    assert [frame.number for frame in frames] == list(range(5))
    times = [None] * 5 if kind == "TIFF" else pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert [frame.time for frame in frames] == times
    assert [frame.image.shape for frame in frames] == [(40, 60, 3)] * 5
    assert [frame.image.mean() for frame in frames] == pytest.approx([s + 4 for s in SHADES], abs=4)
    third = list(read_animation(_encoded(kind), every=3))
    assert [frame.number for frame in third] == [0, 3]
    np.testing.assert_array_equal(third[1].image, frames[3].image)


@pytest.mark.parametrize("kind", KINDS)
def test_one_frame_is_a_picture_and_several_are_told_by_content(kind: str, tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(_encoded(kind, 1))
    (tmp_path / "many.jpg").write_bytes(_encoded(kind))
    items = list(iterate_items([tmp_path / "one.jpg", tmp_path / "many.jpg"], every=2))
    assert [item.frame and item.frame.number for item in items] == [None, 0, 2, 4]
    given = GivenPicture("<bytes 0>", _encoded(kind))
    assert [item.path for item in iterate_items([given], every=4)] == ["<bytes 0>"] * 2


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF"])
def test_one_cut_short_gives_its_frames_and_then_tells(kind: str) -> None:
    data = _encoded(kind, noise=255)
    numbers = []
    with pytest.raises(UnreadableImage, match=r"cut short after \d frames"):  # noqa: PT012
        for frame in read_animation(data[: len(data) * 3 // 4]):
            numbers.append(frame.number)
    assert numbers in ([0, 1], [0, 1, 2])


def test_small_copies_of_a_page_are_no_pages() -> None:
    stream = io.BytesIO()
    page = Image.new("L", (80, 60))
    copy = Image.new("L", (8, 6))
    copy.encoderinfo = {"tiffinfo": {254: 1}}
    page.save(stream, "TIFF", save_all=True, append_images=[copy])
    data = stream.getvalue()
    with Image.open(io.BytesIO(data)) as written:
        assert written.n_frames == 2
    assert not is_animated(data)
    assert [frame.image.shape for frame in read_animation(data)] == [(60, 80)]


@pytest.mark.parametrize(("limit", "most"), [("MAX_FRAMES", 3), ("MAX_FRAME_PIXELS", 3 * 40 * 60)])
def test_no_more_is_read_than_a_small_file_may_claim(
    limit: str, most: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(animations, limit, most)
    (tmp_path / "long.gif").write_bytes(_encoded("GIF"))
    *frames, last = iterate_items([tmp_path / "long.gif"])
    assert len(frames) == 3
    assert last.problem is not None
    assert (last.problem.status, last.problem.reason[:27]) == (
        "too_large",
        "the first 3 frames were rea",
    )


@pytest.mark.parametrize(
    ("beginning", "content"),
    [
        (b"\xff\xd8\xff\xe0", "picture"),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "picture"),
        (b"BM of words", None),
        (b"P5\n48 48\n255\n", "picture"),
        (b"Phone", None),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "picture"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", "picture"),
        (b"\0\0\0\x1cftypavis\0\0\0\0avismsf1", "animation"),
        (b"\0\0\0\x14ftypisom\0\0\0\0mp42", "video"),
        (b"\0\0\0\x14ftyp3gp5\0\0\0\0isom", "video"),
        (b"\0\0\0\x14ftypM4A \0\0\0\0isom", None),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"\x1a\x45\xdf\xa3", "video"),
        (b"FLV\x01\x05", "video"),
        (b"OggS" + bytes(24) + b"\x80theora", "video"),
        (b"OggS" + bytes(24) + b"\x01vorbis", None),
        (b"".join(bytes(4) + b"\x47" + bytes(187) for _ in range(3)), "video"),
        (b"Good", None),
        (b"", None),
    ],
)
def test_what_a_file_is_shows_in_how_it_begins(beginning: bytes, content: str | None) -> None:
    assert recognise(io.BytesIO(beginning)) == content
