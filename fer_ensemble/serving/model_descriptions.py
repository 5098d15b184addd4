"""What a model says of itself: its members, its accuracy, its limits and its card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fer_ensemble.artifact.manifest import MODEL_CARD
from fer_ensemble.bounded_files import read_bounded
from fer_ensemble.serving.shared_models import SharedModel

_MOST_CARD_BYTES = 2**20

# Those that a page offers.
_COVERAGES = (0.8, 0.9, 0.95)

# What is said of models whose card says nothing.
_LIMITS = (
    "An expression is not an emotion. Not for judging what somebody feels or intends, for "
    "decisions about people, or for watching them."
)


def describe_model(model: SharedModel, *, default: bool) -> dict[str, Any]:
    """Describe a model in short.

    Parameters
    ----------
    model : SharedModel
    default : bool
        Whether requests that name none get it.

    Returns
    -------
    dict of str to JSON value
    """
    manifest = model.manifest
    return {
        "name": model.name,
        "default": default,
        "classes": list(model.class_names),
        "members": [member.name for member in manifest.members],
        "rule": manifest.ensemble.get("rule", manifest.ensemble.get("kind", "average")),
        "face_size": model.size,
        "accuracy": _accuracy(manifest.data.get("figures")),
        "label_sets": None if model.answers is None else _label_sets(model),
        "limits": _limits(read_card(model)),
        "card": f"/v1/models/{quote(model.name, safe='')}/card",
    }


def _label_sets(model: SharedModel) -> list[dict[str, float]]:
    # By them a page makes sets of rows that it has, smoothed perhaps, as `predict` does by default.
    rules = [model.learn_sets(coverage, "lac", False) for coverage in _COVERAGES]
    return [
        {
            "coverage": rule.coverage,
            "least_probability": min(max(1 - float(rule.thresholds[0]), 0.0), 1.0),
        }
        for rule in rules
    ]


def read_card(model: SharedModel) -> str:
    """Read the card of a model.

    Parameters
    ----------
    model : SharedModel

    Returns
    -------
    str
        Markdown; a sentence, if there is none.
    """
    try:
        return read_bounded(model.folder / MODEL_CARD, _MOST_CARD_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        return f"# Model card\n\n{model.name} came without a model card. {_LIMITS}\n"


def render_card(card: str) -> str:
    """Turn a card into HTML.

    Parameters
    ----------
    card : str
        Markdown. HTML in it is shown as it is written.

    Returns
    -------
    str
        A fragment, without head and body. Cells of numbers have the class "right".
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(card)
    for token in tokens:
        # The page may have no styles but those of its own file.
        if token.attrs.pop("style", None) == "text-align:right":
            token.attrSet("class", "right")
    return str(parser.renderer.render(tokens, parser.options, {}))


def _accuracy(figures: Any) -> dict[str, Any] | None:
    """Accuracy of the first measurement on faces that were not drawn."""
    for figure in figures if isinstance(figures, list) else []:
        scores = figure.get("all")
        if not figure.get("synthetic") and isinstance(scores, Mapping) and "accuracy" in scores:
            low, high = scores["accuracy_interval"]
            return {
                "split": f"{figure['data']}, {figure['test']}".rstrip(", "),
                "n": scores["n"],
                "value": scores["accuracy"],
                "low": low,
                "high": high,
            }
    return None


def _limits(card: str) -> str:
    """What a card says that the model is not for, as one text."""
    section = re.search(r"^## Not for\n(.*?)(?=^## |\Z)", card, re.DOTALL | re.MULTILINE)
    if section is None:
        return _LIMITS
    points = re.split(r"^- ", section[1], flags=re.MULTILINE)[1:]
    return "Not for: " + " ".join(" ".join(point.split()) for point in points)
