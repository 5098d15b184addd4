import pytest

from fer_ensemble.datasets.report import KINDS, DatasetError, ReadReport


def test_lines_count_and_name_the_first_places() -> None:
    report = ReadReport(unit="row")
    for row in (5, 9, 11, 12):
        report.add("wrong_pixel_count", f"row {row}", "3 pixels instead of 2304")
    report.add("unknown_label", "row 7", "unknown")
    assert report.lines(limit=2) == [
        "4 rows skipped: wrong pixel count (row 5, row 9, …)",
        "1 row skipped: unknown label (row 7)",
    ]
    assert report.lines(limit=4)[0].endswith("(row 5, row 9, row 11, row 12)")
    assert report.lines(limit=0)[0] == "4 rows skipped: wrong pixel count"
    assert report.summary() == "\n".join(report.lines())


def test_losses_stand_before_notes_and_only_they_count_as_lost() -> None:
    report = ReadReport()
    report.add("resized", "a.png", "resized from 64×64")
    report.add("unknown_class_folder", "contempt/", "12 pictures", count=12)
    assert report.n_lost == 12
    assert report.counts == {"resized": 1, "unknown_class_folder": 12}
    assert report.lines()[0].startswith("12 pictures skipped")
    assert report.lines()[1] == "1 picture resized to 48×48 (a.png)"


def test_no_problem_says_nothing() -> None:
    assert ReadReport().summary() == ""
    assert ReadReport().lines() == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_strict_stops_at_all_but_mere_notes(kind: str) -> None:
    report = ReadReport(source="faces.csv", strict=True)
    if kind in ("resized", "other_file"):
        report.add(kind, "row 5", "odd")
        assert report.counts == {kind: 1}
    else:
        with pytest.raises(DatasetError, match=r"faces\.csv, row 5: odd\. \w+"):
            report.add(kind, "row 5", "odd")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_can_be_told(kind: str) -> None:
    report = ReadReport()
    report.add(kind, "here", "odd", count=1234)
    (line,) = report.lines()
    assert "(here)" in line
    assert "{" not in line
