"""Rows find each other by key, or by number; what does not match is told with its row."""

import pytest

from fer_ensemble.datasets import DatasetError
from fer_ensemble.datasets.csv_table import CsvTable
from fer_ensemble.datasets.row_matching import match_rows


def table(name, columns, *rows):
    return CsvTable(name, tuple(columns.split(",")), [row.split(",") for row in rows])


TRUTH = table("truth.csv", "path,frame,label", "a,0,x", "a,1,y", "b,0,z")


def test_rows_are_matched_by_the_first_key_that_both_have():
    truth = table("truth.csv", "id,name,label", "7,a,x", "8,b,y")
    found = table("found.csv", "label,ID", "y,8", "x,7")
    assert match_rows(found, truth) == ([1, 0], "id")
    found = table("found.csv", "id,Name", "7,b", "8,a")
    assert match_rows(found, truth) == ([1, 0], "name")


def test_several_columns_may_make_a_key():
    found = table("found.csv", "frame,path", "0,b", "1,a", "0,a")
    assert match_rows(found, TRUTH, ["path", "Frame"]) == ([2, 1, 0], "path, Frame")


def test_without_a_key_rows_are_matched_by_number():
    found = table("found.csv", "label", "x", "y", "z")
    assert match_rows(found, TRUTH) == ([0, 1, 2], "row number")
    with pytest.raises(DatasetError, match=r"found\.csv has 1 rows and truth\.csv 3"):
        match_rows(table("found.csv", "label", "x"), TRUTH)


def test_doubled_keys_are_told_with_their_rows():
    found = table("found.csv", "path,label", "a,x", "b,x", "a,x", "a,y", "b,x")
    with pytest.raises(
        DatasetError, match=r"3 of 5 rows repeat the path .* 'a' \(rows 2 and 4\); 'a'"
    ):
        match_rows(found, table("truth.csv", "path,label", "a,x", "b,y"))


def test_doubled_keys_of_the_truth_are_told():
    with pytest.raises(DatasetError, match=r"truth\.csv: 1 of 3 rows repeat"):
        match_rows(table("found.csv", "path", "a", "b"), TRUTH)


def test_missing_and_unknown_rows_are_told_together():
    truth = table("truth.csv", "path", *"abcdef")
    found = table("found.csv", "path", "a", "f", "z")
    with pytest.raises(DatasetError) as error:
        match_rows(found, truth)
    assert str(error.value) == (
        "found.csv lacks 4 of the 6 rows in truth.csv; the first: 'b' (row 3); 'c' (row 4); 'd' "
        "(row 5). truth.csv lacks 1 of the 3 rows in found.csv; the first: 'z' (row 4). Add or "
        "delete rows, or spell the keys alike."
    )


def test_empty_keys_are_told():
    found = table("found.csv", "path,label", "a,x", ",y")
    with pytest.raises(DatasetError, match="row 3 has nothing in path"):
        match_rows(found, table("truth.csv", "path", "a", "b"))


def test_a_key_that_is_not_there_is_told():
    with pytest.raises(DatasetError, match=r"found\.csv has no column 'frame'"):
        match_rows(table("found.csv", "path", "a"), TRUTH, ["path", "frame"])
