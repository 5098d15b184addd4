"""What ``--verbose`` tells: versions, stages and how long they take, where an error came up."""

from __future__ import annotations

import platform
import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType

from fer_ensemble import __version__

# By the name of the module; those that a command has loaded are told at its end.
_LIBRARIES = (
    "numpy",
    "cv2",
    "PIL",
    "onnxruntime",
    "sklearn",
    "scipy",
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "xgboost",
    "matplotlib",
    "pyarrow",
    "ray",
    "fastapi",
    "uvicorn",
)


class Stage:
    """A part of a command's work: what it is when it begins, and its time when it ends.

    Stands where a terminal has a spinner, and is used as that one is.

    Parameters
    ----------
    title : str
    say : callable
        Takes a line.
    """

    def __init__(self, title: str, say: Callable[[str], None]) -> None:
        self._title = title
        self._say = say
        self._started = time.perf_counter()

    def __enter__(self) -> Stage:
        """Say what begins."""
        self._say(f"{self._title} …")
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say how long it took, or that it came to nothing."""
        how = "took" if error is None else "ended early, after"
        self._say(f"{self._title}: {how} {time.perf_counter() - self._started:.2f} s")

    def update(self, title: str) -> None:
        """Go on to something else."""
        self._say(f"{title} …")


def describe_start() -> str:
    """Say what runs, by which Python and where."""
    return (
        f"fer-ensemble {__version__}, Python {platform.python_version()} ({sys.executable}), "
        f"{platform.system()} {platform.machine()}"
    )


def describe_end(seconds: float) -> str:
    """Say how long a command took, what it has loaded, and what networks ran on."""
    versions = []
    for name in _LIBRARIES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            versions.append(f"{name} {version}")
    told = f"Took {seconds:.2f} s"
    if versions:
        told += f", with {', '.join(versions)}"
    return f"{told}{_device()}"


def _device() -> str:
    if "keras" not in sys.modules:
        return ""
    from fer_ensemble.models import describe_device

    return f"; networks on {describe_device()}"


def describe_unexpected(error: Exception, *, verbose: bool) -> str:
    """Tell an error that nobody has foreseen: in a line, or, where more is asked for, all of it.

    Parameters
    ----------
    error : Exception
    verbose : bool

    Returns
    -------
    str
    """
    frames = traceback.extract_tb(error.__traceback__)
    # The package's own line, as far as there is one: libraries mostly do as they are told.
    own = [frame for frame in frames if "fer_ensemble" in frame.filename] or frames
    told = (
        f"Error: {type(error).__name__}: {error} (unexpected, in {own[-1].filename}:"
        f"{own[-1].lineno}: a defect of fer-ensemble or of a library; --verbose shows how it came "
        "up)"
    )
    return told + "\n" + "".join(traceback.format_exception(error)) if verbose else told
