"""A picture of a report: drawn into its page, or as a file for a paper."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Of every picture, in inches. A phone shows it nearly as large, so that its letters stay legible.
WIDTH = 4.2
_DPI = 200
#: Settings of Matplotlib that pictures are drawn with.
STYLE = {"font.size": 11, "svg.hashsalt": "fer-ensemble"}


@dataclass(frozen=True)
class Picture:
    """A picture that is drawn when it is asked for.

    Attributes
    ----------
    section : str
        The part of the report where it belongs.
    name : str
        Name of its file, without an ending.
    caption : str
        What it shows.
    alt : str
        What can be seen, for those who can't.
    plot : callable
        Draws on the axes that it is given as ``ax``.
    height : float
        In inches.
    """

    section: str
    name: str
    caption: str
    alt: str
    plot: Callable[..., Axes]
    height: float = 3.2

    def to_uri(self) -> str:
        """Draw it as an address that holds the picture itself, sharp at any size."""
        stream = io.BytesIO()
        self._draw(stream, format="svg", metadata={"Date": None})
        return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode("ascii")

    def save(self, folder: Path) -> Path:
        """Write it as a PNG of 200 dots per inch.

        Parameters
        ----------
        folder : Path
            An existing one.

        Returns
        -------
        Path
            The file.
        """
        file = folder / f"{self.name}.png"
        self._draw(file, dpi=_DPI)
        return file

    def _draw(self, target: Any, **options: Any) -> None:
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        with rc_context(STYLE):
            figure: Figure = Figure(figsize=(WIDTH, self.height), layout="constrained")
            self.plot(ax=figure.add_subplot())
            figure.savefig(target, **options)
