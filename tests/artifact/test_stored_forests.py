"""Members of scikit-learn come back with the same answers; forged trees reach no native code."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectFromModel, SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import ArtifactError
from fer_ensemble.artifact.member_files import dump_member, load_member
from fer_ensemble.artifact.stored_forests import (
    NODE,
    StoredPredictor,
    StoredTree,
    check_predictor,
    check_tree,
)
from fer_ensemble.ensemble import VotingEnsemble

_RNG = np.random.default_rng(0)
SAMPLES = _RNG.random((90, 6))
LABELS = np.arange(90) % 3
PAIR = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier())]


@pytest.mark.parametrize(
    "member",
    [
        DecisionTreeClassifier(random_state=0),
        RandomForestClassifier(3, random_state=0, class_weight="balanced"),
        ExtraTreesClassifier(3, random_state=0, max_leaf_nodes=9),
        BaggingClassifier(DecisionTreeClassifier(), 3, max_features=0.5, random_state=0),
        AdaBoostClassifier(n_estimators=3, random_state=0),
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2),
        MLPClassifier((4,), max_iter=300, tol=0.1, random_state=0),
        CalibratedClassifierCV(GaussianNB(), cv=3),
        CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=2), cv=2),
        StackingClassifier(PAIR, LogisticRegression(), cv=2),
        VotingClassifier(
            [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier())], voting="soft"
        ),
        make_pipeline(SelectKBest(k=2), GaussianNB()),
        make_pipeline(SelectFromModel(RandomForestClassifier(3)), KNeighborsClassifier()),
        KNeighborsClassifier(algorithm="ball_tree", p=1),
    ],
    ids=lambda member: type(member).__name__,
)
def test_members_of_scikit_learn_come_back_with_the_same_answers(
    member: Any, tmp_path: Path
) -> None:
    ensemble = VotingEnsemble([("member", member)], random_state=0).fit(SAMPLES, LABELS)
    again = load_ensemble(save_ensemble(ensemble, tmp_path / "saved"))
    np.testing.assert_array_equal(
        again.predict_proba(SAMPLES), ensemble.predict_proba(SAMPLES), strict=True
    )


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a few bytes of one file in a stored member; its checksums are right again."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stream, "w") as target:
        chosen = rng.choice(source.namelist())
        for name in source.namelist():
            packed = bytearray(source.read(name))
            if name == chosen:
                for place in rng.integers(len(packed), size=rng.integers(1, 4)):
                    packed[place] = rng.integers(256)
            target.writestr(name, bytes(packed))
    return stream.getvalue()


def test_mutants_of_forests_are_refused_or_answer_with_probabilities() -> None:
    forest = RandomForestClassifier(2, max_depth=4, random_state=0).fit(SAMPLES, LABELS)
    content, rng, refused = dump_member("forest", forest), np.random.default_rng(0), 0
    for _ in range(100):
        try:
            member = load_member("forest", mutate(content, rng))
        except ArtifactError:
            refused += 1
            continue
        try:
            assert np.isfinite(member.predict_proba(SAMPLES)).all()
        except (AttributeError, TypeError, ValueError):
            continue  # Python's own errors, of a parameter that was lost
    assert 30 < refused < 100


@pytest.mark.parametrize(
    ("field", "place", "value", "says"),
    [
        ("left_child", 0, 10**9, "out of range"),
        ("right_child", 0, -7, "out of range"),
        ("left_child", 0, 0, "out of range"),
        ("right_child", -1, 1, "leaf with a child"),
        ("feature", 0, 6, "feature"),
        ("feature", 0, -2, "feature"),
        ("threshold", 0, np.nan, "not finite"),
        ("missing_go_to_left", 0, 9, "feature"),
        ("n_node_samples", 0, -1, "fewer"),
    ],
)
def test_a_forged_node_is_refused(field: str, place: int, value: float, says: str) -> None:
    tree = DecisionTreeClassifier(random_state=0).fit(SAMPLES, LABELS).tree_
    _, arguments, state = tree.__reduce__()
    assert state["nodes"].dtype == NODE
    check_tree(StoredTree(arguments, state), 6, 3)
    state["nodes"] = state["nodes"].copy()
    state["nodes"][field][place] = value
    with pytest.raises(ValueError, match=says):
        check_tree(StoredTree(arguments, state), 6, 3)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("left", 0, "out of range"),
        ("right", 10**6, "out of range"),
        ("feature_idx", 6, "feature"),
        ("feature_idx", -1, "feature"),
        ("is_categorical", 1, "categories"),
    ],
)
def test_a_forged_node_of_a_gradient_boosting_is_refused(field: str, value: int, says: str) -> None:
    boosted = HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=2).fit(SAMPLES, LABELS)
    nodes = boosted._predictors[0][0].nodes.copy()
    check_predictor(StoredPredictor(nodes), 6)
    nodes[field][0] = value
    with pytest.raises(ValueError, match=says):
        check_predictor(StoredPredictor(nodes), 6)


@pytest.mark.parametrize("entry", ["max_depth", "node_count"])
def test_a_tree_that_tells_another_size_is_refused(entry: str) -> None:
    tree = DecisionTreeClassifier(random_state=0).fit(SAMPLES, LABELS).tree_
    _, arguments, state = tree.__reduce__()
    with pytest.raises(ValueError, match="number or depth"):
        check_tree(StoredTree(arguments, {**state, entry: state[entry] - 1}), 6, 3)


@pytest.mark.parametrize(
    "member",
    [
        CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=3),
        GradientBoostingClassifier(n_estimators=1),
    ],
    ids=lambda member: type(member).__name__,
)
def test_a_member_that_cannot_be_checked_is_named_with_the_remedy(member: Any) -> None:
    with pytest.raises(ArtifactError, match=r"(Gradient|Isotonic)\w+.*convert_ensemble"):
        dump_member("boosted", member.fit(SAMPLES, LABELS))
