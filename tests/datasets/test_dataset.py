import numpy as np
import pytest

from fer_ensemble.datasets import FaceDataset


def _dataset(split: list[str]) -> FaceDataset:
    n = len(split)
    return FaceDataset(
        images=np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8),
        labels=np.arange(n, dtype=np.int64) % 7,
        split=np.array(split),
        names=np.array([f"row {i + 2}" for i in range(n)], object),
    )


ALL = _dataset(["train", "train", "validation", "public_test", "private_test", "test"])


@pytest.mark.parametrize(
    ("split", "rows"),
    [
        ("train", [0, 1]),
        ("Training", [0, 1]),
        ("validation", [2]),
        ("public_test", [3]),
        ("public", [3]),
        ("private", [4]),
        ("private_test", [4]),
        ("test", [3, 4, 5]),
        ("all", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_select(split: str, rows: list[int]) -> None:
    chosen = ALL.select(split)
    assert len(chosen) == len(rows)
    assert chosen.images[:, 0, 0].tolist() == rows
    assert chosen.labels.tolist() == [ALL.labels[row] for row in rows]
    assert chosen.names.tolist() == [f"row {row + 2}" for row in rows]
    assert chosen.report is ALL.report


def test_an_empty_selection_says_what_there_is() -> None:
    only_train = _dataset(["train"] * 3)
    with pytest.raises(ValueError, match=r"no face in split 'public_test'.*train \(3\).*all"):
        only_train.select("public")


def test_an_unknown_split_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'dev'.*validation"):
        ALL.select("dev")


def test_class_counts_have_every_expression_in_order() -> None:
    assert ALL.class_counts() == {
        "angry": 1,
        "disgust": 1,
        "fear": 1,
        "happy": 1,
        "sad": 1,
        "surprise": 1,
        "neutral": 0,
    }


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="equally long"):
        FaceDataset(ALL.images, ALL.labels[:-1], ALL.split, ALL.names)


def test_dataset_cannot_be_reassigned() -> None:
    with pytest.raises(AttributeError):
        ALL.labels = ALL.labels[:1]  # type: ignore[misc]
