"""``fer-ensemble curves`` draws what the networks of a saved ensemble kept of their training."""

import shutil

import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from typer.testing import CliRunner

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.cli.app import app
from fer_ensemble.cli.curves import draw_trainings, trained_networks
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG
from fer_ensemble.models import KerasClassifier, MemberPipeline

BEGINNINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".PNG": b"\x89PNG"}


def small(**params):
    units = {"units": (4,)}
    return KerasClassifier(network_params=units, random_state=0, patience=None, **params)


def save(members, faces, path):
    return save_ensemble(VotingEnsemble(members, random_state=0).fit(*faces), path)


@pytest.fixture(scope="module")
def model(faces, tmp_path_factory):
    """A network that balances, one in a pipeline that does not, and a member that is none."""
    members = [
        ("balanced", small(epochs=2, balance=25)),
        ("hog", MemberPipeline([("hog", HOG()), ("classifier", small(epochs=1))])),
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
        f"Without a training to draw: bayes\nCurves of balanced, hog written to {out}\n"
    )


def test_each_network_has_a_row_of_its_figures(model):
    networks = trained_networks(dict(load_ensemble(model).members_))
    assert list(networks) == ["balanced", "hog"]
    first, second = draw_trainings(networks).subfigs
    assert first.get_suptitle().startswith("balanced: 2 epochs in 0:0")
    assert second.get_suptitle().startswith("hog: 1 epoch in 0:0")
    assert second.get_suptitle().endswith("h, best epoch 1")
    for row, network in zip((first, second), networks.values(), strict=True):
        for ax, metric in zip(row.axes, ("loss", "accuracy", "learning_rate"), strict=False):
            [drawn] = [line for line in ax.get_lines() if line.get_label() == "training"]
            assert drawn.get_ydata().tolist() == network.history_[metric]


def test_class_counts_are_shown_where_balancing_changed_them(model):
    networks = trained_networks(dict(load_ensemble(model).members_))
    balanced, other = (row.axes[-1] for row in draw_trainings(networks).subfigs)
    names = [label.get_text() for label in balanced.get_yticklabels()]
    assert names == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    assert [text.get_text() for text in balanced.texts][7:] == ["25"] * 7
    assert not other.axison
    [row] = draw_trainings({"hog": networks["hog"]}).subfigs
    assert len(row.axes) == 3


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
    (damaged / "hog.skops").write_bytes(b"")
    assert "altered or cut short" in error(damaged)
