"""Training faces are changed as asked for, each by draws of its own, and no other faces are."""

import math
from typing import Any

import numpy as np
import pytest

from fer_ensemble.models.augmentation import AUGMENTATIONS, augmentation_layers
from tests.models.stand_ins import CHANGES, small_cnn, train_augmented_step

SIDE = 24


def change(images: np.ndarray, seed: int = 0, **augmentation: Any) -> np.ndarray:
    """Change faces as a training step does."""
    for layer in augmentation_layers(augmentation, seed):
        images = layer(images, training=True)
    return np.asarray(images)


def noisy_faces(n_samples: int = 16, channels: int = 1, side: int = SIDE) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (n_samples, side, side, channels)).astype(np.float32)


def same_face(n_samples: int = 16) -> np.ndarray:
    return np.repeat(noisy_faces(1), n_samples, axis=0)


def test_every_change_is_tried_here() -> None:
    assert {*CHANGES, "share", "mixup", "cutmix"} == set(AUGMENTATIONS)


@pytest.mark.parametrize("name", CHANGES)
def test_faces_are_changed_only_in_training_and_stay_pixels(name: str) -> None:
    images = noisy_faces(channels=3)
    (layer,) = augmentation_layers({name: CHANGES[name]}, 0)
    np.testing.assert_array_equal(layer(images), images)
    np.testing.assert_array_equal(layer(images, training=False), images)
    changed = np.asarray(layer(images, training=True))
    assert changed.shape == images.shape
    assert changed.dtype == np.float32
    assert not np.array_equal(changed, images)
    assert changed.min() >= -1e-3
    assert changed.max() <= 255 + 1e-3


@pytest.mark.parametrize("name", CHANGES)
def test_each_face_and_each_batch_gets_draws_of_its_own(name: str) -> None:
    images = same_face()
    (layer,) = augmentation_layers({name: CHANGES[name]}, 0)
    changed = np.asarray(layer(images, training=True))
    assert len(np.unique(changed, axis=0)) == (2 if name == "flip" else len(images))
    assert not np.array_equal(changed, layer(images, training=True))


def test_the_seed_decides_the_draws() -> None:
    images = noisy_faces()
    every = {**CHANGES, "share": 0.7}
    np.testing.assert_array_equal(change(images, **every), change(images, **every))
    assert not np.array_equal(change(images, **every), change(images, seed=1, **every))


def test_share_spares_faces_the_whole_chain() -> None:
    images = 120 + noisy_faces(300) / 50
    chain = {"contrast": 0.5, "noise": 0.1, "share": 0.6}
    changed = change(images, **chain)
    spared = (changed == images).all(axis=(1, 2, 3))
    assert 0.3 < spared.mean() < 0.5
    every = change(images, **{**chain, "share": 1})
    np.testing.assert_array_equal(changed[~spared], every[~spared])
    np.testing.assert_array_equal(change(images, **{**chain, "share": 0}), images)


def test_nothing_to_change_is_no_layer() -> None:
    assert augmentation_layers({}, 0) == []
    nothing = {**dict.fromkeys(CHANGES, 0), "flip": False, "share": 0.5, "mixup": 0.2}
    assert augmentation_layers(nothing, 0) == []


def test_a_change_draws_the_same_whatever_the_others_are() -> None:
    images = 120 + noisy_faces() / 50
    flipped = change(images, flip=True)
    again = change(images, flip=True, noise=1e-9, contrast=1e-9)
    np.testing.assert_allclose(flipped, again, atol=1e-3)


def test_errors_name_the_key_and_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"Unknown augmentation \['twist'\].*'mixup'.*'zoom'"):
        augmentation_layers({"twist": 1, "flip": True}, 0)
    for name, greatest in AUGMENTATIONS.items():
        with pytest.raises(ValueError, match=rf"augmentation {name}=-0\.1: take "):
            augmentation_layers({name: -0.1}, 0)
        if greatest < math.inf:
            with pytest.raises(ValueError, match=rf"{name}=999: take 0 to {greatest}\."):
                augmentation_layers({name: 999}, 0)
    with pytest.raises(ValueError, match="share=nan"):
        augmentation_layers({"share": math.nan}, 0)


def test_a_training_step_compiles_as_a_whole() -> None:
    train_augmented_step()


MOVES = {"crop": 0.2, "shear": 20, "zoom": 0.2, "translation": 0.2, "rotation": 20}


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


def mixup(alpha=1.0, seed=0, cutmix=0.0):
    from fer_ensemble.models.mixing import Mix

    return Mix(alpha, cutmix, seed)


def test_nothing_is_mixed_outside_training():
    layer, faces = mixup(), noisy_faces(6, side=4)
    np.testing.assert_array_equal(layer(faces), faces)
    np.testing.assert_array_equal(layer(faces, training=False), faces)
    assert float(layer.share) == 1


@pytest.mark.parametrize("n_samples", [6, 7])
def test_each_face_is_mixed_with_the_one_opposite(n_samples):
    layer, faces = mixup(), noisy_faces(n_samples, side=4)
    mixed, share = np.asarray(layer(faces, training=True)), float(layer.share)
    assert 0.01 < share < 0.99
    np.testing.assert_allclose(mixed, share * faces + (1 - share) * faces[::-1], rtol=1e-4)


def test_alpha_decides_how_evenly_and_the_seed_what_is_drawn():
    def shares(alpha, seed=0):
        layer, faces = mixup(alpha, seed), noisy_faces(2, side=4)
        drawn = []
        for _ in range(100):
            layer(faces, training=True)
            drawn.append(float(layer.share))
        return np.array(drawn)

    by_alpha = {alpha: shares(alpha) for alpha in (0.2, 1.0, 8.0)}
    for alpha, drawn in by_alpha.items():
        # The variance of the Beta distribution of two equal parameters.
        deviation = np.sqrt(1 / (4 * (2 * alpha + 1)))
        assert abs(drawn.mean() - 0.5) < 4 * deviation / 10
        assert 0.75 * deviation < drawn.std() < 1.25 * deviation
    np.testing.assert_array_equal(shares(0.2), by_alpha[0.2])
    assert not np.array_equal(shares(0.2, seed=1), by_alpha[0.2])


@pytest.mark.parametrize("n_samples", [6, 7])
def test_cutmix_pastes_a_square_of_the_face_opposite(n_samples):
    layer, faces = mixup(0, cutmix=1), noisy_faces(n_samples, side=20)
    areas = []
    for _ in range(40):
        mixed, share = np.asarray(layer(faces, training=True)), float(layer.share)
        pasted = (mixed == faces[::-1]) & (mixed != faces)
        kept = mixed == faces
        assert (pasted | kept).all()
        # The same square in every face; the middle one of an odd number is its own opposite.
        box = pasted[0, ..., 0]
        height, width = box.any(axis=1).sum(), box.any(axis=0).sum()
        assert box.sum() == height * width
        assert abs(int(height) - int(width)) <= 1
        assert (pasted[1, ..., 0] == box).all()
        assert share == pytest.approx(1 - box.mean(), abs=1e-5)
        areas.append(1 - share)
    assert 0.02 < min(areas) < 0.12
    assert 0.3 < max(areas) < 0.45
    np.testing.assert_array_equal(layer(faces), faces)


def test_a_step_either_blends_or_pastes():
    layer, faces = mixup(1.0, cutmix=0.3), noisy_faces(2, side=8)
    pasted = []
    for _ in range(100):
        mixed = np.asarray(layer(faces, training=True))
        pasted.append(bool(((mixed == faces) | (mixed == faces[::-1])).all()))
    assert 15 < sum(pasted) < 45


@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 2, 6).astype("float32")])
def test_the_loss_is_the_mixture_of_both_labels(weight):
    import keras

    from fer_ensemble.models.mixing import TrainingModel

    keras.utils.set_random_seed(0)
    decay = keras.regularizers.L2(0.1)
    dense = keras.layers.Dense(3, activation="softmax", kernel_regularizer=decay)
    head = keras.Sequential([keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), dense])
    inputs = keras.Input((4, 4, 1))
    layer = mixup()
    model = TrainingModel(inputs, head(layer(inputs)))
    still = keras.optimizers.SGD(0.0)
    model.compile(still, "sparse_categorical_crossentropy", jit_compile=False)
    faces, targets = noisy_faces(6, side=4), np.array([0, 1, 2, 2, 0, 0])
    loss = model.train_on_batch(faces, targets, sample_weight=weight)
    share = float(layer.share)
    assert 0.01 < share < 0.99
    log = np.log(np.asarray(head(share * faces + (1 - share) * faces[::-1])))
    rows, w = np.arange(6), np.ones(6) if weight is None else weight
    own = -(w * log[rows, targets]).mean()
    opposite = -(w[::-1] * log[rows, targets[::-1]]).mean()
    penalty = 0.1 * np.square(np.asarray(dense.kernel)).sum()
    assert float(loss) == pytest.approx(share * own + (1 - share) * opposite + penalty, rel=1e-4)
    plain = -np.log(np.asarray(head(faces)))[rows, targets].mean() + penalty
    assert float(model.test_on_batch(faces, targets)) == pytest.approx(plain, rel=1e-4)


def test_networks_are_trained_on_mixtures_and_predict_without(faces) -> None:
    images, labels = faces[0][:64, ::6, ::6], faces[1][:64]

    def fit(augmentation):
        estimator = small_cnn(
            augmentation=augmentation, epochs=1, learning_rate=0.01, precision="float32"
        )
        return estimator.fit(images, labels).predict_proba(images)

    plain = fit(None)
    for mixing in ({"mixup": 0.2}, {"cutmix": 0.5}):
        assert np.abs(fit(mixing) - plain).max() > 1e-3
    np.testing.assert_array_equal(fit({"mixup": 0, "cutmix": 0}), plain)


def test_filters_have_zero_mean_and_the_norm_of_he():
    from fer_ensemble.models.layers import CentredNorm

    kernel = np.random.default_rng(0).normal(1.0, 5.0, (3, 3, 4, 6)).astype("float32")
    kept = np.asarray(CentredNorm()(kernel))
    np.testing.assert_allclose(kept.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(np.sqrt((kept**2).sum(axis=(0, 1, 2))), 2**0.5, rtol=1e-5)
    centred = kernel - kernel.mean(axis=(0, 1, 2))
    ratio = kept / centred
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:1, :1, :1], ratio.shape), rtol=1e-3)
    np.testing.assert_allclose(CentredNorm()(kept), kept, atol=1e-6)


def test_a_constant_filter_is_no_division_by_zero():
    from fer_ensemble.models.layers import CentredNorm

    assert np.isfinite(np.asarray(CentredNorm()(np.ones((3, 3, 1, 2), "float32")))).all()
