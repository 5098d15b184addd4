"""Classes are brought to the wanted number of samples, each sample as often as any other."""

import hashlib

import numpy as np
import pytest

from fer_ensemble.datasets import EMOTIONS, PROTOCOLS, FaceDataset, balance_rows, find_protocol
from fer_ensemble.splitting import copy_groups


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
def test_errors_name_the_target_and_the_remedy(target, message):
    with pytest.raises(ValueError, match=message):
        balance_rows(LABELS, target)
