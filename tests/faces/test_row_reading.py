from dataclasses import astuple
from pathlib import Path

import pytest

from fer_ensemble.faces.output import open_writer
from fer_ensemble.faces.prediction import Prediction
from fer_ensemble.faces.row_reading import read_items

NAMES = ("happy", "sad")
FORMS = pytest.mark.parametrize("ending", [".csv", ".jsonl"])
HOSTILE = 'a,"b"\nc\r\nd.jpg'


def _face(path: str, face: int, frame: int | None = None, status: str = "ok") -> Prediction:
    probabilities = {"happy": 0.75, "sad": 0.25}
    time = None if frame is None else frame / 10
    return Prediction(
        path=path,
        status=status,
        frame=frame,
        time=time,
        face=face,
        label="happy" if status == "ok" else None,
        confidence=0.75,
        probabilities=probabilities,
    )


ROWS = [
    _face(HOSTILE, 0),
    _face(HOSTILE, 1, status="unsure"),
    _face("b.jpg", 0),
    Prediction(path="c.jpg", status="missing"),
    Prediction(path="d.jpg", status="no_face"),
    _face("e.mp4", 0, frame=0),
    Prediction(path="e.mp4", status="no_face", frame=10, time=1.0),
    Prediction(path="e.mp4", status="unreadable"),
]
ITEMS = [
    (HOSTILE, None, 2, 2, False),
    ("b.jpg", None, 1, 1, False),
    ("c.jpg", None, 1, 0, True),
    ("d.jpg", None, 1, 0, True),
    ("e.mp4", 0, 1, 1, False),
    ("e.mp4", 10, 1, 0, False),
    ("e.mp4", None, 1, 0, True),
]


def _written(path: Path, rows: list[Prediction] = ROWS) -> bytes:
    with open_writer(path, NAMES) as writer:
        writer.write(rows)
    return path.read_bytes()


@FORMS
def test_rows_come_back_by_picture_and_frame(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    data = _written(path)
    items = [astuple(item) for item in read_items(path, NAMES)]
    assert [item[:-1] for item in items] == ITEMS
    begin = _written(tmp_path / f"begin{ending}", ROWS[:2])
    assert items[0][-1] == len(begin)
    assert items[-1][-1] == len(data)


@FORMS
def test_reading_ends_before_a_row_that_is_not_whole(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    data = _written(path)
    whole = list(read_items(path, NAMES))
    for size in range(0, len(data), 5):
        path.write_bytes(data[:size])
        items = [item for item in read_items(path, NAMES) if item.end <= size]
        # The last item of a file that was cut may lack rows.
        assert items[:-1] == whole[: max(0, len(items) - 1)]
        assert all(item.end <= size for item in items)


@FORMS
def test_noise_ends_the_reading(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    data = _written(path)
    path.write_bytes(data + b"\0\0\xff\n\0")
    assert [astuple(item)[:-1] for item in read_items(path, NAMES)] == ITEMS


@FORMS
def test_other_columns_are_an_error(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    _written(path)
    with pytest.raises(ValueError, match=rf"rows\{ending} cannot be gone on with.*columns") as told:
        list(read_items(path, ("happy", "angry")))
    assert "begins with" in str(told.value)
    path.write_text('"name"\n')
    with pytest.raises(ValueError, match="columns"):
        list(read_items(path, NAMES))
