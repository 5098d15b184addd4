"""Members are selected for every sample by how they did on held-out samples like it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from fer_ensemble.artifact import ArtifactError, ExportedEnsemble, load_ensemble, save_ensemble
from fer_ensemble.artifact.compact import compact_ensemble
from fer_ensemble.ensemble import (
    DYNAMIC_RULES,
    RULES,
    Competence,
    DynamicEnsemble,
    StackingEnsemble,
    VotingEnsemble,
    answer_held_out,
    score_ensemble,
    to_dynamic,
    to_stacking,
    to_voting,
)
from fer_ensemble.ensemble.competence import (
    combine_selected,
    describe_competence,
    find_neighbors,
    select_knora_e,
    select_knora_u,
    select_meta_des,
)
from fer_ensemble.ensemble.dynamic import learn_coefficients
from fer_ensemble.exporting import convert_ensemble
from tests.artifact.stand_ins import change_manifest

RECORDED = Path(__file__).parents[1] / "recorded" / "deslib.npz"
MEMBERS = [
    ("bayes", GaussianNB()),
    ("tree", DecisionTreeClassifier(max_depth=1, random_state=0)),
    ("linear", LogisticRegression(C=0.01, max_iter=1000)),
]


@pytest.fixture(scope="module")
def deslib():
    with np.load(RECORDED) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def asked(deslib):
    """Our own region of competence, of the samples that DESlib was given."""
    region = Competence(
        deslib["probabilities"],
        deslib["labels"],
        int(deslib["n_neighbors"]),
        features=deslib["X"],
    )
    return replace(region, coefficients=learn_coefficients(region))


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X[:, :2], np.array(["a", "b", "c"])[y]


@pytest.fixture(scope="module")
def fitted(iris):
    return DynamicEnsemble(MEMBERS, validation_fraction=0.4, random_state=0).fit(*iris)


def test_neighbours_are_the_nearest_and_equally_near_ones_stand_as_they_stood():
    reference = np.array([[0.0], [3.0], [1.0], [1.0], [-1.0]])
    assert find_neighbors(reference, np.array([[0.1], [2.9]]), 4).tolist() == [
        [0, 2, 3, 4],
        [1, 2, 3, 0],
    ]
    assert find_neighbors(reference, reference, 2, are_same=True)[[0, 2]].tolist() == [
        [2, 3],
        [3, 0],
    ]


def test_knora_e_shrinks_the_neighbourhood_until_a_member_knows_it_all():
    # Neighbours from the nearest on, in rows; members in columns.
    all_three = [[1, 1, 0], [1, 0, 1], [1, 1, 1]]
    first_two = [[1, 1, 0], [1, 1, 1], [0, 0, 1]]
    nobody = [[0, 0, 0], [1, 1, 1], [1, 0, 1]]
    selected = select_knora_e(np.array([all_three, first_two, nobody], dtype=bool))
    assert selected.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


def test_knora_u_gives_a_vote_for_each_neighbour_and_one_each_where_all_err():
    right = np.array([[[1, 0], [1, 1], [1, 0]], [[0, 0], [0, 0], [0, 0]]], dtype=bool)
    assert select_knora_u(right).tolist() == [[3, 1], [1, 1]]


def test_meta_des_selects_members_that_are_likely_right():
    right = np.array([[[True, False], [True, True]]])
    likelihood = np.array([[[0.9, 0.3], [0.6, 0.5]]])
    described = describe_competence(right, likelihood, right[:, :1], np.array([[0.8, 0.4]]))
    assert described[0].tolist() == [
        [1, 1, 0.9, 0.6, 1, 1, 0.8],
        [0, 1, 0.3, 0.5, 0.5, 0, 0.4],
    ]
    confidence_alone = np.array([0, 0, 0, 0, 0, 0, 1.0, -0.5])
    assert select_meta_des(described, confidence_alone).tolist() == [[1, 0]]
    assert select_meta_des(described, confidence_alone - np.eye(8)[7]).tolist() == [[1, 1]]


def test_selected_members_are_averaged_or_vote():
    said = np.array([[[0.6, 0.4, 0.0], [0.0, 0.9, 0.1], [0.5, 0.0, 0.5]]])
    shares = np.array([[2.0, 1.0, 0.0]])
    soft = combine_selected(said, shares)
    assert soft[0] == pytest.approx([0.4, 1.7 / 3, 0.1 / 3])
    assert combine_selected(said, shares, "hard")[0] == pytest.approx([2 / 3, 1 / 3, 0])


def test_regions_and_descriptions_are_those_of_deslib(deslib, asked):
    neighbors = find_neighbors(deslib["X"], deslib["queries"], 5)
    np.testing.assert_array_equal(neighbors, deslib["neighbors"])
    described = asked._describe(deslib["said"], neighbors)
    np.testing.assert_array_equal(described.reshape(300, -1), deslib["described"])
    log_odds = described @ asked.coefficients[:-1] + asked.coefficients[-1]
    competences = 1 / (1 + np.exp(-log_odds))
    # Solvers of two releases of scikit-learn stop a little apart.
    np.testing.assert_allclose(competences, deslib["competences"], atol=2e-3)


@pytest.mark.parametrize("voting", ["hard", "soft"])
@pytest.mark.parametrize("rule", DYNAMIC_RULES)
def test_answers_are_those_of_deslib(deslib, asked, rule, voting):
    said, theirs = deslib["said"], deslib[f"{rule}_{voting}"]
    ours = replace(asked, voting=voting).combine(said, rule, deslib["queries"])
    favourites = said.argmax(axis=2)
    disagree = (favourites != favourites[:, :1]).any(axis=1)
    assert 40 < disagree.sum() < 60
    if (rule, voting) == ("knora_u", "soft"):  # theirs went through a softmax
        np.testing.assert_array_equal(ours.argmax(axis=1), theirs.argmax(axis=1))
    else:
        np.testing.assert_allclose(ours[disagree], theirs[disagree], atol=1e-8)
    untied = np.diff(np.sort(theirs, axis=1)[:, -2:])[:, 0] > 1e-8
    assert untied.sum() > 50
    np.testing.assert_array_equal(ours.argmax(axis=1)[untied], theirs.argmax(axis=1)[untied])


def test_a_member_is_asked_where_it_was_right():
    # Each member knows one of two classes, and is sure of its own class everywhere.
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(-5, 1, (60, 1)), rng.normal(5, 1, (60, 1))])
    region = Competence(
        np.tile([[[0.9, 0.1], [0.1, 0.9]]], (120, 1, 1)),
        np.repeat([0, 1], 60),
        features=X,
    )
    region = replace(region, coefficients=learn_coefficients(region))
    said = np.tile([[[0.9, 0.1], [0.1, 0.9]]], (2, 1, 1))
    for rule in DYNAMIC_RULES:
        chosen = region.combine(said, rule, np.array([[-4.0], [4.0]])).argmax(axis=1)
        assert chosen.tolist() == [0, 1], rule


def test_a_held_out_sample_is_no_neighbour_of_its_own(fitted):
    held_out = fitted.held_out
    copied = held_out.probabilities.copy()
    by_others = fitted.combine(held_out.probabilities, "knora_e")
    with_itself = fitted.combine(copied, "knora_e")
    accuracy = [
        (fitted.classes_[p.argmax(axis=1)] == held_out.labels).mean()
        for p in (by_others, with_itself)
    ]
    assert accuracy[0] < accuracy[1]
    scores = score_ensemble(fitted, *held_out[:2])
    assert scores.rules["knora_e"].accuracy == pytest.approx(accuracy[0])
    assert list(scores.rules) == [*RULES, *DYNAMIC_RULES]


def test_every_rule_is_asked_of_one_fit(fitted, iris):
    X, _ = iris
    probabilities = fitted.predict_member_proba(X)
    try:
        for rule in fitted.rule_names:
            expected = fitted.combine(probabilities, rule)
            fitted.set_params(rule=rule)
            np.testing.assert_array_equal(fitted.predict_proba(X), expected)
            np.testing.assert_allclose(expected.sum(axis=1), 1)
        before = fitted.combine(probabilities, "meta_des")
        fitted.set_params(n_neighbors=15, voting="soft")
        assert len(fitted.coefficients_) == 2 * 15 + 5 + 3
        assert np.abs(fitted.combine(probabilities, "meta_des") - before).max() > 1e-3
    finally:
        fitted.set_params(rule="knora_u", n_neighbors=7)


def test_neighbours_among_features_are_found_by_the_samples(iris, tmp_path):
    X, y = iris
    ensemble = DynamicEnsemble(
        MEMBERS, rule="knora_e", features=PCA(1), validation_fraction=0.4, random_state=0
    ).fit(X, y)
    held = ensemble.validation_indices_
    projection = PCA(1).fit(X[held])
    region = Competence(
        ensemble.validation_probabilities_,
        np.searchsorted(ensemble.classes_, y[held]),
        features=projection.transform(X[held]),
    )
    said = ensemble.predict_member_proba(X)
    expected = region.combine(said, "knora_e", projection.transform(X))
    np.testing.assert_allclose(ensemble.predict_proba(X), expected)
    assert ensemble.rule_names == list(RULES)
    with pytest.raises(ValueError, match="features need the samples"):
        ensemble.combine(said)
    with pytest.raises(TypeError, match="neighbours among features cannot be saved"):
        save_ensemble(ensemble, tmp_path)
    with pytest.raises(NotFittedError, match="only a fit heeds them"):
        ensemble.set_params(features__n_components=2).predict(X)
    assert ensemble.fit(X, y).validation_features_.shape == (len(held), 2)


def test_fitted_members_are_combined_by_selection_without_a_fit(fitted, iris):
    X, _ = iris
    voting = VotingEnsemble(MEMBERS, validation_fraction=0.4, random_state=0)
    voting.fit(*iris)
    np.testing.assert_array_equal(
        to_dynamic(voting, rule="meta_des").predict_proba(X),
        fitted.combine(fitted.predict_member_proba(X), "meta_des"),
    )
    assert to_dynamic(voting).get_params(deep=False)["validation_fraction"] == 0.4
    assert to_dynamic(to_stacking(fitted), rule="knora_e").rule == "knora_e"
    back = to_voting(fitted, rule="weighted")
    assert isinstance(back, VotingEnsemble)
    assert not isinstance(back, DynamicEnsemble)
    np.testing.assert_array_equal(back.weights_, fitted.weights_)
    with pytest.raises(ValueError, match="features need the held-out samples"):
        to_dynamic(voting, features=PCA(1))


def test_is_saved_made_small_and_exported(fitted, iris, tmp_path):
    X, _ = iris
    ensemble = to_dynamic(fitted, rule="meta_des", n_neighbors=9, voting="hard")
    expected = ensemble.predict_proba(X)
    again = load_ensemble(save_ensemble(compact_ensemble(ensemble), tmp_path / "model"))
    assert (again.rule, again.n_neighbors, again.voting) == ("meta_des", 9, "hard")
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    path = save_ensemble(convert_ensemble(again), tmp_path / "exported")
    said = ExportedEnsemble(path).predict_proba(X.astype(np.float32))
    np.testing.assert_allclose(said, expected, atol=1e-5)
    # Damage is told when it is opened, not at the first prediction.
    change_manifest(path, lambda content: content["ensemble"].update(n_neighbors=3))
    for opened in (load_ensemble, ExportedEnsemble):
        with pytest.raises(ArtifactError, match=r"damaged .META-DES has 14 coefficients"):
            opened(path)


def test_an_artifact_without_its_held_out_samples_is_refused(fitted, tmp_path):
    small = to_dynamic(fitted, rule="knora_e")
    small.validation_probabilities_ = None
    with pytest.raises(ArtifactError, match="Members are selected by held-out samples"):
        load_ensemble(save_ensemble(small, tmp_path))


def test_held_out_answers_are_given_without_themselves(fitted):
    answers = answer_held_out(to_dynamic(fitted, rule="knora_u"))
    assert answers.probabilities.shape == (len(answers.labels), 3)
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"rule": "knora"}, "There is no rule 'knora'; choose one of .*borda, knora_e"),
        ({"n_neighbors": 0}, "n_neighbors must be a whole number from 1 on"),
        ({"voting": "loud"}, "voting must be 'soft' or 'hard'"),
        ({"validation_fraction": None}, "selects members by held-out samples: give"),
    ],
)
def test_parameters_are_checked_before_any_fit(iris, params, message):
    with pytest.raises(ValueError, match=message):
        DynamicEnsemble(MEMBERS, **params).fit(*iris)


def test_coefficients_of_other_neighbours_are_refused(asked):
    with pytest.raises(ValueError, match="META-DES has 16 coefficients for 4 neighbours"):
        replace(asked, n_neighbors=4)
    with pytest.raises(ValueError, match="There are 2 members and 3 classes, but 5 and 3"):
        asked.combine(asked.probabilities[:, :2], "knora_e")


def test_stackings_know_no_selection():
    assert not set(StackingEnsemble(MEMBERS).rule_names) & set(DYNAMIC_RULES)
