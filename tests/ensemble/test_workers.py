"""Fits by processes, threads and clusters come out as alone, also where workers die."""

import os
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from fer_ensemble.artifact import fit_resumable
from fer_ensemble.ensemble import StackingEnsemble, VotingEnsemble
from fer_ensemble.ensemble.workers import Call, WorkersDiedError, find_workers
from fer_ensemble.models import create_member

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6))
Y = (X[:, 0] + RNG.normal(size=120) > 0).astype(int)


def mortal(mark: Path, deaths: int) -> Any:
    """A member whose first fits end the worker; its class travels to workers with it."""

    class Mortal(GaussianNB):
        def fit(self, X: Any, y: Any) -> Any:
            for number in range(deaths):
                try:
                    mark.with_suffix(f".{number}").touch(exist_ok=False)
                except FileExistsError:
                    continue
                os._exit(3)
            return super().fit(X, y)

    return Mortal()


def watcher() -> Any:
    """A member that says when and in which process and thread it was fitted."""

    class Watcher(ClassifierMixin, BaseEstimator):
        fits_alone = True

        def fit(self, X: Any, y: Any) -> Any:
            self.process_, self.start_ = os.getpid(), time.monotonic()
            self.devices_ = os.environ.get("CUDA_VISIBLE_DEVICES")
            time.sleep(0.1)
            self.end_, self.classes_ = time.monotonic(), np.unique(y)
            return self

        def predict_proba(self, X: Any) -> Any:
            return np.full((len(X), 2), [0.25, 0.75])

    return Watcher()


def members() -> list[tuple[str, Any]]:
    return [
        ("lr", LogisticRegression()),
        ("trees", create_member("boosted_hog", n_jobs=-1, random_state=0)["classifier"]),
        ("forest", RandomForestClassifier(5, random_state=0)),
    ]


def fit_voting(entries: list[tuple[str, Any]], **params: Any) -> Any:
    return VotingEnsemble(entries, random_state=0, **params).fit(X, Y)


def out_of_fold(**params: Any) -> Any:
    entries = members()
    entries[1][1].set_params(n_estimators=3)
    stacking = StackingEnsemble(entries, n_splits=2, random_state=0, **params)
    return stacking.fit(X, Y).oof_probabilities_


@pytest.fixture(scope="module")
def alone() -> Any:
    return out_of_fold()


@pytest.fixture(scope="module")
def ray() -> Any:
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    ray.init(
        "local",
        num_cpus=2,
        num_gpus=1,  # as the scheduler has it
        object_store_memory=100 * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
    register_ray()
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def dask() -> Any:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs="CRITICAL"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_the_active_backend_does_the_fits(backend: str, alone: Any) -> None:
    with joblib.parallel_config(backend, n_jobs=2):
        found = out_of_fold()
    # Trees are grown in fewer threads where others grow beside them.
    np.testing.assert_allclose(found, alone, atol=1e-3)
    np.testing.assert_array_equal(found[:, 2], alone[:, 2])


def test_threads_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    entries = [(name, watcher()) for name in ("one", "two")]
    for _, member in entries:
        type(member).fits_alone = False
    with joblib.parallel_config("threading", n_jobs=2):
        fitted = fit_voting(entries)
    (_, one), (_, two) = fitted.members_
    assert {one.process_, two.process_} == {os.getpid()}
    assert one.start_ < two.end_
    assert two.start_ < one.end_


def test_a_process_that_dies_is_tried_again(tmp_path: Path) -> None:
    entries = [("mortal", mortal(tmp_path / "a", 1)), ("nb", GaussianNB())]
    expected = fit_voting([("mortal", GaussianNB()), ("nb", GaussianNB())])
    found = fit_voting(entries, n_jobs=2)
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
    assert len(list(tmp_path.iterdir())) == 1


def test_processes_that_always_die_end_the_fit(tmp_path: Path) -> None:
    entries = [("doomed", mortal(tmp_path / "a", 9)), ("nb", GaussianNB())]
    with pytest.raises(WorkersDiedError, match=r"died 3 times that were to fit .*doomed"):
        fit_voting(entries, n_jobs=2)


@pytest.mark.slow
def test_ray_fits_as_alone_and_a_worker_that_dies_is_tried_again(
    ray: Any, alone: Any, tmp_path: Path
) -> None:
    expected = fit_voting([("mortal", GaussianNB()), *members()[1:2]])
    with joblib.parallel_config("ray", n_jobs=-1):
        np.testing.assert_array_equal(out_of_fold(), alone)
        found = fit_voting([("mortal", mortal(tmp_path / "a", 1)), *members()[1:2]])
        doomed = [("doomed", mortal(tmp_path / "b", 9)), ("nb", GaussianNB())]
        with pytest.raises(WorkersDiedError, match=r"were to fit doomed \("):
            fit_voting(doomed)
    assert dict(found.members_)["trees"].n_jobs == -1
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))


@pytest.mark.slow
def test_a_fit_begun_alone_is_resumed_on_ray_to_the_same_members(
    ray: Any, faces: Any, tmp_path: Path
) -> None:
    def make() -> VotingEnsemble:
        entries = [
            ("trees", create_member("boosted_hog", n_jobs=-1, classifier__n_estimators=2)),
            ("network", create_member("dense_hog", classifier__epochs=1)),
        ]
        for _, member in entries:
            member.set_params(classifier__random_state=0)
        return VotingEnsemble(entries, random_state=0)

    def interrupt(name: str, stage: str) -> None:
        if stage == "fitted":
            raise KeyboardInterrupt

    stages: list[tuple[str, str]] = []
    path = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        fit_resumable(make(), *faces, path, on_member=interrupt)
    with joblib.parallel_config("ray", n_jobs=-1):
        resumed = fit_resumable(
            make(), *faces, path, resume=True, on_member=lambda *stage: stages.append(stage)
        )
    assert stages == [("trees", "kept"), ("network", "fitting"), ("network", "fitted")]
    expected = make().fit(*faces)
    np.testing.assert_array_equal(
        resumed.predict_member_proba(faces[0]), expected.predict_member_proba(faces[0])
    )
    assert dict(resumed.members_)["network"]["classifier"].checkpoint is None


@pytest.mark.slow
def test_a_network_on_ray_has_a_gpu_and_a_node_to_itself(ray: Any) -> None:
    with joblib.parallel_config("ray", n_jobs=-1):
        fitted = fit_voting([("one", watcher()), ("two", watcher())])
    one, two = sorted((member for _, member in fitted.members_), key=lambda member: member.start_)
    assert (one.devices_, two.devices_) == ("0", "0")
    assert one.end_ <= two.start_
    assert os.getpid() not in {one.process_, two.process_}


@pytest.mark.slow
def test_dask_fits_as_alone_and_a_worker_that_dies_is_tried_again(
    dask: Any, alone: Any, tmp_path: Path
) -> None:
    expected = fit_voting([("mortal", GaussianNB()), ("nb", GaussianNB())])
    with joblib.parallel_config("dask"):
        np.testing.assert_array_equal(out_of_fold(), alone)
        found = fit_voting([("mortal", mortal(tmp_path / "a", 1)), ("nb", GaussianNB())])
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("backend", ["ray", "dask"])
@pytest.mark.slow
def test_data_are_sent_once_however_many_fits_there_are(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.getfixturevalue(backend)
    pickled = tmp_path / "pickled"

    class Data:
        def __getstate__(self) -> Any:
            with pickled.open("a") as file:
                file.write(f"{os.getpid()}\n")
            return {"pixels": 7}

    def work(data: Any, number: int) -> int:
        return data.pixels * number

    def count(n_calls: int) -> int:
        pickled.unlink(missing_ok=True)
        calls = [Call(str(number), (number,)) for number in range(n_calls)]
        found = dict(find_workers(None).run(work, Data(), calls, {}))
        assert found == {number: number * 7 for number in range(n_calls)}
        return pickled.read_text().split().count(str(os.getpid()))

    with joblib.parallel_config(backend, n_jobs=1):
        assert count(6) == count(1)


@pytest.mark.slow
def test_a_worker_of_several_threads_fits_one_network_at_a_time() -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=4, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        fitted = fit_voting([(str(number), watcher()) for number in range(4)])
    spans = sorted((member.start_, member.end_) for _, member in fitted.members_)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
