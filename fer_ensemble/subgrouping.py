"""How well groups of faces are recognised, and faces that are changed on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation import (
    Comparison,
    Evaluation,
    GroupComparison,
    compare_groups,
    compare_predictions,
    evaluate_predictions,
    holm,
)
from fer_ensemble.features import ALTERATIONS, CONDITIONS, alter_faces, group_faces
from fer_ensemble.stored_arrays import StoredArray

_N_BOOTSTRAP = 2000

#: From faces, uint8 of shape (n_samples, side, side), to probabilities (n_samples, n_classes).
Predict = Callable[[NDArray[np.uint8]], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class AlteredScore:
    """What a change made on purpose does to the same faces.

    Attributes
    ----------
    name : str
        A key of `fer_ensemble.features.ALTERATIONS`.
    scores : Evaluation
        Of the changed faces.
    comparison : Comparison
        Accuracy on changed faces less that on the same faces as they are, paired.
    adjusted_p : float
        McNemar's p by Holm's method, for all changes.
    """

    name: str
    scores: Evaluation
    comparison: Comparison
    adjusted_p: float


@dataclass(frozen=True, eq=False)
class Subgroups:
    """What `measure_subgroups` found.

    Attributes
    ----------
    conditions : dict of str to GroupComparison
        By what is measured of a face; see `fer_ensemble.features.CONDITIONS`.
    altered : tuple of AlteredScore
    """

    conditions: dict[str, GroupComparison]
    altered: tuple[AlteredScore, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return every figure as plain lists, dictionaries and numbers, ready for JSON."""
        conditions = {
            name: {"what": CONDITIONS[name].what, **found.to_dict()}
            for name, found in self.conditions.items()
        }
        altered = [
            {
                "name": one.name,
                **one.scores.to_dict(),
                "comparison": one.comparison.to_dict(),
                "adjusted_p": one.adjusted_p,
            }
            for one in self.altered
        ]
        return {"conditions": conditions, "altered": altered}

    def to_summary(self) -> dict[str, Any]:
        """Return what a model card shows of it, ready for JSON."""
        return {
            "conditions": {name: _summarise(found) for name, found in self.conditions.items()},
            "altered": [
                {
                    "name": one.name,
                    **_accuracies(one.scores),
                    "difference": one.comparison.difference,
                    "interval": list(one.comparison.interval),
                    "adjusted_p": one.adjusted_p,
                }
                for one in self.altered
            ],
        }


def measure_subgroups(
    predict: Predict,
    faces: NDArray[np.uint8] | StoredArray,
    labels: ArrayLike,
    *,
    classes: ArrayLike,
    class_names: Sequence[str] | None = None,
    probabilities: ArrayLike | None = None,
    alterations: Sequence[str] = tuple(ALTERATIONS),
    random_state: int = 0,
) -> Subgroups:
    """Measure a classifier on groups of faces, and on faces that are changed on purpose.

    Groups are made by what can be measured of any face, without knowing the person: see
    `fer_ensemble.features.CONDITIONS`. Where age, sex or skin of the people are known,
    `fer_ensemble.evaluation.compare_groups` compares groups by them in the same way.

    Parameters
    ----------
    predict : callable
        From ``uint8`` faces of shape (n_samples, side, side) to probabilities of shape
        (n_samples, n_classes), such as ``classifier.predict_proba``. It is asked once for every
        alteration.
    faces : ndarray or StoredArray of uint8 of shape (n_samples, side, side)
    labels : array-like of shape (n_samples,)
        True labels.
    classes : array-like of shape (n_classes,)
        The label that each column of the probabilities stands for.
    class_names : sequence of str, optional
        What to call the classes.
    probabilities : array-like of shape (n_samples, n_classes), optional
        What was predicted for the faces as they are, if that is known.
    alterations : sequence of str, optional
        Keys of `fer_ensemble.features.ALTERATIONS`; all by default.
    random_state : int, default=0
        Seed of bootstrap and permutations.

    Returns
    -------
    Subgroups

    Raises
    ------
    ValueError
        If there is no such alteration, or as `compare_groups`.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.pipeline import make_pipeline
    >>> from fer_ensemble.datasets import make_faces
    >>> from fer_ensemble.features import HOG
    >>> faces, labels, _ = make_faces(140, random_state=0)
    >>> model = make_pipeline(HOG(), GaussianNB()).fit(faces, labels)
    >>> found = measure_subgroups(
    ...     model.predict_proba, faces, labels, classes=model.classes_, alterations=["mask"]
    ... )
    >>> sorted(found.conditions)[:3], found.altered[0].name
    (['border', 'brightness', 'contrast'], 'mask')
    """
    unknown = [name for name in alterations if name not in ALTERATIONS]
    if unknown:
        raise ValueError(f"Nothing is called {unknown[0]!r}: choose among {', '.join(ALTERATIONS)}")
    truth = np.asarray(labels)
    told: dict[str, Any] = {"classes": classes, "class_names": class_names}
    plain = np.asarray(_map(predict, faces) if probabilities is None else probabilities)
    groups = _map(lambda batch: np.stack([*group_faces(batch).values()], axis=1), faces)
    conditions = compare_groups(
        truth,
        groupings=dict(zip(CONDITIONS, groups.T, strict=True)),
        orders={name: condition.names for name, condition in CONDITIONS.items()},
        probabilities=plain,
        n_bootstrap=_N_BOOTSTRAP,
        random_state=random_state,
        **told,
    )
    altered = []
    for name in alterations:
        changed = _map(lambda batch, name=name: predict(alter_faces(batch, name)), faces)
        scores = evaluate_predictions(
            truth,
            probabilities=changed,
            n_bootstrap=_N_BOOTSTRAP,
            random_state=random_state,
            **told,
        )
        names = np.asarray(classes)
        comparison = compare_predictions(
            truth,
            names[changed.argmax(axis=1)],
            names[plain.argmax(axis=1)],
            classes=classes,
            random_state=random_state,
        )
        altered.append((name, scores, comparison))
    adjusted = holm([comparison.mcnemar_p for _, _, comparison in altered]).tolist()
    return Subgroups(
        conditions,
        tuple(AlteredScore(*one, p) for one, p in zip(altered, adjusted, strict=True)),
    )


def _map(function: Callable[..., NDArray[Any]], faces: Any) -> NDArray[Any]:
    return faces.in_parts(function) if isinstance(faces, StoredArray) else function(faces)


def _summarise(found: GroupComparison) -> dict[str, Any]:
    rows = zip(found.groups, found.standardised, strict=True)
    return {
        "groups": [
            {
                "group": str(part.group),
                "n": part.scores.n,
                "small": part.small,
                **_accuracies(part.scores),
                "standardised": standard and [standard.value, *standard.interval],
            }
            for part, standard in rows
        ],
        "left_out": list(found.left_out),
        "gap": _plain(found.gap),
        "standardised_gap": _plain(found.standardised_gap),
    }


def _accuracies(scores: Evaluation) -> dict[str, Any]:
    return {
        "accuracy": scores.accuracy,
        "accuracy_interval": list(scores.accuracy_interval),
        "balanced_accuracy": scores.balanced_accuracy,
    }


def _plain(gap: Any) -> Mapping[str, Any] | None:
    return gap and asdict(gap) | {"interval": list(gap.interval)}
