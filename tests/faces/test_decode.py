import io
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_ensemble.faces.decode import (
    MAX_PIXELS,
    UnreadableImage,
    decode_gray,
    decode_image,
    to_face,
    to_gray,
)


@pytest.fixture
def gray() -> np.ndarray:
    """A random gray picture that is not square."""
    return np.random.default_rng(0).integers(0, 256, (30, 40), dtype=np.uint8)


def _encoded(image: np.ndarray, ending: str) -> bytes:
    return cv2.imencode(ending, image)[1].tobytes()


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tiff", ".pgm"])
def test_lossless_pictures_come_back_exactly(gray: np.ndarray, ending: str) -> None:
    decoded = decode_gray(_encoded(gray, ending))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, gray)


@pytest.mark.parametrize("ending", [".jpg", ".webp"])
def test_lossy_pictures_come_back_nearly(ending: str) -> None:
    smooth = np.add.outer(np.arange(30), np.arange(40)).astype(np.uint8) * 3
    decoded = decode_gray(_encoded(smooth, ending))
    assert np.abs(decoded.astype(int) - smooth).max() < 12


def test_colour_and_depth_become_8_bit_gray(gray: np.ndarray) -> None:
    colour = np.dstack([gray, gray, gray])
    np.testing.assert_array_equal(decode_gray(_encoded(colour, ".png")), gray)
    deep = gray.astype(np.uint16) * 257
    np.testing.assert_array_equal(decode_gray(_encoded(deep, ".png")), gray)


def test_exif_orientation_is_obeyed() -> None:
    picture = Image.fromarray(np.full((30, 40), 128, np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", exif=exif)
    assert decode_gray(buffer.getvalue()).shape == (40, 30)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow says it of the TIFF
@pytest.mark.parametrize("ending", [".png", ".jpg", ".bmp", ".webp", ".tiff"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_picture_cut_short_is_refused(gray: np.ndarray, ending: str, share: float) -> None:
    data = _encoded(gray, ending)
    with pytest.raises(UnreadableImage, match=r"damaged|not a picture"):
        decode_gray(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    "data", [b"hello", b"\x00" * 5000, b"\x89PNG\r\n\x1a\n" + b"x" * 99, b"\xff\xd8\xff" * 9, b"BM"]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableImage, match="picture"):
        decode_gray(data)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(UnreadableImage, match="empty"):
        decode_gray(b"")


def _png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [12_500, 14_000, 60_000])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(side: int) -> None:
    assert side * side > MAX_PIXELS
    with pytest.raises(UnreadableImage, match="too many pixels"):
        decode_gray(_png_claiming(side, side))


def test_a_tile_of_too_many_pixels_is_refused_whatever_the_picture(gray: np.ndarray) -> None:
    buffer = io.BytesIO()
    Image.fromarray(gray).save(buffer, "TIFF", tiffinfo={65_000: 60_000, 65_001: 60_000})
    data = buffer.getvalue()
    for spare, tag in ((65_000, 322), (65_001, 323)):  # TileWidth, TileLength
        data = data.replace(struct.pack("<H", spare), struct.pack("<H", tag))
    with pytest.raises(UnreadableImage, match="too many pixels"):
        decode_image(data)


def test_large_pictures_are_decoded_too(monkeypatch: pytest.MonkeyPatch, gray: np.ndarray) -> None:
    monkeypatch.setattr("fer_ensemble.faces.decode._LARGE", 100)
    for _ in range(2):  # the lock is given back
        np.testing.assert_array_equal(decode_image(_encoded(gray, ".png")), gray)


def test_a_face_of_the_right_size_stays() -> None:
    face = np.zeros((48, 48), np.uint8)
    assert to_face(face) is face


@pytest.mark.parametrize("shape", [(96, 96), (20, 20), (200, 30), (30, 200), (1, 1), (48, 64)])
def test_faces_become_square(shape: tuple[int, int]) -> None:
    face = to_face(np.full(shape, 77, np.uint8))
    assert face.shape == (48, 48)
    assert face.dtype == np.uint8
    assert (face == 77).all()


def test_shrinking_averages() -> None:
    fine = np.tile(np.array([[0, 200], [200, 0]], np.uint8), (48, 48))
    assert (to_face(fine) == 100).all()
    tall = np.tile(np.array([[0], [200]], np.uint8), (48, 24))
    assert (to_face(tall) == 100).all()


def test_growing_is_smooth() -> None:
    ramp = np.tile(np.linspace(0, 240, 16, dtype=np.uint8), (16, 1))
    steps = np.diff(to_face(ramp, size=64)[0].astype(int))
    assert steps.min() >= -1
    assert steps.max() < 12


def test_colour_becomes_gray_by_brightness() -> None:
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 90, 90]]], np.uint8)
    np.testing.assert_allclose(to_gray(primaries), [[29, 150, 76, 90]], atol=1)
    gray = np.zeros((3, 4), np.uint8)
    assert to_gray(gray) is gray


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros(4, np.uint8)]
)
def test_what_is_no_picture_does_not_become_gray(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8 array of shape"):
        to_gray(bad)


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4)), np.zeros((0, 4), np.uint8)]
)
def test_what_is_no_gray_picture_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8 array of shape"):
        to_face(bad)


def test_broken_pictures_leave_stderr_clean() -> None:
    code = (
        "from fer_ensemble.faces.decode import *; import io, PIL.Image as I; b = io.BytesIO(); "
        "I.new('L', (99, 99)).save(b, 'PNG')\n"
        "try: decode_gray(b.getvalue()[:-20])\n"
        "except UnreadableImage: print('refused')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "refused"
    assert run.stderr == ""
