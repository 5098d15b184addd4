"""Gather what a report shows of a measured ensemble."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.artifact import installed_version
from fer_ensemble.artifact.reproducing import fit_commands
from fer_ensemble.datasets import FaceDataset, emotion_names, find_protocol, format_classes
from fer_ensemble.ensemble import RULES, WEIGHTED_RULES, Diversity, measure_diversity
from fer_ensemble.evaluation import Evaluation, compare_predictions, evaluate_predictions
from fer_ensemble.evaluation.plots import Training
from fer_ensemble.measuring import MeasuredModel
from fer_ensemble.models import last_step
from fer_ensemble.report.content import (
    CombiningContent,
    Counts,
    DataContent,
    MemberContent,
    PairContent,
    RecipeContent,
    ReportContent,
)

_N_BOOTSTRAP = 2000
_SYNTHETIC = (
    "Synthetic faces show that everything works; figures on them say nothing of real faces."
)
# What a manifest records of the data and of the ensemble, and how the page puts it.
_DATA = {
    "source": "fitted on",
    "n_samples": "training faces",
    "protocol": "protocol of the fit",
    "split": "part fitted on",
    "test_size": "share set apart for the test",
    "seed": "seed of the fit",
}
_ENSEMBLE = {
    "rule": "rule",
    "weighting": "weights learned by",
    "ties": "ties decided by",
    "calibrate": "temperatures learned",
    "validation_fraction": "share held out",
    "n_splits": "folds of the stacking",
    "n_neighbors": "held-out faces that members are selected by",
    "voting": "selected members are combined by",
}


def gather_content(
    measured: MeasuredModel, *, name: str, out: str, n_explained: int = 0
) -> ReportContent:
    """Gather what a report shows.

    Parameters
    ----------
    measured : MeasuredModel
    name : str
        What to call the model.
    out : str
        Name of the report's file, for its own command.
    n_explained : int, default=0
        How many mistakes are to be explained, for that command.

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
        data=_describe_data(measured),
        faces=faces.images,
        names=list(faces.names),
        labels=faces.labels,
        probabilities=probabilities,
        classes=measured.ensemble.classes_.tolist(),
        class_names=measured.class_names,
        rule=measured.rule,
        scores=evaluate(slice(None)),
        new_scores=None if measured.new_scores is None or seen is None else evaluate(~seen),
        members=[_describe_member(measured, *entry) for entry in measured.ensemble.members_],
        combining=_describe_combining(measured) if len(measured.scores.members) > 1 else None,
        recipe=_describe_recipe(measured, name, out, n_explained),
        subgroups=measured.subgroups,
        sets=measured.sets,
    )


def find_trainings(members: Iterable[tuple[str, Any]]) -> dict[str, Training]:
    """Find how the networks among fitted members learned.

    Parameters
    ----------
    members : iterable of (str, classifier)
        Such as ``ensemble.members_``.

    Returns
    -------
    dict of str to Training
        Of the members that are networks, or pipelines that end in one.
    """
    networks = {name: last_step(member) for name, member in members}
    return {
        name: Training(network.history_, network.monitor, _find_balance(network))
        for name, network in networks.items()
        if hasattr(network, "history_")
    }


def _describe_data(measured: MeasuredModel) -> DataContent:
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
        description=measured.description,
        protocol="" if protocol is None else protocol.name,
        protocol_summary="" if protocol is None else protocol.summary,
        class_counts=counts | {"test": _count(part.faces.labels, measured)},
        balance=_count_balance(measured),
        warnings=[_SYNTHETIC, *warnings] if measured.synthetic else warnings,
        n_seen=None if measured.seen is None else int(measured.seen.sum()),
    )


def _count(labels: NDArray[Any], measured: MeasuredModel) -> dict[str, int]:
    classes = measured.ensemble.classes_.tolist()
    return {
        name: int((labels == label).sum())
        for name, label in zip(measured.class_names, classes, strict=True)
    }


def _count_balance(measured: MeasuredModel) -> dict[str, tuple[Counts, Counts]]:
    """Count the classes before and after, of the whole set and of each member that balanced."""
    balance: dict[str, tuple[Counts, Counts]] = {}
    part = measured.part
    # Only a protocol that balances before it splits warns of itself and has no split of the data's
    # own: its training and test faces together are the balanced set.
    if part.warning and part.training is not None and part.split is None:
        both = np.concatenate([part.training.labels, part.faces.labels])
        balance["the whole set"] = _count(measured.faces.labels, measured), _count(both, measured)
    trainings = find_trainings(measured.ensemble.members_)
    return balance | {name: found.balance for name, found in trainings.items() if found.balance}


def _find_balance(network: Any) -> tuple[Counts, Counts] | None:
    counts = network.class_counts_
    if counts["before"] == counts["after"]:
        return None
    before, after = (
        dict(zip(emotion_names(found), found.values(), strict=True))
        for found in (counts["before"], counts["after"])
    )
    return before, after


def _describe_member(measured: MeasuredModel, name: str, member: Any) -> MemberContent:
    parameters, multiply_accumulates = _count_cost(last_step(member))
    weights, new = measured.scores.weights, measured.new_scores
    return MemberContent(
        name=name,
        scores=measured.scores.members[name],
        new_scores=None if new is None else new.members[name],
        weight=None if weights is None else weights[name],
        parameters=parameters,
        multiply_accumulates=multiply_accumulates,
        fit_seconds=measured.ensemble.fit_times_.get(name),
        training=find_trainings([(name, member)]).get(name),
    )


def _count_cost(classifier: Any) -> tuple[int | None, int | None]:
    """Count parameters and multiply-accumulates of a fitted network; of others, nothing."""
    if not hasattr(classifier, "history_"):
        return None, None
    if hasattr(classifier, "facts_"):  # exported: there may be no Keras
        return classifier.facts_["n_parameters"], classifier.facts_["multiply_accumulates"]
    # Imported late: they load Keras, which takes seconds, and many members are no networks.
    from fer_ensemble.models import layer_costs
    from fer_ensemble.models.training import build_network

    layers = layer_costs(build_network(classifier, "float32", to_predict=True))
    return (
        sum(layer.parameters for layer in layers),
        sum(layer.multiply_accumulates for layer in layers),
    )


def _describe_combining(measured: MeasuredModel) -> CombiningContent:
    scores, new = measured.scores, measured.new_scores
    names, labels = list(scores.members), measured.part.faces.labels
    predicted = measured.probabilities.argmax(axis=2)
    truth = np.searchsorted(measured.ensemble.classes_, labels)
    best = max(names, key=lambda name: scores.members[name].accuracy)
    # Of the best on these very faces: the page says that this favours it.
    of_best = predicted[:, names.index(best)]
    rule, diversity = _measure_diversity(measured, labels)
    return CombiningContent(
        rules=scores.rules,
        new_rules={} if new is None else new.rules,
        best_member=best,
        gains={
            name: compare_predictions(truth, measured.combine(name).argmax(axis=1), of_best)
            for name in scores.rules
        },
        oracle_accuracy=diversity.oracle_accuracy,
        pairs=_list_pairs(names, diversity),
        contribution_rule=rule,
        contributions=dict(zip(names, diversity.contributions, strict=True)),
    )


def _list_pairs(names: list[str], diversity: Diversity) -> list[PairContent]:
    measures = diversity.disagreement, diversity.q_statistic, diversity.kappa
    return [
        PairContent(names[i], names[j], *(float(measure[i, j]) for measure in measures))
        for i, j in combinations(range(len(names)), 2)
    ]


def _measure_diversity(measured: MeasuredModel, labels: NDArray[Any]) -> tuple[str, Diversity]:
    """Measure under the ensemble's own rule; of stacking, which can lack none, under average."""
    ensemble = measured.ensemble
    rule = ensemble.rule_name if ensemble.rule_name in RULES else "average"
    weights = ensemble.member_weights if rule in WEIGHTED_RULES else None
    probabilities = ensemble.temper_members(measured.probabilities)
    return rule, measure_diversity(probabilities, labels, ensemble.classes_, rule, weights=weights)


def _describe_recipe(
    measured: MeasuredModel, name: str, out: str, n_explained: int
) -> RecipeContent:
    manifest = measured.manifest
    members = [entry for entry in manifest.members if entry.name in measured.scores.members]
    others = [file for file in (manifest.final_estimator, manifest.validation) if file is not None]
    # Whoever reproduces the figures can tell by these whether it is the same model.
    files = [*(entry.stored for entry in members), *others]
    fitting = fit_commands(manifest, name)
    return RecipeContent(
        commands=[*fitting, _report_command(measured, name, out, n_explained)],
        refits=bool(fitting),
        settings=_describe_settings(measured),
        versions={
            library: (fitted, installed_version(library))
            for library, fitted in manifest.versions.items()
        },
        hashes={file.file: file.sha256 for file in files},
        parameters={entry.name: json.dumps(entry.parameters, indent=1) for entry in members},
    )


def _report_command(measured: MeasuredModel, name: str, out: str, n_explained: int) -> str:
    words = ["fer-ensemble", "report", name]
    if not measured.synthetic:
        words.append(measured.source)
    if measured.protocol != measured.manifest.data.get("protocol", "official"):
        words += ["--protocol", measured.protocol]
    if measured.part.split is not None:
        words += ["--split", measured.part.split]
    if measured.faces.report.classes:
        words += ["--classes", format_classes(measured.faces.report.classes)]
    if measured.subgroups is not None:
        words.append("--subgroups")
    if n_explained:
        words += ["--explain", str(n_explained)]
    return shlex.join([*words, "--out", out])


def _describe_settings(measured: MeasuredModel) -> dict[str, str]:
    record, ensemble = measured.manifest.data, measured.manifest.ensemble
    return {
        **_select_settings(record, _DATA),
        **_select_settings(ensemble, _ENSEMBLE),
        "measured on": f"{measured.description}, n = {measured.scores.n:,}",
        "SHA-256 of these faces and labels": _digest(measured.part.faces),
    }


def _select_settings(record: Mapping[str, Any], wording: Mapping[str, str]) -> dict[str, str]:
    found = {text: record.get(key) for key, text in wording.items()}
    return {
        text: {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
        for text, value in found.items()
        if value is not None
    }


def _digest(faces: FaceDataset) -> str:
    content = hashlib.sha256(np.asarray(faces.images).tobytes())
    # The same bytes on every machine, whatever its own order of bytes and size of integers.
    content.update(faces.labels.astype("<i8").tobytes())
    return content.hexdigest()
