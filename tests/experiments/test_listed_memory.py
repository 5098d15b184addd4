from pathlib import Path

import pytest

from experiments.listed_memory import RowCounter, make_links, memory_at
from fer_ensemble.faces import PictureListing


def test_rows_of_a_table_that_grows_are_counted_once(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    rows = RowCounter(table)
    assert rows.count() == 0
    for content, n_rows in (
        (b"path,fr", 0),
        (b"ame\n", 0),
        (b"a,\nb,\nc", 2),
        (b",\n", 3),
        (b"", 3),
    ):
        with table.open("ab") as stream:
            stream.write(content)
        assert rows.count() == n_rows


def test_memory_is_that_of_the_first_reading_at_which_so_much_was_done() -> None:
    readings = [(0.0, 50.0), (0.1, 90.0), (0.35, 91.0), (0.95, 95.0)]
    assert [memory_at(readings, share) for share in (0.1, 0.2, 0.9, 1.0)] == [90, 91, 95, 95]


@pytest.mark.parametrize(("every", "n_faces"), [(1, 50), (7, 8)])
def test_links_lead_to_few_files(tmp_path: Path, every: int, n_faces: int) -> None:
    links = make_links(tmp_path, 50, every)
    targets = [Path(path).resolve() for path in PictureListing(links)]
    assert len(targets) == 50
    assert sum(target.name != "none.png" for target in targets) == n_faces
    assert len(set(targets)) <= 21
