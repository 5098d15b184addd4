"""What `fit_ensemble` returns."""

from pathlib import Path

import numpy as np

from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.fitting import FittedEnsemble, TrainingSet


def test_a_fitted_ensemble_shows_itself_without_the_faces_it_was_fitted_on():
    training = TrainingSet(
        X=np.zeros((2, 48, 48), np.uint8),
        y=np.zeros(2, int),
        sample_weight=None,
        held_out=None,
        n_faces=2,
        class_counts={"angry": 2},
        n_voted=None,
        description="a folder",
        warning="",
        record={},
    )

    shown = repr(FittedEnsemble(VotingEnsemble([]), training, Path("model")))

    assert "VotingEnsemble" in shown
    assert "model" in shown
    assert "TrainingSet" not in shown
