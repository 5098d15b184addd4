import csv
import io
import json
import os
import sys
from pathlib import Path

import pytest

from fer_ensemble.faces import Prediction, PredictionWriter, choose_writer, open_writer
from fer_ensemble.faces.output import (
    CsvWriter,
    JsonLinesWriter,
    ParquetWriter,
    columns,
    printable_path,
    row,
)

NAMES = ("happy", "sad")
ROW = Prediction(
    path="a.jpg",
    status="ok",
    face=0,
    label="sad",
    confidence=0.75,
    probabilities={"happy": 0.25, "sad": 0.75},
)


def test_the_ending_chooses_the_form() -> None:
    assert choose_writer("a/b.csv") is CsvWriter
    assert choose_writer(Path("B.CSV")) is CsvWriter
    assert choose_writer("b.jsonl") is choose_writer("b.ndjson") is JsonLinesWriter
    assert choose_writer(io.BytesIO()) is CsvWriter


def test_parquet_is_chosen_where_it_is_installed() -> None:
    pytest.importorskip("pyarrow")
    assert choose_writer("b.parquet") is ParquetWriter


@pytest.mark.parametrize("name", ["b.txt", "b", ".csv", "b.csv.gz"])
def test_another_ending_is_an_error_that_names_the_forms(name: str) -> None:
    with pytest.raises(ValueError, match=r"\.csv, \.jsonl .* or \.parquet"):
        choose_writer(name)


def test_parquet_without_pyarrow_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install '\.\[parquet\]'"):
        choose_writer("b.parquet")


def test_folders_above_are_made_and_an_old_file_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "rows.csv"
    for _ in range(2):
        with open_writer(path, NAMES) as writer:
            writer.write([ROW])
        assert path.read_text().splitlines()[1:] == ["a.jpg,,,0,,,,,,sad,0.75,0.25,0.75,ok,"]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_an_interruption_loses_nothing_that_was_written(tmp_path: Path, ending: str) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"rows{ending}"
    with pytest.raises(KeyboardInterrupt), open_writer(path, NAMES) as writer:  # noqa: PT012
        writer.write([ROW])
        raise KeyboardInterrupt
    if ending == ".parquet":
        import pyarrow.parquet as pq

        assert pq.read_table(path)["path"].to_pylist() == ["a.jpg"]
    else:
        assert "a.jpg" in path.read_text()


def test_standard_output_takes_csv_and_stays_open(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    with open_writer(sys.stdout.buffer, NAMES) as writer:
        writer.write([ROW])
    print("still open", flush=True)
    lines = capfdbinary.readouterr().out.splitlines()
    assert lines[1:] == [b"a.jpg,,,0,,,,,,sad,0.75,0.25,0.75,ok,", b"still open"]


def test_a_file_in_the_place_of_a_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(OSError, match="taken"), open_writer(tmp_path / "taken" / "b.csv", NAMES):
        pass


def test_nothing_is_touched_for_a_wrong_ending(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ending"), open_writer(tmp_path / "new" / "b.txt", NAMES):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_what_is_kept_of_a_file_is_gone_on_with(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    with open_writer(path, NAMES) as writer:
        writer.write([ROW, ROW])
    whole = path.read_bytes()
    n_kept = whole.rindex(b"a.jpg" if ending == ".csv" else b"{")
    path.write_bytes(whole + b"what the kill left")
    with open_writer(path, NAMES, n_kept=n_kept) as writer:
        assert path.read_bytes() == whole[:n_kept]
        writer.write([ROW])
    assert path.read_bytes() == whole


FACE = Prediction(
    path="b.mp4",
    status="ok",
    frame=1,
    time=1 / 3,
    face=0,
    x=1.0,
    y=2.0,
    width=3.0,
    height=4.0,
    face_score=0.5,
    label="sad",
    confidence=0.75,
    probabilities={"sad": 0.75, "happy": 0.25},
)
LOST = Prediction(path="c.jpg", status="missing", reason="no such file")


def test_the_columns_are_those_promised() -> None:
    place = ["path", "frame", "time", "face", "x", "y", "width", "height", "face_score"]
    assert columns(NAMES) == [*place, "label", "confidence", "p_happy", "p_sad", "status", "reason"]


def test_a_row_has_its_cells_in_the_order_of_the_columns() -> None:
    assert row(FACE, NAMES) == [
        *("b.mp4", 1, 0.333333, 0, 1.0, 2.0, 3.0, 4.0, 0.5),
        *("sad", 0.75, 0.25, 0.75, "ok", None),
    ]
    assert row(LOST, NAMES) == ["c.jpg", *[None] * 12, "missing", "no such file"]


@pytest.mark.skipif(os.name == "nt", reason="names are no bytes there")
def test_a_path_that_is_not_utf8_is_printable() -> None:
    assert printable_path(os.fsdecode(b"caf\xe9.jpg")) == "caf\\xe9.jpg"
    assert printable_path("Größe\n.jpg") == "Größe\n.jpg"


THIRD = 1 / 3
GOOD = Prediction(
    path="a.jpg",
    status="ok",
    face=0,
    label="sad",
    confidence=1 - THIRD,
    probabilities={"happy": THIRD, "sad": 1 - THIRD},
)
FRAME = Prediction(
    path="b.mp4",
    status="ok",
    frame=12,
    time=0.4,
    face=1,
    x=-2.5,
    y=3.0,
    width=40.5,
    height=41.0,
    face_score=5.25,
    label="happy",
    confidence=1.0,
    probabilities={"happy": 1.0, "sad": 1e-300},
    reason="found after a turn by 90°",
)


def _written(kind: type[PredictionWriter], *batches: list[Prediction]) -> bytes:
    stream = io.BytesIO()
    writer = kind(stream, NAMES)
    for batch in batches:
        writer.write(batch)
    writer.finish()
    return stream.getvalue()


def _rows(kind: type[PredictionWriter], *batches: list[Prediction]) -> list[dict[str, object]]:
    """Rows read back, with None where there is nothing."""
    data = _written(kind, *batches)
    if kind is CsvWriter:
        rows: list[dict[str, object]] = []
        for row in csv.DictReader(io.StringIO(data.decode(), newline="")):
            rows.append({name: _value(name, cell) for name, cell in row.items()})
        return rows
    if kind is JsonLinesWriter:
        return [json.loads(line) for line in data.decode().split("\n")[:-1]]
    pq = pytest.importorskip("pyarrow.parquet")
    table: list[dict[str, object]] = pq.read_table(io.BytesIO(data)).to_pylist()
    return table


def _value(name: str, cell: str) -> object:
    if not cell or name in ("path", "label", "status", "reason"):
        return cell or None
    return int(cell) if name in ("frame", "face") else float(cell)


KINDS = pytest.mark.parametrize("kind", [CsvWriter, JsonLinesWriter, ParquetWriter])


@KINDS
def test_rows_come_back_with_every_digit(kind: type[PredictionWriter]) -> None:
    rows = _rows(kind, [GOOD, LOST], [FRAME])
    assert [list(row) for row in rows] == [columns(NAMES)] * 3
    empty = [None] * 5
    assert [list(row.values()) for row in rows] == [
        ["a.jpg", None, None, 0, *empty, "sad", 1 - THIRD, THIRD, 1 - THIRD, "ok", None],
        ["c.jpg", None, None, None, *empty, None, None, None, None, "missing", "no such file"],
        [
            "b.mp4",
            12,
            0.4,
            1,
            -2.5,
            3.0,
            40.5,
            41.0,
            5.25,
            "happy",
            1.0,
            1.0,
            1e-300,
            "ok",
            FRAME.reason,
        ],
    ]


@KINDS
@pytest.mark.parametrize(
    "path",
    ["a,b.jpg", 'a"b".jpg', "a\nb.jpg", "a\rb.jpg", "a\r\nb.jpg", " Größe 😀.jpg", "a\u2028b.jpg"],
)
def test_any_path_comes_back(kind: type[PredictionWriter], path: str) -> None:
    rows = _rows(kind, [Prediction(path=path, status="empty"), GOOD])
    assert [row["path"] for row in rows] == [path, "a.jpg"]


@KINDS
@pytest.mark.skipif(os.name == "nt", reason="names are no bytes there")
def test_a_path_that_is_not_utf8_is_written_readably(kind: type[PredictionWriter]) -> None:
    path = os.fsdecode(b"caf\xe9.jpg")
    [row] = _rows(kind, [Prediction(path=path, status="empty")])
    assert row["path"] == printable_path(path) == "caf\\xe9.jpg"


def test_csv_is_as_expected_to_the_letter() -> None:
    assert _written(CsvWriter, [GOOD, LOST, FRAME]).decode() == (
        "path,frame,time,face,x,y,width,height,face_score,label,confidence,p_happy,p_sad,status,"
        "reason\n"
        "a.jpg,,,0,,,,,,sad,0.6666666666666667,0.3333333333333333,0.6666666666666667,ok,\n"
        "c.jpg,,,,,,,,,,,,,missing,no such file\n"
        "b.mp4,12,0.4,1,-2.5,3.0,40.5,41.0,5.25,happy,1.0,1.0,1e-300,ok,found after a turn by 90°\n"
    )


def test_json_is_as_expected_to_the_letter() -> None:
    assert _written(JsonLinesWriter, [FRAME]).decode() == (
        '{"path": "b.mp4", "frame": 12, "time": 0.4, "face": 1, "x": -2.5, "y": 3.0, '
        '"width": 40.5, "height": 41.0, "face_score": 5.25, "label": "happy", "confidence": 1.0, '
        '"p_happy": 1.0, "p_sad": 1e-300, "status": "ok", '
        '"reason": "found after a turn by 90°"}\n'
    )


@pytest.mark.parametrize("kind", [CsvWriter, JsonLinesWriter])
def test_a_table_that_has_begun_is_gone_on_with(kind: type[PredictionWriter]) -> None:
    stream = io.BytesIO()
    kind(stream, NAMES).write([GOOD])
    kind(stream, NAMES, begun=True).write([LOST])
    assert stream.getvalue() == _written(kind, [GOOD, LOST])


@pytest.mark.parametrize("kind", [CsvWriter, JsonLinesWriter])
def test_each_batch_is_flushed(kind: type[PredictionWriter]) -> None:
    raw = io.BytesIO()
    writer = kind(io.BufferedWriter(raw), NAMES)
    for count in (1, 2):
        writer.write([GOOD])
        assert raw.getvalue().count(b"a.jpg") == count


def test_parquet_has_types_and_few_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(sys.modules[ParquetWriter.__module__], "_PARQUET_GROUP", 4)
    data = _written(ParquetWriter, *[[GOOD, LOST]] * 5)
    file = pq.ParquetFile(io.BytesIO(data))
    assert file.metadata.num_rows == 10
    assert file.metadata.num_row_groups == 3
    kinds = {field.name: field.type for field in file.schema_arrow}
    assert list(kinds) == columns(NAMES)
    assert [name for name, kind in kinds.items() if kind == pa.string()] == [
        "path",
        "label",
        "status",
        "reason",
    ]
    assert [name for name, kind in kinds.items() if kind == pa.int64()] == ["frame", "face"]
    assert sum(kind == pa.float64() for kind in kinds.values()) == len(kinds) - 6


@KINDS
def test_no_rows_are_a_table_without_rows(kind: type[PredictionWriter]) -> None:
    assert _rows(kind) == []
