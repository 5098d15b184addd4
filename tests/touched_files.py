"""Print which files of the package take part in a command, in the order of their first use.

``python tests/touched_files.py predict a.png --model fast`` runs ``fer-ensemble predict a.png
--model fast`` and then prints how many files of ``fer_ensemble`` it went through, and which. The
order is one to read them in.

A file takes part if one of its functions runs, in any thread. What runs while a module of the
package is imported does not count: it is done for every command that imports the module. Neither do
class bodies, nor templates.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType

PACKAGE = Path(__file__).parent.parent / "fer_ensemble"


class Tracer:
    """Note the files of the package whose functions run."""

    def __init__(self) -> None:
        # A dictionary, since it keeps the order.
        self._files: dict[str, None] = {}
        # Python calls a tracer for every function of every library; most have been seen before.
        self._others: set[CodeType] = set()

    @property
    def files(self) -> list[str]:
        """Paths within the package, in the order of their first use."""
        return [Path(file).relative_to(PACKAGE).as_posix() for file in self._files]

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if code in self._others or code.co_filename in self._files:
            return
        if not _is_function_of_package(code):
            self._others.add(code)
        elif not _is_importing(frame):
            self._files[code.co_filename] = None


def _is_function_of_package(code: CodeType) -> bool:
    # Only functions have optimised local variables; bodies of modules and classes have names.
    is_function = bool(code.co_flags & CO_OPTIMIZED)
    # Jinja gives what it compiles the file name of its template.
    return is_function and code.co_filename.endswith(".py") and _is_in_package(code)


def _is_in_package(code: CodeType) -> bool:
    return code.co_filename.startswith(f"{PACKAGE}/")


def _is_importing(frame: FrameType | None) -> bool:
    """Say whether the body of one of the package's modules is running further up."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and _is_in_package(frame.f_code):
            return True
        frame = frame.f_back
    return False


def touched_files(command: Callable[[], object]) -> list[str]:
    """Run a command and list the files of the package that take part in it.

    Parameters
    ----------
    command : callable
        Without arguments. Imports of the package within it are allowed for.

    Returns
    -------
    list of str
        Paths within the package, in the order of their first use.
    """
    tracer = Tracer()
    # A measurement of coverage traces too.
    before, before_in_threads = sys.gettrace(), threading.gettrace()
    # sys.monitoring would be faster, but Python 3.11 is without it.
    threading.settrace(tracer)
    sys.settrace(tracer)
    try:
        command()
    finally:
        sys.settrace(before)
        threading.settrace(before_in_threads)
    return tracer.files


def main(arguments: Sequence[str]) -> int:
    """Run a command of ``fer-ensemble`` and print the files that took part.

    Parameters
    ----------
    arguments : sequence of str
        Words of the command.

    Returns
    -------
    int
        Its exit code.
    """
    # Of this checkout, wherever the package may be installed.
    sys.path.insert(0, str(PACKAGE.parent))
    sys.argv = ["fer-ensemble", *arguments]
    code = 0

    def command() -> None:
        nonlocal code
        from fer_ensemble.cli import main

        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1

    files = touched_files(command)
    print(f"{len(files)} files:", *files, sep="\n", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
