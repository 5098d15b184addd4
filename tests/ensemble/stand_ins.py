"""Members and samples that stand in for real ones."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from fer_ensemble.ensemble import VotingEnsemble

NAMES = np.array(["sad", "angry", "happy"])


class Spy(ClassifierMixin, BaseEstimator):
    """Always answers with the shares of the classes, and remembers what its fit was given."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Any:
        self.X_, self.y_ = X, y
        self.sample_weight_, self.validation_data_ = sample_weight, validation_data
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / counts.sum() if self.answer is None else np.asarray(self.answer)
        return self

    def predict_proba(self, X: Any) -> Any:
        return np.tile(self.shares_, (len(X), 1))

    def predict(self, X: Any) -> Any:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Recorder(LogisticRegression):
    """Remembers what its fit was given, and learns from it."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        self.X_, self.y_, self.sample_weight_ = X, y, sample_weight
        return super().fit(X, y, sample_weight=sample_weight)


class Reader(ClassifierMixin, BaseEstimator):
    """Reads its probabilities of three classes off the columns of the samples."""

    def __init__(self, place: int = 0, power: float = 1.0) -> None:
        self.place = place
        self.power = power

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> Any:
        powers = X[:, 3 * self.place : 3 * self.place + 3] ** self.power
        return powers / powers.sum(axis=1, keepdims=True)


class Noise(Spy):
    """Answers with chance alone."""

    def predict_proba(self, X: Any) -> Any:
        return np.random.default_rng(0).dirichlet(np.ones(len(self.classes_)), len(X))


class OwnPipeline(Pipeline):
    """A pipeline that takes sample_weight under its own name."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        return super().fit(X, y, **{f"{self.steps[-1][0]}__sample_weight": sample_weight})


class Untrainable(Spy):
    """Stands where no member may be fitted yet."""

    def fit(self, *args: Any, **keywords: Any) -> Any:
        raise AssertionError("fitted too early")


def make_table(n_samples: int = 300, seed: int = 0, class_sep: float = 0.8) -> tuple[Any, Any]:
    X, y = make_classification(
        n_samples,
        n_features=6,
        n_informative=4,
        n_classes=3,
        class_sep=class_sep,
        random_state=seed,
    )
    return X, NAMES[y]


def make_members() -> list[tuple[str, Any]]:
    return [
        ("lr", LogisticRegression()),
        ("nb", GaussianNB()),
        ("tree", DecisionTreeClassifier(max_depth=4, random_state=0)),
    ]


def make_opinions(n_samples: int, seed: int = 0) -> tuple[Any, Any]:
    """Return probabilities that are exactly right, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.7, 0.7, 0.7], n_samples)
    drawn = (probabilities.cumsum(axis=1) > rng.random((n_samples, 1))).argmax(axis=1)
    return probabilities, np.sort(NAMES)[drawn]


def make_predictions(
    classes: Any, skills: Any, n_samples: int, seed: int = 0, sharpness: Any = 1.0
) -> tuple[Any, Any]:
    """Draw labels, and what members predict that are right the more often the higher their skill.

    Above 1, `sharpness` makes members surer than they are right, and below 1 less sure.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(len(classes), size=n_samples)
    logits = rng.normal(size=(n_samples, len(skills), len(classes)))
    logits[np.arange(n_samples), :, truth] += skills
    probabilities = np.exp(logits * np.reshape(sharpness, (-1, 1)))
    return probabilities / probabilities.sum(axis=2, keepdims=True), np.asarray(classes)[truth]


def make_voting(members: Any, **parameters: Any) -> Any:
    return VotingEnsemble(members, **parameters)


def make_ensemble(**parameters: Any) -> Any:
    return make_voting(make_members(), random_state=0, **parameters)
