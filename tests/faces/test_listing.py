import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_ensemble.faces import PictureListing
from fer_ensemble.faces.listing import as_sources, read_path_list


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
        (b"a.png\r\n\r\nb c.png\r\n", ["a.png", "b c.png"]),
        (b"\xef\xbb\xbfa.png\r\nb.png", ["a.png", "b.png"]),
        (
            "\ufeffGr\xf6\xdfe.png\r\n\U0001f600.png\r\n".encode("utf-16-le"),
            ["Gr\xf6\xdfe.png", "\U0001f600.png"],
        ),
        ("\ufeffa.png\nb.png".encode("utf-16-be"), ["a.png", "b.png"]),
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


def test_pictures_are_counted_beforehand_where_that_is_possible(tmp_path: Path) -> None:
    _make(tmp_path / "pictures", "a.png", "sub/b.jpg", ".hidden.png", "notes.txt")
    listing = PictureListing([tmp_path / "pictures", "lost.png"])
    first = next(iter(listing))
    assert listing.count_pictures() == 3
    assert (first, listing.n_other_files) == (str(tmp_path / "pictures" / "a.png"), 1)
    assert PictureListing([tmp_path / "pictures", "clip.avi"]).count_pictures() is None
    assert PictureListing(["-"], io.BytesIO(b"a.png")).count_pictures() is None
    assert PictureListing(["-"]).count_pictures() == 1


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


def test_a_name_that_ends_as_a_line_on_windows_is_kept_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd.png\r").touch()
    assert list(read_path_list(io.BytesIO(b"odd.png\r\neven.png\r\n"))) == ["odd.png\r", "even.png"]


def test_files_of_other_endings_are_taken_by_their_content_and_the_others_named(
    tmp_path: Path,
) -> None:
    picture = Image.new("L", (4, 4))
    picture.save(tmp_path / "scan.tmp", "PNG")
    picture.save(tmp_path / "noending", "JPEG")
    packets = b"".join(b"\x47" + bytes(187) for _ in range(4))
    (tmp_path / "film.ts").write_bytes(packets)
    (tmp_path / "program.ts").write_text("export const G = 1;\n" * 99)
    _make(tmp_path, "a.jfif", "b.heic", "c.3gp", "d.PSB", "sub/e.psb", "f.txt", "Thumbs.db")
    listing = PictureListing([tmp_path])
    assert _listed(listing, tmp_path) == [
        *("a.jfif", "b.heic", "c.3gp", "film.ts", "noending", "scan.tmp")
    ]
    assert listing.other_files == {".psb": 2, ".txt": 1, ".ts": 1}
    assert [Path(name).name for name in listing.first_others] == ["d.PSB", "f.txt", "program.ts"]
    assert (listing.n_other_files, listing.n_hidden) == (4, 1)


def test_what_a_run_writes_is_neither_taken_nor_counted(tmp_path: Path) -> None:
    _make(tmp_path, "a.png", "rows.csv", "seen/a.png.jpg")
    listing = PictureListing([tmp_path], left_out=[tmp_path / "rows.csv", tmp_path / "seen"])
    assert _listed(listing, tmp_path) == ["a.png"]
    assert listing.n_other_files == 0


def test_one_input_or_many_are_told_apart(tmp_path: Path) -> None:
    gray, colour = np.zeros((9, 8), np.uint8), np.zeros((9, 8, 3), np.uint8)
    picture, file = Image.new("L", (4, 4)), io.BytesIO(b"")

    def names(given: object) -> list[str]:
        return [os.fspath(source) for source in as_sources(given)]

    assert names("a.jpg") == names(Path("a.jpg")) == names(np.array(["a.jpg"])) == ["a.jpg"]
    assert names(gray) == names(colour) == names(gray[..., np.newaxis]) == ["<array 0>"]
    assert names(np.zeros((2, 48, 48))) == names(np.zeros((2, 9, 8, 3))) == names([gray, colour])
    assert names([gray, colour]) == ["<array 0>", "<array 1>"]
    assert names(picture) == ["<picture 0>"]
    assert names(iter([b"abc", file, "x.png"])) == ["<bytes 0>", "<file 1>", "x.png"]
    assert names(bytearray(b"abc")) == ["<bytes 0>"]


@pytest.mark.parametrize("given", [3, None, [3], ["a.png", None], [[1, 2]]])
def test_what_is_no_input_is_an_error_that_says_which(given: object) -> None:
    with pytest.raises(TypeError, match=r"input \d is (int|NoneType|list): give a path, an array"):
        list(as_sources(given))


def test_a_folder_of_many_names_is_listed_in_the_order_of_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = ["a.png", "a\n.png", "a\1.png", "a .png", "\n.png", "\ue000.png", "\U0001f600.png"]
    bytewise = [os.fsdecode(b"caf\xe9.png"), os.fsdecode(b"caf\xff\n\n.png")]
    numbered = [f"{number}.png" for number in range(40)]
    _make(tmp_path, *odd, *bytewise, *numbered, "a/b.png", "a\1/b.png", "x.txt", ".y.png")
    few = PictureListing([tmp_path, f"{tmp_path}/*.png"])
    listed = list(few)
    assert len(listed) == 2 + 2 * len(odd + bytewise + numbered)
    names = [name.removeprefix(f"{tmp_path}/").split("/")[0] for name in listed]
    assert names[: 2 + len(odd + bytewise + numbered)] == sorted(names[: len(names) // 2 + 1])
    monkeypatch.setattr("fer_ensemble.faces.name_sorting.RUN", 7)
    monkeypatch.setattr("fer_ensemble.faces.name_sorting._CHUNK", 5)
    many = PictureListing([tmp_path, f"{tmp_path}/*.png"])
    assert list(many) == listed
    assert (many.n_other_files, many.n_hidden) == (few.n_other_files, few.n_hidden) == (1, 1)
