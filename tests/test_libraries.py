"""Without the libraries that training needs: one line that says what installs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fer_ensemble import libraries
from fer_ensemble.libraries import MissingLibraryError, quiet_start, require, require_for_members
from tests.record_answers import RECORDED

SAVED = RECORDED / "saved_by_2e706e3" / "voting"
TRAIN = "pip install '.[train]' in the folder of fer-ensemble's source"

# Hides libraries as if they had never been installed, and runs commands one after the other.
HIDING = """
import json, sys

hidden, commands = json.loads(sys.argv[1]), json.loads(sys.argv[2])

class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden)

def run(command):
    if isinstance(command, str):
        try:
            exec(command, {})
        except ImportError as error:
            return str(error)
        return ""
    from fer_ensemble.cli import main

    sys.argv = ["fer-ensemble", *command]
    try:
        main()
    except SystemExit as end:
        return end.code
    return 0

for command in commands:
    print("\\n::", json.dumps(run(command)), flush=True)
    print("::", file=sys.stderr, flush=True)
"""


def without(hidden, folder, commands):
    """Run commands and pieces of Python in a process where libraries are not installed.

    Returns
    -------
    list of (exit code or error, standard error)
    """
    done = subprocess.run(
        [sys.executable, "-c", HIDING, json.dumps(hidden), json.dumps(commands)],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    ends = [json.loads(line[3:]) for line in done.stdout.splitlines() if line.startswith("::")]
    said = [part.strip().replace("\n", " ") for part in done.stderr.split("::")[:-1]]
    return list(zip(ends, said, strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a few faces."""
    from fer_ensemble.datasets import synthetic_dataset, write_folder

    folder = tmp_path_factory.mktemp("missing")
    write_folder(synthetic_dataset(14, random_state=0), folder / "faces" / "train")
    return folder


def test_commands_end_with_the_remedy(folder):
    commands = {
        # No such data: what is missing is told before they are read.
        ("fit", "lost.zip", "--members", "boosted_hog,cnn_2"): "'boosted_hog' needs XGBoost",
        ("fit", "lost.zip", "--members", "cnn_2"): "'cnn_2' needs Keras",
        ("evaluate", "--model", str(SAVED)): "'network' needs Keras",
        ("report", str(SAVED), "--out", "report.html"): "'network' needs Keras",
        ("predict", "faces", "--model", str(SAVED)): "'network' needs Keras",
        ("combine", str(SAVED), "--data", "faces", "--split", "train", "--out", "new"): "needs",
        ("export", str(SAVED), "--out", "exported"): "Exporting to ONNX needs Keras",
        ("export", "fast", "--out", "exported"): "Exporting to ONNX needs the package onnx",
        ("tune", "tuned_cnn", "--out", "search"): "A search needs KerasTuner",
    }
    hidden = ["keras", "keras_tuner", "onnx", "tensorflow", "xgboost"]
    for command, (code, said) in zip(
        commands, without(hidden, folder, [list(command) for command in commands]), strict=True
    ):
        assert code == 1, (command, said)
        assert f"{commands[command]}" in said, (command, said)
        others = {"tune": TRAIN.replace("train", "tune"), "fast": "pip install onnx"}
        remedy = next((others[word] for word in command if word in others), TRAIN)
        assert said.endswith(f"which is not installed: {remedy}"), (command, said)
    assert [path.name for path in folder.iterdir()] == ["faces"]


def test_python_raises_an_import_error_with_the_remedy(folder):
    lines = {
        "create_member('cnn_2')": "The member 'cnn_2' needs Keras",
        "create_member('boosted_hog')": "The member 'boosted_hog' needs XGBoost",
        "KerasClassifier().fit(X, y)": "KerasClassifier needs Keras",
        "BoostedTreesClassifier().fit(X, y)": "BoostedTreesClassifier needs XGBoost",
        "members['network'].predict_proba(X)": "KerasClassifier needs Keras",
        "members['trees'].predict_proba(X)": "BoostedTreesClassifier needs XGBoost",
        "describe_device()": "Asking what networks run on needs Keras",
        "augment_copies(X, 0)": "Changing faces at random needs Keras",
        "fit_ensemble('lost.csv', protocol='balanced')": "'balanced' needs Keras",
        "fit_ensemble('lost.csv', members=[('mine', KerasClassifier())])": "'mine' needs Keras",
        "fit_resumable(VotingEnsemble([('mine', KerasClassifier())]), X, y, 'x')": "needs Keras",
    }
    begin = (
        "from fer_ensemble import *\n"
        "from fer_ensemble.artifact import *\n"
        "from fer_ensemble.datasets import *\n"
        "from fer_ensemble.ensemble import *\n"
        "from fer_ensemble.models import *\n"
        f"members = dict(load_ensemble({str(SAVED)!r}).members_)\n"
        "X, y, _ = make_faces(14, random_state=0)\n"
    )
    found = without(["keras", "xgboost"], folder, [begin + line for line in lines])
    for (line, expected), (error, _) in zip(lines.items(), found, strict=True):
        assert expected in error, (line, error)
        assert error.endswith(f"which is not installed: {TRAIN}"), (line, error)


def test_what_needs_no_training_library_goes_on(folder):
    saved = str(Path("copy"))
    commands = [
        ["members"],
        ["members", "cnn_2"],
        ["combine", str(SAVED), "--rule", "average", "--out", saved],
        ["evaluate", "faces", "--split", "train", "--model", "fast"],
        "from fer_ensemble.models import create_member; create_member('cnn_2')",
    ]
    hidden = ["keras", "matplotlib", "tensorflow", "xgboost", "skimage"]
    found = without(hidden, folder, commands)
    assert [code for code, _ in found[:4]] == [0, 0, 0, 0]
    assert TRAIN in found[1][1]
    assert TRAIN in found[4][0]  # the libraries were hidden


def test_pictures_name_the_extra_that_draws_them(folder):
    commands = [
        ["report", "fast", "--out", "report.html"],
        ["curves", str(SAVED), "--out", "curves.png"],
        "from fer_ensemble.evaluation.plots import *; plot_history({'loss': [1.0]}, 'loss')",
    ]
    for code, said in without(["matplotlib"], folder, commands):
        assert "needs Matplotlib" in f"{code} {said}"
        assert "pip install '.[report]'" in f"{code} {said}"


def test_networks_need_the_backend_that_keras_is_set_to(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    require("keras", "A network")
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    with pytest.raises(MissingLibraryError, match=r"A network needs PyTorch.*: pip install torch"):
        require("keras", "A network")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    require("keras", "A network")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflaw")
    with pytest.raises(
        MissingLibraryError, match=r"'tensorflaw', .*set that to tensorflow, jax, to"
    ):
        require("keras", "A network")


def test_a_library_that_is_there_in_part_is_told_in_a_line():
    message = r"\(no jaxlib here\): install them again"
    with pytest.raises(MissingLibraryError, match=message), quiet_start("never_there"):
        raise ImportError("no jaxlib here")


def test_members_without_such_a_library_need_nothing():
    from sklearn.naive_bayes import GaussianNB

    require_for_members([("bayes", GaussianNB()), ("class", GaussianNB), ("text", "drop")])


def test_every_library_has_a_remedy_that_can_be_followed():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    for _, remedy in libraries._LIBRARIES.values():
        assert remedy.startswith("pip install ")
        if "[" in remedy:
            assert remedy.partition("[")[2].partition("]")[0] in extras
