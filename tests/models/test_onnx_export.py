"""Networks as graphs and back: every kind of layer, every precision, the weights as they were."""

import keras
import numpy as np
import pytest

from fer_ensemble.datasets import make_faces
from fer_ensemble.models import BoostedTreesClassifier, KerasClassifier, OnnxClassifier
from fer_ensemble.models.onnx_export import convert_classifier, read_network
from fer_ensemble.models.training import build_network

TABLE = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
FACES = make_faces(6, random_state=3).images
# Together they have every kind of layer that the networks of the package are made of.
NETWORKS = {
    "cnn_2": {"filters": [4, 6], "convolutions": [1, 2]},
    "se_resnet": {"filters": [8, 8], "blocks": [1, 1]},
    "mini_xception": {},
    "normalised_vgg": {"filters": [4, 6], "convolutions": [1, 1], "units": 8},
}


def fitted(network, params, *, precision=np.float32, **parameters):
    """A network of random weights and statistics, as if it had been fitted."""
    classifier = KerasClassifier(network, network_params=params, **parameters)
    classifier.classes_ = np.arange(7)
    classifier.input_shape_ = (48, 48, 1)
    classifier.history_, classifier.class_counts_ = {}, {"before": {}, "after": {}}
    random = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    classifier.weights_ = [
        # Around what they are at the start: variances stay above zero.
        (np.asarray(weights.value) + random.uniform(0, 0.03, weights.shape)).astype(precision)
        for weights in build_network(classifier, "float32", to_predict=True).weights
    ]
    return classifier


def exported(classifier, **options):
    parameters = {name: getattr(classifier, name) for name in ("network", "network_params")}
    parameters |= {"flip_average": classifier.flip_average, "monitor": classifier.monitor}
    return OnnxClassifier(convert_classifier(classifier, parameters, **options))


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_answers_as_in_keras_and_is_read_back_to_the_bit(network):
    classifier = fitted(network, NETWORKS[network])
    graph = exported(classifier)
    np.testing.assert_allclose(
        graph.predict_proba(FACES), classifier.predict_proba(FACES), atol=1e-5, rtol=0
    )
    again = read_network(graph.graph)
    assert again.get_params()["network_params"] == NETWORKS[network]
    assert again.input_shape_ == classifier.input_shape_
    for found, weights in zip(again.weights_, classifier.weights_, strict=True):
        np.testing.assert_array_equal(found, weights)
    np.testing.assert_array_equal(again.predict_proba(FACES), classifier.predict_proba(FACES))


def test_mirror_images_are_averaged_inside_the_graph():
    once, both = (
        fitted("cnn_2", NETWORKS["cnn_2"], flip_average=mirrored) for mirrored in (False, True)
    )
    assert np.abs(once.predict_proba(FACES) - both.predict_proba(FACES)).max() > 1e-3
    graph = exported(both)
    np.testing.assert_allclose(
        graph.predict_proba(FACES), both.predict_proba(FACES), atol=1e-5, rtol=0
    )
    np.testing.assert_allclose(
        graph.predict_proba(FACES[:, :, ::-1]), graph.predict_proba(FACES), atol=1e-6, rtol=0
    )


def test_weights_in_half_precision_stay_so_and_others_are_rounded_when_asked():
    half = fitted("cnn_2", NETWORKS["cnn_2"], precision=np.float16)
    whole = fitted("cnn_2", NETWORKS["cnn_2"])
    sizes = {
        "half": len(exported(half).graph),
        "half again": len(exported(half, precision="float16").graph),
        "whole": len(exported(whole).graph),
        "rounded": len(exported(whole, precision="float16").graph),
    }
    assert abs(sizes["half"] - sizes["half again"]) < 100
    assert sizes["rounded"] < 0.7 * sizes["whole"]
    rounded = exported(whole, precision="float16")
    again = OnnxClassifier(convert_classifier(rounded, {}))
    assert (rounded.facts_, rounded.facts_["precision"]) == (again.facts_, "float16")
    for found, weights in zip(rounded.to_keras().weights_, whole.weights_, strict=True):
        np.testing.assert_array_equal(found, weights.astype(np.float16))
    changes = np.abs(rounded.predict_proba(FACES) - whole.predict_proba(FACES))
    assert 0 < changes.max() < 0.02


def test_eight_bits_take_a_quarter_and_change_little():
    classifier = fitted("se_resnet", NETWORKS["se_resnet"])
    whole = exported(classifier)
    small = exported(classifier, precision="int8", samples=FACES)
    again = OnnxClassifier(convert_classifier(whole, {}, precision="int8", samples=FACES))
    stays = OnnxClassifier(convert_classifier(small, {}))
    for graph in (small, again, stays):
        assert graph.facts_["precision"] == "int8"
        assert graph.facts_["parameters"] == whole.facts_["parameters"]
        changes = np.abs(graph.predict_proba(FACES) - whole.predict_proba(FACES))
        assert 0 < changes.max() < 0.2
        with pytest.raises(TypeError, match="int8"):
            graph.to_keras()
    with pytest.raises(ValueError, match="needs samples"):
        exported(classifier, precision="int8")


def test_a_network_out_of_a_graph_can_be_trained_further(eager):
    faces, labels, _ = make_faces(30, random_state=0)
    classifier = exported(fitted("cnn_2", NETWORKS["cnn_2"])).to_keras(
        warm_start=True, epochs=1, validation_fraction=None, random_state=0
    )
    before = [weights.copy() for weights in classifier.weights_]
    classifier.fit(faces, labels)
    changes = [np.abs(a - b).max() for a, b in zip(before, classifier.weights_, strict=True)]
    # One step moves biases by the learning rate; from a fresh start they would be others.
    assert 0 < changes[1] < 2 * classifier.learning_rate


def grown_trees(n_classes):
    bounds = np.quantile(TABLE[:, 0], np.linspace(0, 1, n_classes + 1)[1:-1])
    labels = np.array(["a", "b", "c", "d"])[np.digitize(TABLE[:, 0], bounds)]
    return BoostedTreesClassifier(n_estimators=3, random_state=0).fit(TABLE, labels)


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_trees_answer_as_in_xgboost(n_classes):
    trees = grown_trees(n_classes)
    graph = OnnxClassifier(convert_classifier(trees, {}))
    np.testing.assert_allclose(
        graph.predict_proba(TABLE), trees.predict_proba(TABLE), atol=1e-6, rtol=0
    )
    np.testing.assert_array_equal(graph.predict(TABLE), trees.predict(TABLE))
    assert set(trees.classes_) == set(graph.predict(TABLE))


def test_trees_hold_no_network():
    graph = OnnxClassifier(convert_classifier(grown_trees(2), {}))
    with pytest.raises(TypeError, match="trees"):
        graph.to_keras()


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (FACES[:, :40], r"\(n_samples, 48, 48\).*resize"),
        (FACES[0], r"\(n_samples, 48, 48\)"),
        (FACES[:0], "at least one"),
        (FACES / 255, "whole numbers from 0 to 255"),
        (FACES.astype(int) + 300, "whole numbers from 0 to 255"),
    ],
)
def test_samples_of_another_kind_are_refused(samples, message):
    graph = exported(fitted("cnn_2", NETWORKS["cnn_2"]))
    with pytest.raises(ValueError, match=message):
        graph.predict_proba(samples)


def test_pixels_in_any_type_and_with_a_channel_are_the_same_faces():
    graph = exported(fitted("cnn_2", NETWORKS["cnn_2"]))
    expected = graph.predict_proba(FACES)
    for faces in (FACES[..., None], FACES.astype(np.float32), FACES.astype(int), FACES.tolist()):
        np.testing.assert_array_equal(graph.predict_proba(faces), expected)


def test_a_classifier_around_a_graph_pickles_and_prints_briefly():
    import pickle

    graph = exported(fitted("cnn_2", NETWORKS["cnn_2"]))
    expected = graph.predict_proba(FACES)
    again = pickle.loads(pickle.dumps(graph))
    np.testing.assert_array_equal(again.predict_proba(FACES), expected)
    assert len(repr(graph)) < 100
