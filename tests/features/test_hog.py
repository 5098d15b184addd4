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
from fer_ensemble.features.cascade import as_faces, to_side


def test_values_are_those_of_scikit_image(faces):
    images, _ = faces
    ours = HOG(9, (8, 8), (3, 3), block_norm="L1", transform_sqrt=True).fit_transform(images[:3])
    for vector, image in zip(ours, images[:3], strict=True):
        expected = hog(
            image,
            orientations=9,
            pixels_per_cell=(8, 8),
            cells_per_block=(3, 3),
            block_norm="L1",
            transform_sqrt=True,
        )
        np.testing.assert_allclose(vector, expected, rtol=1e-5, atol=1e-7)


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


def test_processes_give_the_same_as_one(faces, monkeypatch):
    monkeypatch.setattr(hog_module, "_MIN_FACES_PER_JOB", 10)
    images, _ = faces
    np.testing.assert_array_equal(
        HOG(n_jobs=2).fit_transform(images), HOG(n_jobs=1).fit_transform(images)
    )


def test_cached_features_are_computed_once(faces, tmp_path, monkeypatch):
    images, _ = faces
    first = HOG(memory=str(tmp_path)).fit_transform(images[:5])

    def never(*args: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(hog_module, "_extract_chunk", never)
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
    with pytest.raises(ValueError, match=r"grayscale faces of shape.*got an array of shape \(2, 9"):
        HOG().fit(np.zeros((2, 9)))
    with pytest.raises(ValueError, match="smaller than one block"):
        HOG().fit(np.zeros((2, 8, 8)))
    with pytest.raises(ValueError, match="24×24 px, but this HOG was fitted on 48×48"):
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


def test_wrong_input_is_named_small_faces():
    with pytest.raises(ValueError, match=r"got an array of shape \(2, 0, 48\)"):
        as_faces(np.zeros((2, 0, 48), np.uint8))
    with pytest.raises(ValueError, match="uint8, 0 to 255, got int64"):
        as_faces(np.zeros((2, 48, 48), np.int64))
