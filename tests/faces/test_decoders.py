"""Every format and kind of picture, through `decode_image` and `decode_gray`."""

import io
import struct
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_ensemble.faces.decode import UnreadableImage, decode_gray, decode_image

RED, GREEN, BLUE = 200, 100, 50


@pytest.fixture
def colour() -> Image.Image:
    """A picture of one colour that is not square."""
    return Image.new("RGB", (40, 30), (RED, GREEN, BLUE))


def _encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _assert_colour(data: bytes, shape: tuple[int, int] = (30, 40), tolerance: int = 3) -> None:
    decoded = decode_image(data)
    assert decoded.shape == (*shape, 3)
    assert decoded.dtype == np.uint8
    np.testing.assert_allclose(decoded[5, 5], [BLUE, GREEN, RED], atol=tolerance)
    gray = decode_gray(data)
    assert gray.shape == shape
    assert abs(int(gray[5, 5]) - 124) <= tolerance


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "MPO"])
def test_colour_in_every_format(colour: Image.Image, kind: str) -> None:
    _assert_colour(_encoded(colour, kind), tolerance=4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "PPM"])
def test_gray_stays_gray(colour: Image.Image, kind: str) -> None:
    decoded = decode_image(_encoded(colour.convert("L"), kind))
    assert decoded.shape == (30, 40)
    assert (decoded == 124).all()


@pytest.mark.parametrize("kind", ["WEBP", "GIF"])
def test_gray_as_colour_has_equal_channels(colour: Image.Image, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode_image(_encoded(colour.convert("L"), kind, **options))
    assert decoded.shape == (30, 40, 3)
    assert (decoded == 124).all()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits"])
def test_compressed_tiff(colour: Image.Image, compression: str) -> None:
    _assert_colour(_encoded(colour, "TIFF", compression=compression))


@pytest.mark.parametrize("ending", [".png", ".tiff", ".ppm"])
def test_16_bit_colour(ending: str) -> None:
    deep = np.full((30, 40, 3), (BLUE, GREEN, RED), np.uint16) * 257
    _assert_colour(cv2.imencode(ending, deep)[1].tobytes(), tolerance=1)


@pytest.mark.parametrize("ending", [".png", ".tiff", ".pgm"])
def test_16_bit_gray(ending: str) -> None:
    deep = np.full((30, 40), 200 * 257, np.uint16)
    decoded = decode_image(cv2.imencode(ending, deep)[1].tobytes())
    assert decoded.shape == (30, 40)
    assert (decoded == 200).all()


@pytest.mark.parametrize("kind", ["F", "I"])
def test_32_bit_values_are_refused_by_name(colour: Image.Image, kind: str) -> None:
    with pytest.raises(UnreadableImage, match="32 bits"):
        decode_image(_encoded(colour.convert(kind), "TIFF"))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_become_colours(colour: Image.Image, kind: str) -> None:
    _assert_colour(_encoded(colour.convert("CMYK"), kind))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(("alpha", "expected"), [(0, 255), (255, 200), (128, 227)])
def test_transparency_lies_on_white(
    colour: Image.Image, kind: str, alpha: int, expected: int
) -> None:
    colour.putalpha(alpha)
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode_image(_encoded(colour, kind, **options))
    assert decoded.shape == (30, 40, 3)
    assert (decoded[..., 2] == expected).all()


def test_transparent_gray_lies_on_white(colour: Image.Image) -> None:
    gray = colour.convert("LA")
    gray.putalpha(128)
    data = _encoded(gray, "PNG")
    assert decode_image(data).shape == (30, 40)
    assert (decode_image(data) == 189).all()


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_entry_of_a_palette_lies_on_white(colour: Image.Image, kind: str) -> None:
    palette = colour.quantize(4)
    entry = palette.getpixel((0, 0))
    assert (decode_image(_encoded(palette, kind, transparency=entry)) == 255).all()


def test_transparent_bands_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_ensemble.faces.decoders._BAND", 7)
    rows = np.repeat(np.arange(30, dtype=np.uint8)[:, None], 40, axis=1)
    picture = Image.merge("RGBA", [Image.fromarray(c) for c in (rows, rows, rows, rows * 0 + 255)])
    np.testing.assert_array_equal(decode_image(_encoded(picture, "PNG"))[..., 0], rows)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_pictures_the_first_is_taken(colour: Image.Image, kind: str) -> None:
    others = [Image.new("RGB", (40, 30), (0, 0, 255))]
    _assert_colour(_encoded(colour, kind, save_all=True, append_images=others), tolerance=4)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(kind, "RGB") for kind in ("JPEG", "PNG", "WEBP", "TIFF")]
    + [("JPEG", "CMYK"), ("TIFF", "CMYK"), ("PNG", "RGBA"), ("WEBP", "RGBA"), ("TIFF", "RGBA")],
)
def test_orientation_is_obeyed(colour: Image.Image, kind: str, mode: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    _assert_colour(_encoded(colour.convert(mode), kind, exif=exif), shape=(40, 30), tolerance=4)


def test_odd_exif_data_lose_no_picture(colour: Image.Image) -> None:
    colour.putalpha(255)
    exif = Image.Exif()
    exif[0x0112] = 77
    _assert_colour(_encoded(colour, "PNG", exif=exif))


@pytest.mark.parametrize("kind", ["EPS", "PDF", "ICO", "JPEG2000"])
def test_other_formats_are_refused(colour: Image.Image, kind: str) -> None:
    with pytest.raises(UnreadableImage, match="not a picture"):
        decode_image(_encoded(colour, kind))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "JPEG"])
def test_what_pillow_decodes_is_refused_when_cut_short(colour: Image.Image, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 4), dtype=np.uint8)
    mode = {"GIF": "P", "PNG": "RGBA", "JPEG": "CMYK"}[kind]
    data = _encoded(Image.fromarray(noise, "RGBA").convert(mode), kind)
    with pytest.raises(UnreadableImage, match="damaged"):
        decode_image(data[: int(len(data) * 0.8)])


def test_a_png_chunk_that_claims_gigabytes_is_refused_at_once(colour: Image.Image) -> None:
    data = bytearray(_encoded(colour, "PNG"))
    place = data.index(b"IDAT") - 4
    data[place : place + 4] = struct.pack(">I", 2**31 - 1)
    with pytest.raises(UnreadableImage, match="damaged"):
        decode_image(bytes(data))


def test_what_follows_a_png_does_not_matter(colour: Image.Image) -> None:
    _assert_colour(_encoded(colour, "PNG") + b"\xff" * 20)


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"])
def test_damaged_headers_are_decoded_or_refused(kind: str) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    data = _encoded(noise, kind)
    for _ in range(60):
        broken = bytearray(data)
        for place in rng.integers(0, 120, 4):
            broken[place] = rng.integers(0, 256)
        try:
            decoded = decode_image(bytes(broken))
        except UnreadableImage:
            continue
        assert decoded.dtype == np.uint8
        assert decoded.size
