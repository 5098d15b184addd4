"""What a report tells of a saved ensemble, gathered from what was measured of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets import emotion_names, find_protocol
from fer_ensemble.evaluation import Evaluation, evaluate_predictions
from fer_ensemble.evaluation.report import DataContent, MemberContent, ReportContent
from fer_ensemble.measuring import MeasuredModel
from fer_ensemble.reporting.combining import tell_combining
from fer_ensemble.reporting.recipe import tell_recipe

_N_BOOTSTRAP = 2000
_SYNTHETIC = (
    "Synthetic faces show that everything works; figures on them say nothing of real faces."
)


def gather_content(measured: MeasuredModel, *, name: str, out: str) -> ReportContent:
    """Gather what a report tells.

    Parameters
    ----------
    measured : MeasuredModel
    name : str
        What to call the model.
    out : str
        Name of the report's file, for its own command.

    Returns
    -------
    ReportContent
    """
    seen, faces = measured.seen, measured.part.faces
    probabilities = measured.combine(measured.rule)

    def evaluate(rows: Any) -> Evaluation:
        return evaluate_predictions(
            faces.labels[rows],
            probabilities=probabilities[rows],
            classes=measured.ensemble.classes_,
            class_names=measured.class_names,
            n_bootstrap=_N_BOOTSTRAP,
        )

    return ReportContent(
        model=name,
        data=_tell_data(measured),
        faces=faces.images,
        names=faces.names.tolist(),
        labels=faces.labels,
        probabilities=probabilities,
        classes=measured.ensemble.classes_.tolist(),
        class_names=measured.class_names,
        rule=measured.rule,
        scores=evaluate(slice(None)),
        new_scores=None if measured.new_scores is None or seen is None else evaluate(~seen),
        members=[_tell_member(measured, *entry) for entry in measured.ensemble.members_],
        combining=tell_combining(measured) if len(measured.scores.members) > 1 else None,
        recipe=tell_recipe(measured, name, out),
    )


def _tell_data(measured: MeasuredModel) -> DataContent:
    record, part = measured.manifest.data, measured.part
    protocol = None if measured.synthetic else find_protocol(measured.protocol)
    counts = {}
    if "class_counts" in record:
        counts["training"] = record["class_counts"]
        held_out = getattr(measured.ensemble, "validation_labels_", None)
        if held_out is not None:
            counts["held out"] = _count(held_out, measured)
    warnings = [part.warning] if part.warning else []
    return DataContent(
        told=measured.told,
        protocol="" if protocol is None else protocol.name,
        protocol_summary="" if protocol is None else protocol.summary,
        class_counts=counts | {"test": _count(part.faces.labels, measured)},
        balance=_tell_balance(measured),
        warnings=[_SYNTHETIC, *warnings] if measured.synthetic else warnings,
        n_seen=None if measured.seen is None else int(measured.seen.sum()),
    )


def _count(labels: NDArray[Any], measured: MeasuredModel) -> dict[str, int]:
    classes = measured.ensemble.classes_.tolist()
    return {
        name: int((labels == label).sum())
        for name, label in zip(measured.class_names, classes, strict=True)
    }


def _tell_balance(measured: MeasuredModel) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
    """Tell class counts before and after, of the whole set and of each member that balanced."""
    balance = {}
    part = measured.part
    if part.warning and part.training is not None and part.split is None:
        both = np.concatenate([part.training.labels, part.faces.labels])
        balance["the whole set"] = _count(measured.faces.labels, measured), _count(both, measured)
    for name, member in measured.ensemble.members_:
        counts = getattr(_classifier(member), "class_counts_", None)
        if counts is not None and counts["before"] != counts["after"]:
            before, after = (
                dict(zip(emotion_names(found), found.values(), strict=True))
                for found in (counts["before"], counts["after"])
            )
            balance[name] = before, after
    return balance


def _classifier(member: Any) -> Any:
    return member.steps[-1][1] if hasattr(member, "steps") else member


def _tell_member(measured: MeasuredModel, name: str, member: Any) -> MemberContent:
    classifier = _classifier(member)
    parameters, multiply_accumulates = _count_cost(classifier)
    weights, new = measured.scores.weights, measured.new_scores
    return MemberContent(
        name=name,
        scores=measured.scores.members[name],
        new_scores=None if new is None else new.members[name],
        weight=None if weights is None else weights[name],
        parameters=parameters,
        multiply_accumulates=multiply_accumulates,
        fit_seconds=measured.ensemble.fit_times_.get(name),
        history=getattr(classifier, "history_", None),
        monitor=getattr(classifier, "monitor", "loss"),
    )


def _count_cost(classifier: Any) -> tuple[int | None, int | None]:
    """Count parameters and multiply-accumulates of a fitted network; of others, nothing."""
    if not hasattr(classifier, "history_"):
        return None, None
    from fer_ensemble.models.cost import layer_costs
    from fer_ensemble.models.training import build_network

    layers = layer_costs(build_network(classifier, "float32", to_predict=True))
    return (
        sum(layer.parameters for layer in layers),
        sum(layer.multiply_accumulates for layer in layers),
    )
