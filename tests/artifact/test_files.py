"""Files of an artifact: whole or not there, and as they were hashed."""

import os
import shutil
from pathlib import Path

import pytest

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import ArtifactError, read_manifest
from tests.artifact.stand_ins import change_manifest, small_voting, table


@pytest.mark.parametrize("name", ["cnn_2.skops", "validation.npz"])
def test_altered_truncated_and_missing_files(copy, name):
    file = copy / name
    content = file.read_bytes()
    altered = bytearray(content)
    altered[len(altered) // 2] ^= 1
    file.write_bytes(altered)
    with pytest.raises(ArtifactError, match=f"{name} is not what its manifest says"):
        load_ensemble(copy)
    file.write_bytes(content[:-10])
    with pytest.raises(ArtifactError, match=f"{name} is not what its manifest says"):
        load_ensemble(copy)
    file.unlink()
    with pytest.raises(ArtifactError, match=f"{name} is missing"):
        load_ensemble(copy)


def test_hash_is_checked_before_anything_is_parsed(copy, monkeypatch):
    import skops.io

    (copy / "dense_hog.skops").write_bytes(b"anything")

    def never(*args, **kwargs):
        raise AssertionError("parsed before it was verified")

    monkeypatch.setattr(skops.io, "loads", never)
    with pytest.raises(ArtifactError, match="is not what its manifest says"):
        load_ensemble(copy)


def test_the_hash_of_the_final_estimator_is_checked(saved_stacking, tmp_path):
    directory = shutil.copytree(saved_stacking, tmp_path / "model")
    file = directory / read_manifest(directory).final_estimator.file
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="is not what its manifest says"):
        load_ensemble(directory)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/b", "..", ""])
def test_files_outside_the_artifact_are_refused(copy, name):
    change_manifest(copy, lambda content: content["members"][0]["stored"].update(file=name))
    with pytest.raises(ArtifactError, match="outside it"):
        load_ensemble(copy)


def test_a_full_disk_spares_what_stands_there(saved_stacking, tmp_path, monkeypatch):
    directory = shutil.copytree(saved_stacking, tmp_path / "model")
    X, y = table()
    files = {file.name: file.read_bytes() for file in directory.iterdir()}
    written = []

    def fill_up(descriptor):
        written.append(descriptor)
        if len(written) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill_up)
    with pytest.raises(OSError, match="No space left"):
        save_ensemble(small_voting().fit(X, y), directory, overwrite=True)
    assert {file.name: file.read_bytes() for file in directory.iterdir()} == files


def test_a_kill_among_the_renames_leaves_no_mixed_ensemble(saved_stacking, tmp_path, monkeypatch):
    directory = shutil.copytree(saved_stacking, tmp_path / "model")
    X, y = table()
    rename, renamed = Path.replace, []

    def die(partial, target):
        renamed.append(target)
        if len(renamed) == 2:
            raise KeyboardInterrupt
        return rename(partial, target)

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        save_ensemble(small_voting().fit(X, y), directory, overwrite=True)
    with pytest.raises(ArtifactError, match="holds no saved ensemble"):
        load_ensemble(directory)
