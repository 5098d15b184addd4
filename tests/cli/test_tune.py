"""Searching from the command line."""

import sys

import pytest
from typer.testing import CliRunner

from fer_ensemble.cli import console, main
from fer_ensemble.cli.app import app
from fer_ensemble.datasets import synthetic_dataset, write_folder
from fer_ensemble.models import search
from fer_ensemble.models.search import read_recipe
from fer_ensemble.models.search.spaces import SPACES, choice, log_range

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")

SMALL = {"filters": [choice(2, 4)] * 2, "learning_rate": log_range(1e-3, 1e-1)}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of few faces; the network is searched among small ones."""
    monkeypatch.setitem(SPACES, "tuned_cnn", SMALL)
    monkeypatch.setattr(console.output, "_width", 200)
    write_folder(synthetic_dataset(63, random_state=0), tmp_path / "faces" / "train")
    return tmp_path / "faces"


def run(*arguments):
    return CliRunner().invoke(app, ["tune", *map(str, arguments)])


def test_a_search_ends_with_a_table_a_recipe_and_the_next_command(data, tmp_path):
    out = tmp_path / "search"
    arguments = ["tuned_cnn", data, "--trials", 2, "--epochs", 1, "--out", out]
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    lines = [line for line in done.stderr.splitlines() if line.startswith("Trial ")]
    assert len(lines) == 2
    assert lines[0].startswith("Trial 1 of 2: filters ")
    assert "learning_rate 0.0" in lines[1]
    assert "held-out accuracy 0." in lines[1]
    assert lines[1].endswith(" s")
    assert "Best of 2 trials of tuned_cnn, held out of faces, n = 7" in done.stdout
    for shown in ("filters", "accuracy", "95 % CI", "The best of 2 trials is optimistic"):
        assert shown in done.stdout
    assert f"fer-ensemble fit {data} --members tuned_cnn --recipe {out}/best.json" in done.stderr
    member, params = read_recipe(out / "best.json")
    assert member == "tuned_cnn"
    assert len(params["network_params"]["filters"]) == 2

    refused = run(*arguments)
    assert refused.exit_code == 1
    assert "--resume continues it, --overwrite starts anew" in str(refused.exception)
    resumed = run(*arguments, "--resume")
    assert resumed.exit_code == 0
    assert resumed.stdout == done.stdout
    assert "Trial " not in resumed.stderr


def test_an_interruption_tells_how_to_go_on(data, tmp_path, monkeypatch):
    def interrupt(*_, **options):
        assert options["time_budget"] == 90
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "search_member", interrupt)
    done = run("tuned_cnn", data, "--time-budget", "1m30s", "--out", tmp_path / "search")
    assert done.exit_code == 130
    assert f"finished trials are kept in {tmp_path / 'search'}" in done.stderr
    assert "--resume" in done.stderr


def test_a_validation_part_judges_the_trials(data, tmp_path, monkeypatch):
    write_folder(synthetic_dataset(14, random_state=1), data / "validation")
    given = {}

    def note(name, X, y, trials, out, **options):
        given.update(options, n=len(X))
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "search_member", note)
    run("tuned_cnn", data)
    assert given["n"] == 63
    assert len(given["validation_data"][0]) == 14


@pytest.mark.parametrize(
    ("name", "told"),
    [("boosted_hog", "has no network to search: choose among"), ("cnn_99", "Unknown member")],
)
def test_a_wrong_member_is_told_before_the_data_are_read(name, told, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fer-ensemble", "tune", name, "nowhere.zip"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert told in capsys.readouterr().err


def test_without_keras_tuner_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_tuner", None)
    done = run("tuned_cnn", "nowhere.zip")
    assert done.exit_code == 1
    assert "pip install '.[tune]'" in str(done.exception)
    assert "\n" not in str(done.exception)
