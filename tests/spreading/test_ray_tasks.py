"""Rows of a cluster are those of one process, whatever becomes of its workers."""

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ray")

from fer_ensemble import predict_faces
from fer_ensemble.prediction_run import PredictionRun
from fer_ensemble.ray_clusters import ClusterError
from fer_ensemble.spreading import ray_tasks

pytestmark = pytest.mark.slow

SETTINGS = {"detector": "skip", "batch_size": 4}  # 8 inputs a group


@pytest.fixture(scope="module")
def cluster():
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local",
        num_cpus=1,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        logging_level="ERROR",
    )
    yield ray
    ray.shutdown()


@pytest.fixture
def pictures(faces, tmp_path):
    """Names of 70 pictures in nine groups, one of which is not there, in the working folder."""
    from PIL import Image

    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(70):
        Image.fromarray(faces[0][number % len(faces[0])]).save(folder / f"{number:02}.png")
    return [*sorted(map(str, folder.iterdir())), str(folder / "lost.png")]


def dying_classifier(marker: Path):
    """A classifier whose process dies as long as there is a marker, which it removes in doing so.

    It is made here, so that it is sent by its code: workers cannot import tests.
    """

    class Dying:
        classes_ = np.array([3, 4])

        def predict_proba(self, X):
            if marker.exists() and X.shape[0] < 4:
                if not (marker / "for ever").exists():
                    marker.rmdir()
                os._exit(1)
            share = X.reshape(len(X), -1).mean(axis=1) / 255
            return np.column_stack([share, 1 - share])

    return Dying()


def test_rows_are_those_of_one_process_and_a_run_is_resumed_by_either(
    cluster, pictures, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # names without a folder have to be found by workers, too
    names = [os.path.relpath(name) for name in pictures]
    predict_faces(names, "fast", out="local.csv", **SETTINGS)
    table = predict_faces(names, "fast", out="ray.csv", engine="ray", **SETTINGS)
    whole = Path("local.csv").read_bytes()
    assert Path("ray.csv").read_bytes() == whole
    assert [row.path for row in table] == names
    Path("ray.csv").write_bytes(whole[: len(whole) // 2])
    predict_faces(names, "fast", out="ray.csv", engine="ray", resume=True, **SETTINGS)
    assert Path("ray.csv").read_bytes() == whole


def test_parts_are_written_by_workers_and_only_those_that_are_not_there(
    cluster, pictures, tmp_path
):
    import pandas as pd
    import pyarrow.parquet as pq

    settings = {"out": f"{tmp_path}/rows/", "engine": "ray", **SETTINGS}
    expected = predict_faces(pictures, "fast", **SETTINGS).to_frame()
    run = PredictionRun(pictures, "fast", **settings)
    counts = [part.counts for part in run.parts()]
    assert [count.n_rows for count in counts] == [64, 7]
    assert sum(count.n_failed for count in counts) == 1
    assert run.finder.n_taken_whole == 70
    done, first, second = sorted(path for path in (tmp_path / "rows").glob("[!.]*"))
    assert [first.name, second.name] == [f"part-{number:09}.parquet" for number in (0, 1)]
    assert '"rows": 71' in done.read_text()
    # As other tools read a folder: in the order of the names.
    written = pq.read_table(tmp_path / "rows").to_pandas()
    pd.testing.assert_frame_equal(written, expected, check_dtype=False)

    with pytest.raises(ValueError, match="2 parts of an earlier run: resume it"):
        predict_faces(pictures, "fast", **settings)
    before = first.stat().st_mtime_ns, second.read_bytes()
    second.unlink()
    table = predict_faces(pictures, "fast", resume=True, **settings)
    assert [row.path for row in table] == pictures[64:]
    assert (first.stat().st_mtime_ns, second.read_bytes()) == before
    with pytest.raises(ValueError, match=r"part-0+.parquet cannot be kept: .*other"):
        predict_faces(pictures[1:], "fast", resume=True, **settings)
    with pytest.raises(ValueError, match="holds 2 parts, and 1 are this run's"):
        predict_faces(pictures[:64], "fast", resume=True, **settings)


def test_a_group_whose_worker_died_is_done_again_and_once(cluster, pictures, tmp_path):
    marker = tmp_path / "die"
    model = dying_classifier(marker)
    expected = list(predict_faces(pictures, model, **SETTINGS))
    marker.mkdir()
    assert list(predict_faces(pictures, model, engine="ray", **SETTINGS)) == expected
    assert not marker.exists()


def test_inputs_that_bring_down_every_worker_are_named(cluster, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_tasks, "_TRIES", 1)
    marker = tmp_path / "die"
    (marker / "for ever").mkdir(parents=True)
    out = tmp_path / "rows.csv"
    died = pytest.raises(ClusterError, match=r"died that were given '.*64.png' and the 6 inputs")
    with died:
        predict_faces(pictures, dying_classifier(marker), out=out, engine="ray", **SETTINGS)
    assert len(out.read_text().splitlines()) == 1 + 64  # what was before them is kept


def test_what_workers_raise_is_raised_here(cluster, pictures):
    class Wrong:
        classes_ = np.array([3, 4])

        def predict_proba(self, X):
            return np.full((len(X), 2), np.nan)

    with pytest.raises(ValueError, match="must give 2 finite probabilities"):
        predict_faces(pictures, Wrong(), engine="ray", **SETTINGS)
