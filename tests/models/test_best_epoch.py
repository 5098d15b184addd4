"""Which epoch counts as the best."""

import numpy as np
import pytest

from fer_ensemble.models.best_epoch import BestEpoch


class Weights:
    """Stands in for a network: its weights are a number."""

    def __init__(self, number):
        self.number = number

    def get_weights(self):
        return [self.number]


@pytest.mark.parametrize(
    ("lowest", "values", "best", "wait"),
    [
        (True, [3, 1, 2], 1, 1),
        (False, [3, 1, 2], 0, 2),
        (True, [1, 1, 1], 0, 2),
        (True, [np.nan, 2, 3], 1, 1),
        (True, [2, np.nan, np.inf], 0, 2),
        (False, [np.nan, np.nan], 1, 0),
    ],
)
def test_the_first_of_the_best_epochs_is_kept(lowest, values, best, wait):
    epoch = BestEpoch(lowest=lowest)
    improved = [epoch.offer(value, Weights(i)) for i, value in enumerate(values)]
    assert epoch.weights == [best]
    assert epoch.wait == wait
    assert improved[0]
    assert improved[best]
