"""How good explanations are, and where models look, in the words of the page."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.runs import Record
from fer_ensemble.datasets import EMOTIONS

_PARTS = ("brows", "eyes", "nose", "mouth")
_OTHERS = ("mirrored", "of another face", "by chance")
_LOUDEST = 3


def choice_rows(record: Record) -> list[list[str]]:
    """Lay ways to cover beside each other.

    Parameters
    ----------
    record : mapping
        Of ``experiments.explanations``; may be empty.

    Returns
    -------
    list of list of str
    """
    return [
        [
            row["fill"],
            f"{row['patch']}, {row['stride']}",
            str(row["predictions"]),
            f"{row['deletion']:.3f}",
            f"{row['insertion']:.3f}",
            f"{row['insertion'] - row['deletion']:.3f}",
        ]
        for row in record.get("choice", {}).get("rows", [])
    ]


def check_rows(record: Record) -> list[list[str]]:
    """Lay deletion and insertion of each model's maps beside what other orders come to.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of list of str
    """
    return [
        [
            f"`{name}`",
            str(model["n"]),
            f"{model['seconds']['median']:.2f}",
            way,
            f"{model['checks']['map'][way]:.3f}",
            *(_interval(model["checks"][other][f"{way}_gain"]) for other in _OTHERS),
        ]
        for name, model in record.get("models", {}).items()
        for way in ("deletion", "insertion")
    ]


def place_rows(record: Record, name: str = "fast") -> list[list[str]]:
    """Lay the parts that speak for each label beside their areas.

    Parameters
    ----------
    record : mapping
        May be empty.
    name : str, default="fast"
        The model.

    Returns
    -------
    list of list of str
    """
    places = record.get("models", {}).get(name, {}).get("places", {})
    return [
        [
            label,
            str(places[label]["n"]),
            *(
                f"{_percent(places[label][part])} of {100 * places[label][f'{part}_area']:.0f} %"
                for part in _PARTS
            ),
        ]
        for label in ("all", *EMOTIONS)
        if label in places
    ]


def voice_rows(record: Record, name: str = "ensemble") -> list[list[str]]:
    """List what members, and the loudest traits, add to the log-odds of each label.

    Parameters
    ----------
    record : mapping
        May be empty.
    name : str, default="ensemble"
        The model.

    Returns
    -------
    list of list of str
    """
    model = record.get("models", {}).get(name, {})
    rows = []
    for label, members in model.get("members", {}).items():
        traits = model.get("traits", {}).get(label, {})
        # Those that surely add something, or take it away.
        sure = {trait: one for trait, one in traits.items() if one[1] > 0 or one[2] < 0}
        loudest = sorted(sure, key=lambda trait: -abs(sure[trait][0]))[:_LOUDEST]
        rows.append(
            [
                label,
                ", ".join(f"`{member}` {_interval(one)}" for member, one in members.items()),
                ", ".join(f"{trait} {_interval(sure[trait])}" for trait in loudest) or "–",
            ]
        )
    return rows


def _interval(values: Sequence[float]) -> str:
    mean, low, high = (f"{value:.2f}".replace("-", "−") for value in values)
    return f"{mean} ({low} to {high})"


def _percent(values: Sequence[float]) -> str:
    mean, low, high = (100 * value for value in values)
    return f"{mean:.0f} % ({low:.0f}–{high:.0f})"
