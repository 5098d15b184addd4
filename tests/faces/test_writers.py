import csv
import io
import json
import os
import sys

import pytest

from fer_ensemble.faces.prediction import Prediction
from fer_ensemble.faces.writers import (
    CsvWriter,
    JsonLinesWriter,
    ParquetWriter,
    PredictionWriter,
    printable_path,
)

NAMES = ("happy", "sad")
COLUMNS = ["path", "label", "confidence", "p_happy", "p_sad", "status"]
THIRD = 1 / 3
GOOD = Prediction("a.jpg", "sad", 1 - THIRD, {"happy": THIRD, "sad": 1 - THIRD}, "ok")
TINY = Prediction("b.jpg", "happy", 1.0, {"happy": 1.0, "sad": 1e-300}, "ok")
LOST = Prediction("c.jpg", None, None, None, "missing", "no such file")


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
            texts = ("path", "label", "status")
            rows.append({k: (v if k in texts else float(v)) if v else None for k, v in row.items()})
        return rows
    if kind is JsonLinesWriter:
        return [json.loads(line) for line in data.decode().split("\n")[:-1]]
    pq = pytest.importorskip("pyarrow.parquet")
    table: list[dict[str, object]] = pq.read_table(io.BytesIO(data)).to_pylist()
    return table


KINDS = pytest.mark.parametrize("kind", [CsvWriter, JsonLinesWriter, ParquetWriter])


@KINDS
def test_rows_come_back_with_every_digit(kind: type[PredictionWriter]) -> None:
    rows = _rows(kind, [GOOD, LOST], [TINY])
    assert [list(row) for row in rows] == [COLUMNS] * 3
    assert [list(row.values()) for row in rows] == [
        ["a.jpg", "sad", 1 - THIRD, THIRD, 1 - THIRD, "ok"],
        ["c.jpg", None, None, None, None, "missing"],
        ["b.jpg", "happy", 1.0, 1.0, 1e-300, "ok"],
    ]


@KINDS
@pytest.mark.parametrize(
    "path",
    ["a,b.jpg", 'a"b".jpg', "a\nb.jpg", "a\rb.jpg", "a\r\nb.jpg", " Größe 😀.jpg", "a\u2028b.jpg"],
)
def test_any_path_comes_back(kind: type[PredictionWriter], path: str) -> None:
    rows = _rows(kind, [Prediction(path, None, None, None, "empty"), GOOD])
    assert [row["path"] for row in rows] == [path, "a.jpg"]


@KINDS
@pytest.mark.skipif(os.name == "nt", reason="names are no bytes there")
def test_a_path_that_is_not_utf8_is_written_readably(kind: type[PredictionWriter]) -> None:
    path = os.fsdecode(b"caf\xe9.jpg")
    [row] = _rows(kind, [Prediction(path, None, None, None, "empty")])
    assert row["path"] == printable_path(path) == "caf\\xe9.jpg"


def test_csv_is_as_expected_to_the_letter() -> None:
    assert _written(CsvWriter, [GOOD, LOST]).decode() == (
        "path,label,confidence,p_happy,p_sad,status\n"
        "a.jpg,sad,0.6666666666666667,0.3333333333333333,0.6666666666666667,ok\n"
        "c.jpg,,,,,missing\n"
    )


def test_json_is_as_expected_to_the_letter() -> None:
    assert _written(JsonLinesWriter, [LOST]).decode() == (
        '{"path": "c.jpg", "label": null, "confidence": null, '
        '"p_happy": null, "p_sad": null, "status": "missing"}\n'
    )


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
    schema = file.schema_arrow
    assert [schema.field(name).type for name in COLUMNS] == (
        [pa.string()] * 2 + [pa.float64()] * 3 + [pa.string()]
    )


@KINDS
def test_no_rows_are_a_table_without_rows(kind: type[PredictionWriter]) -> None:
    assert _rows(kind) == []
