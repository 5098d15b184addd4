"""The named members and their recipes, one module for each publication that they come from."""

from fer_ensemble.models.members import (  # noqa: F401 - each registers its members
    baseline,
    eight_convolutions,
    hog_cnn,
    landmarks,
    modern,
    small_vgg,
    wide,
)
