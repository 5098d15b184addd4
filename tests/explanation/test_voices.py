"""Who spoke for a label: members under any rule, and traits of the shape."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import StandardScaler

from fer_ensemble.artifact import ExportedEnsemble, load_ensemble, resolve_model
from fer_ensemble.datasets import make_faces
from fer_ensemble.ensemble import RULES, combine
from fer_ensemble.explanation import member_voices, trait_voices
from fer_ensemble.features import HOG, Landmarks
from fer_ensemble.models import MemberPipeline


def log_odds(p):
    return np.log(p / (1 - p))


def by(rule, weights=None):
    return lambda probabilities: combine(probabilities, rule, weights)


def test_an_average_without_a_member_by_hand():
    said = np.array([[0.9, 0.1], [0.4, 0.6]])
    first, second = member_voices(said, ["a", "b"], by("average"), 0)
    # (0.9 + 0.4) / 2 = 0.65; a knows nothing: (0.5 + 0.4) / 2; b knows nothing: (0.9 + 0.5) / 2.
    assert (first.probability, first.without) == pytest.approx((0.9, 0.45))
    assert first.contribution == pytest.approx(log_odds(0.65) - log_odds(0.45))
    assert second.without == pytest.approx(0.7)
    assert second.contribution < 0


def test_of_a_geometric_mean_contributions_add_up_to_the_log_odds():
    said = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    voices = member_voices(said, "abc", by("geometric"), 0)
    total = log_odds(combine(said[None], "geometric")[0, 0])
    assert sum(voice.contribution for voice in voices) == pytest.approx(total)


@pytest.mark.parametrize("rule", RULES)
def test_a_member_that_knows_nothing_says_nothing_under_any_rule(rule):
    said = np.array([[0.8, 0.15, 0.05], [1 / 3, 1 / 3, 1 / 3]])
    _, silent = member_voices(said, ["a", "b"], by(rule, [0.7, 0.3]), 0)
    assert silent.contribution == pytest.approx(0, abs=1e-9)


@pytest.fixture(scope="module")
def faces():
    return make_faces(40, random_state=0)


def fitted(features, data, **parameters):
    steps = [("features", features), ("scaler", StandardScaler()), ("classifier", NearestMean())]
    return MemberPipeline(steps, **parameters).fit(data.images, data.labels)


class NearestMean(ClassifierMixin, BaseEstimator):
    """The likelier a class, the nearer its mean: quick to fit, and smooth."""

    def fit(self, X, y, sample_weight=None, validation_data=None):
        self.classes_ = np.unique(y)
        self.means_ = np.stack([X[y == label].mean(axis=0) for label in self.classes_])
        return self

    def predict_proba(self, X):
        near = np.exp(-((X[:, None] - self.means_) ** 2).mean(axis=2))
        return near / near.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_trait_says_what_the_member_says_of_a_face_whose_points_are_moved(faces, mirror):
    member = fitted(FeatureUnion([("hog", HOG()), ("points", Landmarks())]), faces, mirror=mirror)
    face = faces.images[0]
    said = member.predict_proba(face[None])
    voices = trait_voices(face, [member], said, member.classes_, by("average"), 0)
    assert len({voice.name for voice in voices}) == 12
    sizes = [abs(voice.contribution) for voice in voices]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0.01
    loud = voices[0]
    gap = log_odds(said[0, 0]) - log_odds(loud.without)
    assert loud.contribution == pytest.approx(gap, abs=1e-5)


def test_moving_no_point_changes_nothing(faces, monkeypatch):
    member = fitted(Landmarks(output=("geometry", "hog")), faces, mirror=True)
    face = faces.images[1]
    reader = member.steps[0][1]
    reader.shape_ = reader.find_points(face[None])[0]  # the mean face is this one
    reader.transform = lambda X, points=None, moved=None: Landmarks.transform(
        Landmarks(output=("geometry", "hog")).fit(face[None]), X, points, moved
    )
    said = member.predict_proba(face[None])
    voices = trait_voices(face, [member], said, member.classes_, by("average"), 2)
    assert max(abs(voice.contribution) for voice in voices) < 1e-4


def test_members_without_landmarks_have_no_traits(faces):
    member = fitted(HOG(), faces)
    said = member.predict_proba(faces.images[:1])
    assert trait_voices(faces.images[0], [member], said, member.classes_, by("average"), 0) == ()


@pytest.mark.slow
def test_an_export_and_what_is_loaded_of_it_with_scikit_learn_say_the_same(faces):
    folder = resolve_model(None)
    exported, loaded = ExportedEnsemble(folder), load_ensemble(folder)
    face = faces.images[2]
    told = []
    for model, members in ((exported, exported.exported_members), (loaded, loaded.members_)):
        names, parts = zip(*members, strict=True)
        [said] = model.predict_member_proba(face[None])
        assert member_voices(said, names, model.combine, 3)[0].name == "se_resnet_wide"
        told.append(trait_voices(face, parts, said, model.classes_, model.combine, 3))
        assert model.combine(said[None]) == pytest.approx(model.predict_proba(face[None]))
    here, there = ({voice.name: voice.contribution for voice in voices} for voices in told)
    assert here == pytest.approx(there, abs=1e-4)
    assert max(map(abs, here.values())) > 1e-3
