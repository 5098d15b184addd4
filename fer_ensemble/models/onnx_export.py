"""Fitted classifiers as graphs in ONNX, and networks back from them.

Every family of classifiers has a converter that is kept well elsewhere: tf2onnx for networks,
onnxmltools for boosted trees, skl2onnx for scikit-learn. What is ours is what stands around them:
faces of whole numbers at the entry, mirror images inside the graph, and weights that stay what they
were, so that the network can be read back and half precision loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.libraries import quiet_start, require
from fer_ensemble.models.boosted_trees import BoostedTreesClassifier
from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.onnx_graph import FACES, FEATURES, GRAPH_VERSION, METADATA, PROBABILITIES

if TYPE_CHECKING:
    import onnx

#: How weights can be stored. Networks compute in single precision under the first two.
PRECISIONS = ("float32", "float16", "int8")

# What all converters write, and every onnxruntime of the last years runs.
_OPSET, _IR_VERSION = 15, 8
_WEIGHTS = "weights_"
_CALIBRATION_BATCH = 64


def convert_classifier(
    classifier: Any,
    parameters: dict[str, Any],
    *,
    transformers: Sequence[tuple[str, Any]] = (),
    precision: str = "float32",
    samples: NDArray[Any] | None = None,
) -> bytes:
    """Turn a fitted classifier into a graph.

    Parameters
    ----------
    classifier : classifier
        A `KerasClassifier`, a `BoostedTreesClassifier`, one of scikit-learn's that skl2onnx knows,
        or one that was exported before, which can only be made smaller.
    parameters : dict of str to JSON value
        Its parameters, to be kept in the graph; those of one exported before are there already.
    transformers : sequence of (str, transformer)
        What features go through before it, such as a scaler: scikit-learn's.
    precision : {'float32', 'float16', 'int8'}, default='float32'
        How the weights of networks are stored: as they are; rounded to half precision; or as whole
        numbers of 8 bits, with layers that compute in such. Trees and scikit-learn's classifiers
        stay as they are.
    samples : ndarray of shape (n_samples, ...), default=None
        Faces or features like those to be predicted, from which ``'int8'`` learns the range of
        every layer.

    Returns
    -------
    bytes
        The graph, for an `OnnxClassifier`.

    Raises
    ------
    MissingLibraryError
        If a converter is not installed.
    ValueError
        If the classifier is of a kind that has no converter, samples are missing, or Keras does
        not run on TensorFlow.
    """
    graph = _convert(classifier)
    was_exported = _was_exported(classifier)
    if was_exported and _read_facts(graph)["precision"] == "int8":
        return bytes(classifier.graph)
    if transformers:
        graph = _put_before(graph, transformers)
    is_network = any(_is_weights(entry.name) for entry in graph.graph.initializer)
    if is_network and precision == "float16":
        _halve_weights(graph)
    elif is_network and precision == "int8":
        if samples is None:
            raise ValueError("precision='int8' needs samples, to learn the range of every layer.")
        graph = _quantize(graph, samples)
    if not was_exported:
        _add_facts(graph, {**_describe(classifier), "parameters": parameters})
    if not was_exported or (is_network and precision != "float32"):
        _add_facts(graph, {"precision": precision if is_network else "float32"})
    content: bytes = graph.SerializeToString(deterministic=True)
    return content


def read_network(content: bytes) -> KerasClassifier:
    """Read a network back from the graph that it was exported to.

    Parameters
    ----------
    content : bytes
        The graph.

    Returns
    -------
    KerasClassifier
        Fitted.

    Raises
    ------
    MissingLibraryError
        If the package onnx is not installed.
    TypeError
        If the graph holds no network, or one in whole numbers.
    """
    require("onnx", "A network in a graph")
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_model_from_string(content)
    facts = _read_facts(graph)
    stored = {
        int(entry.name.removeprefix(_WEIGHTS)): numpy_helper.to_array(entry)
        for entry in graph.graph.initializer
        if _is_weights(entry.name)
    }
    if not stored or facts["precision"] == "int8":
        raise TypeError(
            "This graph holds no weights of a network as they were trained: it is one of trees, or "
            "was exported with precision='int8'. Export it with float32 or float16."
        )
    names = KerasClassifier().get_params()
    # Of a pipeline's parameters, those of its last step.
    own = {key.rpartition("__")[2]: value for key, value in facts["parameters"].items()}
    classifier = KerasClassifier(**{key: own[key] for key in names if key in own})
    classifier.classes_ = np.asarray(facts["classes"])
    classifier.input_shape_ = tuple(facts["input_shape"])
    classifier.weights_ = [stored[number] for number in sorted(stored)]
    classifier.history_ = facts["history"]
    classifier.class_counts_ = {
        when: dict(zip(facts["classes"], counts, strict=True))
        for when, counts in facts["class_counts"].items()
    }
    return classifier


def _convert(classifier: Any) -> onnx.ModelProto:
    if _was_exported(classifier):
        _require("onnx")
        import onnx

        return onnx.load_model_from_string(classifier.graph)
    if isinstance(classifier, KerasClassifier):
        return _convert_network(classifier)
    if isinstance(classifier, BoostedTreesClassifier):
        return _convert_trees(classifier)
    return _convert_sklearn(classifier)


def _describe(classifier: Any) -> dict[str, Any]:
    """Say of a classifier what its users and its report want to know, and a graph does not tell."""
    classes = np.asarray(classifier.classes_).tolist()
    facts: dict[str, Any] = {
        "version": GRAPH_VERSION,
        "classes": classes,
        "exported_from": type(classifier).__name__,
    }
    if not isinstance(classifier, KerasClassifier):
        return facts
    from fer_ensemble.models.cost import layer_costs
    from fer_ensemble.models.training import fitted_network

    layers = layer_costs(fitted_network(classifier, "float32"))
    return facts | {
        "n_parameters": sum(layer.parameters for layer in layers),
        "multiply_accumulates": sum(layer.multiply_accumulates for layer in layers),
        "history": classifier.history_,
        "class_counts": {
            # By the text of a label where training was described by a file in JSON.
            when: [counts.get(label, counts.get(str(label), 0)) for label in classes]
            for when, counts in classifier.class_counts_.items()
        },
    }


def _require(*libraries: str) -> None:
    for library in libraries:
        require(library, "Exporting to ONNX")


def _was_exported(classifier: Any) -> bool:
    return isinstance(getattr(classifier, "graph", None), bytes)  # an OnnxClassifier


def _convert_network(classifier: KerasClassifier) -> onnx.ModelProto:
    """Convert a network with its weights as further inputs, then store them under these names.

    Were they constants, the converter would fold them into each other: batch normalisation into
    convolutions. The weights could not be read back, and would differ once rounded. As it is,
    onnxruntime folds them, while it loads the graph.
    """
    _require("keras", "tensorflow", "tf2onnx")
    with quiet_start("keras.src.export.tf2onnx_lib"):
        import keras
        import tensorflow as tf

        # Makes tf2onnx run with NumPy 2, and is run by `keras.Model.export` in its place.
        from keras.src.export.tf2onnx_lib import patch_tf2onnx

        from fer_ensemble.models.training import fitted_network

        patch_tf2onnx()
        import tf2onnx
    import onnx
    from onnx import helper, numpy_helper

    if (backend := keras.backend.backend()) != "tensorflow":
        raise ValueError(
            f"Networks are converted where Keras runs on TensorFlow, and here it runs on {backend}:"
            " set KERAS_BACKEND=tensorflow; saved weights are the same on every backend."
        )
    network = fitted_network(classifier, "float32")
    places = {id(variable): place for place, variable in enumerate(network.weights)}

    def predict(samples: Any, *weights: Any) -> Any:
        # States of random generators are no weights, and have no say here.
        trainable, others = (
            [weights[places[id(v)]] if id(v) in places else v.value for v in variables]
            for variables in (network.trainable_variables, network.non_trainable_variables)
        )

        def run(x: Any) -> Any:
            return network.stateless_call(trainable, others, x, training=False)[0]

        x = tf.reshape(tf.cast(samples, tf.float32), (-1, *classifier.input_shape_))
        outputs = run(x)
        return (outputs + run(x[:, :, ::-1])) / 2 if classifier.flip_average else outputs

    shape = classifier.input_shape_
    takes_faces = len(shape) == 3
    sample_shape = shape[:2] if takes_faces and shape[2] == 1 else shape
    source = FACES if takes_faces else FEATURES
    signature = [
        tf.TensorSpec((None, *sample_shape), tf.uint8 if takes_faces else tf.float32, source),
        *(
            tf.TensorSpec(variable.shape, tf.float32, f"{_WEIGHTS}{place}")
            for place, variable in enumerate(network.weights)
        ),
    ]
    graph, _ = tf2onnx.convert.from_function(
        tf.function(predict, autograph=False), signature, opset=_OPSET
    )
    graph.graph.node.append(
        helper.make_node("Identity", [graph.graph.output[0].name], [PROBABILITIES])
    )
    graph = _keep_probabilities(graph, len(classifier.classes_))
    faces = [entry for entry in graph.graph.input if entry.name == source]
    del graph.graph.input[:]
    graph.graph.input.extend(faces)
    graph.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(weights, np.float32), f"{_WEIGHTS}{place}")
        for place, weights in enumerate(classifier.weights_)
    )
    _halve_weights(graph, lossless=True)
    _add_facts(graph, {"input_shape": list(shape)})
    onnx.checker.check_model(graph)
    return graph


def _halve_weights(graph: onnx.ModelProto, *, lossless: bool = False) -> None:
    """Store weights in half precision; with `lossless`, those alone that stay what they are."""
    from onnx import TensorProto, helper, numpy_helper

    casts = {}
    for entry in graph.graph.initializer:
        if not _is_weights(entry.name) or entry.data_type != TensorProto.FLOAT:
            continue
        weights = numpy_helper.to_array(entry)
        halved = weights.astype(np.float16)
        if np.isfinite(halved).all() and (not lossless or np.array_equal(halved, weights)):
            entry.CopyFrom(numpy_helper.from_array(halved, entry.name))
            casts[entry.name] = f"{entry.name}_single"
    for node in graph.graph.node:
        node.input[:] = [casts.get(name, name) for name in node.input]
    nodes = [
        *(helper.make_node("Cast", [a], [b], to=TensorProto.FLOAT) for a, b in casts.items()),
        *graph.graph.node,
    ]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


def _convert_trees(classifier: BoostedTreesClassifier) -> onnx.ModelProto:
    _require("onnxmltools", "xgboost")
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    graph = onnxmltools.convert_xgboost(
        classifier._load_booster(),
        initial_types=[(FEATURES, FloatTensorType([None, classifier.n_features_in_]))],
        target_opset=_OPSET,
    )
    n_classes = len(classifier.classes_)
    if n_classes == 2:
        _merge_scores(graph.graph.node[0])
    return _keep_probabilities(graph, n_classes)


def _merge_scores(trees: onnx.NodeProto) -> None:
    """Let trees for each of two classes score the second one alone.

    onnxruntime takes the two scores for one and its opposite, and overwrites the first. The softmax
    of two scores is the logistic function of their difference.
    """
    values = {attribute.name: attribute for attribute in trees.attribute}
    classes, weights = values["class_ids"].ints, values["class_weights"].floats
    for i, label in enumerate(classes):
        weights[i] *= 1 if label else -1
    classes[:] = [0] * len(classes)
    first, second = values["base_values"].floats
    values["base_values"].floats[:] = [second - first]
    values["post_transform"].s = b"LOGISTIC"


def _convert_sklearn(estimator: Any) -> onnx.ModelProto:
    _require("skl2onnx")
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.base import is_classifier

    n_features = getattr(estimator, "n_features_in_", None)
    if n_features is None:
        raise ValueError(
            f"{type(estimator).__name__} cannot be exported: of what takes faces, an export knows "
            "HOG and Landmarks alone, first in a pipeline, without weights."
        )
    options = {id(estimator): {"zipmap": False}} if is_classifier(estimator) else None
    try:
        graph = skl2onnx.convert_sklearn(
            estimator,
            initial_types=[(FEATURES, FloatTensorType([None, n_features]))],
            options=options,
            target_opset=_OPSET,
        )
    except (skl2onnx.common.exceptions.MissingShapeCalculator, NotImplementedError) as error:
        raise ValueError(
            f"{type(estimator).__name__} cannot be exported: skl2onnx has no converter for it."
        ) from error
    return (
        _keep_probabilities(graph, len(estimator.classes_)) if is_classifier(estimator) else graph
    )


def _keep_probabilities(graph: onnx.ModelProto, n_classes: int) -> onnx.ModelProto:
    """Drop the label, which the columns tell, and state the number of columns."""
    from onnx import TensorProto, helper

    del graph.graph.output[:]
    shape = [None, n_classes]
    graph.graph.output.append(
        helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, shape)
    )
    return graph


def _put_before(graph: onnx.ModelProto, transformers: Sequence[tuple[str, Any]]) -> onnx.ModelProto:
    """Let features go through transformers before they enter a graph."""
    from onnx import compose, helper
    from sklearn.pipeline import Pipeline

    first = _convert_sklearn(Pipeline(list(transformers)))
    kept = list(graph.metadata_props)
    opsets: dict[str, int] = {}
    for entry in (*first.opset_import, *graph.opset_import):
        opsets[entry.domain] = max(entry.version, opsets.get(entry.domain, 0))
    for model in (first, graph):
        model.ir_version = _IR_VERSION
        del model.metadata_props[:]
        # Converters name those that they need, and both must name the same.
        del model.opset_import[:]
        model.opset_import.extend(helper.make_opsetid(*opset) for opset in opsets.items())
    # Names of either may occur in the other, and those of the weights have to stay.
    first = compose.add_prefix(first, "transformers_", rename_inputs=False)
    others = ("nodes", "edges", "outputs", "initializers", "value_infos", "functions")
    unchanged = dict.fromkeys([f"rename_{other}" for other in others], False)
    graph = compose.add_prefix(graph, "transformed_", **unchanged)
    joint = [(first.graph.output[0].name, f"transformed_{FEATURES}")]
    merged = compose.merge_models(first, graph, joint)
    del merged.opset_import[:]
    merged.opset_import.extend(first.opset_import)
    merged.metadata_props.extend(kept)
    return merged


def _quantize(graph: onnx.ModelProto, samples: NDArray[Any]) -> onnx.ModelProto:
    """Let layers compute in 8 bits, within the ranges that they have on some samples."""
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    source = graph.graph.input[0].name

    class Samples(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self._batches = iter(np.array_split(samples, -(-len(samples) // _CALIBRATION_BATCH)))

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            batch = next(self._batches, None)
            return None if batch is None else {source: batch}

    with TemporaryDirectory() as folder:
        whole, folded, quantized = (Path(folder, f"{step}.onnx") for step in range(3))
        onnx.save(graph, whole)
        quant_pre_process(whole, folded, skip_symbolic_shape=True)
        quantization.quantize_static(
            folded,
            quantized,
            Samples(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            # In 7 bits: products of 8 overflow on processors without VNNI, and would differ.
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load(quantized)


def _is_weights(name: str) -> bool:
    return name.startswith(_WEIGHTS) and name.removeprefix(_WEIGHTS).isdecimal()


def _read_facts(graph: onnx.ModelProto) -> dict[str, Any]:
    """Read what a graph says of itself."""
    entries = {entry.key: entry.value for entry in graph.metadata_props}
    return dict(json.loads(entries.get(METADATA, "{}")))


def _add_facts(graph: onnx.ModelProto, facts: dict[str, Any]) -> None:
    known = _read_facts(graph)
    del graph.metadata_props[:]
    graph.metadata_props.add(key=METADATA, value=json.dumps({**known, **facts}))
