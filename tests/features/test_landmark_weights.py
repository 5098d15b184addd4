"""Weights in files: the package's own is small and known, others are read or refused."""

import numpy as np
import pytest

from fer_ensemble.features import (
    LandmarkRegressor,
    landmark_weights,
    load_landmark_regressor,
    save_landmark_regressor,
)


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
