"""What the small verbs print and write."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from fer_ensemble.cli.app import app
from fer_ensemble.datasets import EMOTIONS, load_faces, make_faces
from fer_ensemble.models import create_member, get_member, list_members


@pytest.fixture
def shown(monkeypatch):
    """What ``fer-ensemble members`` prints, on a terminal of 80 columns."""
    from fer_ensemble.cli import console

    monkeypatch.setattr(console.output, "_width", 80)
    return lambda *arguments: CliRunner().invoke(app, ["members", *arguments])


pytestmark = pytest.mark.usefixtures("terminal")


def line_of(text, name):
    # A word of a text that runs on stands further to the right.
    [line] = [line for line in text.splitlines() if line[:4].strip() and line.split()[0] == name]
    return line


def test_members_are_listed_with_their_cost(shown):
    text = shown().stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    # Texts run on over several lines of their column, so that only their words can be looked for.
    words = set(text.split())
    for info in list_members():
        assert line_of(text, info.name)
        assert words.issuperset(info.summary.split())
        assert words.issuperset(info.source.split())
        if info.parameters is not None:
            assert f"{info.parameters:,}" in line_of(text, info.name)


def test_costs_are_told_in_units(shown):
    text = shown().stdout
    assert line_of(text, "cnn_1").split()[-5:] == ["683,527", "22.5", "M", "2.7", "MB"]
    assert line_of(text, "tiny_xception").split()[-5:] == ["18,314", "1.8", "M", "73", "kB"]
    assert line_of(text, "boosted_hog").split()[-3:] == ["–", "–", "–"]


def test_listing_is_instant():
    code = (
        "import sys; sys.argv = ['fer-ensemble', 'members']; from fer_ensemble.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print({'keras', 'tensorflow', 'xgboost', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_one_member_is_shown_with_its_recipe_and_layers(shown):
    text = shown("tiny_xception").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "Four residual modules of 8 to 64 separable filters." in text
    assert line_of(text, "Source") == "Source        HOG + CNN ensemble"
    assert line_of(text, "schedule_params").split() == ["schedule_params", "{'factor':", "0.9}"]
    assert line_of(text, "loss").split() == ["loss", "'categorical_crossentropy'"]
    assert "batch_size" not in text  # as by default
    assert "48 × 48 × 1" in line_of(text, "InputLayer")
    assert text.count("SeparableConv2D") == 8
    assert line_of(text, "total").split() == ["total", "18,314", "1,847,492"]


def test_a_pipeline_is_shown_step_by_step_with_the_whole_description(shown):
    text = shown("dense_hog").stdout
    for part in get_member("dense_hog").description.replace("``", "").split():
        assert part in text
    assert line_of(text, "mirror").split() == ["mirror", "True"]
    assert line_of(text, "hog").split() == ["hog", "HOG"]
    assert line_of(text, "classifier__epochs").split() == ["classifier__epochs", "20"]
    assert "1,605,632" in text  # 1,568 features to 1,024 units
    assert line_of(text, "total").split() == ["total", "2,135,047", "2,133,504"]


def test_the_recipe_remakes_the_member():
    info = get_member("boosted_hog")
    recipe = info.recipe()
    assert list(recipe)[:2] == ["hog", "classifier"]
    assert recipe["classifier__max_bin"] == 64
    assert "classifier__random_state" not in recipe
    assert repr(create_member("boosted_hog", **recipe)) == repr(info.build())


def test_trees_have_no_layers(shown):
    text = shown("boosted_hog").stdout
    assert line_of(text, "classifier__n_estimators").split()[-1] == "400"
    assert "layer" not in text


def test_an_unknown_member_is_told_with_similar_ones(shown):
    done = shown("mobilnet")
    assert done.exit_code == 1
    assert str(done.exception).startswith("Unknown member 'mobilnet': choose among ['baseline_cnn'")
    assert str(done.exception).endswith("Did you mean mobilenet_v2?")


def test_made_faces_can_be_read_back(tmp_path):
    done = CliRunner().invoke(app, ["make-faces", str(tmp_path / "faces"), "-n", "21"])
    assert done.exit_code == 0
    read = load_faces(tmp_path / "faces", strict=True)
    expected = make_faces(21, random_state=1)
    assert read.class_counts() == dict.fromkeys(EMOTIONS, 3)
    one = next((tmp_path / "faces" / "happy").iterdir())
    number = int(one.stem.split("_")[1])
    np.testing.assert_array_equal(
        cv2.imread(str(one), cv2.IMREAD_GRAYSCALE), expected.images[number]
    )
