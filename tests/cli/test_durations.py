import pytest
import typer

from fer_ensemble.cli.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("20m", 1200), ("1h30m", 5400), ("1.5h", 5400), (" 2M ", 120)],
)
def test_lengths_of_time(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5m", "20 minutes", "1.2.3m", "m", "h"])
def test_what_is_no_length_of_time(text):
    with pytest.raises(typer.BadParameter, match="write 20m, 1h30m or 90s"):
        parse_duration(text)
