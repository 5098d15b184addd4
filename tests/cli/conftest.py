import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from fer_ensemble import save_ensemble
from fer_ensemble.cli import main
from fer_ensemble.datasets import make_faces
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small saved ensemble, to predict with."""
    faces = make_faces(70, random_state=0)
    members = [("bayes", make_pipeline(HOG(), GaussianNB()))]
    ensemble = VotingEnsemble(members, random_state=0).fit(faces.images, faces.labels)
    return save_ensemble(ensemble, tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command as its script does, but in this process, which has the network's library."""

    def run_main(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fer-ensemble", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capsys.readouterr()

    return run_main


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay standard output out as on a terminal, and not for other programs."""
    from fer_ensemble.cli.console import output

    monkeypatch.setattr(output, "_force_terminal", True)


@pytest.fixture(scope="session")
def run_apart() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command as a user does, in a process of its own."""

    def run_script(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        script = "from fer_ensemble.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "100", **(options.pop("env", None) or {})},
            **options,
        )

    return run_script
