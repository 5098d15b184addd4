"""Predictions of any tool are read, laid beside the truth in one order, and measured."""

import json

import numpy as np
import pytest

from fer_ensemble.datasets import DatasetError
from fer_ensemble.datasets.csv_tables import CsvTable
from fer_ensemble.evaluation import compare_predictions, evaluate_groups, evaluate_predictions
from fer_ensemble.faces import Prediction, open_writer
from fer_ensemble.scoring import join_predictions, match_rows, read_predictions, score_predictions


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
def test_what_is_no_probability_is_reported_with_its_row(tmp_path, row):
    with pytest.raises(DatasetError, match=r"predictions\.csv: row 3 has no probabilities"):
        read(tmp_path, f"label,p_a,p_b\na,1,0\nb,{row}\n")


def test_a_table_of_something_else_is_reported(tmp_path):
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


def test_rows_are_matched_by_number_only_if_that_is_said():
    found = table("found.csv", "label", "x", "y", "z")
    with pytest.raises(DatasetError, match=r"No column names the same .*found\.csv.*--by-row"):
        match_rows(found, TRUTH)
    assert match_rows(found, TRUTH, by_row=True) == ([0, 1, 2], "row number")
    with pytest.raises(DatasetError, match=r"found\.csv has 1 rows and truth\.csv 3"):
        match_rows(table("found.csv", "label", "x"), TRUTH, by_row=True)


@pytest.mark.parametrize(
    ("ours", "theirs", "joined_by"),
    [
        (("path", "b.png", "a.png"), ("image", "a.png", "b.png"), "image = path"),
        (("File_Name", "b.png", "a.png"), ("file name", "a.png", "b.png"), None),
        (("path", "x/b.png", "./x/a.png"), ("img", "x/a.png", r"x\b.png"), "img = path"),
        (
            ("path", "/data/b.png", "/data/1/a.png"),
            ("image", "a.png", "b.png"),
            "name without folders of image = path",
        ),
        (
            ("path", "there/b.png", "there/a.png"),
            ("path", "here/a.png", "here/b.png"),
            "name without folders of path",
        ),
        (("what", "b.png", "a.png"), ("which", "a.png", "b.png"), "which = what"),
    ],
)
def test_columns_of_files_are_joined_whatever_they_are_called(ours, theirs, joined_by):
    found = table("found.csv", f"{ours[0]},label", *(f"{name},x" for name in ours[1:]))
    truth = table("truth.csv", f"{theirs[0]},label", *(f"{name},x" for name in theirs[1:]))
    places, told = match_rows(found, truth)
    assert places == [1, 0]
    assert joined_by is None or told == joined_by


def test_names_without_folders_have_to_be_unique():
    found = table("found.csv", "path,label", "1/a.png,x", "2/a.png,y")
    truth = table("truth.csv", "image,label", "x/1/a.png,x", "x/2/a.png,y")
    with pytest.raises(DatasetError, match=r"rows repeat the image .* 'a\.png' \(rows 2 and 3\)"):
        match_rows(found, truth)


def test_a_key_that_finds_no_row_gives_way_to_one_that_does():
    truth = table("truth.csv", "id,image,label", "7,a.png,x", "8,b.png,y")
    found = table("found.csv", "id,path,label", "0,b.png,x", "1,a.png,y")
    assert match_rows(found, truth) == ([1, 0], "image = path")


def test_files_that_one_table_lacks_are_named():
    truth = table("truth.csv", "image", "a.png", "b.png")
    found = table("found.csv", "path", "a.png")
    with pytest.raises(DatasetError, match=r"found\.csv lacks 1 of the 2 rows .*'b\.png'"):
        match_rows(found, truth)


def test_doubled_keys_are_reported_with_their_rows():
    found = table("found.csv", "path,label", "a,x", "b,x", "a,x", "a,y", "b,x")
    with pytest.raises(
        DatasetError, match=r"3 of 5 rows repeat the path .* 'a' \(rows 2 and 4\); 'a'"
    ):
        match_rows(found, table("truth.csv", "path,label", "a,x", "b,y"))


def test_doubled_keys_of_the_truth_are_reported():
    with pytest.raises(DatasetError, match=r"truth\.csv: 1 of 3 rows repeat"):
        match_rows(table("found.csv", "path", "a", "b"), TRUTH)


def test_missing_and_unknown_rows_are_reported_together():
    truth = table("truth.csv", "path", *"abcdef")
    found = table("found.csv", "path", "a", "f", "z")
    with pytest.raises(DatasetError) as error:
        match_rows(found, truth)
    assert str(error.value) == (
        "found.csv lacks 4 of the 6 rows in truth.csv; the first: 'b' (row 3); 'c' (row 4); 'd' "
        "(row 5). truth.csv lacks 1 of the 3 rows in found.csv; the first: 'z' (row 4). Add or "
        "delete rows, or spell the keys alike."
    )


def test_empty_keys_are_reported():
    found = table("found.csv", "path,label", "a,x", ",y")
    with pytest.raises(DatasetError, match="row 3 has nothing in path"):
        match_rows(found, table("truth.csv", "path", "a", "b"))


def test_a_key_that_is_not_there_is_reported():
    with pytest.raises(DatasetError, match=r"found\.csv has no column 'frame'"):
        match_rows(table("found.csv", "path", "a"), TRUTH, ["path", "frame"])


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
    theirs = write("theirs.csv", "label,path", "4.0,a", "0,c", "0,b")
    found = join_predictions(truth, [ours, theirs], classes="fer2013")
    assert found.classes == ("angry", "happy", "sad")
    assert found.y_true.tolist() == ["sad", "angry", "happy"]
    first, second = found.systems
    assert (first.joined_by, second.joined_by) == ("path", "path")
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
    found = join_predictions(truth, [ours], by_row=True)
    assert found.classes == ("angry", "3", "7", "contempt")
    assert found.systems[0].y_pred.tolist() == ["contempt", "angry", "3"]
    assert found.systems[0].notes == (
        "Numbers are classes of their own, unless --classes says more: 3, 7.",
        "Predicted, but never true: 3.",
    )


def test_numbers_are_no_expressions_unless_that_is_said(write):
    truth = write("truth.csv", "image,label", "a,1", "b,4.0", "c,7", "d,6")
    ours = write("ours.csv", "path,label", "a,surprise", "b,happy", "c,neutral", "d,sad")
    with pytest.raises(DatasetError, match=r"no prediction is a label.*--classes.*rafdb"):
        join_predictions(truth, [ours])
    found = join_predictions(truth, [ours], classes="rafdb")
    assert found.y_true.tolist() == ["surprise", "happy", "neutral", "angry"]
    assert found.systems[0].notes == (
        "Numbers are read as 1 surprise, 4 happy, 6 angry, 7 neutral.",
        "Predicted, but never true: sad.",
    )


def test_numbers_in_both_are_compared_as_they_are(write):
    truth = write("truth.csv", "image,label", "a,1", "b,4")
    found = join_predictions(truth, [write("ours.csv", "path,label", "b,4.0", "a,3")])
    assert found.classes == ("1", "3", "4")
    assert found.systems[0].y_pred.tolist() == ["3", "4"]


def test_fer2013s_own_table_says_what_its_numbers_are(write):
    truth = write("truth.csv", "emotion,pixels,name", "3,1 2,a", "6,1 2,b")
    ours = write("ours.csv", "name,label", "a,happy", "b,sad")
    assert join_predictions(truth, [ours]).y_true.tolist() == ["happy", "neutral"]
    write("truth.csv", "emotion,pixels,name", "3,1 2,a", "7,1 2,b")
    with pytest.raises(DatasetError, match=r"the truth has 3, 7.*--classes"):
        join_predictions(truth, [ours])


def test_what_is_said_to_be_no_expression_is_not_measured(write):
    truth = write("truth.csv", "image,label,light", "a,1,dim", "b,7,dim", "c,6,bright")
    ours = write("ours.csv", "path,label", "c,angry", "b,sad", "a,happy")
    found = join_predictions(truth, [ours], classes="affectnet")
    assert (found.y_true.tolist(), found.n_left_out) == (["happy", "angry"], 1)
    assert found.systems[0].y_pred.tolist() == ["happy", "angry"]
    assert found.column("light") == ["dim", "bright"]


def test_what_the_user_should_know_is_noted(write):
    truth = write("truth.csv", "label", "3", "4", "6")
    ours = write("ours.csv", "p_happy,p_sad,p_fear", "1,0,0", "0,1,0", "0,0,1")
    found = join_predictions(truth, [ours], by_row=True, classes="fer2013")
    assert found.systems[0].notes == (
        "Numbers are read as 3 happy, 4 sad, 6 neutral.",
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
def test_what_cannot_be_joined_is_refused(write, truth, ours, message):
    with pytest.raises(DatasetError, match=message):
        join_predictions(write("truth.csv", *truth), [write("ours.csv", *ours)], by_row=True)


TRUE_LABELS = ["sad", "happy", "sad", "happy", "angry"]
LIGHT = ["dim", "dim", "bright", "bright", "dim"]


@pytest.fixture
def measured(write):
    """The truth and two tools; the first has probabilities, and no answer for the last row."""
    rows = [
        f"{i},{label},{light}"
        for i, (label, light) in enumerate(zip(TRUE_LABELS, LIGHT, strict=True))
    ]
    truth = write("truth.csv", "id,label,light", *rows)
    ours = write(
        "ours.csv",
        "id,p_sad,p_happy,p_angry",
        *("0,0.7,0.2,0.1", "1,0.6,0.3,0.1", "2,0.8,0.1,0.1", "3,0.1,0.9,0", "4,,,"),
    )
    theirs = write("theirs.csv", "id,label", "4,angry", "3,sad", "2,sad", "1,happy", "0,happy")
    return truth, ours, theirs


def test_all_rows_and_the_answered_ones_are_measured(measured):
    truth, ours, theirs = measured
    found = score_predictions(str(truth), str(ours), str(theirs))
    first, second = found.scores
    assert list(first) == ["all", "answered"]
    assert (first["all"].accuracy, first["answered"].accuracy) == (3 / 5, 3 / 4)
    assert list(second) == ["all"]
    expected = evaluate_predictions(
        TRUE_LABELS,
        ["happy", "happy", "sad", "sad", "angry"],
        classes=found.joined.classes,
        n_bootstrap=2000,
    )
    assert second["all"].to_dict() == expected.to_dict()


def test_groups_are_those_of_the_first_tool(measured):
    truth, ours, theirs = measured
    found = score_predictions(truth, ours, theirs, group="light")
    assert [(part.group, part.scores.n, part.scores.accuracy) for part in found.groups] == [
        ("bright", 2, 1.0),
        ("dim", 3, 1 / 3),
    ]
    system = found.joined.systems[0]
    expected = evaluate_groups(
        TRUE_LABELS,
        system.y_pred,
        groups=LIGHT,
        probabilities=system.probabilities,
        answered=system.answered,
        classes=found.joined.classes,
        n_bootstrap=2000,
    )
    assert [part.to_dict() for part in found.groups] == [part.to_dict() for part in expected]
    with pytest.raises(DatasetError, match="has no column 'age'"):
        score_predictions(truth, ours, group="age")


def test_groups_large_enough_are_compared_at_one_mix(tmp_path):
    # Both lights have 40 faces; what is dim is right in half of them, three times as many sad ones.
    rows = [("bright", "happy", 30, 30), ("bright", "sad", 10, 10)]
    rows += [("dim", "happy", 10, 5), ("dim", "sad", 30, 15)]
    truth, ours = ["id,label,light"], ["id,label"]
    for light, label, n, n_right in rows:
        for i in range(n):
            truth.append(f"{len(truth)},{label},{light}")
            wrong = {"happy": "sad", "sad": "happy"}[label]
            ours.append(f"{len(ours)},{label if i < n_right else wrong}")
    for name, lines in (("truth", truth), ("ours", ours)):
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    found = score_predictions(tmp_path / "truth.csv", tmp_path / "ours.csv", group="light")
    gap = found.to_dict()["groups"]["standardised_gap"]
    assert (gap["best"], gap["worst"], gap["difference"]) == ("bright", "dim", 0.5)
    assert gap["p_value"] < 0.001


def test_a_row_without_an_answer_counts_as_an_error_in_the_comparison(measured):
    truth, ours, theirs = measured
    found = score_predictions(truth, ours, theirs)
    assert found.comparison == compare_predictions(
        TRUE_LABELS,
        ["sad", "sad", "sad", "happy", ""],
        ["happy", "happy", "sad", "sad", "angry"],
        random_state=0,
    )
    assert (found.comparison.n_only_a, found.comparison.n_only_b) == (2, 2)


def test_the_seed_decides_on_the_intervals(measured):
    truth, ours, theirs = measured
    first, again, other = (
        json.dumps(score_predictions(truth, ours, theirs, group="light", seed=seed).to_dict())
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_the_content_has_what_was_asked_for(measured):
    truth, ours, theirs = measured
    alone = score_predictions(truth, ours, by=["id"]).to_dict()
    assert list(alone) == ["truth", "classes", "systems"]
    assert alone["truth"] == str(truth)
    assert list(alone["systems"]) == [str(ours)]
    system = alone["systems"][str(ours)]
    assert list(system) == ["joined_by", "unanswered", "all", "answered"]
    assert (system["joined_by"], system["unanswered"]) == ("id", {"no label": 1})
    both = score_predictions(truth, ours, theirs, group="light")
    content = json.loads(json.dumps(both.to_dict()))
    assert list(content) == ["truth", "classes", "systems", "groups", "comparison"]
    assert list(content["systems"]) == [str(ours), str(theirs)]
    assert content["groups"]["column"] == "light"
    assert content["comparison"] == both.comparison.to_dict()
