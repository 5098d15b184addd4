"""``fer-ensemble predict`` with the weights that come with the package."""

import csv
import io
import sys
from pathlib import Path

import cv2
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from fer_ensemble import load_pretrained, predict_faces, save_ensemble
from fer_ensemble.artifact import pretrained
from fer_ensemble.cli import main
from fer_ensemble.datasets import EMOTIONS, make_faces
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    faces = make_faces(140, random_state=0)
    members = [
        ("bayes", make_pipeline(HOG(), GaussianNB())),
        ("linear", make_pipeline(HOG(), LogisticRegression(C=0.01))),
    ]
    ensemble = VotingEnsemble(members, calibrate=True, random_state=0)
    ensemble.fit(faces.images, faces.labels)
    alone = VotingEnsemble(members[1:], rule="average", calibrate=True, random_state=0)
    alone.fit(faces.images, faces.labels)
    folder = save_ensemble(ensemble, tmp_path_factory.mktemp("packed") / "pretrained")
    save_ensemble(alone, folder / "fast")
    return folder


@pytest.fixture(autouse=True)
def folder(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a face in it."""
    monkeypatch.setattr(pretrained, "SHIPPED", packed)
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("face.png", make_faces(1, random_state=1).images[0])
    return tmp_path


def _predict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["fer-ensemble", "predict", "face.png", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "name"), [((), "ensemble"), (("--model", "fast"), "fast")], ids=["", "fast"]
)
def test_a_name_is_all_it_takes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    name: str,
) -> None:
    code, out, _ = _predict(monkeypatch, capsys, *arguments)
    assert code == 0
    [row] = csv.DictReader(io.StringIO(out))
    face = cv2.imread("face.png", cv2.IMREAD_GRAYSCALE)[None]
    expected = load_pretrained(name).predict_proba(face)[0]
    assert [float(row[f"p_{emotion}"]) for emotion in EMOTIONS] == expected.tolist()


def test_a_folder_of_that_name_is_named_by_its_path(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], packed: Path
) -> None:
    code, _, error = _predict(monkeypatch, capsys, "--model", "./fast")
    assert code == 1
    assert error.startswith("Error: fast does not exist")
    Path("fast").symlink_to(packed)
    assert _predict(monkeypatch, capsys, "--model", "./fast")[0] == 0


def test_a_copy_without_weights_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    monkeypatch.setattr(pretrained, "SHIPPED", folder)
    code, _, error = _predict(monkeypatch, capsys)
    assert code == 1
    assert error.startswith("Error: This copy of fer-ensemble has no pretrained weights")
    assert error.count("\n") == 1


def test_predict_faces_takes_the_same_names() -> None:
    [whole], [fast] = predict_faces("face.png"), predict_faces("face.png", "fast")
    assert whole.status == fast.status == "ok"
    assert whole.probabilities != fast.probabilities
