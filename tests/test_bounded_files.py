"""Files from elsewhere: regular ones alone, and nothing that grows without a bound."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fer_ensemble.bounded_files import UnusableFileError, read_arrays, read_bounded

LIMIT = 2**20


def packed(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=True, **arrays)
    return stream.getvalue()


def test_regular_files_are_read_up_to_their_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bounded(tmp_path / "a", 5) == b"12345"
    with pytest.raises(UnusableFileError, match="larger than 4 bytes"):
        read_bounded(tmp_path / "a", 4)


def test_pipes_devices_and_folders_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe", "/dev/zero", tmp_path / "link", tmp_path):
        with pytest.raises(OSError, match=r"not a regular file|a folder"):
            read_bounded(path, LIMIT)
    # A file of /proc tells no size.
    with pytest.raises(UnusableFileError, match="larger"):
        read_bounded("/proc/self/environ", 1)


def test_arrays_are_those_that_were_packed() -> None:
    arrays = {
        "numbers": np.arange(12.0).reshape(3, 4),
        "by_columns": np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3)),
        "text": np.array(["down", "up"]),
        "none": np.empty((0, 7), np.float32),
        "one": np.array(7),
    }
    found = read_arrays(packed(**arrays), LIMIT)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    found["numbers"][0] = 7  # may be written to


def test_what_would_expand_beyond_the_limit_is_refused_before_it_does() -> None:
    content = packed(zeros=np.zeros(2**22))
    assert len(content) < LIMIT / 10
    with pytest.raises(ValueError, match=r"expand to 32 MiB, and 1 MiB is the limit"):
        read_arrays(content, LIMIT)


def test_a_directory_that_lies_about_a_size_gains_nothing() -> None:
    content = packed(zeros=np.zeros(2**22))
    size = zipfile.ZipFile(io.BytesIO(content)).infolist()[0].file_size
    lying = content.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != content
    with pytest.raises(ValueError, match=r"damaged|cut short|size"):
        read_arrays(lying, LIMIT)


def test_a_header_that_lies_about_a_shape_allocates_nothing() -> None:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("a.npy", stream.getvalue())
    with pytest.raises(ValueError, match="not the size that its header tells"):
        read_arrays(archive.getvalue(), LIMIT)


def test_pickles_and_unknown_packings_are_refused() -> None:
    with pytest.raises(ValueError, match="object"):
        read_arrays(packed(objects=np.array([{}, []], dtype=object)), LIMIT)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as target:
        target.writestr("a.npy", b"anything")
    with pytest.raises(ValueError, match="unknown method"):
        read_arrays(archive.getvalue(), LIMIT)
    with pytest.raises(ValueError, match="no whole zip file"):
        read_arrays(b"PK anything", LIMIT)
