"""Keeping out of a bug report what is nobody's business: where files lie, and on whose machine."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# An absolute path on Linux, macOS or Windows, as it stands in a sentence; its last name is kept.
_POSIX = re.compile(r"(?<![\w./…<>-])~?/(?:[^\s/'\":,;()<>|*]+/)*([^\s/'\":,;()<>|*]*)")
_WINDOWS = re.compile(r"(?<!\w)(?:[A-Za-z]:|\\)\\(?:[^\s\\'\":,;()<>|*]+\\)*([^\s\\'\":,;()<>|*]*)")
# Names that say nothing of anybody, and would be cut out of the middle of what matters.
_COMMON_NAMES = {"", "root", "user", "admin", "localhost", "runner", "python", "home"}


def hide_private(text: str) -> str:
    r"""Cut paths to their last name, and leave out the names of the machine and of the user.

    Parameters
    ----------
    text : str
        Of an error, mostly.

    Returns
    -------
    str

    Examples
    --------
    >>> print(hide_private("cannot open '/home/ann/venv/lib/libGL.so.1': no such file"))
    cannot open '…/libGL.so.1': no such file
    >>> print(hide_private(r"File C:\Users\Ann\model\manifest.json is damaged"))
    File …/manifest.json is damaged
    """
    for folder in sorted(set(_folders()), key=len, reverse=True):
        text = text.replace(folder, "…")
    text = _WINDOWS.sub(r"…/\1", _POSIX.sub(r"…/\1", text))
    text = re.sub(r"…[/\\](?:[^\s/\\'\":,;()<>|*]+[/\\])+", "…/", text)
    for name in set(_names()) - _COMMON_NAMES:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", text)
    return text


def _folders() -> Iterator[str]:
    """Folders whose paths may have spaces in them."""
    places = [sys.prefix, sys.base_prefix, tempfile.gettempdir, os.getcwd, Path.home]
    places.append(str(Path(__file__).parents[2]))
    for place in places:
        with suppress(OSError, RuntimeError):  # there may be no such folder any more
            folder = str(place() if callable(place) else place)
            if len(folder) > 3:  # a root is in everything
                yield folder


def _names() -> Iterator[str]:
    yield platform.node()
    yield platform.node().partition(".")[0]
    yield from (os.environ.get(name, "") for name in ("USER", "USERNAME", "LOGNAME"))
    with suppress(RuntimeError):
        yield Path.home().name
