"""A scikit-learn classifier around a Keras network."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Integral, Real
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fer_ensemble.evaluation import find_classes
from fer_ensemble.libraries import quiet_start, require
from fer_ensemble.models.cycles import check_cyclic
from fer_ensemble.models.schedules import SCHEDULES
from fer_ensemble.models.training_data import (
    Samples,
    balance_samples,
    check_soft_labels,
    resolve_validation,
)
from fer_ensemble.pixels import MOST_CHANNELS, check_faces
from fer_ensemble.splitting import content_hash, row_digests
from fer_ensemble.stored_arrays import StoredArray

if TYPE_CHECKING:
    import keras

# Parameters that an interrupted training may be resumed under other values of: they change nothing
# of it, or only its end (a budget); of `random_state`, the seed drawn from it counts.
_NOT_IN_FINGERPRINT = (
    "checkpoint",
    "flip_average",
    "random_state",
    "steps_per_execution",
    "time_budget",
    "verbose",
)


class KerasClassifier(ClassifierMixin, BaseEstimator):
    """Neural network classifier: a Keras architecture with scikit-learn's interface.

    Runs on every backend of Keras 3. The fitted state is plain arrays in ``weights_``, so the
    estimator clones, pickles and moves between backends. Training may use mixed precision;
    prediction is always in single precision, so that it is the same on every machine.

    Parameters
    ----------
    network : str or callable, default='dense'
        Name of a registered architecture, or a function
        ``network(input_shape, n_classes, **network_params)`` returning a :class:`keras.Model`.
        An ensemble can only be saved with a registered name.
    network_params : mapping, default=None
        Further arguments of `network`.
    augmentation : mapping, default=None
        Random changes of the training faces, see
        :func:`~fer_ensemble.models.augmentation.augmentation_layers`.
    balance : int, mapping of label to int, or {'max', 'min', 'mean'}, default=None
        How many training samples each class is brought to, after the held-out ones are set
        apart, see :func:`~fer_ensemble.datasets.balance_rows`.
    balance_augmentation : mapping, default=None
        Random changes of the samples that balancing repeats, made once before training.
    class_weight : {'balanced'} or mapping of label to float, default=None
        Weights of the classes in the loss, as in scikit-learn.
    loss : {'sparse_categorical_crossentropy', 'categorical_crossentropy'}, \
            default='sparse_categorical_crossentropy'
        Name of the Keras loss. Labels are made one-hot where it needs that.
    label_smoothing : float, default=0.0
        Share of the target that is spread over all classes; for
        ``loss='categorical_crossentropy'``.
    optimizer : str, default='adam'
        Name of a Keras optimizer.
    learning_rate : float, default=0.001
        Initial learning rate; the highest one for ``schedule='one_cycle'``.
    optimizer_params : mapping, default=None
        Further arguments of the optimizer, such as ``weight_decay``, ``momentum``, ``nesterov``
        and ``global_clipnorm``. With ``use_ema`` and ``ema_momentum``, the moving average of the
        weights, and of the statistics of batch normalisation, is what is validated and kept.
        ``exclude_from_weight_decay`` names what is not decayed, such as
        ``["bias", "gamma", "beta"]``.
    schedule : {'plateau', 'one_cycle', 'cosine', 'inverse_time', 'constant', 'fast_geometric'}, \
            default='plateau'
        ``'plateau'`` multiplies the learning rate by ``factor`` (0.25) whenever `monitor` has not
        improved for ``patience`` (3) epochs, down to ``min_lr`` (1e-6); ``'one_cycle'`` starts at
        1/``div_factor`` (25), warms up over the first ``warm_up`` (0.25) of the steps and anneals
        to zero along a cosine; ``'cosine'`` warms up from zero over the first ``warm_up`` (0.0) of
        the steps and anneals like that; ``'inverse_time'`` divides by
        1 + ``decay_rate`` (1e-6) × steps; ``'fast_geometric'`` falls to ``high`` (0.2) over the
        first ``share`` (0.8) of the steps, then goes down to ``low`` (0.01) once for each of the
        `snapshots`, and up to ``high`` between them.
    schedule_params : mapping, default=None
        Those parameters of the schedule that differ from the values in brackets.
    epochs : int, default=100
        Passes over the training data; early stopping may end sooner.
    time_budget : float, default=None
        Seconds that the training may take. Steps are timed as they go by, and the schedule is
        fitted to those that the budget affords, at most `epochs`; schedules that would not have
        come down by then are annealed along a cosine. Such a fit cannot be repeated exactly.
    batch_size : int, default=32
        Samples per step.
    steps_per_execution : int or 'auto', default='auto'
        How many steps are taken in one compiled call with Keras on JAX, the faces of all of them
        on the device. ``'auto'`` takes those of about a second, so that progress is shown; 1 takes
        one at a time, as other backends always do. It changes weights by rounding only.
    patience : int, default=10
        Epochs without improvement of `monitor` before training stops; ``None`` never stops.
        The best epoch's weights are restored either way. Unused where there are `snapshots`.
    monitor : {'loss', 'accuracy'}, default='loss'
        What on the held-out data decides about schedule, stopping and best epoch.
    validation_fraction : float, default=0.1
        Share of the training data held out for that, stratified, exact copies kept on one
        side; ``None`` trains on everything, and the training data themselves decide.
        Unused when ``fit`` is given `validation_data`.
    snapshots : int, default=1
        How many networks are made of one training (Huang et al., 2017): with more than 1, the
        schedule ``'cosine'`` or ``'one_cycle'`` is gone through so many times, each taking an equal
        share of the epochs, and the weights at the end of each cycle are kept, not those of the
        best epoch. The probabilities are the mean of all, at so many times the cost of
        prediction; :func:`~fer_ensemble.models.split_snapshots` makes a member of each. The
        schedule ``'fast_geometric'`` keeps them where its rate is lowest (Garipov et al., 2018).
    flip_average : bool, default=False
        Whether to average the probabilities of each face and of its mirror image; doubles the
        cost of prediction.
    teacher_weight : float, default=0.85
        Share of the loss that is against what teachers make of a face, where ``fit`` is given
        some; the rest is against the labels.
    precision : str, default='auto'
        Keras dtype policy of training. ``'auto'`` is mixed_bfloat16 on GPUs that compute in
        bfloat16 and on processors with AMX, else float32.
    checkpoint : path-like, default=None
        File that keeps the state of the training after every epoch. A fit of the same estimator
        on the same data resumes it, to the same result as an uninterrupted one.
    warm_start : bool, default=False
        Whether ``fit`` starts from the weights of the last one, under a fresh schedule.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, shuffling, dropout and augmentation.
    verbose : int, default=0
        1 shows a progress bar with loss, accuracy and time left.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    weights_ : list of ndarray
        The network's weights, in Keras's order; those of one snapshot after those of another.
    input_shape_ : tuple of int
        Shape of one sample.
    history_ : dict of str to list of float
        Per epoch: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ``learning_rate``,
        ``seconds`` and ``epoch``, the epochs done, of which a time budget may end the last early.
    class_counts_ : dict of str to dict
        Training samples of each class ``'before'`` and ``'after'`` balancing.
    training_digests_ : ndarray of uint64
        Sorted digests of the samples given to ``fit``, see
        :func:`~fer_ensemble.splitting.row_digests`; a warm start adds to them.
    n_features_in_ : int
        Number of columns; only for tables.

    Examples
    --------
    >>> from fer_ensemble.datasets import make_faces
    >>> from fer_ensemble.models import KerasClassifier
    >>> faces, labels, _ = make_faces(140, random_state=0)
    >>> network = KerasClassifier("cnn_1", epochs=1, random_state=0)
    >>> network.fit(faces, labels).predict_proba(faces).shape
    (140, 7)
    """

    # Read by ensembles that fit members in processes: networks take a whole machine, or the devices
    # of a cluster's worker.
    fits_alone = True

    needed_library: ClassVar = "keras"

    # What `fit` checks before it touches any data. What a parameter's contents may be is checked by
    # what reads them, where it also stands: architectures, augmentation, balancing, optimizers and
    # the parameters of schedules.
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "network": [str, callable],
        "network_params": [Mapping, None],
        "augmentation": [Mapping, None],
        "balance": [Integral, str, Mapping, None],
        "balance_augmentation": [Mapping, None],
        "class_weight": [StrOptions({"balanced"}), Mapping, None],
        "loss": [StrOptions({"sparse_categorical_crossentropy", "categorical_crossentropy"})],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "optimizer": [str],
        "learning_rate": [Interval(Real, 0, None, closed="left")],
        "optimizer_params": [Mapping, None],
        "schedule": [StrOptions(set(SCHEDULES))],
        "schedule_params": [Mapping, None],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "time_budget": [Interval(Real, 0, None, closed="neither"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "steps_per_execution": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "patience": [Interval(Integral, 0, None, closed="left"), None],
        "monitor": [StrOptions({"loss", "accuracy"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "snapshots": [Interval(Integral, 1, 100, closed="both")],
        "flip_average": ["boolean"],
        "teacher_weight": [Interval(Real, 0, 1, closed="both")],
        "precision": [str],
        "checkpoint": [str, os.PathLike, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        network: str | Callable[..., keras.Model] = "dense",
        *,
        network_params: Mapping[str, Any] | None = None,
        augmentation: Mapping[str, Any] | None = None,
        balance: int | str | Mapping[Any, int] | None = None,
        balance_augmentation: Mapping[str, Any] | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        loss: str = "sparse_categorical_crossentropy",
        label_smoothing: float = 0.0,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        optimizer_params: Mapping[str, Any] | None = None,
        schedule: str = "plateau",
        schedule_params: Mapping[str, Any] | None = None,
        epochs: int = 100,
        time_budget: float | None = None,
        batch_size: int = 32,
        steps_per_execution: int | str = "auto",
        patience: int | None = 10,
        monitor: str = "loss",
        validation_fraction: float | None = 0.1,
        snapshots: int = 1,
        flip_average: bool = False,
        teacher_weight: float = 0.85,
        precision: str = "auto",
        checkpoint: str | os.PathLike[str] | None = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.network = network
        self.network_params = network_params
        self.augmentation = augmentation
        self.balance = balance
        self.balance_augmentation = balance_augmentation
        self.class_weight = class_weight
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.optimizer_params = optimizer_params
        self.schedule = schedule
        self.schedule_params = schedule_params
        self.epochs = epochs
        self.time_budget = time_budget
        self.batch_size = batch_size
        self.steps_per_execution = steps_per_execution
        self.patience = patience
        self.monitor = monitor
        self.validation_fraction = validation_fraction
        self.snapshots = snapshots
        self.flip_average = flip_average
        self.teacher_weight = teacher_weight
        self.precision = precision
        self.checkpoint = checkpoint
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        soft_labels: ArrayLike | None = None,
        teachers: Sequence[KerasClassifier] = (),
    ) -> KerasClassifier:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Features, or faces of pixels 0–255: whole numbers of any type, see
            :func:`~fer_ensemble.pixels.check_faces`. A `StoredArray` is read step by step.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the loss.
        validation_data : tuple of (X, y), default=None
            Held-out data, in place of a share of `X`.
        soft_labels : array-like of shape (n_samples, n_classes), default=None
            Shares of the classes, in sorted order, to train on in place of `y`, such as the votes
            of several people or the probabilities of a teacher (Hinton et al., 2015). Only for
            ``loss='categorical_crossentropy'``. `y` still stratifies, balances and validates.
        teachers : sequence of KerasClassifier, default=()
            Fitted classifiers of the same classes and shape of face. Their networks see each
            changed and mixed batch beside this one, and it learns their mean probabilities beside
            the labels (Beyer et al., 2022), see `teacher_weight`. They stay as they are.

        Returns
        -------
        KerasClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of range, `X` or `soft_labels` are malformed, a class is too
            small to be held out, ``warm_start`` meets other classes or another shape than the
            last fit, or a teacher is none.
        MissingLibraryError
            If Keras, or the backend that it is set to, is not installed.
        """
        require(self.needed_library, "KerasClassifier")
        self._check_parameters(soft_labels is not None)
        samples = self._validate(X, y, reset=True)
        check_classification_targets(y)
        classes, targets = find_classes(y)
        is_warm = self.warm_start and hasattr(self, "weights_")
        if is_warm:
            self._check_warm_start(classes, samples.shape[1:])
        self.classes_ = classes
        self.input_shape_: tuple[int, ...] = samples.shape[1:]
        self._check_teachers(teachers)
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, samples)
        if validation_data is not None:
            validation_data = (
                self._validate(validation_data[0], reset=False),
                validation_data[1],
            )
        random = check_random_state(self.random_state)
        soft = None if soft_labels is None else check_soft_labels(soft_labels, y, classes)
        fitted, validation = resolve_validation(
            Samples(samples, targets, weight, soft),
            validation_data,
            classes=classes,
            validation_fraction=self.validation_fraction,
            random_state=random,
        )
        # Drawn once, after the held-out samples: all that follows has its seed from this one.
        seed = random.randint(2**31 - 1)
        fitted, self.class_counts_ = balance_samples(
            fitted,
            classes,
            target=self.balance,
            augmentation=self.balance_augmentation,
            class_weight=self.class_weight,
            random_state=seed,
        )
        weights = _training().divide_snapshots(self)[-1] if is_warm else None
        self.weights_: list[NDArray[Any]]
        lessons = [(teacher.network, teacher.weights_) for teacher in teachers]
        fingerprint = self._fingerprint(fitted, validation, seed, weights, *lessons)
        self.weights_, self.history_ = _training().train(
            self, fitted, validation, seed, weights, fingerprint, teachers
        )
        # Kept so that an evaluation can tell faces that a network was trained on from new ones.
        digests = row_digests(X)
        former = getattr(self, "training_digests_", digests) if is_warm else digests
        self.training_digests_ = np.union1d(digests, former)
        self._network = self._build()
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Features, or faces of pixels 0–255; each of the shape ``input_shape_``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, columns in the order of ``classes_``.

        Raises
        ------
        ValueError
            If `X` has another shape than in ``fit``, or faces are no pixels; see
            :func:`~fer_ensemble.pixels.check_faces`.
        MissingLibraryError
            If Keras, or the backend that it is set to, is not installed.
        """
        check_is_fitted(self)
        if isinstance(X, StoredArray):
            return X.in_parts(self.predict_proba)
        samples = self._validate(X, reset=False)
        # Not there after a pickle or a load: only arrays are stored.
        if getattr(self, "_network", None) is None:
            self._network = self._build()
        predict_batches = _training().predict_batches
        probabilities = predict_batches(self._network, samples)
        if self.flip_average:
            probabilities = probabilities + predict_batches(self._network, samples[:, :, ::-1])
        # In double precision, single-precision probabilities no longer sum to 1 exactly.
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Features, or faces of pixels 0–255; each of the shape ``input_shape_``.

        Returns
        -------
        ndarray of shape (n_samples,)
            The most probable label of each sample.
        """
        winners = self.predict_proba(X).argmax(axis=1)
        return self.classes_[winners]

    def _check_parameters(self, has_soft_labels: bool) -> None:
        self._validate_params()
        if self.snapshots > 1:
            check_cyclic(self.snapshots, self.schedule)
        if self.loss == "categorical_crossentropy":
            return
        # Class indices can be neither smoothed nor shared.
        for name, given in (
            ("label_smoothing", self.label_smoothing),
            ("soft_labels", has_soft_labels),
        ):
            if given:
                raise ValueError(
                    f"loss={self.loss!r} cannot take {name}: set loss='categorical_crossentropy'."
                )

    def _build(self) -> keras.Model:
        """Build the network for prediction and load the fitted weights into it."""
        training = _training()
        network = training.fitted_network(self, "float32")
        network.compile(jit_compile=training.jit_compile())
        return network

    def _fingerprint(self, *data: Any) -> str:
        """Identify a training: whatever has another fingerprint may end in other weights."""
        if self.checkpoint is None:
            return ""  # hashing all faces takes time
        params = {k: v for k, v in self.get_params().items() if k not in _NOT_IN_FINGERPRINT}
        # A function can't be hashed by what it does.
        params["network"] = getattr(self.network, "__qualname__", self.network)
        return content_hash([params, data])

    def _check_teachers(self, teachers: Sequence[KerasClassifier]) -> None:
        for teacher in teachers:
            if not isinstance(teacher, KerasClassifier):
                raise ValueError(
                    f"A {type(teacher).__name__} cannot teach: teachers see each changed batch "
                    "inside the compiled step, so that they must be fitted KerasClassifiers. "
                    "Others can give soft_labels."
                )
            check_is_fitted(teacher)
            for what, found, needed in (
                ("classes", teacher.classes_.tolist(), self.classes_.tolist()),
                ("shape of samples", teacher.input_shape_, self.input_shape_),
            ):
                if found != needed:
                    raise ValueError(
                        f"A teacher was fitted on the {what} {found}, but here they are {needed}: "
                        "fit teachers on the same."
                    )

    def _check_warm_start(self, classes: NDArray[Any], input_shape: tuple[int, ...]) -> None:
        for what, new, old in (
            ("classes", classes.tolist(), self.classes_.tolist()),
            ("sample shape", input_shape, self.input_shape_),
        ):
            if new != old:
                raise ValueError(
                    f"warm_start needs the {what} of the last fit, {old}, and not {new}: "
                    "fit on the same, or take a fresh estimator."
                )

    def _validate(self, X: Any, y: Any = "no_validation", *, reset: bool) -> Any:
        if isinstance(X, StoredArray):
            return self._validate_stored(X, y, reset=reset)
        shape = np.asarray(X).shape[1:] if reset else self.input_shape_
        is_table = len(shape) < 2
        # Maps of features have more channels than any picture.
        is_maps = len(shape) == 3 and min(shape[0], shape[2]) > MOST_CHANNELS
        if not (is_table or is_maps):
            expected = None if reset else shape[:-1] if shape[-1] == 1 else shape
            # Faces stay uint8, a quarter of the memory; the network converts a batch at a time.
            X = check_faces(X, "KerasClassifier", expected, color=True)
        checks: dict[str, Any] = {"ensure_2d": is_table, "allow_nd": True, "dtype": "numeric"}
        if isinstance(y, str):
            X = validate_data(self, X, reset=reset, **checks)
        else:
            X, _ = validate_data(self, X, y, reset=reset, **checks)
        if X.dtype != np.uint8:
            X = X.astype(np.float32, copy=False)
        # Grayscale faces get the channel axis that convolutions expect.
        return X[..., np.newaxis] if X.ndim == 3 else X

    def _validate_stored(self, X: StoredArray, y: Any, *, reset: bool) -> StoredArray:
        """Check samples on disk without reading more of them than a batch at a time."""
        if not isinstance(y, str):
            check_consistent_length(X, y)
        # The first tell of the shape and of the type of them all.
        kind = self._validate(np.asarray(X[:2]), reset=reset).dtype
        if X.dtype != np.uint8:
            for batch in X.batches():
                self._validate(batch, reset=reset)
            X = X.mapped(partial(np.asarray, dtype=kind))
        return X.mapped(_with_channel) if X.ndim == 3 else X

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_network"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # One that an earlier release saved lacks the parameters that came later.
        signature = inspect.signature(type(self).__init__).parameters
        defaults = {name: entry.default for name, entry in signature.items() if name != "self"}
        super().__setstate__({**defaults, **state})

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.non_deterministic = self.random_state is None
        return tags


def _with_channel(faces: NDArray[Any]) -> NDArray[Any]:
    return faces[..., np.newaxis]


def _training() -> ModuleType:
    """Import the training loop, and Keras with its backend, when a network is first needed."""
    require(KerasClassifier.needed_library, "KerasClassifier")
    with quiet_start("fer_ensemble.models.training"):
        from fer_ensemble.models import training
    return training
