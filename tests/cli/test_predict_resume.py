"""``predict --resume``: what a kill leaves becomes what an unbroken run writes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
import typer
from typer.testing import CliRunner, Result

from fer_ensemble.cli.predict import predict
from fer_ensemble.datasets import make_faces
from fer_ensemble.prediction_run import PredictionRun

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(predict)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 40 faces and two broken pictures in the working folder."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, face in enumerate(make_faces(40, random_state=1).images):
        cv2.imwrite(str(folder / f"{number:03}.png"), face)
    (folder / "005.jpg").touch()
    (folder / "020.jpg").write_text("no picture")
    monkeypatch.chdir(tmp_path)
    return folder


def _run(model: Path, *arguments: str | Path) -> Result:
    settings = ["--model", str(model), "--batch-size", "4"]  # of two models the last is taken
    result = CliRunner().invoke(app, [*settings, *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_resumed_run_counts_what_was_kept(photos: Path, model: Path) -> None:
    whole = _run(model, "photos", "--out", "whole.csv")
    content = Path("whole.csv").read_bytes()
    Path("rows.csv").write_bytes(content[: len(content) // 2])
    result = _run(model, "photos", "--out", "rows.csv", "--resume")
    assert Path("rows.csv").read_bytes() == content
    assert result.exit_code == whole.exit_code == 3
    assert "40 faces in 42 pictures (" in result.stderr
    assert " of them before), 2 failed, in " in result.stderr


def test_a_first_run_and_a_finished_one_can_be_resumed(photos: Path, model: Path) -> None:
    _run(model, "photos", "--out", "rows.jsonl", "--resume")
    content = Path("rows.jsonl").read_bytes()
    assert content.count(b"\n") == 42
    result = _run(model, "photos", "--out", "rows.jsonl", "--resume")
    assert result.exit_code == 3
    assert Path("rows.jsonl").read_bytes() == content


def test_other_inputs_are_an_error_and_the_rows_stay(photos: Path, model: Path) -> None:
    _run(model, "photos", "--out", "rows.csv")
    content = Path("rows.csv").read_bytes()
    (photos / "000.jpg").touch()
    with pytest.raises(ValueError, match=r"input 1 is 'photos/000.png', but now .*000.jpg'"):
        _run(model, "photos", "--out", "rows.csv", "--resume")
    assert Path("rows.csv").read_bytes() == content


def test_annotated_copies_are_no_new_inputs(photos: Path, model: Path) -> None:
    for _ in range(2):
        _run(model, ".", "--out", "rows.csv", "--annotate", "copies", "--resume")
        assert Path("rows.csv").read_bytes().count(b"\n") == 43
    assert len(list(Path("copies").glob("photos/*.jpg"))) == 40


def test_explanations_of_a_resumed_run_are_those_of_the_rest(photos: Path, model: Path) -> None:
    _run(model, "photos/00[0-3].png", "--out", "rows.csv", "--explain", "why")
    pictures = sorted(path.name for path in Path("why").rglob("*.png"))
    assert pictures == [f"00{number}.png.0.png" for number in range(4)]
    content = Path("rows.csv").read_bytes()
    Path("rows.csv").write_bytes(content[: content.rindex(b"photos/002")])
    for picture in Path("why").rglob("*.png"):
        picture.unlink()
    _run(model, "photos/00[0-3].png", "--out", "rows.csv", "--explain", "why", "--resume")
    assert Path("rows.csv").read_bytes() == content
    assert "003.png.0.png" in {path.name for path in Path("why").rglob("*.png")}


def test_standard_output_cannot_be_gone_on_with(photos: Path, model: Path) -> None:
    result = _run(model, "photos", "--resume")
    assert result.exit_code == 2
    assert "--out" in result.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs kill")
def test_kills_lose_and_double_nothing(photos: Path, model: Path) -> None:
    _run(model, *["photos"] * 5, "--out", "whole.csv")
    script = (
        # Slow, so that the kill comes amid the rows.
        "import os, time\n"
        "from fer_ensemble.faces.output import CsvWriter\n"
        "def write(self, predictions, lines=CsvWriter._write_lines):\n"
        "    for row in self._rows(predictions):\n"
        "        lines(self, [row]); time.sleep(0.005)\n"
        "CsvWriter.write = write\n"
        "from fer_ensemble.cli import main; main()"
    )
    command = ["predict", *["photos"] * 5, "--out", "rows.csv", "--resume", f"--model={model}"]
    chance = random.Random(0)
    for _ in range(2):
        before = Path("rows.csv").stat().st_size if Path("rows.csv").exists() else 0
        process = subprocess.Popen(
            [sys.executable, "-c", script, *command, "--batch-size", "4"],
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        deadline = time.monotonic() + 60
        grown = before + chance.randrange(500, 3000)
        while time.monotonic() < deadline and process.poll() is None:
            if Path("rows.csv").exists() and Path("rows.csv").stat().st_size > grown:
                break
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL
    assert Path("rows.csv").stat().st_size < Path("whole.csv").stat().st_size
    _run(model, *["photos"] * 5, "--out", "rows.csv", "--resume")
    assert Path("rows.csv").read_bytes() == Path("whole.csv").read_bytes()


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_another_model_or_other_options_are_refused_and_the_rows_stay(
    photos: Path, model: Path, ending: str
) -> None:
    out = Path(f"rows{ending}")
    _run(model, "photos", "--out", out)
    content = out.read_bytes()
    out.write_bytes(content[: len(content) // 2])
    for name, options in {
        r"min_confidence was 0\.0 and is 0\.5": ["--min-confidence", "0.5"],
        "detector was auto and is skip": ["--detector", "skip"],
        r"model was \w{16} and is \w{16}": ["--model", "fast"],
    }.items():
        with pytest.raises(ValueError, match=rf"made in another way \({name}\)"):
            _run(model, "photos", "--out", out, "--resume", *options)
        assert out.read_bytes() == content[: len(content) // 2]
    shutil.copytree(model, "moved")
    _run(Path("moved"), "photos", "--out", out, "--resume")
    assert out.read_bytes() == content


def test_rows_of_an_unknown_origin_are_said_to_be(photos: Path, model: Path) -> None:
    _run(model, "photos", "--out", "rows.csv")
    Path(".rows.csv.run").unlink()
    result = _run(model, "photos", "--out", "rows.csv", "--resume")
    assert "What is kept may come of another model or other options" in result.stderr


def test_two_runs_do_not_write_one_file(photos: Path, model: Path) -> None:
    first = PredictionRun("photos", model, out="rows.csv", batch_size=4)
    batches = first.batches()
    next(batches)
    begun = Path("rows.csv").read_bytes()
    with pytest.raises(ValueError, match=rf"rows\.csv is being written by process {os.getpid()}"):
        _run(model, "photos", "--out", "rows.csv")
    assert Path("rows.csv").read_bytes() == begun
    batches.close()
    assert _run(model, "photos", "--out", "rows.csv").exit_code == 3


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_whole_rows_and_tells_its_code(
    photos: Path, model: Path, sent: signal.Signals, code: int
) -> None:
    script = (
        "import os, signal\n"
        # Where the tests run in the background, it would be left out.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from fer_ensemble.faces.output import CsvWriter\n"
        "def write(self, predictions, write=CsvWriter.write):\n"
        f"    write(self, predictions); os.kill(os.getpid(), {int(sent)})\n"
        "CsvWriter.write = write\n"
        "from fer_ensemble.cli import main; main()"
    )
    words = ["predict", "photos", "--out", "rows.csv", f"--model={model}", "--batch-size=4"]
    run = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True)
    assert run.returncode == code, run.stderr
    assert "rows kept in rows.csv" in run.stderr
    assert Path("rows.csv").read_bytes().count(b"\n") == 5
