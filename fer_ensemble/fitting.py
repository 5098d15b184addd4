"""Fit an ensemble from labelled faces to a saved artifact, as ``fer-ensemble fit`` does."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin

from fer_ensemble.artifact import fit_resumable
from fer_ensemble.datasets import (
    Classes,
    Decisions,
    FaceDataset,
    emotion_names,
    find_protocol,
    join_ferplus,
    load_ferplus,
    open_faces,
    read_decisions,
    soft_training,
    training_part,
)
from fer_ensemble.ensemble import (
    DYNAMIC_RULES,
    DynamicEnsemble,
    EnsembleScores,
    VotingEnsemble,
    score_ensemble,
)
from fer_ensemble.libraries import require, require_for_members
from fer_ensemble.models import augment_copies, create_member, find_parameters, set_snapshots
from fer_ensemble.ray_clusters import connected
from fer_ensemble.spreading import ON_RAY, check_engine

DEFAULT_MEMBERS = ("dense_hog", "boosted_hog", "cnn_2")
"""What an ensemble is made of where nothing else is asked for: one member of each kind."""

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PATTERN = re.compile(r"(?=.)(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s?)?")


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """The faces that an ensemble is fitted on, under a protocol.

    Attributes
    ----------
    X : ndarray of shape (n_rows, size, size), uint8
        Faces; with votes, each face has a row for every expression that it was given.
    y : ndarray of shape (n_rows,)
        Labels.
    sample_weight : ndarray of shape (n_rows,) or None
        Shares of the votes; None without votes.
    held_out : FaceDataset or None
        The data's own validation part, or what was held out of the votes; None if the ensemble
        holds a share of `X` out itself.
    n_faces : int
        How many faces there are.
    class_counts : dict of str to int
        How many of each class.
    n_voted : int or None
        How many of them have votes; None without votes.
    description : str
        What the faces are, beside a figure on those held out of them.
    warning : str
        What the protocol warns of; mostly empty.
    record : dict
        What a manifest says of them.
    """

    X: NDArray[np.uint8]
    y: NDArray[np.int64]
    sample_weight: NDArray[np.float64] | None
    held_out: FaceDataset | None
    n_faces: int
    class_counts: dict[str, int]
    n_voted: int | None
    description: str
    warning: str
    record: dict[str, Any]


@dataclass(frozen=True, eq=False)
class FittedEnsemble:
    """A fitted and saved ensemble.

    Attributes
    ----------
    ensemble : VotingEnsemble
    training : TrainingSet
        What it was fitted on.
    path : Path
        Where it is saved.
    """

    ensemble: VotingEnsemble
    training: TrainingSet = field(repr=False)  # thousands of numbers, in a notebook
    path: Path

    def score_held_out(self) -> EnsembleScores:
        """Measure members and rules on the held-out faces.

        Returns
        -------
        EnsembleScores
            Optimistic: these faces also chose epochs and weights.

        Raises
        ------
        ValueError
            If none were held out.
        """
        found = self.ensemble.held_out
        return score_ensemble(
            self.ensemble,
            None if found is None else found.probabilities,
            None if found is None else found.labels,
            class_names=emotion_names(self.ensemble.classes_),
        )


def fit_ensemble(
    data: str | os.PathLike[str] | FaceDataset | None = None,
    out: str | os.PathLike[str] = "model",
    *,
    classes: Classes | None = None,
    members: Sequence[str] | Sequence[tuple[str, ClassifierMixin]] = DEFAULT_MEMBERS,
    rule: str = "weighted",
    protocol: str = "official",
    test_size: float = 0.1,
    split: str = "train",
    validation_fraction: float = 0.1,
    ferplus: str | os.PathLike[str] | None = None,
    labels: str | os.PathLike[str] | Decisions | None = None,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    strict: bool = False,
    engine: str = "local",
    address: str | None = None,
    on_data: Callable[[TrainingSet], None] | None = None,
    on_member: Callable[[str, str], None] | None = None,
) -> FittedEnsemble:
    """Train an ensemble on labelled faces and save it.

    Each member is kept on disk as soon as it is fitted, and of a network in training the state
    after each epoch, so that an interrupted fit can be resumed.

    Parameters
    ----------
    data : path-like or FaceDataset, optional
        Labelled faces, as `open_faces` takes them. Without them, synthetic faces are drawn.
    out : path-like, default='model'
        Folder to save the ensemble in.
    classes : str or mapping, optional
        What labels of the data mean, as `load_faces` takes it. It is kept in the ensemble's
        manifest.
    members : sequence of str or of (str, classifier)
        Names of registered members, with their recipes; or unfitted classifiers, each with a
        name, such as `create_members` makes.
    rule : str, default='weighted'
        How to combine them: a key of `fer_ensemble.ensemble.RULES`, or of `DYNAMIC_RULES`, which
        select members for every face.
    protocol : str, default='official'
        How test faces are set apart: a key of `fer_ensemble.datasets.PROTOCOLS`.
    test_size : float, default=0.1
        Share of the faces that the protocols random, grouped and balanced set apart.
    split : str, default='train'
        Part of the data to train on, where the protocol keeps the data's own split.
    validation_fraction : float, default=0.1
        Share of the training faces that is held out for early stopping and weights. Unused if
        the data have a validation part, which then serves.
    ferplus : path-like, optional
        ``fer2013new.csv`` of FER+, to train on the shares of its votes in place of the labels.
    labels : path-like or Decisions, optional
        What was decided of suspect faces, as `read_decisions` reads it: training faces are left out
        or relabelled, those held out of them included. Test faces stay as they are. Not together
        with `ferplus`.
    seed : int, default=0
        Seed of every draw.
    resume : bool, default=False
        Whether to resume an interrupted fit in the same folder.
    overwrite : bool, default=False
        Whether to replace what stands in the folder.
    strict : bool, default=False
        Whether a face that can't be used is an error.
    engine : {'local', 'ray'}, default='local'
        Who fits the members: ``'local'`` is this process, or what a `joblib.parallel_config` around
        the call says; ``'ray'`` sends each to a worker of a cluster of Ray, of which a network has
        a GPU to itself where there are some. The same comes out on the same processors.
    address : str, optional
        Of Ray's cluster, such as ``10.0.0.1:6379``; ``'auto'`` finds one that runs on this machine.
        Without it, the environment's ``RAY_ADDRESS`` counts, or this machine alone is used.
    on_data : callable, optional
        Called once with the `TrainingSet`, before the first fit.
    on_member : callable, optional
        Called with a member's name and ``'fitting'``, ``'fitted'`` or ``'kept'``.

    Returns
    -------
    FittedEnsemble

    Raises
    ------
    ArtifactError
        If something stands in the folder and neither `resume` nor `overwrite` says what to do.
    DatasetError
        If the data can't be read, or the decisions are on other data.
    ValueError
        If there is no such member, rule, protocol, part or engine, or a class is too small.
    MissingLibraryError
        If a library that a member is fitted with is not installed, or Ray where it is asked for.
    ClusterError
        If no cluster of Ray answers at the address.
    WorkersDiedError
        If workers died of the same members several times.

    Examples
    --------
    >>> from fer_ensemble import fit_ensemble
    >>> fitted = fit_ensemble("fer2013.zip", "model", members=["dense_hog"])  # doctest: +SKIP
    >>> fitted.score_held_out().members["dense_hog"].accuracy  # doctest: +SKIP
    0.51
    """
    # What is wrong with the arguments should not cost the reading of a large file.
    if engine != "local" or address is not None:
        check_engine(engine, address)
    if labels is not None and ferplus is not None:
        raise ValueError(
            "Votes of FER+ take the place of labels, and decisions change labels: give one of both."
        )
    if not (labels is None or isinstance(labels, Decisions)):
        labels = read_decisions(labels)
    if find_protocol(protocol).augments:
        require("keras", f"The protocol {protocol!r}")
    estimators = [
        (member, create_member(member, random_state=seed)) if isinstance(member, str) else member
        for member in members
    ]
    require_for_members(estimators)
    kind = DynamicEnsemble if rule in DYNAMIC_RULES else VotingEnsemble
    ensemble = kind(
        estimators, rule=rule, validation_fraction=validation_fraction, random_state=seed
    )
    training = _prepare(
        data,
        classes=classes,
        protocol=protocol,
        test_size=test_size,
        split=split,
        validation_fraction=validation_fraction,
        ferplus=ferplus,
        decisions=labels,
        seed=seed,
        strict=strict,
    )
    if on_data is not None:
        on_data(training)
    held_out = training.held_out
    with _fitting_on(engine, address):
        ensemble = fit_resumable(
            ensemble,
            training.X,
            training.y,
            out,
            sample_weight=training.sample_weight,
            validation_data=None if held_out is None else (held_out.images, held_out.labels),
            data=training.record,
            resume=resume,
            overwrite=overwrite,
            on_member=on_member,
        )
    return FittedEnsemble(ensemble, training, Path(out))


@contextmanager
def _fitting_on(engine: str, address: str | None) -> Iterator[None]:
    """Have members fitted on an engine."""
    if engine == "local":
        yield
        return
    with connected(address, ON_RAY):
        from ray.util.joblib import register_ray

        register_ray()
        with joblib.parallel_config("ray", n_jobs=-1):
            yield


def _prepare(
    data: str | os.PathLike[str] | FaceDataset | None,
    *,
    classes: Classes | None,
    protocol: str,
    test_size: float,
    split: str,
    validation_fraction: float,
    ferplus: str | os.PathLike[str] | None,
    decisions: Decisions | None,
    seed: int,
    strict: bool,
) -> TrainingSet:
    """Read the data, set the test faces apart, and bring in decisions or votes on the others."""
    faces, source = open_faces(data, classes=classes, strict=strict, seed=seed)
    training, record = training_part(
        faces,
        protocol,
        split=split,
        test_size=test_size,
        random_state=seed,
        augment=augment_copies,
    )
    record = {"source": source, "synthetic": data is None, **record}
    held_out = None
    if record["split"] == "train" and "validation" in faces.split_counts():
        held_out = faces.select("validation")
    if decisions is not None:
        decisions.check(faces)
        training, record["decisions"] = decisions.follow(training)
        if held_out is not None:
            held_out, _ = decisions.follow(held_out)
    X, y, weights, n_voted = training.images, training.labels, None, None
    description = source
    if ferplus is not None:
        votes = join_ferplus(faces, load_ferplus(ferplus))
        soft = soft_training(
            training, votes, held_out=held_out, test_size=validation_fraction, random_state=seed
        )
        X, y, weights, held_out = soft.images, soft.labels, soft.sample_weight, soft.held_out
        n_voted, description = soft.n_faces, f"{source}, labelled by the majority of FER+"
        name = Path(ferplus).name
        record["ferplus"] = {"source": name, "n_faces": n_voted, "n_rows": len(y)}
    return TrainingSet(
        X=X,
        y=y,
        sample_weight=weights,
        held_out=held_out,
        n_faces=len(training),
        class_counts=training.class_counts(),
        n_voted=n_voted,
        description=description,
        warning=find_protocol(protocol).warning,
        record=record,
    )


def create_members(
    names: Sequence[str],
    params: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    snapshots: int = 1,
    time_budget: float | str | None = None,
    seed: int = 0,
    n_jobs: int = -1,
    verbose: int = 0,
) -> list[tuple[str, ClassifierMixin]]:
    """Make unfitted members that share the machine and the time.

    Parameters
    ----------
    names : sequence of str
        Names of registered members.
    params : mapping of str to mapping, optional
        By the name of a member, parameters to change, as `create_member` takes them.
    snapshots : int, default=1
        How many networks are made of the training of each, see `KerasClassifier`; those whose
        schedule does not come down so often are trained along cosines.
    time_budget : float or str, optional
        Seconds, or a text such as "20m", for training the networks, shared equally among them.
    seed : int, default=0
        Seed of each.
    n_jobs : int, default=-1
        Threads of each; -1 takes all processors.
    verbose : int, default=0
        1 shows a bar for each network's training.

    Returns
    -------
    list of (str, classifier)

    Raises
    ------
    ValueError
        If there is no such member or parameter, or the time is none.
    MissingLibraryError
        If a library that a member is fitted with is not installed.
    """
    changes = params or {}
    members = [
        (
            name,
            create_member(
                name, random_state=seed, n_jobs=n_jobs, verbose=verbose, **changes.get(name, {})
            ),
        )
        for name in names
    ]
    if snapshots > 1:
        for _, member in members:
            set_snapshots(member, snapshots)
    if time_budget is not None:
        seconds = parse_duration(time_budget) if isinstance(time_budget, str) else time_budget
        _share_time(seconds, [member for _, member in members])
    return members


def _share_time(seconds: float, members: Sequence[ClassifierMixin]) -> None:
    """Give each network an equal share of the time."""
    holders = [
        (member, parameter)
        for member in members
        for parameter in find_parameters(member, "time_budget")
    ]
    for member, parameter in holders:
        member.set_params(**{parameter: seconds / len(holders)})


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
