"""A report tells how to come to the same figures."""

import json
from dataclasses import replace

import numpy as np

from fer_ensemble.measuring import measure_model
from fer_ensemble.reporting import gather_content


def test_the_recipe_knows_data_versions_and_hashes(model, content):
    recipe = content.recipe
    manifest = json.loads((model / "manifest.json").read_text())
    assert not recipe.refits  # made from Python
    assert recipe.commands == [
        "fer-ensemble report model faces --split public_test --out report.html"
    ]
    assert recipe.hashes["bayes.skops"] == manifest["members"][1]["stored"]["sha256"]
    assert recipe.versions["keras"][0] == manifest["versions"]["keras"]
    assert recipe.settings["fitted on"] == "faces"
    assert recipe.settings["measured on"] == "faces, split public_test, n = 70"
    assert json.loads(recipe.parameters["network"])["epochs"] == 2


def test_the_hash_of_the_faces_changes_with_them(measured, content):
    name = "SHA-256 of these faces and labels"
    fewer = replace(measured.part, faces=measured.part.faces.take(np.arange(69)))
    changed = gather_content(
        replace(measured, part=fewer, probabilities=measured.probabilities[:69], seen=None),
        name="model",
        out="report.html",
    )
    assert changed.recipe.settings[name] != content.recipe.settings[name]


def test_another_protocol_than_that_of_the_fit_stands_in_the_command(model, data):
    measured = measure_model(model, data, protocol="kaggle")
    content = gather_content(measured, name="model", out="a report.html")
    assert content.data.protocol == "kaggle"
    assert content.recipe.commands == [
        "fer-ensemble report model faces --protocol kaggle --split test --out 'a report.html'"
    ]
