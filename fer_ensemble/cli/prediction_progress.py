"""What ``fer-ensemble predict`` shows on standard error: a bar, counts, failures; exit codes."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fer_ensemble.cli.console import notes

if TYPE_CHECKING:
    from rich.progress import Progress

    from fer_ensemble.faces import FaceFinder, KeptRows, PictureListing, Prediction

ALL, ERROR, SOME, NONE, INTERRUPTED = 0, 1, 3, 4, 130  # exit codes; 2 is typer's, for wrong usage

_REASONS_SHOWN = 5


@dataclass
class Tally:
    """Counts what became of the inputs, and keeps the first reasons of failures."""

    rows: int = 0
    items: int = 0
    faces: int = 0
    failed: int = 0
    kept_items: int = 0
    frames: bool = False
    reasons: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    def keep(self, kept: KeptRows) -> None:
        """Begin with what a run before has written."""
        self.rows, self.items, self.kept_items = kept.n_rows, kept.n_items, kept.n_items
        self.faces, self.failed = kept.n_faces, kept.n_failed

    def add(self, predictions: Sequence[Prediction]) -> None:
        """Count a batch."""
        failures = [item for item in predictions if item.failed]
        self.rows += len(predictions)
        self.items += sum(not item.face for item in predictions)
        self.faces += sum(item.face is not None for item in predictions)
        self.failed += len(failures)
        self.frames = self.frames or any(item.frame is not None for item in predictions)
        for item in failures[: _REASONS_SHOWN - len(self.reasons)]:
            self.reasons.append(f"{printable(item.path)}: {item.status} ({item.reason})")

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    @property
    def rate(self) -> float:
        """Pictures and frames per second since the start."""
        return (self.items - self.kept_items) / self.seconds

    @property
    def code(self) -> int:
        """Exit code: whether all, some or none of the inputs have a prediction."""
        if not self.faces:
            return NONE
        return SOME if self.failed else ALL

    def report(self, destination: str) -> None:
        """Say what failed, and how many faces were written where and in what time."""
        for reason in self.reasons:
            say(f"  {reason}", "yellow")
        if self.failed > len(self.reasons):
            say(f"  and {self.failed - len(self.reasons):,} more; see the column status", "yellow")
        items = count(self.items, "picture") + " and frames" * self.frames
        kept = f" ({self.kept_items:,} of them before)" if self.kept_items else ""
        say(
            f"{count(self.faces, 'face')} in {items}{kept}, {self.failed:,} failed, in "
            f"{self.seconds:.1f} s ({self.rate:,.0f} pictures/s), written to {destination}"
        )


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


def report_taken_whole(finder: FaceFinder) -> None:
    """Say which pictures were taken for faces, where that was left to the finder."""
    if finder.n_taken_whole or finder.n_searched:
        say(
            f"--detector auto: {count(finder.n_taken_whole, 'picture')} taken for faces (small and "
            f"gray, or filled by one), {finder.n_searched:,} searched for them (blazeface)"
        )


def report_left_out(listing: PictureListing) -> None:
    """Say what a listing left out of folders, once it has been gone through."""
    for folder in listing.empty_folders:
        say(f"There is no picture or video in {printable(folder)}", "yellow")
    if listing.n_other_files or listing.n_hidden:
        others = count(listing.n_other_files, "file")
        say(
            f"Left out of folders: {others} with no picture's or video's ending, "
            f"{listing.n_hidden:,} hidden"
        )


def say(message: str, style: str | None = None) -> None:
    """Write a line to standard error."""
    notes.print(message, style=style, markup=False)


def count(number: int, noun: str) -> str:
    """Give a number with its noun, in the plural where it needs it."""
    return f"{number:,} {noun}" + "s" * (number != 1)


def printable(name: str) -> str:
    """Escape a file's name if it holds what would command the terminal."""
    return name if name.isprintable() else ascii(name)
