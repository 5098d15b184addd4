"""``fer-ensemble serve`` in a process of its own, watched from outside: what it takes and opens."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import fer_ensemble

_PACKAGE = str(Path(fer_ensemble.__file__).parents[1])
_PATIENCE = 120.0  # seconds to start in, and to stop in
_OPENING = re.compile(
    r'(?:open|openat|openat2|creat)\([^"]*"((?:[^"\\]|\\.)*)"(\.\.\.)?,?([^=]*)= (\d+)'
)
_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")
_TRACED = "trace=open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,execve"


class Taken(NamedTuple):
    """What a process holds at a moment.

    Attributes
    ----------
    memory_mb : float
        Resident, in units of 10⁶ bytes.
    files : int
        Open files, sockets included.
    threads : int
    """

    memory_mb: float
    files: int
    threads: int


class Server:
    """A server on a free port of 127.0.0.1; a context manager, in which it runs.

    Parameters
    ----------
    *options : str
        Of ``fer-ensemble serve``.
    is_traced : bool, default=False
        Whether strace notes which files it opens, where that is installed.

    Attributes
    ----------
    port : int
    host : str
        With the port, as the header ``Host`` has it.
    folder : Path
        Holds its working folder ``work`` and its ``TMPDIR``, ``tmp``, both empty at first.
    is_traced : bool
        Whether it is.
    """

    def __init__(self, *options: str, is_traced: bool = False) -> None:
        self._options = options
        self.is_traced = is_traced and shutil.which("strace") is not None

    def __enter__(self) -> Server:
        """Start the server and wait until it answers."""
        self._holder = tempfile.TemporaryDirectory()
        self.folder = Path(self._holder.name)
        self.port = _free_port()
        self.host = f"127.0.0.1:{self.port}"
        self._log, self._trace = self.folder / "log.txt", self.folder / "trace.txt"
        for name in ("work", "tmp"):
            (self.folder / name).mkdir()
        self._process = self._start()
        try:
            self._wait()
        except BaseException:
            self._process.kill()
            self._process.wait()
            self._holder.cleanup()
            raise
        self._n_traced_before = len(self._opened())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server, if it still runs."""
        self.stop()
        self._holder.cleanup()

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def stop(self) -> int:
        """Ask the server to stop, and return its exit code."""
        if self.is_alive:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def taken(self) -> Taken:
        """Say what it holds now.

        Raises
        ------
        OSError
            If it has ended.
        """
        process = Path("/proc", str(self.pid))
        pages = int((process / "statm").read_text().split()[1])
        return Taken(
            round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1),
            len(list((process / "fd").iterdir())),
            len(list((process / "task").iterdir())),
        )

    def cpu_seconds(self) -> float:
        """Return the processor time it has taken so far, of all its threads.

        Raises
        ------
        OSError
            If it has ended.
        """
        fields = Path("/proc", str(self.pid), "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        """Return the most memory that was ever resident, in units of 10⁶ bytes.

        Raises
        ------
        OSError
            If it has ended.
        """
        status = Path("/proc", str(self.pid), "status").read_text()
        return round(int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6, 1)

    def log(self) -> str:
        """Return what it has said on its standard output and beside it."""
        return self._log.read_text(errors="backslashreplace")

    def written(self) -> list[str]:
        """List the files in its working folder and its ``TMPDIR``, and those it holds to write."""
        left = [path for name in ("work", "tmp") for path in (self.folder / name).rglob("*")]
        return sorted(str(path.relative_to(self.folder)) for path in left) + self._held()

    def opened(self) -> dict[str, str]:
        """List the files that it has opened since it first answered, if it is traced.

        Returns
        -------
        dict of str to str
            ``"read"``, ``"write"`` or ``"run"``, by path as strace writes it. Left out is what
            Python and its packages read of themselves, and the process of itself.
        """
        own = (sys.prefix, sys.base_prefix, _PACKAGE, "/proc/self/")
        found = self._opened()[self._n_traced_before :]
        here = str(self.folder / "work")  # is listed where Python looks for a module
        return {
            path: how
            for path, how in found
            if how != "read" or not (path.startswith(own) or path == here)
        }

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "from fer_ensemble.cli import main; main()", "serve"]
        command += ["--port", str(self.port), *self._options]
        if self.is_traced:
            # A grandchild traces: the server stays ours, and its other calls run at full speed.
            strace = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-s", "4096", "-e", _TRACED]
            command = [*strace, "-o", str(self._trace), *command]
        paths = os.pathsep.join(filter(None, [_PACKAGE, os.environ.get("PYTHONPATH")]))
        environment = {"PYTHONPATH": paths, "TMPDIR": str(self.folder / "tmp")}
        with open(self._log, "wb") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder / "work",
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _wait(self) -> None:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and self.is_alive:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.05)
            finally:
                connection.close()
        raise RuntimeError(f"the server does not start: {self.log()}")

    def _opened(self) -> list[tuple[str, str]]:
        if not self.is_traced:
            return []
        found = []
        for line in self._trace.read_text(errors="backslashreplace").splitlines():
            if (opening := _OPENING.search(line)) is not None:
                path, _, flags, _ = opening.groups()
                found.append((path, "write" if _WRITING.search(flags) else "read"))
            elif " = 0" in line and "(" in line:
                found.append((line.split("(", 1)[1], "run" if "execve(" in line else "write"))
        return found

    def _held(self) -> list[str]:
        """List the files, devices and sockets aside, that are open for writing: not the log."""
        held = []
        for link in Path("/proc", str(self.pid), "fd").iterdir():
            try:
                target = Path(os.readlink(link))
                flags = Path("/proc", str(self.pid), "fdinfo", link.name).read_text()
            except OSError:  # closed meanwhile
                continue
            mode = int(flags.split("flags:")[1].split()[0], 8) & os.O_ACCMODE
            if mode != os.O_RDONLY and target.is_file() and target != self._log:
                held.append(str(target))
        return held


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
