import pytest

from fer_ensemble.faces.batches import Gathering


def _full_after(batch_size: int, faces: list[int]) -> list[int]:
    gathering = Gathering(batch_size)
    return [number for number, n_faces in enumerate(faces, 1) if gathering.add(n_faces)]


def test_a_batch_is_full_with_its_faces() -> None:
    assert _full_after(3, [1] * 7) == [3, 6]
    assert _full_after(3, [2, 2, 1, 0, 0, 3, 9, 1]) == [2, 6, 7]


def test_inputs_without_faces_do_not_hold_a_batch_back() -> None:
    assert _full_after(3, [0] * 13) == [6, 12]
    assert _full_after(3, [1, 0, 0, 0, 0, 1, 1, 1, 1]) == [6, 9]


def test_a_batch_holds_something() -> None:
    with pytest.raises(ValueError, match="batch_size must be at least 1; got 0"):
        Gathering(0)
