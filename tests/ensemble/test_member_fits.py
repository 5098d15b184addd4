"""Where members are fitted, and with how many threads."""

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_ensemble.ensemble.member_fits import MemberFit, TrainingData, fit_side_by_side, fits_alone


def _spy(alone: bool = False, n_jobs: int | None = None) -> Any:
    """A member that remembers where it was fitted; its class travels to processes with it."""

    class Spy(ClassifierMixin, BaseEstimator):
        fits_alone = alone

        def __init__(self, n_jobs: int | None = None) -> None:
            self.n_jobs = n_jobs

        def fit(self, X: Any, y: Any) -> Any:
            self.process_, self.n_jobs_in_fit_ = os.getpid(), self.n_jobs
            self.threads_ = os.environ.get("OMP_NUM_THREADS")
            self.classes_, self.X_ = np.unique(y), X
            return self

        def predict_proba(self, X: Any) -> Any:
            return np.full((len(X), 2), [0.25, 0.75])

    return Spy(n_jobs)


X = np.random.default_rng(0).normal(size=(20, 3))
DATA = TrainingData(X, np.arange(20) % 2, np.array([0, 1]))


def _run(*members: Any, n_jobs: int | None) -> list[Any]:
    fits = [MemberFit(str(i), member) for i, member in enumerate(members)]
    outcomes = dict(fit_side_by_side(fits, DATA, n_jobs=n_jobs, log_level=logging.DEBUG))
    return [outcomes[i].result for i in range(len(members))]


@pytest.fixture
def four_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 4)


@pytest.mark.usefixtures("four_processors")
def test_processes_times_threads_are_no_more_than_the_processors() -> None:
    pipeline = make_pipeline(StandardScaler(), _spy(n_jobs=8))
    members = _spy(), _spy(n_jobs=-1), pipeline, _spy(n_jobs=1), _spy(alone=True, n_jobs=8)
    free, greedy, piped, modest, alone = _run(*members, n_jobs=2)
    apart = [free, greedy, piped[-1], modest]
    assert os.getpid() not in {spy.process_ for spy in apart}
    assert len({spy.process_ for spy in apart}) <= 2
    assert {spy.threads_ for spy in apart} == {"2"}
    assert [spy.n_jobs_in_fit_ for spy in apart] == [None, 2, 2, 1]
    assert [spy.n_jobs for spy in apart] == [None, -1, 8, 1]
    assert alone.process_ == os.getpid()
    assert alone.n_jobs_in_fit_ == 8


def test_one_after_the_other_is_the_default() -> None:
    for spy in _run(_spy(), _spy(n_jobs=8), n_jobs=None):
        assert spy.process_ == os.getpid()
        assert spy.n_jobs_in_fit_ == spy.n_jobs


def test_one_processor_needs_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 1)
    assert {spy.process_ for spy in _run(_spy(), _spy(), n_jobs=8)} == {os.getpid()}


@pytest.mark.parametrize(
    ("member", "alone"),
    [
        (_spy(), False),
        (_spy(alone=True), True),
        (make_pipeline(StandardScaler(), _spy(alone=True)), True),
        (make_pipeline(StandardScaler(), LogisticRegression()), False),
    ],
)
def test_a_member_fits_alone_if_a_part_of_it_does(member: Any, alone: bool) -> None:
    assert fits_alone(member) is alone


@pytest.mark.parametrize("is_shared", [True, False], ids=["shared", "elsewhere"])
def test_a_member_keeps_what_it_has_done_where_the_folder_is_there(
    is_shared: bool, tmp_path: Path
) -> None:
    class Storing(LogisticRegression):
        def __init__(self, checkpoint: str | None = None) -> None:
            super().__init__()
            self.checkpoint = checkpoint

        def fit(self, X: Any, y: Any) -> Any:
            self.place_ = self.checkpoint
            return super().fit(X, y)

    folder = tmp_path if is_shared else tmp_path / "of another machine"
    place = str(folder / "one.checkpoint")
    written = {}

    class Store:
        def read(self, name: str, member: Any, X: Any, y: Any, **keywords: Any) -> Any:
            return (member, 7.0) if name == "kept" else None

        def begin(self, name: str, member: Any) -> dict[str, str]:
            return {"checkpoint": place}

        def write(self, name: str, member: Any, seconds: float) -> None:
            written[name] = member

    fits = [MemberFit("one", Storing()), MemberFit("kept", Storing())]
    found = list(fit_side_by_side(fits, DATA, n_jobs=None, log_level=logging.DEBUG, keep=Store()))
    assert [(number, outcome.seconds == 7.0) for number, outcome in found] == [
        (1, True),
        (0, False),
    ]
    assert written == {"one": found[1][1].result}
    assert written["one"].place_ == (place if is_shared else None)
    assert written["one"].checkpoint is None


def test_rows_held_out_are_predicted_and_not_fitted_on() -> None:
    fit = MemberFit("lr", LogisticRegression(), np.arange(15), np.arange(15, 20))
    ((_, outcome),) = fit_side_by_side([fit], DATA, n_jobs=None, log_level=logging.DEBUG)
    expected = LogisticRegression().fit(X[:15], DATA.y[:15]).predict_proba(X[15:])
    np.testing.assert_array_equal(outcome.result, expected)
    assert outcome.seconds > 0
