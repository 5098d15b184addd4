"""Stores: many files become one data set on disk, the same as if it had been read into memory."""

import json
import os
import pickle
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_ensemble.datasets import (
    EMOTIONS,
    DatasetError,
    FaceDataset,
    load_faces,
    store_writing,
    write_store,
)
from fer_ensemble.stored_arrays import StoredArray


def same(read: FaceDataset, faces: FaceDataset) -> None:
    np.testing.assert_array_equal(np.asarray(read.images), faces.images)
    np.testing.assert_array_equal(read.labels, faces.labels)
    np.testing.assert_array_equal(read.split, faces.split)


def joined(parts: list[FaceDataset]) -> FaceDataset:
    columns = [[getattr(part, name) for part in parts] for name in ("images", "labels", "split")]
    names = np.concatenate([part.names for part in parts])
    return FaceDataset(*map(np.concatenate, columns), names)  # type: ignore[arg-type]


@pytest.fixture
def shards(tmp_path: Path, files: dict[str, bytes], write_zip: Callable) -> list[Path]:
    """Two zips of different faces, in a folder."""
    (tmp_path / "shards").mkdir()
    names = sorted(files)
    return [
        write_zip(tmp_path / "shards" / name, {each: files[each] for each in chosen})
        for name, chosen in (("a.zip", names[::2]), ("b.zip", names[1::2]))
    ]


def test_two_zips_and_a_parquet_file_are_the_data_set_in_memory(
    tmp_path: Path, shards: list[Path], faces: FaceDataset, write_parquet: Callable
) -> None:
    third = write_parquet(tmp_path / "shards" / "c.parquet", faces)
    steps: list[tuple[int, int]] = []
    store = write_store(
        tmp_path / "shards", tmp_path / "faces", progress=lambda *step: steps.append(step)
    )
    whole = joined([load_faces(shard) for shard in [*shards, third]])
    same(store, whole)
    assert isinstance(store.images, StoredArray)
    assert store.images.dtype == np.uint8
    before = ["a.zip"] * 11 + ["b.zip"] * 10 + ["c.parquet"] * len(faces)
    expected = [f"{shard}/{name}" for shard, name in zip(before, whole.names, strict=True)]
    assert list(store.names) == expected
    assert store.names[12] == expected[12]
    assert steps == sorted(steps)
    assert steps[-1] == (3000, 3000)
    assert store.report.has_parts
    assert sorted(os.listdir(tmp_path)) == ["faces", "shards"]
    # Patterns, stores as sources, and what other processes make of it.
    again = write_store([tmp_path / "faces", tmp_path / "shards" / "*.zip"], tmp_path / "more")
    same(again, joined([whole, whole.take(np.arange(21))]))
    same(pickle.loads(pickle.dumps(store.select("train"))), whole.select("train"))


def test_one_source_is_in_memory_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces: FaceDataset
) -> None:
    """Of others, what is left at most is a batch that has yet to be written."""
    made: list[weakref.ref[np.ndarray]] = []
    held = []

    def read(path: Path, labels: object, **_: object) -> FaceDataset:
        held.append(sum(images() is not None for images in made))
        images = faces.images.copy()
        made.append(weakref.ref(images))
        return FaceDataset(images, faces.labels, faces.split, faces.names)

    monkeypatch.setattr(store_writing, "read_source", read)
    monkeypatch.setattr(store_writing, "BATCH", 8)
    sources = [tmp_path / f"{number}.zip" for number in range(5)]
    for source in sources:
        source.touch()
    store = write_store(sources, tmp_path / "store")
    assert held == [0, 0, 0, 0, 0]
    same(store, joined([faces] * 5))


def test_a_kill_leaves_nothing_that_looks_like_a_store(tmp_path: Path, shards: list[Path]) -> None:
    code = (
        "import sys, time; from fer_ensemble.datasets import store_writing as s\n"
        "real, read = s.read_source, []\n"
        "def slow(path, *a, **k):\n"
        "    read.append(path)\n"
        "    if len(read) == 2: print('half', flush=True); time.sleep(60)\n"
        "    return real(path, *a, **k)\n"
        "s.read_source = slow; s.write_store(sys.argv[2:], sys.argv[1])"
    )
    store = tmp_path / "faces"
    with subprocess.Popen(
        [sys.executable, "-c", code, store, *shards], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.kill()
    assert not store.exists()
    with pytest.raises(DatasetError):
        load_faces(tmp_path / "faces.partial")
    assert len(write_store(shards, store)) == 21
    assert sorted(os.listdir(tmp_path)) == ["faces", "shards"]


def test_an_error_leaves_nothing_and_an_old_store_as_it_was(
    tmp_path: Path, shards: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "faces"
    write_store(shards[:1], store)
    with pytest.raises(DatasetError, match=r"there is a store already.*--overwrite"):
        write_store(shards, store)

    def fail(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store_writing, "write_record", fail)
        with pytest.raises(OSError, match="No space"):
            write_store(shards, store, overwrite=True)
    assert len(load_faces(store)) == 11
    # The store itself may be among the sources.
    assert len(write_store([store, shards[1]], store, overwrite=True)) == 21
    assert sorted(os.listdir(tmp_path)) == ["faces", "shards"]
    with pytest.raises(DatasetError, match=r"something else than a store"):
        write_store(shards, tmp_path / "shards", overwrite=True)


def test_what_is_lost_is_reported_with_its_file(
    tmp_path: Path, shards: list[Path], files: dict[str, bytes], write_zip: Callable
) -> None:
    bad = dict.fromkeys((f"train/happy/{number}.png" for number in range(20)), b"x")
    write_zip(tmp_path / "shards" / "c.zip", {**files, **bad})
    (tmp_path / "shards" / "d.zip").write_bytes(b"no zip")
    store = write_store(tmp_path / "shards", tmp_path / "faces")
    assert len(store) == 42
    report = load_faces(tmp_path / "faces").report
    assert report.counts == {"unreadable": 20, "unusable_file": 1}
    assert report.lines() == [
        "20 pictures skipped: unreadable (c.zip: train/happy/0.png, c.zip: train/happy/1.png, "
        "c.zip: train/happy/10.png, …)",
        "1 file skipped: no usable face (d.zip)",
    ]
    assert len(report.problems) == 11
    assert "not a zip file" in report.problems[-1].message
    with pytest.raises(DatasetError, match=r"c\.zip, train/happy/0\.png"):
        write_store(tmp_path / "shards", tmp_path / "other", strict=True)
    assert not (tmp_path / "other").exists()


def test_files_that_say_no_part_take_that_of_their_names(
    tmp_path: Path, files: dict[str, bytes], write_zip: Callable
) -> None:
    """A test face that was taken for training would leak."""
    plain = {name.partition("/")[2]: data for name, data in files.items()}
    for name in ("train-00000-of-00002", "test-00001-of-00002", "fer_public_test"):
        write_zip(tmp_path / f"{name}.zip", plain)
    store = write_store(tmp_path / "*.zip", tmp_path / "faces")
    assert store.split_counts() == {"train": 21, "public_test": 21, "test": 21}
    assert load_faces(tmp_path / "faces").report.has_parts
    (tmp_path / "other").mkdir()
    write_zip(tmp_path / "other" / "x.zip", plain)
    with pytest.raises(DatasetError, match=r"fer_public.*says which part.*x\.zip does not"):
        write_store([tmp_path / "*.zip", tmp_path / "other"], tmp_path / "mixed")


def test_sources_that_there_are_none_of(tmp_path: Path, shards: list[Path]) -> None:
    (tmp_path / "a.txt").touch()
    (tmp_path / "bad.zip").touch()
    for source, message in (
        ("no*.zip", "no file or folder has such a name"),
        ("no.zip", "there is no such file"),
        ("a.txt", "cannot tell what this is"),
        ("bad.zip", "no usable face in 1 file. First, bad.zip: .*not a zip file"),
    ):
        with pytest.raises(DatasetError, match=message):
            write_store(tmp_path / source, tmp_path / "faces")
    assert not (tmp_path / "faces").exists()
    with pytest.raises(DatasetError, match=r"make a store first.*--store"):
        load_faces(tmp_path / "shards")


def test_numbers_without_a_meaning_end_it_at_once(tmp_path: Path, csv_rows: list[str]) -> None:
    table = "\n".join(csv_rows).replace("emotion,pixels", "label,pixels")
    (tmp_path / "a.csv").write_text(table)
    with pytest.raises(DatasetError, match="labels that are numbers"):
        write_store(tmp_path / "a.csv", tmp_path / "faces")
    write_store(tmp_path / "a.csv", tmp_path / "faces", classes="fer2013")
    read = load_faces(tmp_path / "faces", classes="fer2013", remembered={"1": "happy"})
    assert read.report.classes["0"] == "angry"
    assert "labels read by the classes given" in read.report.how_labelled
    assert read.names[0] == "a.csv/row 2"
    with pytest.raises(DatasetError, match="read when it was made"):
        load_faces(tmp_path / "faces", classes="rafdb")


@pytest.fixture
def own(tmp_path: Path, faces: FaceDataset) -> Path:
    """Arrays of a user."""
    folder = tmp_path / "own"
    folder.mkdir()
    mapped = np.lib.format.open_memmap(
        folder / "images.npy", "w+", np.uint8, shape=faces.images.shape
    )
    mapped[:] = faces.images
    mapped.flush()
    np.save(folder / "labels.npy", faces.labels.astype(np.float32))
    return folder


def test_arrays_of_a_user_are_read(own: Path, faces: FaceDataset) -> None:
    with pytest.raises(DatasetError, match=r"are numbers \(0, 1, 2, .*; 21 faces\).*--classes"):
        load_faces(own)
    read = load_faces(own, classes="fer2013")
    np.testing.assert_array_equal(np.asarray(read.images), faces.images)
    np.testing.assert_array_equal(read.labels, faces.labels)
    assert not read.report.has_parts
    assert read.names[20] == "face 21"
    np.save(own / "split.npy", faces.split)
    np.save(own / "names.npy", faces.names.astype(str))
    five = {str(label): name for label, name in enumerate(EMOTIONS[:6])}
    read = load_faces(own, classes={**five, "6": None})
    kept = faces.take(faces.labels != 6)
    same(read, kept)
    assert list(read.names) == list(kept.names)
    assert read.report.counts["other_expression"] == 3
    np.save(own / "labels.npy", np.array(["fear", "what"])[(faces.labels == 1).astype(int)])
    report = load_faces(own).report
    assert report.counts["unknown_label"] == 3
    store = write_store(own, own.parent / "store")
    assert set(store.labels.tolist()) == {2}


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("images", np.zeros((21, 48, 48), np.float32), r"images\.npy: float32 .*uint8"),
        ("images", np.zeros((21, 64, 64), np.uint8), r"\(21, 64, 64\).*\(n, 48, 48\)"),
        ("images", np.zeros((20, 48, 48), np.uint8), r"labels\.npy: .*\(21,\).*20 faces"),
        ("labels", np.zeros((21, 7), np.int64), r"labels\.npy: int64 of shape \(21, 7\)"),
        ("labels", np.array([{}] * 21, object), r"labels\.npy holds objects"),
        ("split", np.array(["train"] * 20), r"split\.npy: .*21 faces"),
    ],
)
def test_arrays_that_are_no_faces(own: Path, name: str, array: np.ndarray, message: str) -> None:
    np.save(own / f"{name}.npy", array)
    with pytest.raises(DatasetError, match=message):
        load_faces(own, classes="fer2013")


def test_a_store_that_was_changed_is_refused(tmp_path: Path, shards: list[Path]) -> None:
    store = tmp_path / "faces"
    write_store(shards, store)
    whole = json.loads((store / "faces.json").read_text())
    assert whole["faces"] == sum(whole["splits"].values()) == 21
    for changed, message in (
        ({**whole, "version": 2}, "version 2"),
        ({**whole, "problems": [{"kind": "x", "where": "", "message": ""}]}, "called 'x'"),
        ([], "cannot be used"),
    ):
        (store / "faces.json").write_text(json.dumps(changed))
        with pytest.raises(DatasetError, match=rf"faces\.json .*{message}.*Make the store again"):
            load_faces(store)
    (store / "faces.json").write_text(json.dumps(whole))
    np.save(store / "labels.npy", np.full(21, 7))
    with pytest.raises(DatasetError, match=r"labels or parts that there are none of"):
        load_faces(store)
    (store / "split.npy").unlink()
    with pytest.raises(DatasetError, match=r"split\.npy is missing"):
        load_faces(store)


def test_two_processes_do_not_write_one_store(tmp_path: Path, shards: list[Path]) -> None:
    from fer_ensemble.locks import InUseError, holding_file

    started = time.monotonic()
    with (
        holding_file(tmp_path / "faces.store"),
        pytest.raises(InUseError, match="is being written"),
    ):
        write_store(shards, tmp_path / "faces")
    assert time.monotonic() - started < 30
