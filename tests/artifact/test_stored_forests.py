"""Classifiers of scikit-learn's in artifacts: the same answers, and no walk astray."""

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from fer_ensemble.artifact import ArtifactError
from fer_ensemble.artifact.member_files import dump_member, load_member
from tests.artifact.stand_ins import table

MEMBERS = [
    AdaBoostClassifier(n_estimators=3, random_state=0),
    CalibratedClassifierCV(DecisionTreeClassifier(random_state=0), cv=2),
    DecisionTreeClassifier(max_leaf_nodes=5, random_state=0),
    ExtraTreesClassifier(3, random_state=0),
    HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2),
    MLPClassifier((4,), max_iter=5, solver="sgd", random_state=0),
    RandomForestClassifier(3, random_state=0),
]


def names_of(member: Any) -> str:
    return type(member).__name__


def find_nodes(schema: Any) -> list[str]:
    """Find the files of the arrays of nodes."""
    if isinstance(schema, list):
        return [file for entry in schema for file in find_nodes(entry)]
    if not isinstance(schema, dict):
        return []
    own = schema.get("nodes")
    found = [own["file"]] if isinstance(own, dict) and "file" in own else []
    return found + [file for entry in schema.values() for file in find_nodes(entry)]


def change_nodes(content: bytes, change: Any) -> bytes:
    """Change the nodes of the first tree of a stored member."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stream, "w") as target:
        file = find_nodes(json.loads(source.read("schema.json")))[0]
        nodes = np.load(io.BytesIO(source.read(file)))
        change(nodes)
        for name in source.namelist():
            packed = source.read(name)
            if name == file:
                buffer = io.BytesIO()
                np.save(buffer, nodes)
                packed = buffer.getvalue()
            target.writestr(name, packed)
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("member", MEMBERS, ids=names_of)
def test_it_answers_as_before(member: Any, two: bool) -> None:
    X, y = table()
    member.fit(X, y == y[0] if two else y)
    again = load_member("x", dump_member("x", member))
    np.testing.assert_array_equal(again.predict_proba(X), member.predict_proba(X))
    assert (again.predict(X) == member.predict(X)).all()


def set_at(place: int, field: str, value: int) -> Any:
    def change(nodes: Any) -> None:
        nodes[field][place] = value

    return change


@pytest.mark.parametrize(
    ("member", "change", "message"),
    [
        (RandomForestClassifier(2, random_state=0), set_at(0, "left_child", 0), "child"),
        (RandomForestClassifier(2, random_state=0), set_at(0, "right_child", 10**6), "child"),
        (RandomForestClassifier(2, random_state=0), set_at(0, "feature", 10**6), "feature beyond"),
        (RandomForestClassifier(2, random_state=0), set_at(0, "feature", -2), "feature beyond"),
        (RandomForestClassifier(2, random_state=0), set_at(-1, "right_child", 1), "one child"),
        (HistGradientBoostingClassifier(max_iter=2), set_at(0, "left", 0), "child"),
        (HistGradientBoostingClassifier(max_iter=2), set_at(0, "right", 10**6), "child"),
        (HistGradientBoostingClassifier(max_iter=2), set_at(0, "feature_idx", 99), "features"),
        (HistGradientBoostingClassifier(max_iter=2), set_at(0, "is_categorical", 1), "categories"),
    ],
)
def test_a_walk_astray_is_refused(member: Any, change: Any, message: str) -> None:
    X, y = table()
    if isinstance(member, HistGradientBoostingClassifier):
        X, y = np.tile(X, (8, 1)), np.tile(y, 8)
    content = dump_member("x", member.fit(X, y))
    with pytest.raises(ArtifactError, match=message):
        load_member("x", change_nodes(content, change))


@pytest.mark.parametrize("kind", [RandomForestClassifier, HistGradientBoostingClassifier])
def test_nodes_of_any_bytes_answer_or_are_refused(kind: Any) -> None:
    X, y = (np.tile(part, (8, 1) if part.ndim == 2 else 8) for part in table())
    content = dump_member("x", kind(random_state=0, max_depth=3).fit(X, y))
    random = np.random.default_rng(0)
    refused = 0

    def change(nodes: Any) -> None:
        places = random.integers(0, nodes.nbytes, 3)
        nodes.view(np.uint8)[places] = random.integers(0, 256, 3)

    for _ in range(60):
        try:
            load_member("x", change_nodes(content, change)).predict_proba(X)
        except ArtifactError:
            refused += 1
    assert 0 < refused < 60


def test_a_forest_of_trees_of_other_features_is_refused() -> None:
    X, y = table()
    forest = RandomForestClassifier(2, random_state=0).fit(X, y)
    forest.estimators_[1] = DecisionTreeClassifier().fit(np.hstack([X, X]), y)
    with pytest.raises(ArtifactError, match="other features than the forest"):
        dump_member("x", forest)
