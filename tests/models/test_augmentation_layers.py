"""Each change has the size that it was asked for."""

from typing import Any

import numpy as np
import pytest

from fer_ensemble.models.augmentation import augmentation_layers

MOVES = {"crop": 0.2, "shear": 20, "zoom": 0.2, "translation": 0.2, "rotation": 20}
SIDE = 24


def change(images: np.ndarray, seed: int = 0, **augmentation: Any) -> np.ndarray:
    """Change faces as a training step does."""
    for layer in augmentation_layers(augmentation, seed):
        images = layer(images, training=True)
    return np.asarray(images)


def noisy_faces(n_samples: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (n_samples, SIDE, SIDE, 1)).astype(np.float32)


def sources(n_samples: int = 64, width: int = SIDE, **augmentation: Any) -> tuple[np.ndarray, ...]:
    """Where each pixel is read from, in pixels right of and below the centre.

    Faces whose two channels hold the coordinates of the pixels show it, up to their edge.
    """
    rows, columns = np.mgrid[:SIDE, :width]
    ramps = np.stack([columns, rows], axis=-1).astype(np.float32)
    moved = change(np.repeat(ramps[None], n_samples, axis=0), **augmentation)
    return moved[..., 0] - (width - 1) / 2, moved[..., 1] - (SIDE - 1) / 2


def offsets(reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets of pixels from the centre, and which of them lie within a reach of it."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    return x, y, np.hypot(x, y) <= reach


def test_flip_mirrors_about_half_of_the_faces() -> None:
    images = np.repeat(noisy_faces(1), 200, axis=0)
    changed = change(images, flip=True)
    mirrored = (changed == images[:, :, ::-1]).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(changed[~mirrored], images[~mirrored])
    assert 0.4 < mirrored.mean() < 0.6


def test_rotation_keeps_distances_and_stays_within_its_degrees() -> None:
    x, y, near = offsets(SIDE / 2 - 1)
    moved_x, moved_y = sources(rotation=30)
    np.testing.assert_allclose(
        np.hypot(moved_x, moved_y)[:, near], np.tile(np.hypot(x, y)[near], (64, 1)), atol=1e-3
    )
    turns = np.angle((moved_x + 1j * moved_y) / (x + 1j * y), deg=True)[:, near]
    assert np.ptp(turns, axis=1).max() < 0.1
    assert -30 <= turns.min() < -20
    assert 20 < turns.max() <= 30


def test_translation_is_a_share_of_height_and_width() -> None:
    moved_x, moved_y = sources(translation=0.25, width=2 * SIDE)
    right, down = moved_x[:, SIDE // 2, SIDE] - 0.5, moved_y[:, SIDE // 2, SIDE] - 0.5
    for shifts, side in ((right, 2 * SIDE), (down, SIDE)):
        assert -0.25 * side <= shifts.min() < -0.2 * side
        assert 0.2 * side < shifts.max() <= 0.25 * side
    assert abs(np.corrcoef(right, down)[0, 1]) < 0.5


def test_zoom_scales_both_axes_alike() -> None:
    x, y, near = offsets(SIDE / 4)
    moved_x, moved_y = sources(zoom=0.5)
    scales = (moved_x / x)[:, near]
    np.testing.assert_allclose(scales, (moved_y / y)[:, near], atol=1e-4)
    assert np.ptp(scales, axis=1).max() < 1e-4
    assert 0.5 <= scales.min() < 0.6
    assert 1.4 < scales.max() <= 1.5


def test_shear_leans_vertical_lines_up_to_its_degrees() -> None:
    x, y, near = offsets(SIDE / 4)
    moved_x, moved_y = sources(shear=30)
    np.testing.assert_allclose(moved_y[:, near], np.tile(y[near], (64, 1)), atol=1e-4)
    leans = np.degrees(np.arctan((moved_x - x) / y))[:, near]
    assert np.ptp(leans, axis=1).max() < 0.01
    assert -30 <= leans.min() < -20
    assert 20 < leans.max() <= 30


def test_crop_cuts_each_side_by_its_own_draw_and_resizes_back() -> None:
    moved_x, moved_y = sources(crop=0.25)
    half = SIDE / 2
    for moved in (moved_x[:, 12], moved_y[:, :, 12]):
        step = moved[:, 13] - moved[:, 12]
        low = moved[:, 12] - step * half  # the left edge of the first pixel read
        cuts = np.stack([low - step / 2 + half, half - (low - step / 2 + step * SIDE)]) / SIDE
        assert -1e-4 <= cuts.min() < 0.05
        assert 0.2 < cuts.max() <= 0.25 + 1e-4
        assert abs(np.corrcoef(cuts)[0, 1]) < 0.5


def test_uncovered_pixels_repeat_the_edge() -> None:
    white = np.full((8, SIDE, SIDE, 1), 255, dtype=np.float32)
    np.testing.assert_allclose(change(white, **MOVES), 255, rtol=1e-6)


def test_all_moves_are_one_resampling() -> None:
    assert [layer.name for layer in augmentation_layers(MOVES, 0)] == ["affine"]
    x, y, near = offsets(3)
    moved_x, moved_y = (moved[:, near] for moved in sources(**MOVES))
    design = np.stack([x[near], y[near], np.ones(near.sum())], axis=1)
    for moved in (moved_x, moved_y):
        _, residuals, _, _ = np.linalg.lstsq(design, moved.T, rcond=None)
        assert residuals.max() < 1e-6


def test_mirrored_faces_turn_both_ways() -> None:
    moved_x, moved_y = sources(flip=True, rotation=20)
    across = moved_x[:, 12, 13] - moved_x[:, 12, 11]
    mirrored = across < 0
    turned = (moved_y[:, 12, 13] - moved_y[:, 12, 11]) > 0
    assert 0.2 < turned[mirrored].mean() < 0.8
    assert 0.2 < turned[~mirrored].mean() < 0.8


def test_contrast_scales_distances_from_mid_grey() -> None:
    images = 127 + (noisy_faces(64) - 127) / 3
    factors = (change(images, contrast=0.5) - 127) / (images - 127)
    factors = np.where(np.abs(images - 127) > 1, factors, np.nan)
    assert (np.nanmax(factors, axis=(1, 2, 3)) - np.nanmin(factors, axis=(1, 2, 3))).max() < 1e-3
    assert 0.5 - 1e-3 <= np.nanmin(factors) < 0.6
    assert 1.4 < np.nanmax(factors) <= 1.5 + 1e-3


def test_sharpness_sets_pixels_off_from_their_neighbours() -> None:
    images = 120 + noisy_faces(64) / 50
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
    boxes = sum(padded[:, i : i + SIDE, j : j + SIDE] for i in range(3) for j in range(3))
    effect = (9 * images - boxes).reshape(64, -1)
    added = (change(images, sharpness=0.8) - images).reshape(64, -1)
    weights = (added * effect).sum(axis=1) / np.square(effect).sum(axis=1)
    np.testing.assert_allclose(added, weights[:, None] * effect, atol=2e-3)
    assert 0 <= weights.min() < 0.1
    assert 0.7 < weights.max() <= 0.8


def test_noise_has_up_to_its_deviation() -> None:
    grey = np.full((64, SIDE, SIDE, 1), 127, dtype=np.float32)
    noise = change(grey, noise=0.1) - grey
    deviations = noise.std(axis=(1, 2, 3)) / 255
    assert deviations.min() < 0.01
    assert 0.09 < deviations.max() < 0.11
    assert abs(noise.mean()) < 1


@pytest.mark.parametrize("channels", [1, 3])
def test_erasing_fills_one_box_of_bounded_area_and_aspect(channels: int) -> None:
    black = np.zeros((200, SIDE, SIDE, channels), dtype=np.float32)
    changed = change(black, erasing=1)
    erased = (changed > 0).any(axis=-1)
    heights, widths = erased.any(axis=2).sum(axis=1), erased.any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(erased.sum(axis=(1, 2)), heights * widths)
    # Boxes have fractional sides, so that whole pixels are one more or fewer.
    assert ((heights + 1) * (widths + 1)).min() >= 0.02 * SIDE**2
    assert ((heights - 1) * (widths - 1)).max() <= 0.2 * SIDE**2
    assert 0.02 < erased.mean() < 0.2
    assert ((heights - 1) / (widths + 1)).max() <= 1 / 0.3
    assert ((widths - 1) / (heights + 1)).max() <= 1 / 0.3
    assert 0.35 < (heights > widths).mean() < 0.6
    assert 100 < changed[erased].mean() < 155
    assert erased[:, 0].any()
    assert erased[:, -1].any()


def test_erasing_is_a_probability() -> None:
    black = np.zeros((200, SIDE, SIDE, 1), dtype=np.float32)
    assert 0.2 < change(black, erasing=0.3).any(axis=(1, 2, 3)).mean() < 0.4
