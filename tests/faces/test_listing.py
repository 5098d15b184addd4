import io
import os
from pathlib import Path

import pytest

from fer_ensemble.faces.listing import PictureListing, read_path_list


def _make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _listed(listing: PictureListing, folder: Path) -> list[str]:
    return [Path(path).relative_to(folder).as_posix() for path in listing]


def test_a_folder_gives_its_pictures_sorted_with_all_below(tmp_path: Path) -> None:
    _make(tmp_path, "c.png", "b/z.JPG", "b/a/x.webp", "a.jpeg", "b.bmp", "b/b.tif")
    listing = PictureListing([tmp_path])
    assert _listed(listing, tmp_path) == [
        "a.jpeg",
        "b/a/x.webp",
        "b/b.tif",
        "b/z.JPG",
        "b.bmp",
        "c.png",
    ]


def test_what_is_left_out_of_a_folder_is_counted(tmp_path: Path) -> None:
    _make(tmp_path, "a.png", "notes.txt", "sub/song.mp3", ".b.png", ".git/c.png", "sub/jpg")
    listing = PictureListing([tmp_path])
    for _ in range(2):  # a second pass counts anew
        assert _listed(listing, tmp_path) == ["a.png"]
        assert (listing.n_other_files, listing.n_hidden) == (3, 2)


def test_a_folder_gives_its_videos_too(tmp_path: Path) -> None:
    _make(tmp_path, "a.png", "clip.MP4", "b.gif")
    assert _listed(PictureListing([tmp_path]), tmp_path) == ["a.png", "b.gif", "clip.MP4"]


def test_a_pattern_stands_for_what_matches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make(tmp_path, "b.png", "a.png", "sub/c.png", "sub/deep/d.png", "sub/e.txt", "[x].png")
    monkeypatch.chdir(tmp_path)
    assert list(PictureListing(["?.png"])) == ["a.png", "b.png"]
    assert list(PictureListing(["sub/**/*.png"])) == ["sub/c.png", "sub/deep/d.png"]
    assert list(PictureListing(["s*"])) == ["sub/c.png", "sub/deep/d.png"]
    assert list(PictureListing(["*/e.*"])) == ["sub/e.txt"]
    assert list(PictureListing(["[x].png"])) == ["[x].png"]
    assert list(PictureListing(["z*.jpg", "a.png"])) == ["z*.jpg", "a.png"]


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        (b"a.png\n\nb c.png\n", ["a.png", "b c.png"]),
        (b"a.png\nlast.png", ["a.png", "last.png"]),
        (b"a\nb.png\0c.png\0", ["a\nb.png", "c.png"]),
        (b"caf\xe9.png\n", [os.fsdecode(b"caf\xe9.png")]),
        (b"", []),
    ],
)
def test_a_list_has_a_path_a_line_or_up_to_each_zero_byte(data: bytes, paths: list[str]) -> None:
    assert list(read_path_list(io.BytesIO(data))) == paths


def test_a_long_list_is_put_together_over_its_chunks() -> None:
    paths = [f"{number:04}.png" for number in range(20_000)]
    assert list(read_path_list(io.BytesIO("\n".join(paths).encode()))) == paths


@pytest.mark.skipif(os.name == "nt", reason="needs pipes that do not wait")
def test_a_list_is_read_as_it_comes() -> None:
    end, beginning = os.pipe()
    with open(end, "rb") as stream, open(beginning, "wb", buffering=0) as sender:
        sender.write(b"a.png\nb.p")
        paths = read_path_list(stream)
        assert next(paths) == "a.png"
        sender.write(b"ng\n")
        assert next(paths) == "b.png"


def test_a_dash_stands_for_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(tmp_path, "sub/c.png", "a.png")
    monkeypatch.chdir(tmp_path)
    given = ["a.png", "-", "a.png"]
    listed = list(PictureListing(given, io.BytesIO(b"sub\n*.png\n")))
    assert listed == ["a.png", "sub/c.png", "*.png", "a.png"]
    assert list(PictureListing(given)) == given


def test_files_are_given_as_they_are_in_the_order_given(tmp_path: Path) -> None:
    _make(tmp_path, "b/1.png", "notes.txt")
    text, hidden, lost = tmp_path / "notes.txt", tmp_path / ".x.png", tmp_path / "lost.png"
    listing = PictureListing([text, lost, tmp_path / "b", hidden, text])
    expected = [text, lost, tmp_path / "b" / "1.png", hidden, text]
    assert list(listing) == [str(path) for path in expected]


def test_paths_start_as_the_user_gave_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(tmp_path, "photos/a.png")
    monkeypatch.chdir(tmp_path)
    given = ["photos", "./photos/", "photos/a.png", "./photos/../photos/a.png"]
    assert list(PictureListing(given)) == [
        os.path.join("photos", "a.png"),
        "./photos/a.png",
        "photos/a.png",
        "./photos/../photos/a.png",
    ]


def test_a_folder_named_like_a_picture_is_a_folder(tmp_path: Path) -> None:
    _make(tmp_path, "x.jpg/a.png")
    assert _listed(PictureListing([tmp_path]), tmp_path) == ["x.jpg/a.png"]


def test_the_folder_of_copies_is_left_out_below_another(tmp_path: Path) -> None:
    _make(tmp_path, "a.png", "seen/a.png.jpg", "sub/seen/b.png")
    listing = PictureListing([tmp_path], left_out=tmp_path / "sub" / ".." / "seen")
    assert _listed(listing, tmp_path) == ["a.png", "sub/seen/b.png"]
    given = PictureListing([tmp_path / "seen"], left_out=tmp_path / "seen")
    assert _listed(given, tmp_path) == ["seen/a.png.jpg"]
    assert len(list(PictureListing([tmp_path], left_out=tmp_path / "none"))) == 3


def test_folders_without_pictures_are_named(tmp_path: Path) -> None:
    _make(tmp_path, "full/a.png", "other/notes.txt")
    (tmp_path / "bare").mkdir()
    listing = PictureListing([tmp_path / "bare", tmp_path / "full", tmp_path / "other"])
    assert _listed(listing, tmp_path) == ["full/a.png"]
    assert listing.empty_folders == [str(tmp_path / "bare"), str(tmp_path / "other")]


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    _make(tmp_path, "photos/a.png", "elsewhere/b.png")
    photos = tmp_path / "photos"
    (photos / "again").symlink_to(photos)
    (photos / "linked").symlink_to(tmp_path / "elsewhere")
    (photos / "lost.png").symlink_to(photos / "nothing.png")
    (photos / "self.png").symlink_to(photos / "self.png")
    assert _listed(PictureListing([photos]), photos) == [
        "a.png",
        "linked/b.png",
        "lost.png",
        "self.png",
    ]


def test_a_folder_that_cannot_be_opened_is_given_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make(tmp_path, "a.png", "locked/b.png", "z.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert _listed(PictureListing([tmp_path]), tmp_path) == ["a.png", "locked", "z.png"]
