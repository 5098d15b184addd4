"""The search of a member's recipe: one training for each trial, all judged by the same faces."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.libraries import quiet_start, require
from fer_ensemble.locks import holding_folder
from fer_ensemble.models.registry import create_member, get_member
from fer_ensemble.models.search.search_folder import (
    RECIPE,
    SearchError,
    claim_folder,
    write_recipe,
)
from fer_ensemble.models.search.spaces import (
    Space,
    check_space,
    member_params,
    search_space,
    unflatten,
)
from fer_ensemble.models.search.trials import SearchResult, SearchTrial
from fer_ensemble.splitting import copy_groups, holdout_split

_Faces = tuple[NDArray[Any], NDArray[Any]]


def search_member(
    name: str,
    X: NDArray[Any],
    y: ArrayLike,
    trials: int,
    directory: str | os.PathLike[str],
    *,
    validation_data: tuple[NDArray[Any], ArrayLike] | None = None,
    validation_fraction: float = 0.1,
    space: Space | None = None,
    epochs: int | None = None,
    time_budget: float | None = None,
    random_state: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    on_trial: Callable[[SearchTrial], None] | None = None,
) -> SearchResult:
    """Search the recipe of a network member.

    Each trial fits the member with other values and measures its accuracy on held-out samples,
    the same for all trials. Finished trials are kept in `directory`, and the recipe of the best
    one so far in its ``best.json``. A trial that fails is kept as failed, and the search goes on.

    Parameters
    ----------
    name : str
        The member's name.
    X : ndarray of shape (n_samples, height, width)
        Training faces.
    y : array-like of shape (n_samples,)
        Their labels.
    trials : int
        How many trials there are to be, those of an interrupted search included.
    directory : path-like
        Folder of the search.
    validation_data : tuple of (X, y), default=None
        Held-out faces, in place of a share of `X`.
    validation_fraction : float, default=0.1
        Share of `X` to hold out, stratified, exact copies kept on one side.
    space : dict, default=None
        What to search, in the form of :func:`search_space`, in place of the member's own.
    epochs : int, default=None
        Epochs of each trial; ``None`` takes the recipe's.
    time_budget : float, default=None
        Seconds for the trainings of all trials; each has an equal share.
    random_state : int, default=0
        Seed of the held-out share, of the values tried, and of every training.
    resume : bool, default=False
        Whether to resume the same search in `directory`.
    overwrite : bool, default=False
        Whether to discard a search there.
    on_trial : callable, default=None
        Called with each trial that finishes.

    Returns
    -------
    SearchResult
        All trials. The accuracy of the best one is optimistic: it was chosen for it.

    Raises
    ------
    MissingLibraryError
        If KerasTuner, Keras or its backend is not installed.
    ValueError
        If there is no such member, it has no network, or a parameter is out of range.
    SearchError
        If a search stands in `directory` and neither `resume` nor `overwrite` says what to do, it
        was over other data or of another space, member or seed, or all trials failed.

    Notes
    -----
    Values are chosen by Bayesian optimisation under a Gaussian process and an upper confidence
    bound, as KerasTuner implements it, after one random trial more than there are dimensions.

    References
    ----------
    O'Malley, T. et al. (2019). KerasTuner. https://github.com/keras-team/keras-tuner

    Srinivas, N. et al. (2010). Gaussian process optimization in the bandit setting: no regret and
    experimental design. ICML.
    """
    # First, so that without it no folder is made.
    import_keras_tuner()
    if trials < 1:
        raise ValueError(f"trials={trials}: take at least 1.")
    space = search_space(name) if space is None else space
    check_space(name, space)
    fitted, held = _divide(X, np.asarray(y), validation_data, validation_fraction, random_state)
    trial_seconds = None if time_budget is None else time_budget / trials
    # All that decides what a trial comes to. How many there are does not: a search may be made
    # longer, unless each trial's share of the time would change with it.
    fingerprint = {
        "member": name,
        "data": joblib.hash([fitted, held]),
        "space": space,
        "random_state": random_state,
        "recipe": _recipe_hash(name),
        "epochs": epochs,
        "trial_seconds": trial_seconds,
    }
    folder = Path(directory)
    fixed = {"epochs": epochs, "time_budget": trial_seconds}
    fixed = {key: value for key, value in fixed.items() if value is not None}

    def measure(flat: Mapping[str, Any]) -> float:
        params = member_params(name, {**unflatten(space, flat), **fixed})
        member = create_member(name, random_state=random_state, **params)
        member.fit(*fitted, validation_data=held)
        return float((member.predict(held[0]) == held[1]).mean())

    with holding_folder(folder):
        claim_folder(folder, fingerprint, resume=resume, overwrite=overwrite)
        return _run(name, folder, space, trials, random_state, len(held[1]), measure, on_trial)


def import_keras_tuner() -> ModuleType:
    """Import KerasTuner, and Keras with its backend.

    Returns
    -------
    module

    Raises
    ------
    MissingLibraryError
        If one of them is not installed.
    """
    require("keras_tuner", "A search")
    require("keras", "A search")
    with quiet_start("keras_tuner"):
        import keras_tuner
    module: ModuleType = keras_tuner
    return module


def _run(
    name: str,
    directory: Path,
    space: Space,
    trials: int,
    seed: int,
    n: int,
    measure: Callable[[Mapping[str, Any]], float],
    on_trial: Callable[[SearchTrial], None] | None,
) -> SearchResult:
    from fer_ensemble.models.search.tuner import MemberTuner

    def as_trial(record: dict[str, Any]) -> SearchTrial:
        values = unflatten(space, record["values"])
        return SearchTrial(**{**record, "values": values}, params=member_params(name, values), n=n)

    def result() -> SearchResult:
        return SearchResult(name, [as_trial(record) for record in tuner.records()])

    def on_end(record: dict[str, Any]) -> None:
        # After each trial, so that an interrupted search leaves its best recipe too.
        found = result()
        if found.ranking:
            write_recipe(directory / RECIPE, name, found.best_params)
        if on_trial is not None:
            on_trial(as_trial(record))

    tuner = MemberTuner(directory, space, trials=trials, seed=seed, measure=measure, on_end=on_end)
    tuner.search()
    found = result()
    if not found.ranking:
        reason = found.trials[-1].message
        raise SearchError(f"All {len(found.trials)} trials failed; the last one by {reason}")
    # Once more, for a resumed search that had no trial left, and may have lost its recipe.
    write_recipe(directory / RECIPE, name, found.best_params)
    return found


def _divide(
    X: NDArray[Any],
    y: NDArray[Any],
    validation_data: tuple[NDArray[Any], ArrayLike] | None,
    fraction: float,
    seed: int,
) -> tuple[_Faces, _Faces]:
    """Return the faces to fit on, and those to measure by."""
    if validation_data is not None:
        return (X, y), (validation_data[0], np.asarray(validation_data[1]))
    fit_rows, held_rows = holdout_split(
        y, test_size=fraction, groups=copy_groups(X), random_state=seed
    )
    return (X[fit_rows], y[fit_rows]), (X[held_rows], y[held_rows])


def _recipe_hash(name: str) -> str:
    """Identify a member's recipe, for a later version of the package may have another one."""
    params = get_member(name).create(random_state=None).get_params()
    plain = {
        key: value
        for key, value in params.items()
        if key != "steps" and not hasattr(value, "get_params")
    }
    return str(joblib.hash(plain))
