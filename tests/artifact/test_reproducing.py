"""The commands that make a saved ensemble again say what differs from the defaults."""

import shlex
from dataclasses import replace
from itertools import pairwise

import pytest

from fer_ensemble.artifact import Manifest
from fer_ensemble.artifact.manifest import StoredFile, StoredMember
from fer_ensemble.artifact.reproducing import fit_commands
from fer_ensemble.artifact.states import describe_parameters
from fer_ensemble.models import create_member


def stored(name, **params):
    parameters = describe_parameters(create_member(name, random_state=0, **params))
    return StoredMember(name, parameters, StoredFile(f"{name}.skops", ""), 1.0)


@pytest.fixture
def manifest():
    """Of an ensemble that was fitted by the command with its defaults."""
    return Manifest(
        classes=list(range(7)),
        class_names=list("abcdefg"),
        preprocessing={"size": 48},
        ensemble={"kind": "voting", "rule": "weighted", "given_weights": None},
        members=[stored("dense_hog"), stored("cnn_2")],
        validation=None,
        data={"source": "fer2013.zip", "protocol": "official", "split": "train", "seed": 0},
        versions={},
    )


def words(manifest):
    [command] = fit_commands(manifest)
    return shlex.split(command)


def test_defaults_are_left_out(manifest):
    assert fit_commands(manifest) == [
        "fer-ensemble fit fer2013.zip --members dense_hog,cnn_2 --rule weighted --out model"
    ]


def test_what_was_set_of_members_is_set_again(manifest):
    member = stored("dense_hog", classifier__epochs=3, classifier__network="it's", verbose=1)
    told = words(replace(manifest, members=[member, stored("cnn_2", augmentation={"flip": True})]))
    settings = [word for before, word in pairwise(told) if before == "--set"]
    assert settings == [
        "dense_hog.classifier__epochs=3",
        'dense_hog.classifier__network="it\'s"',
        "cnn_2.augmentation={'flip': True}",
    ]


def test_what_was_chosen_of_the_data_is_chosen_again(manifest):
    data = {"source": "my faces.csv", "protocol": "grouped", "split": None, "test_size": 0.2}
    ensemble = {**manifest.ensemble, "rule": "average", "validation_fraction": 0.2}
    members = [
        replace(m, parameters=describe_parameters(create_member(m.name, random_state=5)))
        for m in manifest.members
    ]
    told = words(replace(manifest, data={**data, "seed": 5}, ensemble=ensemble, members=members))
    assert told == shlex.split(
        "fer-ensemble fit 'my faces.csv' --members dense_hog,cnn_2 --rule average "
        "--protocol grouped --test-size 0.2 --seed 5 --validation-fraction 0.2 --out model"
    )
    voted = {**manifest.data, "ferplus": {"source": "fer2013new.csv", "n_faces": 9, "n_rows": 20}}
    assert "--ferplus fer2013new.csv" in " ".join(words(replace(manifest, data=voted)))
    synthetic = words(replace(manifest, data={"source": "1,500", "synthetic": True, "seed": 0}))
    assert synthetic[:3] == ["fer-ensemble", "fit", "--members"]


def test_what_was_combined_since_is_combined_again(manifest):
    _, again = fit_commands(replace(manifest, ensemble={"kind": "stacking"}), "my model")
    assert again == "fer-ensemble combine 'my model' --rule stacking"
    ensemble = {**manifest.ensemble, "weighting": "greedy", "calibrate": True}
    _, again = fit_commands(replace(manifest, ensemble=ensemble))
    assert again == ("fer-ensemble combine model --rule weighted --weighting greedy --calibrate")


def test_who_was_made_by_other_commands_says_so(manifest):
    data = {**manifest.data, "commands": ["make train", "make pack"]}
    assert fit_commands(replace(manifest, data=data)) == ["make train", "make pack"]


def test_what_no_command_makes_has_none(manifest):
    unknown = replace(manifest.members[0], name="a_member_of_my_own")
    old = replace(manifest.members[0], parameters={"no_longer_there": 1})
    other = stored("dense_hog")
    other.parameters["classifier"] = "SVC"
    for member in (unknown, old, other):
        assert fit_commands(replace(manifest, members=[member])) == []
    assert fit_commands(replace(manifest, data={})) == []
    given = {**manifest.ensemble, "given_weights": [0.5, 0.5]}
    assert fit_commands(replace(manifest, ensemble=given)) == []
