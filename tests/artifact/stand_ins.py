"""Small ensembles, and what damages them."""

import json

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from fer_ensemble.ensemble import StackingEnsemble, VotingEnsemble


def table():
    X = np.random.default_rng(0).normal(size=(60, 3))
    return X, np.where(X[:, 0] > 0, "up", "down")


def small_voting(**parameters):
    members = [("lr", LogisticRegression()), ("nb", GaussianNB())]
    return VotingEnsemble(members, validation_fraction=0.3, random_state=0, **parameters)


def small_stacking(**parameters):
    members = [("lr", LogisticRegression()), ("nb", GaussianNB())]
    return StackingEnsemble(members, n_splits=2, random_state=0, **parameters)


def change_manifest(directory, change):
    file = directory / "manifest.json"
    content = json.loads(file.read_text())
    # As in manifests of earlier releases, and in forged ones.
    content.pop("sha256", None)
    change(content)
    file.write_text(json.dumps(content))


class OwnClassifier(ClassifierMixin, BaseEstimator):
    """A user's classifier, which no artifact may hold."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))
