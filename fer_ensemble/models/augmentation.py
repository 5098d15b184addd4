"""Random changes of training faces, as Keras layers inside the compiled step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def augmentation_layers(
    augmentation: Mapping[str, Any], random_state: int
) -> list[keras.layers.Layer]:
    """Build the layers that an augmentation asks for; they are idle outside training.

    Parameters
    ----------
    augmentation : mapping
        Any of ``flip`` (bool: mirror half of the faces), ``rotation`` (degrees to either side),
        ``translation`` (share of the side, both ways) and ``zoom`` (share of the side).
        What a change uncovers repeats the nearest pixel.
    random_state : int
        Seed of the draws.

    Returns
    -------
    list of keras.layers.Layer
        Layers on ``(n_samples, height, width, channels)``.

    Raises
    ------
    ValueError
        If `augmentation` has a key that is none of the above.
    """
    from keras import layers

    # Mixed precision would round the coordinates that are sampled.
    shared = {"seed": random_state, "dtype": "float32"}
    moved = {**shared, "fill_mode": "nearest"}
    build = {
        "flip": lambda on: layers.RandomFlip("horizontal", **shared) if on else None,
        "rotation": lambda degrees: layers.RandomRotation(degrees / 360, **moved),
        "translation": lambda share: layers.RandomTranslation(share, share, **moved),
        "zoom": lambda share: layers.RandomZoom(share, **moved),
    }
    unknown = sorted(set(augmentation) - set(build))
    if unknown:
        raise ValueError(f"Unknown augmentation {unknown}: choose among {sorted(build)}.")
    made = [build[name](amount) for name, amount in augmentation.items()]
    return [layer for layer in made if layer is not None]
