"""Graphs are taken apart before a runtime sees them: what loops, grows or leads nowhere is told."""

from pathlib import Path

import numpy as np
import pytest

from fer_ensemble.artifact.pretrained import SHIPPED
from fer_ensemble.onnx_structure import check_structure
from tests.record_answers import RECORDED

onnx = pytest.importorskip("onnx")
TREES = RECORDED / "exported_by_2af0a99" / "stacking" / "trees.onnx"
SHIPPED_GRAPHS = sorted(SHIPPED.rglob("*.onnx")) + sorted(TREES.parent.glob("*.onnx"))


@pytest.mark.parametrize("file", SHIPPED_GRAPHS, ids=lambda file: file.stem)
def test_graphs_of_the_package_pass(file: Path) -> None:
    check_structure(file.read_bytes())


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("nodes_truenodeids", 0, 99, "none of its nodes"),
        ("nodes_truenodeids", 0, 0, "none of its nodes"),
        ("nodes_truenodeids", 0, 2, "share a child"),
        ("nodes_falsenodeids", 0, -1, "none of its nodes"),
        ("nodes_featureids", 0, 437, "feature beyond the 437"),
        ("nodes_featureids", 0, -1, "feature beyond"),
        ("nodes_nodeids", 1, 0, "counted from their roots"),
        ("nodes_treeids", 0, 5, "tree after tree"),
        ("nodes_treeids", None, None, "of one length"),
        ("nodes_values", None, None, "of one length"),
    ],
)
def test_trees_that_lead_nowhere_are_refused(name, place, value, message) -> None:
    model = onnx.load(TREES)
    (attribute,) = (entry for entry in model.graph.node[0].attribute if entry.name == name)
    numbers = attribute.ints or attribute.floats
    if place is None:
        del numbers[-1]
    else:
        numbers[place] = value
    with pytest.raises(ValueError, match=message):
        check_structure(model.SerializeToString())


def model_of(node, *initializers):
    helper = onnx.helper
    entry = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 4])
    graph = helper.make_graph([node], "graph", [entry], [entry], list(initializers))
    return helper.make_model(graph)


def test_what_loops_or_makes_arrays_of_any_size_is_refused() -> None:
    helper = onnx.helper
    huge = onnx.numpy_helper.from_array(np.array([10**5, 10**5]), "shape")
    for node, message in (
        (helper.make_node("Expand", ["x", "shape"], ["y"]), r"Expand.*\[100000, 100000\]"),
        (helper.make_node("ConstantOfShape", ["shape"], ["y"]), "ConstantOfShape"),
        (helper.make_node("RandomNormal", [], ["y"], shape=[10**9]), "RandomNormal"),
        (helper.make_node("Conv", ["x", "x"], ["y"], strides=[0, 1]), "strides"),
        (helper.make_node("Conv", ["x", "x"], ["y"], group=0), "group"),
    ):
        with pytest.raises(ValueError, match=message):
            check_structure(model_of(node, huge).SerializeToString())
    body = model_of(helper.make_node("Identity", ["x"], ["x"])).graph
    loop = helper.make_node("Loop", ["", "", "x"], ["y"], body=body)
    with pytest.raises(ValueError, match=r"Loop|graph inside"):
        check_structure(model_of(loop).SerializeToString())


def test_weights_that_are_not_there_are_refused() -> None:
    weights = onnx.numpy_helper.from_array(np.zeros((3, 4), np.float32), "weights")
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    check_structure(model_of(node, weights).SerializeToString())
    weights.dims[0] = 10**9
    with pytest.raises(ValueError, match="of the shape"):
        check_structure(model_of(node, weights).SerializeToString())
    weights.dims[0] = 4
    with pytest.raises(ValueError, match="not the size"):
        check_structure(model_of(node, weights).SerializeToString())


def test_lists_in_parts_and_attributes_twice_are_refused() -> None:
    node = onnx.helper.make_node("Identity", ["x"], ["y"], numbers=[1, 2])
    node.attribute.append(node.attribute[0])
    with pytest.raises(ValueError, match="twice"):
        check_structure(model_of(node).SerializeToString())


def test_bytes_that_are_no_graph_are_refused() -> None:
    whole = TREES.read_bytes()
    for content in (b"", whole[:-5], whole[:100], b"\xff" * 50, whole + b"\x3a\x00"):
        with pytest.raises(ValueError, match=r"cut short|damaged|no graph"):
            check_structure(content)
