"""Following faces from frame to frame: whose they are, and what is said of them over time."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_ensemble.faces import FaceBox, FaceFinder, Tracker, predict_files
from fer_ensemble.faces.tracking import Box
from fer_ensemble.predicting import predict_faces
from fer_ensemble.prediction_run import PredictionRun
from tests.faces.stand_ins import write_clip

HERE, NEAR, FAR = (10.0, 10.0, 40.0, 40.0), (18.0, 10.0, 40.0, 40.0), (200.0, 10.0, 40.0, 40.0)
SURE = np.array([[1.0, 0.0]])


def _numbers(frames: Iterable[tuple[int | None, float | None, list[Box]]]) -> list[Any]:
    tracker = Tracker()
    return [
        tracker.follow(frame, time, boxes, np.tile(SURE, (len(boxes), 1)))[0]
        for frame, time, boxes in frames
    ]


def test_a_face_keeps_its_number_whatever_its_place_among_the_others() -> None:
    assert _numbers([(0, 0.0, [HERE, FAR]), (1, 0.1, [FAR, NEAR]), (2, 0.2, [NEAR])]) == [
        [0, 1],
        [1, 0],
        [0],
    ]


def test_the_box_that_overlaps_most_goes_on_and_the_other_is_new() -> None:
    assert _numbers([(0, 0.0, [HERE]), (1, 0.1, [NEAR, HERE])]) == [[0], [1, 0]]


def test_boxes_that_overlap_too_little_are_two_faces() -> None:
    # Shared: 18.46 of 40 columns is 0.3 of what both cover.
    least = (10 + 40 - 18.47, 10.0, 40.0, 40.0)
    less = (10 + 40 - 18.45, 10.0, 40.0, 40.0)
    assert _numbers([(0, 0.0, [HERE]), (1, 0.1, [least])]) == [[0], [0]]
    assert _numbers([(0, 0.0, [HERE]), (1, 0.1, [less])]) == [[0], [1]]


def test_a_face_is_lost_after_a_second_unseen() -> None:
    def frames(back: float) -> list[Any]:
        return [(0, 0.0, [HERE]), (9, 0.5, []), (20, back, [HERE])]

    assert _numbers(frames(1.0))[-1] == [0]
    assert _numbers(frames(1.01))[-1] == [1]


def test_another_video_begins_anew_and_pictures_and_pages_stand_alone() -> None:
    frames: list[Any] = [(0, 0.0, [HERE]), (5, 0.1, [FAR]), (0, 0.0, [FAR]), (0, 0.0, [HERE])]
    assert _numbers(frames) == [[0], [1], [0], [0]]
    assert _numbers([(None, None, [HERE, FAR]), (3, None, [HERE]), (0, 0.0, [FAR])]) == [
        [None, None],
        [None],
        [0],
    ]


def test_whole_frames_that_are_taken_for_faces_are_one_face() -> None:
    assert _numbers([(0, 0.0, [None]), (1, 0.1, [None]), (2, 0.2, [HERE])]) == [[0], [0], [1]]


def test_older_answers_fade_by_the_time_between_whatever_the_rate() -> None:
    tracker = Tracker(window=0.25)
    tracker.follow(0, 0.0, [HERE], SURE)
    _, smoothed = tracker.follow(7, 0.5, [HERE], np.array([[0.0, 1.0]]))
    weight = math.exp(-2)
    assert smoothed.tolist() == [[weight, pytest.approx(1 - weight)]]
    steps = Tracker(window=0.25)
    steps.follow(0, 0.0, [HERE], SURE)
    for frame in range(1, 6):
        _, smoothed = steps.follow(frame, frame / 10, [HERE], np.array([[0.0, 1.0]]))
    assert smoothed[0, 0] == pytest.approx(weight)


@pytest.mark.parametrize(("window", "time"), [(0, 0.1), (0.5, 0.0)])
def test_nothing_is_smoothed_by_no_window_or_where_time_stands_still(
    window: float, time: float
) -> None:
    tracker = Tracker(window)
    tracker.follow(0, 0.0, [HERE], SURE)
    numbers, smoothed = tracker.follow(1, time, [HERE], np.array([[0.25, 0.75]]))
    assert (numbers, smoothed.tolist()) == ([0], [[0.25, 0.75]])


@pytest.mark.parametrize("window", [-1, math.nan, math.inf])
def test_a_window_is_a_length_of_time(window: float) -> None:
    with pytest.raises(ValueError, match="window must be a number of seconds from 0 up"):
        Tracker(window)


class Walkers:
    """Finds two faces that walk towards each other; where the first pixel is dark, no one."""

    def detect(self, image: np.ndarray) -> list[FaceBox]:
        step = int(image[0, 0].max())
        if step < 20:
            return []
        first = FaceBox(step / 3, 10, 30.04, 30, score=0.9)
        second = FaceBox(100 - step / 3, 10, 30, 30, score=0.5 + step / 500)
        return [first] if 70 < step < 170 else [first, second]  # away for more than a second


class Noise:
    """Says something else of each face, with all digits; is reliant on its company."""

    classes_ = np.array([3, 4])

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        share = X.reshape(len(X), -1).mean(axis=1) / 256 + 1e-12 * X.mean()
        share = (share * 7919) % 1
        return np.column_stack([share, 1 - share])


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("clips")
    random = np.random.default_rng(0)
    paths = []
    for name in ("a.avi", "b.avi"):
        frames = random.integers(0, 256, (24, 64, 160, 3), dtype=np.uint8)
        for number, frame in enumerate(frames):
            frame[:16, :16] = 10 * number + 8
        paths.append(str(write_clip(folder / name, frames, rate=7)))
    return [paths[0], paths[0], str(folder / "lost.png"), paths[1]]


SETTINGS: dict[str, Any] = {"detector": Walkers(), "batch_size": 5, "track": True}


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_wherever_a_run_was_cut_its_tracks_go_on(
    tmp_path: Path, inputs: list[str], ending: str
) -> None:
    out = tmp_path / f"rows{ending}"
    settings = {**SETTINGS, "out": out, "every": 2}
    table = predict_faces(inputs, Noise(), **settings)
    tracks = {(row.path, row.track) for row in table if row.face is not None}
    assert {track for _, track in tracks} > {0, 1}
    whole = out.read_bytes()
    table.write(tmp_path / f"table{ending}")
    assert (tmp_path / f"table{ending}").read_bytes() == whole
    for size in np.random.default_rng(1).integers(0, len(whole), 12).tolist():
        out.write_bytes(whole[:size])
        predict_faces(inputs, Noise(), resume=True, **settings)
        assert out.read_bytes() == whole


def test_a_run_is_resumed_with_the_same_window_only(tmp_path: Path, inputs: list[str]) -> None:
    settings = {**SETTINGS, "out": tmp_path / "rows.csv"}
    predict_faces(inputs, Noise(), **settings)
    with pytest.raises(ValueError, match=r"window was 0\.5 and is 1"):
        predict_faces(inputs, Noise(), resume=True, window=1, **settings)
    with pytest.raises(ValueError, match=r"window was 0\.5 and is None"):
        predict_faces(inputs, Noise(), resume=True, **{**settings, "track": False})


def test_label_and_status_are_of_the_smoothed_probabilities(inputs: list[str]) -> None:
    class Flicker:
        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            return np.tile([[0.9, 0.1], [0.2, 0.8]], (len(X), 1))[: len(X)]

    def rows(tracker: Tracker | None) -> list[Any]:
        batches = predict_files(
            Flicker(),
            inputs[:1],
            class_names=("happy", "sad"),
            finder=FaceFinder("skip"),
            min_confidence=0.7,
            tracker=tracker,
        )
        return [row for batch in batches for row in batch]

    assert [row.label for row in rows(None)][:4] == ["happy", "sad", "happy", "sad"]
    smoothed = rows(Tracker(window=1))
    assert [row.track for row in smoothed] == [0] * 24
    assert "sad" not in [row.label for row in smoothed]
    assert {row.status for row in smoothed} == {"ok", "unsure"}
    for row in smoothed:
        assert row.confidence == max(row.probabilities.values())
        assert sum(row.probabilities.values()) == pytest.approx(1)


def test_tables_have_the_column_only_where_faces_are_followed(inputs: list[str]) -> None:
    plain, followed = (
        predict_faces(inputs[-2:], Noise(), **{**SETTINGS, "track": track})
        for track in (False, True)
    )
    assert plain.columns == [name for name in followed.columns if name != "track"]
    assert followed.columns[3:6] == ["face", "track", "x"]
    assert "track" not in repr(plain)
    assert "track" in repr(followed)
    assert followed[:2].columns == followed.columns


def test_a_run_refuses_a_window_that_is_none() -> None:
    with pytest.raises(ValueError, match="window"):
        PredictionRun([], Noise(), track=True, window=-1)
