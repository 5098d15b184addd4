"""An interrupted fit keeps what is done and goes on to the same ensemble."""

import joblib
import numpy as np
import pytest
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from fer_ensemble import load_ensemble
from fer_ensemble.artifact import ArtifactError, fit_resumable
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.models import KerasClassifier, create_member


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 6))
    return X, (X[:, 0] + rng.normal(size=90) > 0).astype(int)


def make_ensemble(**params):
    members = [("lr", LogisticRegression(C=params.pop("C", 1.0))), ("nb", GaussianNB())]
    return VotingEnsemble(members, random_state=0, **params)


def interrupt_at(name):
    """Return a callback that notes the stages, and interrupts as one member is begun."""
    stages = []

    def on_member(member, stage):
        stages.append((member, stage))
        if (member, stage) == (name, "fitting"):
            raise KeyboardInterrupt

    return stages, on_member


def test_uninterrupted_fit_is_an_ordinary_one(table, tmp_path):
    X, y = table
    expected = make_ensemble().fit(X, y)
    fitted = fit_resumable(make_ensemble(), X, y, tmp_path / "model")
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))
    np.testing.assert_array_equal(load_ensemble(tmp_path / "model").weights_, expected.weights_)
    assert isinstance(fitted.members_[0][1], LogisticRegression)
    assert isinstance(fitted.members[0][1], LogisticRegression)
    assert not (tmp_path / "model" / "unfinished").exists()


def test_resume_takes_over_what_is_done(table, tmp_path):
    X, y = table
    path = tmp_path / "model"
    stages, on_member = interrupt_at("nb")
    with pytest.raises(KeyboardInterrupt):
        fit_resumable(make_ensemble(), X, y, path, on_member=on_member)
    assert stages == [("lr", "fitting"), ("lr", "fitted"), ("nb", "fitting")]
    kept = sorted(file.name for file in path.rglob("*") if file.is_file())
    assert kept == ["lr.json", "lr.skops"]
    with pytest.raises(ArtifactError, match="holds no saved ensemble"):
        load_ensemble(path)
    with pytest.raises(ArtifactError, match=r"--resume continues it"):
        fit_resumable(make_ensemble(), X, y, path)
    stages, on_member = interrupt_at(None)
    resumed = fit_resumable(make_ensemble(), X, y, path, resume=True, on_member=on_member)
    assert stages == [("lr", "kept"), ("nb", "fitting"), ("nb", "fitted")]
    expected = make_ensemble().fit(X, y)
    np.testing.assert_array_equal(resumed.predict_proba(X), expected.predict_proba(X))
    assert set(load_ensemble(path).fit_times_) == {"lr", "nb"}


def test_members_that_are_fitted_side_by_side_are_kept_as_they_come(table, tmp_path, monkeypatch):
    X, y = table
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    stages, on_member = interrupt_at(None)

    def interrupt(member, stage):
        on_member(member, stage)
        if stage == "fitted":
            raise KeyboardInterrupt

    with joblib.parallel_config("threading", n_jobs=2):
        with pytest.raises(KeyboardInterrupt):
            fit_resumable(make_ensemble(), X, y, tmp_path / "model", on_member=interrupt)
        assert stages[:2] == [("lr", "fitting"), ("nb", "fitting")]
        [(kept, _)] = stages[2:]
        stages.clear()
        path = tmp_path / "model"
        resumed = fit_resumable(make_ensemble(), X, y, path, resume=True, on_member=on_member)
    [other] = {"lr", "nb"} - {kept}
    assert stages == [(kept, "kept"), (other, "fitting"), (other, "fitted")]
    expected = make_ensemble().fit(X, y)
    np.testing.assert_array_equal(resumed.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("change", ["parameter", "data", "file"])
def test_resume_fits_again_what_would_differ(table, tmp_path, change):
    X, y = table
    path = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        fit_resumable(make_ensemble(), X, y, path, on_member=interrupt_at("nb")[1])
    ensemble = make_ensemble()
    if change == "parameter":
        ensemble.set_params(lr__C=0.01)
    elif change == "data":
        X = X + 1
    else:
        (path / "unfinished" / "lr.skops").write_bytes(b"cut short")
    stages, on_member = interrupt_at(None)
    fit_resumable(ensemble, X, y, path, resume=True, on_member=on_member)
    assert ("lr", "fitting") in stages


def test_a_fit_that_failed_at_once_leaves_nothing_to_resume(table, tmp_path):
    X, y = table
    with pytest.raises(ValueError, match="loudest"):
        fit_resumable(make_ensemble(rule="loudest"), X, y, tmp_path / "model")
    fit_resumable(make_ensemble(), X, y, tmp_path / "model")


def test_nothing_of_the_users_is_overwritten_unasked(table, tmp_path):
    X, y = table
    path = tmp_path / "model"
    fit_resumable(make_ensemble(), X, y, path)
    with pytest.raises(ArtifactError, match="holds a saved ensemble already"):
        fit_resumable(make_ensemble(), X, y, path)
    before = load_ensemble(path).predict_proba(X)
    fit_resumable(make_ensemble(C=1e-4), X, y, path, overwrite=True)
    assert np.abs(load_ensemble(path).predict_proba(X) - before).max() > 0
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="is a file"):
        fit_resumable(make_ensemble(), X, y, tmp_path / "file")


def test_features_are_shared_between_members_and_not_cached_afterwards(
    faces, tmp_path, monkeypatch
):
    from fer_ensemble.features import hog

    images, labels = faces
    extracted = []
    original = hog.oriented_gradients
    monkeypatch.setattr(
        hog,
        "oriented_gradients",
        lambda *args, **kwargs: extracted.append(len(args[0])) or original(*args, **kwargs),
    )
    members = [
        (name, create_member("boosted_hog", classifier__n_estimators=n, n_jobs=1))
        for name, n in (("one", 1), ("two", 2))
    ]
    fitted = fit_resumable(
        VotingEnsemble(members, random_state=0), images, labels, tmp_path / "model"
    )
    n_held_out = len(fitted.validation_labels_)
    # Training and held-out faces once, and the held-out faces again by each saved member.
    assert sorted(extracted) == sorted([140 - n_held_out, n_held_out, n_held_out, n_held_out])
    assert all(member["hog"].memory is None for _, member in fitted.members_)


def test_validation_data_reaches_the_members_that_watch_it(table, tmp_path):
    X, y = table
    members = [("trees", create_member("boosted_hog")["classifier"]), ("nb", GaussianNB())]
    ensemble = VotingEnsemble(members, random_state=0)
    held_out = (X[:30], y[:30])
    fitted = fit_resumable(ensemble, X[30:], y[30:], tmp_path / "m", validation_data=held_out)
    assert fitted.validation_indices_ is None
    np.testing.assert_array_equal(fitted.validation_labels_, y[:30])
    trees = dict(fitted.members_)["trees"]
    assert isinstance(trees, ClassifierMixin)
    assert trees.n_rounds_ < 300


def test_resume_goes_on_with_the_network_in_training(table, tmp_path, monkeypatch):
    from fer_ensemble.models import epochs

    X, y = table
    path = tmp_path / "model"

    def make():
        network = KerasClassifier(
            "dense", network_params={"units": (8,)}, epochs=4, patience=None, random_state=0
        )
        return VotingEnsemble([("network", network)], random_state=0)

    expected = make().fit(X, y)
    ran = []

    class Interrupted(epochs.EpochLoop):
        def _run_epoch(self):
            if len(ran) == 2:
                raise KeyboardInterrupt
            ran.append("before")
            super()._run_epoch()

    with monkeypatch.context() as patch:
        patch.setattr("fer_ensemble.models.training.EpochLoop", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit_resumable(make(), X, y, path)
    with pytest.raises(ArtifactError, match="interrupted fit"):
        fit_resumable(make(), X, y, path)

    class Counted(epochs.EpochLoop):
        def _run_epoch(self):
            ran.append("after")
            super()._run_epoch()

    monkeypatch.setattr("fer_ensemble.models.training.EpochLoop", Counted)
    resumed = fit_resumable(make(), X, y, path, resume=True)
    assert ran == ["before", "before", "after", "after"]
    np.testing.assert_allclose(resumed.predict_proba(X), expected.predict_proba(X), atol=1e-5)
    saved = dict(load_ensemble(path).members_)["network"]
    assert len(saved.history_["loss"]) == 4
    assert saved.checkpoint is None


def test_weights_reach_every_member_and_tell_fits_apart(table, tmp_path):
    X, y = table
    weights = np.linspace(0.1, 2, len(y))
    held_out = (X[:30], y[:30])
    expected = make_ensemble().fit(X, y, weights, validation_data=held_out)
    path = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        fit_resumable(
            make_ensemble(), X, y, path, sample_weight=weights, validation_data=held_out,
            on_member=interrupt_at("nb")[1],
        )  # fmt: skip
    stages, on_member = interrupt_at(None)
    resumed = fit_resumable(
        make_ensemble(), X, y, path, sample_weight=weights, validation_data=held_out, resume=True,
        on_member=on_member,
    )  # fmt: skip
    assert stages == [("lr", "kept"), ("nb", "fitting"), ("nb", "fitted")]
    np.testing.assert_array_equal(resumed.predict_proba(X), expected.predict_proba(X))
    unweighted = fit_resumable(make_ensemble(), X, y, tmp_path / "other", validation_data=held_out)
    assert np.abs(unweighted.predict_proba(X) - resumed.predict_proba(X)).max() > 1e-3


def test_other_weights_are_another_fit(table, tmp_path):
    X, y = table
    path = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        fit_resumable(make_ensemble(), X, y, path, on_member=interrupt_at("nb")[1])
    stages, on_member = interrupt_at(None)
    weights = np.linspace(0.1, 2, len(y))
    fit_resumable(
        make_ensemble(), X, y, path, sample_weight=weights, resume=True, on_member=on_member
    )
    assert ("lr", "fitting") in stages


def test_weights_that_a_member_cannot_take_are_refused(table, tmp_path):
    X, y = table
    members = [("near", KNeighborsClassifier()), ("nb", GaussianNB())]
    with pytest.raises(ValueError, match="The fit of near takes no sample weights"):
        fit_resumable(VotingEnsemble(members), X, y, tmp_path / "m", sample_weight=np.ones(90))
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("resumable", [False, True], ids=["fit", "fit_resumable"])
@pytest.mark.parametrize("learns", [False, True], ids=["watches", "learns"])
def test_held_out_samples_reach_those_that_watch_them_and_never_those_that_learn_from_them(
    table, tmp_path, resumable, learns
):
    X, y = table
    given = []

    class Spy(GaussianNB):
        learns_from_validation_data = learns

        def fit(self, X, y, sample_weight=None, validation_data=None):
            given.append(validation_data)
            return super().fit(X, y, sample_weight)

    ensemble = VotingEnsemble([("spy", Spy())], random_state=0)
    if resumable:
        # A user's own class is fitted, and only then refused by the artifact.
        with pytest.raises(ArtifactError, match="cannot be saved"):
            fit_resumable(ensemble, X, y, tmp_path / "model")
    else:
        ensemble.fit(X, y)
    [seen] = given
    assert (seen is None) == learns


def test_a_fit_that_was_ended_after_its_save_is_done(table, tmp_path, monkeypatch):
    X, y = table
    path = tmp_path / "model"

    def end(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("fer_ensemble.artifact.resumable.shutil.rmtree", end)
    with pytest.raises(KeyboardInterrupt):
        fit_resumable(make_ensemble(), X, y, path, data={"seed": 1})
    monkeypatch.undo()
    stages, on_member = interrupt_at(None)
    again = fit_resumable(
        make_ensemble(), X, y, path, data={"seed": 1}, resume=True, on_member=on_member
    )
    assert stages == [("lr", "kept"), ("nb", "kept")]
    expected = make_ensemble().fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert not list(path.glob("*finished"))
    for change, data in (
        ({"C": 9.0}, {"seed": 1}),
        ({"rule": "median"}, {"seed": 1}),
        ({}, {"seed": 2}),
    ):
        with pytest.raises(ArtifactError, match="holds a saved ensemble already"):
            fit_resumable(make_ensemble(**change), X, y, path, data=data, resume=True)
    with pytest.raises(ArtifactError, match="holds a saved ensemble already"):
        fit_resumable(make_ensemble(), X + 1, y, path, data={"seed": 1}, resume=True)


def test_two_fits_do_not_write_one_folder(table, tmp_path):
    X, y = table

    def on_member(member, stage):
        if (member, stage) == ("lr", "fitting"):
            with pytest.raises(ValueError, match="model is being written by process"):
                fit_resumable(make_ensemble(), X, y, tmp_path / "model", resume=True)

    fit_resumable(make_ensemble(), X, y, tmp_path / "model", on_member=on_member)
    load_ensemble(tmp_path / "model")
