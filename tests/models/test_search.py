"""Searches: what is tried, on what it is judged, what is kept, and what is never mixed."""

import gc
import inspect
import json
import subprocess
import sys

import numpy as np
import pytest

from fer_ensemble.datasets import make_faces
from fer_ensemble.evaluation import evaluate_predictions
from fer_ensemble.models import NETWORKS, create_member, list_members
from fer_ensemble.models.search import (
    SearchError,
    read_recipe,
    search_member,
    search_space,
    searching,
)
from fer_ensemble.models.search.spaces import choice, dimensions, log_range, member_params

# KerasTuner calls what Python has renamed.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")

# Asked before any test, or example in a docstring, registers a member of its own.
SEARCHED = [info.name for info in list_members() if not info.name.startswith("boosted_")]
SMALL = {
    "filters": [choice(2, 4)] * 3,
    "dropout": choice(0.0, 0.5),
    "units": choice(4, 8),
    "learning_rate": log_range(1e-3, 1e-1),
}


@pytest.fixture(autouse=True, scope="module")
def _earlier_objects_are_set_apart():
    """Garbage is collected after each trial: of the trials only, not of a session's networks."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def few():
    """Sixty faces, the last three of them copies of the first."""
    images, labels, _ = make_faces(60, random_state=0)
    images[-3:], labels[-3:] = images[:3], labels[:3]
    return images, labels


class Guess:
    """A member that is right on a share of the faces, which its learning rate decides."""

    log: list = []  # noqa: RUF012

    def __init__(self, name, random_state=None, **params):
        self.params = params
        self.random_state = random_state

    def get_params(self):
        return {}

    def fit(self, X, y, validation_data):
        self.log.append((self.params, X, validation_data[0]))
        self.truth = validation_data[1]
        return self

    def predict(self, X):
        wrong = round(len(X) * min(self.params["learning_rate"] * 10, 1.0))
        return np.where(np.arange(len(X)) < wrong, -1, self.truth)


@pytest.fixture
def guesses(monkeypatch):
    """What was fitted, while members are quick guesses."""
    log = []
    monkeypatch.setattr(Guess, "log", log)
    monkeypatch.setattr(searching, "create_member", Guess)
    return log


def search(faces, directory, trials=3, name="tuned_cnn", **options):
    return search_member(name, *faces, trials, directory, **{"space": SMALL, **options})


def test_a_search_trains_networks_and_keeps_the_best_recipe(few, tmp_path, capfd, eager):
    images, labels = few
    held = (images[:14], labels[:14])
    reported = []
    result = search(
        (images[14:], labels[14:]),
        tmp_path / "search",
        trials=2,
        epochs=1,
        validation_data=held,
        random_state=3,
        on_trial=reported.append,
    )
    assert result.trials == reported
    assert [trial.number for trial in reported] == [1, 2]
    assert {trial.status for trial in reported} == {"completed"}
    assert reported[0].values != reported[1].values
    assert all(trial.seconds > 0 and trial.n == 14 for trial in reported)
    assert capfd.readouterr().out == ""

    name, params = read_recipe(tmp_path / "search" / "best.json")
    assert name == "tuned_cnn"
    assert params == result.best_params
    assert set(params["network_params"]) == {"filters", "dropout", "units"}
    member = create_member(name, random_state=3, epochs=1, **params)
    member.fit(images[14:], labels[14:], validation_data=held)
    assert member.score(*held) == result.ranking[0].accuracy
    assert result.ranking[0].accuracy == max(trial.accuracy for trial in reported)


def test_all_trials_are_judged_on_the_same_faces_held_out_with_their_copies(few, tmp_path, guesses):
    result = search(few, tmp_path, validation_fraction=0.2)
    (_, fitted, held), *others = guesses
    assert len(fitted) + len(held) == 60
    assert len(held) == result.trials[0].n
    assert not {face.tobytes() for face in fitted} & {face.tobytes() for face in held}
    for _, again_fitted, again_held in others:
        np.testing.assert_array_equal(again_fitted, fitted)
        np.testing.assert_array_equal(again_held, held)


def test_time_is_shared_among_trials_and_epochs_are_of_each(few, tmp_path, guesses):
    result = search(few, tmp_path, trials=4, time_budget=60.0, epochs=7)
    for params, _, _ in guesses:
        assert (params["time_budget"], params["epochs"]) == (15.0, 7)
    assert "time_budget" not in result.best_params
    assert "epochs" not in result.best_params


def test_ranking_and_interval(few, tmp_path, guesses):
    result = search(few, tmp_path, trials=4)
    accuracies = [trial.accuracy for trial in result.ranking]
    assert accuracies == sorted(accuracies, reverse=True)
    assert len(set(accuracies)) > 1
    trial = result.ranking[-1]
    right = round(trial.accuracy * trial.n)
    expected = evaluate_predictions(
        [1] * trial.n, [1] * right + [0] * (trial.n - right), classes=[0, 1]
    )
    assert trial.accuracy_interval == expected.accuracy_interval
    assert read_recipe(tmp_path / "best.json") == ("tuned_cnn", result.best_params)


def test_the_search_learns_from_its_trials(few, tmp_path, guesses):
    """After the random trials, the optimiser stays where guesses are right: at low rates."""
    result = search(few, tmp_path, trials=5, space={"learning_rate": log_range(1e-3, 1e-1)})
    rates = [trial.values["learning_rate"] for trial in result.trials]
    assert max(rates[:2]) > 0.05
    assert max(rates[2:]) < 0.01


def test_the_same_seed_tries_the_same_values(few, tmp_path, guesses):
    first, again, other = (
        search(few, tmp_path / folder, trials=3, random_state=seed)
        for folder, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert [trial.values for trial in first.trials] == [trial.values for trial in again.trials]
    assert [trial.values for trial in first.trials] != [trial.values for trial in other.trials]


def test_an_interrupted_search_goes_on_with_the_running_trial(few, tmp_path, guesses, monkeypatch):
    unbroken = search(few, tmp_path / "unbroken", trials=4)
    guesses.clear()

    def interrupt(self, X):
        if len(guesses) == 3:
            raise KeyboardInterrupt
        return predict(self, X)

    predict = Guess.predict
    monkeypatch.setattr(Guess, "predict", interrupt)
    with pytest.raises(KeyboardInterrupt):
        search(few, tmp_path / "broken", trials=4)
    assert read_recipe(tmp_path / "broken" / "best.json")[0] == "tuned_cnn"
    monkeypatch.setattr(Guess, "predict", predict)
    with pytest.raises(SearchError, match="--resume continues it, --overwrite starts anew"):
        search(few, tmp_path / "broken", trials=4)
    reported = []
    result = search(few, tmp_path / "broken", trials=4, resume=True, on_trial=reported.append)
    assert [trial.number for trial in reported] == [3, 4]
    assert len(guesses) == 5  # the third one twice
    assert [trial.values for trial in result.trials] == [t.values for t in unbroken.trials]
    assert [trial.accuracy for trial in result.trials] == [t.accuracy for t in unbroken.trials]
    assert all(trial.seconds > 0 for trial in result.trials)

    longer = search(few, tmp_path / "broken", trials=6, resume=True)
    assert longer.trials[:4] == result.trials
    assert len(guesses) == 7


def test_resume_without_a_search_starts_one(few, tmp_path, guesses):
    assert len(search(few, tmp_path / "new", resume=True).trials) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"random_state": 1}, r"another seed \(0, not 1\)"),
        ({"epochs": 2}, r"another number of epochs \(None, not 2\)"),
        ({"time_budget": 30.0}, r"another time for each trial \(None, not 10.0\)"),
        ({"name": "cnn_1"}, r"another member \(tuned_cnn, not cnn_1\)"),
        ({"space": {**SMALL, "units": choice(4, 16)}}, "another search space"),
        ({"validation_fraction": 0.3}, "other faces"),
        ({"faces": 1}, "other faces"),
    ],
)
def test_another_search_is_never_mixed_in(few, tmp_path, guesses, changes, message):
    search(few, tmp_path)
    images, labels = few
    if changes.pop("faces", None):
        images = images.copy()
        images[0, 0, 0] ^= 1
    with pytest.raises(SearchError, match=f"{message}: choose another folder, or --overwrite"):
        search((images, labels), tmp_path, resume=True, **changes)
    assert len(guesses) == 3


def test_overwrite_discards_a_search_and_nothing_else(few, tmp_path, guesses):
    search(few, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    result = search(few, tmp_path, trials=2, random_state=1, overwrite=True)
    assert len(result.trials) == 2
    assert len(guesses) == 5
    assert (tmp_path / "notes.txt").read_text() == "mine"
    (tmp_path / "file").touch()
    with pytest.raises(SearchError, match="is a file: choose a folder"):
        search(few, tmp_path / "file", overwrite=True)


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        ("search.json", r"search\.json cannot be read"),
        ("trials/oracle.json", "damaged .* --overwrite starts anew"),
        ("trials/trial_1/trial.json", "damaged .* --overwrite starts anew"),
    ],
)
def test_damaged_files_are_named(few, tmp_path, guesses, damaged, message):
    search(few, tmp_path)
    file = tmp_path / damaged
    file.write_text(file.read_text()[:20])
    with pytest.raises(SearchError, match=message):
        search(few, tmp_path, trials=4, resume=True)


def test_a_failed_trial_is_kept_as_failed_and_the_search_goes_on(
    few, tmp_path, guesses, monkeypatch
):
    fit = Guess.fit

    def fail_at_first(self, *data, **options):
        fit(self, *data, **options)
        if len(guesses) <= 4:
            raise MemoryError("no memory for a tensor\nof shape (1, 2)")
        return self

    monkeypatch.setattr(Guess, "fit", fail_at_first)
    result = search(few, tmp_path, trials=6)
    assert [trial.status for trial in result.trials] == ["failed"] * 4 + ["completed"] * 2
    assert result.trials[0].accuracy is None
    assert result.trials[0].accuracy_interval is None
    assert result.trials[0].message == "MemoryError: no memory for a tensor"
    assert result.trials[4].message == ""
    assert len(result.ranking) == 2
    assert search(few, tmp_path, trials=6, resume=True).trials == result.trials


def test_a_search_of_failures_alone_is_an_error(few, tmp_path, guesses, monkeypatch):
    def fail(self, X, y, validation_data):
        raise MemoryError("no memory")

    monkeypatch.setattr(Guess, "fit", fail)
    with pytest.raises(SearchError, match="All 2 trials failed; the last one by MemoryError"):
        search(few, tmp_path, trials=2)
    assert not (tmp_path / "best.json").exists()


def test_without_keras_tuner_the_error_says_how_to_install_it(few, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_tuner", None)
    with pytest.raises(ImportError, match=r"pip install '\.\[tune\]'"):
        search(few, tmp_path / "search")
    assert not (tmp_path / "search").exists()


def test_recipes_are_read_without_keras():
    code = (
        "import sys; from fer_ensemble.models.search import read_recipe, search_space\n"
        "search_space('tuned_cnn'); print({'keras', 'keras_tuner'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_the_published_search():
    space = search_space("tuned_cnn")
    assert list(space) == ["filters", "dropout", "units", "learning_rate"]
    assert [entry["values"] for entry in space["filters"]] == [[32, 64, 128, 256]] * 3
    assert space["dropout"]["values"] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert space["units"]["values"] == [64, 128, 256, 512]
    assert space["learning_rate"] == log_range(1e-4, 1e-2)


def test_other_networks_are_searched_around_their_recipe():
    assert search_space("vgg_style") == {"learning_rate": log_range(3e-4 / 10, 3e-4 * 10)}
    space = search_space("dense_hog")
    assert [entry["values"] for entry in space["units"]] == [
        [256, 512, 1024, 2048],
        [128, 256, 512, 1024],
    ]
    assert space["learning_rate"] == log_range(3e-4 / 10, 3e-4 * 10)
    params = member_params("dense_hog", {"units": [8, 4], "dropout": 0.1, "learning_rate": 1.0})
    assert params["classifier__network_params"] == {
        "units": [8, 4],
        "dropout": 0.1,
        "input_dropout": 0.1,
    }
    assert create_member("dense_hog", **params)[-1].learning_rate == 1.0


def test_every_space_fits_its_network():
    for name in SEARCHED:
        space = search_space(name)
        member = create_member(name)
        network = (member[-1] if hasattr(member, "steps") else member).network
        known = set(inspect.signature(NETWORKS[network]).parameters)
        assert set(space) - {"learning_rate"} <= known, name
        assert set(space) >= known & {"dropout", "units"} | {"learning_rate"}, name
        for _, dimension in dimensions(space):
            assert dimension["kind"] in ("Choice", "Float")


def test_errors_say_what_is_wrong_with_a_search(few, tmp_path):
    with pytest.raises(ValueError, match=r"'boosted_hog' has no network.*tuned_cnn"):
        search_space("boosted_hog")
    with pytest.raises(ValueError, match="Unknown member 'cnn_9'"):
        search(few, tmp_path / "search", name="cnn_9")
    with pytest.raises(ValueError, match=r"space has \['filter'\]; tuned_cnn has .*filters"):
        search(few, tmp_path / "search", space={"filter": choice(1, 2)})
    with pytest.raises(ValueError, match="trials=0: take at least 1"):
        search(few, tmp_path / "search", trials=0)
    assert not (tmp_path / "search").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is no recipe"),
        (json.dumps({"member": "cnn_2"}), "is no recipe"),
        (json.dumps({"member": "cnn_99", "params": {}}), "Unknown member 'cnn_99'"),
        (
            json.dumps({"member": "cnn_2", "params": {"epoch": 1}}),
            "has no parameter 'epoch'",
        ),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path, content, message):
    file = tmp_path / "best.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=f"best.json.*{message}"):
        read_recipe(file)


def test_a_missing_recipe_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json.*fer-ensemble tune"):
        read_recipe(tmp_path / "none.json")
