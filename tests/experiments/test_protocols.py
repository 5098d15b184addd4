import numpy as np
import pytest

from experiments.protocols import balanced, kaggle, official, random
from fer_ensemble.datasets import EMOTIONS, FaceDataset, copy_groups, make_faces


@pytest.fixture(scope="module")
def data():
    faces, labels, _ = make_faces(210, random_state=0)
    order = np.argsort(labels, kind="stable")
    split = np.tile(["train", "train", "public_test", "train", "private_test"], 42)
    return FaceDataset(faces[order], labels[order], split, np.arange(210).astype(object))


def test_official_tests_on_public_faces_alone(data):
    parts = official(data, 0)
    assert (len(parts.y_train), len(parts.y_test)) == (126, 42)
    np.testing.assert_array_equal(parts.X_test, data.select("public_test").images)


def test_kaggle_tests_on_all_test_faces(data):
    parts = kaggle(data, 0)
    assert (len(parts.y_train), len(parts.y_test)) == (126, 84)
    assert parts.told == "public_test and private_test"


def test_random_holds_out_a_stratified_share_of_all(data):
    parts = random(data, 0, test_size=0.2)
    assert (len(parts.y_train), len(parts.y_test)) == (168, 42)
    np.testing.assert_array_equal(
        np.bincount(parts.y_test, minlength=7), np.bincount(data.labels, minlength=7) // 5
    )


def test_balanced_reaches_its_target_with_changed_copies(data):
    target = dict.fromkeys(EMOTIONS, 40)
    parts = balanced(data, 0, target=target, test_size=0.1)
    X = np.concatenate([parts.X_train, parts.X_test])
    y = np.concatenate([parts.y_train, parts.y_test])
    assert np.bincount(y).tolist() == [40] * 7
    # Few copies come out as they went in: most are changed.
    assert len(np.unique(copy_groups(X))) > 250
    assert X.dtype == np.uint8
