"""What is one for the whole process, as seeds and settings of Keras are, changes no answer."""

import os
import pickle
import random
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np

from fer_ensemble.libraries import quiet_start
from fer_ensemble.models import KerasClassifier
from tests.models.stand_ins import small_cnn


def test_fits_and_predictions_in_threads_are_those_of_each_alone(faces):
    images, labels = faces

    def fit():
        member = KerasClassifier(
            "dense",
            network_params={"units": (16,), "dropout": 0.4},
            augmentation={"flip": True, "noise": 0.1},
            epochs=2,
            learning_rate=0.05,
            random_state=0,
        )
        fitted = member.fit(images, labels)
        pickle.loads(pickle.dumps(fitted)).predict(images[:1])  # builds a network anew
        return fitted.predict_proba(images)

    with ThreadPoolExecutor(4) as threads:
        together = [future.result() for future in [threads.submit(fit) for _ in range(4)]]
    alone = fit()
    for probabilities in together:
        np.testing.assert_array_equal(probabilities, alone)


def test_what_other_threads_draw_while_a_network_is_built_changes_nothing(faces):
    estimator = KerasClassifier(epochs=1, network_params={"units": (4, 4)}, random_state=0)
    expected = estimator.fit(*faces).weights_
    ended = Event()

    def draw():
        while not ended.wait(1e-4):
            random.random()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(draw)
        try:
            found = estimator.fit(*faces).weights_
        finally:
            ended.set()
    for weights, others in zip(found, expected, strict=True):
        np.testing.assert_array_equal(weights, others)


def test_building_a_network_leaves_what_others_draw_as_it_was(faces):
    estimator = KerasClassifier(epochs=1, network_params={"units": (4,)}, random_state=0)
    fitted = pickle.dumps(estimator.fit(*faces))
    random.seed(1)
    expected = random.random()
    random.seed(1)
    pickle.loads(fitted).predict(faces[0])
    assert random.random() == expected


def test_imports_in_threads_at_once_give_standard_error_back(capfd):
    def start():
        with quiet_start("never_there"):
            time.sleep(0.02)
            os.write(2, b"hidden")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: start(), range(4)))
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


def test_what_keras_json_says_of_axes_and_types_changes_nothing(faces):
    import keras

    augmentation = dict.fromkeys(("rotation", "contrast", "noise", "erasing", "mixup"), 0.2)

    def fit():
        member = small_cnn(epochs=1, augmentation=augmentation)
        return member.fit(*faces).predict_proba(faces[0])

    expected = fit()
    keras.config.set_image_data_format("channels_first")
    keras.config.set_floatx("float16")
    try:
        np.testing.assert_array_equal(fit(), expected)
        assert keras.config.image_data_format() == "channels_first"
    finally:
        keras.config.set_image_data_format("channels_last")
        keras.config.set_floatx("float32")
