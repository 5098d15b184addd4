"""What the attributes of one stored estimator must be to each other, as native code believes.

Each check takes the attributes of an estimator of its class, before it is built, and raises
`ValueError` for what the class never holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fer_ensemble.artifact.kinds import FEATURES, array, check_features, mapping, real
from fer_ensemble.artifact.stored_forests import check_predictor, check_tree
from fer_ensemble.models.stored_trees import rebuild_trees

#: Classes of scikit-learn's that hold one decision tree.
TREES = ("DecisionTreeClassifier", "ExtraTreeClassifier")
_COUNTS = ("blocks", "convolutions")


def _check_hog(state: dict[str, Any]) -> None:
    if "face_shape_" in state:
        parameters = {name: state[name] for name in FEATURES["HOG"]}
        check_features("HOG", parameters, state["face_shape_"])


def _check_trees(state: dict[str, Any]) -> None:
    if "booster_" in state:
        rebuild_trees(state["booster_"], state["n_features_in_"], len(state["classes_"]))


def _check_network(state: dict[str, Any]) -> None:
    weights = (state.get("network_params") or {}).get("weights")
    if weights not in (None, "imagenet"):
        raise ValueError(f"KerasClassifier: network_params: weights is a path, {weights!r}")
    # To build layers takes time even where they take no memory: each has weights.
    n_arrays = len(state.get("weights_", range(16)))
    for name, value in (state.get("network_params") or {}).items():
        counts = [sum(value)] if name in _COUNTS and isinstance(value, list | tuple) else []
        counts += [len(value)] if isinstance(value, list | tuple) else []
        counts += [value // 1024] if name == "size" else []
        if max(counts, default=0) > n_arrays:
            raise ValueError(f"KerasClassifier: network_params: {name} is more than its weights")


def _check_regressor(state: dict[str, Any]) -> None:
    if "shape_" in state and state["shape_"].shape != (68, 2):
        raise ValueError(f"LandmarkRegressor: its mean shape is of {state['shape_'].shape}")


def _check_support(state: dict[str, Any]) -> None:
    """Check the arrays of a support vector machine, whose sizes libsvm believes."""
    if state["kernel"] not in ("linear", "poly", "rbf", "sigmoid") or state.get("_sparse"):
        raise ValueError("SVC: its kernel is no built-in one on whole arrays")
    if "support_vectors_" not in state:
        return
    vectors, counts = state["support_vectors_"], state["_n_support"]
    n_classes, pairs = len(counts), len(counts) * (len(counts) - 1) // 2
    sizes = {
        "support_": (len(vectors),),
        "support_vectors_": (len(vectors), state["n_features_in_"]),
        "_dual_coef_": (n_classes - 1, len(vectors)),
        "dual_coef_": (n_classes - 1, len(vectors)),
        "_intercept_": (pairs,),
        "classes_": (n_classes,),
    }
    for name, shape in sizes.items():
        if state[name].shape != shape:
            raise ValueError(f"SVC: {name} is of the shape {state[name].shape}, and not {shape}")
    if np.any(counts < 0) or counts.sum() != len(vectors) or n_classes < 2:
        raise ValueError("SVC: _n_support does not count its support vectors")
    for name in ("_probA", "_probB"):
        if state[name].shape not in ((0,), (pairs,)):
            raise ValueError(f"SVC: {name} is of the shape {state[name].shape}")


def _check_metric(state: dict[str, Any]) -> None:
    metric, further = state["effective_metric_"], state["effective_metric_params_"]
    names = ("euclidean", "manhattan", "cityblock", "minkowski")
    if metric not in names or set(further) - {"p"} or not mapping(real(1, 100)).holds(further):
        raise ValueError(f"KNeighborsClassifier: its metric is {metric!r} with {further}")
    if not array("f", 2).holds(state["_fit_X"]) or not state["_fit_X"].size:
        raise ValueError("KNeighborsClassifier: its samples are no finite numbers")


def _check_neighbours(state: dict[str, Any]) -> None:
    if "_fit_X" not in state:
        return
    if state["_fit_method"] not in ("ball_tree", "brute", "kd_tree") or state["_tree"] is not None:
        raise ValueError("KNeighborsClassifier: its algorithm is unknown, or its tree is stored")
    if state["_fit_method"] != "brute":
        _check_metric(state)
    if state["metric"] not in ("minkowski", "euclidean", "manhattan", "cosine", "cityblock"):
        raise ValueError(f"KNeighborsClassifier: its metric is {state['metric']!r}")
    places, samples = state["_y"], state["_fit_X"]
    if places.shape != (len(samples),) or places.dtype.kind not in "iu" or samples.ndim != 2:
        raise ValueError("KNeighborsClassifier: it has not one label for each sample")
    if np.any((places < 0) | (places >= len(state["classes_"]))):
        raise ValueError("KNeighborsClassifier: a sample has a label beyond its classes")
    if state["n_features_in_"] != samples.shape[1] or state["n_samples_fit_"] != len(samples):
        raise ValueError("KNeighborsClassifier: its samples have not the shape that it tells")


def _check_decisions(state: dict[str, Any]) -> None:
    if "tree_" in state:
        if state["n_outputs_"] != 1 or state["n_classes_"] != len(state["classes_"]):
            raise ValueError("its classes are not as many as it tells")
        check_tree(state["tree_"], state["n_features_in_"], state["n_classes_"])


def _check_forest(state: dict[str, Any]) -> None:
    # Its trees are asked without a further look at the faces' features.
    for tree in state.get("estimators_", ()):
        if tree.path.rpartition(".")[2] not in TREES or "tree_" not in tree.state:
            raise ValueError("one of its trees is none")
        for name in ("n_features_in_", "n_classes_", "n_outputs_"):
            if tree.state[name] != state[name]:
                raise ValueError(f"{name} of one of its trees is {tree.state[name]!r:.60}")


def _check_boosting(state: dict[str, Any]) -> None:
    for predictors in state.get("_predictors", ()):
        for predictor in predictors:
            check_predictor(predictor, state["n_features_in_"])


def _check_stack(state: dict[str, Any]) -> None:
    # Methods of its estimators that are called by name.
    known = ("decision_function", "predict", "predict_proba")
    if not all(method in known for method in state.get("stack_method_", ())):
        raise ValueError(f"StackingClassifier: stack_method_ must be of {', '.join(known)}")


def _check_selection(state: dict[str, Any]) -> None:
    if state["importance_getter"] != "auto":
        raise ValueError("SelectFromModel: only importance_getter='auto' can be stored")


#: Checks of an estimator's attributes that depend on each other, by the name of its class.
FURTHER: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "BoostedTreesClassifier": _check_trees,
    "DecisionTreeClassifier": _check_decisions,
    "ExtraTreeClassifier": _check_decisions,
    "ExtraTreesClassifier": _check_forest,
    "HOG": _check_hog,
    "HistGradientBoostingClassifier": _check_boosting,
    "KNeighborsClassifier": _check_neighbours,
    "KerasClassifier": _check_network,
    "LandmarkRegressor": _check_regressor,
    "RandomForestClassifier": _check_forest,
    "SVC": _check_support,
    "SelectFromModel": _check_selection,
    "StackingClassifier": _check_stack,
}
