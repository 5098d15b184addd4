"""Measure the predictions of any tool against the truth."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_ensemble.datasets import Classes
from fer_ensemble.evaluation import (
    Comparison,
    Evaluation,
    GroupComparison,
    GroupScore,
    compare_groups,
    compare_predictions,
    evaluate_predictions,
)
from fer_ensemble.scoring.joining import JoinedPredictions, SystemPredictions, join_predictions

# Resamples of each bootstrap interval of one system; as many as `bootstrap_intervals` takes by
# default. `compare_predictions` takes more of its own.
_N_BOOTSTRAP = 2000


def score_predictions(
    truth: str | os.PathLike[str],
    predictions: str | os.PathLike[str],
    against: str | os.PathLike[str] | None = None,
    *,
    group: str | None = None,
    by: Sequence[str] | None = None,
    by_row: bool = False,
    classes: Classes | None = None,
    seed: int = 0,
) -> ScoredPredictions:
    """Measure the predictions of any tool against true labels.

    Parameters
    ----------
    truth : path-like
        A CSV with a column of true labels: label, emotion, expression or class.
    predictions : path-like
        A CSV with a column of labels, a column ``p_NAME`` of probabilities for each class, or
        both, as `fer-ensemble predict` writes it.
    against : path-like, optional
        Predictions of another tool for the same rows, to compare with.
    group : str, optional
        A column of either file; the first tool is measured on every value of it alone.
    by : sequence of str, optional
        Columns that name a row in all files, together. By default a column of each that names the
        same files (path, file, image, name or the like, by the whole path or else the name without
        folders), or id.
    by_row : bool, default=False
        Whether to join row by row, where all files are in one order.
    classes : str or mapping, optional
        What labels mean in all files, as `fer_ensemble.datasets.parse_classes` takes it. Names of
        expressions need none; numbers are FER2013's if the truth has its columns emotion and
        pixels, and else classes of their own.
    seed : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    ScoredPredictions

    Raises
    ------
    DatasetError
        If a file cannot be read, rows do not match, a true label is missing, no prediction is a
        label of the truth, or a column is not there.
    OSError
        If a file cannot be opened.

    Examples
    --------
    >>> from fer_ensemble.scoring import score_predictions
    >>> found = score_predictions("labels.csv", "ours.csv", "theirs.csv")  # doctest: +SKIP
    >>> accuracy = found.scores[0]["all"].accuracy  # doctest: +SKIP
    >>> p_value = found.comparison.mcnemar_p  # doctest: +SKIP
    """
    files = [Path(predictions)] if against is None else [Path(predictions), Path(against)]
    joined = join_predictions(Path(truth), files, by=by, by_row=by_row, classes=classes)
    return ScoredPredictions(
        joined=joined,
        scores=tuple(_evaluate(joined, system, seed) for system in joined.systems),
        group=group,
        group_comparison=None if group is None else _compare_groups(joined, group, seed),
        comparison=None if against is None else _compare(joined, seed),
    )


@dataclass(frozen=True, eq=False)
class ScoredPredictions:
    """What `score_predictions` found.

    Attributes
    ----------
    joined : JoinedPredictions
        The rows that were measured, and how each file was joined to the truth.
    scores : tuple of dict of str to Evaluation
        For each of ``joined.systems``, the figures of ``"all"`` rows, where those without an
        answer count as errors, and of the ``"answered"`` ones, if only some are.
    group : str or None
        The column by whose values groups were measured.
    group_comparison : GroupComparison or None
        Figures of the first system for each of them, and how far they are apart.
    comparison : Comparison or None
        Of the first system with the second.
    """

    joined: JoinedPredictions
    scores: tuple[dict[str, Evaluation], ...]
    group: str | None = None
    group_comparison: GroupComparison | None = None
    comparison: Comparison | None = None

    @property
    def groups(self) -> tuple[GroupScore, ...] | None:
        """Figures of the first system for each group."""
        return None if self.group_comparison is None else self.group_comparison.groups

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain dictionaries, lists and numbers, ready for JSON.

        Returns
        -------
        dict
            ``truth``, ``classes``, and under ``systems`` the figures of each file by its name;
            ``groups`` and ``comparison`` if they were asked for.
        """
        content: dict[str, Any] = {
            "truth": self.joined.truth.source,
            "classes": list(self.joined.classes),
            "systems": {
                system.table.source: {
                    "joined_by": system.joined_by,
                    "unanswered": system.unanswered,
                    **{rows: found.to_dict() for rows, found in scores.items()},
                }
                for system, scores in zip(self.joined.systems, self.scores, strict=True)
            },
        }
        if self.group_comparison is not None:
            told = self.group_comparison.to_dict()
            content["groups"] = {"column": self.group, "scores": told.pop("groups"), **told}
        if self.comparison is not None:
            content["comparison"] = self.comparison.to_dict()
        return content


def _evaluate(
    joined: JoinedPredictions, system: SystemPredictions, seed: int
) -> dict[str, Evaluation]:
    """Measure all rows, and the answered ones alone if there are others."""
    # Both, since a tool could do well on few rows by answering only those of which it is sure.
    parts: dict[str, Any] = {"all": slice(None)}
    if system.answered.any() and not system.answered.all():
        parts["answered"] = system.answered
    return {
        name: evaluate_predictions(
            joined.y_true[rows],
            classes=joined.classes,
            n_bootstrap=_N_BOOTSTRAP,
            random_state=seed,
            **{argument: array[rows] for argument, array in _arrays(system).items()},
        )
        for name, rows in parts.items()
    }


def _compare_groups(joined: JoinedPredictions, column: str, seed: int) -> GroupComparison:
    found = compare_groups(
        joined.y_true,
        groupings={column: joined.column(column)},
        classes=joined.classes,
        n_bootstrap=_N_BOOTSTRAP,
        random_state=seed,
        **_arrays(joined.systems[0]),
    )
    return found[column]


def _compare(joined: JoinedPredictions, seed: int) -> Comparison:
    ours, theirs = (system.y_pred for system in joined.systems)
    # A row without an answer holds the empty label, which is never true: it counts as an error.
    return compare_predictions(joined.y_true, ours, theirs, random_state=seed)


def _arrays(system: SystemPredictions) -> dict[str, Any]:
    """Return the predictions by the names that `evaluate_predictions` has for them."""
    arrays = {"y_pred": system.y_pred, "answered": system.answered}
    probabilities = system.probabilities
    return arrays if probabilities is None else {**arrays, "probabilities": probabilities}
