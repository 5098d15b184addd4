"""scikit-learn's own estimator checks, on tables, for every rule."""

from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

from fer_ensemble.ensemble import RULES, VotingEnsemble


def _ensemble(**parameters: Any) -> VotingEnsemble:
    return VotingEnsemble([("lr", LogisticRegression()), ("nb", GaussianNB())], **parameters)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        *(_ensemble(rule=rule) for rule in RULES),
        _ensemble(rule="average", validation_fraction=None),
        VotingEnsemble([("lr", LogisticRegression()), ("lr_2", LogisticRegression(C=0.1))]),
    ]
)
def test_scikit_learns_estimator_checks(estimator: Any, check: Any) -> None:
    check(estimator)
