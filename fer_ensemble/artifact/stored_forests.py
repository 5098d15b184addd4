"""Trees of scikit-learn's forests, checked before native code walks through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAF = -1
_MOST_FEATURES, _MOST_CLASSES = 10**7, 10_000


@dataclass(frozen=True, eq=False)
class StoredTree:
    """A tree as it stands in a file, not built yet.

    Attributes
    ----------
    n_features, n_classes : int
    state : dict
        What scikit-learn's ``Tree`` is restored from.
    """

    n_features: int
    n_classes: int
    state: dict[str, Any]

    def build(self) -> Any:
        """Make the tree.

        Returns
        -------
        sklearn.tree._tree.Tree
        """
        from sklearn.tree._tree import Tree

        tree = Tree(self.n_features, np.array([self.n_classes], np.intp), 1)
        tree.__setstate__(self.state)
        return tree


@dataclass(frozen=True, eq=False)
class StoredPredictor:
    """A tree of a histogram gradient boosting, not built yet.

    Attributes
    ----------
    nodes : ndarray
        Checked.
    n_features : int
        How many features it needs at the least.
    """

    nodes: NDArray[Any]
    n_features: int

    def build(self) -> Any:
        """Make the tree.

        Returns
        -------
        sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor
        """
        from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

        no_categories = np.empty((0, 8), np.uint32)
        return TreePredictor(self.nodes, no_categories, no_categories)


def node_type() -> np.dtype[Any]:
    """Return the type of a tree's nodes in the scikit-learn that is installed.

    Returns
    -------
    dtype
    """
    from sklearn.tree._tree import NODE_DTYPE

    return np.dtype(NODE_DTYPE)


def predictor_node_type() -> np.dtype[Any]:
    """Return the type of the nodes of a histogram gradient boosting's trees.

    Returns
    -------
    dtype
    """
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    return np.dtype(PREDICTOR_RECORD_DTYPE)


def check_predictor(nodes: NDArray[Any]) -> StoredPredictor:
    """Check that a walk through a tree of a histogram gradient boosting ends.

    Parameters
    ----------
    nodes : ndarray of shape (n_nodes,), of `predictor_node_type`

    Returns
    -------
    StoredPredictor

    Raises
    ------
    ValueError
        If it does not, or the tree tells categories apart.
    """
    if nodes.ndim != 1 or not len(nodes):
        raise ValueError("a tree has no nodes")
    inner = nodes["is_leaf"] == 0
    if np.any(inner & (nodes["is_categorical"] != 0)):
        raise ValueError("a tree tells categories apart, which faces have none of")
    _check_children(inner, nodes["left"], nodes["right"])
    features = nodes["feature_idx"][inner]
    if np.any((features < 0) | (features >= _MOST_FEATURES)):
        raise ValueError("a node of a tree asks for a feature that is none")
    return StoredPredictor(np.ascontiguousarray(nodes), int(features.max(initial=-1)) + 1)


def check_tree(arguments: Any, nodes: NDArray[Any], values: Any, max_depth: Any) -> StoredTree:
    """Check that a walk through a tree ends, and stays within features and nodes.

    Parameters
    ----------
    arguments : tuple of (int, ndarray, int)
        Number of features, of classes of each output, and of outputs.
    nodes : ndarray of shape (n_nodes,), of `node_type`
    values : ndarray of shape (n_nodes, 1, n_classes)
        Shares of the classes.
    max_depth : int

    Returns
    -------
    StoredTree

    Raises
    ------
    ValueError
        If a tree that was fitted to one set of classes cannot be so.
    """
    if not isinstance(arguments, tuple) or len(arguments) != 3:
        raise ValueError("a tree tells no number of features and classes")
    n_features, counts, n_outputs = arguments
    if not isinstance(n_features, int) or not 1 <= n_features <= _MOST_FEATURES:
        raise ValueError(f"a tree has {n_features!r} features")
    counts = np.asarray(counts)
    if n_outputs != 1 or counts.shape != (1,) or counts.dtype.kind not in "iu":
        raise ValueError("a tree is not of one set of classes")
    n_classes = int(counts[0])
    if not 1 <= n_classes <= _MOST_CLASSES:
        raise ValueError(f"a tree has {n_classes} classes")
    shape = (len(nodes), 1, n_classes)
    if nodes.ndim != 1 or not len(nodes):
        raise ValueError("a tree has no nodes")
    if not isinstance(values, np.ndarray) or values.dtype != np.float64 or values.shape != shape:
        raise ValueError(f"the shares of classes of a tree are not numbers of the shape {shape}")
    if not isinstance(max_depth, int) or not 0 <= max_depth < len(nodes):
        raise ValueError(f"a tree of {len(nodes)} nodes is {max_depth!r} deep")
    _check_nodes(nodes, n_features)
    state = {
        "max_depth": max_depth,
        "node_count": len(nodes),
        "nodes": np.ascontiguousarray(nodes),
        "values": np.ascontiguousarray(values),
    }
    return StoredTree(n_features, n_classes, state)


def _check_nodes(nodes: NDArray[Any], n_features: int) -> None:
    left, right = nodes["left_child"], nodes["right_child"]
    is_leaf = left == _LEAF
    inner = ~is_leaf
    _check_children(inner, left, right)
    if np.any(is_leaf & (right != _LEAF)):
        raise ValueError("a node of a tree has one child alone")
    feature = nodes["feature"]
    if np.any(inner & ((feature < 0) | (feature >= n_features))):
        raise ValueError(f"a node of a tree asks for a feature beyond its {n_features}")
    if np.isnan(nodes["threshold"][inner]).any():
        raise ValueError("a node of a tree has no threshold")


def _check_children(inner: NDArray[np.bool_], *children: NDArray[Any]) -> None:
    # They come after their parent, so that no walk comes to a node twice.
    places = np.arange(len(inner))
    for child in children:
        if np.any(inner & ((child <= places) | (child >= len(inner)))):
            raise ValueError("a node of a tree has a child that is none")
