"""Blank faces and copies are found, among them those that are known of real FER2013."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ensemble.datasets import DataAudit, FaceDataset, audit_faces, find_near_copies
from fer_ensemble.datasets.audit import copy_sets


@pytest.fixture(scope="module")
def audit() -> DataAudit:
    """Twelve faces: two blank, two alike, and a third that is a mirror image of these."""
    rng = np.random.default_rng(0)
    noise = rng.normal(128, 120, (12, 48, 48)).clip(0, 255).astype(np.uint8)
    images = np.stack([cv2.GaussianBlur(face, (0, 0), 1.5) for face in noise])
    images[2], images[3] = 0, 255
    images[5] = images[1]
    images[8] = (images[1][:, ::-1] * 0.6).astype(np.uint8)
    images[9] = images[6]
    labels = np.array([0, 1, 1, 2, 3, 1, 4, 5, 6, 0, 6, 6])
    split = np.array(["train"] * 8 + ["public_test"] * 4)
    names = np.array([f"{i}.png" for i in range(12)], object)
    return audit_faces(FaceDataset(images, labels, split, names))


def test_classes_are_counted_by_split(audit: DataAudit) -> None:
    assert list(audit.counts) == ["train", "public_test"]
    assert audit.counts["train"]["disgust"] == 3
    assert audit.counts["public_test"]["neutral"] == 3


def test_blank_faces_of_any_grey_are_found(audit: DataAudit) -> None:
    assert audit.blank.tolist() == [2, 3]
    assert audit.to_dict()["blank"] == {"train": 2}


def test_exact_copies_are_found(audit: DataAudit) -> None:
    assert [rows.tolist() for rows in audit.exact.sets] == [[1, 5], [6, 9]]
    assert [rows.tolist() for rows in audit.exact.disagreeing.sets] == [[6, 9]]
    assert audit.exact.across_splits() == {("public_test", "train"): 1}


def test_near_copies_come_with_their_exact_copies(audit: DataAudit) -> None:
    assert audit.near_pairs.pairs.tolist() == [[1, 8]]
    assert audit.near_pairs.mirrored.tolist() == [True]
    assert [rows.tolist() for rows in audit.near.sets] == [[1, 5, 8]]


def test_counts_are_ready_for_json(audit: DataAudit) -> None:
    content = json.loads(json.dumps(audit.to_dict()))
    assert content["n"] == 12
    assert content["exact_copies"]["redundant"] == 2
    near = content["near_copies"]
    assert near["faces_that_stand_in_another_split"] == {"public_test in train": 1}
    assert (near["pairs"], near["mirrored_pairs"]) == (1, 1)
    assert near["pairs_that_disagree_on_the_label"] == 1


def test_the_list_has_a_row_for_every_face_concerned(audit: DataAudit, tmp_path: Path) -> None:
    audit.write_list(tmp_path / "new" / "list.csv")
    rows = list(csv.DictReader((tmp_path / "new" / "list.csv").open()))
    found = [(row["finding"], row["set"], row["name"]) for row in rows]
    assert found == [
        ("blank", "", "2.png"),
        ("blank", "", "3.png"),
        ("exact_copy", "1", "1.png"),
        ("exact_copy", "1", "5.png"),
        ("exact_copy", "2", "6.png"),
        ("exact_copy", "2", "9.png"),
        ("near_copy", "1", "1.png"),
        ("near_copy", "1", "5.png"),
        ("near_copy", "1", "8.png"),
    ]
    last = rows[-1]
    assert (last["split"], last["label"], last["mirrored"]) == ("public_test", "neutral", "True")
    assert 0.65 <= float(last["similarity"]) <= 1
    assert (last["labels_disagree"], last["splits_differ"]) == ("True", "True")
    assert rows[2]["labels_disagree"] == rows[2]["splits_differ"] == "False"


def test_a_set_without_findings(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    faces = FaceDataset(images, np.arange(3), np.full(3, "train"), np.arange(3).astype(object))
    audit = audit_faces(faces)
    assert audit.to_dict()["near_copies"]["sets"] == len(audit.exact) == len(audit.blank) == 0
    audit.write_list(tmp_path / "list.csv")
    assert len((tmp_path / "list.csv").read_text().splitlines()) == 1


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


@pytest.fixture(scope="module")
def photographs() -> np.ndarray:
    """Random textures, coarse and fine, none like another."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(40, 48, 48)).astype(np.float32)
    layers = [np.stack([cv2.GaussianBlur(a, (0, 0), blur) for a in noise]) for blur in (1.5, 4)]
    textures = sum(layer / layer.std() for layer in layers)
    return np.clip(128 + 30 * textures, 0, 255).astype(np.uint8)


def _watermarked(face: np.ndarray) -> np.ndarray:
    marked = cv2.putText(face.copy(), "stock", (4, 28), cv2.FONT_HERSHEY_PLAIN, 0.8, 255)
    return cv2.addWeighted(face, 0.7, marked, 0.3, 0)


def _compressed(face: np.ndarray) -> np.ndarray:
    _, data = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 40])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


CHANGES = {
    "mirrored": lambda face: face[:, ::-1],
    "darker": lambda face: (face * 0.5).astype(np.uint8),
    "compressed": _compressed,
    "watermarked": _watermarked,
    "shifted": lambda face: np.roll(face, (1, -1), axis=(0, 1)),
    "blurred": lambda face: cv2.GaussianBlur(face, (0, 0), 0.8),
    "mirrored and shifted": lambda face: np.roll(face[:, ::-1], 1, axis=1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_photograph_is_known_again(photographs: np.ndarray, change: str) -> None:
    changed = CHANGES[change](photographs[7])
    found = find_near_copies(np.concatenate([photographs, changed[np.newaxis]]))
    assert found.pairs.tolist() == [[7, 40]]
    assert found.mirrored.tolist() == ["mirrored" in change]
    assert 0.65 <= found.similarity[0] <= 1


def test_other_photographs_are_not_taken_for_copies(photographs: np.ndarray) -> None:
    assert len(find_near_copies(photographs)) == 0


def test_a_pair_is_found_once_though_it_is_its_own_mirror_image(photographs: np.ndarray) -> None:
    symmetric = np.concatenate([photographs[3][:, :24], photographs[3][:, 23::-1]], axis=1)
    found = find_near_copies(np.stack([symmetric, _compressed(symmetric)]))
    assert found.pairs.tolist() == [[0, 1]]


def test_blank_and_nearly_blank_faces_are_in_no_pair() -> None:
    faces = np.full((4, 48, 48), 90, np.uint8)
    faces[2:, 0, 0] = 91
    faces[3, 5, 5] = 92
    assert len(find_near_copies(faces)) == 0
    assert find_near_copies(faces[:0]).pairs.shape == (0, 2)


def test_more_faces_than_are_compared_at_once(photographs: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    many = rng.integers(0, 256, (700, 48, 48), dtype=np.uint8)
    many[[3, 690]] = photographs[0], _watermarked(photographs[0])
    many[[620, 10]] = photographs[1], photographs[1][:, ::-1]
    found = find_near_copies(many)
    assert found.pairs.tolist() == [[3, 690], [10, 620]]
    assert found.mirrored.tolist() == [False, True]


def test_the_threshold_is_a_least_similarity(photographs: np.ndarray) -> None:
    pair = np.stack([photographs[0], _watermarked(photographs[0])])
    similarity = find_near_copies(pair).similarity[0]
    assert len(find_near_copies(pair, threshold=similarity - 0.01)) == 1
    assert len(find_near_copies(pair, threshold=similarity + 0.01)) == 0
    for threshold in (0, 1.5):
        with pytest.raises(ValueError, match="take a similarity above 0"):
            find_near_copies(pair, threshold=threshold)


@pytest.fixture(scope="module")
def fer2013_audit(fer2013) -> DataAudit:
    return audit_faces(fer2013)


@pytest.mark.slow
def test_blank_faces_of_fer2013(fer2013_audit):
    blank = fer2013_audit.faces.take(fer2013_audit.blank).split_counts()
    assert (blank["train"], blank["public_test"]) == (11, 1)


@pytest.mark.slow
def test_exact_copies_in_fer2013(fer2013_audit):
    assert fer2013_audit.exact.across_splits()["public_test", "train"] == 280
    if len(fer2013_audit.faces) == 35_887:
        assert fer2013_audit.exact.n_redundant == 1853
    else:  # without PrivateTest
        assert len(fer2013_audit.faces) == 32_298
        assert fer2013_audit.exact.n_redundant == 1532


@pytest.mark.slow
def test_near_copies_in_fer2013(fer2013_audit):
    """More test faces are near-copies of training faces than exact ones; mirrored ones are rare."""
    assert fer2013_audit.near.across_splits()["public_test", "train"] > 400
    assert 2500 < len(fer2013_audit.near_pairs) < 4500
    assert 20 < fer2013_audit.near_pairs.mirrored.sum() < 100
