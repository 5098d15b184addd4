"""``fer-ensemble score`` measures the predictions of any tool."""

import json

import pytest
from typer.testing import CliRunner

from fer_ensemble.cli.app import app
from fer_ensemble.cli.subgroup_tables import gap_lines
from fer_ensemble.evaluation import compare_groups, compare_predictions, evaluate_predictions

TRUTH = """path,label,light
a.png,anger,dim
b.png,Happy,dim
c.png,joy,dim
d.png,sadness,bright
e.png,sad,bright
"""
OURS = """path,label,confidence,p_angry,p_happy,p_sad,status
e.png,sad,0.7,0.2,0.1,0.7,ok
d.png,,,,,,unreadable
c.png,happy,0.9,0.05,0.9,0.05,ok
b.png,sad,0.6,0.1,0.3,0.6,ok
a.png,angry,0.8,0.8,0.1,0.1,ok
"""
THEIRS = "path,label\na.png,sad\nb.png,happy\nc.png,sad\nd.png,sad\ne.png,angry\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in (("truth", TRUTH), ("ours", OURS), ("theirs", THEIRS)):
        (tmp_path / f"{name}.csv").write_text(content)
    return tmp_path


def score(*arguments):
    return CliRunner().invoke(app, ["score", "ours.csv", "--truth", "truth.csv", *arguments])


def test_figures_count_what_is_not_answered_both_ways(files):
    done = score("--json", "new/figures.json")
    assert done.exit_code == 0, done.exception
    assert "joined with truth.csv by path" in done.stderr
    assert "Without an answer: unreadable 1" in done.stderr
    assert "answered 4" in done.stdout
    read = json.loads((files / "new" / "figures.json").read_text())
    assert read["classes"] == ["angry", "happy", "sad"]
    system = read["systems"]["ours.csv"]
    assert system["unanswered"] == {"unreadable": 1}
    assert (system["all"]["n"], system["all"]["n_answered"]) == (5, 4)
    assert system["all"]["accuracy"] == 3 / 5
    assert (system["answered"]["n"], system["answered"]["accuracy"]) == (4, 3 / 4)
    assert system["all"]["log_loss"] == system["answered"]["log_loss"]
    assert set(system["all"]["bootstrap_intervals"]) == {
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "weighted_f1",
    }


@pytest.mark.usefixtures("terminal")
def test_the_tables_show_classes_means_and_confusion(files):
    shown = score().stdout
    for expected in ("accuracy, Wilson", "0.600", "macro avg", "weighted avg", "Brier", "50%"):
        assert expected in shown
    plain = evaluate_predictions(
        ["angry", "happy", "happy", "sad"],
        ["angry", "sad", "happy", "sad"],
        classes=["angry", "happy", "sad"],
    )
    low, high = plain.accuracy_interval
    assert f"0.750  {low:.3f}–{high:.3f}" in shown


def test_groups_are_measured_and_small_ones_marked(files):
    done = score("--group", "light", "--json", "figures.json")
    assert "bright*" in done.stdout
    # Groups as small as these are not compared.
    assert "is above" not in done.stdout
    groups = json.loads((files / "figures.json").read_text())["groups"]
    assert groups["column"] == "light"
    assert [(part["group"], part["n"], part["accuracy"]) for part in groups["scores"]] == [
        ("bright", 2, 0.5),
        ("dim", 3, 2 / 3),
    ]


def test_how_far_groups_are_apart_is_said():
    found = compare_groups(
        [0] * 80,
        [1] * 20 + [0] * 60,
        groupings={"light": ["dim"] * 40 + ["bright"] * 40},
        classes=[0, 1],
    )
    as_it_is, at_one_mix = gap_lines(found["light"])
    assert as_it_is.startswith("Accuracy: bright is above dim by 0.500 (95 % CI +0.3")
    assert at_one_mix.startswith("At the same mix of classes: bright is above dim by 0.500")
    assert at_one_mix.endswith("p < 0.001.")


def test_two_tools_are_compared_row_by_row(files):
    done = score("--against", "theirs.csv", "--json", "figures.json")
    read = json.loads((files / "figures.json").read_text())
    assert list(read["systems"]) == ["ours.csv", "theirs.csv"]
    truth = ["angry", "happy", "happy", "sad", "sad"]
    ours, theirs = ["angry", "sad", "happy", "", "sad"], ["sad", "happy", "sad", "sad", "angry"]
    expected = compare_predictions(truth, ours, theirs, random_state=0)
    assert read["comparison"] == expected.to_dict() | {"interval": list(expected.interval)}
    assert "Accuracy of ours.csv less that of theirs.csv: +0.200" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "path,frame"], "has no column 'frame'"),
        (["--group", "age"], "has no column 'age'"),
        (["--by", "status"], "truth.csv has no column 'status'"),
        (["--against", "lost.csv"], "lost.csv"),
    ],
)
def test_errors_say_what_is_wrong(files, arguments, message):
    done = score(*arguments)
    assert done.exit_code != 0
    assert message in str(done.exception)


def test_a_terminal_without_some_signs_gets_them_escaped(files, run_apart):
    done = run_apart(
        *("score", "ours.csv", "--truth", "truth.csv"),
        cwd=files,
        env={"PYTHONIOENCODING": "cp1252"},
        encoding="cp1252",
    )
    assert done.returncode == 0, done.stderr
    assert r"confidence \u2265 0.5: share" in done.stdout


def test_tables_in_another_order_and_of_other_names_are_joined(files):
    (files / "truth.csv").write_text(TRUTH.replace("path,", "image,"))
    (files / "ours.csv").write_text(OURS.replace("e.png", "photos/e.png"))
    done = score("--json", "figures.json")
    assert done.exit_code == 0, done.exception
    assert "joined with truth.csv by name without folders of image = path" in done.stderr
    read = json.loads((files / "figures.json").read_text())
    assert read["systems"]["ours.csv"]["all"]["accuracy"] == 3 / 5


def test_without_a_column_of_files_the_order_has_to_be_vouched_for(files):
    for name, content in (("truth", TRUTH), ("ours", OURS)):
        rows = [line.partition(",")[2] for line in content.splitlines()]
        (files / f"{name}.csv").write_text("\n".join(rows) + "\n")
    done = score()
    assert done.exit_code == 1
    assert "--by-row" in str(done.exception)
    assert score("--by-row", "--by", "path").exit_code == 2
    done = score("--by-row")
    assert done.exit_code == 0
    assert "joined with truth.csv by row number" in done.stderr
