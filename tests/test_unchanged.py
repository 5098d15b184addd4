"""What earlier code computed and saved stays: recorded before modules were moved."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_ensemble import export_ensemble, load_ensemble
from fer_ensemble.artifact import ExportedEnsemble, read_manifest
from fer_ensemble.datasets import make_faces
from fer_ensemble.models import BoostedTreesClassifier, KerasClassifier, MemberPipeline
from tests.record_answers import ANSWERS, RECORDED, ROWS, answer, predict_files

SAVED = RECORDED / "saved_by_2e706e3"
# The same ensembles, exported.
EXPORTED = RECORDED / "exported_by_2af0a99"

# Processors add up single precision in different orders; on one machine the answers are equal.
ROUNDING = 2e-5


@pytest.mark.parametrize("name", ["ensemble", "fast"])
def test_the_pretrained_ensembles_answer_as_recorded(name: str) -> None:
    with np.load(ANSWERS) as recorded:
        for key, found in answer(name).items():
            np.testing.assert_allclose(found, recorded[key], atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("name", ["ensemble", "fast"])
def test_files_are_predicted_as_recorded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = predict_files(name)
    expected = list(csv.DictReader(ROWS[name].open(newline="")))
    assert [row.path for row in rows] == [row["path"] for row in expected]
    assert [row.label for row in rows] == [row["label"] for row in expected]
    assert {row.status for row in rows} == {"ok"}
    found = [list(row.probabilities.values()) for row in rows]
    wanted = [[float(row[name]) for name in row if name.startswith("p_")] for row in expected]
    np.testing.assert_allclose(found, wanted, atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("kind", ["voting", "stacking"])
def test_an_ensemble_of_an_earlier_release_is_loaded_and_answers_the_same(kind: str) -> None:
    ensemble = load_ensemble(SAVED / kind)
    faces = make_faces(20, random_state=5).images
    with np.load(SAVED / "predicted.npz") as recorded:
        np.testing.assert_allclose(
            ensemble.predict_proba(faces), recorded[kind], atol=ROUNDING, rtol=0
        )
        np.testing.assert_allclose(
            ensemble.predict_member_proba(faces), recorded["members"], atol=ROUNDING, rtol=0
        )
    members = dict(ensemble.members_)
    assert isinstance(members["network"], KerasClassifier)
    assert isinstance(members["trees"], MemberPipeline)
    assert isinstance(members["trees"].steps[-1][1], BoostedTreesClassifier)
    assert read_manifest(SAVED / kind).ensemble["kind"] == kind


@pytest.fixture(scope="module", params=["voting", "stacking"])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, tuple[Path, Path]]:
    """An ensemble's kind, exported by an earlier release and anew: once for all that loads it."""
    anew = tmp_path_factory.mktemp("exported") / "anew"
    export_ensemble(SAVED / request.param, anew)
    return request.param, (EXPORTED / request.param, anew)


@pytest.mark.parametrize("load", [load_ensemble, ExportedEnsemble])
def test_an_ensemble_that_an_earlier_release_exported_answers_the_same(
    exported: tuple[str, tuple[Path, Path]], load: Any
) -> None:
    kind, folders = exported
    faces = make_faces(20, random_state=5).images
    for folder in folders:
        ensemble = load(folder)
        with np.load(SAVED / "predicted.npz") as recorded:
            np.testing.assert_allclose(
                ensemble.predict_proba(faces), recorded[kind], atol=ROUNDING, rtol=0
            )
            np.testing.assert_allclose(
                ensemble.predict_member_proba(faces), recorded["members"], atol=ROUNDING, rtol=0
            )


def test_the_recorded_answers_can_be_missed() -> None:
    faces = make_faces(20, random_state=6).images
    with np.load(SAVED / "predicted.npz") as recorded:
        answers = load_ensemble(SAVED / "voting").predict_proba(faces)
        assert np.abs(answers - recorded["voting"]).max() > 100 * ROUNDING
