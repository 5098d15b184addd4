import pickle

import numpy as np
import pytest

from fer_ensemble import stored_arrays
from fer_ensemble.splitting import content_hash, copy_groups, distinct_samples, row_digests
from fer_ensemble.stored_arrays import StoredArray, write_array

FACES = np.random.default_rng(0).integers(0, 256, (30, 5, 4), np.uint8)


@pytest.fixture
def stored(tmp_path):
    write_array(tmp_path / "a.npy", [FACES[:7], FACES[7:12]])
    np.save(tmp_path / "b.npy", FACES[12:])
    return StoredArray([tmp_path / "a.npy", tmp_path / "b.npy"])


def halved(faces):
    return (faces[:, :, ::2] / 2).astype(np.float32)


def test_it_has_the_shape_and_the_rows_of_the_files_one_after_the_other(stored, tmp_path):
    assert (stored.shape, stored.ndim, stored.dtype, len(stored)) == ((30, 5, 4), 3, np.uint8, 30)
    assert stored.nbytes == FACES.nbytes
    np.testing.assert_array_equal(np.asarray(stored), FACES)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), FACES[:12])
    np.testing.assert_array_equal(np.stack(list(stored)), FACES)


@pytest.mark.parametrize(
    "rows",
    [
        slice(3, 20),
        slice(None, None, -3),
        [29, 0, 13, 11, 12, 0],
        np.arange(30) % 4 == 1,
        np.array([], int),
    ],
    ids=str,
)
def test_rows_are_chosen_as_of_an_array(stored, rows):
    chosen = stored[rows]
    assert isinstance(chosen, StoredArray)
    np.testing.assert_array_equal(np.asarray(chosen), FACES[rows])
    np.testing.assert_array_equal(np.asarray(stored[rows, ...]), FACES[rows])
    np.testing.assert_array_equal(np.asarray(chosen[::2]), FACES[rows][::2])


def test_one_row_is_read_and_columns_cannot_be_chosen(stored):
    np.testing.assert_array_equal(stored[-1], FACES[-1])
    with pytest.raises(IndexError, match="only rows"):
        stored[:, 0]


def test_only_what_is_asked_for_is_read(stored, monkeypatch):
    n_read = []
    read = stored_arrays._File.read
    monkeypatch.setattr(
        stored_arrays._File,
        "read",
        lambda file, rows, out: (n_read.append(len(rows)), read(file, rows, out)),
    )
    some = stored[10:15].mapped(halved)[1:]
    assert sum(n_read) == 1  # of the mapping, to see what it makes
    np.testing.assert_array_equal(np.concatenate(list(some.batches(3))), halved(FACES[11:15]))
    assert sum(n_read) == 5


def test_what_is_mapped_is_changed_as_it_is_read_and_goes_to_other_processes(stored):
    mapped = pickle.loads(pickle.dumps(stored[5:].mapped(halved)))
    assert (mapped.shape, mapped.dtype) == ((25, 5, 2), np.float32)
    np.testing.assert_array_equal(np.asarray(mapped), halved(FACES[5:]))
    both = mapped.followed_by(stored[:2].mapped(halved))
    np.testing.assert_array_equal(np.asarray(both), halved(FACES[[*range(5, 30), 0, 1]]))
    with pytest.raises(ValueError, match="two kinds"):
        mapped.followed_by(stored)


def test_a_digest_tells_contents_and_not_places(stored, tmp_path):
    elsewhere = write_array(tmp_path / "c.npy", [FACES[3:]])
    assert content_hash({"X": [stored[3:], 1]}) == content_hash({"X": [elsewhere, 1]})
    assert stored[:3].digest() != stored[1:4].digest()
    assert stored[:3].mapped(halved).digest() != stored[:3].digest()


def test_functions_are_called_on_parts(stored, monkeypatch):
    sizes = []
    monkeypatch.setattr(StoredArray.batches, "__defaults__", (8,))
    sums = stored.in_parts(lambda X: (sizes.append(len(X)), X.sum(axis=(1, 2)))[1])
    np.testing.assert_array_equal(sums, FACES.sum(axis=(1, 2)))
    assert sizes == [8, 8, 8, 6]


def test_files_that_cannot_be_read_by_rows_are_named(tmp_path, stored):
    np.save(tmp_path / "columns.npy", np.asfortranarray(FACES.reshape(30, 20)))
    np.save(tmp_path / "wide.npy", FACES[:, :4])
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "short.npy").write_bytes((tmp_path / "b.npy").read_bytes()[:-1])
    for name, why in {
        "columns": "columns one after the other",
        "text": "no array that numpy.save wrote",
        "short": "is cut short",
    }.items():
        with pytest.raises(ValueError, match=f"{name}.npy.*{why}"):
            StoredArray(tmp_path / f"{name}.npy")
    with pytest.raises(ValueError, match=r"wide\.npy holds uint8"):
        StoredArray([tmp_path / "a.npy", tmp_path / "wide.npy"])
    (tmp_path / "b.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"b\.npy is cut short"):
        np.asarray(stored)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    def batches():
        yield FACES
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_array(tmp_path / "a.npy", batches())
    with pytest.raises(ValueError, match="nothing to write"):
        write_array(tmp_path / "a.npy", [])
    with pytest.raises(ValueError, match="cannot follow uint8"):
        write_array(tmp_path / "a.npy", [FACES, FACES[:, 1:]])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_copies_and_draws_are_those_of_the_same_samples_in_memory(tmp_path, kind):
    random = np.random.default_rng(1)
    # Samples that differ late or nowhere, beside others, and zeros of either sign.
    samples = random.integers(0, 3, (60, 40)).astype(kind)
    samples[20:40, :36] = samples[0, :36]
    samples[40:50] = samples[10:20]
    samples[50:] *= -1 if kind == np.float32 else 1
    order = random.permutation(60)
    labels = random.integers(0, 2, 60)
    stored = write_array(tmp_path / "a.npy", [samples])[order]
    X, y = samples[order], labels[order]
    np.testing.assert_array_equal(row_digests(stored), row_digests(X))
    np.testing.assert_array_equal(copy_groups(stored), copy_groups(X))
    np.testing.assert_equal(distinct_samples(stored, y), distinct_samples(X, y))
