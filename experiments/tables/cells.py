"""How figures are written in the cells of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from experiments.runs import Record
from fer_ensemble.datasets import find_protocol
from fer_ensemble.evaluation import difference_interval

NOT_RUN = "not run"
NOTHING = "–"
CUT_SHORT = "†"
BORROWED = "‡"
# What a browser breaks at its spaces, though it is read as one.
_WITH_SPACES = re.compile(r"\(\S+ to \S+\)|n = \S+|< 0")


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a Markdown table."""
    header = tuple(header)
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_keep_together, line))} |" for line in lines)


def _keep_together(cell: str) -> str:
    """Let no narrow column break an interval or a count in two."""
    cell = _WITH_SPACES.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), cell)
    return re.sub(r"–(?=\d)", "–\N{WORD JOINER}", cell)


def accuracy(record: Record | None, faces: str, *, with_n: bool = True) -> str:
    """Write an accuracy with its interval.

    Parameters
    ----------
    record : dict or None
        Of a run; ``None`` if there was none.
    faces : {'all', 'without_copies'}
        On which test faces.
    with_n : bool, default=True
        Whether to say how many they are.

    Returns
    -------
    str
        Marked if the training was held to a time.
    """
    if record is None:
        return NOT_RUN
    figures = record[faces]
    n = f", n = {figures['n']:,}" if with_n else ""
    return f"{share(figures['accuracy'], figures['accuracy_interval'])}{mark(record)}{n}"


def share(value: float, interval: tuple[float, float]) -> str:
    """Write a share with its interval."""
    low, high = interval
    return f"{value:.3f} ({low:.3f}–{high:.3f})"


def points(difference: float, interval: tuple[float, float] | None = None) -> str:
    """Write a difference of shares in hundredths, with its interval if there is one."""
    written = f"{100 * difference:+.1f}"
    if interval is None:
        return written
    low, high = interval
    return f"{written} ({100 * low:+.1f} to {100 * high:+.1f})"


def difference(right: int, n: int, right_before: int, n_before: int) -> str:
    """Write the difference of two shares, of two sets of faces, with Newcombe's interval."""
    interval = difference_interval(right, n, right_before, n_before)
    return points(right / n - right_before / n_before, interval)


def published(figures: Mapping[str, Any], key: str) -> str:
    """Write a figure of the authors as they gave it, if they did."""
    return f"{figures[key]:g}" if key in figures else NOTHING


def p_value(p: float) -> str:
    """Write a probability of chance."""
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def mark(record: Record) -> str:
    """Return the mark of a training that was held to a time and did not run to its end."""
    return CUT_SHORT if cut_short(record) else ""


def cut_short(record: Record) -> bool:
    """Say whether a training was held to a time and did not run to its end."""
    return bool(record["time_budget"]) and record["epochs_run"] < record["epochs_planned"]


def protocol_name(protocol: str) -> str:
    """Write the name of a protocol, with a warning if it leaks."""
    return f"{protocol}, **leaks**" if find_protocol(protocol).warning else protocol
