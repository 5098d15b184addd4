"""Systems and ensembles as their files declare them, and the runs of systems."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from experiments import console, run, systems
from experiments.runs import divide, find_runs, stack_predictions, write_record
from experiments.systems import all_ensembles, all_systems, read_ensemble, read_system
from fer_ensemble.artifact.member_files import load_member
from fer_ensemble.datasets import PROTOCOLS, load_faces
from fer_ensemble.models import NETWORKS, create_member, list_members
from tests.experiments.stand_ins import invoke, write_predictions


def test_every_member_has_a_system():
    assert {info.name for info in list_members()} <= {system.member for system in all_systems()}


@pytest.mark.parametrize("system", all_systems(), ids=lambda system: system.name)
def test_systems_name_members_and_protocols_that_exist(system):
    assert system.member in {info.name for info in list_members()}
    assert system.protocol in PROTOCOLS
    assert set(system.published) <= {
        "accuracy",
        "epochs",
        "macro_f1",
        "n",
        "note",
        "recall",
        "weighted_f1",
    }


@pytest.mark.parametrize("system", all_systems(), ids=lambda system: system.name)
def test_systems_set_parameters_that_their_members_have(system):
    member = create_member(system.member, **system.params)
    assert system.params.items() <= member.get_params().items()
    assert not system.params or member.network in NETWORKS


def test_a_system_like_another_differs_in_what_it_says(declare):
    declare("one", 'teachers = ["a"]', "[params]", "epochs = 3", "augmentation = { flip = true }")
    declare("two", 'like = "one"', "[params]", "epochs = 4", member="cnn_1")
    one, two = read_system("one"), read_system("two")
    assert (one.params["epochs"], two.params["epochs"]) == (3, 4)
    assert two.params["augmentation"] == one.params["augmentation"] == {"flip": True}
    assert (two.member, two.teachers) == ("cnn_1", ("a",))


def test_a_run_may_set_parameters_and_epochs(data, declare, tmp_path):
    declare("short", "[params]", "classifier__batch_size = 16", "classifier__patience = 7")
    outcome = train("short", data, tmp_path / "kept", "--epochs", "2")
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((tmp_path / "kept" / "results" / "short.official.json").read_text())
    assert record["epochs_planned"] == 2
    assert "--epochs 2" in record["command"]
    fitted = load_member("short", (tmp_path / "kept/fitted/short.official.skops").read_bytes())
    assert fitted.steps[-1][1].patience == 7


@pytest.mark.parametrize("ensemble", all_ensembles(), ids=lambda ensemble: ensemble.name)
def test_ensembles_name_systems_and_protocols_that_exist(ensemble):
    assert set(ensemble.members) <= {system.name for system in all_systems()}
    assert ensemble.protocol in PROTOCOLS
    assert set(ensemble.published) <= {"weighted", "average", "majority", "n"}


def test_rows_are_numbered_once():
    rows = [system.row for system in all_systems()]
    assert rows == sorted(set(rows))


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"No system 'vgg'.*vgg_style"):
        read_system("vgg")
    with pytest.raises(ValueError, match=r"No ensemble 'pair'.*two_members"):
        read_ensemble("pair")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


def train(name, data, folder, *options):
    """Run a system for a second, with all that it leaves behind in one folder."""
    kept = ("predictions", "fitted", "unfinished", "results")
    places = [word for kind in kept for word in (f"--{kind}", folder / kind)]
    return invoke(run.main, name, "--data", data, "--time-budget", "1s", *places, *options)


@pytest.fixture(scope="module")
def finished(data, folder):
    outcome = train("dense_hog", data, folder)
    assert outcome.exit_code == 0, outcome.output
    return folder


@pytest.fixture
def declare(tmp_path, monkeypatch):
    """Declare a system for this test alone."""
    monkeypatch.setattr(systems, "SYSTEMS", tmp_path)

    def declare(name, *lines, member="dense_hog"):
        text = "\n".join([f'row = 1\ntitle = ""\nmember = "{member}"', *lines])
        (tmp_path / f"{name}.toml").write_text(text)

    return declare


def test_a_run_writes_its_figures(finished, tmp_path):
    record = json.loads((finished / "results" / "dense_hog.official.json").read_text())
    assert record["n_train"] + record["n_held_out"] == 100
    assert record["all"]["n"] == 40
    assert record["time_budget"] == "1s"
    assert str(finished) not in json.dumps(record)
    assert record["versions"].keys() >= {"keras", "tensorflow"}
    assert len(record["history"]["loss"]) >= 1


def test_a_run_leaves_its_probabilities_and_its_fitted_member(finished, data):
    record = json.loads((finished / "results" / "dense_hog.official.json").read_text())
    kept = np.load(finished / "predictions" / "dense_hog.official.npz")
    right = (kept["test"].argmax(1) == kept["y_test"]).mean()
    assert right == pytest.approx(record["all"]["accuracy"])
    assert len(kept["held_out"]) == len(kept["held_out_rows"]) == record["n_held_out"]
    assert kept["test_without_copies"].sum() == record["without_copies"]["n"]
    file = finished / "fitted" / "dense_hog.official.skops"
    faces = load_faces(data)
    again = load_member("dense_hog", file.read_bytes()).predict_proba(
        faces.select("train").images[kept["held_out_rows"]]
    )
    assert again == pytest.approx(kept["held_out"], abs=1e-6)
    assert not list((finished / "unfinished").iterdir())


def test_a_network_starts_from_converted_weights_and_keeps_no_path(tmp_path):
    member = create_member("mobilenet_v2")
    run._start_from(member, str(tmp_path / "base.weights.h5"))
    started = member.network_params
    assert started == {"weights": str(tmp_path / "base.weights.h5"), "origin": "torchvision"}
    run._start_from(member, None)
    # What is stored rebuilds the same network, wherever it is loaded.
    assert member.network_params == {"weights": None, "origin": "torchvision"}
    command = run._command("mobilenet_v2", data="fer.zip", time_budget=None, weights="w.h5", seed=0)
    assert command.endswith("run mobilenet_v2 --data fer.zip --weights w.h5 --seed 0")


def test_a_pupil_learns_from_its_teachers_and_is_trained_on(finished, data, declare, eager):
    small = ("[params]", "network_params = { filters = [4], units = 6 }")
    declare("teacher", *small, member="cnn_1")
    declare("pupil", 'teachers = ["teacher"]', "more_training = 1", *small, member="cnn_1")
    assert train("teacher", data, finished).exit_code == 0
    outcome = train("pupil", data, finished)
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((finished / "results" / "pupil.official.json").read_text())
    assert len(record["earlier_rounds"]) == 1


def test_a_pupil_without_its_teacher_is_refused(data, declare, tmp_path):
    declare("pupil", 'teachers = ["dense_hog"]')
    outcome = train("pupil", data, tmp_path / "elsewhere")
    assert outcome.exit_code == 2
    assert "learns from dense_hog" in outcome.output


def test_three_classes_are_measured_as_three(data, tmp_path):
    outcome = train("dense_hog_3_classes", data, tmp_path, "--protocol", "published")
    assert outcome.exit_code == 0, outcome.output
    file = tmp_path / "results" / "dense_hog_3_classes.random.json"
    classes = json.loads(file.read_text())["all"]["per_class"]
    assert [entry["name"] for entry in classes] == ["happy", "sad", "neutral"]


@pytest.mark.parametrize("option", [("--protocol", "lenient"), ("--time-budget", "soon")])
def test_what_a_run_cannot_do_is_refused_before_the_faces_are_read(option):
    outcome = invoke(run.main, "resnet", "--data", "not_there.zip", *option)
    assert outcome.exit_code == 2
    assert option[1] in outcome.output


def test_systems_that_divide_alike_share_their_parts(undivided, tmp_path, declare):
    faces = load_faces(undivided)
    balanced = 'protocol = "balanced"\nprotocol_params = { target = 30 }'
    for name in ("one", "two"):
        declare(name, balanced)
    declare("other", balanced.replace("30", "31"))
    parts = divide(read_system("one"), faces, "balanced", 0)
    for name in ("one", "two"):
        np.savez(tmp_path / f"{name}.balanced.npz", y_test=parts.test.labels)
    y = divide(read_system("other"), faces, "balanced", 0).test.labels
    np.savez(tmp_path / "other.balanced.npz", y_test=y)
    found = {system.name: parts for system, parts, _ in find_runs(tmp_path, faces, "balanced", 0)}
    assert found["one"] is found["two"]
    assert len(found["other"].test) == len(y)
    np.testing.assert_array_equal(found["one"].train.images, parts.train.images)


def test_held_out_rows_tell_faces_of_the_same_labels_apart(tmp_path):
    write_predictions(tmp_path, ["a"], skill=(1,), n=20)
    run_of_old = dict(np.load(tmp_path / "a.official.npz"))
    runs = [{**run_of_old, "held_out_rows": np.arange(20) + shift} for shift in (0, 1)]
    assert stack_predictions([runs[0], run_of_old], "held_out")[0].shape == (20, 2, 7)
    with pytest.raises(Exception, match="same faces"):
        stack_predictions(runs, "held_out")


def test_a_record_is_written_into_a_new_folder(tmp_path):
    write_record(tmp_path / "results" / "a.json", {"n": 3})
    text = (tmp_path / "results" / "a.json").read_text()
    assert json.loads(text) == {"n": 3}
    assert text.endswith("}\n")


def test_reading_counts_the_faces_and_what_is_wrong_with_some(undivided, tmp_path, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(console, "notes", Console(file=stream, soft_wrap=True))
    folder = tmp_path / "faces"
    (folder / "happy").mkdir(parents=True)
    for i, picture in enumerate(sorted(undivided.rglob("*.png"))[:2]):
        (folder / "happy" / f"{i}.png").write_bytes(picture.read_bytes())
    (folder / "happy" / "broken.png").write_bytes(b"no picture")
    assert len(console.read_faces(folder)) == 2
    assert "2 faces" in stream.getvalue()
    assert "broken.png" in stream.getvalue()
