"""Predictions of any tool: labels, probabilities, and rows without an answer."""

import numpy as np
import pytest

from fer_ensemble.datasets import DatasetError
from fer_ensemble.datasets.csv_files import CsvTable
from fer_ensemble.faces import Prediction, open_writer
from fer_ensemble.scoring import read_predictions
from fer_ensemble.scoring.tables import match_rows


def read(tmp_path, content):
    path = tmp_path / "predictions.csv"
    path.write_text(content)
    return read_predictions(path)


def test_what_predict_writes_can_be_read(tmp_path):
    sure, unsure = {"happy": 0.25, "sad": 0.75}, {"happy": 0.5, "sad": 0.5}
    rows = [
        Prediction(path="a.png", label="sad", probabilities=sure, status="ok"),
        Prediction(path="b.png", status="unreadable"),
        Prediction(path="c.png", confidence=0.5, probabilities=unsure, status="unsure"),
    ]
    path = tmp_path / "predictions.csv"
    with open_writer(path, ["happy", "sad"]) as writer:
        writer.write(rows)
    found = read_predictions(path)
    assert found.labels == ["sad", "", ""]
    assert found.probability_names == ("happy", "sad")
    np.testing.assert_array_equal(found.probabilities[0], [0.25, 0.75])
    assert np.isnan(found.probabilities[1:]).all()
    assert found.unanswered == {"unreadable": 1, "unsure": 1}


def test_labels_alone_are_enough(tmp_path):
    found = read(tmp_path, "prediction\nhappy\n\nsad\n")
    assert found.labels == ["happy", "sad"]
    assert found.probability_names == ()
    assert found.probabilities.shape == (2, 0)


def test_probabilities_alone_are_enough(tmp_path):
    found = read(tmp_path, "P_Cat,p_dog\n0.25,0.75\n,\n1,0\n")
    assert found.labels == ["dog", "", "Cat"]
    assert found.unanswered == {"no label": 1}


def test_a_label_counts_more_than_the_most_probable_class(tmp_path):
    assert read(tmp_path, "label,p_a,p_b\na,0.25,0.75\n").labels == ["a"]


def test_empty_columns_of_probabilities_are_none(tmp_path):
    assert read(tmp_path, "label,p_a,p_b\na,,\nb,,\n").probability_names == ()


def test_rounded_probabilities_are_brought_to_one(tmp_path):
    found = read(tmp_path, "p_a,p_b,p_c\n0.33,0.33,0.33\n")
    np.testing.assert_allclose(found.probabilities, 1 / 3)


@pytest.mark.parametrize("row", ["40,60", "0.5,", "0.5,x", "1.5,-0.5", "nan,1", "0.2,0.2"])
def test_what_is_no_probability_is_told_with_its_row(tmp_path, row):
    with pytest.raises(DatasetError, match=r"predictions\.csv: row 3 has no probabilities"):
        read(tmp_path, f"label,p_a,p_b\na,1,0\nb,{row}\n")


def test_a_table_of_something_else_is_told(tmp_path):
    with pytest.raises(DatasetError, match=r"neither labels .* nor probabilities .* path, age"):
        read(tmp_path, "path,age\na,3\n")


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
