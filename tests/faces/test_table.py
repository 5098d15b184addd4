import subprocess
import sys
from pathlib import Path

import pytest

from fer_ensemble.faces import Prediction, Predictions, open_writer
from fer_ensemble.faces.output import CsvWriter, columns

NAMES = ("happy", "sad")
FACE = Prediction(
    path="b.mp4",
    status="ok",
    frame=1,
    time=1 / 3,
    face=0,
    label="sad",
    confidence=0.75,
    probabilities={"sad": 0.75, "happy": 0.25},
)
LOST = Prediction(path="c\n.jpg", status="missing", reason="no such file")


def test_a_table_is_a_sequence_of_predictions_that_knows_its_columns() -> None:
    table = Predictions(iter([FACE, LOST]), list(NAMES))
    assert list(table) == [FACE, LOST]
    assert (len(table), table[-1]) == (2, LOST)
    assert (table.class_names, table.columns) == (NAMES, columns(NAMES))
    rest = table[1:]
    assert isinstance(rest, Predictions)
    assert (list(rest), rest.class_names) == ([LOST], NAMES)


def test_a_table_shows_its_first_rows_and_their_number() -> None:
    assert repr(Predictions([FACE, LOST], NAMES)).splitlines() == [
        "path       frame  face  label  confidence  status",
        "b.mp4      1      0     sad    0.750       ok",
        r"'c\n.jpg'                                  missing",
        "2 rows of 15 columns",
    ]
    assert repr(Predictions([], NAMES)).splitlines()[1:] == ["0 rows of 15 columns"]
    many = repr(Predictions([FACE] * 1234, NAMES)).splitlines()
    assert many[-2:] == ["…", "1,234 rows of 15 columns"]
    assert len(many) == 13


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_table_writes_what_the_writers_write(tmp_path: Path, ending: str) -> None:
    table = Predictions([FACE, LOST], NAMES)
    table.write(tmp_path / "new" / f"table{ending}")
    with open_writer(tmp_path / f"rows{ending}", NAMES) as writer:
        writer.write([FACE, LOST])
    written = (tmp_path / "new" / f"table{ending}").read_bytes()
    assert written == (tmp_path / f"rows{ending}").read_bytes()
    with pytest.raises(ValueError, match=r"use \.csv"):
        table.write(tmp_path / "table.txt")


def test_a_frame_has_a_type_for_each_column() -> None:
    pytest.importorskip("pandas")
    frame = Predictions([FACE, LOST], NAMES).to_frame()
    assert list(frame.columns) == columns(NAMES)
    assert frame["face"].tolist()[0] == 0
    assert frame.loc[1].isna().sum() == 12
    assert [str(frame[name].dtype) for name in ("frame", "face", "time", "p_sad")] == [
        "Int64",
        "Int64",
        "float64",
        "float64",
    ]
    none = Predictions([], NAMES).to_frame()
    assert (len(none), list(none.columns)) == (0, columns(NAMES))


def test_a_frame_without_pandas_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        Predictions([], NAMES).to_frame()


def test_nothing_but_a_frame_needs_pandas() -> None:
    script = (
        "import sys; sys.modules['pandas'] = None\n"
        "from fer_ensemble import predict_faces\n"
        "class Model:\n"
        "    classes_ = ['happy', 'sad']\n"
        "print(predict_faces(['lost.jpg'], Model())[0].status)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "missing", done.stderr


def test_a_table_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    def fill_up(self, predictions):
        raise OSError(28, "No space left on device")

    (tmp_path / "rows.csv").write_text("old")
    monkeypatch.setattr(CsvWriter, "write", fill_up)
    with pytest.raises(OSError, match="No space"):
        Predictions([], ("happy", "sad")).write(tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
