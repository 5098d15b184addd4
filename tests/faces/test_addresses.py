"""What stands at addresses is listed, read and written as files of this machine are."""

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_ensemble import predict_faces
from fer_ensemble.faces import PictureListing, is_address, write_address
from fer_ensemble.faces.addresses import locate

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("pyarrow")


@pytest.fixture
def store(tmp_path):
    """A store in memory with a folder ``memory://bucket/all``, and the same files in a folder."""
    folder = tmp_path / "all"
    (folder / "b").mkdir(parents=True)
    face = Image.fromarray(np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1)))
    face.save(folder / "b" / "x y#1%20.png")
    face.save(folder / "c.png")
    face.rotate(90).save(folder / "d.gif", save_all=True, append_images=[face])
    (folder / "e.png").write_bytes(b"no picture")
    (folder / "f.png").touch()
    (folder / "notes.txt").write_text("hello")
    (folder / ".hidden.png").touch()
    video = cv2.VideoWriter(
        str(folder / "v.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 64), isColor=False
    )
    for value in (0, 100, 200):
        video.write(np.full((64, 64), value, np.uint8))
    video.release()
    system = fsspec.filesystem("memory")
    system.put(f"{folder}/", "/bucket/all/", recursive=True)
    yield system
    system.rm("/bucket", recursive=True)


def test_a_folder_at_an_address_is_listed_as_one_here(store, tmp_path):
    here, there = PictureListing(tmp_path / "all"), PictureListing("memory://bucket/all")
    names = [str(path).removeprefix(f"{tmp_path}/") for path in here]
    assert [str(path).removeprefix("memory://bucket/") for path in there] == names
    assert (there.n_hidden, there.other_files) == (1, {".txt": 1})
    assert there.first_others == ["memory://bucket/all/notes.txt"]
    lost = PictureListing(["memory://bucket/none/", "memory://bucket/all/b/"])
    assert list(lost) == ["memory://bucket/none/", "memory://bucket/all/b/x y#1%20.png"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("**/*.png", ["b/x y#1%20.png", "c.png", "e.png", "f.png"]),
        ("*.png", ["c.png", "e.png", "f.png"]),
        ("?.[g-h]*", ["d.gif"]),
        ("*/*#*", ["b/x y#1%20.png"]),
        ("*.jpg", ["*.jpg"]),
    ],
)
def test_patterns_at_addresses(store, pattern, names):
    top = "memory://bucket/all"
    assert list(PictureListing(f"{top}/{pattern}")) == [f"{top}/{name}" for name in names]


def test_what_stands_there_is_predicted_as_files_are(store, tmp_path):
    names = ["all", "lost.png", "all/notes.txt"]
    here = predict_faces([tmp_path / name for name in names], "fast").to_frame()
    there = predict_faces([f"memory://bucket/{name}" for name in names], "fast").to_frame()
    short = here["path"].str.removeprefix(f"{tmp_path}/")
    assert (there["path"].str.removeprefix("memory://bucket/") == short).all()
    assert there.drop(columns="path").equals(here.drop(columns="path"))
    assert set(here["status"]) == {"ok", "missing", "unreadable", "empty"}


def test_a_table_is_written_to_an_address(store, tmp_path):
    predict_faces(tmp_path / "all", "fast", out=tmp_path / "rows.csv")
    predict_faces(tmp_path / "all", "fast", out="memory://bucket/new/rows.csv")
    assert store.cat("/bucket/new/rows.csv") == (tmp_path / "rows.csv").read_bytes()


def test_a_file_has_its_name_once_it_is_whole(tmp_path):
    address = f"file://{tmp_path}/new/a.bin"
    write_address(address, b"old")
    write_address(address, b"new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.bin"]
    assert (tmp_path / "new" / "a.bin").read_bytes() == b"new"


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(ValueError, match="set it in the environment") as refused:
        locate("s3://anna:hidden@bucket/a.jpg")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("name", ["https://host/a.jpg", "rtsp://host/1", "a.jpg", "s3:/a", 7])
def test_other_names_are_no_addresses_of_stores(name):
    assert not is_address(name)
