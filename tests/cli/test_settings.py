import pytest
import typer

from fer_ensemble.cli.settings import parse_settings


def test_values_are_literals_or_text():
    settings = ["cnn_2.epochs=10", "cnn_2.schedule=cosine", "dense.params={'units': [16]}"]
    assert parse_settings(settings, [], ["cnn_2", "dense", "other"]) == {
        "cnn_2": {"epochs": 10, "schedule": "cosine"},
        "dense": {"params": {"units": [16]}},
        "other": {},
    }


@pytest.mark.parametrize("setting", ["cnn_2.epochs", "epochs=3", "foreign.epochs=3", "cnn_2.=3"])
def test_what_is_no_setting_is_refused(setting):
    with pytest.raises(typer.BadParameter, match=r"write MEMBER\.PARAMETER=VALUE"):
        parse_settings([setting], [], ["cnn_2"])
