import pytest

from fer_ensemble.faces import FaceFinder, gather_groups, mark_groups, predict_files, select_shard
from tests.faces.test_resuming import CROWD, NAMES, Company, inputs  # noqa: F401 - a fixture


def _groups(names: list[str], batch_size: int) -> list[list[str]]:
    return list(gather_groups(mark_groups(names, batch_size)))


def test_a_group_is_twice_a_batch_of_inputs_or_a_video() -> None:
    names = ["a", "b", "c", "d.MP4", "e.mp4", "f", "g.gif"]
    assert _groups(names, 1) == [["a", "b"], ["c"], ["d.MP4"], ["e.mp4"], ["f", "g.gif"]]
    assert _groups(names, 9) == [["a", "b", "c"], ["d.MP4"], ["e.mp4"], ["f", "g.gif"]]
    assert _groups([], 9) == []


def test_groups_are_cut_as_the_listing_comes() -> None:
    given = []

    def listing():
        for number in range(100):
            given.append(number)
            yield str(number)

    marked = mark_groups(listing(), 2)
    assert [next(marked) for _ in range(5)] == ["0", "1", "2", "3", None]
    assert len(given) == 4


@pytest.mark.parametrize("n_shards", [1, 2, 3, 9])
def test_shards_take_groups_in_turn_and_leave_none(n_shards: int) -> None:
    names = [f"{number}.mp4" if number % 5 == 0 else str(number) for number in range(23)]
    groups = _groups(names, 1)
    shards = [
        list(gather_groups(select_shard(mark_groups(names, 1), shard, n_shards)))
        for shard in range(1, n_shards + 1)
    ]
    for number, group in enumerate(groups):
        assert shards[number % n_shards][number // n_shards] == group
    assert sum(map(len, shards)) == len(groups)


def test_a_group_alone_gives_the_rows_that_it_gives_amid_the_others(
    inputs: list[str],  # noqa: F811
) -> None:
    def predict(paths: object) -> list[object]:
        batches = predict_files(
            Company(), paths, class_names=NAMES, finder=FaceFinder(CROWD), batch_size=3
        )
        return [row for batch in batches for row in batch]

    alone = [row for group in _groups(inputs, 3) for row in predict(group)]
    assert alone == predict(mark_groups(inputs, 3))
    # It would not be so, did batches cross the ends of groups.
    assert alone != predict(inputs)


def test_the_end_of_a_group_is_told_once_its_rows_are() -> None:
    batches = predict_files(None, mark_groups("abc", 1), class_names=NAMES)
    assert [[row.path for row in batch] for batch in batches] == [["a", "b"], [], ["c"], []]
