import os
import subprocess
import sys
from pathlib import Path

import pytest

from fer_ensemble.locks import InUseError, Lock, holding_file, holding_folder

HOLDER = """
import sys, time
from fer_ensemble.locks import Lock
lock = Lock(sys.argv[1])
lock.note({"rows": 3})
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["folder", "rows.csv"])
def test_the_second_is_told_who_is_first_and_a_kill_leaves_nothing_locked(
    tmp_path: Path, kind: str
) -> None:
    target = tmp_path / kind
    if kind == "folder":
        target.mkdir()
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, target], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    told = rf"{kind} is being written by process {holder.pid} on \S+, since 20\d\d-.*: wait"
    with pytest.raises(InUseError, match=told):
        Lock(target)
    holder.kill()
    holder.communicate()
    lock = Lock(target)
    assert lock.read() == {"rows": 3}
    lock.release()


def test_threads_of_one_process_keep_each_other_out(tmp_path: Path) -> None:
    with holding_folder(tmp_path / "model"):
        with pytest.raises(InUseError, match=f"process {os.getpid()} on "):
            Lock(tmp_path / "model")
        (tmp_path / "model" / "manifest.json").touch()
    assert os.listdir(tmp_path / "model") == ["manifest.json"]
    with holding_folder(tmp_path / "model"), holding_file(tmp_path / "report.html"):
        assert (tmp_path / "model" / ".lock").exists()
    assert sorted(os.listdir(tmp_path)) == ["model"]


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wrong"), holding_folder(tmp_path / "model"):
        raise ValueError("wrong")
    assert os.listdir(tmp_path) == []


def test_where_nothing_can_be_locked_nothing_is(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "no" / "such" / "rows.csv")
    lock.note({"rows": 3})
    assert lock.read() is None
    lock.release()


def test_what_is_noted_is_read_by_the_next_and_damage_is_nothing(tmp_path: Path) -> None:
    for content in ({"long": "x" * 99}, {"short": 1}):
        lock = Lock(tmp_path / "rows.csv")
        lock.note(content)
        assert lock.read() == content
        lock.release()
    file = tmp_path / ".rows.csv.run"
    file.write_bytes(file.read_bytes()[:-3])
    lock = Lock(tmp_path / "rows.csv")
    assert lock.read() is None
    lock.release()
