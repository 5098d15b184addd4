"""How far a training has come, on standard error: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import ClassVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

# Where no line can be redrawn, as in a log, one now and then is enough.
_SECONDS_BETWEEN_LINES = 10.0


class ProgressDisplay:
    """Shows steps done, figures, and the time that is left at most.

    Parameters
    ----------
    title : str
        What is trained.
    total : int
        Steps planned.
    visible : bool
        Whether to show anything.
    """

    def __init__(self, title: str, total: int, visible: bool) -> None:
        self._title = title
        self._total = total
        self._visible = visible
        # Standard output belongs to results, which may be piped on.
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._done = self._resumed = 0
        self._started = self._last_line = time.perf_counter()

    def __enter__(self) -> ProgressDisplay:
        """Start the bar."""
        if self._visible and self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                TextColumn("{task.fields[status]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=self._total, status="")
        return self

    def advance(self, n_steps: int = 1, total: int | None = None) -> None:
        """Count steps.

        Parameters
        ----------
        n_steps : int, default=1
        total : int, default=None
            Steps planned by now, if that changed.
        """
        self._done += n_steps
        self._total = self._total if total is None else total
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, total=self._total)

    def resume(self, done: int, status: str) -> None:
        """Start from the steps of an interrupted training.

        Parameters
        ----------
        done : int
            Steps done before.
        status : str
            Line to print.
        """
        # Steps done before took none of the time since the start, and don't count in its estimate.
        self._done = self._resumed = done
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
        self.print(status)

    def print(self, line: str) -> None:
        """Print a line that stays.

        Parameters
        ----------
        line : str
            Without the title, which comes before it.
        """
        if self._visible:
            # One line of a log stays one, however wide rich takes a terminal to be.
            self._console.print(f"{self._title} · {line}", highlight=False, soft_wrap=True)

    def report(self, status: str) -> None:
        """Show the latest figures.

        Parameters
        ----------
        status : str
            Figures to stand beside the bar, or in a line of their own.
        """
        now = time.perf_counter()
        if self._bar is not None:
            self._bar.update(self._task, status=status)
        elif self._visible and (
            now - self._last_line > _SECONDS_BETWEEN_LINES or self._done >= self._total
        ):
            self._last_line = now
            done = max(self._done - self._resumed, 1)
            # At most, because early stopping may come before.
            left = (now - self._started) * (self._total - self._done) / done
            self.print(f"{status} · at most {left:.0f} s left")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the bar, also after an interruption: rich would leave the cursor hidden."""
        if self._bar is not None:
            self._bar.stop()


class EpochProgress:
    """Shows the steps and epochs of a training loop on a display.

    Parameters
    ----------
    display : ProgressDisplay
    epochs : int
        Epochs planned.
    """

    _SHOWN: ClassVar = {
        "loss": "loss",
        "accuracy": "acc",
        "val_loss": "val_loss",
        "val_accuracy": "val_acc",
    }

    def __init__(self, display: ProgressDisplay, epochs: int) -> None:
        self._display = display
        self._epochs = epochs

    def advance(self, n_steps: int, total: int) -> None:
        """Count steps.

        Parameters
        ----------
        n_steps : int
        total : int
            Steps planned by now, which a time budget changes.
        """
        self._display.advance(n_steps, total)

    def report(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Show an epoch.

        Parameters
        ----------
        epoch : int
            Its number, from 1.
        figures : mapping of str to float
            As in ``KerasClassifier.history_``.
        """
        shown = [
            f"{short} {figures[name]:.3f}" for name, short in self._SHOWN.items() if name in figures
        ]
        self._display.report(" · ".join([f"epoch {epoch}/{self._epochs}", *shown]))

    def resume(self, steps: int, epochs: int) -> None:
        """Start from an interrupted training.

        Parameters
        ----------
        steps, epochs : int
            Those done before.
        """
        self._display.resume(steps, f"going on after epoch {epochs}")
