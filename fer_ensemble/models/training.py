"""How :class:`~fer_ensemble.models.KerasClassifier` trains a network and predicts with it.

Importing this module imports Keras and its backend, which takes seconds; the estimator does so when
a network is first needed.
"""

from __future__ import annotations

import inspect
import logging
import math
import os
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import keras
import numpy as np
from keras.src.random import seed_generator
from numpy.typing import NDArray

from fer_ensemble.models.augmentation import augmentation_layers
from fer_ensemble.models.device import describe_device, has_gpu, resolve_precision
from fer_ensemble.models.epochs import INFERENCE_BATCH, EpochLoop, LoopOptions, batches
from fer_ensemble.models.mixing import AveragedStatistics, MeanOpinion, Mix, TrainingModel
from fer_ensemble.models.networks import NETWORKS
from fer_ensemble.models.progress import EpochProgress, ProgressDisplay
from fer_ensemble.models.training_data import Samples

# Of Keras's optimizers.
_EMA_MOMENTUM = 0.99

# Whose turn it is to build a network, and whether they are at it.
_TURN = threading.RLock()
_nested: list[bool] = []

# TensorFlow counts the traces of all networks together, and takes those of an ensemble's members
# for one function that is traced again and again.
logging.getLogger("tensorflow").addFilter(
    lambda record: "triggered tf.function retracing" not in str(record.msg)
)


class Trainable(LoopOptions, Protocol):
    """What training reads of an estimator: parameters and attributes of ``KerasClassifier``.

    A protocol, so that this module need not import the estimator, which imports this module.
    """

    network: str | Callable[..., keras.Model]
    network_params: Mapping[str, Any] | None
    augmentation: Mapping[str, Any] | None
    loss: str
    label_smoothing: float
    optimizer: str
    optimizer_params: Mapping[str, Any] | None
    precision: str
    checkpoint: str | os.PathLike[str] | None
    teacher_weight: float
    verbose: int
    classes_: NDArray[Any]
    input_shape_: tuple[int, ...]
    weights_: list[NDArray[Any]]


def train(
    estimator: Trainable,
    fitted: Samples,
    validation: Samples | None,
    seed: int,
    initial_weights: list[NDArray[Any]] | None,
    fingerprint: str = "",
    teachers: Sequence[Trainable] = (),
) -> tuple[list[NDArray[Any]], dict[str, list[float]]]:
    """Train a network under an estimator's parameters.

    Parameters
    ----------
    estimator : Trainable
        Whose parameters, ``classes_`` and ``input_shape_`` to follow.
    fitted : Samples
        What to train on; on their soft labels, if they have any.
    validation : Samples or None
        What schedule, stopping and best epoch go by; ``None`` takes the training data themselves.
    seed : int
        Seed of everything drawn.
    initial_weights : list of ndarray or None
        Where to start from; ``None`` draws fresh weights.
    fingerprint : str, default=''
        Of the estimator's parameters and the data: a checkpoint with another one is not resumed.
    teachers : sequence of Trainable
        Fitted estimators whose networks see each batch, too.

    Returns
    -------
    weights : list of ndarray
        Weights of the best epoch, or those of one snapshot after those of another.
    history : dict of str to list of float
        One value per epoch under each name.

    Raises
    ------
    ValueError
        If the network, its augmentation, optimizer or schedule can't be made of their parameters.
    """
    soft = fitted.soft_labels is not None
    if soft:
        fitted, validation = _soft_targets(estimator, fitted, validation)
    precision = resolve_precision(estimator.precision)
    with _building(seed):
        network = build_network(estimator, precision)
        if initial_weights is not None:
            network.set_weights(initial_weights)
        from_logits = _give_logits(network)
        taught_by = [fitted_network(teacher, precision) for teacher in teachers]
        model = _training_model(estimator, network, seed, taught_by)
        _compile(estimator, model, soft, from_logits)
    title = builder if isinstance(builder := estimator.network, str) else builder.__name__
    steps = len(batches(len(fitted.X), estimator.batch_size)) * estimator.epochs
    with ProgressDisplay(title, steps, bool(estimator.verbose)) as display:
        display.print(f"{describe_device()}, {precision}")
        progress = EpochProgress(display, estimator.epochs)
        loop = EpochLoop(
            model, network, fitted, validation, estimator, seed=seed, progress=progress
        )
        if estimator.checkpoint is not None:
            loop.use_checkpoint(estimator.checkpoint, fingerprint)
        loop.run()
    return loop.weights, loop.history


def build_network(estimator: Trainable, precision: str, *, to_predict: bool = False) -> keras.Model:
    """Build an estimator's network with fresh weights.

    Parameters
    ----------
    estimator : Trainable
        Fitted as far as ``classes_`` and ``input_shape_``.
    precision : str
        Keras dtype policy of its layers.
    to_predict : bool, default=False
        Whether fitted weights will replace all others, so that a network that starts from
        published weights need not look for them.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        If no architecture of that name is registered.
    """
    builder = estimator.network
    if not callable(builder):
        if builder not in NETWORKS:
            raise ValueError(f"Unknown network {builder!r}: choose among {sorted(NETWORKS)}.")
        builder = NETWORKS[builder]
    params = dict(estimator.network_params or {})
    # Published weights may have to be downloaded, and prediction must work offline.
    if to_predict and "weights" in inspect.signature(builder).parameters:
        params["weights"] = None
    # A global setting reaches the layers of every builder, and none has to pass a policy on.
    previous = keras.config.dtype_policy()
    with _building():
        keras.config.set_dtype_policy(precision)
        try:
            return builder(estimator.input_shape_, len(estimator.classes_), **params)
        finally:
            keras.config.set_dtype_policy(previous)


def fitted_network(estimator: Trainable, precision: str) -> keras.Model:
    """Build an estimator's network with its fitted weights.

    Of several snapshots, this is a network of all of them side by side, whose probabilities are
    averaged: whatever predicts with networks, converts or counts them need not know of snapshots.

    Parameters
    ----------
    estimator : Trainable
        Fitted.
    precision : str
        Keras dtype policy of its layers.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        If the weights are of other shapes than the network's: told before the network takes any
        memory, since weights may come from elsewhere.
    """
    parts = divide_snapshots(estimator, precision)
    networks = []
    for weights in parts:
        network = build_network(estimator, precision, to_predict=True)
        network.set_weights(weights)
        networks.append(network)
    return networks[0] if len(networks) == 1 else _side_by_side(networks)


def _side_by_side(networks: list[keras.Model]) -> keras.Model:
    """Join networks to one that averages their probabilities; its weights are theirs in turn."""
    for number, network in enumerate(networks):
        network.name = f"snapshot_{number}"  # a network's layers have names of their own
    with _building():
        inputs = keras.Input(networks[0].input_shape[1:])
        outputs = [network(inputs) for network in networks]
        return keras.Model(inputs, keras.layers.Average(dtype="float32")(outputs))


def divide_snapshots(estimator: Trainable, precision: str = "float32") -> list[list[NDArray[Any]]]:
    """Divide an estimator's weights into those of its snapshots.

    Parameters
    ----------
    estimator : Trainable
        Fitted.
    precision : str, default='float32'
        Keras dtype policy of the layers.

    Returns
    -------
    list of list of ndarray
        In the order in which they were kept; one list if there are no snapshots.

    Raises
    ------
    ValueError
        If the weights are of other shapes than the network's, which is never made for this.
    """
    from keras.src.backend.common import global_state

    # Keras would make them when another scope ends: they are taken off its list again.
    pending = "uninitialized_variables"
    before = list(global_state.get_global_attribute(pending) or [])
    try:
        with keras.StatelessScope(initialize_variables=False):
            network = build_network(estimator, precision, to_predict=True)
            needed = [tuple(variable.shape) for variable in network.weights]
    finally:
        global_state.set_global_attribute(pending, before)
    found = [np.shape(weights) for weights in estimator.weights_]
    n_parts, n_arrays = max(1, len(found) // len(needed)), len(needed)
    if found != needed * n_parts:
        raise ValueError(
            f"The weights are not those of the network {estimator.network!r} with its "
            f"network_params: it has {len(needed)} arrays with "
            f"{sum(map(math.prod, needed)):,} numbers, and there are {len(found)} with "
            f"{sum(map(math.prod, found)):,}."
        )
    starts = range(0, n_parts * n_arrays, n_arrays)
    return [estimator.weights_[start : start + n_arrays] for start in starts]


def predict_batches(network: keras.Model, X: NDArray[Any]) -> NDArray[np.float64]:
    """Predict in batches.

    Not by ``Model.predict``, whose input pipeline is that of ``Model.fit``; see
    :class:`~fer_ensemble.models.epochs.EpochLoop`. What is predicted of a sample depends on those
    beside it by rounding at most: a batch of one, for which libraries have products of their own,
    is predicted as a batch of two. Dense layers on pixels differed by 2e-4 in it.

    Parameters
    ----------
    network : keras.Model
    X : ndarray of shape (n_samples, ...)

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Probabilities.
    """
    parts = []
    for rows in batches(len(X), INFERENCE_BATCH):
        batch = X[rows]
        paired = batch if len(batch) > 1 else np.repeat(batch, 2, axis=0)
        parts.append(network.predict_on_batch(paired)[: len(batch)])
    return np.concatenate(parts).astype(np.float64)


def jit_compile() -> str | bool:
    """Say whether Keras should compile steps with XLA.

    Returns
    -------
    bool or 'auto'
        ``False`` for TensorFlow on a CPU, where XLA trains convolutions three times slower than
        TensorFlow's own kernels; else ``'auto'``, Keras's own choice.
    """
    return "auto" if keras.backend.backend() != "tensorflow" or has_gpu() else False


def _soft_targets(
    estimator: Trainable, fitted: Samples, validation: Samples | None
) -> tuple[Samples, Samples | None]:
    """Make soft labels the targets of training, and targets of validation one-hot to match."""
    if validation is not None:
        one_hot = np.eye(len(estimator.classes_), dtype=np.float32)
        validation = validation._replace(targets=one_hot[validation.targets])
    return fitted._replace(targets=np.asarray(fitted.soft_labels)), validation


def _give_logits(network: keras.Model) -> bool:
    """Take the softmax off the end of a network; say whether there was one to take.

    A loss of probabilities has to clip them, and where it clips, it has no gradient: a network that
    starts out too sure of itself would never learn. ``resnet50`` did so on JAX, at a loss of 12.07
    for good. TensorFlow finds the logits before a softmax by itself, other backends do not.
    """
    # What a subclass of Model makes of its layers is not to be seen.
    if not (outputs := getattr(network, "outputs", None)):
        return False
    last = network.layers[-1]
    ends_in_softmax = getattr(last, "activation", None) is keras.activations.softmax
    if not ends_in_softmax or last.output is not outputs[0]:
        return False
    last.activation = keras.activations.linear
    return True


def _training_model(
    estimator: Trainable,
    network: keras.Model,
    seed: int,
    teachers: list[keras.Model],
) -> keras.Model:
    """Put augmentation before the network, so that it runs inside the compiled step.

    There it runs where the network runs and needs no input pipeline, and the states of its random
    generators are among the model's variables, where a checkpoint finds them.
    """
    augmentation = dict(estimator.augmentation or {})
    averaging = dict(estimator.optimizer_params or {})
    mixup, cutmix = augmentation.get("mixup", 0), augmentation.get("cutmix", 0)
    inputs = x = keras.Input(estimator.input_shape_)
    for layer in augmentation_layers(augmentation, seed):
        x = layer(x)
    if not (mixup or cutmix or averaging.get("use_ema") or teachers):
        return keras.Model(inputs, network(x))
    if mixup or cutmix:
        # Last: the mixture of two faces is what the network is to see.
        x = Mix(mixup, cutmix, seed, name="mix")(x)
    outputs = network(x)
    if averaging.get("use_ema"):
        outputs = AveragedStatistics(network, averaging.get("ema_momentum", _EMA_MOMENTUM))(outputs)
    if teachers:
        outputs = {"logits": outputs, "opinion": MeanOpinion(teachers)(x)}
    model = TrainingModel(inputs, outputs)
    model.teacher_weight = estimator.teacher_weight
    return model


def _compile(estimator: Trainable, model: keras.Model, soft: bool, from_logits: bool) -> None:
    """Give a model its optimizer and loss.

    `soft` says that targets are shares of the classes, `from_logits` what the model gives.
    """
    config = {"learning_rate": estimator.learning_rate, **(estimator.optimizer_params or {})}
    # A method in Keras, for the optimizers that decay weights.
    undecayed = config.pop("exclude_from_weight_decay", None)
    try:
        optimizer = keras.optimizers.get({"class_name": estimator.optimizer, "config": config})
        if undecayed is not None:
            optimizer.exclude_from_weight_decay(var_names=list(undecayed))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"optimizer={estimator.optimizer!r} cannot be made with "
            f"optimizer_params={estimator.optimizer_params}: {error}"
        ) from error
    # Accuracy is counted against what the loss is computed from: indices, or shares.
    loss: keras.losses.Loss
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    smoothing = estimator.label_smoothing
    if soft:
        loss = keras.losses.CategoricalCrossentropy(from_logits, smoothing)
        accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
    elif estimator.loss == "categorical_crossentropy":
        loss = _OneHotCrossentropy(len(estimator.classes_), smoothing, from_logits)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits)
    if isinstance(model, TrainingModel):
        model.teacher_loss = keras.losses.CategoricalCrossentropy(from_logits)
    model.compile(
        optimizer=optimizer,
        loss=loss,
        # Weighted, to count samples as the loss does.
        weighted_metrics=[accuracy],
        jit_compile=jit_compile(),
    )


class _OneHotCrossentropy(keras.losses.Loss):
    """Categorical cross-entropy of class indices that are made one-hot inside the step.

    Of Keras's own losses, only those of one-hot labels smooth them, and everything else here takes
    class indices.
    """

    def __init__(self, n_classes: int, label_smoothing: float, from_logits: bool) -> None:
        super().__init__(name="categorical_crossentropy")
        self._n_classes = n_classes
        self._label_smoothing = label_smoothing
        self._from_logits = from_logits

    def call(self, y_true: Any, y_pred: Any) -> Any:
        # Keras makes a column of them, to match the rank of the probabilities.
        indices = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        return keras.losses.categorical_crossentropy(
            keras.ops.one_hot(indices, self._n_classes),
            y_pred,
            from_logits=self._from_logits,
            label_smoothing=self._label_smoothing,
        )


@contextmanager
def _building(seed: int | None = None) -> Iterator[None]:
    """Have what Keras keeps for the whole process to oneself, and give it back as it was.

    While layers are built, Keras draws their seeds from Python's own generator, and asks what
    ``keras.json`` says of axes and types. Threads of other libraries draw from it too, as Dask's
    do, so that Keras is given another meanwhile. Fits in several threads take turns here, for the
    fraction of a second that it takes to build a network: all that is drawn later, in training,
    comes from generators of the layers' own, and of the loop's. Nested, it does nothing.
    """
    with _TURN:
        if _nested:
            yield
            return
        python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
        data_format, floats = keras.config.image_data_format(), keras.config.floatx()
        _nested.append(True)
        try:
            keras.config.set_image_data_format("channels_last")
            keras.config.set_floatx("float32")
            if seed is not None:
                keras.utils.set_random_seed(seed)
                seed_generator.python_random = random.Random(seed)
            yield
        finally:
            seed_generator.python_random = random
            keras.config.set_image_data_format(data_format)
            keras.config.set_floatx(floats)
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
            _nested.clear()
