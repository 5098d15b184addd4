"""Boosted trees as bytes: read with bounds, checked, and written anew for XGBoost.

XGBoost's own reader trusts what it reads: an index out of place crashes the process, or a circle
keeps it busy for ever. So it is given only what was made here, from arrays that were checked.
The format is XGBoost's model in UBJSON, as ``Booster.save_raw("ubj")`` gives it.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_NODES, _MOST_DEPTH, _MOST_NESTING = 2**24, 512, 16
_ROOT = 2**31 - 1  # what XGBoost names as the parent of a root
_NUMBERS: dict[bytes, np.dtype[Any]] = {
    b"i": np.dtype(">i1"),
    b"U": np.dtype(">u1"),
    b"I": np.dtype(">i2"),
    b"l": np.dtype(">i4"),
    b"L": np.dtype(">i8"),
    b"d": np.dtype(">f4"),
    b"D": np.dtype(">f8"),
}
# How XGBoost stores the arrays of a tree. The first are needed, the others told of its growth.
_NODES = {
    "left_children": ">i4",
    "right_children": ">i4",
    "split_indices": ">i4",
    "split_conditions": ">f4",
    "default_left": ">u1",
    "split_type": ">u1",
    "base_weights": ">f4",
    "loss_changes": ">f4",
    "sum_hessian": ">f4",
}
_NUMBER = re.compile(r"[-+]?\d{1,20}(\.\d{0,30})?([eE][-+]?\d{1,3})?")


def rebuild_trees(content: bytes, n_features: int, n_classes: int) -> bytes:
    """Check stored trees, and write them anew.

    Parameters
    ----------
    content : bytes
        What XGBoost wrote of a booster of the objective ``multi:softprob``, in UBJSON.
    n_features, n_classes : int
        What it has to take and to give.

    Returns
    -------
    bytes
        The same trees without what prediction does not need, nodes that were pruned among it.

    Raises
    ------
    ValueError
        If it is damaged: says what was found.
    """
    try:
        learner, version = _read_learner(content)
        return _write(_rebuild(learner, version, n_features, n_classes))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"the stored trees are damaged ({error})") from error


def _read_learner(content: bytes) -> tuple[Mapping[str, Any], list[int]]:
    model, end = _read(content, 0, 0)
    if end != len(content) or not isinstance(model, dict):
        raise ValueError("the stored trees are cut short, or something follows them")
    version = [int(part) for part in model["version"]]
    if len(version) != 3 or not all(0 <= part < 1000 for part in version):
        raise ValueError(f"the stored trees are of version {version}")
    return model["learner"], version


def _rebuild(
    learner: Mapping[str, Any], version: list[int], n_features: int, n_classes: int
) -> dict[str, Any]:
    booster, objective = learner["gradient_booster"], learner["objective"]
    if (booster["name"], objective["name"]) != ("gbtree", "multi:softprob"):
        raise ValueError("the stored trees are of another kind or objective")
    told = learner["learner_model_param"]
    if (int(told["num_class"]), int(told["num_feature"])) != (n_classes, n_features):
        raise ValueError(
            f"the stored trees are for {told['num_feature']} features and {told['num_class']} "
            f"classes, and not for {n_features} and {n_classes}"
        )
    trees = booster["model"]["trees"]
    groups = np.asarray(booster["model"]["tree_info"])
    n_rounds = len(trees) // n_classes
    # Round by round, a tree for each class.
    if not n_rounds or not np.array_equal(groups, np.tile(np.arange(n_classes), n_rounds)):
        raise ValueError("the stored trees are not one of each class a round")
    best = str(learner.get("attributes", {}).get("best_iteration", n_rounds - 1))
    if not best.isdecimal() or len(best) > 9:
        raise ValueError(f"the best round of the stored trees is {best!r}")
    classes, features = str(n_classes), str(n_features)
    rebuilt: dict[str, Any] = {
        "attributes": {"best_iteration": best},
        "feature_names": [],
        "feature_types": [],
        "gradient_booster": {
            "model": {
                "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
                "iteration_indptr": np.arange(0, len(trees) + 1, n_classes).tolist(),
                "tree_info": groups.tolist(),
                "trees": _check_trees(trees, n_features),
            },
            "name": "gbtree",
        },
        "learner_model_param": {
            "base_score": _base_score(str(told["base_score"]), n_classes),
            "boost_from_average": "1",
            "num_class": classes,
            "num_feature": features,
            "num_target": "1",
        },
        "objective": {
            "name": objective["name"],
            "softmax_multiclass_param": {"num_class": classes},
        },
    }
    if "cats" in booster["model"]:
        none = np.empty(0, ">i4")
        rebuilt["gradient_booster"]["model"]["cats"] = {
            "enc": [],
            "feature_segments": none,
            "sorted_idx": none,
        }
    return {"learner": rebuilt, "version": version}


def _base_score(text: str, n_classes: int) -> str:
    """Check the score from which trees start: one number, or one for each class."""
    numbers = text.removeprefix("[").removesuffix("]").split(",")
    if len(numbers) not in (1, n_classes) or not all(map(_NUMBER.fullmatch, numbers)):
        raise ValueError(f"the base score of the stored trees is {text[:40]!r}")
    return text


def _check_trees(trees: list[Mapping[str, Any]], n_features: int) -> list[dict[str, Any]]:
    """Check all trees at once, their nodes one after another; keep the nodes that are reached."""
    for tree in trees:
        if any(len(tree[name]) for name in ("categories", "categories_nodes")):
            raise ValueError("the stored trees split by categories, which these features are not")
    sizes = np.array([len(tree["left_children"]) for tree in trees])
    if not sizes.all() or sizes.sum() > _MOST_NODES:
        raise ValueError("the stored trees have no nodes, or too many")
    nodes = {
        name: np.concatenate([_node_array(tree[name], kind, name) for tree in trees])
        for name, kind in _NODES.items()
    }
    for name in nodes:
        if any(len(tree[name]) != size for tree, size in zip(trees, sizes, strict=True)):
            raise ValueError(f"the {name} of a stored tree are not as many as its nodes")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    reached, parents = _walk(nodes, starts, n_features)
    scores = nodes["split_conditions"][reached]
    if not np.isfinite(scores.astype(np.float32)).all() or nodes["split_type"][reached].any():
        raise ValueError("a stored tree splits or scores by something that is no finite number")
    places = np.cumsum(reached) - 1
    kept = []
    for number, (start, stop) in enumerate(itertools.pairwise(starts)):
        mine = np.flatnonzero(reached[start:stop]) + start
        new: dict[str, Any] = {name: nodes[name][mine] for name in _NODES}
        inner = new["left_children"] >= 0
        for side in ("left_children", "right_children"):
            moved = places[np.where(inner, new[side], 0) + start] - places[start]
            new[side] = np.where(inner, moved, -1).astype(">i4")
        above = places[parents[mine]] - places[start]
        above[0] = _ROOT
        new["parents"] = above.astype(">i4")
        new["split_indices"] = np.where(inner, new["split_indices"], 0).astype(">i4")
        new |= {name: np.empty(0, ">i4") for name in ("categories", "categories_nodes")}
        new |= {f"categories_{name}": np.empty(0, ">i8") for name in ("segments", "sizes")}
        new["id"] = number
        new["tree_param"] = {
            "num_deleted": "0",
            "num_feature": str(n_features),
            "num_nodes": str(len(mine)),
            "size_leaf_vector": "1",
        }
        kept.append(new)
    return kept


def _node_array(values: Any, kind: str, name: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise ValueError(f"the {name} of a stored tree are no numbers")
    if kind == ">u1" and np.any((array < 0) | (array > 1)):
        raise ValueError(f"the {name} of a stored tree are neither 0 nor 1")
    return array.astype(kind)


def _walk(
    nodes: Mapping[str, NDArray[Any]], starts: NDArray[Any], n_features: int
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Go down all trees from their roots, level by level; every node may be met once."""
    left, right = nodes["left_children"], nodes["right_children"]
    features = nodes["split_indices"]
    first = np.repeat(starts[:-1], np.diff(starts))
    last = np.repeat(starts[1:], np.diff(starts))
    reached = np.zeros(len(left), bool)
    parents = np.zeros(len(left), np.int64)
    level = starts[:-1].copy()
    reached[level] = True
    for _ in range(_MOST_DEPTH):
        inner = level[left[level] >= 0]
        if np.any((right[level] >= 0) != (left[level] >= 0)):
            raise ValueError("a node of a stored tree has one child")
        if not len(inner):
            return reached, parents
        if np.any((features[inner] < 0) | (features[inner] >= n_features)):
            raise ValueError(f"a stored tree asks for a feature beyond the {n_features}")
        children = np.concatenate([left[inner] + first[inner], right[inner] + first[inner]])
        above = np.tile(inner, 2)
        if np.any(children >= last[above]):
            raise ValueError("a child of a node of a stored tree is none of its nodes")
        if reached[children].any() or len(np.unique(children)) != len(children):
            raise ValueError("the nodes of a stored tree run in a circle, or share a child")
        reached[children] = True
        parents[children] = above
        level = children
    raise ValueError(f"a stored tree is deeper than {_MOST_DEPTH} levels")


def _read(content: bytes, at: int, depth: int) -> tuple[Any, int]:
    """Read a value of UBJSON, and say where the next begins."""
    if depth > _MOST_NESTING:
        raise ValueError("the stored trees are nested too deeply")
    kind, at = content[at : at + 1], at + 1
    if kind == b"{":
        entries: dict[str, Any] = {}
        while content[at : at + 1] != b"}":
            name, at = _read_text(content, at)
            if name in entries:
                raise ValueError(f"the stored trees name {name!r} twice")
            entries[name], at = _read(content, at, depth + 1)
        return entries, at + 1
    if kind == b"[":
        return _read_list(content, at, depth)
    if kind == b"S":
        return _read_text(content, at)
    if kind in (b"T", b"F"):
        return kind == b"T", at
    if kind not in _NUMBERS:
        raise ValueError("the stored trees are damaged, or cut short")
    numbers, at = _read_numbers(content, at, _NUMBERS[kind], 1)
    return numbers[0].item(), at


def _read_list(content: bytes, at: int, depth: int) -> tuple[Any, int]:
    dtype: np.dtype[Any] | None = None
    if content[at : at + 1] == b"$":
        dtype, at = _NUMBERS.get(content[at + 1 : at + 2]), at + 2
        if dtype is None:
            raise ValueError("the stored trees hold an array of an unknown kind")
    if content[at : at + 1] != b"#":
        raise ValueError("the stored trees hold a list of no length")
    length, at = _read(content, at + 1, depth + 1)
    # Every value takes a byte at least.
    if not isinstance(length, int) or not 0 <= length <= len(content) - at:
        raise ValueError("the stored trees hold a list that is longer than they are")
    if dtype is not None:
        return _read_numbers(content, at, dtype, length)
    values = []
    for _ in range(length):
        value, at = _read(content, at, depth + 1)
        values.append(value)
    return values, at


def _read_numbers(
    content: bytes, at: int, dtype: np.dtype[Any], length: int
) -> tuple[NDArray[Any], int]:
    end = at + length * dtype.itemsize
    if end > len(content):
        raise ValueError("the stored trees are cut short")
    return np.frombuffer(content, dtype, length, at), end


def _read_text(content: bytes, at: int) -> tuple[str, int]:
    length, at = _read(content, at, _MOST_NESTING)
    if not isinstance(length, int) or not 0 <= length <= len(content) - at:
        raise ValueError("the stored trees are damaged, or cut short")
    return content[at : at + length].decode(), at + length


def _write(value: Any) -> bytes:
    if isinstance(value, dict):
        return b"{%b}" % b"".join(_write(name)[1:] + _write(value[name]) for name in sorted(value))
    if isinstance(value, str):
        return b"SL" + struct.pack(">q", len(value.encode())) + value.encode()
    if isinstance(value, np.ndarray):
        value = value.astype(value.dtype.newbyteorder(">"))
        kind = next(kind for kind, dtype in _NUMBERS.items() if dtype == value.dtype)
        return b"[$" + kind + b"#L" + struct.pack(">q", len(value)) + value.tobytes()
    if isinstance(value, list):
        return b"[#L" + struct.pack(">q", len(value)) + b"".join(map(_write, value))
    return b"L" + struct.pack(">q", value)
