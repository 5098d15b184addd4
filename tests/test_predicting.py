import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

import fer_ensemble
from fer_ensemble import load_pretrained, predict_faces
from fer_ensemble.artifact import ArtifactError
from fer_ensemble.faces import DetectorError, FaceBox
from fer_ensemble.prediction_run import PredictionRun


class Brightness:
    classes_ = np.array([3, 4])

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        self.shapes.append(X.shape)
        share = X.reshape(len(X), -1).mean(axis=1) / 255
        return np.column_stack([share, 1 - share])


class Halves:
    """A detector of the user's."""

    def detect(self, image: np.ndarray) -> list[FaceBox]:
        return [FaceBox(0, 0, 100, 100, score=0.9), FaceBox(100, 0, 100, 100, score=0.8)]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    picture = np.zeros((100, 200), np.uint8)
    picture[:, :100] = 255
    cv2.imwrite(str(tmp_path / "photo.png"), picture)
    return tmp_path / "photo.png"


def test_a_table_has_a_row_for_each_face(photo: Path, tmp_path: Path) -> None:
    table = predict_faces([photo, "lost.png"], Brightness(), detector=Halves())
    assert table.class_names == ("happy", "sad")
    assert table.columns[-4:] == ["p_happy", "p_sad", "status", "reason"]
    assert [row.status for row in table] == ["ok", "ok", "missing"]
    assert [row.label for row in table] == ["happy", "sad", None]
    assert [row.x for row in table] == [0, 100, None]
    assert [row.face for row in table] == [0, 1, None]


def test_a_folder_and_settings_are_taken(photo: Path) -> None:
    model = Brightness()
    settings = {"detector": Halves(), "face_size": 32, "min_confidence": 1.0}
    table = predict_faces(
        photo.parent, model, batch_size=1, annotate_to=photo.parent / "seen", **settings
    )
    assert model.shapes == [(2, 32, 32)]
    assert {row.status for row in table} <= {"ok", "unsure"}
    assert len(list(photo.parent.glob("seen/**/photo.png.jpg"))) == 1


def test_a_saved_ensemble_is_loaded(photo: Path, tmp_path: Path) -> None:
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline

    from fer_ensemble.datasets import make_faces
    from fer_ensemble.ensemble import VotingEnsemble
    from fer_ensemble.features import HOG

    faces = make_faces(35, random_state=0)
    ensemble = VotingEnsemble([("bayes", make_pipeline(HOG(), GaussianNB()))], random_state=0)
    ensemble.fit(faces.images, faces.labels)
    fer_ensemble.save_ensemble(ensemble, tmp_path / "model")
    saved, fitted = (
        predict_faces(str(photo), model, detector="skip")
        for model in (tmp_path / "model", ensemble)
    )
    assert list(saved) == list(fitted)
    assert [row.status for row in saved] == ["ok"]
    with pytest.raises(ArtifactError, match="does not exist"):
        predict_faces(photo, tmp_path / "none")


def test_rows_are_written_as_they_come_and_a_run_can_be_resumed(
    photo: Path, tmp_path: Path
) -> None:
    paths, out = [*["lost.png"] * 5, photo, "lost.png"], tmp_path / "rows.csv"
    settings: dict[str, Any] = {"detector": Halves(), "batch_size": 1, "out": out}
    whole = predict_faces(paths, Brightness(), **settings)
    written = out.read_bytes()
    whole.write(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes() == written
    out.write_bytes(written[: len(written) * 2 // 3])
    rest = predict_faces(paths, Brightness(), resume=True, **settings)
    assert out.read_bytes() == written
    assert 0 < len(rest) < len(whole)
    assert list(rest) == list(whole[-len(rest) :])


def test_a_run_finds_what_is_wrong_before_what_takes_long(tmp_path: Path, photo: Path) -> None:
    for settings, error in [
        ({"out": "rows.txt"}, "cannot tell the format"),
        ({"resume": True}, "resume needs the file"),
        ({"resume": True, "out": io.BytesIO()}, "resume needs the file"),
    ]:
        with pytest.raises(ValueError, match=error):
            PredictionRun([photo], "no model", **settings)
    assert not PredictionRun([], "no model").has_inputs()
    run = PredictionRun([photo], Brightness(), detector="magic", out=tmp_path / "rows.csv")
    assert run.has_inputs()
    with pytest.raises(DetectorError, match="no detector 'magic'"):
        run.prepare()
    assert not (tmp_path / "rows.csv").exists()


def test_a_run_gives_its_batches_and_what_it_knows(photo: Path) -> None:
    stream = io.BytesIO()
    model = Brightness()
    run = PredictionRun(
        ["-"], model, standard_input=io.BytesIO(f"{photo}\nlost.png".encode()), out=stream
    )
    assert run.has_inputs()  # takes the first path, but loses none
    [batch] = run.batches()
    assert [row.path for row in batch] == [str(photo), "lost.png"]
    assert (run.class_names, run.kept) == (("happy", "sad"), None)
    assert run.finder.n_searched == 1
    assert run.load() is model
    assert stream.getvalue().count(b"\n") == 3


def test_annotate_is_at_hand() -> None:
    from fer_ensemble.faces import annotate

    assert fer_ensemble.annotate is annotate


def test_pictures_are_taken_as_they_are_held_in_memory(photo: Path) -> None:
    array = cv2.imread(str(photo))
    file = photo.read_bytes()
    given = [array, Image.open(photo), file, io.BytesIO(file), array / 255, photo, [1]]
    table = predict_faces(given[:-1], Brightness(), detector=Halves())
    names = ["<array 0>", "<picture 1>", "<bytes 2>", "<file 3>", "<array 4>", str(photo)]
    assert [row.path for row in table] == [name for name in names for _ in range(2)]
    assert [row.label for row in table] == ["happy", "sad"] * 6
    assert len({row.probabilities["happy"] for row in table[::2]}) == 1
    assert table[8].reason == "values up to 1 taken for shares of white"
    for one in (array, given[1], file):
        assert len(predict_faces(one, Brightness(), detector=Halves())) == 2
    made = (np.full((100, 200), shade, np.uint8) for shade in (0, 255))
    assert [row.path for row in predict_faces(made, Brightness(), detector="skip")] == [
        "<array 0>",
        "<array 1>",
    ]
    with pytest.raises(TypeError, match="input 6 is list: give a path, an array"):
        predict_faces(given, Brightness(), detector=Halves())


def test_what_is_wrong_with_one_of_them_is_told_in_its_row(photo: Path, tmp_path: Path) -> None:
    class Broken:
        def read(self, size: int) -> bytes:
            raise RuntimeError("connection lost")

    given = [b"", b"text", np.zeros((4, 4, 2)), np.full((4, 4), -1), Broken(), io.StringIO("a")]
    table = predict_faces([*given, photo], Brightness(), detector=Halves(), annotate_to=tmp_path)
    assert [row.status for row in table] == ["empty"] + ["unreadable"] * 5 + ["ok"] * 2
    assert [row.reason.split(" ")[0] for row in table[:6]] == [
        *("the", "not", "an", "values", "cannot", "a")
    ]


def test_a_model_is_loaded_once_until_its_files_change(tmp_path: Path) -> None:
    from sklearn.naive_bayes import GaussianNB

    from fer_ensemble.artifact import load_predictor
    from fer_ensemble.ensemble import VotingEnsemble

    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    for seed in (0, 1):
        ensemble = VotingEnsemble([("bayes", GaussianNB())], random_state=seed).fit(X, y)
        fer_ensemble.save_ensemble(ensemble, tmp_path / "model", overwrite=seed > 0)
        with ThreadPoolExecutor(4) as threads:
            loaded = list(threads.map(load_predictor, [tmp_path / "model"] * 4))
        assert len({id(model) for model in loaded}) == 1
        if seed == 0:
            first = loaded[0]
    assert loaded[0] is not first


def test_a_pretrained_model_that_was_changed_is_not_what_the_next_caller_gets() -> None:
    one = load_pretrained("fast")
    seed = one.random_state
    one.set_params(random_state=1 if seed is None else seed + 1)
    other = load_pretrained("fast")
    assert (other is not one, other.random_state) == (True, seed)
    assert other.members_[0][1] is one.members_[0][1]
