import csv
import io
import json
import os
import sys

import pytest

from fer_ensemble.faces.prediction import Prediction
from fer_ensemble.faces.table import columns, printable_path
from fer_ensemble.faces.writers import (
    CsvWriter,
    JsonLinesWriter,
    ParquetWriter,
    PredictionWriter,
)

NAMES = ("happy", "sad")
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
)
LOST = Prediction(path="c.jpg", status="missing", reason="no such file")


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
    if not cell or name in ("path", "label", "status"):
        return cell or None
    return int(cell) if name in ("frame", "face") else float(cell)


KINDS = pytest.mark.parametrize("kind", [CsvWriter, JsonLinesWriter, ParquetWriter])


@KINDS
def test_rows_come_back_with_every_digit(kind: type[PredictionWriter]) -> None:
    rows = _rows(kind, [GOOD, LOST], [FRAME])
    assert [list(row) for row in rows] == [columns(NAMES)] * 3
    empty = [None] * 5
    assert [list(row.values()) for row in rows] == [
        ["a.jpg", None, None, 0, *empty, "sad", 1 - THIRD, THIRD, 1 - THIRD, "ok"],
        ["c.jpg", None, None, None, *empty, None, None, None, None, "missing"],
        ["b.mp4", 12, 0.4, 1, -2.5, 3.0, 40.5, 41.0, 5.25, "happy", 1.0, 1.0, 1e-300, "ok"],
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
        "path,frame,time,face,x,y,width,height,face_score,label,confidence,p_happy,p_sad,status\n"
        "a.jpg,,,0,,,,,,sad,0.6666666666666667,0.3333333333333333,0.6666666666666667,ok\n"
        "c.jpg,,,,,,,,,,,,,missing\n"
        "b.mp4,12,0.4,1,-2.5,3.0,40.5,41.0,5.25,happy,1.0,1.0,1e-300,ok\n"
    )


def test_json_is_as_expected_to_the_letter() -> None:
    assert _written(JsonLinesWriter, [FRAME]).decode() == (
        '{"path": "b.mp4", "frame": 12, "time": 0.4, "face": 1, "x": -2.5, "y": 3.0, '
        '"width": 40.5, "height": 41.0, "face_score": 5.25, "label": "happy", "confidence": 1.0, '
        '"p_happy": 1.0, "p_sad": 1e-300, "status": "ok"}\n'
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
    ]
    assert [name for name, kind in kinds.items() if kind == pa.int64()] == ["frame", "face"]
    assert sum(kind == pa.float64() for kind in kinds.values()) == len(kinds) - 5


@KINDS
def test_no_rows_are_a_table_without_rows(kind: type[PredictionWriter]) -> None:
    assert _rows(kind) == []
