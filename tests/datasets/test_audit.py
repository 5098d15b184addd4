import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ensemble.datasets import DataAudit, FaceDataset, audit_faces


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
