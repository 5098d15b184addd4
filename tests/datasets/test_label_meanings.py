"""Labels mean what their data set means; numbers are never taken for FER2013's by chance."""

from __future__ import annotations

import numpy as np
import pytest

from fer_ensemble.datasets import (
    EMOTIONS,
    KNOWN_CLASSES,
    DatasetError,
    format_classes,
    load_faces,
    parse_classes,
)

RAF_DB = ["surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"]  # from 1
AFFECTNET = ["neutral", "happy", "sad", "surprise", "fear", "disgust", "angry"]  # from 0
CK_PLUS = ["neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]
NAMES = {"wütend": "angry", "eklig": "disgust", "trauer": "sad", "2": None}
FACE = " ".join(["7"] * 2304)


@pytest.fixture
def tree(tmp_path, png, write_tree):
    """Write a blank face into each folder, of a brightness of its own; a path, or a zip of it."""

    def write(*folders, name="face_{}.png"):
        files = {
            f"{folder}/{name.format(n)}": png(np.full((48, 48), n, np.uint8))
            for n, folder in enumerate(folders)
        }
        return write_tree(tmp_path / "tree", files)

    return write


@pytest.fixture
def table(tmp_path):
    def write(header, *rows):
        path = tmp_path / "faces.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


def names_in(faces):
    """Names of the labels in the order of the brightness."""
    order = np.argsort(faces.images[:, 0, 0])
    return [EMOTIONS[label] for label in faces.labels[order]]


@pytest.mark.parametrize(
    ("folders", "classes", "names"),
    [
        ([str(n) for n in range(1, 8)], "rafdb", RAF_DB),
        ([str(n) for n in range(1, 8)], "RAF-DB", RAF_DB),
        ([f"train/{n}" for n in range(1, 8)], "rafdb", RAF_DB),
        ([str(n) for n in range(7)], "affectnet", AFFECTNET),
        ([str(n) for n in range(7)], "fer2013", list(EMOTIONS)),
        (["1", "02", "happy"], "1=surprise,2=Fear", ["surprise", "fear", "happy"]),
        (["wu\u0308tend", "Trauer", "happy"], NAMES, ["angry", "sad", "happy"]),
    ],
)
def test_folders_are_read_by_what_was_said(tree, folders, classes, names):
    faces = load_faces(tree(*folders), classes=classes, strict=False)
    assert names_in(faces) == names
    assert faces.report.classes == parse_classes(classes)
    assert "labels read by the classes given: " in faces.report.how_labelled


@pytest.mark.parametrize(
    "folders",
    [range(7), range(1, 8), range(8), ["train/1", "test/2"], ["1", "2", "happy"], ["01", "02"]],
)
def test_numbers_alone_are_refused_with_what_was_seen(tree, folders):
    path = tree(*folders)
    with pytest.raises(DatasetError, match=r"numbers \(\d.*--classes fer2013, .*rafdb") as caught:
        load_faces(path)
    last = str(list(folders)[-1]).rpartition("/")[2].lstrip("0")
    if last.isdigit():
        assert last in str(caught.value)
    assert "1=surprise,2=fear" in str(caught.value)


def test_a_number_beside_a_name_is_nothing_but_order(tree):
    faces = load_faces(tree("0_angry", "1-happy", "2. Sadness", "neutral_3", "fear4"))
    assert names_in(faces) == ["angry", "happy", "sad", "neutral", "fear"]


def test_contempt_is_left_out_where_the_data_set_has_it(tree):
    numbers = load_faces(tree(*map(str, range(8))), classes="CK+", strict=False)
    assert names_in(numbers) == [
        *("neutral", "angry", "disgust", "fear", "happy", "sad", "surprise")
    ]
    assert numbers.report.counts == {"other_expression": 1}


def test_ck48_has_contempt_by_name(tree):
    path = tree(*CK_PLUS)
    assert load_faces(path).report.n_lost == 1
    faces = load_faces(path, classes="ckplus", strict=True)
    assert len(faces) == 7
    assert faces.report.lines()[-1].startswith("1 picture left out: said to be none of the seven")


def test_jaffe_has_its_codes_in_the_names_of_files(tmp_path, png, write_tree):
    codes = ["AN", "DI", "FE", "HA", "SA", "SU", "NE"]
    files = {
        f"jaffe/KA.{code}1.{n}.png": png(np.full((48, 48), n, np.uint8))
        for n, code in enumerate(codes)
    }
    path = write_tree(tmp_path / "tree", files)
    assert names_in(load_faces(path, classes="jaffe", strict=True)) == list(EMOTIONS)
    with pytest.raises(DatasetError, match=r"no usable face.*--classes"):
        load_faces(path)


def test_folders_of_subjects_stand_above_or_below(tree):
    faces = load_faces(tree("angry/S001", "happy/7", "S002/sad", "train/fear/12/left"))
    assert names_in(faces) == ["fear"]  # beside a split, what has none could be of any part
    assert faces.report.counts["unknown_usage"] == 3


def test_subjects_of_one_class_are_read(tree):
    assert names_in(load_faces(tree("angry/S001", "happy/7", "S002/sad"))) == [
        *("angry", "happy", "sad")
    ]


@pytest.mark.parametrize("header", ["label,pixels", "label,pixels,split", "class,pixels,Usage"])
def test_numbers_in_columns_of_other_names_are_refused(table, header):
    rows = [f"{n},{FACE}" + ",Training" * header.count(",") for n in range(7)]
    path = table(header, *rows)
    with pytest.raises(DatasetError, match=r"numbers \(0, 1, 2, 3, 4, 5, 6; 7 faces\)"):
        load_faces(path)
    faces = load_faces(path, classes="affectnet")
    assert [EMOTIONS[label] for label in faces.labels] == AFFECTNET


def test_fer2013s_own_columns_hold_no_other_numbers(table):
    path = table("emotion,pixels", *(f"{n},{FACE}" for n in range(1, 8)))
    with pytest.raises(DatasetError, match=r"beyond FER2013's 0 to 6 \(7; 1 faces\)"):
        load_faces(path)
    read = load_faces(path, classes="rafdb")
    assert [EMOTIONS[label] for label in read.labels] == RAF_DB
    asked = load_faces(path, classes="fer2013")
    assert (len(asked), asked.report.counts["unknown_label"]) == (6, 1)
    with_contempt = load_faces(path, classes="fer2013,7=contempt")
    assert with_contempt.report.counts["other_expression"] == 1


def test_names_and_other_columns_are_plain(table):
    path = table("Label,Pixels,Split", f"Anger,{FACE},val", f"3_happy,{FACE},test")
    faces = load_faces(path, strict=False)
    assert (faces.labels.tolist(), faces.split.tolist()) == ([0, 3], ["validation", "test"])


def test_labels_with_a_point_are_whole_numbers(table):
    rows = [f"{label},{FACE}" for label in ("4.0", "3.0000000e+00", "+2", " 06 ")]
    assert load_faces(table("emotion,pixels", *rows)).labels.tolist() == [4, 3, 2, 6]


def test_a_word_of_ours_may_be_said_to_mean_another(tree):
    assert names_in(load_faces(tree("happy", "2"), classes="happy=sad,2=fear")) == ["sad", "fear"]


def test_what_a_model_remembers_helps_where_labels_are_not_plain(tree):
    rafdb = parse_classes("rafdb")
    path = tree("happy", "6", "neutral")
    faces = load_faces(path, remembered=rafdb)
    assert names_in(faces) == ["happy", "angry", "neutral"]
    assert faces.report.classes == rafdb
    assert "of the model's fit: 1 surprise" in faces.report.how_labelled
    assert names_in(load_faces(path, classes="6=fear", remembered=rafdb))[1] == "fear"


def test_what_a_model_remembers_is_not_asked_where_the_layout_says_it(table):
    path = table("emotion,pixels", f"6,{FACE}", f"1,{FACE}")
    faces = load_faces(path, remembered=parse_classes("rafdb"))
    assert faces.labels.tolist() == [6, 1]
    assert faces.report.classes == {}


def test_another_number_than_the_model_remembers_is_refused(tree):
    with pytest.raises(DatasetError, match=r"numbers \(0; 1 faces\)"):
        load_faces(tree("0", "1", "2"), remembered=parse_classes("rafdb"))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("raffdb", "neither LABEL=EXPRESSION nor a known data set.*rafdb"),
        ("1=surprize", "1=surprize: an expression is one of angry"),
        ("1=sad,1=happy", "'1' is both sad and happy"),
        ("", "nothing is said"),
        ({}, "nothing is said"),
    ],
)
def test_classes_that_say_nothing_are_refused(classes, message):
    with pytest.raises(ValueError, match=message):
        parse_classes(classes)


@pytest.mark.parametrize("name", KNOWN_CLASSES)
def test_a_known_data_set_has_all_seven_and_can_be_written(name):
    classes = parse_classes(name)
    assert {meaning for meaning in classes.values() if meaning} == set(EMOTIONS)
    assert parse_classes(format_classes(classes)) == classes
