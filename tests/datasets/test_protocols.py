"""Faces are divided and balanced as each protocol says, and test faces are found again."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from fer_ensemble.datasets import (
    EMOTIONS,
    PROTOCOLS,
    FaceDataset,
    ReadReport,
    balance_rows,
    evaluation_part,
    find_protocol,
    synthetic_dataset,
    training_part,
)
from fer_ensemble.splitting import copy_groups, row_digests


def numbered(n: int = 420, n_distinct: int = 420) -> FaceDataset:
    """Faces whose first pixels are their numbers, so that any part tells its rows."""
    numbers = np.arange(n) % n_distinct
    images = np.zeros((n, 48, 48), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(numbers, 256)
    split = np.full(n, "train", "<U12")
    split[4::5], split[9::10] = "public_test", "private_test"
    names = np.array([f"{i}.png" for i in range(n)], object)
    return FaceDataset(images, np.arange(n) % 7, split, names)


def rows_of(part: FaceDataset) -> np.ndarray:
    return part.images[:, 0, 0].astype(np.int64) * 256 + part.images[:, 0, 1]


def digest(part: FaceDataset) -> str:
    return hashlib.sha256(rows_of(part).astype("<i8").tobytes()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("name", "params", "seed", "train", "test"),
    [
        ("official", {}, 0, "e10d64af235b7069", "a3d1c18c4bbdbeef"),
        ("official", {}, 1, "e10d64af235b7069", "a3d1c18c4bbdbeef"),
        ("kaggle", {}, 0, "e10d64af235b7069", "f802c8bfb0749a44"),
        ("random", {}, 0, "cdd1561fa45047da", "dd09d5f6b28eacb8"),
        ("random", {}, 1, "7070ec0233aad41f", "d949735a7e34eed8"),
        ("random", {"test_size": 0.2}, 0, "dc42dee18cc7c782", "9ab06651b0952424"),
        (
            "balanced",
            {"target": dict.fromkeys(EMOTIONS, 80)},
            0,
            "8b9b2c12942feb3e",
            "aba284fd0374dad7",
        ),
        (
            "balanced",
            {"target": {"disgust": 100, "happy": 30}, "test_size": 0.2},
            1,
            "cddcd97352440ecc",
            "dca7ac7798f0d141",
        ),
    ],
)
def test_rows_stay_as_they_were_for_the_published_figures(name, params, seed, train, test) -> None:
    parts = PROTOCOLS[name].split(numbered(), seed, **params)
    assert (digest(parts.train), digest(parts.test)) == (train, test)


def test_official_and_kaggle_differ_in_their_test_faces() -> None:
    official, kaggle = (PROTOCOLS[name].split(numbered()) for name in ("official", "kaggle"))
    assert official.test.split_counts() == {"public_test": 42}
    assert kaggle.test.split_counts() == {"public_test": 42, "private_test": 42}
    assert kaggle.description == "public_test and private_test"


def test_what_is_tested_on_depends_on_the_protocol_and_the_data() -> None:
    whole = numbered()
    official, kaggle = PROTOCOLS["official"], PROTOCOLS["kaggle"]
    assert official.test_split(whole) == "public_test"
    assert kaggle.test_split(whole) == "test"
    assert official.test_split(whole.select("train")) == "test"
    with pytest.raises(ValueError, match="random protocol does not keep"):
        PROTOCOLS["random"].test_split(whole)


def test_random_holds_out_a_share_of_every_class() -> None:
    parts = PROTOCOLS["random"].split(numbered(), test_size=0.2)
    assert set(parts.test.class_counts().values()) == {12}


def test_grouped_keeps_copies_together_where_random_does_not() -> None:
    faces = numbered(n_distinct=140)  # three of each
    shared = {
        name: set(rows_of(parts.train)) & set(rows_of(parts.test))
        for name in ("random", "grouped")
        for parts in [PROTOCOLS[name].split(faces, 0, test_size=0.2)]
    }
    assert shared["random"]
    assert not shared["grouped"]


@pytest.mark.parametrize("name", ["random", "grouped"])
def test_folds_test_every_face_once(name: str) -> None:
    faces = numbered(n_distinct=210)
    folds = list(PROTOCOLS[name].folds(faces, 5, 0))
    assert sorted(file for parts in folds for file in parts.test.names) == sorted(faces.names)
    for number, parts in enumerate(folds, start=1):
        assert len(parts.train) + len(parts.test) == 420
        assert set(parts.test.class_counts().values()) == {12}
        assert f"fold {number} of 5" in parts.description
        if name == "grouped":
            assert not set(rows_of(parts.train)) & set(rows_of(parts.test))


def test_folds_depend_on_the_seed() -> None:
    first, again, other = (
        next(PROTOCOLS["grouped"].folds(numbered(), 5, seed)).test.names.tolist()
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_grouped_can_keep_near_copies_together() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 48, 48), dtype=np.uint8)
    images[30:] = images[:30, :, ::-1] // 2
    labels = np.tile(np.arange(3), 20)
    faces = FaceDataset(images, labels, np.full(60, "train"), np.arange(60).astype(object))
    sides = PROTOCOLS["grouped"].split(faces, 0, test_size=0.3, copies="near")
    names = set(sides.test.names)
    assert names == {(name + 30) % 60 for name in names}
    exact = set(PROTOCOLS["grouped"].split(faces, 0, test_size=0.3).test.names)
    assert exact != {(name + 30) % 60 for name in exact}
    with pytest.raises(ValueError, match="'exact' or 'near'"):
        PROTOCOLS["grouped"].split(faces, 0, copies="some")


def test_balanced_changes_repeated_faces_alone() -> None:
    faces = numbered()
    parts = PROTOCOLS["balanced"].split(
        faces, 0, target=80, augment=lambda images, seed: images + np.uint8(seed + 100), test_size=7
    )
    whole = np.concatenate([parts.train.images, parts.test.images])
    labels = np.concatenate([parts.train.labels, parts.test.labels])
    assert np.bincount(labels).tolist() == [80] * 7
    assert (whole[:, 40, 40] == 100).sum() == 560 - 420
    assert len(np.unique(copy_groups(whole[whole[:, 40, 40] == 0]))) == 420
    assert not faces.images[:, 40, 40].any()


def test_balanced_alone_leaks_and_says_so() -> None:
    warned = [name for name, protocol in PROTOCOLS.items() if protocol.warning]
    assert warned == ["balanced"]
    assert "leaks" in PROTOCOLS["balanced"].warning
    assert [name for name, protocol in PROTOCOLS.items() if protocol.keeps_split] == [
        "official",
        "kaggle",
    ]


@pytest.mark.parametrize("name", ["official", "kaggle", "balanced"])
def test_other_protocols_have_no_folds(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} protocol has no folds: take one of random, gr"):
        PROTOCOLS[name].folds(numbered())


def test_protocols_are_found_by_name() -> None:
    assert find_protocol("grouped") is PROTOCOLS["grouped"]
    with pytest.raises(ValueError, match="no protocol 'lenient': choose one of official"):
        find_protocol("lenient")


LABELS = np.array(["calm"] * 3 + ["glad"] * 7 + ["sad"] * 20)[
    np.random.default_rng(0).permutation(30)
]


COUNTS = {"calm": 3, "glad": 7, "sad": 20}


def times_taken(balanced, label):
    """How often each sample of a class is taken."""
    return np.bincount(balanced.rows, minlength=len(LABELS))[label == LABELS]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (10, (10, 10, 10)),
        ("max", (20, 20, 20)),
        ("min", (3, 3, 3)),
        ("mean", (10, 10, 10)),
        ({"calm": 8, "sad": 5}, (8, 7, 5)),
        ({}, (3, 7, 20)),
    ],
)
def test_every_class_gets_its_number(target, expected):
    balanced = balance_rows(LABELS, target, random_state=0)
    after = dict(zip(COUNTS, expected, strict=True))
    assert balanced.before == COUNTS
    assert balanced.after == after
    names, counts = np.unique(LABELS[balanced.rows], return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == after


def test_samples_are_repeated_equally_and_left_out_singly():
    balanced = balance_rows(LABELS, 10, random_state=0)
    assert sorted(times_taken(balanced, "calm")) == [3, 3, 4]
    assert sorted(times_taken(balanced, "glad")) == [1] * 4 + [2] * 3
    assert sorted(times_taken(balanced, "sad")) == [0] * 10 + [1] * 10


def test_repetitions_come_last_and_are_marked():
    balanced = balance_rows(LABELS, 10, random_state=0)
    first = balanced.rows[~balanced.repeated]
    np.testing.assert_array_equal(first, np.unique(first))
    assert np.isin(balanced.rows[balanced.repeated], first).all()
    assert balanced.repeated.sum() == 7 + 3
    assert not balanced.repeated[: len(first)].any()
    assert not balance_rows(LABELS, "min").repeated.any()


def test_the_seed_decides_which():
    rows = [balance_rows(LABELS, 10, random_state=seed).rows.tolist() for seed in (0, 0, 1)]
    assert rows[0] == rows[1]
    assert rows[0] != rows[2]


def test_integer_labels_are_named_as_they_are():
    balanced = balance_rows([0, 0, 2, 2, 2], {np.int64(2): 1}, random_state=0)
    assert balanced.after == {0: 2, 2: 1}
    assert balanced.rows[:2].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("median", r"to 'median': give a number, .* one of \['max', 'mean', 'min'\]"),
        ({"angry": 3}, r"labels \['angry'\]: there are \['calm', 'glad', 'sad'\]"),
        (0, "to 0: every class keeps at least one sample"),
        ({"sad": 0}, "every class keeps at least one sample"),
    ],
)
def test_a_wrong_balancing_target_is_refused_with_the_remedy(target, message):
    with pytest.raises(ValueError, match=message):
        balance_rows(LABELS, target)


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
    ("protocol", "split", "n", "test_part"),
    [
        ("official", None, 35, "public_test"),
        ("kaggle", None, 70, "test"),
        ("official", "test", 70, "test"),
        ("kaggle", "private_test", 35, "private_test"),
    ],
)
def test_the_own_test_part_of_the_protocol_is_measured_on(
    faces, protocol, split, n, test_part
) -> None:
    parts = np.where(np.arange(350) < 315, faces.split, "private_test")
    whole = FaceDataset(faces.images, faces.labels, parts, faces.names)
    for record in (training_part(whole, protocol)[1], {"protocol": protocol}):
        part = evaluation_part(whole, record, split=split)
        assert (len(part.faces), part.description, part.split) == (
            n,
            f"split {test_part}",
            test_part,
        )
    assert set(evaluation_part(whole, {}).faces.split) == {"public_test"}


def test_a_leaking_fit_warns_under_other_protocols_too(faces, monkeypatch) -> None:
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


@pytest.mark.parametrize("protocol", ["random", "grouped"])
def test_a_class_of_one_face_is_named_where_some_should_be_set_apart(protocol):
    faces = synthetic_dataset(40, random_state=0)
    lonely = int(np.flatnonzero(faces.labels == 1)[0])
    kept = faces.take([lonely, *np.flatnonzero(faces.labels != 1)])
    with pytest.raises(ValueError, match=r"Too few faces .*: disgust \(1\)\. Add faces"):
        training_part(kept, protocol)
    assert len(training_part(kept)[0]) == len(kept)
    with pytest.raises(ValueError, match=r"All 6 faces to fit on are happy"):
        training_part(faces.take(faces.labels == 3).take(range(6)), protocol)


def test_data_without_parts_are_measured_whole():
    faces = synthetic_dataset(40, random_state=0)
    record = training_part(faces)[1]
    assert "classes" not in record
    with pytest.raises(ValueError, match="no face in split 'test'"):
        evaluation_part(faces, record)
    whole = replace(faces, report=ReadReport(has_parts=False, classes={"1": "happy"}))
    part = evaluation_part(whole, record)
    assert (len(part.faces), part.split, part.description) == (40, "all", "all faces")
    assert part.seen(None).all()  # they are those of the fit, and that is told
    assert training_part(whole)[1]["classes"] == {"1": "happy"}
