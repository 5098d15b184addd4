"""Truth and predictions are laid side by side, whatever their order and spelling."""

import numpy as np
import pytest

from fer_ensemble.datasets import DatasetError
from fer_ensemble.scoring import join_predictions


@pytest.fixture
def write(tmp_path):
    def write(name, *lines):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def test_rows_and_classes_come_in_one_order(write):
    truth = write("truth.csv", "path,emotion,light", "a,Sadness,dim", "b,anger,bright", "c,joy,")
    ours = write(
        "ours.csv", "path,label,p_sad,p_happy,p_angry", "c,happy,0,1,0", "a,sad,1,0,0", "b,,,,"
    )
    theirs = write("theirs.csv", "label,source", "4,x", "0,y", "0,z")
    found = join_predictions(truth, [ours, theirs])
    assert found.classes == ("angry", "happy", "sad")
    assert found.y_true.tolist() == ["sad", "angry", "happy"]
    first, second = found.systems
    assert (first.joined_by, second.joined_by) == ("path", "row number")
    assert first.y_pred.tolist() == ["sad", "", "happy"]
    assert first.answered.tolist() == [True, False, True]
    assert first.unanswered == {"no label": 1}
    np.testing.assert_array_equal(first.probabilities, [[0, 0, 1], [np.nan] * 3, [0, 1, 0]])
    assert second.y_pred.tolist() == ["sad", "angry", "angry"]
    assert second.probabilities is None


def test_columns_come_in_the_order_of_the_truth(write):
    truth = write("truth.csv", "path,label,light", "a,x,dim", "b,y,bright")
    ours = write("ours.csv", "path,label,light,tool", "b,x,?,2", "a,x,?,1")
    found = join_predictions(truth, [ours])
    assert found.column("light") == ["dim", "bright"]
    assert found.column("Tool") == ["1", "2"]
    with pytest.raises(DatasetError, match=r"truth\.csv has no column 'age'"):
        found.column("age")


def test_other_label_sets_stay_as_they_are(write):
    truth = write("truth.csv", "label", "contempt", "anger", "7")
    ours = write("ours.csv", "label", "contempt", "angry", "3")
    found = join_predictions(truth, [ours])
    assert found.classes == ("angry", "3", "7", "contempt")
    assert found.systems[0].y_pred.tolist() == ["contempt", "angry", "3"]
    assert found.systems[0].notes == ("Predicted, but never true: 3.",)


def test_what_the_user_should_know_is_noted(write):
    truth = write("truth.csv", "label", "3", "4", "6")
    ours = write("ours.csv", "p_happy,p_sad,p_fear", "1,0,0", "0,1,0", "0,0,1")
    assert join_predictions(truth, [ours]).systems[0].notes == (
        "Digits are read as FER2013's labels: 0 angry to 6 neutral.",
        "Predicted, but never true: fear.",
        "Without a column of probabilities, so taken for 0: neutral.",
    )


@pytest.mark.parametrize(
    ("truth", "ours", "message"),
    [
        (["path,age", "a,3"], ["path,label", "a,x"], "no column of true labels"),
        (
            ["label", '""', "x"],
            ["label", "x", "x"],
            "1 of 2 rows have no label; the first is row 2",
        ),
        (["label", "cat"], ["label", "dog"], "It predicts dog; the truth has cat"),
        (["label", "sad"], ["p_sad,p_sadness", "1,0"], "two columns of probabilities are of one"),
    ],
)
def test_errors_say_what_is_wrong(write, truth, ours, message):
    with pytest.raises(DatasetError, match=message):
        join_predictions(write("truth.csv", *truth), [write("ours.csv", *ours)])
