"""What workers see has to be what the driver sees; and what the engine ray does not do is said."""

import os
from dataclasses import replace

import pytest

from fer_ensemble import predict_faces
from fer_ensemble.artifact import model_identity
from fer_ensemble.faces import Prediction, locate
from fer_ensemble.libraries import MissingLibraryError
from fer_ensemble.ray_clusters import ClusterError
from fer_ensemble.spreading import GroupWork, PartFolder, WrittenPart, ray_tasks
from fer_ensemble.spreading.group_work import GroupPredictor, check_seen
from fer_ensemble.spreading.parquet_parts import PartCounts


@pytest.fixture
def work():
    return GroupWork(
        model="fast",
        identity=model_identity("fast"),
        class_names=("happy",),
        finding={"detector": "skip"},
        every=1,
        batch_size=4,
        min_confidence=0.0,
    )


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """What a worker sets for its process is undone."""
    monkeypatch.setattr("fer_ensemble.processors._granted", None)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.setenv(name, "1")


def test_a_worker_with_another_model_is_refused(work):
    with pytest.raises(ClusterError, match=r"sees another model as fast: .* there and 12 here"):
        GroupPredictor(replace(work, identity="12"))


def test_a_worker_without_the_model_is_refused(work, tmp_path):
    lost = tmp_path / "lost"
    with pytest.raises(ClusterError, match=f"cannot load the model {lost} .* the same name"):
        GroupPredictor(replace(work, model=lost))


def test_what_a_worker_misses_is_looked_for_here(tmp_path):
    rows = [Prediction(path=str(tmp_path / "lost.png"), status="missing")]
    check_seen(rows, "there")
    (tmp_path / "lost.png").touch()
    with pytest.raises(ClusterError, match=r"A worker on there does not see .*lost\.png"):
        check_seen(rows, "there")


@pytest.mark.parametrize("kind", ["inputs", "folder"])
def test_a_part_of_a_worker_that_sees_other_folders_does_not_count(kind, tmp_path):
    folder = PartFolder(f"{tmp_path}/rows/", {}, resume=False)
    [task] = folder.tasks([["a.png"]], gives_rows=False)
    _, path = locate(task.address)
    rows = []
    if kind == "inputs":
        (tmp_path / "rows").mkdir()
        open(path, "w").close()
        (tmp_path / "a.png").touch()
        rows = [Prediction(path=str(tmp_path / "a.png"), status="missing")]
    counts = PartCounts(1, 1, 0, 1, False, True, 0, 0)
    with pytest.raises(ClusterError, match="not see" if kind == "inputs" else "is not there"):
        folder.check(WrittenPart(task.address, counts, rows, "there"))
    assert not os.path.exists(path)


def test_videos_are_parts_by_themselves_and_others_are_gathered(tmp_path):
    groups = [["a.png"]] * 9 + [["b.mp4"]] + [["c.png"]]
    tasks = list(PartFolder(tmp_path, {}, resume=False).tasks(groups, gives_rows=False))
    assert [len(task.groups) for task in tasks] == [8, 1, 1, 1]
    assert tasks[2].inputs == ["b.mp4"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "spark"}, "there is no engine 'spark'"),
        ({"address": "auto"}, "give the engine ray with it"),
        ({"engine": "ray", "annotate_to": "seen"}, "neither annotated copies nor explanations"),
        ({"engine": "ray", "explain_to": "why"}, "neither annotated copies nor explanations"),
        ({"out": "rows/"}, "give the engine ray"),
        ({"out": "memory://rows.csv", "resume": True}, "at an address cannot be resumed"),
        ({"out": "memory://rows.csv", "shard": (1, 2)}, "a file of its own on this machine"),
        ({"out": "rows/", "engine": "ray", "shard": (1, 2)}, "a file of its own on this machine"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(settings, message):
    with pytest.raises(ValueError, match=message):
        predict_faces("a.png", "fast", **settings)


class Cluster:
    """What is asked of Ray about its machines."""

    def __init__(self, *machines):
        self._machines = machines

    def nodes(self):
        dead = {"Alive": False, "Resources": {"CPU": 99, "GPU": 9}}
        return [*({"Alive": True, "Resources": one} for one in self._machines), dead]


@pytest.mark.parametrize(
    ("machines", "n_threads", "hidden", "resources", "places"),
    [
        ([{"CPU": 4}, {"CPU": 3.0}, {}], 2, False, {"num_cpus": 2}, 3),
        ([{"CPU": 4}], 9, False, {"num_cpus": 4}, 1),
        ([], 2, False, {"num_cpus": 1}, 1),
        ([{"CPU": 8, "GPU": 2}, {"CPU": 8}], 2, False, {"num_cpus": 2, "num_gpus": 1}, 2),
        ([{"CPU": 8, "GPU": 2}, {"CPU": 8}], 2, True, {"num_cpus": 2}, 8),
    ],
)
def test_tasks_ask_for_what_machines_have(
    work, monkeypatch, machines, n_threads, hidden, resources, places
):
    monkeypatch.setattr(GroupWork, "takes_device", True)
    if hidden:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    else:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    cluster = Cluster(*machines)
    asked = ray_tasks._resources(cluster, replace(work, n_threads=n_threads))
    assert asked == resources
    assert ray_tasks._count_places(cluster, asked) == places


def test_an_exported_model_takes_no_device(work):
    assert not work.takes_device


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingLibraryError, match=r"The engine ray needs Ray, .*\[ray\]"):
        predict_faces("a.png", "fast", engine="ray")
