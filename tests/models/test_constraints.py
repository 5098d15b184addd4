"""Filters are centred and brought to one norm, each by itself."""

import numpy as np


def test_filters_have_zero_mean_and_the_norm_of_he():
    from fer_ensemble.models.constraints import CentredNorm

    kernel = np.random.default_rng(0).normal(1.0, 5.0, (3, 3, 4, 6)).astype("float32")
    kept = np.asarray(CentredNorm()(kernel))
    np.testing.assert_allclose(kept.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(np.sqrt((kept**2).sum(axis=(0, 1, 2))), 2**0.5, rtol=1e-5)
    centred = kernel - kernel.mean(axis=(0, 1, 2))
    ratio = kept / centred
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:1, :1, :1], ratio.shape), rtol=1e-3)
    np.testing.assert_allclose(CentredNorm()(kept), kept, atol=1e-6)


def test_a_constant_filter_is_no_division_by_zero():
    from fer_ensemble.models.constraints import CentredNorm

    assert np.isfinite(np.asarray(CentredNorm()(np.ones((3, 3, 1, 2), "float32")))).all()
