"""Data sets that number expressions in their own way, and names that would command a terminal."""

import io
import json
import os
import warnings

import numpy as np
import pytest
from PIL import Image
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from fer_ensemble import fit_ensemble
from fer_ensemble.artifact import read_manifest, resolve_model
from fer_ensemble.cli.console import TerminalStream
from fer_ensemble.cli.report import _tell_apart
from fer_ensemble.datasets import EMOTIONS, parse_classes, synthetic_dataset, write_folder
from fer_ensemble.features import HOG

RAF_DB = parse_classes("rafdb")
CODES = {name: code for code, name in RAF_DB.items()}


@pytest.fixture(scope="module")
def raf_db(tmp_path_factory):
    """Drawn faces in folders as RAF-DB has them."""
    root = tmp_path_factory.mktemp("RAF-DB")
    faces = synthetic_dataset(140, random_state=0)
    for number, (image, label) in enumerate(zip(faces.images, faces.labels, strict=True)):
        part = "train" if number < 100 else "test"
        folder = root / part / CODES[EMOTIONS[label]]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{part}_{number:05}.png")
    return root


@pytest.fixture(scope="module")
def fitted(raf_db, tmp_path_factory):
    out = tmp_path_factory.mktemp("fitted") / "model"
    members = [("bayes", make_pipeline(HOG(), GaussianNB()))]
    fit_ensemble(raf_db, out, members=members, classes="rafdb")
    return out


@pytest.mark.parametrize(
    "command",
    [
        ["data", "{}"],
        ["fit", "{}", "--out", "{}/out"],
        ["evaluate", "{}", "--model", "fast"],
        ["report", "fast", "{}", "--out", "{}/out.html"],
        ["export", "fast", "--data", "{}", "--out", "{}/out"],
        ["combine", "{fast}", "--data", "{}", "--split", "test", "--out", "{}/out"],
    ],
    ids=lambda command: command[0],
)
def test_numbers_are_refused_by_every_verb(run, tmp_path, command):
    (tmp_path / "1").mkdir()
    Image.fromarray(np.zeros((48, 48), np.uint8)).save(tmp_path / "1" / "a.png")
    places = {"{}": str(tmp_path), "{fast}": str(resolve_model("fast"))}
    words = command
    for mark, place in places.items():
        words = [word.replace(mark, place) for word in words]
    code, printed, notes = run(*words)
    assert code == 1, printed + notes
    assert "labels that are numbers (1; 1 face" in notes
    assert "--classes fer2013, ferplus, rafdb, affectnet, ckplus, jaffe" in notes
    assert not (tmp_path / "out").exists()
    code, printed, notes = run(*words, "--classes", "rafbd")
    assert code == 1
    assert "'rafbd' is neither LABEL=EXPRESSION nor a known data set" in notes


def test_a_model_remembers_what_labels_meant(run, raf_db, fitted, tmp_path):
    assert read_manifest(fitted).data["classes"] == RAF_DB
    code, _, notes = run("evaluate", raf_db, "--model", fitted, "--json", tmp_path / "a.json")
    assert code == 0, notes
    assert "labels read by the classes of the model's fit: 1 surprise, 2 fear" in notes
    own = json.loads((tmp_path / "a.json").read_text())
    code, _, notes = run(
        "evaluate", raf_db, "--model", fitted, "--classes", "rafdb", "--json", tmp_path / "b.json"
    )
    assert code == 0, notes
    assert "labels read by the classes given" in notes
    assert json.loads((tmp_path / "b.json").read_text()) == own
    assert own["n"] == 40
    assert own["rules"]["weighted"]["accuracy"] > 0.3


def test_counts_are_those_of_the_data_set(run, raf_db):
    code, printed, _ = run("data", raf_db, "--classes", "rafdb")
    assert code == 0
    lines = [line.split() for line in printed.splitlines()]
    faces = synthetic_dataset(140, random_state=0)
    happy = np.flatnonzero(faces.labels == EMOTIONS.index("happy"))
    train = int((happy < 100).sum())
    assert ["happy", str(train), str(len(happy) - train), str(len(happy))] in lines


def test_the_packaged_ensemble_measures_data_without_parts(run, tmp_path):
    faces = synthetic_dataset(14, random_state=3)
    for number, (image, label) in enumerate(zip(faces.images, faces.labels, strict=True)):
        (tmp_path / "faces" / EMOTIONS[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "faces" / EMOTIONS[label] / f"{number}.png")
    code, printed, notes = run("evaluate", tmp_path / "faces", "--json", tmp_path / "own.json")
    assert code == 0, notes
    told = " ".join(printed.split())
    assert "faces, all faces, n = 14" in told
    assert "The data have no parts, and are measured whole." in told
    figures = json.loads((tmp_path / "own.json").read_text())
    assert (figures["n"], figures["split"]) == (14, "all")


def test_a_report_tells_a_model_from_data(raf_db, fitted, tmp_path):
    assert _tell_apart(str(fitted), None) == (str(fitted), None)
    assert _tell_apart(str(raf_db), None) == (None, raf_db)
    assert _tell_apart("fast", None) == ("fast", None)
    assert _tell_apart("fast", raf_db) == ("fast", raf_db)
    # An error about a model, since nothing speaks for data.
    assert _tell_apart(str(tmp_path / "lost"), None) == (str(tmp_path / "lost"), None)


def test_faces_of_one_class_are_refused_by_its_name(run, tmp_path):
    (tmp_path / "happy").mkdir()
    for number, image in enumerate(synthetic_dataset(3, random_state=0).images):
        Image.fromarray(image).save(tmp_path / "happy" / f"{number}.png")
    code, _, notes = run("fit", tmp_path, "--members", "boosted_hog", "--out", tmp_path / "m")
    assert code == 1
    assert "All 3 faces to fit on are happy" in notes


@pytest.mark.parametrize(
    "name", ["[/w]", "[bold]x", "\x1b[31mred\x1b[0m", "abc\u202egnp", ":smile:"]
)
def test_names_are_shown_as_they_are(run, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    code, printed, notes = run("make-faces", name, "-n", 7)
    assert code == 0, notes
    told = printed + notes
    for words in (
        ["data", name],
        ["data", f"{name}.csv"],
        ["evaluate", "--model", name],
        ["score", name, "--truth", name],
        ["fit", name, "--out", name],
        ["curves", name],
        ["members", name],
        ["fit", f"--{name}"],
        [name],
        ["predict", "a.png", "--device", name],
        ["fit", "--set", name],
        ["predict", f"{name}.png", "--model", "fast", "--out", "rows.csv"],
    ):
        code, printed, notes = run(*words)
        told += printed + notes
    assert "\x1b" not in told
    assert "\u202e" not in told
    plain = "".join(told.split())
    shown = name.replace("\x1b", r"\x1b").replace("\u202e", r"\u202e")
    assert shown in plain


def test_pictures_of_a_user_are_no_place_for_a_model(run, raf_db, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    for more in ([], ["--overwrite"]):
        code, _, notes = run(
            "fit", raf_db, "--classes=rafdb", "--members=boosted_hog", "--out", tmp_path, *more
        )
        assert code == 1
        assert "holds other things than an ensemble (photo.jpg)" in notes
    assert [file.name for file in tmp_path.iterdir()] == ["photo.jpg"]


def test_what_is_no_file_is_not_waited_for(run, tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "truth.csv").write_text("path,label\na,sad\n")
    pipe, truth = tmp_path / "pipe.csv", tmp_path / "truth.csv"
    for words in (
        ["data", pipe],
        ["score", pipe, "--truth", truth],
        ["score", truth, "--truth", pipe],
        ["score", truth, "--truth", "/dev/zero"],
        ["evaluate", "--model", "fast", pipe],
        ["fit", "--ferplus", pipe, "--out", tmp_path / "out", "--members", "boosted_hog"],
    ):
        code, _, notes = run(*words)
        assert code == 1
        assert "not a regular file" in notes


def test_rows_on_a_terminal_command_nothing():
    written = io.BytesIO()
    stream = TerminalStream(written)
    row = "a\x1b[2J\u202e.png,happy\r\n".encode()
    assert stream.write(row) == len(row)
    assert written.getvalue() == rb"a\x1b[2J\u202e.png,happy" + b"\r\n"


def test_warnings_are_shown_without_their_place_in_the_code(run, tmp_path):
    faces = synthetic_dataset(40, random_state=0)
    rows = [n for n, label in enumerate(faces.labels) if label != 1]
    rows.append(int(np.flatnonzero(faces.labels == 1)[0]))
    write_folder(faces.take(rows), tmp_path / "faces")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        code, _, notes = run(
            "fit", tmp_path / "faces", "--members", "boosted_hog", "--out", tmp_path / "model",
            "--set=boosted_hog.classifier__n_estimators=1", "--jobs=1",
        )  # fmt: skip
    assert code == 0, notes
    assert "Only one face of disgust" in notes
    assert "Note: Too few distinct samples" in notes
    assert ".py" not in notes
