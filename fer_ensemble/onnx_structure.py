"""What a graph in ONNX is made of, read with bounds before a runtime gets to see it.

onnxruntime checks a graph when it opens it, release by release more of it; but a graph may loop for
ever or make arrays of any size and be right. Here the file is walked, in protobuf's encoding alone:
no operator that repeats others, none whose result is of a size that the graph names, no weights
that are not there, and trees whose nodes lead from a root to leaves.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Numbers of the fields of ONNX's messages (onnx.proto).
_MODEL_GRAPH, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_SPARSE = 1, 5, 11, 15
_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE = 1, 2, 4, 5
_NAME, _FLOATS, _INTS, _STRINGS = 1, 7, 8, 9
# How an element of such a list begins, and a whole list that is packed.
_LISTS = (_FLOATS << 3 | 5, _INTS << 3, _STRINGS << 3 | 2, _FLOATS << 3 | 2, _INTS << 3 | 2)
_ATTRIBUTE_INT, _ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPHS = 3, 5, (6, 11)
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_TENSOR_INT64, _TENSOR_OUTSIDE = 7, (13, 14)
# Bytes of an element, by the number of its type; those that a graph of ours may hold.
_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
_INT64, _TEXT = 7, 8

_MOST_PARTS = 20_000
_MOST_ELEMENTS = 2**27
_MOST_MADE = 2**24
# They repeat a graph, as often as they like.
_REFUSED = frozenset({"If", "Loop", "Scan", "SequenceMap", "TreeEnsemble"})
# The size of their result stands in an input.
_SIZED = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1, "Range": 1, "OneHot": 1, "Resize": 3}
# Whole numbers that have to be 1 at least, and moderate.
# What trees score is the runtime's matter: it takes time to read, and cannot lead anywhere.
_UNREAD = (
    *("class_ids", "class_nodeids", "class_treeids", "class_weights"),
    *("nodes_hitrates", "nodes_missing_value_tracks_true"),
)
_STEPS = ("dilations", "group", "kernel_shape", "strides")
_MOST_STEP = 4096

_MODES = (
    *(b"LEAF", b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT"),
    *(b"BRANCH_EQ", b"BRANCH_NEQ"),
)
_MODE_ENTRIES = [b"\x4a" + bytes([len(mode)]) + mode for mode in _MODES]
_MODE_RUN = re.compile(b"(?:%b)+" % b"|".join(map(re.escape, _MODE_ENTRIES)))


class _Tensor(NamedTuple):
    name: str
    dims: tuple[int, ...]
    values: NDArray[np.int64] | None


def check_structure(content: bytes) -> None:
    """Check a graph, before it is given to a runtime.

    Parameters
    ----------
    content : bytes
        Of an ``.onnx`` file.

    Raises
    ------
    ValueError
        If it is damaged, or holds what no graph of this package does: says what.
    """
    try:
        graphs = [value for number, value in _fields(content) if number == _MODEL_GRAPH]
        others = {number for number, _ in _fields(content)}
    except (IndexError, TypeError) as error:
        raise ValueError("it is cut short") from error
    if others & {_MODEL_TRAINING, _MODEL_FUNCTIONS} or len(graphs) != 1:
        raise ValueError("it holds no graph, or functions of its own")
    try:
        _check_graph(graphs[0])
    except (IndexError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"it is damaged ({error})") from error


def _check_graph(graph: memoryview) -> None:
    nodes, initializers, inputs = [], [], []
    for number, value in _fields(graph):
        if number == _GRAPH_NODE:
            nodes.append(value)
        elif number == _GRAPH_INITIALIZER:
            initializers.append(_read_tensor(value))
        elif number == _GRAPH_INPUT:
            inputs.append(value)
        elif number == _GRAPH_SPARSE:
            raise ValueError("it holds sparse weights")
        if len(nodes) + len(initializers) > _MOST_PARTS:
            raise ValueError(f"it has more than {_MOST_PARTS:,} nodes and weights")
    constants = {tensor.name: tensor for tensor in initializers}
    sources = dict(map(_read_input, inputs))
    for node in nodes:
        _check_node(node, constants, sources)


def _read_input(entry: memoryview) -> tuple[str, int]:
    """Read the name of a graph's input and the last number of its shape (0 if it tells none)."""
    fields = dict(_fields(entry))
    last = 0
    if 2 in fields:  # its type: of a tensor, of a shape, of dimensions
        tensor = dict(_fields(fields[2])).get(1, b"")
        shape = dict(_fields(tensor)).get(2, b"")
        for _, dimension in _fields(shape):
            last = dict(_fields(dimension)).get(1, 0)
    return _text(fields[_NAME]), last


def _read_tensor(content: memoryview) -> _Tensor:
    """Read name and shape of weights, and their values where they are few whole numbers."""
    dims: list[int] = []
    name, kind, raw, values = "", 0, None, None
    for number, value in _fields(content):
        if number == _TENSOR_DIMS:
            dims += [value] if isinstance(value, int) else _varints(value).tolist()
        elif number == _TENSOR_TYPE:
            kind = value
        elif number == _TENSOR_NAME:
            name = _text(value)
        elif number == _TENSOR_RAW:
            raw = value
        elif number == _TENSOR_INT64 and not isinstance(value, int):
            values = _varints(value)
        elif number in _TENSOR_OUTSIDE and value != 0:
            raise ValueError(f"its weights {name!r} are external data, outside of the graph")
    size = math.prod(dims)
    if any(not 0 <= side <= _MOST_ELEMENTS for side in dims) or size > _MOST_ELEMENTS:
        raise ValueError(f"its weights {name!r} are of the shape {dims}")
    if kind not in _BYTES and kind != _TEXT:
        raise ValueError(f"its weights {name!r} are of an unknown type, {kind}")
    if raw is not None:
        if len(raw) != size * _BYTES.get(kind, 0):
            raise ValueError(f"its weights {name!r} have not the size that their shape tells")
        if kind == _INT64 and size <= 64:
            values = np.frombuffer(raw, "<i8")
    return _Tensor(name, tuple(dims), values)


def _check_node(node: memoryview, constants: dict[str, _Tensor], sources: dict[str, int]) -> None:
    inputs, output, kind, attributes = [], "", "", {}
    for number, value in _fields(node):
        if number == _NODE_INPUT:
            inputs.append(_text(value))
        elif number == _NODE_OUTPUT:
            output = _text(value)
        elif number == _NODE_TYPE:
            kind = _text(value)
        elif number == _NODE_ATTRIBUTE:
            name, entry = _read_attribute(value)
            if name in attributes:
                raise ValueError(f"it names the attribute {name!r} twice")
            attributes[name] = entry
    if kind in _REFUSED or kind.startswith("Random"):
        raise ValueError(f"it holds the operator {kind}, which no graph of this package does")
    for name in _STEPS:
        steps = np.atleast_1d(attributes.get(name, 1))
        if steps.dtype.kind == "i" and np.any((steps < 1) | (steps > _MOST_STEP)):
            raise ValueError(f"the {name} of its {kind} are {steps.tolist()[:4]}")
    if kind == "Constant" and isinstance(attributes.get("value"), _Tensor):
        constants[output] = attributes["value"]
    if kind in _SIZED:
        _check_made(kind, inputs, constants)
    if kind in ("TreeEnsembleClassifier", "TreeEnsembleRegressor"):
        _check_trees(attributes, sources.get(inputs[0], 0))


def _check_made(kind: str, inputs: list[str], constants: dict[str, _Tensor]) -> None:
    place = _SIZED[kind]
    told = constants.get(inputs[place]) if place < len(inputs) else None
    if told is None or told.values is None:
        return
    sides = np.abs(told.values.astype(np.float64))
    if np.maximum(sides, 1).prod() > _MOST_MADE:
        raise ValueError(f"its {kind} would make an array of {told.values.tolist()[:6]}")


def _read_attribute(content: memoryview) -> tuple[str, Any]:
    """Read an attribute of a node: whole numbers, arrays of numbers, modes of trees."""
    name, at = "", 0
    found: Any = None
    data = bytes(content)
    while at < len(data) and name not in _UNREAD:
        tag = data[at]
        if tag in _LISTS and found is not None:
            # Parts of a list would be put together by whoever reads the whole format.
            raise ValueError(f"its attribute {name!r} comes in parts")
        if tag == _FLOATS << 3 | 5:
            found, at = _float_run(data, at)
        elif tag == _INTS << 3:
            found, at = _int_run(data, at)
        elif tag == _STRINGS << 3 | 2 and (run := _MODE_RUN.match(data, at)):
            found, at = _modes(run.group()), run.end()
        else:
            number, value, at = _field(content, at)
            if number == _NAME:
                name = _text(value)
            elif number == _ATTRIBUTE_INT:
                found = value
            elif number in (_FLOATS, _INTS):  # packed, as other writers have them
                found = np.frombuffer(value, "<f4") if number == _FLOATS else _varints(value)
            elif number == _ATTRIBUTE_TENSOR:
                found = _read_tensor(value)
            elif number in _ATTRIBUTE_GRAPHS:
                raise ValueError("it holds a graph inside a graph")
    return name, found


def _modes(run: bytes) -> NDArray[np.uint8]:
    for place, entry in enumerate(_MODE_ENTRIES):
        run = run.replace(entry, bytes([place]))
    return np.frombuffer(run, np.uint8)


def _float_run(data: bytes, at: int) -> tuple[NDArray[np.float32], int]:
    """Read floats that follow one another, each after its tag."""
    whole = (len(data) - at) // 5
    rows = np.frombuffer(data, np.uint8, whole * 5, at).reshape(whole, 5)
    others = np.flatnonzero(rows[:, 0] != data[at])
    count = int(others[0]) if len(others) else whole
    if not count:
        raise IndexError("cut short")
    return np.ascontiguousarray(rows[:count, 1:]).view("<f4")[:, 0], at + 5 * count


def _int_run(data: bytes, at: int) -> tuple[NDArray[np.int64], int]:
    """Read whole numbers that follow one another, each after its tag."""
    octets = np.frombuffer(data, np.uint8, offset=at)
    # Tag and number both end in a byte without the highest bit; the tag is one byte.
    ends = np.flatnonzero(octets < 0x80)
    ends = ends[: len(ends) // 2 * 2]
    tags, stops = ends[::2], ends[1::2]
    begins = np.concatenate([[0], stops[:-1] + 1])
    others = np.flatnonzero((tags != begins) | (octets[tags] != data[at]))
    count = int(others[0]) if len(others) else len(tags)
    if not count:
        raise IndexError("cut short")
    return _decode(octets, tags[:count] + 1, stops[:count]), at + int(stops[count - 1]) + 1


def _varints(content: memoryview) -> NDArray[np.int64]:
    octets = np.frombuffer(content, np.uint8)
    stops = np.flatnonzero(octets < 0x80)
    return _decode(octets, np.concatenate([[0], stops[:-1] + 1]).astype(int), stops)


def _decode(
    octets: NDArray[np.uint8], begins: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.int64]:
    lengths = stops - begins + 1
    longest = int(lengths.max(initial=0))
    if longest > 10:
        raise ValueError("it holds a number of more than 64 bits")
    found = np.zeros(len(begins), np.uint64)
    for place in range(longest):
        longer = lengths > place
        part = octets[begins[longer] + place].astype(np.uint64) & np.uint64(0x7F)
        found[longer] |= part << np.uint64(7 * place)
    return found.astype(np.int64)


def _check_trees(attributes: dict[str, Any], n_features: int) -> None:
    """Check that nodes of trees lead from their roots to leaves, and ask for what there is."""
    trees, ids = attributes["nodes_treeids"], attributes["nodes_nodeids"]
    modes, features = attributes["nodes_modes"], attributes["nodes_featureids"]
    children = [attributes[f"nodes_{side}nodeids"] for side in ("true", "false")]
    for values in (ids, modes, features, attributes["nodes_values"], *children):
        if np.shape(values) != np.shape(trees) or not len(trees):
            raise ValueError("the lists of its trees' nodes are not of one length")
    inner = modes != _MODES.index(b"LEAF")
    if np.any(features[inner] < 0) or (n_features and np.any(features[inner] >= n_features)):
        raise ValueError(f"its trees ask for a feature beyond the {n_features}")
    # As all converters write them: tree after tree, the nodes of each counted from its root.
    firsts = np.flatnonzero(np.diff(trees, prepend=trees[0] - 1))
    if np.any(np.diff(trees[firsts]) <= 0):
        raise ValueError("the nodes of its trees do not stand tree after tree")
    sizes = np.diff(firsts, append=len(trees))
    starts = np.repeat(firsts, sizes)
    if not np.array_equal(ids, np.arange(len(ids)) - starts):
        raise ValueError("the nodes of its trees are not counted from their roots")
    starts, sizes = starts[inner], np.repeat(sizes, sizes)[inner]
    met = np.zeros(len(ids), np.int64)
    for side in children:
        below = side[inner]
        # A root is nobody's child, and every other node of one node at most: no circle.
        if np.any((below < 1) | (below >= sizes)):
            raise ValueError("a child of a node of its trees is none of its nodes")
        met += np.bincount(starts + below, minlength=len(ids))
    if np.any(met > 1):
        raise ValueError("the nodes of its trees run in a circle, or share a child")


def _text(value: Any) -> str:
    return bytes(value).decode()


def _fields(content: Any) -> Iterator[tuple[int, Any]]:
    """Go through the fields of a message: a number, and an integer or the bytes of it."""
    view, at = memoryview(content), 0
    while at < len(view):
        number, value, at = _field(view, at)
        yield number, value


def _field(view: memoryview, at: int) -> tuple[int, Any, int]:
    tag, at = _varint(view, at)
    number, kind = tag >> 3, tag & 7
    if kind == 0:
        value, at = _varint(view, at)
        return number, value, at
    if kind == 2:
        length, at = _varint(view, at)
    elif kind in (1, 5):
        length = 8 if kind == 1 else 4
    else:
        raise ValueError("it is damaged")
    if length > len(view) - at:
        raise ValueError("it is cut short")
    return number, view[at : at + length], at + length


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        octet = view[at + place]
        value |= (octet & 0x7F) << (7 * place)
        if octet < 0x80:
            return value, at + place + 1
    raise ValueError("it is damaged")
