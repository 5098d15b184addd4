"""Which random changes of training faces there are, by how much, and as which layers.

The layers themselves need Keras and stand in :mod:`fer_ensemble.models.layers`; what stands here is
imported without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

# What an augmentation may name, and the greatest amount of each. The order decides the seeds: a new
# name goes to the end. Beyond 80 degrees a shear leaves nothing of a face, at 90 it is infinite;
# two crops of half a side leave nothing of it.
AUGMENTATIONS: Mapping[str, float] = {
    "flip": 1,
    "rotation": 180,
    "translation": 1,
    "zoom": 1,
    "shear": 80,
    "crop": 0.5,
    "contrast": 1,
    "sharpness": 1,
    "noise": 1,
    "erasing": 1,
    "share": 1,
    "mixup": math.inf,
    "cutmix": 1,
}
#: What the published HOG + CNN ensemble does to faces, in balancing and in training.
AUGMENTATION = {"noise": 0.05, "flip": True, "contrast": 0.25, "sharpness": 0.5, "crop": 0.1}
# Changes that move pixels: one layer makes them all, since every resampling blurs.
_MOVES = ("rotation", "translation", "zoom", "shear", "crop")


def augmentation_layers(
    augmentation: Mapping[str, Any], random_state: int
) -> list[keras.layers.Layer]:
    """Build the layers of an augmentation, which change faces in training only.

    Every face gets draws of its own, uniform up to the given amounts; an amount of 0 is no
    change. Changes come in the order below, whatever the order of the keys.

    Parameters
    ----------
    augmentation : mapping
        Any of

        - ``flip`` (bool): mirror half of the faces.
        - ``rotation`` (degrees to either side), ``translation`` (share of the side, both ways),
          ``zoom`` (share of the side, in or out), ``shear`` (degrees to either side, of the
          vertical) and ``crop`` (share of the side, cut off at each of the four sides by a draw
          of its own before the rest is resized back): in one resampling, in which what a change
          uncovers repeats the nearest pixel.
        - ``contrast``: distances from mid-grey (127) are scaled by 1 - contrast … 1 + contrast.
        - ``sharpness``: greatest weight of the sharpened face in its blend with the face.
        - ``noise``: greatest standard deviation of Gaussian noise, as a share of 255.
        - ``erasing``: probability that a box of 2–20 % of the face is filled with noise.
        - ``share`` (default 1): probability that a face gets any of these changes at all.
        - ``mixup``: parameter of the Beta distribution by which a training step blends pairs of
          faces; ``cutmix``: probability that a step pastes a box of the other face instead. Both
          mix labels, too, and are for the training loop: no layers here.
    random_state : int
        Seed of the draws. Each change draws the same whatever the others are.

    Returns
    -------
    list of keras.layers.Layer
        Layers on float pixels 0–255 of shape ``(n_samples, height, width, channels)``.

    Raises
    ------
    ValueError
        If `augmentation` has a key that is none of the above or an amount out of range.

    Examples
    --------
    >>> from fer_ensemble.models.augmentation import augmentation_layers
    >>> chain = augmentation_layers({"flip": True, "rotation": 10, "zoom": 0.1}, random_state=0)
    >>> [layer.name for layer in chain]
    ['flip', 'affine']
    """
    _check_amounts(augmentation)
    from fer_ensemble.models import layers as changes

    # One seed for all would tie the changes together: each mirrored face turned the same way. Every
    # name has a seed, asked for or not, so that a change draws the same whatever the others are.
    drawn = np.random.default_rng(random_state).integers(2**31 - 1, size=len(AUGMENTATIONS))
    seeds = dict(zip(AUGMENTATIONS, drawn.tolist(), strict=True))
    amounts = {name: amount for name, amount in augmentation.items() if amount}
    chain: list[keras.layers.Layer] = []
    if "flip" in amounts:
        chain.append(changes.RandomFlip(0.5, seed=seeds["flip"], name="flip"))
    if moves := {name: amounts[name] for name in _MOVES if name in amounts}:
        chain.append(changes.RandomAffine(**moves, seed=seeds["rotation"], name="affine"))
    for name, change in {
        "contrast": changes.RandomContrast,
        "sharpness": changes.RandomSharpness,
        "noise": changes.RandomNoise,
        "erasing": changes.RandomErasing,
    }.items():
        if name in amounts:
            chain.append(change(amounts[name], seed=seeds[name], name=name))
    share = augmentation.get("share", 1)
    if chain and share < 1:
        return [changes.RandomlyApplied(chain, share, seed=seeds["share"], name="share")]
    return chain


def _check_amounts(augmentation: Mapping[str, Any]) -> None:
    """Raise an error if an augmentation has an unknown name or an amount out of range."""
    unknown = sorted(set(augmentation) - set(AUGMENTATIONS))
    if unknown:
        raise ValueError(f"Unknown augmentation {unknown}: choose among {sorted(AUGMENTATIONS)}.")
    for name, amount in augmentation.items():
        greatest = AUGMENTATIONS[name]
        if not 0 <= amount <= greatest:
            remedy = "at least 0" if greatest == math.inf else f"0 to {greatest}"
            raise ValueError(f"augmentation {name}={amount}: take {remedy}.")
