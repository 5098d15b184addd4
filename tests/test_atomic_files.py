"""Files are whole or not there, and no link in a folder leads elsewhere."""

import os
from pathlib import Path

import pytest

from fer_ensemble.atomic_files import open_atomically, write_atomically, write_together


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    (tmp_path / "victim").write_bytes(b"precious")
    return tmp_path / "victim"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path, victim: Path) -> None:
    card = tmp_path / "MODEL_CARD.md"
    for name in ("MODEL_CARD.md", "MODEL_CARD.md.partial", ".partial"):
        (tmp_path / name).symlink_to(victim)
    write_atomically(card, b"figures")
    write_together(tmp_path, {"a": b"1", "MODEL_CARD.md": b"all"}, last="MODEL_CARD.md")
    assert victim.read_bytes() == b"precious"
    assert not card.is_symlink()
    assert card.read_bytes() == b"all"


def test_a_link_under_the_very_name_of_the_fresh_file_is_refused(
    tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "urandom", bytes)
    (tmp_path / f"a.{'00' * 8}.partial").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "a", b"new")
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("lasting", [True, False])
def test_an_error_leaves_the_old_content_and_nothing_else(tmp_path: Path, lasting: bool) -> None:
    file = tmp_path / ("name" * 60)  # close to what names may have
    write_atomically(file, b"old")

    def fill_up() -> None:
        with open_atomically(file, lasting=lasting) as stream:
            stream.write(b"half")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fill_up()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(file.name, b"old")]


def test_a_device_is_written_to_as_it_is() -> None:
    write_atomically("/dev/null", b"gone")
    assert Path("/dev/null").is_char_device()


def test_new_files_have_the_rights_that_files_have(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_atomically(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode
