"""What each class in a stored member may hold; checked before anything is built of it.

Of this package's classes, every attribute by its kind. Of scikit-learn's, those whose predictions
are NumPy's work: their parameters by scikit-learn's own constraints, and plain values beside them;
those that hand arrays to native code have checks of their own. None holds a path, a function, or
what would read a pickle.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fer_ensemble.artifact.further_checks import FURTHER, TREES
from fer_ensemble.artifact.kinds import (
    COUNT,
    FEATURES,
    FLAG,
    NOTHING,
    PAIR,
    SEED,
    Kind,
    array,
    check_entries,
    check_kind,
    mapping,
    one_of,
    plain,
    real,
    several,
    text,
    whole,
)
from fer_ensemble.artifact.stored_forests import StoredTree
from fer_ensemble.models import NETWORKS

#: Parameters that say where or how something is done, and nothing of what comes out: paths at which
#: pickles would be read, processes, output. Stored and loaded as their defaults.
PLACES = ("checkpoint", "memory", "n_jobs", "verbose")

#: What answers do without, by class, and what is stored in its place: functions, optimizers, a
#: second list of the same estimators, and trees of neighbours, which are built anew of the samples.
REPLACED: Mapping[str, Mapping[str, Any]] = {
    "KNeighborsClassifier": {"_tree": None},
    "MLPClassifier": {"_optimizer": None},
    "SelectKBest": {"score_func": None},
    "StackingClassifier": {"named_estimators_": None},
    "VotingClassifier": {"named_estimators_": None},
}


@dataclass(frozen=True)
class StoredEstimator:
    """An estimator as it stands in a file, not built yet.

    Parameters
    ----------
    path : str
        Module and name of its class.
    state : dict of str to object
        Its attributes: plain values, arrays, and other estimators like this.
    """

    path: str
    state: dict[str, Any]


_PART = Kind("an estimator", lambda x: isinstance(x, StoredEstimator))
_NUMBER = real(-1e12, 1e12)
_POSITIVE = real(0, 1e12)
_SHARE = real(0, 1)
_LABELS = array("iubUO", 1)
_DIGESTS = array("u", 1)
_SHORT = plain(largest=16_384, longest=256, levels=4)
_COMMON = {
    "n_features_in_": whole(1, 10**7),
    "feature_names_in_": array("UO", 1),
    "_sklearn_output_config": mapping(text(20), 5),
}
_STEPS = Kind(
    "a list of steps, each a name and an estimator",
    lambda x: (
        isinstance(x, list)
        and 0 < len(x) <= 100
        and all(
            isinstance(step, tuple)
            and len(step) == 2
            and isinstance(step[0], str)
            and (step[1] in (None, "passthrough", "drop") or _PART.holds(step[1]))
            for step in x
        )
    ),
)
_LAYERS = Kind(
    "layers of weights and biases, each with as many inputs as the last has outputs",
    lambda x: isinstance(x, list) and 0 < len(x) <= 32 and _are_layers(x),
)


def _are_layers(layers: list[Any]) -> bool:
    pair = Kind("", lambda x: isinstance(x, tuple) and len(x) == 2)
    if not all(map(pair.holds, layers)):
        return False
    for weights, biases in layers:
        if not array("f", 2).holds(weights) or not array("f", 1).holds(biases):
            return False
        if weights.shape[1:] != biases.shape:
            return False
    widths = [(weights.shape[0], weights.shape[1]) for weights, _ in layers]
    return all(a[1] == b[0] for a, b in itertools.pairwise(widths))


_OURS: Mapping[str, Mapping[str, Kind]] = {
    "fer_ensemble.features.hog.HOG": {
        **FEATURES["HOG"],
        "n_jobs": NOTHING,
        "memory": NOTHING,
        "face_shape_": PAIR,
        "n_features_out_": COUNT,
    },
    "fer_ensemble.features.landmarks.Landmarks": {
        **FEATURES["Landmarks"],
        "regressor": NOTHING | _PART,
        "regressor_": _PART,
        "shape_": array("f", 2),
        "n_features_out_": COUNT,
    },
    "fer_ensemble.features.landmark_regressor.LandmarkRegressor": {
        "hidden_layer_sizes": several(whole(1, 65_536), 0, 32),
        "n_stages": whole(1, 100),
        "epochs": COUNT,
        "batch_size": COUNT,
        "learning_rate": _POSITIVE,
        "weight_decay": _POSITIVE,
        "rotation": _POSITIVE,
        "zoom": _POSITIVE,
        "shift": _POSITIVE,
        "random_state": SEED,
        "verbose": whole(0, 0),
        "shape_": array("f", 2),
        "stages_": several(_LAYERS, 1, 100),
        "n_left_out_": whole(0, 2**31),
    },
    "fer_ensemble.models.boosted_trees.BoostedTreesClassifier": {
        "n_estimators": COUNT,
        "learning_rate": _POSITIVE,
        "max_depth": whole(0, 512),
        "min_child_weight": _POSITIVE,
        "subsample": _SHARE,
        "colsample_bytree": _SHARE,
        "max_bin": whole(2, 65_536),
        "early_stopping_rounds": COUNT,
        "validation_fraction": _SHARE | NOTHING,
        "external_memory": FLAG,
        "n_jobs": NOTHING,
        "random_state": SEED,
        "verbose": whole(0, 0),
        "classes_": _LABELS,
        "booster_": Kind("bytes", lambda x: isinstance(x, bytes)),
        "n_rounds_": COUNT,
        "training_digests_": _DIGESTS,
    },
    "fer_ensemble.models.keras_classifier.KerasClassifier": {
        "network": one_of(*NETWORKS),
        "network_params": _SHORT,
        "augmentation": _SHORT,
        "balance": whole(0, 2**31) | text(20) | mapping(whole(0, 2**31)) | NOTHING,
        "balance_augmentation": _SHORT,
        "class_weight": one_of("balanced") | mapping(_POSITIVE) | NOTHING,
        "loss": one_of("sparse_categorical_crossentropy", "categorical_crossentropy"),
        "label_smoothing": _SHARE,
        "optimizer": text(50),
        "learning_rate": _POSITIVE,
        "optimizer_params": _SHORT,
        "schedule": text(50),
        "schedule_params": _SHORT,
        "epochs": COUNT,
        "time_budget": _POSITIVE | NOTHING,
        "batch_size": COUNT,
        "steps_per_execution": COUNT | one_of("auto"),
        "patience": whole(0, 2**31) | NOTHING,
        "monitor": one_of("loss", "accuracy"),
        "validation_fraction": _SHARE | NOTHING,
        "snapshots": whole(1, 100),
        "flip_average": FLAG,
        "teacher_weight": _SHARE,
        "precision": text(50),
        "checkpoint": NOTHING,
        "warm_start": FLAG,
        "random_state": SEED,
        "verbose": whole(0, 0),
        "classes_": _LABELS,
        "weights_": several(array("fiu"), 0, 10_000),
        "input_shape_": several(whole(1, 10**6), 1, 3),
        "history_": plain(longest=10**5, levels=3),
        "class_counts_": mapping(mapping(whole(0, 2**53)), 2),
        "training_digests_": _DIGESTS,
    },
    "fer_ensemble.models.pipeline.MemberPipeline": {
        "steps": _STEPS,
        "mirror": FLAG,
        "transform_input": several(text(100)) | NOTHING,
        "memory": NOTHING,
        "verbose": Kind("false", lambda x: x is False),
        "training_digests_": _DIGESTS,
    },
}

# Classes of scikit-learn's, by module.
_SKLEARN = {
    "calibration": "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration",
    "decomposition._incremental_pca": "IncrementalPCA",
    "decomposition._pca": "PCA",
    "decomposition._truncated_svd": "TruncatedSVD",
    "discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    "dummy": "DummyClassifier",
    "ensemble._bagging": "BaggingClassifier",
    "ensemble._forest": "ExtraTreesClassifier RandomForestClassifier",
    "ensemble._hist_gradient_boosting.binning": "_BinMapper",
    "ensemble._hist_gradient_boosting.gradient_boosting": "HistGradientBoostingClassifier",
    "ensemble._stacking": "StackingClassifier",
    "ensemble._voting": "VotingClassifier",
    "ensemble._weight_boosting": "AdaBoostClassifier",
    "feature_selection._from_model": "SelectFromModel",
    "feature_selection._univariate_selection": "SelectKBest",
    "feature_selection._variance_threshold": "VarianceThreshold",
    "frozen._frozen": "FrozenEstimator",
    "kernel_approximation": "Nystroem RBFSampler",
    "linear_model._logistic": "LogisticRegression LogisticRegressionCV",
    "linear_model._perceptron": "Perceptron",
    "linear_model._ridge": "RidgeClassifier RidgeClassifierCV",
    "linear_model._stochastic_gradient": "SGDClassifier",
    "multiclass": "OneVsOneClassifier OneVsRestClassifier",
    "naive_bayes": "BernoulliNB ComplementNB GaussianNB MultinomialNB",
    "neighbors._classification": "KNeighborsClassifier",
    "neighbors._nearest_centroid": "NearestCentroid",
    "neural_network._multilayer_perceptron": "MLPClassifier",
    "pipeline": "FeatureUnion Pipeline",
    "preprocessing._data": (
        "Binarizer MaxAbsScaler MinMaxScaler Normalizer PowerTransformer QuantileTransformer "
        "RobustScaler StandardScaler"
    ),
    "preprocessing._label": "LabelBinarizer LabelEncoder",
    "preprocessing._polynomial": "PolynomialFeatures",
    "random_projection": "GaussianRandomProjection",
    "svm._classes": "LinearSVC SVC",
    "tree._classes": "DecisionTreeClassifier ExtraTreeClassifier",
}
_SKLEARN_PATHS = frozenset(
    f"sklearn.{module}.{name}" for module, names in _SKLEARN.items() for name in names.split()
)
# Where estimators stand in those of scikit-learn's that are made of others.
_HELD = (
    "_bin_mapper",
    "_label_binarizer",
    "_label_encoder",
    "_predictors",
    "_scaler",
    "calibrated_classifiers_",
    "calibrators",
    "estimator",
    "estimator_",
    "estimators",
    "estimators_",
    "final_estimator",
    "final_estimator_",
    "label_binarizer_",
    "le_",
    "steps",
    "transformer_list",
)
_VALUES = plain()

#: Classes that a member may be made of, by module and name.
ALLOWED = frozenset(_OURS) | _SKLEARN_PATHS


def check_contents(stored: StoredEstimator) -> None:
    """Check an estimator, and those inside it, before it is built.

    Parameters
    ----------
    stored : StoredEstimator
        Of a class in `ALLOWED`.

    Raises
    ------
    ValueError
        If it holds what its class never does: says what, and what it must be.
    """
    name = stored.path.rpartition(".")[2]
    if stored.path in _OURS:
        check_entries(stored.state, {**_COMMON, **_OURS[stored.path]}, name)
    else:
        for key, value in stored.state.items():
            if key not in _HELD and (key != "tree_" or name not in TREES):
                check_kind(value, _VALUES, f"{name}: {key}")
    if name in FURTHER:
        try:
            FURTHER[name](stored.state)
        except (KeyError, AttributeError, TypeError) as error:
            raise ValueError(f"{name}: {error} is missing or of another type") from error
    for key, value in stored.state.items():
        if key != "tree_" or name not in TREES:
            _check_inside(value)


def _check_inside(value: Any) -> None:
    if isinstance(value, StoredEstimator):
        check_contents(value)
    elif isinstance(value, StoredTree):
        raise ValueError("a tree stands where none belongs")
    elif isinstance(value, list | tuple):
        for entry in value:
            _check_inside(entry)
