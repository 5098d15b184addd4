"""The shipped ensemble: its candidates trained, packed and measured."""

import json

import numpy as np
import pytest
import typer
from sklearn.frozen import FrozenEstimator

from experiments import precisions, run, systems
from experiments.pretrained import adopt, measure, pack, train
from experiments.pretrained.candidates import (
    Candidate,
    cheapest,
    read_declaration,
    read_held_out,
    try_combinations,
    weigh_views,
)
from experiments.pretrained.runtimes import in_keras, mirrored_members, multiply_accumulates
from experiments.pretrained.speed import _sides, cap_cores, compare_with_peer
from experiments.runs import fitted_file, prediction_file, record_file
from experiments.systems import read_system
from fer_ensemble import load_pretrained
from fer_ensemble.artifact import read_manifest
from fer_ensemble.artifact.compact import compact_ensemble
from fer_ensemble.artifact.member_files import dump_member, load_member
from fer_ensemble.datasets import EvaluationPart, FaceDataset, load_faces
from fer_ensemble.ensemble import StackingEnsemble, VotingEnsemble, to_stacking
from fer_ensemble.exporting import convert_ensemble
from fer_ensemble.models import KerasClassifier, OnnxClassifier, list_members
from fer_ensemble.splitting import row_digests
from tests.conftest import eagerly
from tests.experiments.stand_ins import invoke, words, write_faces

# A teacher, and two kinds of networks as small as they go; the second is the cheaper one by its
# registered cost.
TINY = {
    "teacher": 'member = "cnn_1"\n[params]\nnetwork_params = { filters = [8], units = 8 }',
    "taught": """member = "cnn_2"
teachers = ["teacher"]
[params]
network_params = { filters = [4, 4], convolutions = [1, 1], units = 8 }""",
    "small": 'member = "cnn_1"\n[params]\nnetwork_params = { filters = [4], units = 8 }',
}
CANDIDATES = ["taught", "small"]


def places(folder):
    """The options that have all that a run leaves in one folder."""
    return [word for kind in ("predictions", "fitted", "results") for word in (f"--{kind}", folder)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("data"), 560, 70)


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """What training the candidates leaves, and the file that declares them."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        for path in systems.SYSTEMS.iterdir():
            (folder / path.name).symlink_to(path)
        for row, (name, text) in enumerate(TINY.items()):
            content = f'title = ""\nrow = {row}\n{text}\nbatch_size = 64\naugmentation = {{}}\n'
            (folder / f"{name}.toml").write_text(content)
        patch.setattr(systems, "SYSTEMS", folder)
        (folder / "two.declared").write_text(
            f"candidates = {CANDIDATES}\nmax_bytes = 500_000\n"
            "max_multiply_accumulates = 1_000_000_000\n"
            "shifted_share = 0.5\nequal_share = 0.25\n"
        )
        options = ["--declaration", folder / "two.declared", "--epochs", "1"]
        options += [*places(folder), "--unfinished", folder / "unfinished"]
        with eagerly():
            outcome = invoke(train.main, "--data", data, *options)
        assert outcome.exit_code == 0, outcome.output
        yield folder


@pytest.fixture(scope="module")
def packed(data, runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    pack.main(data, runs, runs, folder / "model", runs, runs / "two.declared")
    return folder


def test_what_is_declared_is_registered():
    declared = read_declaration()
    members = [read_system(name).member for name in declared.candidates]
    assert set(members) <= {info.name for info in list_members()}
    assert declared.max_bytes <= 20_000_000


def test_only_what_is_not_trained_yet_is_trained(runs, tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(run, "main", lambda name, data, **_: trained.append((name, str(data))))
    (tmp_path / "taught.official.skops").touch()
    options = ["--declaration", runs / "two.declared", "--fitted", tmp_path]
    outcome = invoke(train.main, "--data", "faces.zip", *options)
    assert outcome.exit_code == 0, outcome.output
    assert trained == [("teacher", "faces.zip"), ("small", "faces.zip")]


def test_teachers_are_trained_once_and_before_their_pupils(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(run, "main", lambda name, data, **_: trained.append(name))
    invoke(train.main, "--data", "faces.zip", "--fitted", tmp_path)
    teachers = read_system("taught_fast_cnn").teachers
    assert len(teachers) == 4
    assert trained == [*teachers, *read_declaration().candidates]


def test_a_packed_ensemble_is_small_and_knows_what_it_was_fitted_on(packed, runs, data):
    ensemble = load_pretrained(folder=packed / "model")
    assert {name for name, _ in ensemble.members_} <= {"cnn_2", "cnn_1"}
    assert ensemble.held_out is None
    fast = load_pretrained("fast", folder=packed / "model")
    assert [name for name, _ in fast.members_] == ["cnn_1"]
    images = load_faces(data).images
    for model in (ensemble, fast):
        assert np.isin(row_digests(images), model.training_digests_).sum() == 560
        assert 0 < len(model.answers_.labels) <= 56
    record = json.loads((runs / "pretrained_choice.json").read_text())
    files = [file for file in (packed / "model").rglob("*") if file.is_file()]
    assert record["n_bytes"] == sum(file.stat().st_size for file in files)
    assert record["n_held_out"] == 56
    network = packed / "model" / "fast" / "cnn_1.onnx"
    assert record["candidates"]["cnn_1"] == pytest.approx(network.stat().st_size, rel=0.01)
    # Two members, each left out, with or without mirror images: eight ways, by four rules.
    assert record["n_combinations"] == 8 * 4
    assert record["best"][0]["loss"] <= record["other_rule"]["loss"] + 0.002
    assert (record["shifted_share"], record["equal_share"]) == (0.5, 0.25)
    assert record["fast"]["shifted"]["log_loss"] > 0
    assert record["fast"]["members"] == ["cnn_1"]


def test_the_card_says_on_what_and_how_members_were_trained(packed, runs):
    record = json.loads(record_file(runs, "small", "official").read_text())
    card = (packed / "model" / "fast" / "MODEL_CARD.md").read_text()
    assert "- `cnn_1`: recipe experiments/systems/small.toml; 1 epochs; " in card
    assert f"{record['minutes']:g} minutes on {record['device']}; keras " in card
    data = read_manifest(packed / "model").data
    assert (data["protocol"], data["n_held_out"]) == ("official", 56)
    members = [name for name, _ in load_pretrained(folder=packed / "model").members_]
    assert list(data["trainings"]) == members
    taught = [name for name, told in data["trainings"].items() if "larger networks" in told]
    assert taught == [name for name in members if name == "cnn_2"]


def test_members_that_have_seen_the_held_out_faces_are_refused(data, runs, tmp_path):
    for name in CANDIDATES:
        path = fitted_file(tmp_path, name, "official")
        path.write_bytes(fitted_file(runs, name, "official").read_bytes())
    file = fitted_file(tmp_path, "small", "official")
    member = load_member("small", file.read_bytes())
    member.training_digests_ = np.unique(row_digests(load_faces(data).select("train").images))
    file.write_bytes(dump_member("small", member))
    with pytest.raises(ValueError, match="'small' was fitted on 56 of the 56 held-out"):
        pack.main(data, tmp_path, runs, tmp_path / "model", tmp_path, runs / "two.declared")


def test_runs_on_other_faces_are_refused(runs, tmp_path):
    for name in CANDIDATES:
        arrays = dict(np.load(prediction_file(runs, name, "official")))
        arrays["held_out_rows"] = arrays["held_out_rows"] + (name == "small")
        np.savez(prediction_file(tmp_path, name, "official"), **arrays)
    with pytest.raises(typer.BadParameter, match="did not predict the same faces"):
        read_held_out(tmp_path, tuple(CANDIDATES))
    with pytest.raises(typer.BadParameter, match=r"resnet.*is missing.*experiments\.run resnet"):
        read_held_out(tmp_path, ("resnet",))


def test_weights_trained_elsewhere_become_a_run(runs, data, tmp_path):
    there = load_member("small", fitted_file(runs, "small", "official").read_bytes())
    told = write_weights(tmp_path / "small.npz", there)
    outcome = invoke(adopt.main, "small", tmp_path / "small.npz", "--data", data, *places(tmp_path))
    assert outcome.exit_code == 0, outcome.output
    found = dict(np.load(prediction_file(tmp_path, "small", "official")))
    wanted = dict(np.load(prediction_file(runs, "small", "official")))
    np.testing.assert_array_equal(found["held_out_rows"], wanted["held_out_rows"])
    for part in ("held_out", "test"):
        np.testing.assert_allclose(found[part], wanted[part], atol=0.01)
    adopted = load_member("small", fitted_file(tmp_path, "small", "official").read_bytes())
    assert adopted.history_["loss"] == [1.5]
    np.testing.assert_array_equal(adopted.training_digests_, there.training_digests_)
    record = json.loads(record_file(tmp_path, "small", "official").read_text())
    assert (record["device"], record["recipe"]) == ("a GPU (jax)", told["job"])
    right = (found["test"].argmax(1) == found["y_test"]).mean()
    assert record["all"]["accuracy"] == pytest.approx(right)
    assert str(tmp_path) not in json.dumps(record)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"params": 1}, "1 by the record, do not fill a network of"),
        ({"spec": ["cnn_1", {"filters": [4], "units": 9}]}, "units"),
    ],
)
def test_weights_of_another_network_are_refused(runs, data, tmp_path, change, error):
    there = load_member("small", fitted_file(runs, "small", "official").read_bytes())
    write_weights(tmp_path / "small.npz", there, **change)
    outcome = invoke(adopt.main, "small", tmp_path / "small.npz", "--data", data)
    assert outcome.exit_code == 2
    assert error in words(outcome)


def write_weights(path, member, **change):
    """Write a network's weights as an accelerator's trainer does."""
    np.savez(path, **{f"w{i}": w.astype(np.float16) for i, w in enumerate(member.weights_)})
    told = {
        "spec": [member.network, dict(member.network_params)],
        "params": sum(w.size for w in member.weights_),
        "job": {"seed": 3, "epochs": 1},
        "history": [[[1.5, 0.5], 2.0]],
        "seconds": 2.0,
        "device": "a GPU",
        "jax": "1",
        "keras": "3",
        **change,
    }
    path.with_suffix(".json").write_text(json.dumps(told))
    return told


def test_measuring_writes_its_figures(packed, data, tmp_path):
    model = packed / "model"
    outcome = invoke(
        measure.main, "--data", data, "--model", model, "--no-speed", "--results", tmp_path
    )
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((tmp_path / "pretrained.json").read_text())
    assert record["n"] == record["ensemble"]["all"]["n"] == 70
    assert record["fast"]["member"] == "cnn_1"
    assert "calibration error" in outcome.output
    assert str(tmp_path) not in json.dumps(record)
    for folder, figures in ((model, record["ensemble"]), (model / "fast", record["fast"])):
        card = (folder / "MODEL_CARD.md").read_text()
        assert f"| all | 70 | {figures['all']['accuracy']:.3f} |" in card
        assert "| PrivateTest † | | |" in card
    load_pretrained(folder=model)
    load_pretrained("fast", folder=model)


def test_the_card_says_what_the_ensemble_costs():
    sides = {"ensemble": 200.4, "fast": 1234.5, "peer": 1000.0}
    speed = [{"cores": cores, "faces_per_second": sides} for cores in (1, 2)]
    cost = measure._cost({"speed": speed}, "fast", 9)
    assert cost == {"n_bytes": 9, "faces_per_second": {"1": 1234, "2": 1234}}
    assert measure._cost({}, "fast", 9) is None


@pytest.fixture(scope="module")
def pair(runs, data):
    """A weighted average of both candidates, mirror images included."""
    faces = load_faces(data).select("train")
    kept = dict(np.load(prediction_file(runs, "small", "official")))["held_out_rows"]
    members = []
    for name in CANDIDATES:
        member = load_member(name, fitted_file(runs, name, "official").read_bytes())
        members.append((name, FrozenEstimator(member.set_params(flip_average=name == "taught"))))
    return VotingEnsemble(members, calibrate=True).fit(
        faces.images, faces.labels, validation_data=(faces.images[kept], faces.labels[kept])
    )


@pytest.mark.parametrize("kind", [VotingEnsemble, StackingEnsemble])
def test_the_gain_is_over_the_best_member_on_the_same_faces(pair, kind):
    ensemble = pair if kind is VotingEnsemble else to_stacking(pair)
    y = np.arange(70) % 7
    right, wrong = np.eye(7)[y], np.eye(7)[(y + 1) % 7]
    probabilities = (
        0.5 * np.stack([right, np.where(y[:, None] < 3, right, wrong)], axis=1) + 0.5 / 7
    )
    found = measure.ensemble_figures(ensemble, probabilities, y, np.arange(70) < 10)
    assert found["best_member"] == "taught"
    assert found["members"]["small"]["all"]["accuracy"] == pytest.approx(30 / 70)
    combined = ensemble.combine(probabilities).argmax(1)
    assert found["gain"]["difference"] == pytest.approx((combined == y).mean() - 1)
    assert found["without_copies"]["n"] == 60


@pytest.mark.parametrize("is_exported", [False, True])
def test_mirrors_are_taken_from_copies(pair, faces, is_exported):
    ensemble = compact_ensemble(pair)
    if is_exported:
        ensemble = convert_ensemble(ensemble)
    [(name, once)] = mirrored_members(ensemble)
    assert name == "taught"
    member = dict(ensemble.members_)["taught"]
    images = faces[0][:4]
    both = (once.predict_proba(images) + once.predict_proba(images[:, :, ::-1])) / 2
    assert member.predict_proba(images) == pytest.approx(both, abs=1e-5)
    if is_exported:
        [twice, plain] = (multiply_accumulates(network) for network in (member, once))
        assert twice == 2 * plain > 0


def test_exported_networks_run_in_keras_again(packed, faces):
    exported = load_pretrained(folder=packed / "model")
    restored = in_keras(exported)
    for ensemble, kind in ((exported, OnnxClassifier), (restored, KerasClassifier)):
        assert {type(member) for _, member in ensemble.members_} == {kind}
    pairs = zip(exported.members_, restored.members_, strict=True)
    for (_, graph), (_, network) in pairs:
        assert network.history_ == graph.history_ != {}
        assert network.class_counts_ == graph.class_counts_ != {}
    images = faces[0][:8]
    assert restored.predict_proba(images) == pytest.approx(exported.predict_proba(images), abs=1e-5)


def test_each_precision_is_compared_with_keras(packed, data, tmp_path, monkeypatch):
    # To learn the ranges of layers takes a second each time.
    ways = ("float32", "int8, ranges from training faces")
    monkeypatch.setattr(precisions, "WAYS", {way: precisions.WAYS[way] for way in ways})
    options = ["--model", packed / "model", "--timed-faces", 7, "--repetitions", 1]
    out = tmp_path / "precisions.json"
    outcome = invoke(precisions.main, "--data", data, *options, "--out", out)
    assert outcome.exit_code == 0, outcome.output
    record = json.loads(out.read_text())
    assert (record["n"], record["test"]) == (70, "split public_test")
    for name in ("ensemble", "fast"):
        before, single, whole = record[name].values()
        assert "change" not in before
        assert single["accuracy"] == before["accuracy"]
        assert single["change"]["largest"] < 1e-6
        assert single["n_bytes"] > 1.2 * whole["n_bytes"]
        assert f"{name}, {ways[1]}: {whole['n_bytes']:,} bytes" in outcome.output
    assert str(tmp_path) not in out.read_text()


def test_changes_are_those_from_the_first_side():
    class Answers:
        classes_ = np.arange(2)

        def __init__(self, *of_the_second):
            self.of_the_second = np.array(of_the_second)

        def predict_proba(self, images):
            return np.stack([1 - self.of_the_second, self.of_the_second], axis=1)

    labels, blank = np.array([0, 1, 1, 1]), np.zeros((4, 1, 1), np.uint8)
    faces = FaceDataset(blank, labels, np.full(4, "test"), np.full(4, "", object))
    before, after = Answers(0.2, 0.8, 0.6, 0.4), Answers(0.2, 0.8, 0.4, 0.3)
    sides = {"before": before, "after": after}
    found = precisions.compare_sides(sides, EvaluationPart(faces, None, "", ""))
    assert [found[side]["accuracy"] for side in sides] == [0.75, 0.5]
    change = found["after"]["change"]
    assert change["largest"] == pytest.approx(0.2)
    assert change["mean"] == pytest.approx(0.3 / 4)
    assert change["agreement"] == 0.75
    assert change["accuracy"]["difference"] == -0.25


def test_everything_that_is_timed_works(packed):
    sides, operations = _sides(packed / "model", 3, None, 1)
    assert 0 < operations["fast"] < operations["peer in TFLite"] < 20_000_000
    shapes = {side: np.shape(work()) for side, work in sides.items()}
    assert set(shapes.values()) == {(3, 7)}
    for name in ("ensemble", "fast"):
        assert {name, f"{name} in 8 bits", f"{name} in Keras"} <= shapes.keys()
    for runtime in ("Keras", "TFLite", "onnxruntime"):
        assert f"peer in {runtime}" in shapes


def test_the_quick_network_is_compared_with_the_quickest_peer_of_the_same_spell():
    # The machine is half as fast in the second repetition.
    seconds = {
        "peer in Keras": [2.0, 4.0, 2.0],
        "peer in TFLite": [1.0, 2.0, 1.0],
        "fast": [0.5, 1.0, 1.0],
        "fast_cnn": [9.0, 9.0, 9.0],
        "ensemble": [9.0, 9.0, 9.0],
    }
    assert compare_with_peer(seconds) == {
        "quickest_peer": "peer in TFLite",
        "fast_to_peer": {"fast": {"median": 2.0, "range": [1.0, 2.0]}},
    }


def test_more_cores_than_there_are_cannot_be_had():
    with pytest.raises(OSError, match="cores"):
        cap_cores(10_000)


N_FACES = 350


@pytest.fixture
def y():
    return np.random.default_rng(0).integers(0, 7, N_FACES)


def candidate(name, y, *, skill, cost=0, n_bytes=10, seed=None, mirrored=False):
    """A member that is right to a known degree, with errors of its own."""
    random = np.random.default_rng(len(name) if seed is None else seed)
    scores = random.normal(size=(len(y), 7)) + skill * np.eye(7)[y]
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return Candidate(name, probabilities[np.newaxis], n_bytes, mirrored, cost)


def best_names(candidates, y, max_bytes=99, max_cost=99, shifted_share=0.0):
    weights = weigh_views(y, len(candidates[0].probabilities), shifted_share, 0.0)
    [best, *_] = try_combinations(candidates, y, weights, max_bytes, max_cost)
    return {(one.name, one.mirrored) for one in best.candidates}


def test_a_member_that_adds_nothing_is_left_out(y):
    good, noise = candidate("good", y, skill=2, seed=3), candidate("noise", y, skill=0, seed=4)
    assert best_names([noise, good], y) == {("good", False)}
    other = candidate("other", y, skill=2, seed=4)
    assert best_names([other, good], y) == {("good", False), ("other", False)}


def test_mirror_images_are_taken_for_what_they_gain_and_not_beside_the_plain_view(y):
    plain = candidate("net", y, skill=2, seed=3, cost=1)
    alike = candidate("net", y, skill=2, seed=3, cost=2, mirrored=True)
    better = candidate("net", y, skill=3, seed=3, cost=2, mirrored=True)
    assert best_names([plain, alike], y) == {("net", False)}
    assert best_names([plain, better], y) == {("net", True)}
    assert best_names([plain, better], y, max_cost=1) == {("net", False)}


def test_what_is_too_large_or_too_slow_is_not_tried(y):
    first, second = (candidate(name, y, skill=2, seed=i, cost=5) for i, name in enumerate("ab"))
    for limits in ({"max_bytes": 10}, {"max_cost": 5}):
        assert len(best_names([first, second], y, **limits)) == 1
    assert len(best_names([first, second], y)) == 2
    with pytest.raises(ValueError, match="at most 9 bytes"):
        best_names([first], y, max_bytes=9)


def test_stacking_is_chosen_where_a_member_confuses_two_classes(y):
    # Of one that takes fear for surprise and the other way round, weights can make nothing.
    told = candidate("swapped", y, skill=4)
    swapped = Candidate("swapped", told.probabilities[..., [0, 1, 5, 3, 4, 2, 6]], 10)
    best, *rest = try_combinations([swapped], y, np.ones((1, N_FACES)), 99, 99)
    assert best.penalty is not None
    weighted = next(one for one in rest if one.penalty is None)
    assert weighted.loss - best.loss > 0.1
    assert best.probabilities.shape == (1, N_FACES, 7)


def test_who_holds_where_faces_are_changed_is_chosen_by_the_share_of_changed_faces(y):
    def seen_twice(name, clean, shifted):
        both = [candidate(name, y, skill=skill, seed=6).probabilities for skill in (clean, shifted)]
        return Candidate(name, np.concatenate(both), 10)

    # Limited to one of the two by their size.
    offered = [seen_twice("brittle", 3.0, 0.5), seen_twice("robust", 2.5, 2.0)]
    for share, expected in ((0.0, "brittle"), (0.5, "robust")):
        assert best_names(offered, y, max_bytes=10, shifted_share=share) == {(expected, False)}


def test_the_weights_of_views_share_the_loss_as_declared():
    labels = np.repeat([0, 1], [6, 2])
    weights = weigh_views(labels, 3, 0.5, 0.5)
    assert weights.sum() == pytest.approx(8)
    assert weights.sum(1) == pytest.approx([4, 2, 2])
    # By half a quarter of the faces, by half one of two classes.
    assert weights[:, labels == 1].sum() == pytest.approx(8 * (0.25 + 0.5) / 2)
    assert weigh_views(labels, 1, 0.0, 0.0).tolist() == [[1.0] * 8]


def test_trees_and_features_are_never_the_cheapest(y):
    trees = candidate("trees", y, skill=2)
    networks = [candidate("large", y, skill=2, cost=9), candidate("small", y, skill=1, cost=1)]
    assert cheapest([trees, *networks]).name == "small"
    with pytest.raises(ValueError, match="network on faces"):
        cheapest([trees])
