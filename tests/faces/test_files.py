import os
from pathlib import Path

import pytest

from fer_ensemble.faces import files
from fer_ensemble.faces.decode import TooManyPixels, UnreadableImage
from fer_ensemble.faces.files import FileProblem, check_file, naming_problems, read_file


def _problem(path: Path | str) -> tuple[str, str]:
    with pytest.raises(FileProblem) as raised, naming_problems(str(path)):
        read_file(str(path))
    assert str(raised.value) == raised.value.reason
    return raised.value.status, raised.value.reason


def _broken(kind: str, folder: Path) -> Path:
    path = folder / "face.jpg"
    if kind == "zero bytes":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "link to nothing":
        path.symlink_to(folder / "lost.jpg")
    elif kind == "link to itself":
        path.symlink_to(path)
    elif kind == "below a file":
        path.touch()
        path /= "face.jpg"
    elif kind == "pattern":
        path = folder / "*.jpg"
    elif kind == "pipe":
        os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("zero bytes", "empty", "the file is empty"),
        ("folder", "unreadable", "a folder that cannot be opened"),
        ("absent", "missing", "no such file"),
        ("pattern", "missing", "nothing matches this pattern"),
        ("link to nothing", "missing", "a link to nothing"),
        ("link to itself", "unreadable", "cannot be opened (Too many levels of symbolic links)"),
        ("below a file", "missing", "no such file"),
        ("pipe", "unreadable", "not a regular file"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")
def test_what_is_wrong_is_told(tmp_path: Path, kind: str, status: str, reason: str) -> None:
    assert _problem(_broken(kind, tmp_path)) == (status, reason)


def test_a_name_that_no_file_can_have_is_told() -> None:
    assert _problem("a\0b.jpg") == ("missing", "no file can have this name")


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    assert read_file(str(tmp_path / "a")) == b"1234"
    assert check_file(str(tmp_path / "a")) == 4


def test_too_many_bytes_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    monkeypatch.setattr(files, "MAX_PICTURE_BYTES", 3)
    status, reason = _problem(tmp_path / "a")
    assert (status, reason[:13]) == ("too_large", "4 bytes large")


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (
            PermissionError(13, "Permission denied"),
            "unreadable",
            "cannot be opened (Permission denied)",
        ),
        (TooManyPixels("too many"), "too_large", "too many"),
        (UnreadableImage("cut short"), "unreadable", "cut short"),
        (MemoryError(), "too_large", "does not fit into memory"),
    ],
)
def test_errors_become_problems(error: Exception, status: str, reason: str) -> None:
    with pytest.raises(FileProblem) as raised, naming_problems("a.jpg"):
        raise error
    assert (raised.value.status, raised.value.reason) == (status, reason)
    assert raised.value.__cause__ is error


def test_errors_of_the_program_stay_what_they_are() -> None:
    with pytest.raises(ValueError, match="a setting"), naming_problems("a.jpg"):
        raise ValueError("a setting")
