"""What ``fer-ensemble predict`` shows on standard error: a bar, counts, failures; exit codes."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING, Any

from fer_ensemble.cli.console import count, notes, redirecting_decoders, row_output, visible

if TYPE_CHECKING:
    from rich.progress import Progress

    from fer_ensemble.cli.prediction_window import PictureWindow
    from fer_ensemble.faces import FaceFinder, KeptRows, PictureListing, Prediction
    from fer_ensemble.prediction_run import PredictionRun
    from fer_ensemble.spreading import WrittenPart

ALL, ERROR, SOME, NONE, INTERRUPTED = 0, 1, 3, 4, 130  # exit codes; 2 is typer's, for wrong usage

_REASONS_SHOWN = 5
_NAMES_COMPARED = 10_000
_JOIN_SECONDS = 1.0

# What libjpeg, libpng and libtiff write about a file whose name they do not know.
_DECODER_LINE = re.compile(
    rb"\s*(Corrupt JPEG data|Premature end of JPEG file|Invalid SOS parameters"
    rb"|Warning: unknown JFIF|libpng (?:warning|error)|iCCP|TIFF\w*: Warning|Unsupported marker)"
)


@dataclass
class Tally:
    """Counts what became of the inputs, and keeps the first reasons of failures."""

    rows: int = 0
    items: int = 0
    faces: int = 0
    failed: int = 0
    kept_items: int = 0
    frames: bool = False
    all_missing: bool = True
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
        self._explain(failures)
        self.all_missing &= all(item.status == "missing" for item in predictions)

    def add_part(self, part: WrittenPart) -> None:
        """Count a part that a worker has written, now or in a run before."""
        counts = part.counts
        self.rows, self.items = self.rows + counts.n_rows, self.items + counts.n_items
        self.faces, self.failed = self.faces + counts.n_faces, self.failed + counts.n_failed
        self.kept_items += 0 if part.host else counts.n_items
        self.frames |= counts.has_frames
        self.all_missing &= counts.all_missing
        self._explain(part.rows)

    def _explain(self, failures: Sequence[Prediction]) -> None:
        for item in failures[: _REASONS_SHOWN - len(self.reasons)]:
            hint = suggest_name(item.path) if item.status == "missing" else ""
            self.reasons.append(f"{visible(item.path, '')}: {item.status} ({item.reason}){hint}")

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    @property
    def rate(self) -> float:
        """Pictures and frames per second since the start."""
        return (self.items - self.kept_items) / self.seconds

    def code(self, listing: PictureListing) -> int:
        """Exit code: whether all, some or none of the inputs have a prediction."""
        if not self.faces:
            return NONE
        return SOME if self.failed or listing.n_other_files else ALL

    def report(self, destination: str) -> None:
        """Say what failed, and how many faces were written where and in what time."""
        for reason in self.reasons:
            say(f"  {reason}", "yellow")
        if self.failed > len(self.reasons):
            say(f"  and {self.failed - len(self.reasons):,} more; see the column reason", "yellow")
        if self.rows and self.all_missing:
            say(
                "Give pictures, videos or folders that exist; names that do not begin with "
                f"{os.sep} are looked up in {visible(os.getcwd(), '')}",
                "yellow",
            )
        items = count(self.items, "picture") + " and frames" * self.frames
        kept = f" ({self.kept_items:,} of them before)" if self.kept_items else ""
        say(
            f"{count(self.faces, 'face')} in {items}{kept}, {self.failed:,} failed, in "
            f"{self.seconds:.1f} s ({self.rate:,.0f} pictures/s), written to {destination}"
        )


def picture_bar(out: str | None) -> Progress:
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
        disable=not notes.shows_bars or (out is None and sys.stdout.isatty()),
    )


def predict_step_by_step(
    paths: Sequence[str],
    out: str | None,
    settings: dict[str, Any],
    tally: Tally,
    window: PictureWindow | None = None,
) -> int:
    """Predict step by step, so that each error is put down to the option that it comes from."""
    from fer_ensemble.faces import DetectorError
    from fer_ensemble.prediction_run import PredictionRun

    output, listed = out or row_output(), sys.stdin.buffer
    try:
        run = PredictionRun(paths, out=output, standard_input=listed, **settings)
    except (ValueError, ImportError) as error:
        distant = settings["engine"] != "local" or settings["address"] is not None
        option = "--shard" if settings["shard"] else "--engine" if distant else "--out"
        notes.error(f"Error: {option}: {error}")
        return ERROR
    if not run.has_inputs():
        report_left_out(run.listing)
        notes.error("No picture found.")
        return NONE
    try:
        run.prepare()
    except (DetectorError, ImportError) as error:
        notes.error(f"Error: --detector: {error}")
        return ERROR
    if not predict_under_bar(run, out, tally, window):
        return ERROR
    report_left_out(run.listing)
    if settings["detector"] == "auto":
        report_taken_whole(run.finder)
    tally.report(name_output(out))
    if settings["shard"] and not tally.items:
        say("No input falls to this shard: there are fewer groups of inputs than shards")
        return ALL
    return tally.code(run.listing)


def predict_under_bar(
    run: PredictionRun, out: str | None, tally: Tally, window: PictureWindow | None
) -> bool:
    """Write the rows of the inputs under a bar; False if they cannot be written."""
    if run.kept is not None:
        tally.keep(run.kept)
    if run.is_same_run is None:
        say("What is kept may come of another model or other options: nothing says so", "yellow")
    with notes.status("Loading the ensemble"):
        run.load()
    progress = picture_bar(out)
    total = run.count_pictures() if notes.shows_bars else None
    tally.started = time.perf_counter()
    try:
        steps = run.parts() if run.writes_parts else run.batches()
        count_step: Callable[[Any], None] = tally.add_part if run.writes_parts else tally.add
        with hiding_decoders() as dropped, progress, closing(steps):
            task = progress.add_task("", total=total, completed=tally.items, rate=0.0)
            for step in steps:
                count_step(step)
                progress.update(task, completed=tally.items, rate=tally.rate)
                if window is not None and window.is_closed:
                    break
        report_dropped(dropped)
    except BrokenPipeError:
        raise  # the reader has enough, as `head` does: typer ends quietly
    except OSError as error:
        file = f": {error.filename}" if error.filename else ""
        kept = f"; {count(tally.rows, 'row')} kept" if tally.rows else ""
        notes.error(f"Error: cannot write {name_output(out)} ({error.strerror}{file}){kept}")
        return False
    finally:
        report_live(run.listing)
    return True


def name_output(out: str | None) -> str:
    """Say where rows go."""
    return "standard output" if out is None else str(out)


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
        say(f"There is no picture or video in {visible(folder, '')}", "yellow")
    if listing.n_other_files:
        kinds = listing.other_files.most_common(_REASONS_SHOWN)
        endings = ", ".join(
            f"{n:,} {visible(ending, '') or 'without ending'}" for ending, n in kinds
        )
        more = ", …" * (len(listing.other_files) > len(kinds))
        names = ", ".join(visible(name, "") for name in listing.first_others)
        say(
            f"Left out of folders: {count(listing.n_other_files, 'file')} that cannot be read as "
            f"picture or video ({endings}{more}): {names}"
            + ", …"
            * (listing.n_other_files > len(listing.first_others)),
            "yellow",
        )
        say("  Pictures among them have to be saved as JPEG or PNG, videos as MP4", "yellow")
    if listing.n_hidden:
        say(f"Left out of folders: {listing.n_hidden:,} hidden")


def report_live(listing: PictureListing) -> None:
    """Say how many frames of cameras and streams were left out."""
    for source in listing.live:
        if source.n_left_out:
            say(
                f"{source.name}: {source.n_left_out:,} of {count(source.n_frames, 'frame')} left "
                "out, because later ones came before they could be predicted"
            )


def suggest_name(path: str) -> str:
    """Say which file a name that there is not may have meant; empty if none is like it."""
    folder, name = os.path.split(path.rstrip("/" + os.sep))
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for entry in islice(entries, _NAMES_COMPARED)]
    except OSError:
        return ""
    alike = get_close_matches(name, names, 1)
    return f"; is {visible(os.path.join(folder, alike[0]), '')} meant?" if alike else ""


@contextmanager
def hiding_decoders() -> Iterator[Counter[str]]:
    """Drop the lines that decoders write about pictures which they can read: they name no file.

    What passwords stand in addresses is hidden in the others.

    Yields
    ------
    Counter of str
        How many lines of which kind were dropped, once the block has been left.
    """
    dropped: Counter[str] = Counter()
    own, (end, beginning) = os.dup(2), os.pipe()
    reader = Thread(target=_pass_on, args=(end, own, dropped), daemon=True)
    reader.start()
    try:
        with redirecting_decoders(beginning):
            yield dropped
    finally:
        reader.join(_JOIN_SECONDS)  # no one writes to the pipe any more, which ends the thread
        os.close(own)


def _pass_on(end: int, to: int, dropped: Counter[str]) -> None:
    from fer_ensemble.faces import without_secrets

    with open(end, "rb") as lines:
        for line in lines:
            kind = _DECODER_LINE.match(line)
            if kind:
                dropped[kind[1].decode()] += 1
            else:
                text = line.decode("utf-8", "surrogateescape")
                os.write(to, without_secrets(text).encode("utf-8", "surrogateescape"))


def report_dropped(dropped: Counter[str]) -> None:
    """Say what decoders complained of."""
    if dropped:
        kinds = ", ".join(f"{n:,} × {kind}" for kind, n in dropped.most_common())
        say(f"Some pictures are damaged in parts, but were read ({kinds})", "yellow")


def say(message: str, style: str | None = None) -> None:
    """Write a line to standard error."""
    notes.print(message, style=style)
