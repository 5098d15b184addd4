"""What every verb has: help, version, how loud it is, and how it ends."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

import fer_ensemble
from fer_ensemble.cli.app import VERBS, app

ROOT = Path(__file__).parents[2]
NAMES = sorted(typer.main.get_command(app).commands)


def test_the_version_is_that_of_the_package(run):
    assert run("--version")[:2] == (0, f"fer-ensemble {fer_ensemble.__version__}\n")
    assert run("-V")[:2] == (0, f"fer-ensemble {fer_ensemble.__version__}\n")


def test_the_version_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert "version" not in project["project"]
    attribute = project["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert attribute == "fer_ensemble.__version__"
    # Setuptools reads it without running the file, which it can of a plain assignment alone.
    assert (
        f'__version__ = "{fer_ensemble.__version__}"'
        in (ROOT / "fer_ensemble" / "__init__.py").read_text()
    )


def test_the_package_runs_as_a_module(tmp_path):
    for words in (["--version"], ["-h"]):
        ended = subprocess.run(
            [sys.executable, "-m", "fer_ensemble", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "fer-ensemble" in ended.stdout


def test_every_verb_stands_in_a_panel_of_the_help(run):
    code, printed, _ = run("-h")
    assert code == 0
    for panel in VERBS:
        assert f"─ {panel} ─" in printed
    assert all(name in printed for name in NAMES)
    assert run("--help")[1] == printed


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_has_help_with_an_example_and_the_common_options(run, name):
    code, printed, notes = run(name, "-h")
    assert (code, notes) == (0, "")
    assert f"fer-ensemble {name}" in printed.replace("Usage: ", "", 1)
    assert "Example" in printed
    for option in ("--quiet", "-q", "--verbose", "-v", "--help", "-h"):
        assert option in printed
    assert run(name, "--help")[1] == printed


def test_quiet_says_errors_alone(run, tmp_path):
    loud = run("make-faces", tmp_path / "a", "-n", 7)
    assert "7 synthetic faces written" in loud[2]
    for words in (["-q", "make-faces", tmp_path / "b"], ["make-faces", tmp_path / "c", "--quiet"]):
        assert run(*words) == (0, "", "")
    code, printed, notes = run("-q", "evaluate", tmp_path / "lost", "--model", "fast")
    assert (code, printed) == (1, "")
    assert notes.startswith("Error: ")
    # It lasts for one command.
    assert "written" in run("make-faces", tmp_path / "d", "-n", 7)[2]


def test_quiet_and_verbose_exclude_each_other(run, tmp_path):
    for words in (["-q", "-v", "members"], ["-q", "members", "-v"], ["members", "-qv"]):
        code, printed, notes = run(*words)
        assert (code, printed) == (2, "")
        assert "--quiet and --verbose exclude each other" in notes
