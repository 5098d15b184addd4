from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from fer_ensemble import find_suspect_labels
from fer_ensemble.datasets import EMOTIONS, FaceDataset, read_decisions, synthetic_dataset
from fer_ensemble.splitting import row_digests
from fer_ensemble.suspects import KINDS, Opinion, out_of_fold, quick_opinions, unlike_faces
from fer_ensemble.suspects.reasons import Findings

BLANK, COPY, COPIED = 140, 141, 0
WRONG = (5, 50, 90)


@cache
def draw():
    return synthetic_dataset(140, random_state=0)


@pytest.fixture(scope="module")
def faces():
    """Drawn faces, three of which have wrong labels; a blank one, and a copy with another label."""
    drawn = draw()
    drawn = replace(drawn, split=np.full(140, "train"))
    labels = drawn.labels.copy()
    for row in WRONG:
        labels[row] = (labels[row] + 3) % 7
    blank, copy = np.full((1, 48, 48), 90, np.uint8), drawn.images[[COPIED]]
    return FaceDataset(
        np.concatenate([drawn.images, blank, copy]),
        np.concatenate([labels, [2, (labels[COPIED] + 1) % 7]]),
        np.full(142, "train"),
        np.array([f"{row}.png" for row in range(142)], object),
    )


class Knowing(DummyClassifier):
    """Knows what was drawn, and is surer of some faces than of others."""

    def predict_proba(self, X):
        drawn = draw()
        truth = dict(zip(row_digests(drawn.images).tolist(), drawn.labels, strict=True))
        sure = 0.7 + 0.2 * (X[:, 0, 0] / 255.0)
        proba = np.full((len(X), 7), 1 / 7)
        for row, digest in enumerate(row_digests(X).tolist()):
            if digest in truth:
                proba[row] = (1 - sure[row]) / 6
                proba[row, truth[digest]] = sure[row]
        return proba


@pytest.fixture(scope="module")
def found(faces):
    return find_suspect_labels(faces, n_folds=3, members=[("knowing", Knowing())])


def by_row(found):
    return {suspect.row: suspect for suspect in found.suspects}


def test_wrong_labels_are_doubted_and_the_right_ones_suggested(faces, found):
    suspects = by_row(found)
    drawn = draw()
    assert found.accuracies["all"] == pytest.approx(137 / 142, abs=1 / 142)
    for row in WRONG:
        assert "doubted" in suspects[row].kinds
        assert suspects[row].suggested == drawn.labels[row]
        assert EMOTIONS[drawn.labels[row]] in suspects[row].reason
    # Nothing else is doubted but, perhaps, the copy with the wrong label.
    assert {row for row, told in suspects.items() if "doubted" in told.kinds} <= {*WRONG, COPY}


def test_a_blank_picture_is_first_and_to_be_dropped(found):
    first = found.suspects[0]
    assert (first.row, first.suggested, first.score) == (BLANK, -1, 1.0)
    # Whatever else is said of it is of no use.
    assert first.reason == "blank: all pixels are the same"


def test_copies_with_other_labels_name_each_other(faces, found):
    suspects = by_row(found)
    assert "copies" in suspects[COPY].kinds
    given = EMOTIONS[faces.labels[COPIED]]
    assert f"an exact copy is labelled {given} (0.png)" in suspects[COPY].reason
    # The label that the models believe in is the one that stays.
    assert suspects[COPY].suggested == faces.labels[COPIED]
    assert suspects[COPY].score > 0.5 > suspects[COPIED].score


def test_the_list_is_ranked_and_counted(found):
    scores = [suspect.score for suspect in found.suspects]
    assert scores == sorted(scores, reverse=True)
    assert set(found.kind_counts()) == set(KINDS)
    assert found.to_dict()["by_reason"]["blank"] == 1


def test_decisions_without_anybody_are_those_of_the_first(found, tmp_path):
    found.decisions("relabel", 2).write(tmp_path / "decisions.csv")
    entries = read_decisions(tmp_path / "decisions.csv").entries
    assert entries[0].decision == "drop"  # no label fits a blank picture
    assert entries[1].decision == EMOTIONS[found.suspects[1].suggested]
    assert {entry.decision for entry in entries[2:]} == {""}
    assert {entry.decision for entry in found.decisions("drop").entries} == {"drop"}
    with pytest.raises(ValueError, match="no rule 'delete': choose drop or relabel"):
        found.decisions("delete", 2)


class Counting(DummyClassifier):
    """Counts its fits, and is interrupted in the one after `LEFT` others."""

    LEFT = 0

    def fit(self, X, y):
        Counting.LEFT -= 1
        if Counting.LEFT < 0:
            raise KeyboardInterrupt
        return super().fit(X, y)


def test_an_interrupted_call_takes_over_the_folds_that_are_done(tmp_path):
    X, y, folds = np.zeros((6, 1)), np.array([0, 1, 1, 0, 0, 1]), np.array([0, 0, 1, 1, 2, 2])
    opinions = [Opinion("counting", Counting(strategy="prior"), [X])]
    Counting.LEFT = 2
    with pytest.raises(KeyboardInterrupt):
        out_of_fold(opinions, y, folds, keep=tmp_path)
    Counting.LEFT = 1
    seen = []
    answers = out_of_fold(
        opinions, y, folds, keep=tmp_path, on_fold=lambda done, total: seen.append((done, total))
    )
    assert answers.shape == (1, 6, 2)
    assert answers[0, 4].tolist() == [0.5, 0.5]
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    # Other labels are another question.
    Counting.LEFT = 0
    with pytest.raises(KeyboardInterrupt):
        out_of_fold(opinions, 1 - y, folds, keep=tmp_path)


def test_a_network_that_is_interrupted_is_not_kept_as_it_is(tmp_path, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(MLPClassifier, "_backprop", stop)
    X, y, folds = np.zeros((8, 2)), np.arange(8) % 2, np.arange(8) // 4
    network = Opinion("network", make_pipeline(MLPClassifier(max_iter=2)), [X])
    with pytest.raises(KeyboardInterrupt):
        out_of_fold([network], y, folds, keep=tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_a_model_says_of_all_views_is_averaged():
    class Echo(DummyClassifier):
        def predict_proba(self, X):
            return np.column_stack([X[:, 0], 1 - X[:, 0]])

    X = np.array([[0.2], [0.4], [0.6], [0.8]])
    opinion = Opinion("echo", Echo(), [X, X / 2])
    answers = out_of_fold([opinion], np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]))
    assert answers[0, :, 0] == pytest.approx([0.15, 0.3, 0.45, 0.6])


def test_the_share_of_a_label_among_copies_is_weighed_by_hand():
    # Three copies: angry twice and sad once, of which the models say 0.2 and 0.6.
    faces = FaceDataset(
        np.zeros((3, 48, 48), np.uint8),
        np.array([0, 0, 4]),
        np.full(3, "train"),
        np.array(["a", "b", "c"], object),
    )
    findings = Findings(faces, np.tile([0.2, 0.6, 0.2], (3, 1)), np.array([0, 4, 6]))
    findings.add_copies(np.zeros(3, np.int64), np.array([0, 0, 1]))
    suspects = {suspect.row: suspect for suspect in findings.ranked()}
    # 2 × 0.2 for angry against 1 × 0.6 for sad.
    assert suspects[2].score == pytest.approx(0.4)
    assert suspects[0].score == pytest.approx(0.6)
    assert suspects[0].suggested == 4
    assert suspects[0].reason == "a near-copy is labelled sad (c)"
    assert "angry (a), a near-copy is labelled angry (b)" in suspects[2].reason


def test_drawn_signs_are_unlike_faces_and_faces_are_not():
    import cv2

    images = np.concatenate([draw().images, draw().images[:58, :, ::-1]])
    signs = np.zeros((2, 48, 48), np.uint8)
    cv2.polylines(signs[0], [np.array([[24, 12], [10, 36], [38, 36]])], True, 255, 2)
    cv2.line(signs[1], (0, 0), (47, 47), 255, 3)
    doubt = unlike_faces(np.concatenate([images, signs]))
    assert (doubt[-2:] > 0).all()
    assert (doubt > 0).sum() <= 4  # a fiftieth at most
    assert not unlike_faces(signs).any()


def test_quick_models_learn_from_few_faces_too():
    faces = draw()
    folds = np.arange(140) // 7 % 2
    answers = out_of_fold(quick_opinions(faces.images), faces.labels, folds)
    right = answers.mean(axis=0).argmax(axis=1) == faces.labels
    assert answers.shape == (2, 140, 7)
    assert right.mean() > 0.4  # by chance 0.14
