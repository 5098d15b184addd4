"""Labels and columns in one declared order."""

import numpy as np
import pytest

from fer_ensemble.ensemble.evidence import align_columns, encode_labels


def test_labels_become_positions_in_the_declared_order() -> None:
    np.testing.assert_array_equal(encode_labels(["b", "c", "b"], ["c", "b", "a"]), [1, 0, 1])
    np.testing.assert_array_equal(encode_labels([7, -1], [-1, 7]), [1, 0])


def test_foreign_labels_are_listed_with_counts() -> None:
    with pytest.raises(ValueError, match=r"held-out y .* 2 classes \['a', 'b'\]: x \(2×\), y \(1"):
        encode_labels(["a", "x", "y", "x"], ["a", "b"], what="held-out y")


def test_columns_are_put_in_the_order_of_the_ensemble() -> None:
    aligned = align_columns([[0.1, 0.2, 0.7]], ["c", "a", "b"], ["a", "b", "c"], "m")
    np.testing.assert_array_equal(aligned, [[0.2, 0.7, 0.1]])


@pytest.mark.parametrize(
    ("member_classes", "message"),
    [
        (["a", "b"], r"Member 'm' knows 2 classes and the ensemble 3: .* lacks \['c'\]"),
        (["a", "b", "c", "d"], r"knows 4 classes .* also knows \['d'\]"),
        (["a", "b", "d"], r"lacks \['c'\] and also knows \['d'\]"),
    ],
)
def test_other_classes_are_an_error_with_names_and_counts(
    member_classes: list[str], message: str
) -> None:
    probabilities = np.full((2, len(member_classes)), 1 / len(member_classes))
    with pytest.raises(ValueError, match=message):
        align_columns(probabilities, member_classes, ["a", "b", "c"], "m")


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 2, 1)])
def test_one_column_per_class_is_expected(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Member 'm'.*one column per class"):
        align_columns(np.ones(shape), ["a", "b"], ["a", "b"], "m")
