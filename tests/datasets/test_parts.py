import json

import numpy as np
import pytest

from fer_ensemble.datasets import PROTOCOLS, FaceDataset, evaluation_part, training_part
from fer_ensemble.splitting import row_digests


@pytest.fixture(scope="module")
def faces() -> FaceDataset:
    """Random faces; every tenth public test face also stands in train."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (350, 48, 48), dtype=np.uint8)
    split = np.where(np.arange(350) < 280, "train", "public_test")
    images[280::10] = images[:7]
    return FaceDataset(images, np.arange(350) % 7, split, np.arange(350).astype(object))


def test_official_fits_on_train_though_there_is_no_test(faces: FaceDataset) -> None:
    training, record = training_part(faces.select("train"), random_state=3)
    assert len(training) == 280
    assert record == {
        "protocol": "official",
        "split": "train",
        "seed": 3,
        "n_samples": 280,
        "class_counts": training.class_counts(),
    }


@pytest.mark.parametrize("name", ["random", "grouped", "balanced"])
def test_test_faces_are_found_again(faces: FaceDataset, name: str, monkeypatch) -> None:
    monkeypatch.setattr(
        "fer_ensemble.datasets.protocols.BALANCED_COUNTS", {"happy": 80, "disgust": 70}
    )
    training, record = training_part(faces, name, test_size=0.2, random_state=1)
    record = json.loads(json.dumps(record))
    part = evaluation_part(faces, record)
    expected = PROTOCOLS[name].split(faces, 1, test_size=0.2)
    np.testing.assert_array_equal(part.faces.images, expected.test.images)
    np.testing.assert_array_equal(training.images, expected.train.images)
    assert part.warning == PROTOCOLS[name].warning
    assert part.description == expected.description
    np.testing.assert_array_equal(
        part.seen(None), np.isin(row_digests(part.faces.images), row_digests(training.images))
    )


def test_faces_with_copies_in_training_are_known_though_they_were_held_out(faces) -> None:
    training, record = training_part(faces)
    part = evaluation_part(faces, record)
    assert (part.description, part.split) == ("split public_test", "public_test")
    fitted = row_digests(training.images[5:])  # the first five were held out
    np.testing.assert_array_equal(np.flatnonzero(part.seen(fitted)), np.arange(0, 70, 10))
    elsewhere = evaluation_part(faces.select("public_test"), record)
    assert elsewhere.training is None
    np.testing.assert_array_equal(np.flatnonzero(elsewhere.seen(fitted)), [50, 60])
    assert elsewhere.seen(None) is None


def test_training_faces_of_other_data_are_not_taken_for_those_of_the_fit(faces) -> None:
    """As many faces of each class, but others: only what the ensemble knows itself counts."""
    training, record = training_part(faces)
    others = FaceDataset(255 - faces.images, faces.labels, faces.split, faces.names)
    part = evaluation_part(others, record)
    assert not part.seen(row_digests(training.images)).any()


@pytest.mark.parametrize(
    ("protocol", "split", "n", "told"),
    [
        ("official", None, 35, "public_test"),
        ("kaggle", None, 70, "test"),
        ("official", "test", 70, "test"),
        ("kaggle", "private_test", 35, "private_test"),
    ],
)
def test_the_own_test_part_of_the_protocol_is_measured_on(faces, protocol, split, n, told) -> None:
    parts = np.where(np.arange(350) < 315, faces.split, "private_test")
    whole = FaceDataset(faces.images, faces.labels, parts, faces.names)
    for record in (training_part(whole, protocol)[1], {"protocol": protocol}):
        part = evaluation_part(whole, record, split=split)
        assert (len(part.faces), part.description, part.split) == (n, f"split {told}", told)
    assert set(evaluation_part(whole, {}).faces.split) == {"public_test"}


def test_a_leaking_fit_is_told_of_under_other_protocols_too(faces, monkeypatch) -> None:
    monkeypatch.setattr("fer_ensemble.datasets.protocols.BALANCED_COUNTS", {"happy": 80})
    _, record = training_part(faces, "balanced")
    part = evaluation_part(faces, record, protocol="official")
    assert part.warning == PROTOCOLS["balanced"].warning
    elsewhere = evaluation_part(faces.select("public_test"), record, protocol="official")
    assert elsewhere.warning == ""


def test_old_records_are_official(faces: FaceDataset) -> None:
    part = evaluation_part(faces, {"source": "fer2013.zip"}, split="public_test")
    assert (len(part.faces), part.training) == (70, None)


def test_another_protocol_may_take_the_own_split(faces: FaceDataset) -> None:
    training, record = training_part(faces, "random", random_state=1)
    part = evaluation_part(faces, record, protocol="official")
    assert len(part.faces) == 70
    assert part.seen(row_digests(training.images)).sum() > 50  # most were trained on


@pytest.mark.parametrize(
    ("fitted", "asked", "message"),
    [
        ("official", {"protocol": "random"}, "faces which random would test on were trained on"),
        ("random", {"protocol": "grouped"}, "fitted under the random protocol"),
        ("random", {"split": "public_test"}, "random protocol has no split 'public_test'"),
        ("random", {"protocol": "lenient"}, "no protocol 'lenient'"),
    ],
)
def test_what_cannot_be_measured_is_refused(faces, fitted, asked, message) -> None:
    _, record = training_part(faces, fitted)
    with pytest.raises(ValueError, match=message):
        evaluation_part(faces, record, **asked)


def test_other_data_are_refused_where_the_split_must_be_drawn_again(faces) -> None:
    _, record = training_part(faces, "grouped")
    with pytest.raises(ValueError, match="a part of 350 faces, and these are 280: give the same"):
        evaluation_part(faces.select("train"), record)


def test_a_split_does_not_go_with_protocols_that_split_anew(faces: FaceDataset) -> None:
    with pytest.raises(ValueError, match="splits all faces anew"):
        training_part(faces, "random", split="public_test")
