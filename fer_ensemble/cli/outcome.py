"""What ``fer-ensemble predict`` tells of its outcome, on standard error and by its exit code."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fer_ensemble.cli.console import notes

if TYPE_CHECKING:
    from fer_ensemble.faces import PictureListing, Prediction

ALL, ERROR, SOME, NONE, INTERRUPTED = 0, 1, 3, 4, 130  # exit codes; 2 is typer's, for wrong usage

_REASONS_TOLD = 5


@dataclass
class Tally:
    """Counts what became of the inputs, and keeps the first reasons of failures."""

    total: int = 0
    failed: int = 0
    reasons: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    def add(self, predictions: Sequence[Prediction]) -> None:
        """Count a batch."""
        failures = [item for item in predictions if item.status not in ("ok", "unsure")]
        self.total += len(predictions)
        self.failed += len(failures)
        for item in failures[: _REASONS_TOLD - len(self.reasons)]:
            self.reasons.append(f"{printable(item.path)}: {item.status} ({item.reason})")

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    @property
    def rate(self) -> float:
        """Faces per second since the start."""
        return self.total / self.seconds

    @property
    def code(self) -> int:
        """Exit code: whether all, some or none of the inputs have a prediction."""
        if not self.failed:
            return ALL
        return SOME if self.failed < self.total else NONE

    def tell(self, place: str) -> None:
        """Say what failed, and how many faces were written to which place in what time."""
        for reason in self.reasons:
            say(f"  {reason}", "yellow")
        if self.failed > len(self.reasons):
            say(f"  and {self.failed - len(self.reasons):,} more; see the column status", "yellow")
        say(
            f"{count(self.total, 'face')}, {self.failed:,} failed, in {self.seconds:.1f} s "
            f"({self.rate:,.0f} faces/s), written to {place}"
        )


def tell_left_out(listing: PictureListing) -> None:
    """Say what a listing left out of folders, once it has been gone through."""
    for folder in listing.empty_folders:
        say(f"There is no picture in {printable(folder)}", "yellow")
    if listing.n_other_files or listing.n_hidden:
        others = count(listing.n_other_files, "file")
        say(f"Left out of folders: {others} with no picture's ending, {listing.n_hidden:,} hidden")


def say(message: str, style: str | None = None) -> None:
    """Write a line to standard error."""
    notes.print(message, style=style, markup=False)


def count(number: int, noun: str) -> str:
    """Give a number with its noun, in the plural where it needs it."""
    return f"{number:,} {noun}" + "s" * (number != 1)


def printable(name: str) -> str:
    """Escape a file's name if it holds what would command the terminal."""
    return name if name.isprintable() else ascii(name)
