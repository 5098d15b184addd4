"""Members fitted on faces on disk are those fitted on the same faces in memory."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from fer_ensemble import fit_ensemble, load_ensemble
from fer_ensemble.datasets import FaceDataset
from fer_ensemble.ensemble import StackingEnsemble, VotingEnsemble
from fer_ensemble.features import HOG
from fer_ensemble.models import BoostedTreesClassifier, KerasClassifier, MemberPipeline, tree_bins
from fer_ensemble.stored_arrays import StoredArray, write_array
from tests.models.stand_ins import small_cnn, small_dense


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """Several batches, so that it shows where one is taken for all."""
    monkeypatch.setattr(StoredArray.batches, "__defaults__", (64,))


@pytest.fixture
def stored(faces, tmp_path):
    return write_array(tmp_path / "faces.npy", [faces[0]])


def pipeline(classifier, **params):
    steps = [("hog", HOG((4), (12, 12))), ("scaler", StandardScaler()), ("classifier", classifier)]
    return MemberPipeline(steps, **params)


def trees(**params):
    return BoostedTreesClassifier(3, max_depth=2, n_jobs=1, random_state=0, **params)


def test_a_network_learns_the_same_weights(faces, stored, eager):
    images, labels = faces
    network = small_cnn(flip_average=True, epochs=2)
    in_memory = small_cnn(flip_average=True, epochs=2).fit(images, labels)
    network.fit(stored, labels)
    for ours, expected in zip(network.weights_, in_memory.weights_, strict=True):
        np.testing.assert_array_equal(ours, expected)
    assert network.history_["val_loss"] == in_memory.history_["val_loss"]
    np.testing.assert_array_equal(network.training_digests_, in_memory.training_digests_)
    np.testing.assert_array_equal(network.predict_proba(stored), in_memory.predict_proba(images))


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("external_memory", [False, True])
def test_features_are_written_and_scaled_a_batch_at_a_time(
    faces, stored, mirror, external_memory, tmp_path
):
    images, labels = faces
    member = pipeline(trees(external_memory=external_memory), mirror=mirror)
    member.set_params(hog__memory=str(tmp_path / "features"))
    in_memory = pipeline(trees(), mirror=mirror).fit(images[20:], labels[20:])
    member.fit(stored[20:], labels[20:])
    assert len(list((tmp_path / "features").iterdir())) == 1 + mirror
    np.testing.assert_allclose(
        member.predict_proba(images[:20]), in_memory.predict_proba(images[:20]), atol=1e-6
    )
    np.testing.assert_allclose(member["scaler"].mean_, in_memory["scaler"].mean_, rtol=1e-6)


def test_bins_of_many_samples_begin_where_a_part_of_them_says(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    features = random.random((600, 5), np.float32)
    labels = (features[:, 0] > 0.5).astype(int)
    stored = write_array(tmp_path / "features.npy", [features])
    sketched = []
    bins = tree_bins.stored_bins
    monkeypatch.setattr(
        tree_bins,
        "stored_bins",
        lambda samples, *args, **options: (
            sketched.append(len(samples.X)),
            bins(samples, *args, **options),
        )[1],
    )
    monkeypatch.setattr(tree_bins, "_MOST_SKETCHED", 200)
    classifier = trees(validation_fraction=None).fit(stored, labels)
    assert sketched == [200]
    assert (classifier.predict(features) == labels).mean() > 0.97


def test_held_out_faces_on_disk_are_watched(faces, stored, eager):
    images, labels = faces
    member = pipeline(small_dense(epochs=2)).fit(
        stored[:100], labels[:100], validation_data=(stored[100:], labels[100:])
    )
    in_memory = pipeline(small_dense(epochs=2)).fit(
        images[:100], labels[:100], validation_data=(images[100:], labels[100:])
    )
    assert member["classifier"].history_["val_loss"] == pytest.approx(
        in_memory["classifier"].history_["val_loss"], rel=1e-4
    )


def test_what_must_see_all_samples_at_once_is_refused(faces, stored):
    steps = [("hog", HOG()), ("pca", PCA(2)), ("classifier", trees())]
    with pytest.raises(ValueError, match=r"pca \(PCA\) learns from all samples at once"):
        MemberPipeline(steps).fit(stored, faces[1])
    balanced = KerasClassifier(balance={0: 30}, balance_augmentation={"flip": True}, random_state=0)
    with pytest.raises(ValueError, match="balance_augmentation changes repeated samples once"):
        balanced.fit(stored, faces[1])


def test_faces_that_are_no_pixels_are_found_in_any_batch(faces, tmp_path):
    scaled = faces[0].astype(np.float32)
    scaled[90] /= 255
    stored = write_array(tmp_path / "scaled.npy", [scaled])
    with pytest.raises(ValueError, match="multiply by 255"):
        small_cnn().fit(stored, faces[1])


def test_numbers_that_are_none_are_found_in_any_batch(tmp_path):
    features = np.zeros((100, 3), np.float32)
    features[90, 1] = np.nan
    stored = write_array(tmp_path / "features.npy", [features])
    for classifier in (trees(), small_dense(epochs=2)):
        with pytest.raises(ValueError, match="NaN"):
            classifier.fit(stored, np.arange(100) % 2)


def test_an_ensemble_holds_out_fits_saves_and_resumes_as_in_memory(faces, stored, tmp_path):
    images, labels = faces

    def fit(given, out, **options):
        data = FaceDataset(
            given, labels, np.full(len(labels), "train"), np.full(len(labels), "", object)
        )
        members = [("trees", pipeline(trees())), ("wide", pipeline(trees(colsample_bytree=0.5)))]
        stages = []
        fitted = fit_ensemble(
            data,
            tmp_path / out,
            members=members,
            on_member=lambda name, stage: stages.append(stage),
            **options,
        )
        return fitted.ensemble, stages

    expected, _ = fit(images, "in_memory")
    ensemble, stages = fit(stored, "stored")
    assert stages == ["fitting", "fitted"] * 2
    np.testing.assert_array_equal(ensemble.validation_indices_, expected.validation_indices_)
    np.testing.assert_array_equal(ensemble.training_digests_, expected.training_digests_)
    saved = load_ensemble(tmp_path / "stored")
    np.testing.assert_allclose(
        saved.predict_proba(stored), expected.predict_proba(images), atol=1e-6
    )
    assert fit(stored, "stored", resume=True)[1] == ["kept", "kept"]
    assert not list((tmp_path / "stored").glob("**/*.npy"))


def test_folds_of_faces_on_disk_are_those_in_memory(faces, stored):
    images, labels = faces
    stacks = [
        StackingEnsemble([("trees", pipeline(trees()))], n_splits=2, random_state=0).fit(X, labels)
        for X in (images, stored)
    ]
    np.testing.assert_array_equal(stacks[0].fold_ids_, stacks[1].fold_ids_)
    np.testing.assert_allclose(*(stack.oof_probabilities_ for stack in stacks), atol=1e-6)


def test_voting_takes_tables_on_disk(tmp_path):
    features = np.random.default_rng(0).random((80, 4), np.float32)
    labels = (features[:, 0] > 0.5).astype(int)
    stored = write_array(tmp_path / "features.npy", [features])
    voting = [
        VotingEnsemble([("a", trees()), ("b", trees(subsample=0.5))], random_state=0).fit(X, labels)
        for X in (features, stored)
    ]
    assert voting[1].n_features_in_ == 4
    np.testing.assert_allclose(*(each.predict_proba(features) for each in voting), atol=1e-6)
