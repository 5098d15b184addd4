import os
import sys

import pytest

from fer_ensemble.faces.prediction import Prediction
from fer_ensemble.faces.table import columns, printable_path, row, to_frame

NAMES = ("happy", "sad")
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
    assert columns(NAMES) == [*place, "label", "confidence", "p_happy", "p_sad", "status"]


def test_a_row_has_its_cells_in_the_order_of_the_columns() -> None:
    assert row(FACE, NAMES) == [
        *("b.mp4", 1, 0.333333, 0, 1.0, 2.0, 3.0, 4.0, 0.5),
        *("sad", 0.75, 0.25, 0.75, "ok"),
    ]
    assert row(LOST, NAMES) == ["c.jpg", *[None] * 12, "missing"]


def test_a_frame_has_a_kind_for_each_column() -> None:
    pytest.importorskip("pandas")
    frame = to_frame([FACE, LOST], NAMES)
    assert list(frame.columns) == columns(NAMES)
    assert frame["face"].tolist()[0] == 0
    assert frame.loc[1].isna().sum() == 12
    assert [str(frame[name].dtype) for name in ("frame", "face", "time", "p_sad")] == [
        "Int64",
        "Int64",
        "float64",
        "float64",
    ]
    none = to_frame([], NAMES)
    assert (len(none), list(none.columns)) == (0, columns(NAMES))


def test_a_frame_without_pandas_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        to_frame([], NAMES)


@pytest.mark.skipif(os.name == "nt", reason="names are no bytes there")
def test_a_path_that_is_not_utf8_is_printable() -> None:
    assert printable_path(os.fsdecode(b"caf\xe9.jpg")) == "caf\\xe9.jpg"
    assert printable_path("Größe\n.jpg") == "Größe\n.jpg"
