"""Predictions of any tool: labels, probabilities, and rows without an answer."""

import numpy as np
import pytest

from fer_ensemble.datasets import DatasetError
from fer_ensemble.datasets.prediction_table import read_predictions
from fer_ensemble.faces.output import open_writer
from fer_ensemble.faces.prediction import Prediction


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
