"""The main job from the command line: fit, predict, evaluate."""

import csv
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import typer

from fer_ensemble import load_ensemble
from fer_ensemble.artifact import read_manifest
from fer_ensemble.cli.console import parse_duration
from fer_ensemble.cli.fit import parse_settings
from fer_ensemble.datasets import EMOTIONS, synthetic_dataset, write_folder
from fer_ensemble.ensemble import RULES

QUICK = [
    "--set=dense_hog.classifier__epochs=2",
    "--set=dense_hog.classifier__network_params={'units': [16]}",
    "--set=boosted_hog.classifier__n_estimators=3",
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder laid out as people download FER2013, with a broken picture in it."""
    folder = tmp_path_factory.mktemp("data") / "faces"
    write_folder(synthetic_dataset(140, random_state=0), folder / "train")
    write_folder(synthetic_dataset(70, random_state=1), folder / "test")
    (folder / "train" / "happy" / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def model(run_apart, data, tmp_path_factory):
    """An ensemble that the command has fitted, and what it printed."""
    out = tmp_path_factory.mktemp("models") / "model"
    done = run_apart("fit", data, "--out", out, "--members", "dense_hog,boosted_hog", *QUICK)
    assert done.returncode == 0, done.stderr
    return out, done


def test_fit_ends_with_a_table_and_the_next_command(model, data):
    out, done = model
    for shown in ("dense_hog", "boosted_hog", *RULES, "macro F1"):
        assert shown in done.stdout
    assert f"fer-ensemble predict photos/ --model {out}" in done.stderr
    assert f"fer-ensemble evaluate {data} --model {out}" in done.stderr
    assert "n = 14" in done.stdout


def test_fit_reports_progress_and_what_it_skipped(model):
    _, done = model
    assert "1 picture skipped: unreadable (train/happy/broken.jpg)" in done.stderr
    assert "Fitting dense_hog (1 of 2)" in done.stderr
    assert "epoch 2/2" in done.stderr
    assert "cudart" not in done.stderr


def test_artifact_says_what_it_was_fitted_on(model):
    told = read_manifest(model[0]).data
    assert told["source"] == "faces"
    assert told["synthetic"] is False
    assert told["split"] == "train"
    assert told["n_samples"] == 140


def test_predict_after_fit(run, model, data, tmp_path):
    out = tmp_path / "rows.csv"
    code, _, notes = run("predict", data / "test", "--model", model[0], "--out", out)
    assert code == 0, notes
    rows = list(csv.DictReader(out.open()))
    assert len(rows) == 70
    expected = load_ensemble(model[0])
    import cv2

    images = np.stack([cv2.imread(row["path"], cv2.IMREAD_GRAYSCALE) for row in rows])
    probabilities = expected.predict_proba(images)
    written = np.array([[float(row[f"p_{name}"]) for name in EMOTIONS] for row in rows])
    np.testing.assert_allclose(written, probabilities, atol=1e-6)
    assert [row["label"] for row in rows] == [EMOTIONS[i] for i in probabilities.argmax(axis=1)]


@pytest.mark.usefixtures("terminal")
def test_evaluate_prints_and_writes_every_figure(run, model, data, tmp_path):
    figures = tmp_path / "figures.json"
    arguments = ("--model", model[0], "--split", "test", "--json", figures)
    code, told, notes = run("evaluate", data, *arguments)
    assert code == 0, notes
    assert "split test, n = 70" in told
    content = json.loads(figures.read_text())
    test = synthetic_dataset(70, random_state=1)
    order = np.lexsort((test.names, [EMOTIONS[label] for label in test.labels]))
    ensemble = load_ensemble(model[0])
    right = ensemble.predict(test.images[order]) == test.labels[order]
    weighted = content["rules"]["weighted"]
    assert weighted["accuracy"] == pytest.approx(right.mean())
    assert weighted["n"] == content["n"] == 70
    low, high = weighted["accuracy_interval"]
    assert low < weighted["accuracy"] < high
    assert set(content["members"]) == {"dense_hog", "boosted_hog"}
    assert set(content["rules"]) == set(RULES)
    for name, figures in {**content["members"], **content["rules"]}.items():
        assert [row["support"] for row in figures["per_class"]] == [10] * 7
        assert name in told
    titles = [line.strip() for line in told.splitlines()]
    assert {"dense_hog", "boosted_hog", "weighted"} <= set(titles)
    assert "average" not in titles
    assert told.count("surprise") == 3  # the members and the ensemble's own rule


def test_interrupted_fit_goes_on_with_resume(run, data, tmp_path):
    out = tmp_path / "model"
    arguments = ["fit", data, "--out", out, "--members", "boosted_hog,dense_hog", *QUICK]
    # A shell's background jobs ignore interrupts, and so would this process without the handler.
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from fer_ensemble.cli import main; main()"
    )
    slow = [*arguments, "--set=dense_hog.classifier__epochs=100000"]
    slow += ["--set=dense_hog.classifier__patience=None"]
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, slow)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (out / "unfinished" / "boosted_hog.json").exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Interrupted; boosted_hog done" in told
    assert f"kept in {out}" in told
    assert "--resume" in told
    code, _, told = run(*arguments)
    assert code == 1
    assert "--resume continues it" in told
    code, _, told = run(*arguments, "--resume")
    assert code == 0, told
    assert "boosted_hog is taken over" in told
    assert "Fitting boosted_hog" not in told
    assert {name for name, _ in load_ensemble(out).members_} == {"boosted_hog", "dense_hog"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fit", "nowhere.zip"], 1, "nowhere.zip: there is no such file"),
        (["fit", "--members", "cnn_99"], 1, "Unknown member 'cnn_99': choose among"),
        (["fit", "--rule", "loudest"], 1, "loudest"),
        (["fit", "--engine", "spark"], 1, "no engine 'spark': choose among local, ray"),
        (["fit", "--address", "auto"], 1, "an address belongs to a cluster"),
        (["fit", "--set", "cnn_2.epochs"], 2, "MEMBER.PARAMETER=VALUE"),
        (["fit", "--set", "other.epochs=1"], 2, "a member among"),
        (["evaluate", "--model", "nowhere"], 1, "nowhere does not exist"),
        (["predict", "photos", "--model", "nowhere"], 1, "nowhere does not exist"),
    ],
)
def test_mistakes_end_in_a_line_that_says_what_to_do(
    run, tmp_path, monkeypatch, arguments, code, message
):
    monkeypatch.chdir(tmp_path)
    ended, _, notes = run(*arguments)
    assert ended == code, notes
    assert message in " ".join(notes.replace("│", " ").split())
    assert "Traceback" not in notes


def test_a_mistake_ends_a_process_of_its_own_as_well(run_apart, tmp_path):
    done = run_apart("fit", "--rule", "loudest", cwd=tmp_path)
    assert done.returncode == 1
    assert "loudest" in done.stderr
    assert "Traceback" not in done.stderr


def test_strict_stops_at_a_bad_picture(run, data, tmp_path):
    code, _, notes = run("fit", data, "--out", tmp_path / "model", "--strict")
    assert code == 1
    assert "broken.jpg" in notes
    assert not (tmp_path / "model").exists()


def test_a_time_budget_is_shared_by_the_networks_and_kept(run_apart, data, tmp_path):
    out = tmp_path / "model"
    done = run_apart(
        "fit", data, "--out", out, "--members", "cnn_1,dense_hog", "--time-budget", "2s",
        "--device", "cpu", "--rule", "average", "--set", "cnn_1.epochs=1000000",
        "--set", "cnn_1.network_params={'filters': [4], 'units': 6}", *QUICK[1:2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "CPU" in done.stderr
    members = dict(load_ensemble(out).members_)
    assert members["cnn_1"].time_budget == 1
    assert members["dense_hog"].get_params()["classifier__time_budget"] == 1
    assert members["cnn_1"].history_["epoch"][-1] < members["cnn_1"].epochs


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--time-budget", "soon"], "write 20m, 1h30m or 90s"),
        (["--device", "gpu"], "choose auto or cpu"),
        (["--recipe", "absent.json"], "absent.json"),
    ],
)
def test_what_cannot_be_used_is_said_before_any_work(run, data, tmp_path, arguments, told):
    code, _, notes = run("fit", data, "--out", tmp_path / "model", *arguments)
    assert code != 0
    assert told in " ".join(notes.split())
    assert "Fitting" not in notes
    assert "Traceback" not in notes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("20m", 1200), ("1h30m", 5400), ("1.5h", 5400), (" 2M ", 120)],
)
def test_lengths_of_time(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5m", "20 minutes", "1.2.3m", "m", "h"])
def test_what_is_no_length_of_time(text):
    with pytest.raises(typer.BadParameter, match="write 20m, 1h30m or 90s"):
        parse_duration(text)


def test_values_are_literals_or_text():
    settings = ["cnn_2.epochs=10", "cnn_2.schedule=cosine", "dense.params={'units': [16]}"]
    assert parse_settings(settings, [], ["cnn_2", "dense", "other"]) == {
        "cnn_2": {"epochs": 10, "schedule": "cosine"},
        "dense": {"params": {"units": [16]}},
        "other": {},
    }


@pytest.mark.parametrize("setting", ["cnn_2.epochs", "epochs=3", "foreign.epochs=3", "cnn_2.=3"])
def test_what_is_no_setting_is_refused(setting):
    with pytest.raises(typer.BadParameter, match=r"write MEMBER\.PARAMETER=VALUE"):
        parse_settings([setting], [], ["cnn_2"])
