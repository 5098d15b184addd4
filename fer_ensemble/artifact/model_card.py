"""The model card of an artifact: what it is, how good, what for and what not, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from fer_ensemble.artifact.manifest import Manifest
from fer_ensemble.datasets import PROTOCOLS
from fer_ensemble.ensemble import (
    DYNAMIC_RULES,
    WEIGHTED_RULES,
    BaseEnsemble,
    EnsembleScores,
    score_ensemble,
)

if TYPE_CHECKING:
    from jinja2 import Template

_FER2013_FILES = ("fer2013", "icml_face_data")
_FER2013_TRAINING = {
    "angry": 3995,
    "disgust": 436,
    "fear": 4097,
    "happy": 7215,
    "sad": 4830,
    "surprise": 3171,
    "neutral": 4965,
}


@dataclass(frozen=True)
class MemberSummary:
    """What a model card says of a member.

    Parameters
    ----------
    name : str
        Its name in the ensemble.
    made_of : str
        Classes of its steps, and its network's name.
    n_parameters : int or None
        Weights of its network, trainable or not; ``None`` if it has none.
    seconds : float or None
        How long its fit took.
    """

    name: str
    made_of: str
    n_parameters: int | None = None
    seconds: float | None = None


def make_model_card(ensemble: BaseEnsemble, manifest: Manifest, *, on_hub: bool = False) -> str:
    """Write the model card of a fitted ensemble.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
        Fitted.
    manifest : Manifest
        What its artifact says of it.
    on_hub : bool, default=False
        Whether it becomes the card of a repository, into which no command writes.

    Returns
    -------
    str
        Markdown.
    """
    members = [
        _summarise(name, member, ensemble.fit_times_.get(name))
        for name, member in ensemble.members_
    ]
    held_out = _score_held_out(ensemble, manifest)
    return render_model_card(manifest, members, held_out, on_hub=on_hub)


def render_model_card(
    manifest: Manifest,
    members: list[MemberSummary],
    held_out: EnsembleScores | None = None,
    *,
    on_hub: bool = False,
) -> str:
    """Lay out a model card.

    Of FER2013, known by the name of its file or by the counts of its classes, limits and biases
    are described; of other data only what the manifest says.

    Parameters
    ----------
    manifest : Manifest
        Its ``data`` describe what was fitted on and, under ``figures``, what was measured on test
        faces, see `Measurement`; whatever is missing is left out.
    members : list of MemberSummary
        The members, in the ensemble's order.
    held_out : EnsembleScores or None, default=None
        Figures on faces that were held out of the fit.
    on_hub : bool, default=False
        As of :func:`make_model_card`.

    Returns
    -------
    str
        Markdown.

    References
    ----------
    M. Mitchell et al., "Model cards for model reporting", Conference on Fairness, Accountability,
    and Transparency, 2019.
    """
    data = manifest.data
    protocol = PROTOCOLS.get(str(data.get("protocol")))
    shares = _class_shares(data.get("class_counts"))
    tests = data.get("figures")
    rule = manifest.ensemble.get("rule", "stacking")
    card = _template().render(
        manifest=manifest,
        data=data,
        size=manifest.preprocessing["size"],
        classes=[plain(name) for name in manifest.class_names],
        combination=_describe_combination(manifest.ensemble),
        rule=rule,
        weights=manifest.ensemble.get("weights") if rule in WEIGHTED_RULES else None,
        members=members,
        warning=protocol.warning if protocol else "",
        shares=shares,
        rarest=min(shares, key=lambda row: row["n"], default=None),
        commonest=max(shares, key=lambda row: row["n"], default=None),
        fer2013=is_fer2013(data),
        tests=tests if isinstance(tests, list) else [],
        held_out=held_out,
        on_hub=on_hub,
    )
    return re.sub(r"\n{3,}", "\n\n", card).strip() + "\n"


def plain(text: Any) -> str:
    """Escape what Markdown would take for markup.

    Parameters
    ----------
    text : object
        What to show; turned into text.

    Returns
    -------
    str
        One line.
    """
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", " ".join(str(text).split()))


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("fer_ensemble.artifact", "."),
        autoescape=False,  # the card is no HTML; what users name goes through `plain`
    )
    environment.globals |= {
        "count": lambda number: "" if number is None else f"{number:,}",
        "interval": _format_interval,
        "minutes": lambda member: "" if member.seconds is None else f"{member.seconds / 60:.1f}",
        "p_value": lambda p: "< 0.001" if p < 0.001 else f"{p:.3f}",
        "plain": plain,
        "three": lambda value: "" if value is None else f"{value:.3f}",
    }
    environment.filters["plain"] = plain
    return environment.get_template("model_card.md.j2")


def _score_held_out(ensemble: BaseEnsemble, manifest: Manifest) -> EnsembleScores | None:
    if ensemble.passthrough:
        return None  # it judges the samples too, and these are not kept
    found = ensemble.held_out
    if found is None:
        return None
    return score_ensemble(
        ensemble, found.probabilities, found.labels, class_names=manifest.class_names
    )


def _format_interval(figures: Any) -> str:
    held = figures if isinstance(figures, Mapping) else vars(figures)
    low, high = held["accuracy_interval"]
    return f"{low:.3f}–{high:.3f}"


def _describe_combination(content: Mapping[str, Any]) -> str:
    """Describe how the members are combined."""
    if content.get("kind") == "stacking":
        return (
            "A further classifier, trained on what the members predict for faces that they were "
            "not fitted on, combines them."
        )
    if content["rule"] in DYNAMIC_RULES:
        return (
            f"For every face, the rule `{content['rule']}` selects members by how they did on the "
            f"{content['n_neighbors']} held-out faces of which they say the most similar."
        )
    sentence = f"Their probabilities are combined by the rule `{content['rule']}`"
    if content["rule"] in WEIGHTED_RULES and content.get("given_weights") is not None:
        sentence += ", with weights that were given"
    elif content["rule"] in WEIGHTED_RULES:
        how = content.get("weighting", "log_loss").replace("_", " ")
        sentence += f"; the weights were learned on held-out faces by {how}"
    if content.get("calibration"):
        sentence += "; temperatures were learned on held-out faces"
    return sentence + "."


def _class_shares(counts: Any) -> list[dict[str, Any]]:
    if not isinstance(counts, Mapping) or not sum(counts.values()):
        return []
    n_samples = sum(counts.values())
    return [
        {"name": plain(name), "n": n, "percent": 100 * n / n_samples} for name, n in counts.items()
    ]


def is_fer2013(data: Mapping[str, Any]) -> bool:
    """Say whether data are FER2013, by the name of their file or by the counts of their classes.

    Parameters
    ----------
    data : mapping
        What a manifest says of them.

    Returns
    -------
    bool
    """
    if data.get("synthetic"):
        return False
    source = str(data.get("source", "")).lower()
    named = any(name in source for name in _FER2013_FILES)
    return named or data.get("class_counts") == _FER2013_TRAINING


def _summarise(name: str, member: Any, seconds: float | None) -> MemberSummary:
    parts = [member, *member.get_params().values()]
    network = next((part for part in parts if hasattr(part, "network")), None)
    steps = [step for _, step in member.steps] if hasattr(member, "steps") else [member]
    facts = getattr(steps[-1], "facts_", None)
    made_of = [type(step).__name__ for step in steps]
    if facts is not None:
        made_of[-1] = f"{facts['exported_from']} in ONNX, {facts['precision']}"
    words = " → ".join(made_of)
    if network is None:
        return MemberSummary(name, words, None, seconds)
    if facts is None:
        n_parameters = sum(weight.size for weight in network.weights_)
    else:
        n_parameters = facts["n_parameters"]
    return MemberSummary(name, f"{words} (`{network.network}`)", n_parameters, seconds)
