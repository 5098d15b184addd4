"""Every registered member: built by name, cloned, fitted on faces, and as costly as stated."""

import math

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.utils.validation import has_fit_parameter

from fer_ensemble.models import (
    KerasClassifier,
    build_member_network,
    create_member,
    get_member,
    layer_costs,
    list_members,
    member,
)

NAMES = [info.name for info in list_members()]

# Enough to run, not to learn; other than these, recipes stay as they are.
ONE_EPOCH = {"epochs": 1, "batch_size": 14}
QUICK = {
    "boosted_hog": {"classifier__n_estimators": 2},
    "boosted_hog_landmarks": {"classifier__n_estimators": 2},
    "boosted_landmarks": {"classifier__n_estimators": 2},
    "cnn_8": {**ONE_EPOCH, "balance": 3},
    "dense_hog": {"classifier__epochs": 1},
    "dense_hog_landmarks": {"classifier__epochs": 1},
    "dense_hog_published": {"classifier__epochs": 1},
    "efficientnet": {**ONE_EPOCH, "network_params": {"size": 32, "weights": None}},
    "mobilenet_v2": {**ONE_EPOCH, "network_params": {"weights": None}},
    "resnet50": {**ONE_EPOCH, "network_params": {"weights": None}},
}


def multiply_accumulates(network):
    """Count the multiplications of dense layers and convolutions for one sample."""
    total = 0
    for layer in network.layers:
        if hasattr(layer, "layers"):
            total += multiply_accumulates(layer)
            continue
        # Each weight of a kernel is used once at every place of the output.
        places = math.prod(layer.output.shape[1:-1]) if "Conv2D" in type(layer).__name__ else 1
        kernels = [w for w in layer.weights if w.name.endswith("kernel")]
        total += places * sum(math.prod(kernel.shape) for kernel in kernels)
    return total


# The quickest to compile; all others take their step eagerly, in a fifth of the time.
COMPILED = ("cnn_1", "dense_hog", "tuned_cnn")


# Coverage would follow Keras through every layer, and what runs of the package runs elsewhere too.
@pytest.mark.no_cover
@pytest.mark.parametrize("name", NAMES)
def test_member_is_a_classifier_from_faces_to_probabilities(name, faces, request):
    if name not in COMPILED:
        request.getfixturevalue("eager")
    images, labels = (part[:14] for part in faces)
    estimator = create_member(name, random_state=0, n_jobs=1, **QUICK.get(name, ONE_EPOCH))
    assert clone(estimator).get_params().keys() == estimator.get_params().keys()
    estimator.fit(images, labels, validation_data=(images[:7], labels[:7]))
    probabilities = estimator.predict_proba(images)
    assert probabilities.shape == (14, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert estimator.classes_.tolist() == list(range(7))


@pytest.mark.parametrize("name", NAMES)
def test_member_takes_weights_and_held_out_data(name):
    estimator = create_member(name)
    assert has_fit_parameter(estimator, "sample_weight")
    assert has_fit_parameter(estimator, "validation_data")


@pytest.mark.parametrize("info", list_members(), ids=NAMES)
def test_stated_cost_is_the_networks(info):
    network = build_member_network(info.build())
    if network is None:
        assert info.parameters is info.multiply_accumulates is info.file_size is None
        return
    assert network.count_params() == info.parameters
    assert multiply_accumulates(network) == info.multiply_accumulates
    assert info.file_size == 4 * info.parameters
    costs = layer_costs(network)
    assert sum(cost.parameters for cost in costs) == info.parameters
    assert sum(cost.multiply_accumulates for cost in costs) == info.multiply_accumulates


@pytest.mark.parametrize("info", list_members(), ids=NAMES)
def test_recipe_is_all_that_differs_from_the_defaults(info):
    estimator = info.build()
    blank = type(estimator)(estimator.steps) if hasattr(estimator, "steps") else type(estimator)()
    for name, step in getattr(estimator, "steps", ()):
        blank.set_params(**{name: type(step)()})
    again = blank.set_params(**info.recipe())
    assert repr(again.get_params()) == repr(estimator.get_params())
    assert info.description.startswith(info.summary)


def test_shared_parameters_reach_every_step():
    params = create_member("dense_hog", random_state=3, n_jobs=2, verbose=1).get_params()
    assert params["classifier__random_state"] == 3
    assert params["hog__n_jobs"] == 2
    assert params["classifier__verbose"] == 1
    assert params["verbose"] is False
    assert create_member("cnn_2", random_state=3, n_jobs=2, verbose=1).random_state == 3


def test_two_members_never_share_state():
    first, second = create_member("dense_hog"), create_member("dense_hog")
    first.set_params(hog__orientations=3)
    assert second.get_params()["hog__orientations"] == 8


def test_time_and_checkpoint_reach_the_network_of_a_pipeline():
    asked = {"time_budget": 60.0, "checkpoint": "state.npz"}
    for name in ("dense_hog", "cnn_1"):
        params = create_member(name, **asked).get_params()
        prefix = "classifier__" if name == "dense_hog" else ""
        assert {key: params[prefix + key] for key in asked} == asked


def test_unknown_names_and_parameters_are_errors():
    known = r"Unknown member 'cnn_9': choose among \['.*'dense_hog'.* Did you mean .*cnn_8"
    for look_up in (create_member, get_member):
        with pytest.raises(ValueError, match=known):
            look_up("cnn_9")
    with pytest.raises(ValueError, match=r"no parameter 'epoch'\. Did you mean epochs"):
        create_member("cnn_2", epoch=3)
    with pytest.raises(ValueError, match="registered already"):

        @member(source="here")
        def cnn_2():
            """Another one."""


def network_of(layers, shape=(8, 8, 4)):
    import keras

    return keras.Sequential([keras.Input(shape), *layers])


def macs(*layers, **options):
    return [cost.multiply_accumulates for cost in layer_costs(network_of(layers, **options))]


def test_convolutions_cost_their_kernel_at_every_place_of_the_output():
    from keras import layers

    assert macs(layers.Conv2D(6, 3)) == [6 * 6 * 6 * 9 * 4]
    assert macs(layers.Conv2D(6, 3, padding="same", strides=2)) == [4 * 4 * 6 * 9 * 4]
    assert macs(layers.Conv2D(6, 3, groups=2)) == [6 * 6 * 6 * 9 * 2]
    assert macs(layers.DepthwiseConv2D(3, depth_multiplier=2)) == [6 * 6 * 8 * 9]
    assert macs(layers.SeparableConv2D(6, 3)) == [6 * 6 * (9 * 4 + 4 * 6)]


def test_dense_layers_cost_their_kernel_and_all_else_nothing():
    from keras import layers

    stack = (layers.BatchNormalization(), layers.ReLU(), layers.Flatten(), layers.Dense(5))
    assert macs(*stack) == [0, 0, 0, 256 * 5]
    assert macs(layers.Dense(5)) == [8 * 8 * 4 * 5]


def test_a_network_inside_counts_as_one_layer():
    from keras import layers

    inner = network_of([layers.Conv2D(6, 3), network_of([layers.Conv2D(2, 1)], (6, 6, 6))])
    base, dense = layer_costs(network_of([inner, layers.Dense(3)]))
    assert base.name == inner.name
    assert base.n_layers == 2
    assert base.output_shape == (6, 6, 2)
    assert base.parameters == (9 * 4 + 1) * 6 + (6 + 1) * 2
    assert base.multiply_accumulates == 36 * 6 * 9 * 4 + 36 * 6 * 2
    assert (dense.kind, dense.n_layers) == ("Dense", 1)


def test_transfer_networks_are_built_without_their_weights(monkeypatch):
    import keras

    def refuse(*_, **__):
        raise AssertionError("weights were looked for")

    monkeypatch.setattr(keras.utils, "get_file", refuse)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", refuse)
    info = get_member("mobilenet_v2")
    costs = layer_costs(build_member_network(info.build()))
    assert sum(cost.multiply_accumulates for cost in costs) == info.multiply_accumulates
    assert [cost.n_layers > 100 for cost in costs].count(True) == 1


def test_a_pipelines_network_takes_what_its_steps_make_and_the_member_stays_unfitted():
    member = create_member("dense_hog", hog__orientations=4)
    assert build_member_network(member).input_shape == (None, 784)
    assert not hasattr(member[0], "n_features_out_")
    assert not hasattr(member[-1], "classes_")


def test_other_classifiers_have_no_network():
    assert build_member_network(DummyClassifier()) is None
    assert build_member_network(create_member("boosted_hog")) is None
    with pytest.raises(ValueError, match="Unknown network 'cnn_99'"):
        build_member_network(KerasClassifier("cnn_99"))
