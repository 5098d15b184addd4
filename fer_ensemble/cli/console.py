"""What the verbs share on the terminal."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.status import Status

    from fer_ensemble.datasets import FaceDataset


class PlainConsole(Console):
    """Prints every text as it is: names of files and classes are neither markup nor commands.

    What a terminal would take for a command, or for a change of direction, is made visible.
    """

    def __init__(self, **options: Any) -> None:
        if os.environ.get("NO_COLOR"):
            options["color_system"] = None  # bold and dim are escape codes as well
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Turn a text into what Rich lays out; everything that is given as `str` comes here."""
        return super().render_str(visible(text), **{**options, "markup": False})

    def status(self, status: Any, **options: Any) -> Status:
        """Show what is being done; Rich takes markup here whatever the console says."""
        return super().status(self.render_str(status) if isinstance(status, str) else status)


class NoteConsole(PlainConsole):
    """Standard error: what is said beside the results, as loudly as was asked for.

    Attributes
    ----------
    verbose : bool
        Whether it is also told what is being done.
    """

    verbose = False

    def set_loudness(self, *, quiet: bool, verbose: bool) -> None:
        """Say nothing but errors, or more than usual."""
        self.quiet, self.verbose = quiet, verbose

    @property
    def shows_bars(self) -> bool:
        """Whether bars have a place: on a terminal, not where colours alone are forced."""
        return not self.quiet and self.is_terminal and self.file.isatty()

    def detail(self, text: str) -> None:
        """Tell what is of use to those who ask for more."""
        if self.verbose:
            self.print(text, style="dim")

    def status(self, status: Any, **options: Any) -> Any:
        """Show what is being done, by a spinner, or by lines where more is to be told."""
        if not self.verbose:
            return super().status(status, **options)
        from fer_ensemble.cli.details import Stage

        return Stage(str(status), self.detail)

    def error(self, text: str) -> None:
        """Tell an error, however quiet it is to be."""
        quiet, self.quiet = self.quiet, False
        try:
            self.print(text)
        finally:
            self.quiet = quiet


class FigureConsole(PlainConsole):
    """Standard output: tables as they are laid out on a terminal, and for other programs elsewhere.

    Where no terminal is, a table is lines of cells between tabs below a line of names, and all else
    stands behind ``#``, for programs to leave out.
    """

    _elsewhere = False

    def begin(self) -> None:
        """Write to standard output."""
        self._elsewhere = False

    def step_aside(self) -> None:
        """Write to standard error from now on: standard output is for something else."""
        self._elsewhere = True

    def print(self, *objects: Any, **options: Any) -> None:
        """Write tables and lines."""
        if self._elsewhere:
            notes.print(*objects, **options)
        elif self.is_terminal:
            super().print(*objects, **options)
        else:
            for thing in objects:
                for line in _plain_lines(thing):
                    # Not by Rich, which makes spaces of tabs.
                    self.file.write(visible(line) + "\n")


def _plain_lines(thing: Any) -> Iterator[str]:
    """Write out a table, or a text, in lines for other programs."""
    if not isinstance(thing, Table):
        yield from (f"# {line}" if line else "#" for line in str(thing).split("\n"))
        return
    if thing.title:
        yield f"# {thing.title}"
    if thing.show_header:
        yield "\t".join(_plain_cell(column.header) for column in thing.columns)
    for row in zip(*(column.cells for column in thing.columns), strict=True):
        cells = [_plain_cell(cell) for cell in row]
        # A line of one cell is a heading between the others.
        heading = len(cells) > 1 and sum(map(bool, cells)) == 1
        yield f"# {''.join(cells)}" if heading else "\t".join(cells)
    if thing.show_footer:
        yield "\t".join(_plain_cell(column.footer) for column in thing.columns)
    if thing.caption:
        yield from (f"# {line}" for line in str(thing.caption).split("\n"))


def _plain_cell(cell: Any) -> str:
    """Write a cell without what is for the eye: breaks, and commas within numbers."""
    text = " ".join(str(cell).split())
    digits = text.replace(",", "")
    return digits if digits.isdigit() else text


def visible(text: str, kept: str = "\n\t") -> str:
    r"""Escape what would command a terminal or hide what stands in a text.

    Parameters
    ----------
    text : str
    kept : str, default="\n\t"
        Line breaks and tabs are ours in a message; in a name there are none to keep.

    Returns
    -------
    str

    Examples
    --------
    >>> print(visible("\x1b[31mred\u202egnp.exe"))
    \x1b[31mred\u202egnp.exe
    """
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable() or char in kept or unicodedata.category(char) == "Zs"
        else char.encode("unicode_escape").decode()
        for char in text
    )


class TerminalStream:
    """A terminal that rows are written to, where names in them command nothing either.

    Parameters
    ----------
    stream : binary file
        That of the terminal.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, content: bytes) -> int:
        """Write rows, with what commands made visible."""
        self._stream.write(visible(content.decode("utf-8", "replace"), "\r\n\t").encode())
        return len(content)

    def flush(self) -> None:
        """Hand on what was written."""
        self._stream.flush()


def row_output() -> BinaryIO:
    """Return what rows go to without a file: standard output, as it is where it is no terminal."""
    stream = sys.stdout.buffer
    return cast(BinaryIO, TerminalStream(stream)) if sys.stdout.isatty() else stream


notes = NoteConsole(stderr=True, soft_wrap=True)
output = FigureConsole()


def count(number: int, noun: str) -> str:
    """Give a number with its noun, in the plural where it needs it."""
    return f"{number:,} {noun}" + "s" * (number != 1)


def choose_device(device: str) -> None:
    """Settle what networks run on, before a backend is imported.

    Parameters
    ----------
    device : {'auto', 'cpu'}

    Raises
    ------
    typer.BadParameter
        If it is neither.
    """
    if device not in ("auto", "cpu"):
        raise typer.BadParameter(f"--device {device}: choose auto or cpu.")
    if device == "cpu":
        from fer_ensemble.models import use_cpu

        use_cpu()


def read_faces(
    path: Path | None,
    *,
    strict: bool,
    seed: int,
    classes: str | None = None,
    remembered: Mapping[str, str | None] | None = None,
) -> tuple[FaceDataset, str]:
    """Read the user's faces, or draw the embedded default.

    Parameters
    ----------
    path : Path or None
        The user's data set; ``None`` draws synthetic faces.
    strict : bool
        Whether a face that can't be used is an error.
    seed : int
        Seed of the synthetic faces.
    classes : str, optional
        What the user says that labels mean.
    remembered : mapping, optional
        What the model's fit was told of them.

    Returns
    -------
    faces : FaceDataset
    description : str
        What to call them beside a figure.
    """
    from fer_ensemble.datasets import open_faces

    if path is None:
        return open_faces(seed=seed)
    with reading_bar(f"Reading {path.name}") as progress:
        faces, description = open_faces(
            path, classes=classes, remembered=remembered, strict=strict, progress=progress
        )
    describe_faces(faces, str(path))
    return faces, description


@contextmanager
def reading_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far reading is, where standard error is a terminal.

    Parameters
    ----------
    title : str

    Yields
    ------
    callable
        Takes what is done, and the total.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
    )
    with Progress(*columns, console=notes, transient=True, disable=not notes.shows_bars) as bar:
        task = bar.add_task(visible(title), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def describe_faces(faces: FaceDataset, source: str) -> None:
    """Say what was read, and what was wrong with it.

    Parameters
    ----------
    faces : FaceDataset
    source : str
    """
    notes.print(f"{source}: {count(len(faces), 'face')} ({list_counts(faces.split_counts())})")
    if faces.report.how_labelled:
        notes.print(f"  {faces.report.how_labelled}")
    for line in faces.report.lines():
        notes.print(f"  {line}", style="yellow")
    if not {"unknown_class_folder", "unknown_label"}.isdisjoint(faces.report.counts):
        notes.print("  What they mean can be said, as in --classes 'Angst=fear,contempt=none'")


def list_counts(counts: dict[str, int]) -> str:
    """List counts in a line.

    Parameters
    ----------
    counts : dict of str to int

    Returns
    -------
    str
        Such as "train 28,709, public_test 3,589".
    """
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def write_json(file: Path, content: Mapping[str, Any], *, what: str = "Figures") -> None:
    """Write figures to a file, and say so.

    Parameters
    ----------
    file : Path
        Its folder is made if need be; ``-`` is standard output.
    content : mapping
        JSON values.
    what : str, default='Figures'
        What to call them.
    """
    import json

    from fer_ensemble.atomic_files import write_atomically

    if str(file) == "-":
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, (json.dumps(content, indent=2) + "\n").encode())
    notes.print(f"{what} written to {file}")


def parse_duration(text: str) -> float:
    """Read a length of time as a user gives it.

    Parameters
    ----------
    text : str
        As :func:`fer_ensemble.fitting.parse_duration` takes it.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    typer.BadParameter
        If it is no such length, or zero.
    """
    from fer_ensemble.fitting import parse_duration as parse

    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@contextmanager
def redirecting_decoders(sink: int) -> Iterator[None]:
    """Let what decoders write to file descriptor 2 go elsewhere; what Python writes stays.

    In a notebook or a test, which have a standard error of their own, nothing is redirected.

    Parameters
    ----------
    sink : int
        File descriptor of where it goes; is closed.
    """
    before = sys.stderr
    if before is not sys.__stderr__ or before is None:
        os.close(sink)
        yield
        return
    own = os.dup(2)
    sys.stderr = os.fdopen(os.dup(own), "w", 1, before.encoding, before.errors)
    os.dup2(sink, 2)
    os.close(sink)
    try:
        yield
    finally:
        os.dup2(own, 2)
        os.close(own)
        sys.stderr.close()
        sys.stderr = before


def join_lines(text: str) -> str:
    r"""Join the lines of each paragraph of a help text: the terminal's width is not the source's.

    Parameters
    ----------
    text : str
        Paragraphs that are indented, or begin with ``\b``, keep their lines.

    Returns
    -------
    str

    Examples
    --------
    >>> print(join_lines("Fit\nit.\n\n  fit x\n  fit y"))
    Fit it.
    <BLANKLINE>
      fit x
      fit y
    """
    paragraphs = cleandoc(text).split("\n\n")
    return "\n\n".join(
        part if part.startswith(("\b", " ")) else part.replace("\n", " ") for part in paragraphs
    )
