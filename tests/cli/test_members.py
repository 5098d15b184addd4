"""What the small verbs print and write."""

import cv2
import numpy as np
from typer.testing import CliRunner

from fer_ensemble.cli.app import app
from fer_ensemble.datasets import EMOTIONS, load_faces, make_faces
from fer_ensemble.models import list_members


def test_members_are_listed_with_their_cost(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    from fer_ensemble.cli import console

    monkeypatch.setattr(console.output, "_width", 200)
    shown = CliRunner().invoke(app, ["members"]).stdout
    for info in list_members():
        assert info.name in shown
        assert info.summary in shown
        if info.parameters is not None:
            assert f"{info.parameters:,}" in shown


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
