"""The shipped ensemble: its candidates, packed and measured."""

import json

import numpy as np
import pytest
import typer

from experiments import run
from experiments.pretrained import measure, pack, train
from experiments.pretrained.candidates import (
    Candidate,
    cheapest,
    choose_members,
    mirrored_members,
    read_declaration,
    read_held_out,
)
from experiments.pretrained.speed import cap_cores
from fer_ensemble import load_pretrained
from fer_ensemble.artifact.states import dump_member, load_member
from fer_ensemble.datasets import load_faces
from fer_ensemble.models import create_member, list_members
from fer_ensemble.splitting import row_digests
from tests.experiments.stand_ins import invoke, write_faces

# Two kinds of networks, as small as they go; the second is the cheaper one by its registered cost.
CANDIDATES = {
    "cnn_2": {"filters": [4, 4], "convolutions": [1, 1], "units": 8},
    "cnn_1": {"filters": [4], "units": 8},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("data"), 210, 70)


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """What 'experiments.run' leaves of two members, and a file that declares them."""
    folder = tmp_path_factory.mktemp("runs")
    faces = load_faces(data).select("train")
    held = np.arange(0, 210, 3)
    fitted = np.setdiff1d(np.arange(210), held)
    for name, params in CANDIDATES.items():
        member = create_member(
            name,
            random_state=0,
            network_params=params,
            augmentation=None,
            epochs=1,
            batch_size=64,
        )
        member.fit(faces.images[fitted], faces.labels[fitted])
        (folder / f"{name}.official.skops").write_bytes(dump_member(name, member))
        np.savez(
            folder / f"{name}.official.npz",
            held_out=member.predict_proba(faces.images[held]).astype(np.float32),
            y_held_out=faces.labels[held],
            held_out_rows=held,
        )
    (folder / "two.toml").write_text(
        f"candidates = {list(CANDIDATES)}\nwithout_flip = []\nmax_bytes = 500_000\n"
    )
    return folder


@pytest.fixture(scope="module")
def packed(data, runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    pack.main(data, runs, runs, folder / "model", folder, runs / "two.toml")
    return folder


def test_what_is_declared_is_registered():
    declared = read_declaration()
    assert set(declared.candidates) <= {info.name for info in list_members()}
    assert declared.max_bytes <= 16_000_000


def test_only_what_is_not_trained_yet_is_trained(runs, tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(run, "main", lambda name, data, **_: trained.append((name, str(data))))
    (tmp_path / "cnn_2.official.skops").touch()
    options = ["--declaration", runs / "two.toml", "--fitted", tmp_path]
    outcome = invoke(train.main, "--data", "faces.zip", *options)
    assert outcome.exit_code == 0, outcome.output
    assert trained == [("cnn_1", "faces.zip")]


def test_teachers_are_trained_before_their_pupils(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(run, "main", lambda name, data, **_: trained.append(name))
    (tmp_path / "two.toml").write_text(
        'candidates = ["se_resnet", "fast_cnn"]\nwithout_flip = []\nmax_bytes = 1\n'
    )
    options = ["--declaration", tmp_path / "two.toml", "--fitted", tmp_path]
    invoke(train.main, "--data", "faces.zip", *options)
    assert trained == ["se_resnet", "cnn_2", "fast_cnn"]


def test_a_packed_ensemble_is_calibrated_and_small(packed, data):
    ensemble = load_pretrained(folder=packed / "model")
    assert [name for name, _ in ensemble.members_] == ["cnn_2", "cnn_1"]
    assert ensemble.calibration_ is not None
    assert ensemble.validation_probabilities_ is None
    fast = load_pretrained("fast", folder=packed / "model")
    assert [name for name, _ in fast.members_] == ["cnn_1"]
    seen = np.isin(row_digests(load_faces(data).images), ensemble.training_digests_)
    assert seen.sum() == 140
    record = json.loads((packed / "pretrained_choice.json").read_text())
    assert record["n_bytes"] == sum(f.stat().st_size for f in (packed / "model").iterdir())
    assert record["steps"][-1]["left_out"] is None
    assert sum(record["weights"].values()) == pytest.approx(1)
    manifest = json.loads((packed / "model" / "manifest.json").read_text())
    assert manifest["data"]["protocol"] == "official"
    assert manifest["data"]["n_held_out"] == 70


def test_members_that_have_seen_the_held_out_faces_are_refused(data, runs, tmp_path):
    for file in runs.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    file = tmp_path / "cnn_1.official.skops"
    member = load_member("cnn_1", file.read_bytes())
    member.training_digests_ = np.unique(row_digests(load_faces(data).select("train").images))
    file.write_bytes(dump_member("cnn_1", member))
    with pytest.raises(ValueError, match="'cnn_1' was fitted on 70 of the 70 held-out"):
        pack.main(data, tmp_path, tmp_path, tmp_path / "model", tmp_path, runs / "two.toml")


def test_runs_on_other_faces_are_refused(runs, tmp_path):
    for name in CANDIDATES:
        arrays = dict(np.load(runs / f"{name}.official.npz"))
        arrays["held_out_rows"] = arrays["held_out_rows"] + (name == "cnn_1")
        np.savez(tmp_path / f"{name}.official.npz", **arrays)
    with pytest.raises(typer.BadParameter, match="did not predict the same faces"):
        read_held_out(tmp_path, tuple(CANDIDATES))
    with pytest.raises(typer.BadParameter, match=r"resnet.*is missing.*experiments\.run resnet"):
        read_held_out(tmp_path, ("resnet",))


def test_a_setting_of_no_candidate_is_refused(tmp_path):
    (tmp_path / "x.toml").write_text('candidates = ["a"]\nwithout_flip = ["b"]\nmax_bytes = 1\n')
    with pytest.raises(ValueError, match="'b'"):
        read_declaration(tmp_path / "x.toml")


def test_measuring_writes_its_figures(packed, data, tmp_path):
    model = packed / "model"
    outcome = invoke(
        measure.main, "--data", data, "--model", model, "--no-speed", "--results", tmp_path
    )
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((tmp_path / "pretrained.json").read_text())
    assert record["n"] == record["ensemble"]["all"]["n"] == 70
    assert record["fast"]["member"] == "cnn_1"
    assert record["faces_once"].keys() == {"cnn_2"}
    assert record["ensemble"]["contributions"].keys() == {"cnn_2", "cnn_1"}
    assert "calibration error" in outcome.output
    assert str(tmp_path) not in json.dumps(record)
    card = (model / "MODEL_CARD.md").read_text()
    assert f"| all | 70 | {record['ensemble']['all']['accuracy']:.3f} |" in card
    assert "| PrivateTest † | | |" in card
    load_pretrained(folder=model)


def test_the_card_says_what_the_ensemble_costs():
    sides = {"ensemble": 200.4, "fast": 1234.5, "peer": 1000.0}
    speed = [{"cores": cores, "faces_per_second": sides} for cores in (1, 2)]
    cost = measure._cost({"n_bytes": 9, "speed": speed})
    assert cost == {
        "n_bytes": 9,
        "faces_per_second": {"1": 200, "2": 200},
        "fast": {"1": 1234, "2": 1234},
    }


def test_the_gain_is_over_the_best_member_on_the_same_faces(packed, data):
    ensemble = load_pretrained(folder=packed / "model")
    y = np.arange(70) % 7
    right, wrong = np.eye(7)[y], np.eye(7)[(y + 1) % 7]
    probabilities = (
        0.5 * np.stack([right, np.where(y[:, None] < 3, right, wrong)], axis=1) + 0.5 / 7
    )
    found = measure.ensemble_figures(ensemble, probabilities, y, np.arange(70) < 10)
    assert found["best_member"] == "cnn_2"
    assert found["members"]["cnn_1"]["all"]["accuracy"] == pytest.approx(30 / 70)
    combined = ensemble.combine(probabilities).argmax(1)
    assert found["gain"]["difference"] == pytest.approx((combined == y).mean() - 1)
    assert found["without_copies"]["n"] == 60


def test_mirrors_are_taken_from_copies(packed, faces):
    ensemble = load_pretrained(folder=packed / "model")
    [(name, once)] = mirrored_members(ensemble)
    assert name == "cnn_2"
    assert dict(ensemble.members_)["cnn_2"].flip_average
    images = faces[0][:4]
    both = (once.predict_proba(images) + once.predict_proba(images[:, :, ::-1])) / 2
    assert dict(ensemble.members_)["cnn_2"].predict_proba(images) == pytest.approx(both, abs=1e-5)


def test_more_cores_than_there_are_cannot_be_had():
    with pytest.raises(OSError, match="cores"):
        cap_cores(10_000)


N_FACES = 700


@pytest.fixture
def y():
    return np.random.default_rng(0).integers(0, 7, N_FACES)


def candidate(name, y, *, skill, network=None, cost=None, n_bytes=10, seed=None):
    """A member that is right to a known degree, with errors of its own."""
    random = np.random.default_rng(len(name) if seed is None else seed)
    scores = random.normal(size=(len(y), 7)) + skill * np.eye(7)[y]
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return Candidate(name, probabilities, n_bytes, network, cost)


def networks(y):
    return [
        candidate("large", y, skill=2.5, network="a", cost=100, seed=1),
        candidate("small", y, skill=1.5, network="b", cost=1, seed=2),
    ]


def test_a_member_that_adds_nothing_is_left_out(y):
    good, copy = (candidate(name, y, skill=2, seed=3) for name in ("good", "copy"))
    kept, steps = choose_members([*networks(y), copy, good], y, 99)
    assert kept == ["large", "small", "good"]
    assert [step.left_out for step in steps] == ["copy", None]
    assert steps[0].contributions["copy"] == pytest.approx(0, abs=1e-5)
    assert steps[1].contributions["good"] > 0.01
    assert steps[0].n_bytes == 40
    assert steps[1].log_loss == pytest.approx(steps[0].log_loss, abs=1e-5)


def test_the_least_useful_goes_while_they_are_too_large(y):
    good = [candidate(name, y, skill=skill, seed=3 + skill) for name, skill in (("x", 1), ("z", 3))]
    kept, steps = choose_members([*networks(y), *good], y, 30)
    assert kept == ["large", "small", "z"]
    assert steps[0].left_out == "x"
    assert steps[0].contributions["x"] > 0


def test_two_kinds_of_networks_and_the_cheapest_stay(y):
    useless = [
        candidate("one", y, skill=0, network="a", cost=5, seed=8),
        candidate("two", y, skill=0, network="b", cost=3, seed=9),
        candidate("strong", y, skill=3),
    ]
    kept, steps = choose_members(useless, y, 99)
    assert kept == ["one", "two", "strong"]
    assert steps[0].contributions.keys() == {"strong"}
    with pytest.raises(ValueError, match="20 bytes, of at most 15"):
        choose_members([*networks(y), candidate("huge", y, skill=9, network="c", cost=0)], y, 15)


def test_networks_of_one_kind_are_refused(y):
    with pytest.raises(ValueError, match="two kinds"):
        choose_members([networks(y)[0], candidate("trees", y, skill=2)], y, 99)


def test_trees_and_features_are_never_the_cheapest(y):
    assert cheapest([candidate("trees", y, skill=2), *networks(y)]).name == "small"
    with pytest.raises(ValueError, match="network on faces"):
        cheapest([candidate("trees", y, skill=2)])
