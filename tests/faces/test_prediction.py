import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer_ensemble.faces import FaceFinder, Prediction, predict_files
from fer_ensemble.faces.finding import search_item
from tests.faces.stand_ins import Crowd, write_clip

NAMES = ("dark", "middle", "bright")


class Brightness:
    """Says how bright faces are, with probabilities that need all their digits."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        assert X.dtype == np.uint8
        self.batches.append(len(X))
        level = X.reshape(len(X), -1).mean(axis=1)[:, np.newaxis]
        scores = np.exp(-(((level - [0, 128, 255]) / 60) ** 2))
        return scores / scores.sum(axis=1, keepdims=True)


def _picture(path: Path, value: int) -> Path:
    cv2.imwrite(str(path), np.full((48, 48), value, np.uint8))
    return path


def _crowded(path: Path, n_faces: int) -> Path:
    cv2.imwrite(str(path), np.full((60, 500), n_faces, np.uint8))
    return path


def _clip(path: Path) -> Path:
    values = (0, 0, 128, 128, 255, 255)
    return write_clip(path, [np.full((64, 64, 3), value, np.uint8) for value in values])


def _predict(paths: list[Path], **settings: Any) -> list[Prediction]:
    batches = predict_files(Brightness(), paths, class_names=NAMES, **settings)
    return [prediction for batch in batches for prediction in batch]


def test_each_face_gets_what_the_classifier_says_of_it(tmp_path: Path) -> None:
    paths = [_picture(tmp_path / f"{value}.png", value) for value in (250, 3, 120, 9)]
    predictions = _predict(paths, batch_size=2)
    assert [item.path for item in predictions] == [str(path) for path in paths]
    assert [item.label for item in predictions] == ["bright", "dark", "middle", "dark"]
    faces = np.array([cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths])
    for item, row in zip(predictions, Brightness().predict_proba(faces), strict=True):
        assert item.probabilities == dict(zip(NAMES, row, strict=True))
        assert item.confidence == row.max()
        assert (item.status, item.reason) == ("ok", "")


def test_a_face_below_the_least_confidence_gets_no_label(tmp_path: Path) -> None:
    paths = [_picture(tmp_path / f"{value}.png", value) for value in (250, 64)]
    sure, unsure = _predict(paths, min_confidence=0.9)
    assert (sure.label, sure.status) == ("bright", "ok")
    assert (unsure.label, unsure.status) == (None, "unsure")
    assert unsure.reason == "the confidence is below 0.9"
    assert unsure.confidence == max(unsure.probabilities.values())


def test_a_classifier_that_abstains_on_ties_is_not_given_a_label(tmp_path: Path) -> None:
    class Undecided(Brightness):
        ties = "abstain"

        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            return np.tile([0.4, 0.4, 0.2], (len(X), 1))

    [[tied]] = predict_files(Undecided(), [_picture(tmp_path / "a.png", 9)], class_names=NAMES)
    assert (tied.label, tied.status) == (None, "unsure")
    assert tied.reason == "several classes are the most probable"


def test_inputs_that_fail_keep_their_place(tmp_path: Path) -> None:
    dark, bright = _picture(tmp_path / "dark.png", 0), _picture(tmp_path / "bright.png", 255)
    empty = tmp_path / "empty.png"
    empty.touch()
    text = tmp_path / "text.png"
    text.write_text("no picture")
    paths = [empty, dark, tmp_path / "lost.png", text, bright, dark]
    predictions = _predict(paths, batch_size=4)
    assert [item.path for item in predictions] == [str(path) for path in paths]
    assert [item.label for item in predictions] == [None, "dark", None, None, "bright", "dark"]
    assert [item.status for item in predictions] == [
        "empty",
        "ok",
        "missing",
        "unreadable",
        "ok",
        "ok",
    ]
    for item in predictions:
        failed = item.status != "ok"
        assert failed == (item.confidence is None) == (item.probabilities is None)
        assert failed == bool(item.reason)


def test_a_file_deleted_after_it_was_listed_is_not_lost(tmp_path: Path) -> None:
    first, second = _picture(tmp_path / "1.png", 0), _picture(tmp_path / "2.png", 0)

    def paths() -> Iterator[Path]:
        yield first
        second.unlink()
        yield second

    [batch] = predict_files(Brightness(), paths(), class_names=NAMES)
    assert [item.status for item in batch] == ["ok", "missing"]


def test_each_face_of_a_picture_has_a_row_with_its_place(tmp_path: Path) -> None:
    paths = [_crowded(tmp_path / f"{n}.png", n) for n in (2, 0, 1)]
    rows = _predict(paths, finder=FaceFinder(Crowd()))
    assert [(Path(row.path).name, row.face, row.status) for row in rows] == [
        ("2.png", 0, "ok"),
        ("2.png", 1, "ok"),
        ("0.png", None, "no_face"),
        ("1.png", 0, "ok"),
    ]
    assert [row.x for row in rows] == [0, 40, None, 0]
    assert [row.face_score for row in rows] == [1, 0.99, None, 1]
    assert (rows[0].y, rows[0].width, rows[0].height) == (0, 40, 40.3)
    assert rows[2].reason == "no face was found"
    assert (rows[2].label, rows[2].probabilities) == (None, None)


def test_a_picture_that_is_a_face_has_no_place(tmp_path: Path) -> None:
    [row] = _predict([_picture(tmp_path / "a.png", 9)])
    assert (row.face, row.x, row.width, row.face_score, row.frame) == (0, None, None, None, None)


def test_batches_are_full_of_faces_and_never_empty(tmp_path: Path) -> None:
    face, lost = _picture(tmp_path / "face.png", 0), tmp_path / "lost.png"
    classifier = Brightness()
    paths = [face, lost, face, lost, face, lost, *[lost] * 6, face, face]
    batches = list(predict_files(classifier, paths, class_names=NAMES, batch_size=3))
    assert [len(batch) for batch in batches] == [5, 6, 3]
    assert classifier.batches == [3, 2]


def test_the_faces_of_a_picture_are_never_divided(tmp_path: Path) -> None:
    paths = [_crowded(tmp_path / f"{n}.png", n) for n in (2, 4, 1, 0, 9)]
    classifier, finder = Brightness(), FaceFinder(Crowd())
    list(predict_files(classifier, paths, class_names=NAMES, finder=finder, batch_size=3))
    assert classifier.batches == [6, 10]


def test_a_video_is_predicted_frame_by_frame(tmp_path: Path) -> None:
    path = _clip(tmp_path / "clip.avi")
    rows = _predict([path], finder=FaceFinder("skip"), every=2, batch_size=2)
    assert [(row.frame, row.face, row.label) for row in rows] == [
        (0, 0, "dark"),
        (2, 0, "middle"),
        (4, 0, "bright"),
    ]
    assert [row.time for row in rows] == pytest.approx([0, 0.2, 0.4])


def test_no_paths_are_no_batches() -> None:
    assert list(predict_files(Brightness(), [], class_names=NAMES)) == []


def test_batches_come_as_they_are_done_and_paths_are_taken_as_needed(tmp_path: Path) -> None:
    face = _picture(tmp_path / "face.png", 0)
    taken = 0

    def paths() -> Iterator[Path]:
        nonlocal taken
        for _ in range(500):
            taken += 1
            yield face

    batches = predict_files(Brightness(), paths(), class_names=NAMES, batch_size=10)
    for done in range(1, 4):
        next(batches)
        assert 10 * done <= taken <= 10 * (done + 2)
    batches.close()


def test_memory_does_not_grow_with_the_number_of_files(tmp_path: Path) -> None:
    face = _picture(tmp_path / "face.png", 0)

    def peak(n_files: int) -> int:
        tracemalloc.start()
        for _ in predict_files(
            Brightness(), repeat(face, n_files), class_names=NAMES, batch_size=16
        ):
            pass
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(64)  # what is loaded and cached once
    few, many = peak(64), peak(1500)
    faces = (1500 - 64) * 48 * 48
    assert many - few < faces / 10


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.full((1, 2), 0.5), r"3 finite probabilities.*\(1, 2\)"),
        (np.array([[0.5, np.nan, 0.5]]), "1 that are not finite"),
    ],
)
def test_an_unusable_answer_of_the_classifier_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: np.ndarray, message: str
) -> None:
    monkeypatch.setattr(Brightness, "predict_proba", lambda self, X: answer)
    with pytest.raises(ValueError, match=message):
        _predict([_picture(tmp_path / "face.png", 0)])


@pytest.mark.parametrize("setting", ["batch_size", "every"])
def test_a_wrong_setting_is_an_error(tmp_path: Path, setting: str) -> None:
    with pytest.raises(ValueError, match=f"{setting} must be at least 1"):
        _predict([_clip(tmp_path / "clip.avi")], **{setting: 0})


def test_opencv_starts_no_threads_of_its_own_meanwhile(tmp_path: Path) -> None:
    counts: list[int] = []

    class Counting(Brightness):
        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            counts.append(cv2.getNumThreads())
            return super().predict_proba(X)

    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        path = _picture(tmp_path / "a.png", 3)
        assert len(list(predict_files(Counting(), [path], class_names=NAMES))) == 1
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)
    assert counts == [1]


def test_what_the_search_says_of_faces_stands_in_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(*args: Any, **settings: Any) -> Any:
        return replace(search_item(*args, **settings), reason="found after a turn by 90°")

    monkeypatch.setattr("fer_ensemble.faces.prediction.search_item", search)
    paths = [_picture(tmp_path / f"{value}.png", value) for value in (250, 64)]
    sure, unsure = _predict(paths, min_confidence=0.9)
    assert sure.reason == "found after a turn by 90°"
    assert unsure.reason == "found after a turn by 90°; the confidence is below 0.9"
