"""Read faces from a folder laid out as ``split/class/*`` or ``class/*``."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from fer_ensemble.datasets.dataset import FaceDataset
from fer_ensemble.datasets.pictures import Entry, check_size, read_pictures
from fer_ensemble.datasets.report import ReadReport
from fer_ensemble.faces.decode import UnreadableImage


def read_folder(
    path: Path, report: ReadReport, progress: Callable[[int, int], None] | None = None
) -> FaceDataset:
    """Read faces from a folder; links to other folders are followed.

    Parameters
    ----------
    path : Path
    report : ReadReport
        Takes what is skipped, resized or left out.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    FaceDataset
    """
    return read_pictures(_entries(path, report), report, progress)


def _entries(root: Path, report: ReadReport) -> Iterator[Entry]:
    def refuse(error: OSError) -> None:
        name = os.path.relpath(error.filename, root)
        report.add("unreadable", name, f"the folder cannot be opened ({error.strerror})")

    # A link to a folder above would be walked round and round, so each folder knows those above.
    above = {os.fspath(root): {os.path.realpath(root)}}
    for folder, below, files in os.walk(os.fspath(root), onerror=refuse, followlinks=True):
        for name in files:
            path = Path(folder, name)
            yield Entry(_shown(path.relative_to(root)), partial(_read, path))
        real = {name: os.path.realpath(os.path.join(folder, name)) for name in below}
        below[:] = [name for name in below if real[name] not in above[folder]]
        above |= {os.path.join(folder, name): above[folder] | {real[name]} for name in below}


def _shown(path: Path) -> str:
    """Name with ``/`` between its parts, fit to be printed whatever bytes it is made of."""
    return os.fsencode(path.as_posix()).decode("utf-8", "replace")


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImage("not a regular file")
        check_size(status.st_size)
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"cannot be opened ({error.strerror})") from error
