"""The landmark regressor: it learns, keeps its word on sizes and mirrors, and names wrong input."""

import pickle
from itertools import pairwise

import cv2
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from fer_ensemble.features import (
    LandmarkRegressor,
    landmark_weights,
    load_landmark_regressor,
    mirror_points,
    point_errors,
    save_landmark_regressor,
)
from fer_ensemble.features.cascade import describe, prepare, run_layers
from fer_ensemble.features.points import draw_similarity

QUICK = {"hidden_layer_sizes": (16,), "batch_size": 20, "random_state": 0}


@pytest.fixture(scope="module")
def shipped():
    return load_landmark_regressor()


@pytest.fixture(scope="module")
def labelled(faces, shipped):
    """Synthetic faces, with what the shipped regressor finds as their true points."""
    images = faces[0]
    return images, shipped.predict(images).astype(np.float64)


@pytest.fixture(scope="module")
def fitted(labelled):
    images, points = labelled
    points = points.copy()
    points[3, 40, 1] = np.nan
    return LandmarkRegressor(epochs=20, **QUICK).fit(images[:100], points[:100])


def test_learns_and_leaves_out_faces_without_points(fitted, labelled):
    images, points = (part[100:] for part in labelled)
    mean = np.repeat(labelled[1][:100].mean(axis=0)[None], len(images), axis=0)
    assert point_errors(fitted.predict(images), points).mean() < point_errors(mean, points).mean()
    assert fitted.score(images, points) == pytest.approx(
        -point_errors(fitted.predict(images), points).mean()
    )
    assert fitted.n_left_out_ == 1


def test_second_stage_finds_turned_faces_more_alike(shipped, faces):
    images = faces[0][:40]
    change = draw_similarity(
        40, 48, rotation=25, zoom=0.1, shift=2, random=np.random.RandomState(0)
    )
    turned = change.warp(images, 48)
    first = LandmarkRegressor((112, 112), n_stages=1)
    first.shape_, first.stages_ = shipped.shape_, shipped.stages_[:1]
    one, two = (
        point_errors(regressor.predict(turned), change.apply(regressor.predict(images))).mean()
        for regressor in (first, shipped)
    )
    assert two < 0.8 * one


def test_same_seed_gives_the_same_stages(labelled):
    images, points = (part[:30] for part in labelled)
    first, again, other = (
        LandmarkRegressor(epochs=1, **QUICK | {"random_state": seed}).fit(images, points)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.predict(images), again.predict(images))
    assert not np.array_equal(first.predict(images), other.predict(images))


def test_mirrored_face_has_the_mirrored_points(shipped, faces):
    images = faces[0][:20]
    mirrored = shipped.predict(images[:, :, ::-1])
    np.testing.assert_allclose(mirror_points(mirrored, 48), shipped.predict(images), atol=1e-3)


def test_points_are_in_pixels_of_the_faces_given(shipped, faces):
    images = faces[0][:10]
    twice = images.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(shipped.predict(twice), 2 * shipped.predict(images), atol=0.2)


def test_points_do_not_depend_on_the_batch(shipped, faces):
    images = faces[0]
    together = shipped.predict(images)
    alone = np.concatenate([shipped.predict(images[i : i + 1]) for i in (0, 63, 64, 139)])
    np.testing.assert_array_equal(together[[0, 63, 64, 139]], alone)
    np.testing.assert_array_equal(together[5:70], shipped.predict(images[5:70]))


def test_gradients_of_many_faces_are_those_of_each(faces):
    hog = cv2.HOGDescriptor(
        (48, 48), (24, 24), (12, 12), (6, 6), 12, 1, -1, 0, 0.2, False, 64, True
    )
    alone = [hog.compute(face) for face in faces[0][:20]]
    np.testing.assert_array_equal(describe(faces[0][:20]), alone)


def test_a_photographs_eyes_and_mouth_are_found(shipped):
    from skimage.data import astronaut

    photograph = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)
    points = shipped.predict(photograph[None, 65:185, 160:280])[0] + (160, 65)
    for part, place in {(36, 42): (203, 101), (42, 48): (246, 103), (48, 68): (223, 145)}.items():
        assert np.linalg.norm(points[slice(*part)].mean(axis=0) - place) < 5


def test_clones_and_pickles(fitted, faces):
    assert clone(fitted).get_params() == fitted.get_params()
    images = faces[0][:5]
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(images), fitted.predict(images))


def test_prints_an_epoch_a_line(labelled, capsys):
    images, points = (part[:20] for part in labelled)
    LandmarkRegressor(epochs=1, verbose=1, **QUICK).fit(images, points)
    assert "stage 2, epoch 1 of 1: mean error 0." in capsys.readouterr().out


def test_wrong_input_is_named(labelled):
    images, points = (part[:4] for part in labelled)
    regressor = LandmarkRegressor(epochs=1, **QUICK)
    with pytest.raises(NotFittedError):
        regressor.predict(images)
    with pytest.raises(ValueError, match=r"'n_stages' parameter of LandmarkRegressor must .*0"):
        LandmarkRegressor(n_stages=0).fit(images, points)
    with pytest.raises(ValueError, match="4 faces but points of 3"):
        regressor.fit(images, points[:3])
    with pytest.raises(ValueError, match="None of the 4 faces"):
        regressor.fit(images, np.full_like(points, np.nan))
    with pytest.raises(ValueError, match="whole numbers from 0 to 255, and got float64"):
        regressor.fit(images / 255, points)
    with pytest.raises(ValueError, match=r"got uint8 of shape \(4, 2304\).*reshape\(-1, 48, 48\)"):
        regressor.fit(images.reshape(4, -1), points)


def test_layers_are_rectified_but_for_the_last():
    layers = [
        (np.array([[1.0, -1.0]], np.float16), np.zeros(2, np.float32)),
        (np.array([[1.0], [1.0]], np.float16), np.array([-3.0], np.float32)),
    ]
    inputs = np.array([[2.0], [-1.0]], np.float32)
    assert run_layers(layers, inputs).tolist() == [[-1.0], [-2.0]]


@pytest.mark.parametrize("sizes", [(1864, 112, 136), (1000, 7), (3, 2)])
def test_small_products_add_up_to_the_large_one(sizes):
    random = np.random.default_rng(0)
    shapes = list(pairwise(sizes))
    layers = [(random.normal(size=shape).astype(np.float16), np.ones(shape[1])) for shape in shapes]
    inputs = random.normal(size=(9, sizes[0])).astype(np.float32)
    expected = inputs
    for weights, biases in layers:
        expected = np.maximum(expected, 0) if expected is not inputs else expected
        expected = expected @ weights.astype(np.float32) + biases
    outputs = run_layers(layers, inputs)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-2)
    np.testing.assert_array_equal(run_layers(prepare(layers), inputs), outputs)


def test_other_stages_are_not_taken_for_those_before(shipped, faces):
    regressor = LandmarkRegressor((112, 112))
    regressor.shape_, regressor.stages_ = shipped.shape_, shipped.stages_
    both = regressor.predict(faces[0][:3])
    regressor.stages_ = shipped.stages_[:1]
    assert not np.array_equal(regressor.predict(faces[0][:3]), both)


def test_shipped_weights_take_at_most_a_megabyte():
    assert landmark_weights.SHIPPED.stat().st_size <= 1_000_000


def test_read_is_what_was_written(faces, tmp_path):
    shipped = load_landmark_regressor()
    digest = save_landmark_regressor(shipped, tmp_path / "weights.npz")
    again = load_landmark_regressor(tmp_path / "weights.npz")
    images = faces[0][:5]
    np.testing.assert_array_equal(again.predict(images), shipped.predict(images))
    assert (again.hidden_layer_sizes, again.n_stages) == ((112, 112), 2)
    assert save_landmark_regressor(again, tmp_path / "again.npz") == digest


def test_damaged_shipped_weights_are_told(tmp_path, monkeypatch):
    content = bytearray(landmark_weights.SHIPPED.read_bytes())
    content[1000] ^= 1
    (tmp_path / "damaged.npz").write_bytes(content)
    monkeypatch.setattr(landmark_weights, "SHIPPED", tmp_path / "damaged.npz")
    with pytest.raises(ValueError, match=r"damaged\.npz: damaged\. Install fer-ensemble again"):
        load_landmark_regressor()


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, weights=np.zeros(3))
    with pytest.raises(ValueError, match=r"other.npz: not a file of landmark weights \(it has no"):
        load_landmark_regressor(path)
    np.savez(path, stage0_weights0=np.array([LandmarkRegressor()], object))
    with pytest.raises(ValueError, match=r"other.npz: not a file of landmark weights"):
        load_landmark_regressor(path)
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"other.npz: not a file of landmark weights"):
        load_landmark_regressor(path)
