"""CSVs of faces and of any columns are read, and faults are named with their row."""

import gzip
import os
import time
from pathlib import Path

import numpy as np
import pytest

from fer_ensemble.datasets import (
    DatasetError,
    FaceDataset,
    csv_files,
    load_faces,
    synthetic_dataset,
)
from fer_ensemble.datasets.csv_tables import read_table
from fer_ensemble.faces import to_face
from fer_ensemble.faces.decode import to_gray

FACE = " ".join(["7"] * 2304)


def _write(path: Path, lines: list[str], end: str = "\n") -> Path:
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def _pixels(position: int, token: str) -> str:
    tokens = FACE.split()
    tokens[position] = token
    return " ".join(tokens)


def _same(read: FaceDataset, faces: FaceDataset) -> None:
    np.testing.assert_array_equal(read.images, faces.images)
    np.testing.assert_array_equal(read.labels, faces.labels)
    np.testing.assert_array_equal(read.split, faces.split)
    assert (read.images.dtype, read.labels.dtype) == (np.uint8, np.int64)
    assert read.report.problems == []


def test_plain(tmp_path: Path, faces: FaceDataset, csv_rows: list[str]) -> None:
    read = load_faces(_write(tmp_path / "fer2013.csv", csv_rows), strict=True)
    _same(read, faces)
    assert read.names.tolist() == [f"row {n}" for n in range(2, len(faces) + 2)]
    read.images[0] = 0  # the arrays belong to the caller


def test_gzipped_whatever_the_ending(
    tmp_path: Path, faces: FaceDataset, csv_rows: list[str]
) -> None:
    data = gzip.compress("\n".join(csv_rows).encode())
    for name in ("a.csv.gz", "b.csv"):
        (tmp_path / name).write_bytes(data)
        _same(load_faces(tmp_path / name), faces)


def test_icml_form(tmp_path: Path, faces: FaceDataset, csv_rows: list[str]) -> None:
    split = [row.split(",") for row in csv_rows[1:]]
    lines = ["emotion, Usage, pixels"] + [f"{a}, {c}, {b}" for a, b, c in split]
    _same(load_faces(_write(tmp_path / "icml_face_data.csv", lines)), faces)


def test_other_usual_habits(tmp_path: Path, faces: FaceDataset, csv_rows: list[str]) -> None:
    """A BOM, quotes, tabs, Windows line ends, blank lines, and names for labels."""
    rows = [row.split(",") for row in csv_rows[1:]]
    names = ["Anger", "disgust", "fearful", "HAPPINESS", "sad", "surprised", "neutral"]
    lines = ['\ufeff"Emotion","pixels","usage","note"', ""]
    for n, (label, pixels, usage) in enumerate(rows):
        pixels = pixels.replace(" ", "\t" if n % 2 else "  ")
        lines += [f'{names[int(label)]},"{pixels} ",{usage.upper()},"a, b"', "  "]
    _same(load_faces(_write(tmp_path / "a.csv", lines, end="\r\n")), faces)


def test_without_usage_all_is_train(tmp_path: Path) -> None:
    read = load_faces(_write(tmp_path / "a.csv", ["emotion,pixels", f"3,{FACE}", f"0,{FACE}"]))
    assert read.split.tolist() == ["train", "train"]
    assert read.labels.tolist() == [3, 0]


BAD_ROWS = {
    "wrong_pixel_count": [
        f"0,{FACE} 7,Training",
        f"0,{FACE[2:]},Training",
        "0,,Training",
        f"0,{_pixels(5, '7-7')[2:]},Training",
    ],
    "pixel_out_of_range": [
        f"0,{_pixels(0, '256')},Training",
        f"0,{_pixels(2303, '-1')},Training",
        f"0,{_pixels(9, '70000')},Training",
        f"0,{_pixels(9, '9' * 30)},Training",
        f"0,{_pixels(9, '9' * 9000)},Training",
    ],
    "not_a_number": [
        f"0,{_pixels(0, '1.5')},Training",
        f"0,{_pixels(1, 'nan')},Training",
        f"0,{_pixels(2, '1e1')},Training",
        f"0,{_pixels(3, '1_0')},Training",
        f"0,{_pixels(4, '7+7')},Training",
        f"0,{_pixels(5, '٣')},Training",
        f"0,{_pixels(6, '0x7')},Training",
    ],
    "unknown_label": [f"bored,{FACE},Training", f",{FACE},Training", f"1.5,{FACE},Training"],
    "unknown_usage": [f"0,{FACE},Dev", f"0,{FACE},", f"0,{FACE}", "0", f"0 {FACE} Training"],
    "unreadable": [f"0,{FACE},Training," + "x" * 1_100_000],
}


@pytest.mark.parametrize(
    ("kind", "row"), [(kind, row) for kind, rows in BAD_ROWS.items() for row in rows]
)
def test_a_bad_row_is_skipped_and_named(tmp_path: Path, kind: str, row: str) -> None:
    good = f"3,{FACE},Training"
    path = _write(tmp_path / "a.csv", ["emotion,pixels,Usage", good, "", row, good])
    read = load_faces(path)
    assert read.names.tolist() == ["row 2", "row 5"]
    losses = [problem for problem in read.report.problems if problem.is_loss]
    assert [(loss.kind, loss.where) for loss in losses] == [(kind, "row 4")]
    assert len(losses[0].message) < 300
    with pytest.raises(DatasetError, match=r"a\.csv, row 4: ") as caught:
        load_faces(path, strict=True)
    assert "without strict" in str(caught.value)


def test_odd_but_exact_numbers_are_kept(tmp_path: Path) -> None:
    odd = _pixels(0, "+255").split()
    odd[1:4] = ["007", "-0", "0000000000000000000000000000255"]
    read = load_faces(_write(tmp_path / "a.csv", ["emotion,pixels", f"1,{' '.join(odd)}"]))
    assert read.images[0].ravel()[:5].tolist() == [255, 7, 0, 255, 7]


def test_a_stray_quote_spoils_one_row_only(tmp_path: Path) -> None:
    good = f"3,{FACE},Training"
    lines = ["emotion,pixels,Usage", good, f'0,"{FACE},Training', good, good]
    read = load_faces(_write(tmp_path / "a.csv", lines))
    assert read.names.tolist() == ["row 2", "row 4", "row 5"]
    assert read.report.n_lost == 1


def test_every_row_is_in_the_dataset_or_in_the_report(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    good = f"3,{FACE},PrivateTest"
    pool = [good, *[row for rows in BAD_ROWS.values() for row in rows]]
    for _ in range(10):
        rows = [good] + [pool[i] for i in rng.integers(0, len(pool), 40)]
        rng.shuffle(rows)
        read = load_faces(_write(tmp_path / "a.csv", ["emotion,pixels,Usage", *rows]))
        assert len(read) == rows.count(good)
        assert len(read) + read.report.n_lost == len(rows)


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    rows = [b"emotion,pixels,n\xe4me", f"3,{FACE},".encode() + b"M\xfcller", b"\xff,1,2"]
    (tmp_path / "a.csv").write_bytes(b"\n".join(rows))
    read = load_faces(tmp_path / "a.csv")
    assert (len(read), read.report.counts["unknown_label"]) == (1, 1)


def test_truncated_gzip_keeps_what_was_read(
    tmp_path: Path, faces: FaceDataset, csv_rows: list[str]
) -> None:
    data = gzip.compress("\n".join(csv_rows).encode())
    path = tmp_path / "a.csv.gz"
    path.write_bytes(data[: int(len(data) * 0.6)])
    read = load_faces(path)
    assert 5 < len(read) < len(faces)
    np.testing.assert_array_equal(read.images, faces.images[: len(read)])
    assert read.report.counts["truncated"] == 1
    assert f"after row {len(read) + 1}" in read.report.summary()
    with pytest.raises(DatasetError, match="cut short"):
        load_faces(path, strict=True)


def test_damaged_gzip_is_reported(tmp_path: Path, csv_rows: list[str]) -> None:
    data = bytearray(gzip.compress("\n".join(csv_rows).encode()))
    data[len(data) // 2 : len(data) // 2 + 50] = b"\xff" * 50
    (tmp_path / "a.csv.gz").write_bytes(data)
    read = load_faces(tmp_path / "a.csv.gz")
    assert "file cut short or damaged" in read.report.summary()
    with pytest.raises(DatasetError):
        load_faces(tmp_path / "a.csv.gz", strict=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n \n",
        b"a,b\n1,2\n",
        b"0,1 2 3,Training\n",
        b"emotion,pixels\n",
        b"emotion,pixels\r0,1\r0,2\r",
        b"emotion;pixels;Usage\n",
        "emotion,pixels\n".encode("utf-16"),
        b"\x00" * 1000,
        b"x" * 500_000,
        b"\x1f\x8b",
        b"\x1f\x8bjunk",
    ],
)
def test_what_is_no_csv_of_faces(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.csv: .*\.") as caught:
        load_faces(tmp_path / "a.csv")
    assert len(str(caught.value)) < 600


def test_too_many_rows_are_refused(
    tmp_path: Path, csv_rows: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "MAX_ROWS", 5)
    with pytest.raises(DatasetError, match="more than 5 rows"):
        load_faces(_write(tmp_path / "a.csv", csv_rows))


def test_progress_estimates_and_ends_with_the_count(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    path = _write(tmp_path / "a.csv", ["emotion,pixels", *[f"3,{FACE}"] * 1200])
    load_faces(path, progress=lambda done, total: calls.append((done, total)))
    assert [done for done, _ in calls] == [500, 1000, 1200]
    assert all(1000 < total < 1400 for _, total in calls)
    assert calls[-1] == (1200, 1200)


@pytest.mark.parametrize(
    "picture",
    [
        np.tile(np.arange(96, dtype=np.uint8), (96, 1)),
        np.tile(np.arange(64, dtype=np.uint8)[:, None], (1, 64)),
    ],
    ids=["96×96", "64×64"],
)
def test_pixels_of_other_squares_are_resized_and_said(tmp_path: Path, picture: np.ndarray) -> None:
    row = f"3,{' '.join(map(str, picture.ravel()))}"
    read = load_faces(_write(tmp_path / "a.csv", ["emotion,pixels", row]))
    np.testing.assert_array_equal(read.images[0], to_face(picture))
    assert read.report.problems[0].message == f"resized from {len(picture)}×{len(picture)}"


@pytest.mark.parametrize("in_planes", [False, True])
def test_colour_is_read_in_either_order(tmp_path: Path, in_planes: bool) -> None:
    gray = synthetic_dataset(1, random_state=0).images[0]
    colour = np.stack([gray // 2, gray, 255 - gray // 3], axis=-1)  # red, green, blue
    values = colour.transpose(2, 0, 1) if in_planes else colour
    row = f"3,{' '.join(map(str, values.ravel()))}"
    read = load_faces(_write(tmp_path / "a.csv", ["emotion,pixels", row]))
    np.testing.assert_array_equal(read.images[0], to_gray(colour[:, :, ::-1]))
    assert read.report.problems[0].message == "resized from 48×48 in colour"


@pytest.mark.parametrize("between", [";", "\t"])
def test_columns_may_be_separated_as_spreadsheets_do(
    tmp_path: Path, faces: FaceDataset, csv_rows: list[str], between: str
) -> None:
    rows = [row.replace(",", between) for row in csv_rows]
    quoted = [rows[0], f'"{rows[1].replace(between, f"{chr(34)}{between}{chr(34)}")}"', *rows[2:]]
    _same(load_faces(_write(tmp_path / "a.csv", quoted)), faces)
    table = read_table(_write(tmp_path / "b.csv", [f"path{between}label", f"a.png{between}sad"]))
    assert table.column("label") == ["sad"]


def test_a_column_for_each_pixel(tmp_path: Path, faces: FaceDataset) -> None:
    header = "emotion," + ",".join(f"pixel{n}" for n in range(2304)) + ",Usage"
    lines = [
        f"{y},{','.join(map(str, x.ravel()))},Training"
        for x, y in zip(faces.images[:3], (0, 1, 2), strict=True)
    ]
    read = load_faces(_write(tmp_path / "a.csv", [header, *lines]), classes="fer2013")
    np.testing.assert_array_equal(read.images, faces.images[:3])
    assert read.labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("pixels", "seen"),
    [
        (" ".join(["0.25"] * 2304), "pixel 1 is '0.25', not a whole number"),
        (" ".join(["7"] * 2300), "2300 pixels instead of 2304"),
        ("faces/a.png", "'faces/a.png' where the numbers of pixels should be"),
    ],
)
def test_where_no_row_is_a_face_what_was_seen_is_shown(
    tmp_path: Path, pixels: str, seen: str
) -> None:
    path = _write(tmp_path / "a.csv", ["emotion,pixels", f"3,{pixels}"])
    with pytest.raises(DatasetError, match=f"no usable face: 1 row skipped.*First, row 2: {seen}"):
        load_faces(path)


def test_lists_of_pixels_are_read_as_python_writes_them(tmp_path: Path) -> None:
    values = f"[{FACE.replace(' ', ', ')}.0]"
    read = load_faces(_write(tmp_path / "a.csv", ["emotion,pixels", f'3,"{values}"']))
    assert (read.images == 7).all()


@pytest.mark.parametrize(
    ("line", "times", "message"),
    [
        (b"\n", 500_000, "more than 100,000 blank lines"),
        (b" \r\n", 500_000, "more than 100,000 blank lines"),
        (b"1\n", 500_000, "no usable face: 10,001 rows skipped"),
        (b"7,1 2\n", 100_000, "numbers"),
        (b"x" * 2**20, 100, "more than 67,108,864 bytes"),
    ],
)
def test_a_small_file_that_grows_is_not_read_to_its_end(
    tmp_path: Path, line: bytes, times: int, message: str
) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"emotion,pixels\n" + line * times, 1))
    started = time.perf_counter()
    with pytest.raises(DatasetError, match=message):
        load_faces(path)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.zip", "pipe.csv.gz"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DatasetError, match="not a regular file"):
        load_faces(tmp_path / name)
    with pytest.raises(OSError, match="not a regular file"):
        read_table(tmp_path / name)


def test_a_device_is_no_table() -> None:
    with pytest.raises(OSError, match="not a regular file"):
        read_table(Path("/dev/zero"))


def write(tmp_path, content, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode(encoding))
    return path


def test_fields_are_text_without_blanks_around_them(tmp_path):
    table = read_table(write(tmp_path, 'Path, Label \n"a,\n1.png", happy\n\nüx.png,sad\n'))
    assert table.columns == ("Path", "Label")
    assert table.column("path") == ["a,\n1.png", "üx.png"]
    assert table.column("LABEL") == ["happy", "sad"]
    assert table.find(["emotion", "label"]) == "Label"
    assert table.find(["emotion"]) is None


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    assert read_table(write(tmp_path, "path\r\na\r\n", "utf-8-sig")).columns == ("path",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no rows below"),
        ("path,label\n", "no rows below"),
        ("path,Path\na,b\n", "names a column twice"),
        ("path,label\na,b\nc\n", "row 3 has 1 fields, row 1 names 2 columns"),
        ("path\n" + "x" * 140_000 + "\n", "is no CSV"),
        ("path\n" + "x" * 1_100_000 + "\n", "no more than 1,048,575 characters in a line"),
        ("path\n" + "\n" * 100_001 + "a\n", "no more than 100,000 blank lines"),
    ],
)
def test_what_is_wrong_is_reported_with_the_file(tmp_path, content, message):
    with pytest.raises(DatasetError, match=rf"table\.csv.*{message}"):
        read_table(write(tmp_path, content))


def test_another_encoding_is_reported(tmp_path):
    with pytest.raises(DatasetError, match="no CSV in UTF-8"):
        read_table(write(tmp_path, "path\nü\n", "latin-1"))


def test_a_column_that_is_not_there_is_reported(tmp_path):
    table = read_table(write(tmp_path, "path,label\na,b\n"))
    with pytest.raises(DatasetError, match="has no column 'age'; it has path, label"):
        table.column("age")
