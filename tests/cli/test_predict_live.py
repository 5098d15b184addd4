"""``predict`` on streams and with ``--show``: rows at once, whole at the end, and no passwords."""

import inspect
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_ensemble.cli import prediction_window
from fer_ensemble.cli.predict import predict
from fer_ensemble.cli.prediction_window import PictureWindow, WindowError
from fer_ensemble.faces import WINDOW
from tests.faces.stand_ins import write_clip
from tests.faces.streams import Streams, serving

PICTURE = np.full((64, 96, 3), 128, np.uint8)


@pytest.fixture
def streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Streams]:
    monkeypatch.chdir(tmp_path)
    with serving(tmp_path, PICTURE) as streams:
        yield streams


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_ctrl_c_ends_a_stream_with_whole_rows_and_no_password_anywhere(
    streams: Streams, tmp_path: Path
) -> None:
    streams.go_on.set()
    address = streams.address.replace("://", "://anna:secret@")
    # FFmpeg quotes addresses; and tests may run where Ctrl-C would be left out.
    script = (
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from fer_ensemble.faces.output import CsvWriter\n"
        "def write(self, predictions, write=CsvWriter.write):\n"
        f"    os.write(2, b'[hls] cannot open {address}/a.ts\\n'); write(self, predictions)\n"
        "CsvWriter.write = write\n"
        "from fer_ensemble.cli import main; main()"
    )
    words = ["predict", f"{address}/live", "--model=fast", "--out=rows.csv", "--detector=skip"]
    run = subprocess.Popen(
        [sys.executable, "-c", script, *words, "--annotate=seen"],
        stderr=subprocess.PIPE,
        text=True,
    )
    rows = tmp_path / "rows.csv"
    until = time.monotonic() + 60
    while not (rows.exists() and rows.read_bytes().count(b"\n") > 3):
        assert time.monotonic() < until
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130, said
    content = rows.read_text()
    assert content.endswith("\n")
    assert {line.split(",")[0] for line in content.splitlines()[1:]} == {f"{streams.address}/live"}
    assert f"Interrupted; {content.count(chr(10)) - 1} rows kept in rows.csv." in said
    assert f"cannot open {streams.address}/a.ts" in said
    everything = [said, content, *map(str, tmp_path.rglob("*"))]
    assert not [text for text in everything if "secret" in text or "anna" in text]
    assert len(list(tmp_path.glob("seen/**/live.000000-*.mp4"))) == 1


def test_frames_that_were_left_out_are_told_and_a_stream_that_ended_is_a_failure(
    streams: Streams, run: Callable[..., tuple[int, str, str]]
) -> None:
    options = ("--model", "fast", "--detector", "skip")
    code, rows, said = run("predict", f"{streams.address}/short", *options)
    assert code == 3
    numbers = [int(row.split(",")[1]) for row in rows.splitlines()[1:-1]]
    assert numbers == sorted(set(numbers))
    assert "/short: unreadable (the stream ended or broke off after 30 frames)" in said
    left_out = 30 - len(numbers)
    assert (f"{left_out} of 30 frames left out" in said) == (left_out > 0)
    code, _, said = run("predict", f"{streams.address}/short", "--out", "a.csv", "--resume")
    assert code == 1
    assert "a.csv cannot be resumed: what a live source has shown is gone" in said


def test_the_help_states_the_window_that_is_used() -> None:
    assert inspect.signature(predict).parameters["window"].default == WINDOW


class ClosedSoon:
    """A window that someone closes once it has shown three pictures."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, Any]] = []
        self.n_waits = 0
        type(self).last = self

    last: "ClosedSoon"

    def __enter__(self) -> "ClosedSoon":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def is_closed(self) -> bool:
        return len(self.shown) >= 3

    def show(self, path: str, picture: np.ndarray) -> None:
        self.shown.append((path, picture.shape))

    def wait(self) -> None:
        self.n_waits += 1


def test_a_window_that_is_closed_ends_the_run_with_whole_rows(
    streams: Streams,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., tuple[int, str, str]],
) -> None:
    monkeypatch.setattr(prediction_window, "PictureWindow", ClosedSoon)
    write_clip(tmp_path / "clip.avi", [PICTURE] * 200)
    options = ("--model", "fast", "--detector", "skip", "--show")
    code, rows, _ = run("predict", "clip.avi", *options)
    window = ClosedSoon.last
    assert code == 0
    assert rows.count("\n") == len(window.shown) + 1 < 100
    assert window.shown[0] == ("clip.avi", (256, 384, 3))
    write_clip(tmp_path / "clip.avi", [PICTURE] * 2)
    assert run("predict", "clip.avi", *options)[1].count("\n") == 3
    assert ClosedSoon.last.n_waits == 1
    code, _, said = run("predict", "clip.avi", *options, "--out", "a.csv", "--resume")
    assert (code, "cannot be resumed" in said) == (1, True)


def test_without_a_display_or_tkinter_it_is_an_error_in_a_line(
    monkeypatch: pytest.MonkeyPatch, run: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.setitem(sys.modules, "tkinter", None)
    code, _, said = run("predict", "clip.avi", "--show")
    assert code == 1
    assert said.startswith("Error: --show: this Python has no window to show pictures in (")
    assert "apt install python3-tk" in said
    assert said.count("\n") == 1
    monkeypatch.undo()
    pytest.importorskip("tkinter")
    if sys.platform == "linux":
        monkeypatch.setenv("DISPLAY", "")
        with pytest.raises(WindowError, match="no display to show pictures on"):
            PictureWindow()


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A screen of 640 by 480 pixels that nobody sees."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("needs Xvfb, as of Debian's package xvfb")
    pytest.importorskip("tkinter")
    end, beginning = os.pipe()
    words = [
        program,
        "-displayfd",
        str(beginning),
        "-screen",
        "0",
        "640x480x24",
        "-nolisten",
        "tcp",
    ]
    server = subprocess.Popen(words, pass_fds=[beginning], stderr=subprocess.DEVNULL)
    os.close(beginning)
    with os.fdopen(end) as number:
        monkeypatch.setenv("DISPLAY", f":{number.readline().strip()}")
    yield
    server.terminate()
    server.wait()


@pytest.mark.usefixtures("display")
def test_the_window_shows_pictures_until_q_is_pressed_or_it_is_closed() -> None:
    with PictureWindow() as window:
        window.wait()  # nothing to wait for
        for level, shape in ((40, (100, 200, 3)), (200, (100, 200, 3)), (90, (2000, 1000, 3))):
            window.show("a.png", np.full(shape, (0, 0, level), np.uint8))
            assert window._root.title() == "a.png (q ends)"
            place = (window._photo.width() // 2, window._photo.height() // 2)
            red = window._root.tk.call(str(window._photo), "get", *place)
            assert tuple(map(int, red)) == (level, 0, 0)
        assert (window._photo.width(), window._photo.height()) == (216, 432)
        window._root.focus_force()
        window._root.update()
        window._root.after(50, lambda: window._root.event_generate("<q>"))
        window.wait()
        assert window.is_closed
        window.wait()
        window.show("b.png", np.zeros((10, 10, 3), np.uint8))
        assert window._root.title() == "a.png (q ends)"
    with PictureWindow() as window:
        window.show("a.png", np.zeros((10, 10, 3), np.uint8))
        if os.name != "nt":
            before = signal.signal(signal.SIGALRM, signal.default_int_handler)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt):  # it is heard although no one touches a key
                window.wait()
            signal.signal(signal.SIGALRM, before)
        window._root.tk.eval(window._root.protocol("WM_DELETE_WINDOW"))
        assert window.is_closed
