"""What a report shows: arrays and plain values, from whatever model they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.evaluation import Comparison, Evaluation
from fer_ensemble.evaluation.plots import Training
from fer_ensemble.explanation import Explanation
from fer_ensemble.measuring import MeasuredSets
from fer_ensemble.subgrouping import Subgroups

Counts = Mapping[str, int]
"""How many faces each class has, by name."""


@dataclass(frozen=True, eq=False)
class DataContent:
    """What was fitted and measured on.

    Attributes
    ----------
    description : str
        What was measured on.
    protocol : str
        Name of the way in which test faces were set apart; empty if it has none.
    protocol_summary : str
        What it does.
    class_counts : mapping of str to mapping of str to int
        Faces of every class, by part, in the order of the table.
    balance : mapping of str to (mapping, mapping)
        Class counts before and after balancing, by what was balanced.
    warnings : sequence of str
        What must stand beside the figures.
    n_seen : int or None
        Test faces that have an exact copy in the training data; None if that is not known.
    """

    description: str
    protocol: str
    protocol_summary: str
    class_counts: Mapping[str, Counts]
    balance: Mapping[str, tuple[Counts, Counts]] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    n_seen: int | None = None


@dataclass(frozen=True, eq=False)
class MemberContent:
    """A member: how good, how large, and how it was trained.

    Attributes
    ----------
    name : str
    scores : Evaluation
        On all test faces.
    new_scores : Evaluation or None
        On those without a copy in the training data.
    weight : float or None
        Under the weighted rules.
    parameters, multiply_accumulates : int or None
        Of its network, the latter for one face; None if it is none.
    fit_seconds : float or None
    training : Training or None
        How it learned, if it is a network.
    """

    name: str
    scores: Evaluation
    new_scores: Evaluation | None = None
    weight: float | None = None
    parameters: int | None = None
    multiply_accumulates: int | None = None
    fit_seconds: float | None = None
    training: Training | None = None


@dataclass(frozen=True)
class PairContent:
    """How differently two members err.

    Attributes
    ----------
    first, second : str
        The members.
    disagreement, q_statistic, kappa : float
        NaN where one is undefined.
    """

    first: str
    second: str
    disagreement: float
    q_statistic: float
    kappa: float


@dataclass(frozen=True, eq=False)
class CombiningContent:
    """What several members make together.

    Attributes
    ----------
    rules : mapping of str to Evaluation
        Every rule, on all test faces.
    new_rules : mapping of str to Evaluation
        On those without a copy in the training data; empty if these are not known.
    best_member : str
        The most accurate one on all test faces.
    gains : mapping of str to Comparison
        Each rule against the best member.
    oracle_accuracy : float
        Share of faces that at least one member gets right.
    pairs : sequence of PairContent
    contribution_rule : str
        The rule under which the contributions were measured.
    contributions : mapping of str to Comparison
        Of each member: all members against all but this one.
    """

    rules: Mapping[str, Evaluation]
    new_rules: Mapping[str, Evaluation]
    best_member: str
    gains: Mapping[str, Comparison]
    oracle_accuracy: float
    pairs: Sequence[PairContent]
    contribution_rule: str
    contributions: Mapping[str, Comparison]


@dataclass(frozen=True)
class RecipeContent:
    """How to come to the same figures.

    Attributes
    ----------
    commands : sequence of str
        For a shell, in order.
    refits : bool
        Whether they fit the model too, and not only measure it.
    settings : mapping of str to str
        What is known of data, seed and ensemble.
    versions : mapping of str to (str, str)
        Of each library, with which the model was fitted and with which it was measured.
    hashes : mapping of str to str
        SHA-256 of the model's files.
    parameters : mapping of str to str
        Those of each member, as JSON.
    """

    commands: Sequence[str]
    refits: bool
    settings: Mapping[str, str]
    versions: Mapping[str, tuple[str, str]]
    hashes: Mapping[str, str]
    parameters: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class ReportContent:
    """All of a report.

    Attributes
    ----------
    model : str
        What the model is called.
    data : DataContent
    faces : ndarray of shape (n_samples, height, width), uint8
        The test faces.
    names : sequence of str
        Where each came from: a file or a row.
    labels : ndarray of shape (n_samples,)
        Their true labels.
    probabilities : ndarray of shape (n_samples, n_classes)
        What the model predicts for them.
    classes : sequence
        The label that each column stands for.
    class_names : sequence of str
        What the classes are called.
    rule : str
        What the model combines its members by.
    scores : Evaluation
        Of the model, on all test faces; with bootstrap intervals.
    new_scores : Evaluation or None
        On those without a copy in the training data.
    members : sequence of MemberContent
    combining : CombiningContent or None
        None if there is only one member.
    recipe : RecipeContent
    subgroups : Subgroups or None
        Of the model, on groups of the test faces and on changed ones; None if not measured.
    sets : sequence of MeasuredSets
        What its sets of labels are worth; empty if it can give none.
    explained : mapping of int to Explanation
        What spoke for the labels of some faces, by their places.
    """

    model: str
    data: DataContent
    faces: NDArray[np.uint8]
    names: Sequence[str]
    labels: NDArray[Any]
    probabilities: NDArray[np.float64]
    classes: Sequence[Any]
    class_names: Sequence[str]
    rule: str
    scores: Evaluation
    new_scores: Evaluation | None
    members: Sequence[MemberContent]
    combining: CombiningContent | None
    recipe: RecipeContent
    subgroups: Subgroups | None = None
    sets: Sequence[MeasuredSets] = ()
    explained: Mapping[int, Explanation] = field(default_factory=dict)
