"""``fer-ensemble report`` writes a page about a saved ensemble, and the commands that make it."""

import html
import re
import shlex

import numpy as np
import pytest
from typer.testing import CliRunner

from fer_ensemble import load_ensemble
from fer_ensemble.cli.app import app
from fer_ensemble.datasets import make_faces, synthetic_dataset, write_folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "faces"
    for seed, (part, n) in enumerate({"train": 140, "PublicTest": 35, "validation": 70}.items()):
        write_folder(synthetic_dataset(n, random_state=seed), folder / part)
    return folder


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_page_and_figures_are_written(model, data, tmp_path):
    out, figures = tmp_path / "new" / "page.html", tmp_path / "figures"
    done = run("report", model, data, "--out", out, "--figures", figures, "--split", "validation")
    assert done.exit_code == 0, done.exception
    assert done.stderr.endswith(f"Figures written to {figures}\nReport written to {out}\n")
    page = out.read_text()
    assert "faces, split validation" in page
    assert "n&nbsp;=&nbsp;70" in page
    assert (figures / "confusion-counts.png").exists()


def test_the_commands_on_the_page_make_the_same_model_again(data, tmp_path, monkeypatch):
    monkeypatch.chdir(data.parent)
    fitted = run(
        "fit", "faces", "--out", tmp_path / "model", "--members", "boosted_hog", "--seed", "3",
        "--set", "boosted_hog.classifier__n_estimators=3",
        "--set", "boosted_hog.hog__pixels_per_cell=(8, 8)",
    )  # fmt: skip
    assert fitted.exit_code == 0, fitted.exception
    done = run("report", tmp_path / "model", "faces", "--out", tmp_path / "report.html")
    assert done.exit_code == 0, done.exception
    page = html.unescape((tmp_path / "report.html").read_text())
    commands = re.search("<pre><code>(.*?)</code></pre>", page, re.DOTALL)[1]
    commands = commands.replace("\\\n", "").splitlines()
    assert len(commands) == 2
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "fer-ensemble"
        again = run(*arguments)
        assert again.exit_code == 0, again.exception
    faces = make_faces(20, random_state=9).images
    first, second = (load_ensemble(folder) for folder in (tmp_path / "model", "model"))
    np.testing.assert_array_equal(first.predict_proba(faces), second.predict_proba(faces))
    again = html.unescape((data.parent / "report.html").read_text())
    assert commands[1] in again.replace("\\\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["{model}", "nowhere.zip"], "nowhere.zip: there is no such file"),
        (["{model}", "{data}", "--split", "private"], "no face in split 'private_test'"),
        (["{model}", "{data}", "--protocol", "lenient"], "There is no protocol 'lenient'"),
        (["{model}", "--out", "{data}"], "name a file to write the report to"),
    ],
)
def test_mistakes_are_told(model, data, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = run("report", *(argument.format(model=model, data=data) for argument in arguments))
    assert done.exit_code == 1
    assert message in str(done.exception)
    assert not (tmp_path / "report.html").exists()
