import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

import fer_ensemble.prediction_run
from fer_ensemble import load_ensemble
from fer_ensemble.cli.predict import predict
from fer_ensemble.datasets import EMOTIONS, make_faces
from fer_ensemble.faces.output import columns

HEADER = columns(EMOTIONS)
OF_BOX = ["x", "y", "width", "height", "face_score"]
OF_VIDEO = ["frame", "time"]

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(predict)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with three faces in photos/."""
    faces = make_faces(3, random_state=1).images
    for name, face in zip(("a", "b", "c"), faces, strict=True):
        (tmp_path / "photos").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "photos" / f"{name}.png"), face)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*arguments: str | Path, given: bytes = b"") -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_all_good_is_exit_code_0_and_a_row_for_each(folder: Path, model: Path) -> None:
    result = _run("photos", "--model", model, "--out", "new/rows.csv")
    assert result.exit_code == 0
    assert result.stdout == ""
    rows = _rows((folder / "new" / "rows.csv").read_text())
    assert [list(row) for row in rows] == [HEADER] * 3
    assert [row["path"] for row in rows] == [f"photos/{name}.png" for name in "abc"]

    faces = np.array([cv2.imread(row["path"], cv2.IMREAD_GRAYSCALE) for row in rows])
    expected = load_ensemble(model).predict_proba(faces)
    found = [[float(row[f"p_{name}"]) for name in EMOTIONS] for row in rows]
    assert found == expected.tolist()
    assert [float(row["confidence"]) for row in rows] == expected.max(axis=1).tolist()
    assert [row["label"] for row in rows] == [EMOTIONS[i] for i in expected.argmax(axis=1)]
    told, line = result.stderr.splitlines()
    assert told.startswith("--detector auto: 3 pictures taken for faces")
    assert line.startswith("3 faces in 3 pictures, 0 failed, in ")
    assert line.endswith(f"pictures/s), written to {Path('new/rows.csv')}")


def test_some_failed_is_exit_code_3_and_they_keep_their_rows(folder: Path, model: Path) -> None:
    (folder / "photos" / "bad.png").write_text("no picture")
    (folder / "photos" / "void.png").touch()
    (folder / "photos" / "x.jpg").mkdir()
    (folder / "photos" / "notes.txt").touch()
    result = _run("lost.png", "photos/", "photos/b.png", "--model", model, "--batch-size", "2")
    assert result.exit_code == 3
    rows = _rows(result.stdout)
    assert [(row["path"], row["status"]) for row in rows] == [
        ("lost.png", "missing"),
        ("photos/a.png", "ok"),
        ("photos/b.png", "ok"),
        ("photos/bad.png", "unreadable"),
        ("photos/c.png", "ok"),
        ("photos/void.png", "empty"),
        ("photos/b.png", "ok"),
    ]
    for row in rows:
        empty = [name for name, value in row.items() if value == ""]
        assert empty == ([*OF_VIDEO, *OF_BOX, "reason"] if row["status"] == "ok" else HEADER[1:-2])
    left_out = "Left out of folders: 1 file that cannot be read as picture or video (1 .txt): "
    assert left_out + os.path.join("photos", "notes.txt") in result.stderr
    assert "lost.png: missing (no such file)" in result.stderr
    assert "photos/bad.png: unreadable (not a picture" in result.stderr
    assert "4 faces in 7 pictures, 3 failed" in result.stderr


def test_none_succeeded_is_exit_code_4(folder: Path, model: Path) -> None:
    result = _run(*[f"{number}.png" for number in range(9)], "--model", model)
    assert result.exit_code == 4
    assert [row["status"] for row in _rows(result.stdout)] == ["missing"] * 9
    assert "4.png: missing" in result.stderr
    assert "5.png: missing" not in result.stderr
    assert "and 4 more" in result.stderr


def test_no_picture_is_exit_code_4_and_said(folder: Path) -> None:
    (folder / "bare").mkdir()
    (folder / "photos" / ".hidden").mkdir()
    result = _run("bare", "photos/.hidden", "--model", "none", "--out", "rows.csv")
    assert result.exit_code == 4
    assert "There is no picture or video in bare" in result.stderr
    assert "No picture found" in result.stderr
    assert not (folder / "rows.csv").exists()


def test_a_wrong_ending_is_an_error_before_any_work(folder: Path) -> None:
    result = _run("photos", "--model", "none", "--out", "new/rows.txt")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: --out: cannot tell the format of 'new/rows.txt'")
    assert result.stderr.count("\n") == 1
    assert not (folder / "new").exists()


def test_parquet_without_pyarrow_is_an_error_with_the_remedy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    result = _run("photos", "--model", "none", "--out", "rows.parquet")
    assert result.exit_code == 1
    assert "pip install '.[parquet]'" in result.stderr


def test_an_output_that_cannot_be_made_is_an_error_that_names_it(folder: Path, model: Path) -> None:
    (folder / "taken").touch()
    result = _run("photos", "--model", model, "--out", "taken/rows.csv")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: cannot write {Path('taken/rows.csv')} (")


def test_a_missing_model_is_an_error_with_the_remedy(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fer_ensemble.cli import main

    monkeypatch.setattr(sys, "argv", ["fer-ensemble", "predict", "photos", "--model", "none"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: none does not exist")
    assert "fer-ensemble fit" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_an_interruption_keeps_the_rows_written(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    ensemble = load_ensemble(model)

    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    answers = iter([ensemble.predict_proba, interrupt])

    class Interrupted:
        classes_ = ensemble.classes_

        def predict_proba(self, X: Any) -> Any:
            return next(answers)(X)

    monkeypatch.setattr(fer_ensemble.prediction_run, "load_predictor", lambda _: Interrupted())
    result = _run("photos", "--model", model, "--out", name, "--batch-size", "2")
    assert result.exit_code == 130
    assert f"Interrupted; 2 rows kept in {name}." in result.stderr
    if name == "rows.parquet":
        pq = pytest.importorskip("pyarrow.parquet")
        assert pq.read_table(name)["path"].to_pylist() == ["photos/a.png", "photos/b.png"]
    else:
        text = (folder / name).read_text()
        assert "photos/b.png" in text
        assert "photos/c.png" not in text


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGPIPE")
def test_a_reader_that_has_enough_ends_it_quietly(folder: Path, model: Path) -> None:
    script = "from fer_ensemble.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", script, "predict", f"--model={model}", *["photos"] * 2000],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"path,frame")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


def test_a_full_disk_is_an_error_in_one_line(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fer_ensemble.faces.output import CsvWriter

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CsvWriter, "write", fail)
    result = _run("photos", "--model", model, "--out", "rows.csv")
    assert result.exit_code == 1
    assert result.stderr == "Error: cannot write rows.csv (No space left on device)\n"


def test_names_that_would_command_the_terminal_are_escaped(folder: Path, model: Path) -> None:
    result = _run("\x1b[2Jevil[red].png", "--model", model)
    assert "\x1b" not in result.stderr
    assert r"\x1b[2Jevil[red].png" in result.stderr


def test_help_teaches_by_example_and_tells_the_exit_codes() -> None:
    text = _run("--help").stdout
    assert "fer-ensemble predict photos/ --model model/ --out predictions.csv" in text
    for code in ("0  every", "3  some", "4  none", "1  another", "130  interrupted"):
        assert code in text


def test_the_verb_is_light_to_import() -> None:
    heavy = {"numpy", "rich", "sklearn", "cv2", "keras", "tensorflow", "fer_ensemble.faces"}
    script = (
        "import sys; before = set(sys.modules); import fer_ensemble.cli.predict; "
        f"print(sorted({heavy!r} & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() in ("[]", "['rich']"), done.stderr  # typer itself may load rich


def test_decoders_lines_without_a_name_are_dropped_and_counted(folder: Path, model: Path) -> None:
    random = np.random.default_rng(0).integers(0, 256, (96, 96), dtype=np.uint8)
    data = cv2.imencode(".jpg", random)[1].tobytes()
    Path("odd.jpg").write_bytes(data[:-2] + b"extraneous" + data[-2:])
    script = (
        "import os, sys\n"
        "from fer_ensemble.faces import FaceFinder\n"
        "search = FaceFinder.search\n"
        "def search_aloud(self, image, **settings):\n"
        "    os.write(2, b'another line\\n'); return search(self, image, **settings)\n"
        "FaceFinder.search = search_aloud\n"
        "from fer_ensemble.cli import main; main()"
    )
    words = ["predict", "odd.jpg", "--model", str(model), "--detector", "skip"]
    run = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "Corrupt JPEG data:" not in run.stderr
    assert "but were read (1 × Corrupt JPEG data)" in run.stderr
    assert "another line" in run.stderr


def test_a_name_that_there_is_not_is_answered_with_one_like_it(folder: Path, model: Path) -> None:
    result = _run("fotos/", "photos/aa.png", "zzz.jpg", "--model", model)
    assert result.exit_code == 4
    assert "fotos/: missing (no such folder); is photos meant?" in result.stderr
    assert f"(no such file); is {os.path.join('photos', 'a.png')} meant?" in result.stderr
    assert "zzz.jpg: missing (no such file)\n" in result.stderr
    assert "Give pictures, videos or folders that exist" in result.stderr


def test_files_that_were_left_out_are_named_and_make_the_exit_code_3(
    folder: Path, model: Path
) -> None:
    (folder / "photos" / "raw.cr3").write_bytes(b"\0\0\0\x18ftypcrx ")
    (folder / "photos" / "notes.txt").touch()
    result = _run("photos", "--model", model, "--out", "photos/rows.csv")
    assert result.exit_code == 3
    assert "2 files that cannot be read as picture or video (" in result.stderr
    assert os.path.join("photos", "raw.cr3") in result.stderr
    assert "rows.csv:" not in result.stderr
    assert len(_rows((folder / "photos" / "rows.csv").read_text())) == 3
