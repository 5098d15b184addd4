import hashlib

import numpy as np
import pytest

from fer_ensemble.datasets import EMOTIONS, PROTOCOLS, FaceDataset, copy_groups, find_protocol


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
    assert kaggle.told == "public_test and private_test"


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
        assert f"fold {number} of 5" in parts.told
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
