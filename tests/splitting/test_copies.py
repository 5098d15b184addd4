"""Copies are found, and samples that a frozen member was fitted on are known again."""

import pickle
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_ensemble.splitting import (
    check_unseen,
    copy_groups,
    row_digests,
    seen_digests,
    unite_groups,
)


def test_copy_groups_of_faces() -> None:
    rng = np.random.default_rng(0)
    distinct = rng.integers(0, 256, (5, 48, 48), dtype=np.uint8)
    which = [0, 1, 0, 2, 3, 1, 4]
    assert copy_groups(distinct[which]).tolist() == which


@pytest.mark.parametrize(
    "X",
    [
        np.array(["a", "b", "a"]),
        np.array(["a", "b", "a"], object),
        ["a", "b", "a"],
        [[1.5, 2], [3, 4], [1.5, 2]],
        np.array([[1, "x"], [1, "y"], [1, "x"]], object),
        np.asfortranarray([[1, 2], [2, 1], [1, 2]]),
        np.array([1, 2, 1]),
        sparse.csr_matrix([[0, 1], [0, 2], [0, 1]]),
    ],
)
def test_copy_groups_of_anything(X: object) -> None:
    groups = copy_groups(X)  # type: ignore[arg-type]
    assert groups.tolist() == [0, 1, 0]
    assert groups.dtype == np.int64


def test_copy_groups_of_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"path": ["a", "b", "a"], "size": [1, 1, 1]})
    assert copy_groups(frame).tolist() == [0, 1, 0]


def test_copy_groups_of_long_object_rows_differ_in_the_middle() -> None:
    rows = np.empty(2, object)
    rows[0], rows[1] = np.zeros(5000), np.zeros(5000)
    rows[1][2500] = 1
    assert copy_groups(rows).tolist() == [0, 1]


def test_copy_groups_of_nothing() -> None:
    assert copy_groups(np.empty((0, 48, 48), np.uint8)).tolist() == []


def test_digests_know_faces_again_alone_or_among_others() -> None:
    rng = np.random.default_rng(0)
    distinct = rng.integers(0, 256, (50, 48, 48), dtype=np.uint8)
    digests = row_digests(distinct)
    assert digests.dtype == np.uint64
    assert digests.shape == (50,)
    assert len(set(digests.tolist())) == 50
    rows = rng.integers(50, size=80)
    np.testing.assert_array_equal(row_digests(distinct[rows]), digests[rows])


@pytest.mark.parametrize(
    "change",
    [
        lambda faces: faces.astype(np.float32),
        lambda faces: faces.astype(np.int64),
        lambda faces: np.asfortranarray(faces),
        lambda faces: faces[..., np.newaxis],
        lambda faces: faces.reshape(len(faces), -1).tolist(),
    ],
    ids=["floats", "integers", "Fortran", "channel", "lists"],
)
def test_digests_are_of_values_not_of_types_and_shapes(change: object) -> None:
    faces = np.random.default_rng(0).integers(0, 256, (5, 4, 6), dtype=np.uint8)
    np.testing.assert_array_equal(row_digests(change(faces)), row_digests(faces))  # type: ignore[operator]


def test_digests_of_single_numbers_do_not_depend_on_the_other_rows() -> None:
    mixed = np.array([[1.0, 2.0], [-0.0, 0.25], [300.0, -7.0], [np.nan, 1.0]])
    alone = [row_digests(mixed[i : i + 1])[0] for i in range(4)]
    np.testing.assert_array_equal(row_digests(mixed), alone)
    np.testing.assert_array_equal(row_digests([[0.0, 0.25]]), alone[1:2])
    np.testing.assert_array_equal(row_digests(mixed[1:3].astype(np.float32)), alone[1:3])
    np.testing.assert_array_equal(row_digests([[300, -7]]), alone[2:3])
    assert len(set(alone)) == 4


@pytest.mark.parametrize(
    "X",
    [
        np.array(["a", "b", "a"]),
        np.array(["a", "b", "a", "longer"])[:3],
        np.array(["a", "b", "a"], object),
        np.array([[1, "x"], [1, "y"], [1, "x"]], object),
        np.array([1.5, 2, 1.5]),
        sparse.csr_matrix([[0, 1], [0, 2], [0, 1]]),
        sparse.csr_matrix(([1.0, 2, 1, 0], [1, 1, 1, 0], [0, 1, 2, 4])),
    ],
)
def test_digests_of_anything(X: object) -> None:
    first, second, third = row_digests(X)
    assert first == third != second


def test_digests_of_strings_do_not_depend_on_how_they_are_stored() -> None:
    words = ["a", "b", "a longer one"]
    expected = row_digests(words)
    np.testing.assert_array_equal(row_digests(np.array(words, object)), expected)
    np.testing.assert_array_equal(row_digests(np.array(words[:2])), expected[:2])


def test_digests_of_a_data_frame_are_those_of_its_values() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"path": ["a", "b"], "size": [1, 2]})
    np.testing.assert_array_equal(row_digests(frame[1:]), row_digests(frame)[1:])
    numbers = np.array([[1.5, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(row_digests(pandas.DataFrame(numbers)), row_digests(numbers))


def test_digests_of_nothing() -> None:
    assert row_digests(np.empty((0, 48, 48), np.uint8)).tolist() == []


def test_links_unite_groups_also_through_others() -> None:
    groups = np.array([0, 1, 2, 3, 0, 4])
    united = unite_groups(groups, np.array([[0, 1], [1, 3]]))
    assert united[0] == united[1] == united[3] == united[4]
    assert len({united[0], united[2], united[5]}) == 3


def test_without_links_groups_stay() -> None:
    united = unite_groups(np.array([0, 1, 0]), np.empty((0, 2), np.int64))
    assert united[0] == united[2] != united[1]
    assert unite_groups(np.empty(0, np.int64), np.empty((0, 2), np.int64)).tolist() == []


X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.arange(60) % 2


def _fitted(rows: slice) -> Any:
    member = GaussianNB().fit(X[rows], Y[rows])
    member.training_digests_ = np.unique(row_digests(X[rows]))
    return member


def test_rows_that_a_frozen_member_was_fitted_on_are_refused_with_count_and_numbers() -> None:
    members = [("new", GaussianNB()), ("old", FrozenEstimator(_fitted(slice(40))))]
    message = r"'old' was fitted on 8 of the 28 faces \(rows 0, 1, 2, 3, 4, …\).*Leave these rows"
    with pytest.raises(ValueError, match=message):
        check_unseen(members, X[32:], "faces")
    with pytest.raises(ValueError, match=r"1 of the 21 samples \(rows 0\)"):
        check_unseen(members, X[39:])
    check_unseen(members, X[40:])


def test_it_is_the_content_that_counts() -> None:
    members = [("old", FrozenEstimator(_fitted(slice(40))))]
    with pytest.raises(ValueError, match=r"\(rows 1\)"):
        check_unseen(members, np.stack([X[50], X[7]]).reshape(2, 3, 1))


def test_digests_survive_pickling() -> None:
    again = pickle.loads(pickle.dumps(FrozenEstimator(_fitted(slice(40)))))
    with pytest.raises(ValueError, match="fitted on 40 of the 60"):
        check_unseen([("old", again)], X)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda frozen: CalibratedClassifierCV(frozen),
        lambda frozen: make_pipeline(StandardScaler(), frozen),
    ],
    ids=["calibrated", "pipeline"],
)
def test_frozen_parts_of_members_are_looked_at(wrap: Any) -> None:
    members = [("part", wrap(FrozenEstimator(_fitted(slice(40)))))]
    with pytest.raises(ValueError, match="'part' was fitted on 40 of the 60"):
        check_unseen(members, X)
    check_unseen(members, X[40:])


def test_of_a_member_without_digests_nothing_is_known() -> None:
    check_unseen([("foreign", FrozenEstimator(GaussianNB().fit(X, Y)))], X)
    check_unseen([("unfitted", GaussianNB())], X)


def test_seen_are_the_samples_given_and_those_of_frozen_members() -> None:
    members = [("new", GaussianNB()), ("old", FrozenEstimator(_fitted(slice(40))))]
    np.testing.assert_array_equal(
        seen_digests(members, X[30:45], X[44:50]), np.unique(row_digests(X[:50]))
    )
    assert seen_digests([("new", GaussianNB())]).dtype == np.uint64
