"""The page that runs an exported network in a browser, and what compares it with Python."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

from experiments import browser_check
from experiments.browser_check import PAGE, PageAnswers, ask_page, to_gray
from experiments.chromium import has_chromium
from tests.experiments.stand_ins import invoke

FACES = np.zeros((3, 48, 48), np.uint8)
PICTURE = np.zeros((48, 48, 3), np.uint8)
EXPECTED = np.eye(7)[[3, 0, 6]]
HAPPY = np.eye(7)[3]


@pytest.fixture(scope="module")
def packages():
    """onnxruntime-web, installed for these tests alone; they are skipped where it can't be."""
    pytest.importorskip("selenium")
    npm = shutil.which("npm")
    if not (npm and has_chromium()):
        pytest.skip("needs npm and Chromium: install npm, chromium and chromium-driver")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PAGE / name, folder)
        quickly = ("--prefer-offline", "--fetch-retries=0", "--no-audit", "--no-fund")
        command = [npm, "ci", "--ignore-scripts", *quickly]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        if run.returncode:
            pytest.skip(f"npm cannot install onnxruntime-web: {run.stderr.strip()[-300:]}")
        yield Path(folder, "node_modules")


@pytest.fixture
def bare_packages(tmp_path):
    """What is read of onnxruntime-web outside a browser."""
    (tmp_path / "onnxruntime-web").mkdir()
    (tmp_path / "onnxruntime-web" / "package.json").write_text('{"version": "1.0"}')
    return tmp_path


def test_the_page_answers_as_python_does(packages, tmp_path):
    out = tmp_path / "browser.json"
    outcome = invoke(browser_check.main, "--faces", 30, "--packages", packages, "--out", out)
    assert outcome.exit_code == 0, outcome.output
    record = json.loads(out.read_text())
    assert record["n"] == record["n_timed"] == 30
    assert record["largest_difference"] <= 1e-4
    assert record["milliseconds_a_face"] > 0
    assert str(tmp_path) not in out.read_text()


def test_what_the_page_cannot_run_is_reported(packages, tmp_path):
    (tmp_path / "cnn.onnx").touch()
    members = [{"name": name, "stored": {"file": "cnn.onnx"}} for name in ("a", "b")]
    (tmp_path / "manifest.json").write_text(json.dumps({"members": members}))
    with pytest.raises(RuntimeError, match=r"page reported: .* runs a single network"):
        ask_page(tmp_path, FACES, PICTURE, packages=packages)


class AsExpected:
    def predict_proba(self, X):
        assert np.shape(X) == (4, 48, 48)
        return np.vstack([EXPECTED, HAPPY])


@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [
        ({}, 0),
        ({"probabilities": EXPECTED + 9e-5}, 0),
        ({"probabilities": EXPECTED + 2e-4 * (np.arange(7) == 2)}, 1),
        ({"probabilities": np.full((3, 7), np.nan)}, 1),
        ({"shown": [0.0] * 7}, 1),
        ({"label": "sad"}, 1),
    ],
)
def test_answers_that_differ_are_told_by_the_exit_code(
    answer, exit_code, bare_packages, tmp_path, monkeypatch
):
    right = PageAnswers(EXPECTED, [4.0, 5.0, 9.0], "happy", HAPPY.tolist(), "chrome 1")
    monkeypatch.setattr(browser_check, "load_model", lambda model: AsExpected())
    monkeypatch.setattr(browser_check, "ask_page", lambda *_, **__: right._replace(**answer))
    out = tmp_path / "browser.json"
    options = ["--faces", 3, "--packages", bare_packages, "--out", out]
    assert invoke(browser_check.main, *options).exit_code == exit_code
    assert json.loads(out.read_text())["milliseconds_a_face"] == 5


def test_colours_become_gray_by_their_luma():
    colours = [[10, 10, 10], [100, 0, 0], [0, 100, 0], [0, 0, 100], [0, 0, 250]]
    gray = [10, 30, 59, 11, 29]  # the last from 28.5
    assert to_gray(np.array([colours], np.uint8)).tolist() == [gray]


def test_what_is_missing_is_named(bare_packages, tmp_path):
    with pytest.raises(FileNotFoundError, match="npm ci --prefix"):
        ask_page(tmp_path, FACES, PICTURE, packages=tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="export the model first"):
        ask_page(tmp_path, FACES, PICTURE, packages=bare_packages)


def test_the_page_asks_no_other_machine():
    # Nor could it here: see the flags of experiments.chromium.
    for name in ("index.html", "classify.js"):
        assert not re.search("https?:|[\"'`]//", (PAGE / name).read_text())
    # Packages come from the registry that npm is set to.
    lock = json.loads((PAGE / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())
