"""Fit members one after the other, side by side on this machine, or on a cluster."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

from fer_ensemble.atomic_files import open_atomically
from fer_ensemble.ensemble.evidence import check_classes, predict_member
from fer_ensemble.ensemble.workers import Call, Surroundings, Workers, find_workers

LOGGER = logging.getLogger(__name__)


class TrainingData(NamedTuple):
    """What members are fitted on, and what the ensemble's classes are."""

    X: Any
    y: NDArray[Any]
    classes: NDArray[Any]
    sample_weight: NDArray[np.float64] | None = None
    validation_data: tuple[Any, NDArray[Any]] | None = None


class MemberFit(NamedTuple):
    """One fit of a member: on all rows, or on some to predict the rows held out."""

    name: str
    member: Any
    rows: NDArray[np.intp] | None = None
    held_out: NDArray[np.intp] | None = None


class FitStore(Protocol):
    """Where fitted members are kept, so that an interrupted fit of an ensemble can be resumed.

    It is asked in the process that the fit of the ensemble was called in, wherever members are
    fitted: first `read`; then, if that finds nothing, `begin`, and `write` as soon as the member is
    fitted.
    """

    def read(
        self, name: str, member: Any, X: Any, y: NDArray[Any], **keywords: Any
    ) -> tuple[Any, float] | None:
        """Read the same fit, if it was kept before.

        Parameters
        ----------
        name : str
            The member's name in the ensemble.
        member : classifier
            Unfitted.
        X : array, sparse matrix or data frame whose first axis is the samples
        y : ndarray of shape (n_samples,)
        **keywords
            What the member's ``fit`` takes beside them.

        Returns
        -------
        tuple of (classifier, float), or None
            The fitted member, and the seconds that its fit took when it was done.
        """
        ...

    def begin(self, name: str, member: Any) -> dict[str, str]:
        """Choose where a member may keep what it has done, while it is fitted.

        Parameters
        ----------
        name : str
        member : classifier
            Unfitted.

        Returns
        -------
        dict of str to str
            Parameters, and paths as their values. They are set for the fit and unset after it,
            where the path's folder is there: it need not be on another machine.
        """
        ...

    def write(self, name: str, member: Any, seconds: float) -> None:
        """Keep a fitted member.

        Parameters
        ----------
        name : str
        member : classifier
            Fitted.
        seconds : float
            What the fit took.
        """
        ...


class FitResult(NamedTuple):
    """The fitted member, or what it predicts for the rows held out; and the seconds it took."""

    result: Any
    seconds: float


def fit_side_by_side(
    fits: Sequence[MemberFit],
    data: TrainingData,
    *,
    n_jobs: int | None,
    log_level: int,
    keep: FitStore | None = None,
) -> Iterator[tuple[int, FitResult]]:
    """Do fits by the workers of joblib's active backend.

    On this machine they are processes, unless a `joblib.parallel_config` says otherwise, and those
    fits that cannot share it are done one at a time in this process. Threads within the processes
    are limited, by way of the thread pools of OpenMP and BLAS and of the parameters called
    ``n_jobs``, so that all processes together have one for each processor. What a library computes
    in another number of threads, as XGBoost does then, differs in its last digits.

    On a cluster, each fit computes in as many threads as it would in this process, so that on
    processors of the same kind the same comes out, to the bit; a network has a worker to itself,
    with its devices.

    Parameters
    ----------
    fits : sequence of MemberFit
        What to fit. Members are cloned.
    data : TrainingData
        What to fit on.
    n_jobs : int or None
        How many at a time, as in scikit-learn: -1 means all processors or workers, None means 1
        unless a `joblib.parallel_config` says otherwise.
    log_level : int
        Level of the messages about each fit.
    keep : FitStore, optional
        Where members are kept as they come, and read from where they were fitted before.

    Yields
    ------
    number : int
        Place in `fits`. First come those that were kept, then those that workers do, in the order
        in which they end.
    outcome : FitResult
        Probabilities of shape (n_held_out, n_classes) if rows were held out.

    Raises
    ------
    ValueError
        If a member, once fitted, knows other classes than those of the data.
    WorkersDiedError
        If workers died of the same fits several times.
    """
    left = []
    for number, fit in enumerate(fits):
        kept = None if keep is None else _read(fit, data, keep)
        if kept is None:
            left.append(number)
        else:
            yield number, kept
    workers = find_workers(n_jobs)
    apart = left
    if not workers.are_elsewhere:
        sharing = [number for number in left if not fits_alone(fits[number].member)]
        apart = sharing if workers.count > 1 and len(sharing) > 1 else []
    for number, outcome in _fit_apart(workers, fits, apart, data, log_level, keep):
        _end(fits[number], outcome, log_level, keep)
        yield number, outcome
    for number in left:
        if number not in apart:
            places = _begin(fits[number], keep)
            outcome = _fit(data, fits[number], log_level, places)
            _end(fits[number], outcome, log_level, keep)
            yield number, outcome


def _fit_apart(
    workers: Workers,
    fits: Sequence[MemberFit],
    apart: Sequence[int],
    data: TrainingData,
    log_level: int,
    keep: FitStore | None,
) -> Iterator[tuple[int, FitResult]]:
    if not apart:
        return
    surroundings = Surroundings.of_this_process()
    threads = max(1, surroundings.processors // min(workers.count, len(apart)))
    calls = []
    for number in apart:
        fit = fits[number]
        arguments = fit, log_level, _begin(fit, keep)
        if workers.are_elsewhere:
            alone = fits_alone(fit.member)
            wanted = surroundings.processors if alone else _threads_wanted(fit.member, surroundings)
            calls.append(Call(fit.name, (*arguments, surroundings), wanted, alone))
        else:
            calls.append(Call(fit.name, (*arguments, threads), threads))
    function = _fit_elsewhere if workers.are_elsewhere else _fit
    for place, outcome in workers.run(function, data, calls, surroundings.environment):
        yield apart[place], outcome


def fits_alone(member: Any) -> bool:
    """Say whether a member must be fitted in the main process, no other at the same time.

    Parameters
    ----------
    member : estimator
        An estimator says so by an attribute ``fits_alone``, as `KerasClassifier` does: a network
        takes all processors, or the one accelerator, and its library does not survive a fork.

    Returns
    -------
    bool
        Whether it or an estimator within it has that attribute, and it is true.
    """
    parts = [member, *member.get_params().values()]
    return any(getattr(part, "fits_alone", False) is True for part in parts)


def sample_weight_keyword(member: Any) -> str | None:
    """Return the name under which a member's ``fit`` takes sample weights, if it does.

    Parameters
    ----------
    member : estimator
        A pipeline takes them for its last step.

    Returns
    -------
    str or None
        ``"sample_weight"``, for a pipeline of scikit-learn ``"step__sample_weight"``, or None.
        With ``sklearn.set_config(enable_metadata_routing=True)``, a pipeline takes
        ``"sample_weight"`` and hands it on to the steps that ask for it.
    """
    if has_fit_parameter(member, "sample_weight"):
        return "sample_weight"
    if isinstance(member, Pipeline):
        if get_config()["enable_metadata_routing"]:
            with weights_asked_for(asking := clone(member)):
                takers = asking.get_metadata_routing().consumes("fit", {"sample_weight"})
            return "sample_weight" if takers else None
        step, final = member.steps[-1]
        inner = sample_weight_keyword(final)
        return None if inner is None else f"{step}__{inner}"
    return None


@contextmanager
def weights_asked_for(member: Any) -> Iterator[None]:
    """Have the parts of a member ask for sample weights, where nobody has said whether they do.

    With metadata routing, scikit-learn hands weights on to those alone that ask for them by
    ``set_fit_request``, and raises an error where one neither does nor declines. Without it, the
    last step of a pipeline gets them: so it is here, unless requests were set.

    Parameters
    ----------
    member : estimator
        Whose parts are changed, and changed back.
    """
    asked: list[tuple[Any, Any]] = []
    if get_config()["enable_metadata_routing"]:
        _ask_for_weights(member, True, asked)
    try:
        yield
    finally:
        for estimator, before in asked:
            estimator._metadata_request = before
            if before is None:
                del estimator._metadata_request


def _ask_for_weights(estimator: Any, wanted: bool, asked: list[tuple[Any, Any]]) -> None:
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        return
    if _says_nothing_of_weights(estimator):
        # What a request replaces is under no public name.
        asked.append((estimator, vars(estimator).get("_metadata_request")))
        estimator.set_fit_request(sample_weight=wanted)
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps[:-1]:
            _ask_for_weights(step, False, asked)
        _ask_for_weights(estimator.steps[-1][1], wanted, asked)
        return
    for value in estimator.get_params(deep=False).values():
        parts = value if isinstance(value, (list, tuple)) else [value]
        for part in parts:
            # Estimators with a name, as in a union of features or an ensemble.
            named = isinstance(part, (list, tuple)) and len(part) >= 2
            _ask_for_weights(part[1] if named else part, wanted, asked)


def _says_nothing_of_weights(estimator: Any) -> bool:
    if not hasattr(estimator, "set_fit_request") or not has_fit_parameter(
        estimator, "sample_weight"
    ):
        return False
    return estimator._get_metadata_request().fit.requests.get("sample_weight") is None


def _read(fit: MemberFit, data: TrainingData, keep: FitStore) -> FitResult | None:
    kept = keep.read(fit.name, fit.member, data.X, data.y, **_keywords(fit, data))
    return None if kept is None else FitResult(*kept)


def _begin(fit: MemberFit, keep: FitStore | None) -> dict[str, str]:
    return {} if keep is None else keep.begin(fit.name, fit.member)


def _end(fit: MemberFit, outcome: FitResult, log_level: int, keep: FitStore | None) -> None:
    if keep is not None:
        keep.write(fit.name, outcome.result, outcome.seconds)
    LOGGER.log(log_level, "%s: fitted in %.1f s", fit.name, outcome.seconds)


def _fit(
    data: TrainingData,
    fit: MemberFit,
    log_level: int,
    places: Mapping[str, str],
    threads: int | None = None,
) -> FitResult:
    X, y, keywords = data.X, data.y, _keywords(fit, data)
    if fit.rows is not None:
        X, y = _safe_indexing(X, fit.rows), y[fit.rows]
    LOGGER.log(log_level, "%s: fitting on %d samples", fit.name, len(y))
    member = clone(fit.member)
    unset = {} if threads is None else _limit_threads(member, threads)
    for parameter, path in places.items():
        if Path(path).parent.is_dir():
            unset[parameter] = None
            member.set_params(**{parameter: path})
    with weights_asked_for(member):
        start = time.perf_counter()
        member = member.fit(X, y, **keywords)
        seconds = time.perf_counter() - start
    if unset:
        member.set_params(**unset)
    check_classes(getattr(member, "classes_", None), data.classes, fit.name)
    if fit.held_out is None:
        return FitResult(member, seconds)
    held_out = _safe_indexing(data.X, fit.held_out)
    return FitResult(predict_member(fit.name, member, held_out, data.classes), seconds)


# Held by the network that a process fits: workers of Dask may have several threads.
_ONE_NETWORK = Lock()


def _fit_elsewhere(
    data: TrainingData,
    fit: MemberFit,
    log_level: int,
    places: Mapping[str, str],
    surroundings: Surroundings,
) -> FitResult:
    """Fit a member in a worker of a cluster as in the process that the ensemble is fitted in."""
    member = clone(fit.member)
    every = {name: surroundings.processors for name, n in _n_jobs(member).items() if n < 0}
    member.set_params(**every)
    alone = _ONE_NETWORK if fits_alone(member) else nullcontext()
    with surroundings.taken_on(), alone:
        result, seconds = _fit(data, fit._replace(member=member), log_level, places)
    if fit.held_out is None:
        result.set_params(**dict.fromkeys(every, -1))
    return FitResult(result, seconds)


def _keywords(fit: MemberFit, data: TrainingData) -> dict[str, Any]:
    keywords: dict[str, Any] = {}
    weight_keyword = sample_weight_keyword(fit.member)
    if data.sample_weight is not None and weight_keyword is not None:
        rows = slice(None) if fit.rows is None else fit.rows
        keywords[weight_keyword] = data.sample_weight[rows]
    if data.validation_data is not None and _takes_validation_data(fit.member):
        keywords["validation_data"] = data.validation_data
    return keywords


def _takes_validation_data(member: Any) -> bool:
    """Say whether a member may be given the held-out data.

    Only to stop its training in time. One that *learns* from them, as a stacking does whose final
    estimator is fitted on them, would answer from memory where members are compared.
    """
    learns = getattr(member, "learns_from_validation_data", False) is True
    return has_fit_parameter(member, "validation_data") and not learns


def _n_jobs(member: Any) -> dict[str, int]:
    """Return every ``n_jobs`` within a member that is not None."""
    return {
        name: value
        for name, value in member.get_params().items()
        if name.split("__")[-1] == "n_jobs" and value is not None
    }


def _limit_threads(member: Any, threads: int) -> dict[str, Any]:
    """Lower every ``n_jobs`` within a member to a number of threads, and return what it was."""
    former = _n_jobs(member)
    member.set_params(
        **{name: min(value, threads) if value > 0 else threads for name, value in former.items()}
    )
    return dict(former)


def _threads_wanted(member: Any, surroundings: Surroundings) -> int:
    wanted = _n_jobs(member).values()
    return max((n if n > 0 else surroundings.processors for n in wanted), default=1)


def predict_out_of_fold(
    members: Sequence[tuple[str, Any]],
    data: TrainingData,
    folds: NDArray[np.intp],
    *,
    n_jobs: int | None,
    log_level: int,
) -> tuple[NDArray[np.float64], dict[str, float]]:
    """Predict each fold by clones of the members that are fitted on the other folds.

    The rows to predict are not passed to any fit, nor as ``validation_data``.

    Parameters
    ----------
    members : sequence of (str, estimator)
        Not frozen.
    data : TrainingData
        What to fit on and to predict.
    folds : ndarray of shape (n_samples,), int
        Fold of every row.
    n_jobs : int or None
        Processes, see `fer_ensemble.ensemble.member_fits.fit_side_by_side`.
    log_level : int
        Level of the messages about each fit.

    Returns
    -------
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        Columns in the order of the data's classes.
    seconds : dict of str to float
        What all fits of each member took.

    Raises
    ------
    ValueError
        If a member, once fitted, knows other classes than those of the data.
    """
    fits = [
        MemberFit(name, member, np.flatnonzero(folds != fold), np.flatnonzero(folds == fold))
        for fold in np.unique(folds)
        for name, member in members
    ]
    places = {name: place for place, (name, _) in enumerate(members)}
    probabilities = np.empty((len(folds), len(members), len(data.classes)))
    seconds = dict.fromkeys(places, 0.0)
    outcomes = fit_side_by_side(fits, data, n_jobs=n_jobs, log_level=log_level)
    for number, (predicted, taken) in outcomes:
        fit = fits[number]
        probabilities[fit.held_out, places[fit.name]] = predicted
        seconds[fit.name] += taken
    return probabilities, seconds


def write_out_of_fold(
    path: str | os.PathLike[str],
    *,
    probabilities: NDArray[np.float64],
    labels: NDArray[Any],
    fold_ids: NDArray[np.intp] | None,
    classes: NDArray[Any],
    members: Sequence[str],
) -> Path:
    """Write a table of out-of-fold predictions, to be read by `numpy.load` without pickle.

    Parameters
    ----------
    path : path-like
        File to write; .npz is its usual ending.
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        What each member predicts.
    labels : ndarray of shape (n_samples,)
        True labels.
    fold_ids : ndarray of shape (n_samples,) or None
        Fold of each row; None if there were no folds.
    classes : ndarray of shape (n_classes,)
        What the columns mean.
    members : sequence of str
        Names of the members.

    Returns
    -------
    Path
        The file. Its arrays have the names of the parameters; without folds there are no
        ``fold_ids``.
    """
    arrays = {
        "probabilities": probabilities,
        # Labels of type object, as data frames have, would be pickled.
        "labels": np.array(labels.tolist()),
        "classes": np.array(classes.tolist()),
        "members": np.array(members),
    }
    if fold_ids is not None:
        arrays["fold_ids"] = fold_ids
    target = Path(path)
    with open_atomically(target) as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
    return target
