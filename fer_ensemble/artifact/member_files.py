"""Fitted members to bytes and back: nothing that is loaded can run code.

They are written by skops, and read here: of its format only what holds numbers, text, arrays and
estimators. What a class may hold is checked before the first object is built, see
:mod:`~fer_ensemble.artifact.member_contents`.
"""

from __future__ import annotations

import importlib
import inspect
import io
import json
import zipfile
from typing import Any

import numpy as np
from sklearn.utils._param_validation import validate_parameter_constraints

from fer_ensemble.artifact.manifest import ArtifactError
from fer_ensemble.artifact.member_contents import (
    ALLOWED,
    PLACES,
    REPLACED,
    StoredEstimator,
    check_contents,
)
from fer_ensemble.artifact.stored_forests import (
    NODE,
    StoredPredictor,
    StoredTree,
    build_predictor,
    build_tree,
    predictor_node,
)
from fer_ensemble.bounded_files import open_archive, read_array, read_entry

_SCHEMA = "schema.json"
_MOST_SCHEMA = 16 * 2**20
_MOST_NESTING = 60
#: Most bytes of a member once it is expanded: 100 million weights in single precision.
MOST_EXPANDED = 400 * 2**20
# Generators and losses serve fits alone.
_DROPPED = ("LossNode", "RandomGeneratorNode", "RandomStateNode")
_LOSSES = "sklearn._loss."
_PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
_KEYS = {"builtins.str": str, "builtins.int": int, "builtins.float": float}
_KEYS |= {f"numpy.{name}": int for name in ("int32", "int64", "uint8")}
_KEYS |= {"numpy.float64": float, "numpy.str_": str}


def dump_member(name: str, member: Any) -> bytes:
    """Turn a fitted member into bytes.

    Paths, processes and the like are left out (`PLACES`), and generators of random numbers.

    Parameters
    ----------
    name : str
        Its name, for messages.
    member : classifier
        Fitted; made of scikit-learn's estimators and this package's.

    Returns
    -------
    bytes
        Deflated: trees take less than a third of their size, other members about nine tenths.

    Raises
    ------
    ArtifactError
        If it is made of anything else, which could not be loaded safely.
    """
    import skops.io

    try:
        content = _rewrite(skops.io.dumps(member))
        check_contents(_read(content))
    except Exception as error:  # skops raises whatever a foreign object makes it meet
        raise ArtifactError(
            f"The member {name!r} cannot be saved: {_one_line(error)}. An artifact holds only "
            "estimators that can be checked before they are built: take another, such as "
            "RandomForestClassifier or BoostedTreesClassifier, or make graphs of the ensemble by "
            "fer_ensemble.exporting.convert_ensemble."
        ) from error
    return content


def load_member(name: str, content: bytes) -> Any:
    """Rebuild a fitted member.

    Parameters
    ----------
    name : str
        Its name, for messages.
    content : bytes
        What :func:`dump_member` returned; its hash was checked before.

    Returns
    -------
    classifier

    Raises
    ------
    ArtifactError
        If the content is malformed, or holds a class or a value that a member never does.
    """
    try:
        stored = _read(content)
        check_contents(stored)
        return _build(stored)
    except Exception as error:  # whatever a malformed file makes them meet
        raise ArtifactError(f"The member {name!r} cannot be loaded: {_one_line(error)}") from error


def expanded_size(content: bytes) -> int:
    """Say how many bytes a stored member takes once it is expanded.

    Parameters
    ----------
    content : bytes
        As of :func:`dump_member`.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is no whole file, or takes more than `MOST_EXPANDED`.
    """
    with open_archive(content, MOST_EXPANDED) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}…"


def _rewrite(content: bytes) -> bytes:
    """Reset what stands for places in a file of skops, and deflate it."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target,
    ):
        for entry in source.namelist():
            packed = source.read(entry)
            if entry == _SCHEMA:
                schema = json.loads(packed)
                _reset_places(schema)
                packed = json.dumps(schema, indent=2).encode()
            target.writestr(entry, packed)
    return stream.getvalue()


def _reset_places(node: Any) -> None:
    """Set the parameters of estimators that are `PLACES` to their defaults."""
    if isinstance(node, list):
        for entry in node:
            _reset_places(entry)
    if not isinstance(node, dict):
        return
    path = f"{node.get('__module__')}.{node.get('__class__')}"
    if node.get("__loader__") == "ObjectNode" and path in ALLOWED:
        attributes = (node.get("content") or {}).get("content") or {}
        for name, default in _defaults(_find_class(path)).items():
            if name in PLACES and name in attributes:
                attributes[name] = _json_node(default)
        for name, other in REPLACED.get(node["__class__"], {}).items():
            if name in attributes and attributes[name].get("content") != "null":
                attributes[name] = _json_node(other)
        # Where a network started: perhaps from a file. Its fitted weights stand beside.
        arguments = attributes.get("network_params", {}).get("content")
        weights = arguments.get("weights") if isinstance(arguments, dict) else None
        if weights is not None and weights.get("content") != '"imagenet"':
            arguments["weights"] = _json_node(None)
    for entry in node.values():
        _reset_places(entry)


def _json_node(value: Any) -> dict[str, str]:
    kind = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
    return kind | {"content": json.dumps(value)}


def _find_class(path: str) -> Any:
    """Import a class of `ALLOWED`."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _defaults(class_: Any) -> dict[str, Any]:
    parameters = inspect.signature(class_.__init__).parameters
    return {name: entry.default for name, entry in parameters.items() if name != "self"}


def _read(content: bytes) -> StoredEstimator:
    with open_archive(content, MOST_EXPANDED) as archive:
        if archive.getinfo(_SCHEMA).file_size > _MOST_SCHEMA:
            raise ValueError(f"its {_SCHEMA} is too large")
        schema = json.loads(read_entry(archive, _SCHEMA))
        _reset_places(schema)
        stored = _Reader(archive).read(schema)
    if not isinstance(stored, StoredEstimator):
        raise ValueError("it holds no estimator")
    return stored


class _Reader:
    """Reads the nodes of a file of skops into plain values, arrays and stored estimators."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._arrays: dict[str, Any] = {}
        self._of_trees: set[int] = set()

    def read(self, node: Any, level: int = 0) -> Any:
        kind = node["__loader__"]
        path = f"{node['__module__']}.{node['__class__']}"
        if level > _MOST_NESTING:
            raise ValueError("it is nested too deeply")
        if kind == "JsonNode":
            return json.loads(node["content"])
        if kind in _DROPPED or path.startswith(_LOSSES):
            return None
        if (kind, path) == ("ObjectNode", _PREDICTOR):
            return self._read_predictor(node["content"]["content"]["nodes"]["file"])
        if kind == "ObjectNode":
            return self._read_estimator(node, path, level)
        if kind == "NdArrayNode":
            return self._read_array(node, path, level)
        if (kind, path) == ("TreeNode", "sklearn.tree._tree.Tree"):
            arguments = self.read(node["__reduce__"]["args"], level + 1)
            state = self.read(node["content"], level + 1)
            # Each tree is copied when it is built: one array may not stand for thousands.
            arrays = {id(state["nodes"]), id(state["values"])}
            if arrays & self._of_trees:
                raise ValueError("two of its trees share their nodes")
            self._of_trees |= arrays
            return StoredTree(arguments, state)
        if kind == "BytesNode":
            return bytes(read_entry(self._archive, node["file"]))
        if kind == "DictNode" and path in ("builtins.dict", "collections.OrderedDict"):
            return self._read_dict(node, level)
        if (kind, path) in (("ListNode", "builtins.list"), ("TupleNode", "builtins.tuple")):
            values = [self.read(entry, level + 1) for entry in node["content"]]
            return values if kind == "ListNode" else tuple(values)
        raise ValueError(f"it holds {path} ({kind}), which no artifact may hold")

    def _read_estimator(self, node: Any, path: str, level: int) -> StoredEstimator:
        if path not in ALLOWED:
            raise ValueError(f"it holds {path}, which no artifact may hold")
        state = self.read(node["content"], level + 1)
        if not isinstance(state, dict):
            raise ValueError(f"it holds {path} without attributes")
        return StoredEstimator(path, state)

    def _read_predictor(self, name: str) -> StoredPredictor:
        if name in self._arrays:
            raise ValueError("two of its trees share their nodes")
        self._arrays[name] = read_array(
            read_entry(self._archive, name), name, record=predictor_node()
        )
        return StoredPredictor(self._arrays[name])

    def _read_dict(self, node: Any, level: int) -> dict[Any, Any]:
        types = node["key_types"]["content"]
        if len(types) != len(node["content"]):
            raise ValueError("it holds an object whose keys have no types")
        entries = {}
        for kind, (key, entry) in zip(types, node["content"].items(), strict=True):
            as_key = _KEYS[f"{kind['__module__']}.{kind['__class__']}"]
            entries[as_key(key)] = self.read(entry, level + 1)
        return entries

    def _read_array(self, node: Any, path: str, level: int) -> Any:
        if node["type"] == "json":
            values = [self.read(entry, level + 1) for entry in node["content"]]
            found = np.empty(len(values), dtype=object)
            if any(isinstance(value, list | dict | StoredEstimator) for value in values):
                raise ValueError("it holds an array of objects")
            found[:] = values
            return found
        name = node["file"]
        # What stands at several places is one object, as it was.
        if name not in self._arrays:
            self._arrays[name] = read_array(read_entry(self._archive, name), name, record=NODE)
        found = self._arrays[name]
        if path == "numpy.ndarray":
            return found
        scalar = getattr(np, node["__class__"]) if node["__module__"] == "numpy" else None
        if found.shape or not (isinstance(scalar, type) and issubclass(scalar, np.generic)):
            raise ValueError(f"it holds {path}, which no artifact may hold")
        return found[()]


def _build(value: Any) -> Any:
    """Make objects of stored estimators, the innermost first."""
    if isinstance(value, list | tuple):
        return type(value)(_build(entry) for entry in value)
    if isinstance(value, StoredTree):
        return build_tree(value)
    if isinstance(value, StoredPredictor):
        return build_predictor(value)
    if not isinstance(value, StoredEstimator):
        return value
    class_ = _find_class(value.path)
    state = {name: _build(entry) for name, entry in value.state.items()}
    if "score_func" in state:
        state["score_func"] = _defaults(class_)["score_func"]  # its scores stand beside
    if state.get("_fit_method") in ("ball_tree", "kd_tree"):
        state["_tree"] = _plant(state)
    constraints = getattr(class_, "_parameter_constraints", {})
    parameters = {
        name: state[name]
        for name in _defaults(class_)
        if name in state and name in constraints and not hasattr(state[name], "get_params")
    }
    validate_parameter_constraints(constraints, parameters, class_.__name__)
    built = class_.__new__(class_)
    if hasattr(built, "__setstate__"):
        built.__setstate__(state)
    else:
        vars(built).update(state)
    # Of a fitted histogram gradient boosting: it turns sums of its trees into shares.
    if hasattr(built, "_get_loss") and "_predictors" in state:
        built._loss = built._get_loss(sample_weight=None)
    return built


def _plant(state: dict[str, Any]) -> Any:
    """Build the tree of neighbours of samples, as their classifier's fit does."""
    from sklearn.neighbors import BallTree, KDTree

    kind = {"ball_tree": BallTree, "kd_tree": KDTree}[state["_fit_method"]]
    return kind(
        state["_fit_X"],
        int(state["leaf_size"]),
        metric=state["effective_metric_"],
        **state["effective_metric_params_"],
    )
