"""Trees of scikit-learn as they stand in files, checked before native code gets them.

Its compiled walk from the root to a leaf believes every node: children and features are checked
here to lie where it may read, and the depth and counts to be those of the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A node, as scikit-learn lays it out.
NODE = np.dtype(
    [
        ("left_child", "<i8"),
        ("right_child", "<i8"),
        ("feature", "<i8"),
        ("threshold", "<f8"),
        ("impurity", "<f8"),
        ("n_node_samples", "<i8"),
        ("weighted_n_node_samples", "<f8"),
        ("missing_go_to_left", "u1"),
    ],
    align=True,
)
_LEAF = -1
_MOST_NODES = 5_000_000
_MOST_CLASSES = 1000


@dataclass(frozen=True)
class StoredTree:
    """A tree as it stands in a file, not built yet.

    Parameters
    ----------
    arguments : object
        What its class is called with: number of features, of classes, of outputs.
    state : object
        Its ``max_depth``, ``node_count``, ``nodes`` and ``values``.
    """

    arguments: Any
    state: Any


def check_tree(tree: Any, n_features: Any, n_classes: Any) -> None:
    """Check a tree before it is built.

    Parameters
    ----------
    tree : StoredTree
    n_features, n_classes : int
        Of the classifier that it belongs to.

    Raises
    ------
    ValueError
        If a node leads nowhere or reads beyond the features, or counts and shapes disagree.
    """
    if not isinstance(tree, StoredTree):
        raise ValueError("its tree_ is no tree")
    features, classes, outputs = tree.arguments
    state, shape = tree.state, np.shape(classes)
    if (features, outputs, shape) != (n_features, 1, (1,)) or classes[0] != n_classes:
        raise ValueError("its tree_ is not for its features and classes, and one output")
    if not 1 <= int(n_classes) <= _MOST_CLASSES or set(state) != {
        "max_depth",
        "node_count",
        "nodes",
        "values",
    }:
        raise ValueError(f"its tree_ holds {sorted(map(str, state))} for {n_classes} classes")
    nodes, values = state["nodes"], state["values"]
    if nodes.dtype != NODE or nodes.ndim != 1 or not 0 < len(nodes) <= _MOST_NODES:
        raise ValueError("its tree_ has no list of nodes")
    if values.dtype != np.float64 or values.shape != (len(nodes), 1, n_classes):
        raise ValueError(f"its tree_ has values of the shape {values.shape}")
    if state["node_count"] != len(nodes) or state["max_depth"] != _measure_depth(nodes):
        raise ValueError("its tree_ tells another number or depth of nodes than it has")
    inner = nodes["left_child"] != _LEAF
    used = nodes["feature"][inner]
    if np.any((used < 0) | (used >= n_features)) or np.any(nodes["missing_go_to_left"] > 1):
        raise ValueError("its tree_ asks for a feature that faces do not have")
    numbers = ("threshold", "impurity", "weighted_n_node_samples")
    if not all(np.isfinite(nodes[name]).all() for name in numbers):
        raise ValueError("its tree_ has a threshold or weight that is not finite")
    if not (np.all(values >= 0) and np.allclose(values.sum(axis=2), 1, atol=1e-6)):
        raise ValueError("its tree_ has values that are no shares of classes")
    if np.any(nodes["n_node_samples"] < 0) or np.any(nodes["weighted_n_node_samples"] < 0):
        raise ValueError("its tree_ counts fewer than no samples")


def build_tree(tree: StoredTree) -> Any:
    """Build a tree that :func:`check_tree` passed.

    Parameters
    ----------
    tree : StoredTree

    Returns
    -------
    sklearn.tree._tree.Tree
    """
    from sklearn.tree._tree import Tree

    features, classes, outputs = tree.arguments
    built = Tree(int(features), np.array(classes, dtype=np.intp), int(outputs))
    arrays = {name: np.array(tree.state[name], order="C") for name in ("nodes", "values")}
    counts = {name: int(tree.state[name]) for name in ("max_depth", "node_count")}
    built.__setstate__({**counts, **arrays})
    return built


def _measure_depth(nodes: NDArray[Any]) -> int:
    """Walk the nodes: each but the root is the child of one that stands before it."""
    left, right = nodes["left_child"], nodes["right_child"]
    places = np.flatnonzero(left != _LEAF)
    if np.any(right[left == _LEAF] != _LEAF):
        raise ValueError("its tree_ has a leaf with a child")
    children = np.concatenate([left[places], right[places]])
    if not np.array_equal(np.sort(children), np.arange(1, len(nodes))):
        raise ValueError("its tree_ has a child out of range, or of two parents")
    if np.any(children <= np.tile(places, 2)):
        raise ValueError("its tree_ has a child that stands before its parent")
    depths = np.zeros(len(nodes), dtype=np.int64)
    for place in places:
        depths[left[place]] = depths[right[place]] = depths[place] + 1
    return int(depths.max())


@dataclass(frozen=True)
class StoredPredictor:
    """A tree of a histogram gradient boosting as it stands in a file, checked, not built yet.

    Parameters
    ----------
    nodes : ndarray of shape (n_nodes,)
        Of `predictor_node`.
    """

    nodes: NDArray[Any]


def predictor_node() -> np.dtype[Any]:
    """Return the type of a node of a histogram gradient boosting, as scikit-learn lays it out.

    Returns
    -------
    dtype
    """
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    return np.dtype(PREDICTOR_RECORD_DTYPE)


def check_predictor(predictor: Any, n_features: Any) -> None:
    """Check a tree of a histogram gradient boosting before it is built.

    Parameters
    ----------
    predictor : StoredPredictor
    n_features : int
        Of the classifier that it belongs to.

    Raises
    ------
    ValueError
        If a node leads nowhere or reads beyond the features, or tells categories apart.
    """
    if not isinstance(predictor, StoredPredictor):
        raise ValueError("one of its _predictors is no tree")
    nodes = predictor.nodes
    if nodes.ndim != 1 or not 0 < len(nodes) <= _MOST_NODES:
        raise ValueError("one of its _predictors has no list of nodes")
    inner = nodes["is_leaf"] == 0
    if np.any(inner & (nodes["is_categorical"] != 0)):
        raise ValueError("one of its _predictors tells categories apart, which faces have none of")
    places = np.arange(len(nodes))
    for name in ("left", "right"):
        if np.any(inner & ((nodes[name] <= places) | (nodes[name] >= len(nodes)))):
            raise ValueError("one of its _predictors has a child out of range or before its parent")
    used = nodes["feature_idx"][inner]
    if np.any((used < 0) | (used >= n_features)):
        raise ValueError("one of its _predictors asks for a feature that faces do not have")


def build_predictor(predictor: StoredPredictor) -> Any:
    """Build a tree that :func:`check_predictor` passed.

    Parameters
    ----------
    predictor : StoredPredictor

    Returns
    -------
    sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor
    """
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    no_categories = np.empty((0, 8), np.uint32)
    return TreePredictor(np.array(predictor.nodes), no_categories, no_categories)
