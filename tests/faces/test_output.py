import os
import sys
from pathlib import Path

import pytest

from fer_ensemble.faces.output import choose_writer, open_writer
from fer_ensemble.faces.prediction import Prediction
from fer_ensemble.faces.writers import CsvWriter, JsonLinesWriter, ParquetWriter

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
    assert choose_writer(None) is CsvWriter


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
    with pytest.raises(ImportError, match=r"pip install 'fer-ensemble\[parquet\]'"):
        choose_writer("b.parquet")


def test_folders_above_are_made_and_an_old_file_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "rows.csv"
    for _ in range(2):
        with open_writer(path, NAMES) as writer:
            writer.write([ROW])
        assert path.read_text().splitlines()[1:] == ["a.jpg,,,0,,,,,,sad,0.75,0.25,0.75,ok"]


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
    with open_writer(None, NAMES) as writer:
        writer.write([ROW])
    print("still open", flush=True)
    lines = capfdbinary.readouterr().out.splitlines()
    assert lines[1:] == [b"a.jpg,,,0,,,,,,sad,0.75,0.25,0.75,ok", b"still open"]


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
