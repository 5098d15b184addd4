"""How numbers and commands are written in a report."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from fer_ensemble.evaluation import Comparison, Evaluation, GroupGap
from fer_ensemble.explanation import MemberVoice, TraitVoice

NONE = "–"
"""What stands where there is no figure."""

# The hyphen on a keyboard is shorter than a plus, and lines break at it.
MINUS = "−"


def format_figure(value: float | None) -> str:
    """Write a figure with three decimals.

    Parameters
    ----------
    value : float or None

    Returns
    -------
    str
        A dash for None.

    Examples
    --------
    >>> format_figure(0.66366), format_figure(None)
    ('0.664', '–')
    """
    return NONE if value is None else f"{value:.3f}"


def format_interval(value: float, interval: tuple[float, float]) -> str:
    """Write a figure with its interval.

    Parameters
    ----------
    value : float
    interval : tuple of (float, float)

    Returns
    -------
    str

    Examples
    --------
    >>> format_interval(0.664, (0.648, 0.679))
    '0.664 (0.648–0.679)'
    """
    return f"{value:.3f} ({format_range(interval)})"


def format_range(interval: tuple[float, float]) -> str:
    """Write the ends of an interval.

    Parameters
    ----------
    interval : tuple of (float, float)

    Returns
    -------
    str

    Examples
    --------
    >>> format_range((0.648, 0.679))
    '0.648–0.679'
    """
    low, high = interval
    return f"{low:.3f}–{high:.3f}"


def format_accuracy(scores: Evaluation | None) -> str:
    """Write an accuracy with its interval.

    Parameters
    ----------
    scores : Evaluation or None

    Returns
    -------
    str
        A dash for None.
    """
    return NONE if scores is None else format_interval(scores.accuracy, scores.accuracy_interval)


def format_gain(found: Comparison | GroupGap | None) -> str:
    """Write a difference with its interval, each with its sign.

    Parameters
    ----------
    found : Comparison, GroupGap or None

    Returns
    -------
    str
        A dash for None.

    Examples
    --------
    >>> format_gain(Comparison(0.003, (-0.0046, 0.011), 0.51, 60, 50, 3589, 0.95))
    '+0.003 (−0.005 to +0.011)'
    """
    if found is None:
        return NONE
    middle, low, high = (_signed(value) for value in (found.difference, *found.interval))
    return f"{middle} ({low} to {high})"


def format_p_value(p: float) -> str:
    """Write a p-value.

    Parameters
    ----------
    p : float

    Returns
    -------
    str

    Examples
    --------
    >>> format_p_value(0.5123), format_p_value(0.00002)
    ('0.512', 'below 0.001')
    """
    return "below 0.001" if p < 0.001 else f"{p:.3f}"


def format_count(number: int | None) -> str:
    """Write a count with commas between thousands.

    Parameters
    ----------
    number : int or None

    Returns
    -------
    str
        A dash for None.
    """
    return NONE if number is None else f"{number:,}"


def format_millions(number: float | None) -> str:
    """Write a large count in millions.

    Parameters
    ----------
    number : float or None

    Returns
    -------
    str
        A dash for None.

    Examples
    --------
    >>> format_millions(160_234_567), format_millions(23_000)
    ('160.2 M', '0.02 M')
    """
    if number is None:
        return NONE
    return f"{number / 1e6:,.1f} M" if number >= 1e5 else f"{number / 1e6:.2f} M"


def format_duration(seconds: float | None) -> str:
    """Write a time in its two largest units.

    Parameters
    ----------
    seconds : float or None

    Returns
    -------
    str
        A dash for None.

    Examples
    --------
    >>> format_duration(1566.4), format_duration(7260), format_duration(0.42)
    ('26 min 6 s', '2 h 1 min', '0.4 s')
    """
    if seconds is None:
        return NONE
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def format_commands(commands: Iterable[str]) -> str:
    """Write commands for a shell, with a line for each of their options.

    Parameters
    ----------
    commands : iterable of str

    Returns
    -------
    str

    Examples
    --------
    >>> print(format_commands(["fer-ensemble fit faces.csv --rule average --out 'my model'"]))
    fer-ensemble fit faces.csv \\
      --rule average \\
      --out 'my model'
    """
    written = []
    for command in commands:
        lines: list[list[str]] = [[]]
        for word in shlex.split(command):
            if word.startswith("--"):
                lines.append([])
            lines[-1].append(word)
        written.append(" \\\n  ".join(shlex.join(line) for line in lines))
    return "\n".join(written)


def _signed(value: float) -> str:
    rounded = f"{value:+.3f}"
    # A difference too small to be seen has no direction: neither +0.000 nor −0.000.
    return "0.000" if float(rounded) == 0 else rounded.replace("-", MINUS)


def list_voices(voices: Sequence[MemberVoice | TraitVoice]) -> str:
    """List what members and traits add to the log-odds of a label.

    Parameters
    ----------
    voices : sequence of MemberVoice or TraitVoice

    Returns
    -------
    str
        Empty if there are none.

    Examples
    --------
    >>> from fer_ensemble.explanation import MemberVoice
    >>> list_voices([MemberVoice("cnn", 0.9, 0.4, 2.1), MemberVoice("trees", 0.1, 0.9, -0.5)])
    'cnn +2.1, trees −0.5'
    """
    figures = [f"{voice.contribution:+.1f}".replace("-", MINUS) for voice in voices]
    return ", ".join(
        f"{voice.name} {figure}" for voice, figure in zip(voices, figures, strict=True)
    )
