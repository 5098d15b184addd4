"""``predict`` on photographs, videos, lists and patterns; the ways of finding faces."""

import csv
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from fer_ensemble.cli.predict import predict
from fer_ensemble.datasets import make_faces
from fer_ensemble.faces import read_frames

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(predict)


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[..., ::-1])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with two faces."""
    for name, face in zip(("a", "b"), make_faces(2, random_state=1).images, strict=True):
        cv2.imwrite(str(tmp_path / f"{name}.png"), face)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*arguments: str | Path, given: bytes = b"") -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _rows(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(result.stdout, newline="")))


def _has_astronaut(row: dict[str, str]) -> bool:
    """Whether the middle of her face is in the middle of the box."""
    x, y, width, height = (float(row[name]) for name in ("x", "y", "width", "height"))
    near = abs(x + width / 2 - 222) < 15 and abs(y + height / 2 - 115) < 20
    return near and 60 < width < 140


def _clip(path: Path, pictures: list[np.ndarray]) -> None:
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (width, height))
    for picture in pictures:
        writer.write(picture)
    writer.release()


def test_a_photograph_goes_the_whole_way(folder: Path, model: Path, astronaut: np.ndarray) -> None:
    cv2.imwrite("astronaut.jpg", astronaut)
    result = _run("astronaut.jpg", "a.png", "--model", model, "--annotate", "seen")
    assert result.exit_code == 0
    photo, face = _rows(result)
    assert _has_astronaut(photo)
    assert (photo["face"], photo["status"]) == ("0", "ok")
    assert photo["label"]
    assert float(photo["face_score"]) > 0
    assert (face["x"], face["face"]) == ("", "0")
    assert "1 picture taken for faces (small and gray, or filled by one), 1" in result.stderr
    copy = cv2.imread(str(folder / "seen" / "astronaut.jpg.jpg"))
    assert copy.shape == astronaut.shape
    assert np.abs(copy.astype(int) - astronaut).max() > 100
    assert (folder / "seen" / "a.png.jpg").exists()


def test_a_video_goes_the_whole_way(folder: Path, model: Path, astronaut: np.ndarray) -> None:
    nobody = np.full_like(astronaut, 128)
    _clip(folder / "clip.avi", [nobody, nobody, astronaut, astronaut, astronaut])
    result = _run(".", "--model", model, "--every", "2", "--annotate", "seen", "--jobs", "2")
    assert result.exit_code == 0  # a frame without a face is no failure
    rows = [row for row in _rows(result) if row["path"].endswith("clip.avi")]
    assert [(row["frame"], row["time"], row["status"]) for row in rows] == [
        ("0", "0.0", "no_face"),
        ("2", "0.2", "ok"),
        ("4", "0.4", "ok"),
    ]
    assert all(_has_astronaut(row) for row in rows[1:])
    copies = [path.name for path in (folder / "seen").iterdir()]
    assert sorted(copies) == ["a.png.jpg", "b.png.jpg", "clip.avi.mp4"]
    assert len(list(read_frames(folder / "seen" / "clip.avi.mp4"))) == 3
    assert "4 faces in 5 pictures and frames, 0 failed" in result.stderr


def test_a_video_that_breaks_keeps_its_frames_and_says_so(folder: Path, model: Path) -> None:
    random = np.random.default_rng(0)
    _clip(folder / "clip.avi", list(random.integers(0, 256, (9, 48, 64, 3), dtype=np.uint8)))
    data = (folder / "clip.avi").read_bytes()
    (folder / "clip.avi").write_bytes(data[: len(data) // 2])
    result = _run("clip.avi", "--model", model, "--detector", "skip")
    assert result.exit_code == 3
    *frames, last = _rows(result)
    assert [row["frame"] for row in frames] == [str(number) for number in range(len(frames))]
    assert {row["status"] for row in frames} == {"ok"}
    assert (last["frame"], last["status"]) == ("", "unreadable")
    assert "clip.avi: unreadable (the video is damaged or cut short" in result.stderr


def test_a_photograph_without_a_face_is_told(folder: Path, model: Path) -> None:
    cv2.imwrite("wall.png", np.full((200, 300, 3), (90, 120, 200), np.uint8))
    result = _run("wall.png", "a.png", "--model", model)
    assert result.exit_code == 3
    assert [row["status"] for row in _rows(result)] == ["no_face", "ok"]
    assert "wall.png: no_face (no face was found)" in result.stderr


@pytest.mark.parametrize(("detector", "status"), [("skip", "ok"), ("haar", "no_face")])
def test_the_detector_is_chosen(folder: Path, model: Path, detector: str, status: str) -> None:
    cv2.imwrite("wall.png", np.full((200, 200), 128, np.uint8))
    result = _run("wall.png", "--model", model, "--detector", detector)
    assert [row["status"] for row in _rows(result)] == [status]
    assert "--detector auto" not in result.stderr


def test_faces_can_be_too_small(folder: Path, model: Path, astronaut: np.ndarray) -> None:
    cv2.imwrite("astronaut.jpg", astronaut)
    result = _run("astronaut.jpg", "--model", model, "--min-face", "200")
    assert result.exit_code == 4
    assert [row["status"] for row in _rows(result)] == ["no_face"]


@pytest.mark.parametrize("detector", ["magic", "yunet:lost.onnx"])
def test_a_detector_there_is_not_is_an_error_in_a_line(
    folder: Path, model: Path, detector: str
) -> None:
    result = _run("a.png", "--model", model, "--detector", detector)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: --detector: ")
    assert detector.removeprefix("yunet:") in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_list_on_standard_input_is_predicted(folder: Path, model: Path) -> None:
    (folder / "new\nline.png").write_bytes((folder / "a.png").read_bytes())
    result = _run("-", "--model", model, given=b"b.png\nlost.png\na.png\n")
    assert result.exit_code == 3
    assert [row["path"] for row in _rows(result)] == ["b.png", "lost.png", "a.png"]
    result = _run("-", "--model", model, given=b"new\nline.png\0b.png\0")
    assert [row["path"] for row in _rows(result)] == ["new\nline.png", "b.png"]
    assert _run("-", "--model", model).exit_code == 4


def test_patterns_are_expanded_and_those_without_a_match_are_told(
    folder: Path, model: Path
) -> None:
    result = _run("[ab].png", "**/*.gif", "--model", model)
    assert result.exit_code == 3
    assert [(row["path"], row["status"]) for row in _rows(result)] == [
        ("a.png", "ok"),
        ("b.png", "ok"),
        ("**/*.gif", "missing"),
    ]
    assert "**/*.gif: missing (nothing matches this pattern)" in result.stderr
