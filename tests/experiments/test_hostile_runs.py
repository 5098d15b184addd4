import random
import subprocess
import sys
from pathlib import Path

import numpy as np

from experiments.console import predict_command
from experiments.hostile_files import make_hostile_files
from experiments.kills import kill_often
from fer_ensemble.faces import predict_files

# Stands in for a prediction: appends what is missing, line by line.
SCRIPT = """
import sys, time
with open(sys.argv[1], "a") as table:
    for number in range(table.tell() // 5, 200):
        table.write(f"{number:04}\\n")
        table.flush()
        time.sleep(float(sys.argv[2]))
"""
WHOLE = "".join(f"{number:04}\n" for number in range(200))


def _command(table: Path, seconds: float) -> list[str]:
    return [sys.executable, "-S", "-c", SCRIPT, str(table), str(seconds)]


def test_a_command_is_killed_as_often_as_asked_and_goes_on(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    sizes = kill_often(_command(table, 0.01), table, 4, len(WHOLE), random.Random(1))
    assert len(sizes) == 4
    assert sizes == sorted(sizes)
    assert 0 < sizes[-1] < len(WHOLE)
    subprocess.run(_command(table, 0), check=True)
    assert table.read_text() == WHOLE


def test_a_run_that_ends_by_itself_does_not_count(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text(WHOLE)  # the first run finds nothing to do
    sizes = kill_often(_command(table, 0.02), table, 1, len(WHOLE), random.Random(0))
    assert len(sizes) == 1
    assert sizes[0] < len(WHOLE)


class Level:
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.full((len(X), 2), 0.5)


def test_each_hostile_file_has_its_row_and_none_stops_the_run(tmp_path: Path) -> None:
    kinds = make_hostile_files(tmp_path, 32, np.random.default_rng(0))
    assert len(kinds) == 12
    assert sum(kinds.values()) == 32
    paths = sorted(str(path) for path in tmp_path.iterdir())
    batches = predict_files(Level(), paths, class_names=("happy", "sad"), batch_size=5)
    rows = [row for batch in batches for row in batch]
    assert sorted({row.path for row in rows}) == paths
    assert {"unreadable", "empty", "missing", "too_large"} <= {row.status for row in rows}
    assert all(row.reason for row in rows if row.face is None)


def test_options_and_flags_follow_the_paths():
    words = predict_command(Path("in"), Path("m"), Path("o.csv"), batch_size=8, resume=True)
    assert words[0] == sys.executable
    expected = "predict in --model m --out o.csv --batch-size 8 --resume"
    assert " ".join(words[3:]) == expected
