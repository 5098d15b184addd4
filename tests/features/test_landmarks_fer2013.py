"""The shipped landmarks on real faces: what they tell of the expression."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_ensemble.datasets import load_faces
from fer_ensemble.features import Landmarks


@pytest.mark.slow
def test_a_linear_classifier_on_landmarks_knows_expressions(fer2013_path):
    faces = load_faces(fer2013_path)
    rng = np.random.default_rng(0)
    train, test = (
        part.take(rng.permutation(len(part))[:2500])
        for part in (faces.select("train"), faces.select("public_test"))
    )
    most_frequent = np.bincount(test.labels).max() / len(test)
    for output, gain in {"geometry": 0.15, "hog": 0.2}.items():
        classifier = make_pipeline(Landmarks(output), StandardScaler(), RidgeClassifier(1000))
        score = classifier.fit(train.images, train.labels).score(test.images, test.labels)
        assert score > most_frequent + gain
