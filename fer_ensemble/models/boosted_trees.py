"""Gradient-boosted trees with early stopping.

XGBoost is imported only to train or to predict: listing members must not wait for it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fer_ensemble.evaluation import find_classes
from fer_ensemble.forks import after_fork
from fer_ensemble.libraries import require
from fer_ensemble.models.progress import ProgressDisplay
from fer_ensemble.models.stored_trees import rebuild_trees
from fer_ensemble.models.training_data import Samples, resolve_validation
from fer_ensemble.models.tree_bins import stored_bins
from fer_ensemble.splitting import row_digests
from fer_ensemble.stored_arrays import StoredArray

if TYPE_CHECKING:
    import xgboost

# Whether this process was forked from one with XGBoost in it.
_is_forked = False


def _note_fork() -> None:
    global _is_forked
    _is_forked = _is_forked or "xgboost" in sys.modules


after_fork(_note_fork)


@contextmanager
def _threads_that_are_there() -> Iterator[None]:
    """Keep XGBoost to one thread in a fork: OpenMP would wait for those that stayed behind.

    ``nthread=1`` does not reach all of what XGBoost does.
    """
    if not _is_forked:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "openmp"):
        yield


class BoostedTreesClassifier(ClassifierMixin, BaseEstimator):
    """Gradient-boosted trees (XGBoost) that stop when held-out data no longer gain.

    Adds to :class:`xgboost.XGBClassifier`: labels of any type, held-out data drawn without
    splitting exact copies, and a state of plain bytes (UBJSON in ``booster_``).

    Parameters
    ----------
    n_estimators : int, default=300
        Most boosting rounds, each of one tree per class.
    learning_rate : float, default=0.1
        Shrinkage of each tree.
    max_depth : int, default=6
        Depth of a tree; 0 sets no limit.
    min_child_weight : float, default=1
        Least sum of hessians in a leaf.
    subsample : float, default=1.0
        Share of the samples drawn for each tree.
    colsample_bytree : float, default=1.0
        Share of the features drawn for each tree.
    max_bin : int, default=256
        Histogram bins of a feature.
    early_stopping_rounds : int, default=20
        Rounds without gain in held-out log loss before the boosting stops.
    validation_fraction : float, default=0.1
        Share of the training data held out for that, stratified, exact copies kept on one
        side; ``None`` trains on everything, for all of `n_estimators`.
        Unused when ``fit`` is given `validation_data`.
    external_memory : bool, default=False
        Whether to keep the bins of samples that are on disk (a
        :class:`~fer_ensemble.stored_arrays.StoredArray`) on disk too, in the folder of temporary
        files: slower, and in little memory. Otherwise they take a byte a feature.
    n_jobs : int, default=None
        Threads; ``None`` takes all processors.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws.
    verbose : int, default=0
        1 shows a progress bar with the held-out loss and time left.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    booster_ : bytes
        The trees of the best round and before, as UBJSON.
    n_rounds_ : int
        Boosting rounds kept.
    training_digests_ : ndarray of uint64
        Sorted digests of the samples given to ``fit``, see
        :func:`~fer_ensemble.splitting.row_digests`.
    n_features_in_ : int
        Number of features.

    References
    ----------
    Chen, T. and Guestrin, C. (2016). XGBoost: a scalable tree boosting system. KDD.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fer_ensemble.models import BoostedTreesClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> BoostedTreesClassifier(n_estimators=5, random_state=0).fit(X, y).predict_proba(X).shape
    (150, 3)
    """

    needed_library: ClassVar = "xgboost"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "max_depth": [Interval(Integral, 0, None, closed="left")],
        "min_child_weight": [Interval(Real, 0, None, closed="left")],
        "subsample": [Interval(Real, 0, 1, closed="right")],
        "colsample_bytree": [Interval(Real, 0, 1, closed="right")],
        "max_bin": [Interval(Integral, 2, None, closed="left")],
        "early_stopping_rounds": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "external_memory": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_estimators: int = 300,
        *,
        learning_rate: float = 0.1,
        max_depth: int = 6,
        min_child_weight: float = 1.0,
        subsample: float = 1.0,
        colsample_bytree: float = 1.0,
        max_bin: int = 256,
        early_stopping_rounds: int = 20,
        validation_fraction: float | None = 0.1,
        external_memory: bool = False,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.max_bin = max_bin
        self.early_stopping_rounds = early_stopping_rounds
        self.validation_fraction = validation_fraction
        self.external_memory = external_memory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @_threads_that_are_there()
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> BoostedTreesClassifier:
        """Grow the trees.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the loss.
        validation_data : tuple of (X, y), default=None
            Held-out data to watch, in place of a share of `X`.

        Returns
        -------
        BoostedTreesClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of range, `X` is malformed or a class is too small to be held
            out.
        MissingLibraryError
            If XGBoost is not installed.
        """
        require(self.needed_library, "BoostedTreesClassifier")
        self._validate_params()
        samples = self._validate(X, y)
        check_classification_targets(y)
        self.classes_, targets = find_classes(y)
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, samples)
        if validation_data is not None:
            validation_data = (self._validate(validation_data[0]), validation_data[1])
        random = check_random_state(self.random_state)
        fitted, watched = resolve_validation(
            Samples(samples, targets, weight),
            validation_data,
            classes=self.classes_,
            validation_fraction=self.validation_fraction,
            random_state=random,
        )
        seed = random.randint(2**31 - 1)
        with TemporaryDirectory(prefix="fer-ensemble-trees-") as folder:
            self._grow(fitted, watched, seed, Path(folder) if self.external_memory else None)
        self.training_digests_ = np.unique(row_digests(X))
        return self

    def _grow(
        self, fitted: Samples, watched: Samples | None, seed: int, folder: Path | None
    ) -> None:
        import xgboost

        data = self._sort_into_bins(fitted, folder and folder / "fitted")
        evals, callbacks = [], []
        if watched is not None:
            held_out = self._sort_into_bins(watched, folder and folder / "held_out", data)
            evals.append((held_out, "held_out"))
            callbacks.append(
                xgboost.callback.EarlyStopping(rounds=self.early_stopping_rounds, save_best=True)
            )
        with ProgressDisplay("boosted trees", self.n_estimators, bool(self.verbose)) as display:
            booster = xgboost.train(
                self._xgboost_params(seed),
                data,
                num_boost_round=self.n_estimators,
                evals=evals,
                callbacks=[_round_display(display), *callbacks],
                verbose_eval=False,
            )
        self.n_rounds_ = booster.num_boosted_rounds()
        # Plain bytes: pickles and artifacts depend on XGBoost's format, not on its classes.
        self.booster_ = bytes(booster.save_raw("ubj"))
        # Bins on disk are gone when this ends, and the booster remembers them.
        self._booster = booster if folder is None else None

    def _sort_into_bins(
        self, samples: Samples, pages: Path | None, trained_on: xgboost.DMatrix | None = None
    ) -> xgboost.DMatrix:
        import xgboost

        X, y = samples.X, samples.targets
        if isinstance(X, StoredArray):
            sizes = {"max_bin": self.max_bin, "nthread": self.n_jobs}
            return stored_bins(samples, trained_on, **sizes, pages=pages)
        if trained_on is not None:
            return xgboost.DMatrix(X, y, nthread=self.n_jobs)
        # Binned at once, which takes a byte a feature in place of four.
        return xgboost.QuantileDMatrix(
            X, y, weight=samples.weight, max_bin=self.max_bin, nthread=self.n_jobs
        )

    def _validate(self, X: Any, y: Any = None) -> Any:
        """Check samples; those on disk stay there."""
        if isinstance(X, StoredArray):
            if y is not None:
                check_consistent_length(X, y)
            for number, batch in enumerate(X.batches()):
                validate_data(self, batch, reset=y is not None and not number, dtype=np.float32)
            return X
        if y is None:
            return validate_data(self, X, reset=False, dtype=np.float32)
        return validate_data(self, X, y, dtype=np.float32)[0]

    @_threads_that_are_there()
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, columns in the order of ``classes_``.

        Raises
        ------
        MissingLibraryError
            If XGBoost is not installed.
        ValueError
            If the stored trees are damaged.
        """
        check_is_fitted(self)
        samples = validate_data(self, X, reset=False, dtype=np.float32)
        probabilities = self._load_booster().inplace_predict(samples).astype(np.float64)
        # XGBoost's softmax is in single precision, whose sums are off by about 1e-7.
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n_samples,)
            The most probable label of each sample.
        """
        winners = self.predict_proba(X).argmax(axis=1)
        return self.classes_[winners]

    def _xgboost_params(self, seed: int) -> dict[str, Any]:
        return {
            "objective": "multi:softprob",
            "num_class": len(self.classes_),
            "tree_method": "hist",
            "eta": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "max_bin": self.max_bin,
            "nthread": self.n_jobs,
            "seed": seed,
        }

    def _load_booster(self) -> xgboost.Booster:
        require(self.needed_library, "BoostedTreesClassifier")
        import xgboost

        if getattr(self, "_booster", None) is None:
            booster = xgboost.Booster()
            # Whoever made the bytes: XGBoost reads only what was checked and written anew.
            trees = rebuild_trees(self.booster_, self.n_features_in_, len(self.classes_))
            booster.load_model(bytearray(trees))
            self._booster = booster
        return self._booster

    def __setstate__(self, state: dict[str, Any]) -> None:
        # One that an earlier release saved lacks the parameter that came later.
        super().__setstate__({"external_memory": False, **state})

    # The booster itself is a cache, made anew from its bytes.
    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_booster"}


def _round_display(display: ProgressDisplay) -> xgboost.callback.TrainingCallback:
    """Make the callback that shows rounds and held-out loss on a display."""
    import xgboost

    # Defined in here, since its base class is XGBoost's, which is imported late.
    class RoundDisplay(xgboost.callback.TrainingCallback):
        def after_iteration(
            self, model: xgboost.Booster, epoch: int, evals_log: dict[str, dict[str, Any]]
        ) -> bool:
            display.advance()
            figures = [
                f"{data} {name} {values[-1]:.3f}"
                for data, metrics in evals_log.items()
                for name, values in metrics.items()
            ]
            display.report(" · ".join([f"round {epoch + 1}", *figures]))
            return False  # whether to stop

    return RoundDisplay()
