import random
import subprocess
import sys
from pathlib import Path

from experiments.kills import kill_often

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
