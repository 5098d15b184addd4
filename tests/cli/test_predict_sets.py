"""``predict --coverage``: sets of labels in every form, in parts, resumed, and refused."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pyarrow.parquet as pq
import pytest

from fer_ensemble import predict_faces, save_ensemble
from fer_ensemble.artifact import ExportedEnsemble, load_set_rule, resolve_model
from fer_ensemble.datasets import EMOTIONS, make_faces
from tests.artifact.stand_ins import small_voting, table

FACES = make_faces(6, random_state=1).images


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    for number, face in enumerate(FACES):
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), face)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def predict(run: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str, str]]:
    def predict_photos(*words: object) -> tuple[int, str, str]:
        return run("predict", "photos", "--model", "fast", "--batch-size", "2", *words)

    return predict_photos


def _expected(coverage: float = 0.9, **options: object) -> list[str]:
    """What the numbers of the shipped model come to, most probable first."""
    rows = ExportedEnsemble(resolve_model("fast")).predict_proba(FACES)
    sets = load_set_rule("fast", coverage, **options)(rows)
    return [
        "|".join(
            EMOTIONS[place] for place in sorted(range(7), key=lambda i: -row[i]) if held[place]
        )
        for row, held in zip(rows, sets, strict=True)
    ]


def test_the_column_labels_holds_the_sets_in_every_form(predict: Callable) -> None:
    expected = _expected(0.95)
    assert any("|" in labels for labels in expected)
    for name in ("rows.csv", "rows.jsonl", "rows.parquet"):
        code, _, said = predict("--coverage", "0.95", "--min-confidence", "0.99", "--out", name)
        assert code == 0, said
    with open("rows.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["labels"] for row in rows] == expected
    # A face that is too unsure for a label has a set all the same.
    assert {row["label"] for row in rows} == {""}
    lines = Path("rows.jsonl").read_text().splitlines()
    assert [json.loads(line)["labels"] for line in lines] == expected
    assert pq.read_table("rows.parquet")["labels"].to_pylist() == expected


def test_how_sets_are_made_can_be_chosen(predict: Callable) -> None:
    words = ("--coverage", "0.9", "--set-method", "aps", "--class-conditional")
    _, out, _ = predict(*words)
    found = [row["labels"] for row in csv.DictReader(out.splitlines())]
    assert found == _expected(method="aps", class_conditional=True)
    assert found != _expected()


def test_shards_and_a_resumed_run_write_what_a_whole_run_writes(
    predict: Callable, run: Callable
) -> None:
    words = ("--coverage", "0.9")
    predict(*words, "--out", "whole.csv")
    for number in (1, 2):
        predict(*words, "--out", f"parts/{number}.csv", "--shard", f"{number}/2")
    run("merge", "parts", "--out", "joined.csv")
    whole = Path("whole.csv").read_bytes()
    assert Path("joined.csv").read_bytes() == whole
    Path("whole.csv").write_bytes(b"".join(whole.splitlines(True)[:5]))
    assert predict(*words, "--out", "whole.csv", "--resume")[0] == 0
    assert Path("whole.csv").read_bytes() == whole
    code, _, said = predict("--coverage", "0.8", "--out", "whole.csv", "--resume")
    assert code == 1
    assert "'coverage': 0.9" in said


def test_a_prediction_has_its_labels_in_python() -> None:
    rows = predict_faces(list(FACES), "fast", coverage=0.9)
    assert ["|".join(row.labels) for row in rows] == _expected()
    assert rows.to_frame()["labels"].tolist() == _expected()
    assert "labels" in rows.columns
    assert "labels" in repr(rows)
    assert predict_faces(list(FACES), "fast")[0].labels is None


def test_a_model_without_held_out_faces_is_refused_with_the_remedy(
    run: Callable, tmp_path: Path
) -> None:
    bare = small_voting(rule="average").set_params(validation_fraction=None)
    save_ensemble(bare.fit(*table()), tmp_path / "bare")
    code, _, said = run("predict", "photos", "--model", tmp_path / "bare", "--coverage", "0.9")
    assert code == 1
    assert "nothing was held out" in said
    assert "ConformalClassifier" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [(["0.9", "--set-method", "best"], "lac, aps, raps"), (["1"], "a share between 0 and 1")],
)
def test_an_unusable_option_ends_in_one_line(
    predict: Callable, words: list[str], message: str
) -> None:
    code, _, said = predict("--coverage", *words)
    assert (code, message in said) == (1, True)
