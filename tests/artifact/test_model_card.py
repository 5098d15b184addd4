import hashlib
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import (
    ArtifactError,
    Measurement,
    read_manifest,
    record_measurement,
    resolve_model,
)
from fer_ensemble.artifact.model_card import MemberSummary, make_model_card, render_model_card
from fer_ensemble.datasets import EMOTIONS, PROTOCOLS
from fer_ensemble.ensemble import VotingEnsemble, score_ensemble
from fer_ensemble.subgrouping import measure_subgroups
from tests.artifact.stand_ins import small_voting, table

SETS = Path(__file__).parents[2] / "experiments" / "results" / "prediction_sets.json"
TRAINING = {
    "angry": 3995, "disgust": 436, "fear": 4097, "happy": 7215, "sad": 4830, "surprise": 3171,
    "neutral": 4965,
}  # fmt: skip


def card_of(directory):
    return " ".join((directory / "MODEL_CARD.md").read_text().split())


@pytest.fixture
def card(tmp_path):
    """Save a small ensemble with a record of its data, and return its card."""

    def save(data, ensemble=None):
        fitted = ensemble or small_voting().fit(*table())
        return card_of(save_ensemble(fitted, tmp_path / "model", data=data, overwrite=True))

    return save


def test_it_tells_members_rule_and_weights(ensemble, saved):
    card = card_of(saved)
    network = dict(ensemble.members_)["cnn_2"]
    n_parameters = network._build().count_params()
    shown = dict(zip([name for name, _ in ensemble.members_], ensemble.weights_, strict=True))
    assert (
        f"| `cnn_2` | KerasClassifier (`cnn_2`) | {n_parameters:,} | {shown['cnn_2']:.3f} |" in card
    )
    assert f"| `bayes` | HOG → GaussianNB | | {shown['bayes']:.3f} |" in card
    assert "HOG → StandardScaler → KerasClassifier (`dense`)" in card
    assert "the rule `weighted`; the weights were learned on held-out faces by log loss." in card
    assert "angry, disgust, fear, happy, sad, surprise, neutral" in card


def test_held_out_figures_are_told_and_called_optimistic(ensemble, saved):
    scores = score_ensemble(
        ensemble, ensemble.validation_probabilities_, ensemble.validation_labels_
    )
    card = card_of(saved)
    assert f"Held out of the fit, n = {scores.n}: optimistic" in card
    figures = scores.rules["weighted"]
    low, high = figures.accuracy_interval
    line = f"{figures.accuracy:.3f} | {low:.3f}–{high:.3f} | {figures.macro_f1:.3f} |"
    assert f"| **rule `weighted`** | {line}" in card
    assert f"| `cnn_2` | {scores.members['cnn_2'].accuracy:.3f} |" in card
    assert "No test faces have been measured" in card


def test_stacking_is_measured_out_of_fold(saved_stacking):
    card = card_of(saved_stacking)
    assert "A further classifier, trained on what the members predict" in card
    assert "| **rule `stacking`** |" in card
    assert "n = 60: optimistic" in card


def test_without_held_out_faces_it_says_so(card):
    members = [("lr", LogisticRegression())]
    fitted = VotingEnsemble(members, rule="max", validation_fraction=None).fit(*table())
    told = card({}, fitted)
    assert "There are no figures on faces held out of the fit." in told
    assert "An ensemble of 1 member." in told
    assert "weight" not in told
    assert "What it was fitted on is not recorded." in told


def test_given_weights_and_temperatures_are_told(card):
    assert "with weights that were given." in card({}, small_voting(weights=[1, 3]).fit(*table()))
    told = card({}, small_voting(calibrate=True).fit(*table()))
    assert "by log loss; temperatures were learned on held-out faces." in told


def test_the_leaking_protocol_warns_at_the_top(card):
    assert card({"protocol": "balanced"}).startswith(
        f"# Model card > **{PROTOCOLS['balanced'].warning}**"
    )
    assert "leaks" not in card({"protocol": "official"})


def test_synthetic_faces_are_told_loudly(card):
    told = card({"source": "1,500 synthetic faces (seed 0)", "synthetic": True})
    assert told.startswith("# Model card > **Fitted on synthetic faces.**")
    assert "must not be used on them" in told
    assert "Trying the package out." in told
    assert "for research" not in told


@pytest.mark.parametrize(
    "data", [{"source": "fer2013.csv.gz"}, {"source": "archive.zip", "class_counts": TRAINING}]
)
def test_what_is_known_of_fer2013_is_told(card, data):
    told = card(data)
    assert "Known biases of FER2013" in told
    assert "65 ± 5 %" in told
    assert "280 of the 3,589 PublicTest faces" in told


def test_of_other_data_only_what_is_known_is_told(card):
    counts = {"up": 30, "down": 10}
    record = {"source": "mine.zip", "split": "train", "n_samples": 40, "class_counts": counts}
    told = card(record)
    assert "mine.zip: 40 faces of its part train." in told
    assert "| faces | 30 | 10 | | share in % | 75.0 | 25.0 |" in told
    assert "25.0 % are down and 75.0 % up" in told
    assert "FER2013" not in told
    assert "PublicTest" not in told


def test_votes_are_told(card):
    told = card({"source": "fer2013.csv", "ferplus": {"source": "fer2013new.csv"}})
    assert "The labels are the votes in fer2013new.csv (FER+)" in told


def test_names_cannot_be_markup(card):
    told = card({"source": "a|b*c*<script>`"})
    assert r"a\|b\*c\*\<script\>\`" in told


@pytest.mark.parametrize(
    "data", [{"protocol": 7, "class_counts": [1, 2]}, {"class_counts": {}, "figures": None}]
)
def test_records_of_another_form_stop_no_save(card, data):
    assert "# Model card" in card(data)


def test_rows_of_tables_are_not_torn(saved):
    """A blank line or a lacking bar inside a table would end it."""
    lines = (saved / "MODEL_CARD.md").read_text().splitlines()
    rows = [line for line in lines if "|" in line]
    assert all(line.startswith("|") and line.endswith("|") for line in rows)
    for before, line in pairwise(lines):
        if line.startswith("|---"):
            assert before.count("|") == line.count("|")
    assert not any(a == b == "" for a, b in pairwise(lines))


@pytest.mark.parametrize("name", ["ensemble", "fast"])
def test_cards_of_the_package_are_what_their_manifests_say(name):
    folder = resolve_model(name)
    made = make_model_card(load_ensemble(folder), read_manifest(folder))
    assert (folder / "MODEL_CARD.md").read_text() == made
    recorded = json.loads(SETS.read_text())["models"][name]["methods"]
    rows = [row for row in recorded if row["method"] == "lac" and not row["class_conditional"]]
    assert len(rows) == 3
    for row in rows:
        low, high = row["interval"]
        assert f"\n| {row['nominal']} | {row['coverage']:.3f} | {low:.3f}–{high:.3f} |" in made


def test_loading_needs_no_card(saved, copy, faces):
    (copy / "MODEL_CARD.md").unlink()
    images, _ = faces
    expected = load_ensemble(saved).predict_proba(images[:5])
    np.testing.assert_array_equal(load_ensemble(copy).predict_proba(images[:5]), expected)


def test_rendering_needs_no_ensemble(saved):
    members = [MemberSummary("sole", "Oracle", None, 90.0)]
    told = render_model_card(read_manifest(saved), members)
    assert "| `sole` | Oracle |" in told
    assert "minutes of fit" in told
    assert "| 1.5 |" in told
    untimed = render_model_card(read_manifest(saved), [MemberSummary("sole", "Oracle")])
    assert "minutes of fit" not in untimed


def test_each_members_training_is_told_where_it_is_known(card):
    told = card({"source": "a.zip", "trainings": {"lr": "2 epochs; on a GPU.", "nb": "None."}})
    assert "- `lr`: 2 epochs; on a GPU. - `nb`: None." in told


def test_cost_is_told_where_it_was_measured(card):
    cost = {"n_bytes": 12_345_678, "faces_per_second": {"1": 100, "2": 190}}
    told = card({"cost": cost})
    assert "12,345,678 bytes" in told
    assert "| | 1 core | 2 cores | |---|---:|---:| | faces a second | 100 | 190 |" in told
    assert "Cost" not in card({})


@pytest.fixture
def measurement(ensemble, faces):
    """Figures on test faces, of which the first 40 count as copies."""
    images, labels = faces
    probabilities = ensemble.predict_member_proba(images)

    def measure(**told):
        known = {"data": "fer2013.zip", "test": "split public_test", "protocol": "official"}
        return Measurement(
            **(known | told),
            rule="weighted",
            scores=score_ensemble(ensemble, probabilities, labels, class_names=EMOTIONS),
            without_copies=score_ensemble(
                ensemble, probabilities[40:], labels[40:], class_names=EMOTIONS
            ),
            n_copies=40,
        )

    return measure


def hashes(directory):
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in directory.iterdir()
        if file.suffix in (".skops", ".npz")
    }


def test_figures_stand_in_the_manifest_and_the_card(ensemble, measurement, copy):
    before, record = hashes(copy), read_manifest(copy).data
    measured = measurement()
    record_measurement(copy, ensemble, measured)
    data = read_manifest(copy).data
    assert data == record | {"figures": [json.loads(json.dumps(measured.to_dict()))]}
    assert hashes(copy) == before
    load_ensemble(copy)
    figures = measured.scores.rules["weighted"]
    low, high = figures.accuracy_interval
    card = (copy / "MODEL_CARD.md").read_text()
    assert "### fer2013.zip, split public_test, n = 140" in card
    assert f"| all | 140 | {figures.accuracy:.3f} | {low:.3f}–{high:.3f} |" in card
    assert "| without copies | 100 |" in card
    assert "40 of these faces have an exact copy in the training data." in card
    happy = figures.per_class[3]
    assert f"| happy | {happy.precision:.3f} | {happy.recall:.3f} |" in card
    assert f" {figures.calibration_error:.3f} |" in card
    assert "No test faces have been measured" not in card


def test_the_same_faces_are_measured_anew_and_others_added(ensemble, measurement, copy):
    for told in ({}, {}, {"test": "split test", "protocol": "kaggle"}):
        record_measurement(copy, ensemble, measurement(**told))
    figures = read_manifest(copy).data["figures"]
    assert [entry["protocol"] for entry in figures] == ["official", "kaggle"]
    assert (copy / "MODEL_CARD.md").read_text().count("### fer2013.zip, split") == 2


def test_groups_are_told_and_stay_when_only_the_rest_is_measured_anew(ensemble, measurement, copy):
    grays = np.repeat([60, 110, 200], [20, 60, 60])
    images = np.random.default_rng(0).normal(grays[:, None, None], 20, (140, 48, 48))
    found = measure_subgroups(
        lambda faces: np.tile(np.eye(7)[3], (len(faces), 1)),
        images.clip(0, 255).astype(np.uint8),
        np.arange(140) % 7,
        classes=range(7),
        class_names=EMOTIONS,
        alterations=["mask"],
    )
    record_measurement(copy, ensemble, measurement(subgroups=found))
    card = (copy / "MODEL_CARD.md").read_text()
    dark, _, bright = found.conditions["brightness"].groups
    shown = f"{bright.scores.accuracy:.3f}"
    assert f"\n| brightness | dark, below 100\\* | 20 | {dark.scores.accuracy:.3f} |" in card
    assert f"\n| | bright, from 170 | 60 | {shown} |" in card
    assert "So few that little can be said of them" in card
    gap = found.conditions["brightness"].gap
    assert f"\n| brightness | {gap.best}; {gap.worst} | {gap.difference:.3f} |" in card
    assert "\n| mask | 0.143 |" in card
    record_measurement(copy, ensemble, measurement())
    assert (copy / "MODEL_CARD.md").read_text() == card
    assert read_manifest(copy).data["figures"][0]["subgroups"] == found.to_summary()


def test_sets_of_labels_are_told_where_they_were_measured(ensemble, measurement, copy):
    record_measurement(copy, ensemble, measurement())
    assert "Sets of labels" not in (copy / "MODEL_CARD.md").read_text()
    every = {"n": 140, "n_learned_from": 1069, "interval": [0.841, 0.933], "one_label": 0.5}
    names = {"per_class": {"angry": 0.8, "disgust": None, "fear": 0.75, "happy": 1.0}}
    found = {"nominal": 0.9, "coverage": 0.895, "without_copies": 0.889, "mean_size": 1.776}
    told = every | names | found
    record_measurement(copy, ensemble, measurement(sets=[told, told | {"nominal": 0.95}]))
    card = (copy / "MODEL_CARD.md").read_text()
    assert "from 1,069 faces held out of the fit." in card
    row = "0.895 | 0.841–0.933 | 0.889 | 1.78 | 0.500 | fear 0.750 |"
    assert f"\n| 0.9 | {row}\n| 0.95 | {row}\n\n" in card
    assert "`predict --coverage` gives all that a\nface may well have." in card
    assert read_manifest(copy).data["figures"][0]["sets"][0] == told


def test_warnings_and_synthetic_faces_are_told(ensemble, measurement, copy):
    record_measurement(copy, ensemble, measurement(warning="It leaks.", synthetic=True))
    card = (copy / "MODEL_CARD.md").read_text()
    assert "> **It leaks.**" in card
    assert "> **Synthetic faces**" in card


def test_without_an_ensemble_there_is_nothing_to_write_into(ensemble, measurement, tmp_path):
    with pytest.raises(ArtifactError, match="holds no saved ensemble"):
        record_measurement(tmp_path, ensemble, measurement())
    assert not list(tmp_path.iterdir())
