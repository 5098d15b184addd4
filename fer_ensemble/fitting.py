"""Read how long a fit may take."""

from __future__ import annotations

import re

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PATTERN = re.compile(r"(?=.)(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s?)?")


def parse_duration(text: str) -> float:
    """Read a length of time.

    Parameters
    ----------
    text : str
        Such as ``20m``, ``1h30m``, ``90s`` or ``90``, which is seconds too.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    ValueError
        If it is no such length, or zero.
    """
    found = _PATTERN.fullmatch(text.strip().lower())
    try:
        amounts = [float(amount or 0) for amount in found.groups()] if found else []
    except ValueError:
        amounts = []
    seconds = sum(amount * unit for amount, unit in zip(amounts, _UNITS.values(), strict=False))
    if seconds <= 0:
        raise ValueError(f"{text!r} is no length of time: write 20m, 1h30m or 90s.")
    return seconds
