import hashlib
import json

import pytest

from fer_ensemble import load_ensemble
from fer_ensemble.artifact import ArtifactError, Measurement, read_manifest, record_measurement
from fer_ensemble.datasets import EMOTIONS
from fer_ensemble.ensemble import score_ensemble


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


def test_warnings_and_synthetic_faces_are_told(ensemble, measurement, copy):
    record_measurement(copy, ensemble, measurement(warning="It leaks.", synthetic=True))
    card = (copy / "MODEL_CARD.md").read_text()
    assert "> **It leaks.**" in card
    assert "> **Synthetic faces**" in card


def test_without_an_ensemble_there_is_nothing_to_write_into(ensemble, measurement, tmp_path):
    with pytest.raises(ArtifactError, match="holds no saved ensemble"):
        record_measurement(tmp_path, ensemble, measurement())
    assert not list(tmp_path.iterdir())
