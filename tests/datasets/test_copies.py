import numpy as np
import pytest

from fer_ensemble.datasets import FaceDataset
from fer_ensemble.datasets.copies import copy_sets, unite_groups


@pytest.fixture
def faces() -> FaceDataset:
    return FaceDataset(
        images=np.zeros((7, 48, 48), np.uint8),
        labels=np.array([0, 1, 0, 3, 3, 3, 2]),
        split=np.array(
            ["public_test", "train", "train", "train", "public_test", "public_test", "train"]
        ),
        names=np.arange(7).astype(object),
    )


def test_sets_are_counted(faces: FaceDataset) -> None:
    copies = copy_sets(faces, np.array([5, 0, 5, 2, 2, 2, 1]))
    assert [rows.tolist() for rows in copies.sets] == [[0, 2], [3, 4, 5]]
    assert (len(copies), copies.n_faces, copies.n_redundant) == (2, 5, 3)
    assert copies.across_splits() == {("public_test", "train"): 3}
    assert len(copies.disagreeing) == 0


def test_sets_whose_labels_differ_disagree(faces: FaceDataset) -> None:
    copies = copy_sets(faces, np.array([0, 0, 1, 2, 2, 3, 4]))
    assert [rows.tolist() for rows in copies.disagreeing.sets] == [[0, 1]]
    assert copies.to_dict()["sets_that_disagree_on_the_label"] == 1


def test_copies_within_a_split_do_not_cross(faces: FaceDataset) -> None:
    assert copy_sets(faces, np.array([0, 1, 1, 1, 2, 2, 1])).across_splits() == {}


def test_a_face_is_counted_once_for_each_other_split(faces: FaceDataset) -> None:
    faces.split[:] = ["train", "train", "public_test", "test", "train", "train", "train"]
    crossing = copy_sets(faces, np.array([0, 0, 0, 0, 1, 2, 3])).across_splits()
    assert crossing == {
        ("public_test", "train"): 1,
        ("test", "public_test"): 1,
        ("test", "train"): 1,
    }


def test_links_unite_groups_also_through_others() -> None:
    groups = np.array([0, 1, 2, 3, 0, 4])
    united = unite_groups(groups, np.array([[0, 1], [1, 3]]))
    assert united[0] == united[1] == united[3] == united[4]
    assert len({united[0], united[2], united[5]}) == 3


def test_without_links_groups_stay() -> None:
    united = unite_groups(np.array([0, 1, 0]), np.empty((0, 2), np.int64))
    assert united[0] == united[2] != united[1]
    assert unite_groups(np.empty(0, np.int64), np.empty((0, 2), np.int64)).tolist() == []
