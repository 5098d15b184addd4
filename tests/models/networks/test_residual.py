"""Residual networks: their depth, and the branches that faces skip in training."""

import numpy as np

from fer_ensemble.models.networks import resnet, se_resnet

STILL = {"filters": (4, 8), "blocks": (0, 1), "dropout": 0.0, "stage_dropout": 0.0}


def test_resnet_18_has_eighteen_layers_with_weights_on_its_way():
    network = resnet((48, 48, 1), 7, filters=(4, 6, 8, 10))
    kinds = [type(layer).__name__ for layer in network.layers]
    shortcuts = 3
    assert kinds.count("Conv2D") + kinds.count("Dense") - shortcuts == 18
    assert network.layers[-2].input.shape[1:3] == (2, 2)


def test_faces_skip_a_branch_as_a_whole_and_only_in_training():
    rng = np.random.default_rng(0)
    same = np.repeat(rng.uniform(0, 255, (1, 12, 12, 1)).astype("float32"), 64, axis=0)
    network = se_resnet((12, 12, 1), 3, **STILL, drop_path=0.5)
    outcomes, counts = np.unique(
        np.asarray(network(same, training=True)).round(5), axis=0, return_counts=True
    )
    assert len(outcomes) == 2
    assert counts.min() > 15
    assert len(np.unique(np.asarray(network(same)).round(5), axis=0)) == 1
    steady = se_resnet((12, 12, 1), 3, **STILL, drop_path=0.0)
    assert len(np.unique(np.asarray(steady(same, training=True)).round(5), axis=0)) == 1
