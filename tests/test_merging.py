"""Shards: predicted apart, killed, resumed and joined, they are what an unbroken run writes."""

import itertools
import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer_ensemble import merge_shards, predict_faces
from fer_ensemble.faces import PictureListing
from fer_ensemble.prediction_run import PredictionRun
from tests.faces.stand_ins import Crowd, write_clip

FORMS = pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])


class Company:
    """Gives a face other last digits in other company, as networks may."""

    classes_ = np.array([3, 4])

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        share = X.reshape(len(X), -1).mean(axis=1) / 256 + 1e-12 * X.mean()
        return np.column_stack([1 - share, share])


SETTINGS = {"detector": Crowd(unit=50), "batch_size": 3, "n_jobs": 2}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Pictures of no to four faces, videos, broken files, odd names, and some of them twice."""
    folder = tmp_path_factory.mktemp("inputs")
    chance = np.random.default_rng(0)
    names = ['a,"b"\n.png', "c\r\n.png", " d\r.png", *(f"{number}.png" for number in range(20))]
    for number, name in enumerate(names):
        picture = chance.integers(50, 256, (60, 170), dtype=np.uint8)
        picture[0, 0] = 50 * (number % 5)
        cv2.imwrite(str(folder / "new.png"), picture)
        (folder / "new.png").rename(folder / name)
    for name in ("clip.avi", "short.avi"):
        frames = chance.integers(0, 110, (9, 60, 80, 3), dtype=np.uint8)
        write_clip(folder / name, frames[: 9 if name == "clip.avi" else 2])
    (folder / "broken.png").write_bytes(b"no picture")
    listed = ["clip.avi", *names[:9], "lost.png", "short.avi", "clip.avi", *names[9:], "broken.png"]
    return [str(folder / name) for name in [*listed, *names[:4]]]


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _predict(inputs: object, out: str, shard: tuple[int, int] | None = None, **more: Any) -> None:
    Path(out).parent.mkdir(exist_ok=True)
    predict_faces(inputs, Company(), out=out, shard=shard, **{**SETTINGS, **more})


def _predict_all(inputs: object, n: int, ending: str = ".csv", **more: Any) -> None:
    for number in range(1, n + 1):
        _predict(inputs, f"parts/{number}{ending}", (number, n), **more)


@FORMS
@pytest.mark.parametrize(("n", "track"), [(1, False), (3, True), (40, False)])
def test_shards_join_to_what_an_unbroken_run_writes(
    inputs: list[str], ending: str, n: int, track: bool
) -> None:
    _predict(inputs, f"whole{ending}", track=track)
    _predict_all(inputs, n, ending, track=track)
    merged = merge_shards("parts", f"rows{ending}")
    assert Path(f"rows{ending}").read_bytes() == Path(f"whole{ending}").read_bytes()
    assert (merged.n_shards, merged.n_inputs) == (n, len(inputs))
    if ending == ".jsonl":
        assert merged.n_rows == Path("whole.jsonl").read_bytes().count(b"\n")


def test_parquet_of_many_rows_is_joined_to_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("fer_ensemble.faces.output._PARQUET_GROUP", 100)
    monkeypatch.setattr("fer_ensemble.merging._KEPT_ROW_GROUPS", 2)
    inputs = [f"{number}.png" for number in range(997)]
    _predict(inputs, "whole.parquet", batch_size=7)
    _predict_all(inputs, 4, ".parquet", batch_size=7)
    merge_shards(["parts"], "rows.parquet")
    assert Path("rows.parquet").read_bytes() == Path("whole.parquet").read_bytes()
    assert pq.read_metadata("rows.parquet").num_row_groups == 10


def test_wherever_a_shard_was_cut_its_resumed_table_joins(inputs: list[str]) -> None:
    _predict(inputs, "whole.csv", track=True)
    _predict_all(inputs, 3, track=True)
    chance = random.Random(0)
    for number, _ in itertools.product((1, 2, 3), range(8)):
        part = Path(f"parts/{number}.csv")
        whole, record = part.read_bytes(), Path(f"{part}.shard.json").read_text()
        part.write_bytes(whole[: chance.randrange(len(whole))])
        _predict(inputs, str(part), (number, 3), track=True, resume=True)
        assert part.read_bytes() == whole
        assert Path(f"{part}.shard.json").read_text() == record
    merge_shards(["parts/*.csv"], "rows.csv")
    assert Path("rows.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_a_record_stands_only_beside_a_complete_table(inputs: list[str]) -> None:
    _predict(inputs, "parts/1.csv", (1, 2))
    assert Path("parts/1.csv.shard.json").exists()
    run = PredictionRun(inputs, Company(), out="parts/1.csv", shard=(1, 2), resume=True, **SETTINGS)
    batches = run.batches()
    next(batches)
    batches.close()
    assert not Path("parts/1.csv.shard.json").exists()
    _predict(inputs, "parts/2.csv", (2, 2))
    with pytest.raises(ValueError, match=r"1 of 2 shards are missing or unfinished: 1/2\. Name"):
        merge_shards("parts", "rows.csv")
    with pytest.raises(ValueError, match=r"parts/1.csv is unfinished, .* again with --resume"):
        merge_shards(["parts/2.csv", "parts/1.csv"], "rows.csv")
    # A run over everything leaves no record of what the file was before.
    _predict(inputs, "parts/2.csv")
    assert not Path("parts/2.csv.shard.json").exists()
    assert not Path("rows.csv").exists()


def test_parts_may_be_renamed_moved_and_named_in_any_way(inputs: list[str]) -> None:
    _predict(inputs, "whole.csv")
    _predict_all(inputs, 3)
    Path("else").mkdir()
    for name in ("1.csv", "1.csv.shard.json"):
        Path("parts", name).rename(Path("else", name.replace("1", "z")))
    Path("parts/rows.csv").write_text("of an earlier merge")
    merge_shards(["parts/*", "parts/2.csv", "else/z.csv.shard.json"], "parts/rows.csv")
    assert Path("parts/rows.csv").read_bytes() == Path("whole.csv").read_bytes()
    # What comes of a merge is no part of the next.
    merge_shards("*[es]", "parts/rows.csv")
    assert Path("parts/rows.csv").read_bytes() == Path("whole.csv").read_bytes()


@pytest.fixture(scope="module")
def parts(inputs: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("three")
    for number in (1, 2, 3):
        _predict(inputs, str(folder / f"{number}.csv"), (number, 3))
    return folder


@pytest.fixture
def copied(parts: Path, tmp_path: Path) -> Iterator[Path]:
    """Three parts that belong together; whatever is done to them, nothing is written."""
    shutil.copytree(parts, "parts")
    yield Path("parts")
    with pytest.raises(ValueError, match=r"parts|shards?"):
        merge_shards("parts", "rows.csv")
    assert not Path("rows.csv").exists()
    assert not list(tmp_path.glob("*.partial"))


def test_a_shard_that_is_there_twice_is_refused(copied: Path) -> None:
    for name in ("1.csv", "1.csv.shard.json"):
        shutil.copy(copied / name, copied / name.replace("1", "4"))
    with pytest.raises(ValueError, match=r"[14].csv and .*[14].csv are both shard 1 of 3"):
        merge_shards("parts", "rows.csv")


def test_a_table_that_was_changed_is_refused(copied: Path) -> None:
    content = (copied / "2.csv").read_bytes()
    for changed in (content[:-1], content[:-2] + b"!\n"):
        (copied / "2.csv").write_bytes(changed)
        with pytest.raises(ValueError, match=r"parts/2.csv was changed .*: run that shard again"):
            merge_shards("parts", "rows.csv")


def test_a_damaged_record_is_refused(copied: Path) -> None:
    record = copied / "2.csv.shard.json"
    content = json.loads(record.read_text())
    for damage in (
        {"form": 1},
        {"group_ends": content["group_ends"][:-1]},
        {"shard": 4},
        {"table": None},
        {"more": 1},
        {"group_ends": content["group_ends"][::-1]},
        {"shard": "x"},
    ):
        record.write_text(json.dumps({**content, **damage}))
        with pytest.raises(ValueError, match=r"2.csv.shard.json is no record .* with --resume"):
            merge_shards("parts", "rows.csv")
    record.write_text("[]")
    with pytest.raises(ValueError, match="is no record of a shard, or is damaged"):
        merge_shards("parts", "rows.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": {"model": "other"}}, r"model Company and other.*: run those that differ"),
        ({"class_names": ["a", "b"]}, r"classes happy, sad and a, b.*: run those that differ"),
        ({"listing": {"sha256": "0"}}, r"names' digest \w+ and 0\): what was listed has changed"),
        ({"n_shards": 9}, r"of 3 and 9\): leave out the parts of the other run"),
    ],
)
def test_parts_of_different_runs_are_refused(
    copied: Path, change: dict[str, Any], message: str
) -> None:
    record = copied / "3.csv.shard.json"
    content = json.loads(record.read_text())
    for name, value in change.items():
        content[name] = {**content[name], **value} if isinstance(value, dict) else value
    if "n_shards" in change:  # as many groups as its counts say
        content["group_ends"] = content["group_ends"][: 1 + len(range(2, 17, 9))]
        content["listing"]["groups"] = 17
    record.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"parts/\d.csv are no shards of one run \(.*{message}"):
        merge_shards([copied / "1.csv", copied / "2.csv", copied / "3.csv"], "rows.csv")


def test_what_cannot_be_joined_is_refused(copied: Path) -> None:
    for parts, out, message in (
        ([], "rows.csv", "there are no shards"),
        (".", "rows.csv", r"no record of a shard \(NAME.shard.json\) in \."),
        ("*.csv", "rows.csv", "no record of a shard"),
        (["lost.csv"], "rows.csv", "lost.csv: there is no such file"),
        ("parts", "rows.jsonl", "has another form than rows.jsonl: .* ends in .csv"),
        ("parts", "parts/1.csv", "parts/1.csv is one of the parts"),
        ("parts", "rows.txt", "cannot tell the format"),
    ):
        with pytest.raises(ValueError, match=message):
            merge_shards(parts, out)
    (copied / "2.csv").unlink()


def test_another_shard_of_another_listing_is_not_resumed(inputs: list[str]) -> None:
    _predict(inputs, "parts/1.csv", (1, 2))
    with pytest.raises(ValueError, match=r"made in another way \(shard was 1/2 and is 2/2\)"):
        _predict(inputs, "parts/1.csv", (2, 2), resume=True)
    with pytest.raises(ValueError, match="by its rows input 2 is"):
        _predict([inputs[0], *inputs[2:]], "parts/1.csv", (1, 2), resume=True)
    assert Path("parts/1.csv.shard.json").exists()


def test_what_has_no_shards_is_refused() -> None:
    for paths, more, message in (
        (["a.png"], {"shard": (3, 2)}, "there is no shard 3/2"),
        (["a.png"], {"shard": (0, 2)}, "there is no shard 0/2"),
        (["0", "a.png"], {"shard": (1, 2)}, "neither cameras and streams"),
        (["a.png"], {"shard": (1, 2), "show": print}, "neither cameras and streams"),
        (["a.png"], {"shard": (1, 2), "out": None}, "a shard needs a file"),
    ):
        with pytest.raises(ValueError, match=message):
            PredictionRun(paths, Company(), **{"out": "rows.csv", **more})


def test_a_shard_of_a_listing_that_grew_is_told_from_the_others(inputs: list[str]) -> None:
    _predict(inputs, "parts/1.csv", (1, 2))
    _predict([*inputs, "one_more.png"], "parts/2.csv", (2, 2))
    with pytest.raises(ValueError, match=r"inputs 32 and 33, .*: what was listed has changed"):
        merge_shards(["parts/1.csv", "parts/2.csv"], "rows.csv")


def test_more_shards_than_files_that_may_be_open_are_joined() -> None:
    resource = pytest.importorskip("resource")
    _predict_all([f"{number}.png" for number in range(80)], 40, batch_size=1)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)  # the numbers below it are taken
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 20, before[1]))
    try:
        merge_shards("parts", "rows.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert Path("rows.csv").read_bytes().count(b"\n") == 81


def test_the_record_is_no_new_input() -> None:
    Path("a.png").touch()
    listing = PredictionRun(".", Company(), out="rows.csv", shard=(1, 1)).listing
    _predict(".", "rows.csv", (1, 1))
    assert isinstance(listing, PictureListing)
    assert (len(list(listing)), listing.n_other_files) == (1, 0)
