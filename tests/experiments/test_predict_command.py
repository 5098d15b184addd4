import sys
from pathlib import Path

from experiments.predict_command import predict_command


def test_options_and_flags_follow_the_paths():
    words = predict_command(Path("in"), Path("m"), Path("o.csv"), batch_size=8, resume=True)
    assert words[0] == sys.executable
    expected = "predict in --model m --out o.csv --batch-size 8 --resume"
    assert " ".join(words[3:]) == expected
