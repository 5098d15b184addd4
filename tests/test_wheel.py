"""The wheel: whole, and ready to predict in an environment that holds nothing else."""

import csv
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import cv2
import pytest

from fer_ensemble.artifact.pretrained import SHIPPED
from fer_ensemble.datasets import EMOTIONS, make_faces

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the source, built from a copy: building leaves files beside it."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(
        ROOT / "fer_ensemble", folder / "source" / "fer_ensemble", ignore=_ignore_compiled
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source" / name)
    _pip("wheel", ".", "--no-deps", "--wheel-dir", folder, cwd=folder / "source")
    [file] = folder.glob("*.whl")
    return file


def test_the_wheel_has_every_file_of_the_package_but_no_other(wheel: Path) -> None:
    packed = {Path(name) for name in zipfile.ZipFile(wheel).namelist()}
    files = {path.relative_to(ROOT) for path in (ROOT / "fer_ensemble").rglob("*")}
    wanted = {path for path in files if (ROOT / path).is_file() and "__pycache__" not in path.parts}
    assert wanted - packed == set()
    assert {path.parts[0] for path in packed if "dist-info" not in path.parts[0]} == {
        "fer_ensemble"
    }


def test_the_wheel_predicts_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    if not (SHIPPED / "manifest.json").is_file():
        pytest.skip("no weights are packed: run python -m experiments.pretrained.pack")
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    # Compiling what is used once takes longer than it saves.
    _pip("install", "--no-compile", wheel, cwd=tmp_path, python=scripts / "python")
    cv2.imwrite(str(tmp_path / "face.png"), make_faces(1, random_state=0).images[0])
    for arguments in ((), ("--model", "fast")):
        done = _run(scripts / "fer-ensemble", "predict", "face.png", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        [row] = csv.DictReader(done.stdout.splitlines())
        assert row["status"] == "ok"
        assert row["label"] in EMOTIONS


def _ignore_compiled(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def _pip(*arguments: str | Path, cwd: Path, python: str | Path = sys.executable) -> None:
    """Run pip; without a package registry, the test is skipped."""
    done = _run(python, "-m", "pip", *arguments, cwd=cwd)
    if done.returncode and _is_offline(cwd, python):
        pytest.skip("needs a package registry, and none can be reached")
    assert done.returncode == 0, done.stderr


def _is_offline(cwd: Path, python: str | Path) -> bool:
    """Tell whether even the smallest of the dependencies cannot be had."""
    command = ("-m", "pip", "download", "--no-deps", "--no-cache-dir", "--dest", "probe", "skops")
    return _run(python, *command, cwd=cwd).returncode != 0


def _run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    arguments = [str(part) for part in command]
    # Nothing of the source tree or of this environment may be found instead.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, env=env)
