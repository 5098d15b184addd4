"""``fer-ensemble curves`` draws what the networks of a saved ensemble kept of their training."""

import shutil

import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from typer.testing import CliRunner

from fer_ensemble import save_ensemble
from fer_ensemble.cli.app import app
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG
from fer_ensemble.models import KerasClassifier, MemberPipeline

BEGINNINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".PNG": b"\x89PNG"}


def save(members, faces, path):
    return save_ensemble(VotingEnsemble(members, random_state=0).fit(*faces), path)


@pytest.fixture(scope="module")
def model(faces, tmp_path_factory):
    """A network in a pipeline, and a member that is none."""
    units = {"units": (4,)}
    network = KerasClassifier(network_params=units, random_state=0, patience=None, epochs=1)
    members = [
        ("network", MemberPipeline([("hog", HOG()), ("classifier", network)])),
        ("bayes", make_pipeline(HOG(), GaussianNB())),
    ]
    return save(members, faces, tmp_path_factory.mktemp("saved") / "model")


@pytest.mark.parametrize("ending", BEGINNINGS)
def test_the_ending_says_the_format_and_other_members_are_named(model, tmp_path, ending):
    out = tmp_path / "new" / f"curves{ending}"
    done = CliRunner().invoke(app, ["curves", str(model), "--out", str(out)])
    assert done.exit_code == 0, done.exception
    assert out.read_bytes().startswith(BEGINNINGS[ending])
    assert done.stderr == (
        f"Without a training to draw: bayes\nCurves of network written to {out}\n"
    )


def test_errors_say_what_is_wrong(model, faces, tmp_path):
    def error(*arguments):
        done = CliRunner().invoke(app, ["curves", *map(str, arguments)])
        assert done.exit_code == 1
        assert isinstance(done.exception, ValueError)
        return str(done.exception)

    assert error(model, "--out", "curves.gif") == (
        "cannot draw into curves.gif: its ending must be one of .png, .svg, .pdf"
    )
    assert "there is no manifest.json" in error(tmp_path)
    bayes = save([("bayes", make_pipeline(HOG(), GaussianNB()))], faces, tmp_path / "bayes")
    assert "only networks keep one, and its members are bayes" in error(bayes)
    damaged = tmp_path / "damaged"
    shutil.copytree(model, damaged)
    (damaged / "network.skops").write_bytes(b"")
    assert "altered or cut short" in error(damaged)
