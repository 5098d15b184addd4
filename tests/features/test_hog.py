"""HOG: the values of scikit-image, as a scikit-learn transformer."""

import pickle

import numpy as np
import pytest
from joblib import Memory
from skimage.feature import hog
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from fer_ensemble.features import HOG
from fer_ensemble.features import hog as hog_module
from fer_ensemble.features.cascade import to_side

NOISE = np.random.default_rng(0).integers(0, 256, (4, 48, 48), dtype=np.uint8)


def agree_with_scikit_image(faces, **parameters):
    ours = HOG(**parameters).fit_transform(faces)
    parameters = HOG(**parameters).get_params()
    del parameters["n_jobs"], parameters["memory"]
    expected = np.stack([hog(face, **parameters) for face in faces])
    np.testing.assert_allclose(ours, expected, rtol=0, atol=3e-7)


@pytest.mark.parametrize("transform_sqrt", [False, True])
@pytest.mark.parametrize("block_norm", ["L1", "L1-sqrt", "L2", "L2-Hys"])
def test_values_are_those_of_scikit_image(faces, block_norm, transform_sqrt):
    for images in (faces[0][:4], NOISE):
        agree_with_scikit_image(images, block_norm=block_norm, transform_sqrt=transform_sqrt)


@pytest.mark.parametrize("orientations", [1, 5, 7, 9, 12, 36])
def test_directions_fall_into_the_bins_of_scikit_image(orientations):
    # Small whole gradients often lie on a border of two bins; those of 7 and 36 bins are rounded.
    few_values = NOISE // 64
    for images in (NOISE, few_values):
        agree_with_scikit_image(images, orientations=orientations)


@pytest.mark.parametrize(
    ("shape", "cell", "block"),
    [
        ((48, 48), (8, 8), (3, 3)),
        ((37, 45), (6, 6), (2, 2)),
        ((48, 31), (7, 5), (1, 3)),
        ((2, 1), (1, 1), (1, 1)),
    ],
)
def test_any_faces_cells_and_blocks_are_cut_as_by_scikit_image(shape, cell, block):
    images = NOISE[:, : shape[0], : shape[1]]
    agree_with_scikit_image(images, pixels_per_cell=cell, cells_per_block=block)


@pytest.mark.slow
def test_values_on_real_faces_are_those_of_scikit_image(fer2013):
    images = fer2013.select("public_test").images
    agree_with_scikit_image(images[::10])


def test_a_face_is_described_alike_in_any_company(faces):
    images, transformer = faces[0], HOG().fit(faces[0])
    together = transformer.transform(images)
    alone = np.concatenate([transformer.transform(images[i : i + 1]) for i in range(len(images))])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together[3:20:2], transformer.transform(images[3:20:2]))


def test_default_is_1568_values_in_single_precision(faces):
    features = HOG().fit_transform(faces[0][:2])
    assert features.shape == (2, 1568)
    assert features.dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "params"),
    [((48, 48), {}), ((48, 64), {"pixels_per_cell": (8, 8)}), ((20, 20), {"orientations": 5})],
)
def test_announced_length_is_the_real_one(shape, params):
    faces = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
    transformer = HOG(**params).fit(faces)
    assert transformer.transform(faces).shape == (2, transformer.n_features_out_)
    assert len(transformer.get_feature_names_out()) == transformer.n_features_out_


def test_threads_give_the_same_as_one(faces, monkeypatch):
    monkeypatch.setattr(hog_module, "_MIN_FACES_PER_JOB", 10)
    images, _ = faces
    np.testing.assert_array_equal(
        HOG(n_jobs=2).fit_transform(images), HOG(n_jobs=1).fit_transform(images)
    )


def test_cached_features_are_computed_once(faces, tmp_path, monkeypatch):
    images, _ = faces
    first = HOG(memory=str(tmp_path)).fit_transform(images[:5])

    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(hog_module, "oriented_gradients", never)
    # Another instance and another number of jobs share the cache.
    again = HOG(n_jobs=2, memory=Memory(str(tmp_path), verbose=0)).fit_transform(images[:5])
    np.testing.assert_array_equal(first, again)
    with pytest.raises(AssertionError, match="computed again"):
        HOG(orientations=9, memory=str(tmp_path)).fit_transform(images[:5])


def test_clones_pickles_and_is_searched(faces):
    images, labels = faces
    transformer = HOG(orientations=4, pixels_per_cell=(12, 12))
    assert clone(transformer).get_params() == transformer.get_params()
    fitted = pickle.loads(pickle.dumps(transformer.fit(images)))
    np.testing.assert_array_equal(fitted.transform(images), transformer.transform(images))
    search = GridSearchCV(
        make_pipeline(HOG(pixels_per_cell=(12, 12)), LogisticRegression(max_iter=200)),
        {"hog__orientations": [2, 8]},
        cv=2,
    ).fit(images, labels)
    assert search.best_params_["hog__orientations"] == 8


def test_wrong_input_is_named(faces):
    images, _ = faces
    with pytest.raises(NotFittedError):
        HOG().transform(images)
    with pytest.raises(ValueError, match=r"gray faces of shape.*got float64 of shape \(2, 9"):
        HOG().fit(np.zeros((2, 9)))
    with pytest.raises(ValueError, match="smaller than one block"):
        HOG().fit(np.zeros((2, 8, 8)))
    with pytest.raises(ValueError, match=r"block_norm='L3': choose 'L1', 'L1-sqrt', 'L2' or"):
        HOG(block_norm="L3").fit_transform(images)
    with pytest.raises(
        ValueError,
        match=r"n_samples, 48, 48\), .*uint8 of shape \(140, 24, 24\): resize",
    ):
        HOG().fit(images).transform(images[:, ::2, ::2])


def test_faces_of_the_size_stay_as_they_are(faces):
    squares, scale = to_side(faces[0], 48)
    assert squares is faces[0]
    assert scale.tolist() == [1, 1]


@pytest.mark.parametrize("size", [(24, 30), (100, 80)])
def test_others_are_resized_and_the_scale_is_told(size):
    ramp = np.linspace(0, 255, size[1]).astype(np.uint8)
    squares, scale = to_side(np.tile(ramp, (2, size[0], 1)), 48)
    assert squares.shape == (2, 48, 48)
    assert scale.tolist() == pytest.approx([size[1] / 48, size[0] / 48])
    assert np.abs(squares[0, 10] - np.linspace(0, 255, 48)).max() < 5
