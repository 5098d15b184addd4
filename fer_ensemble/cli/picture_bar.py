"""The bar that ``fer-ensemble predict`` shows while it works."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fer_ensemble.cli.console import notes

if TYPE_CHECKING:
    from rich.progress import Progress


def count_pictures(paths: Sequence[str], left_out: Path | None) -> int | None:
    """Count the pictures, where a bar needs it and it can be known beforehand."""
    from fer_ensemble.faces import PictureListing, is_video
    from fer_ensemble.faces.inputs import STANDARD_INPUT

    if not notes.is_terminal or STANDARD_INPUT in paths:
        return None
    total = 0
    for path in PictureListing(paths, left_out=left_out):
        if is_video(path):
            return None
        total += 1
    return total


def picture_bar(out: Path | None) -> Progress:
    """Make the bar, which hides where it would be in the way."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("Predicting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} pictures/s"),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
        redirect_stdout=False,
        # Rows and a bar on one terminal would write over each other.
        disable=not notes.is_terminal or (out is None and sys.stdout.isatty()),
    )
