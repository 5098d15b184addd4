"""Pixels on another scale, of another type or shape: taken or refused alike by all estimators."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from fer_ensemble import load_pretrained
from fer_ensemble.artifact import ExportedEnsemble, resolve_model
from fer_ensemble.datasets import make_faces
from fer_ensemble.ensemble import StackingEnsemble, VotingEnsemble
from fer_ensemble.features import HOG, LandmarkRegressor, Landmarks, load_landmark_regressor
from fer_ensemble.models import KerasClassifier, MemberPipeline
from fer_ensemble.pixels import check_faces

FACES, LABELS, _ = make_faces(42, random_state=3)
QUICK = {"network_params": {"units": (8,)}, "epochs": 1, "validation_fraction": None}


def dense():
    return KerasClassifier("dense", random_state=0, **QUICK)


@pytest.fixture(scope="module")
def takers():
    """Whatever takes faces, fitted, and the method that takes them."""
    hog = HOG(pixels_per_cell=(12, 12))
    network = dense().fit(FACES, LABELS)
    light = make_pipeline(hog, LogisticRegression(max_iter=50))
    members = [("light", light), ("network", FrozenEstimator(network))]
    held_out = make_faces(42, random_state=4)
    voting = VotingEnsemble(members, rule="average", validation_fraction=None).fit(FACES, LABELS)
    stacking = StackingEnsemble([("light", light)], n_splits=2).fit(FACES, LABELS)
    loaded = load_pretrained("fast")
    return {
        "HOG": hog.fit(FACES).transform,
        "Landmarks": Landmarks(output="points").fit(FACES).transform,
        "LandmarkRegressor": load_landmark_regressor().predict,
        "KerasClassifier": network.predict_proba,
        "OnnxClassifier": dict(loaded.members_)["fast_cnn"].predict_proba,
        "MemberPipeline": MemberPipeline([("hog", hog), ("network", dense())], mirror=True)
        .fit(FACES, LABELS, validation_data=held_out[:2])
        .predict_proba,
        "VotingEnsemble": voting.predict_proba,
        "StackingEnsemble": stacking.predict_proba,
        "load_pretrained": loaded.predict_proba,
        "ExportedEnsemble": ExportedEnsemble(resolve_model("fast")).predict_proba,
    }


TAKERS = (
    "HOG",
    "Landmarks",
    "LandmarkRegressor",
    "KerasClassifier",
    "OnnxClassifier",
    "MemberPipeline",
    "VotingEnsemble",
    "StackingEnsemble",
    "load_pretrained",
    "ExportedEnsemble",
)
NOT_FINITE = FACES.astype(float)
NOT_FINITE[5, 3, 3] = np.nan
ONE_SCALED = FACES.astype(float)
ONE_SCALED[7] /= 255
REFUSED = {
    "scaled": (FACES / 255, r"float64 of shape \(42, 48, 48\); face 0 goes .*multiply by 255"),
    "scaled, in half precision": ((FACES / 255).astype(np.float16), "float16.*multiply by 255"),
    "one of them scaled": (ONE_SCALED, "face 7 goes from .*multiply by 255"),
    "scaled and cut off": ((FACES / 255).astype(int), "goes from 0 to 1: multiply by 255"),
    "black and white": (FACES > 99, "got bool .*multiply by 255"),
    "16 bits": (FACES.astype(np.uint16) * 257, r"uint16 of .*face 0 goes .*16-bit.*X / 257"),
    "signed": (FACES.astype(np.int16) - 128, "int16 of .*face 0 goes from -.*before they were"),
    "centred": (FACES / 127.5 - 1, "goes from -.*before they were centred"),
    "between pixels": (FACES * 0.9, "round them"),
    "not a number": (NOT_FINITE, "face 5 goes .*1 of its pixels are not finite"),
    "infinite": (np.where(FACES == 0, np.inf, FACES), "not finite"),
    "text": (FACES.astype(str), "give numbers in one array"),
    "one face": (FACES[0], r"uint8 of shape \(48, 48\): for a single face, give X\[np.newaxis\]"),
    "one face with a channel": (FACES[0, ..., None], r"shape \(48, 48, 1\): for a single face"),
    "colour": (np.repeat(FACES[..., None], 3, 3), r"\(42, 48, 48, 3\): make colours gray"),
    "channels first": (FACES[:, None], r"\(42, 1, 48, 48\): channels come last: np.moveaxis"),
    "rows of pixels": (FACES.reshape(42, -1), r"\(42, 2304\): rows of pixels .*reshape\(-1, 48, "),
}


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("case", REFUSED)
def test_what_are_no_pixels_is_refused_by_all_with_what_was_seen_and_what_to_do(
    takers, taker, case
):
    faces, message = REFUSED[case]
    with pytest.raises(ValueError, match=r"takes gray faces of shape \(n_samples, .*, and got.*"):
        takers[taker](faces)
    with pytest.raises(ValueError, match=message):
        takers[taker](faces)


@pytest.mark.parametrize("taker", TAKERS)
def test_no_face_at_all_is_refused_by_all(takers, taker):
    with pytest.raises(ValueError, match=r"give at least one face|minimum of 1 is required"):
        takers[taker](FACES[:0])


@pytest.mark.parametrize("taker", sorted(set(TAKERS) - {"HOG", "Landmarks", "LandmarkRegressor"}))
def test_faces_of_another_size_are_refused_by_all_classifiers(takers, taker):
    with pytest.raises(ValueError, match=r"\(42, 24, 24\): resize them to 48×48 first"):
        takers[taker](FACES[:, ::2, ::2])


@pytest.mark.parametrize("taker", TAKERS)
def test_whole_numbers_of_any_type_and_shape_are_the_same_faces_to_all(takers, taker):
    expected = takers[taker](FACES)
    for faces in (FACES.astype(float), FACES.astype(np.int16), FACES[..., None], list(FACES)):
        np.testing.assert_array_equal(takers[taker](faces), expected)


@pytest.mark.parametrize("taker", TAKERS)
def test_bytes_are_taken_as_they_are_however_dark(takers, taker):
    dark = FACES // 200
    assert dark.max() == 1
    assert np.isfinite(takers[taker](dark)).all()


@pytest.mark.parametrize("taker", TAKERS)
def test_an_answer_depends_on_the_faces_beside_it_by_rounding_at_most(takers, taker):
    together = takers[taker](FACES)
    alone = np.concatenate([takers[taker](FACES[i : i + 1]) for i in range(0, 42, 6)])
    np.testing.assert_allclose(alone, together[::6], rtol=0, atol=1e-6)
    shuffled = takers[taker](FACES[::-1])[::-1]
    np.testing.assert_allclose(shuffled, together, rtol=0, atol=1e-6)


def test_a_black_face_is_the_same_on_every_scale():
    black = np.zeros((1, 48, 48))
    assert check_faces(black, "A test").dtype == np.uint8


def test_a_face_is_taken_or_refused_whatever_stands_beside_it():
    mixed = np.concatenate([FACES[:1] / 255, FACES[1:3].astype(float)])
    for rows in ([0], [0, 1], [2, 0]):
        with pytest.raises(ValueError, match="multiply by 255"):
            check_faces(mixed[rows], "A test")


@pytest.mark.parametrize(
    "estimator",
    [
        HOG(),
        Landmarks(),
        dense(),
        MemberPipeline([("hog", HOG()), ("network", dense())]),
        VotingEnsemble([("network", dense())], rule="average", validation_fraction=None),
        StackingEnsemble([("network", dense())], n_splits=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_scaled_faces_are_refused_by_every_fit(estimator):
    with pytest.raises(ValueError, match="multiply by 255"):
        estimator.fit(FACES / 255, LABELS)
    if hasattr(estimator, "predict"):
        with pytest.raises(ValueError, match="multiply by 255"):
            estimator.fit(FACES, LABELS, validation_data=(FACES / 255 / 2, LABELS))


def test_points_are_not_learned_on_scaled_faces():
    with pytest.raises(ValueError, match="multiply by 255"):
        LandmarkRegressor().fit(FACES / 255, np.zeros((42, 68, 2)))


def test_faces_of_several_sizes_are_named():
    with pytest.raises(ValueError, match=r"faces of shapes \(40, 48\), \(48, 48\): resize"):
        check_faces([FACES[0], FACES[0][:40]], "A test")


def test_a_network_may_be_of_colours_and_then_refuses_gray_faces():
    colors = np.repeat(FACES[..., None], 3, 3)
    network = dense().fit(colors, LABELS)
    assert network.predict_proba(colors).shape == (42, 7)
    with pytest.raises(ValueError, match=r"takes faces of shape \(n_samples, 48, 48, 3\)"):
        network.predict_proba(FACES)
