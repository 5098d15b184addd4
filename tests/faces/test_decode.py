"""Every format and kind of picture, through `decode_image` and `decode_gray`."""

import io
import struct
import subprocess
import sys
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_ensemble.faces import UnreadableImage, decode_gray, decode_image, to_face
from fer_ensemble.faces.decode import MAX_PIXELS, Decoded, decode, import_decoders, to_gray
from fer_ensemble.faces.eight_bits import image_of_array


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


def test_fewer_pixels_may_be_allowed(gray: np.ndarray) -> None:
    data = cv2.imencode(".png", gray)[1].tobytes()
    assert decode(data, max_pixels=1200).image.shape == (30, 40)
    with pytest.raises(UnreadableImage, match="too many pixels: 40×30"):
        decode(data, max_pixels=1199)


def test_large_pictures_are_decoded_too(monkeypatch: pytest.MonkeyPatch, gray: np.ndarray) -> None:
    monkeypatch.setattr("fer_ensemble.faces.decode.LARGE_PICTURE", 100)
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


RED, GREEN, BLUE = 200, 100, 50


@pytest.fixture
def colour() -> Image.Image:
    """A picture of one colour that is not square."""
    return Image.new("RGB", (40, 30), (RED, GREEN, BLUE))


def _encoded_decoders(picture: Image.Image, kind: str, **options: Any) -> bytes:
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
    _assert_colour(_encoded_decoders(colour, kind), tolerance=4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "PPM"])
def test_gray_stays_gray(colour: Image.Image, kind: str) -> None:
    decoded = decode_image(_encoded_decoders(colour.convert("L"), kind))
    assert decoded.shape == (30, 40)
    assert (decoded == 124).all()


@pytest.mark.parametrize("kind", ["WEBP", "GIF"])
def test_gray_as_colour_has_equal_channels(colour: Image.Image, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode_image(_encoded_decoders(colour.convert("L"), kind, **options))
    assert decoded.shape == (30, 40, 3)
    assert (decoded == 124).all()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits"])
def test_compressed_tiff(colour: Image.Image, compression: str) -> None:
    _assert_colour(_encoded_decoders(colour, "TIFF", compression=compression))


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
        decode_image(_encoded_decoders(colour.convert(kind), "TIFF"))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_become_colours(colour: Image.Image, kind: str) -> None:
    _assert_colour(_encoded_decoders(colour.convert("CMYK"), kind))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(("alpha", "expected"), [(0, 255), (255, 200), (128, 227)])
def test_transparency_lies_on_white(
    colour: Image.Image, kind: str, alpha: int, expected: int
) -> None:
    colour.putalpha(alpha)
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode_image(_encoded_decoders(colour, kind, **options))
    assert decoded.shape == (30, 40, 3)
    assert (decoded[..., 2] == expected).all()


def test_transparent_gray_lies_on_white(colour: Image.Image) -> None:
    gray = colour.convert("LA")
    gray.putalpha(128)
    data = _encoded_decoders(gray, "PNG")
    assert decode_image(data).shape == (30, 40)
    assert (decode_image(data) == 189).all()


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_entry_of_a_palette_lies_on_white(colour: Image.Image, kind: str) -> None:
    palette = colour.quantize(4)
    entry = palette.getpixel((0, 0))
    assert (decode_image(_encoded_decoders(palette, kind, transparency=entry)) == 255).all()


def test_transparent_bands_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_ensemble.faces.decode._BAND", 7)
    rows = np.repeat(np.arange(30, dtype=np.uint8)[:, None], 40, axis=1)
    picture = Image.merge("RGBA", [Image.fromarray(c) for c in (rows, rows, rows, rows * 0 + 255)])
    np.testing.assert_array_equal(decode_image(_encoded_decoders(picture, "PNG"))[..., 0], rows)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_pictures_the_first_is_taken(colour: Image.Image, kind: str) -> None:
    others = [Image.new("RGB", (40, 30), (0, 0, 255))]
    _assert_colour(
        _encoded_decoders(colour, kind, save_all=True, append_images=others), tolerance=4
    )


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(kind, "RGB") for kind in ("JPEG", "PNG", "WEBP", "TIFF")]
    + [("JPEG", "CMYK"), ("TIFF", "CMYK"), ("PNG", "RGBA"), ("WEBP", "RGBA"), ("TIFF", "RGBA")],
)
def test_orientation_is_obeyed(colour: Image.Image, kind: str, mode: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    _assert_colour(
        _encoded_decoders(colour.convert(mode), kind, exif=exif), shape=(40, 30), tolerance=4
    )


def test_odd_exif_data_lose_no_picture(colour: Image.Image) -> None:
    colour.putalpha(255)
    exif = Image.Exif()
    exif[0x0112] = 77
    _assert_colour(_encoded_decoders(colour, "PNG", exif=exif))


@pytest.mark.parametrize("kind", ["EPS", "PDF", "ICO", "DDS"])
def test_other_formats_are_refused(colour: Image.Image, kind: str) -> None:
    with pytest.raises(UnreadableImage, match="not a picture"):
        decode_image(_encoded_decoders(colour, kind))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "JPEG"])
def test_what_pillow_decodes_is_refused_when_cut_short(colour: Image.Image, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 4), dtype=np.uint8)
    mode = {"GIF": "P", "PNG": "RGBA", "JPEG": "CMYK"}[kind]
    data = _encoded_decoders(Image.fromarray(noise, "RGBA").convert(mode), kind)
    with pytest.raises(UnreadableImage, match="damaged"):
        decode_image(data[: int(len(data) * 0.8)])


def test_a_png_chunk_that_claims_gigabytes_is_refused_at_once(colour: Image.Image) -> None:
    data = bytearray(_encoded_decoders(colour, "PNG"))
    place = data.index(b"IDAT") - 4
    data[place : place + 4] = struct.pack(">I", 2**31 - 1)
    with pytest.raises(UnreadableImage, match="damaged"):
        decode_image(bytes(data))


def test_what_follows_a_png_does_not_matter(colour: Image.Image) -> None:
    _assert_colour(_encoded_decoders(colour, "PNG") + b"\xff" * 20)


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"])
def test_damaged_headers_are_decoded_or_refused(kind: str) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    data = _encoded_decoders(noise, kind)
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


def _deep(kind: str, bits: int, shape: tuple[int, ...]) -> tuple[np.ndarray, bytes]:
    """Values of so many bits in a file of 16, and that file."""
    values = np.linspace(0, 2**bits - 1, int(np.prod(shape))).astype(np.uint16).reshape(shape)
    if kind == "pgm":
        size = f"{shape[1]} {shape[0]}".encode()
        largest = b"%d\n" % (2**bits - 1)
        return values, b"P5\n" + size + b"\n" + largest + values.astype(">u2").tobytes()
    return values, cv2.imencode(f".{kind}", values)[1].tobytes()


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["png", "tiff", "pgm"])
@pytest.mark.parametrize("colour", [False, True])
def test_values_of_any_depth_reach_from_black_to_white(kind: str, bits: int, colour: bool) -> None:
    if kind == "pgm" and colour:
        pytest.skip("is gray")
    values, data = _deep(kind, bits, (20, 30, 3) if colour else (20, 30))
    image, note = decode(data)
    assert np.abs(image.astype(int) - (values >> (bits - 8))).max() <= 1
    told = bits < 16 and kind != "pgm"  # which states its largest value
    stretched = f"16-bit values up to {2**bits - 1:,} taken for {bits}-bit ones"
    assert note == (stretched if told else "")
    gray = decode_gray(data)
    assert (gray.min(), gray.max()) == (0, 255)


def test_a_png_may_state_its_depth_but_not_below_its_values() -> None:
    def stated(values: np.ndarray, bits: int) -> Decoded:
        data = cv2.imencode(".png", values)[1].tobytes()
        end = data.index(b"IDAT") - 4
        content = b"sBIT" + bytes([bits])
        chunk = struct.pack(">I", 1) + content + struct.pack(">I", zlib.crc32(content))
        return decode(data[:end] + chunk + data[end:])

    dark = np.full((9, 9), 1000, np.uint16)
    assert (stated(dark, 12).image.max(), stated(dark, 12).note) == (1000 >> 4, "")
    assert stated(dark * 60, 12).image.max() == 60000 >> 8


def test_a_transparent_picture_of_twelve_bits_is_stretched_and_laid_on_white() -> None:
    values = np.zeros((9, 9, 4), np.uint16)
    values[:4, :, :3], values[:5, :, 3] = 4095, 65535
    image, note = decode(cv2.imencode(".png", values)[1].tobytes())
    assert image[:, 0, 0].tolist() == [255] * 4 + [0] + [255] * 4
    assert "12-bit" in note


@pytest.mark.parametrize("largest", [1, 15, 100, 1000])
@pytest.mark.parametrize("form", ["P2", "P5"])
def test_gray_maps_are_stretched_to_the_largest_value_they_state(form: str, largest: int) -> None:
    header = f"{form}\n2 1\n{largest}\n".encode()
    raw = struct.pack(">HH" if largest > 255 else "BB", 0, largest)
    data = header + (b"0 %d\n" % largest if form == "P2" else raw)
    assert decode_gray(data).tolist() == [[0, 255]]


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000", "QOI", "PCX", "SGI", "PPM"])
def test_what_pillow_reads_is_read(colour: Image.Image, kind: str) -> None:
    if kind not in import_decoders():
        pytest.skip(f"this Pillow has no {kind}")
    options = {"quality": 100} if kind == "AVIF" else {}
    _assert_colour(_encoded_decoders(colour, kind, **options), tolerance=4)


def test_heic_without_its_library_says_what_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(UnreadableImage, match=r"needs pillow-heif.*pip install"):
        decode_image(b"\0\0\0\x1cftypheic\0\0\0\0mif1heic" + bytes(99))


def test_a_raw_picture_is_not_taken_for_its_thumbnail() -> None:
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "TIFF", tiffinfo={50706: b"\1\4\0\0"})
    with pytest.raises(UnreadableImage, match="raw picture: export it"):
        decode_image(stream.getvalue())


COLOUR = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (COLOUR, COLOUR),
        (COLOUR[..., :1], COLOUR[..., 0]),
        (COLOUR / 255, COLOUR),
        (COLOUR.astype(np.float32), COLOUR),
        (COLOUR.astype(np.int64), COLOUR),
        (COLOUR.astype(np.uint16) * 257, COLOUR),
        (COLOUR > 127, np.where(COLOUR > 127, 255, 0)),
        (np.dstack([COLOUR, np.full((6, 5), 0, np.uint8)]), np.full((6, 5, 3), 255)),
    ],
)
def test_an_array_is_brought_to_eight_bits(array: np.ndarray, expected: np.ndarray) -> None:
    image, _ = image_of_array(array)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (COLOUR - 300.0, "values from -300 to .* are no picture's"),
        (np.full((4, 4), np.nan), "are no picture's"),
        (np.zeros((4, 4, 2)), r"shape \(4, 4, 2\) is no picture"),
        (np.zeros(9), r"shape \(9,\)"),
        (np.array([["a"]]), "values must be numbers"),
    ],
)
def test_an_array_that_is_no_picture_is_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        image_of_array(array)
