"""What a search found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.evaluation import wilson_interval


@dataclass(frozen=True)
class SearchTrial:
    """A finished trial.

    Attributes
    ----------
    number : int
        Its place in the search, from 1.
    values : dict of str to value
        What was searched: parameters of the network or of its estimator.
    params : dict of str to value
        The same, as :func:`~fer_ensemble.models.create_member` takes it.
    status : {'completed', 'failed'}
    accuracy : float or None
        Share of right labels on the held-out samples, 0–1; ``None`` if it failed.
    n : int
        Number of held-out samples.
    seconds : float
        How long it took.
    message : str
        Why it failed, else empty.
    """

    number: int
    values: dict[str, Any]
    params: dict[str, Any]
    status: str
    accuracy: float | None
    n: int
    seconds: float
    message: str = ""

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the accuracy; ``None`` if the trial failed."""
        if self.accuracy is None:
            return None
        return wilson_interval(round(self.accuracy * self.n), self.n)


@dataclass(frozen=True)
class SearchResult:
    """A finished search.

    Attributes
    ----------
    member : str
        Whose recipe was searched.
    trials : list of SearchTrial
        In the order of their start.
    """

    member: str
    trials: list[SearchTrial]

    @property
    def ranking(self) -> list[SearchTrial]:
        """Completed trials, the best first; of equals, the earlier."""
        completed = [trial for trial in self.trials if trial.accuracy is not None]
        return sorted(completed, key=lambda trial: -(trial.accuracy or 0.0))

    @property
    def best_params(self) -> dict[str, Any]:
        """Parameters of the best trial, for :func:`~fer_ensemble.models.create_member`."""
        return self.ranking[0].params


#: Says what was searched, so that only the same search goes on.
SEARCH = "search.json"
#: KerasTuner's own folder, which keeps finished trials.
TRIALS = "trials"
#: Recipe of the best trial so far.
RECIPE = "best.json"

# The seed before the data, of which it holds out others.
_TOLD = {
    "member": "another member",
    "random_state": "another seed",
    "data": "other faces",
    "space": "another search space",
    "recipe": "another recipe of the member",
    "epochs": "another number of epochs",
    "trial_seconds": "another time for each trial",
}
_SHOWN = ("member", "random_state", "epochs", "trial_seconds")


class SearchError(ValueError):
    """A search cannot be begun or gone on with, or no trial of it succeeded."""


def claim(
    directory: Path, fingerprint: Mapping[str, Any], *, resume: bool, overwrite: bool
) -> None:
    """Make a folder ready for a search, and make sure that nothing of another one is lost.

    Parameters
    ----------
    directory : Path
        Where the search is kept.
    fingerprint : mapping
        What is searched, as JSON values.
    resume : bool
        Whether to go on with the same search there.
    overwrite : bool
        Whether to discard a search there.

    Raises
    ------
    SearchError
        If a search stands there and neither `resume` nor `overwrite` says what to do, or it is
        not the same.
    """
    if directory.exists() and not directory.is_dir():
        raise SearchError(f"{directory} is a file: choose a folder.")
    if overwrite:
        _discard(directory)
    if any((directory / name).exists() for name in (SEARCH, TRIALS, RECIPE)):
        if not resume:
            raise SearchError(
                f"{directory} holds a search already: --resume goes on with it, "
                "--overwrite starts anew."
            )
        _check_same(directory, fingerprint)
        return
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / SEARCH, fingerprint)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON, whole or not at all.

    Parameters
    ----------
    file : Path
        Where.
    content : mapping
        What.
    """
    write_atomically(file, (json.dumps(content, indent=2) + "\n").encode())


def _discard(directory: Path) -> None:
    for name in (SEARCH, RECIPE):
        (directory / name).unlink(missing_ok=True)
    if (directory / TRIALS).is_dir():
        shutil.rmtree(directory / TRIALS)


def _check_same(directory: Path, fingerprint: Mapping[str, Any]) -> None:
    try:
        kept = json.loads((directory / SEARCH).read_text())
        before = {key: kept[key] for key in _TOLD}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SearchError(
            f"{directory / SEARCH} cannot be read ({error!r}): choose another folder, or "
            "--overwrite it."
        ) from error
    now = json.loads(json.dumps(dict(fingerprint)))
    for key, told in _TOLD.items():
        if before[key] != now[key]:
            values = f" ({before[key]}, not {now[key]})" if key in _SHOWN else ""
            raise SearchError(
                f"{directory} holds a search with {told}{values}: choose another folder, or "
                "--overwrite it."
            )
