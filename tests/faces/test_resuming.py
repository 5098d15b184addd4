from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ensemble.faces import (
    FaceBox,
    FaceFinder,
    Prediction,
    keep_rows,
    mark_groups,
    open_writer,
    predict_files,
)
from fer_ensemble.faces.inputs import VideoRest
from fer_ensemble.faces.resuming import read_items
from tests.faces.stand_ins import Crowd, write_clip

NAMES = ("dark", "bright")
FORMS = pytest.mark.parametrize("ending", [".csv", ".jsonl"])


CROWD = Crowd(unit=50, box=FaceBox(0, 0, 30, 30, score=1))


class Company:
    """Gives a face other last digits in other company, as networks may."""

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        share = X.reshape(len(X), -1).mean(axis=1) / 256
        share = share + 1e-12 * X.mean()
        return np.column_stack([1 - share, share])


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Pictures with no to four faces, two videos of which one is cut short, and broken files."""
    folder = tmp_path_factory.mktemp("inputs")
    random = np.random.default_rng(0)
    paths = []
    for number in range(12):
        paths.append(folder / f'{number},"\n.png')
        picture = random.integers(50 * (number % 5), 256, (40, 90), dtype=np.uint8)
        picture[0, 0] = 50 * (number % 5)
        cv2.imwrite(str(folder / "a.png"), picture)
        (folder / "a.png").rename(paths[-1])
    for name in ("whole.avi", "cut.avi"):
        grains = random.integers(0, 20, (10, 48, 64, 3), dtype=np.uint8)
        frames = [grain + np.uint8(25 * (number % 5)) for number, grain in enumerate(grains)]
        write_clip(folder / name, frames)
    cut = (folder / "cut.avi").read_bytes()
    (folder / "cut.avi").write_bytes(cut[: len(cut) * 7 // 10])
    videos = [folder / "whole.avi", folder / "whole.avi", folder / "cut.avi", folder / "cut.avi"]
    listed = [*paths[:5], *videos, folder / "lost.png", *paths[5:], paths[-1], folder / "lost.mp4"]
    return [str(path) for path in listed]


def _run(out: Path, inputs: Iterable[str], resume: bool = False) -> None:
    n_kept, remaining = 0, mark_groups(inputs, 7)
    if resume:
        kept, remaining = keep_rows(out, NAMES, remaining, 7)
        n_kept = kept.n_bytes
    finder = FaceFinder(CROWD)
    batches = predict_files(
        Company(), remaining, class_names=NAMES, finder=finder, batch_size=7, n_jobs=2
    )
    with open_writer(out, NAMES, n_kept=n_kept) as writer:
        for batch in batches:
            writer.write(batch)


@FORMS
def test_wherever_a_file_was_cut_it_becomes_what_it_would_have_been(
    tmp_path: Path, inputs: list[str], ending: str
) -> None:
    out = tmp_path / f"rows{ending}"
    _run(out, inputs)
    whole = out.read_bytes()
    assert b"unreadable" in whole
    assert b"missing" in whole
    cuts = np.random.default_rng(1).integers(0, len(whole), 25).tolist()
    for size in [0, 1, *cuts, len(whole) - 1, len(whole)]:
        out.write_bytes(whole[:size])
        _run(out, inputs, resume=True)
        assert out.read_bytes() == whole


def test_a_table_whose_batches_did_not_end_with_groups_can_be_resumed(
    tmp_path: Path, inputs: list[str]
) -> None:
    # As earlier versions wrote them: the rows stay what they are, but for last digits.
    out = tmp_path / "rows.csv"
    _run(out, inputs)
    whole = out.read_bytes().splitlines()
    with open_writer(out, NAMES) as writer:
        for batch in predict_files(
            Company(), inputs, class_names=NAMES, finder=FaceFinder(CROWD), batch_size=7
        ):
            writer.write(batch)
    out.write_bytes(out.read_bytes()[: out.stat().st_size * 2 // 3])
    _run(out, inputs, resume=True)
    resumed = out.read_bytes().splitlines()
    assert resumed != whole
    assert [line[:20] for line in resumed] == [line[:20] for line in whole]


def test_only_whole_batches_are_kept_and_counted(tmp_path: Path, inputs: list[str]) -> None:
    out = tmp_path / "rows.csv"
    _run(out, inputs)
    finder = FaceFinder(CROWD)
    marked = mark_groups(inputs, 7)
    batches = list(predict_files(Company(), marked, class_names=NAMES, finder=finder, batch_size=7))
    batches = [batch for batch in batches if batch]
    rows = [row for batch in batches[:-1] for row in batch]
    kept, _ = keep_rows(out, NAMES, mark_groups(inputs, 7), 7)
    assert kept.n_rows == len(rows)
    assert kept.n_faces == sum(row.face is not None for row in rows)
    assert kept.n_items == sum(not row.face for row in rows)
    failures = [row for row in rows if row.face is None]
    assert kept.n_failed == sum(row.frame is None or row.status != "no_face" for row in failures)
    beginning = tmp_path / "beginning.csv"
    with open_writer(beginning, NAMES) as writer:
        writer.write(rows)
    assert beginning.read_bytes() == out.read_bytes()[: kept.n_bytes]


def test_nothing_is_kept_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    inputs = mark_groups(["a.png", "b.mp4"], 7)
    kept, remaining = keep_rows(tmp_path / "rows.csv", NAMES, inputs, 7)
    assert (kept.n_bytes, kept.n_rows) == (0, 0)
    assert list(remaining) == ["a.png", None, "b.mp4", None]


def test_parquet_cannot_be_resumed(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match=r"cannot be resumed; write \.csv or \.jsonl"):
        keep_rows(tmp_path / "rows.parquet", NAMES, iter([]), 7)


def _lost(path: str) -> Prediction:
    return Prediction(path=path, status="missing")


def _frames(path: str, *numbers: int) -> list[Prediction]:
    return [Prediction(path=path, status="no_face", frame=n, time=n / 10) for n in numbers]


@pytest.mark.parametrize(
    ("rows", "inputs", "remaining"),
    [
        ([_lost("a"), _lost("a"), _lost("b")], ["a", "a", "b", "c"], ["b", "c"]),
        (
            [*_frames("v.mp4", 0, 5, 10), *_frames("v.mp4", 0)],
            ["v.mp4", "v.mp4"],
            ["v.mp4"],
        ),
        (
            [*_frames("v.mp4", 0, 5), _lost("a")],
            ["v.mp4", "a"],
            ["a"],
        ),
        (
            [*_frames("v.gif", 0, 5), _lost("a")],
            ["v.gif", "a"],
            [VideoRest("v.gif", 2), "a"],
        ),
        ([*_frames("v.mp4", 0, 5, 10)], ["v.mp4", "a"], [VideoRest("v.mp4", 2), "a"]),
        (
            [*_frames("v.mp4", 0, 5), _lost("v.mp4"), _lost("a")],
            ["v.mp4", "a"],
            ["a"],
        ),
        ([_lost("v.mp4"), *_frames("v.mp4", 0)], ["v.mp4", "v.mp4"], ["v.mp4"]),
        (
            [*_frames("v.mp4", 0, 5), *_frames("w.mp4", 0, 5), _lost("a")],
            ["v.mp4", "w.mp4", "a"],
            ["a"],
        ),
    ],
)
def test_inputs_that_are_done_are_left_out(
    tmp_path: Path, rows: list[Prediction], inputs: list[str], remaining: list[object]
) -> None:
    out = tmp_path / "rows.csv"
    with open_writer(out, NAMES) as writer:
        writer.write(rows)
    # Batches of one face are full with each second of these rows, and end with a group; the last
    # row is uncertain. Where not all but the last are in full batches, another before them helps.
    kept, left = keep_rows(out, NAMES, mark_groups(inputs, 1), 1)
    if kept.n_rows < len(rows) - 1:
        with open_writer(out, NAMES) as writer:
            writer.write([_lost("before"), *rows])
        kept, left = keep_rows(out, NAMES, mark_groups(["before", *inputs], 1), 1)
        assert kept.n_rows >= len(rows) - 1
    assert [given for given in left if given is not None] == remaining


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["a.png", "x.png", "c.png"], "input 2 is 'b.png', but now it is 'x.png'"),
        (["b.png", "a.png"], "input 1 is 'a.png', but now it is 'b.png'"),
        (["a.png"], "input 2 is 'b.png', but now there is none"),
    ],
)
def test_other_inputs_are_an_error_and_the_file_stays(
    tmp_path: Path, inputs: list[str], message: str
) -> None:
    out = tmp_path / "rows.csv"
    with open_writer(out, NAMES) as writer:
        writer.write([_lost("a.png"), _lost("b.png"), _lost("c.png")])
    before = out.read_bytes()
    with pytest.raises(ValueError, match=f"rows.csv cannot be resumed: by its rows {message}"):
        keep_rows(out, NAMES, mark_groups(inputs, 1), 1)
    assert out.read_bytes() == before


CLASSES = ("happy", "sad")
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
    with open_writer(path, CLASSES) as writer:
        writer.write(rows)
    return path.read_bytes()


@FORMS
def test_rows_come_back_by_picture_and_frame(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    data = _written(path)
    items = [astuple(item) for item in read_items(path, CLASSES)]
    assert [item[:-1] for item in items] == ITEMS
    begin = _written(tmp_path / f"begin{ending}", ROWS[:2])
    assert items[0][-1] == len(begin)
    assert items[-1][-1] == len(data)


@FORMS
def test_reading_ends_before_a_row_that_is_not_whole(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    data = _written(path)
    whole = list(read_items(path, CLASSES))
    for size in range(0, len(data), 5):
        path.write_bytes(data[:size])
        items = [item for item in read_items(path, CLASSES) if item.end <= size]
        # The last item of a file that was cut may lack rows.
        assert items[:-1] == whole[: max(0, len(items) - 1)]
        assert all(item.end <= size for item in items)


@FORMS
def test_noise_ends_the_reading(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    data = _written(path)
    path.write_bytes(data + b"\0\0\xff\n\0")
    assert [astuple(item)[:-1] for item in read_items(path, CLASSES)] == ITEMS


@FORMS
def test_other_columns_are_an_error(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    _written(path)
    with pytest.raises(ValueError, match=rf"rows\{ending} cannot be resumed.*columns") as raised:
        list(read_items(path, ("happy", "angry")))
    assert "begins with" in str(raised.value)
    path.write_text('"name"\n')
    with pytest.raises(ValueError, match="columns"):
        list(read_items(path, CLASSES))
