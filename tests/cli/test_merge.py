"""``predict --shard`` and ``merge`` on the command line."""

from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from fer_ensemble.cli.app import app
from fer_ensemble.datasets import make_faces


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of ten faces in the working folder."""
    (tmp_path / "photos").mkdir()
    for number, face in enumerate(make_faces(10, random_state=1).images):
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), face)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


@pytest.fixture
def predict(model: Path, run: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple]:
    def predict_photos(*words: object) -> tuple[int, str, str]:
        return run("predict", "photos", "--model", model, "--batch-size", "2", *words)

    return predict_photos


def test_shards_are_predicted_and_joined(photos: Path, predict: Callable, run: Callable) -> None:
    assert predict("--out", "whole.csv")[0] == 0
    for number in range(1, 6):  # three groups: two of the shards are empty
        code, _, said = predict(
            "--out", f"parts/{number}.csv", "--shard", f"{number}/5", "--resume"
        )
        assert code == 0, said
        assert ("No input falls to this shard" in said) == (number > 3)
    assert Path("parts/4.csv").read_bytes() == Path("whole.csv").read_bytes().splitlines(True)[0]
    code, _, said = run("merge", "parts", "--out", "rows.csv")
    assert (code, " ".join(said.split())) == (
        0,
        "10 rows of 10 inputs from 5 shards, written to rows.csv",
    )
    assert Path("rows.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_what_cannot_be_joined_ends_in_one_line(
    photos: Path, predict: Callable, run: Callable
) -> None:
    predict("--out", "parts/2.csv", "--shard", "2/3")
    code, _, said = run("merge", "parts/*.csv", "--out", "rows.csv")
    assert code == 1
    assert said.startswith("Error: 2 of 3 shards are missing or unfinished: 1/3, 3/3.")
    assert not Path("rows.csv").exists()


def test_no_picture_is_no_shard(photos: Path, run: Callable) -> None:
    for picture in photos.iterdir():
        picture.unlink()
    code, _, said = run("predict", "photos", "--out", "1.csv", "--shard", "1/2")
    assert (code, "No picture found" in said) == (4, True)
    assert not Path("1.csv.shard.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shard", "3"], "such as 2/7"),
        (["--shard", "a/b"], "such as 2/7"),
        (["--shard", "-1/2"], "such as 2/7"),
        (["--shard", "0/4"], "the first is 1/n and the last n/n"),
        (["--shard", "5/4"], "the first is 1/n and the last n/n"),
    ],
)
def test_what_is_no_shard_is_wrong_usage(words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["predict", "a.png", "--out", "a.csv", *words])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    result = CliRunner().invoke(app, ["predict", "a.png", "--shard", "1/2"])
    assert (result.exit_code, "--out" in result.stderr) == (2, True)


def test_a_camera_has_no_shards(run: Callable) -> None:
    code, _, said = run("predict", "0", "--out", "a.csv", "--shard", "1/2")
    assert code == 1
    assert said.startswith("Error: --shard: a shard is a part of a listing of files")
