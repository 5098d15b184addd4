"""The nearest peer: the mini-Xception of 58,423 parameters that the package ``fer`` ships."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fer_ensemble.models import NETWORKS

N_PARAMETERS = 58_423
#: Its runtimes. Of its own TFLite the weights are in 8 bits; the package fer takes it by default.
KERAS, LITE, OWN_LITE, ONNX = (
    f"peer in {runtime}" for runtime in ("Keras", "TFLite", "its own TFLite", "onnxruntime")
)

_OWN_LITE_FILE = "emotion_model_quantized.tflite"
_SIDE = 64
# Faces at once. TFLite is no faster on more than a few, and slower on so many that they no longer
# fit into a processor's cache.
_BATCH, _LITE_BATCH = 256, 16
# How far a probability may be from that in Keras.
_ROUNDING = 1e-4

Predict = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def load_peer(weights: Path | None) -> keras.Model:
    """Load the peer's network, or build one that is as large.

    Parameters
    ----------
    weights : Path or None
        Its ``emotion_model.hdf5``; without it, weights are drawn, which take the same time.

    Returns
    -------
    keras.Model
        From faces of shape (n_samples, 64, 64, 1) to probabilities.

    Raises
    ------
    ValueError
        If the file holds another network.
    """
    if weights is None:
        network = NETWORKS["mini_xception"]((_SIDE, _SIDE, 1), 7)
    else:
        network = keras.models.load_model(weights, compile=False)
    if network.count_params() != N_PARAMETERS or network.input_shape[1:] != (_SIDE, _SIDE, 1):
        raise ValueError(f"{weights} is not the network of {N_PARAMETERS:,} parameters.")
    return network


def peer_faces(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bring faces to the size and the range that the peer was trained on.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, height, width)

    Returns
    -------
    ndarray of float32 of shape (n_samples, 64, 64, 1)
        From -1 to 1.
    """
    import cv2

    large = np.stack([cv2.resize(face, (_SIDE, _SIDE)) for face in faces])
    return (large[..., np.newaxis] / 127.5 - 1).astype(np.float32)


def peer_runtimes(
    weights: Path | None, faces: NDArray[np.float32], cores: int
) -> dict[str, Predict]:
    """Load the peer into every runtime, and check that it is the same network there.

    Parameters
    ----------
    weights : Path or None
        As of :func:`load_peer`.
    faces : ndarray of float32 of shape (n_samples, 64, 64, 1)
        As of :func:`peer_faces`: some, to compare on.
    cores : int
        How many threads TFLite and onnxruntime start.

    Returns
    -------
    dict of str to callable
        From faces to probabilities, by the name of the runtime; `OWN_LITE` only if the package's
        file of that format stands beside its weights.

    Raises
    ------
    ValueError
        If a runtime differs from Keras by more than rounding in single precision does.
    """
    network = load_peer(weights)
    runtimes: dict[str, Predict] = {
        KERAS: lambda X: predict_peer(network, X),
        LITE: _run_lite(_convert_to_lite(network), cores),
        ONNX: _run_onnx(network, cores),
    }
    wanted = runtimes[KERAS](faces)
    for runtime, predict in runtimes.items():
        change = float(np.abs(predict(faces) - wanted).max())
        if change > _ROUNDING:
            raise ValueError(f"The {runtime} differs from that in Keras by {change:.2g}.")
    if weights is not None and (own := weights.with_name(_OWN_LITE_FILE)).is_file():
        runtimes[OWN_LITE] = _run_lite(own.read_bytes(), cores)
    return runtimes


def predict_peer(network: Any, faces: NDArray[np.float32]) -> NDArray[np.float64]:
    """Predict in batches of 256.

    Parameters
    ----------
    network : keras.Model
        As of :func:`load_peer`.
    faces : ndarray of float32 of shape (n_samples, 64, 64, 1)
        As of :func:`peer_faces`.

    Returns
    -------
    ndarray of shape (n_samples, 7)
        Columns in our order of the expressions, which is also its.
    """
    return _in_batches(network.predict_on_batch, faces, _BATCH)


def _in_batches(
    predict: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    faces: NDArray[np.float32],
    size: int,
) -> NDArray[np.float64]:
    parts = [predict(faces[start : start + size]) for start in range(0, len(faces), size)]
    probabilities = np.concatenate(parts).astype(np.float64)
    total: NDArray[np.float64] = probabilities.sum(axis=1, keepdims=True)
    return probabilities / total


def _convert_to_lite(network: keras.Model) -> bytes:
    import tensorflow as tf

    with redirect_stdout(io.StringIO()):  # it prints what it leaves in a temporary folder
        content: bytes = tf.lite.TFLiteConverter.from_keras_model(network).convert()
    return content


def _run_lite(content: bytes, cores: int) -> Predict:
    import tensorflow as tf

    with warnings.catch_warnings():
        # TensorFlow 2.21 has it still, as it has the converter; a later one may not.
        warnings.filterwarnings("ignore", "(?s).*tf.lite.Interpreter is deprecated")
        # Its kernels for processors, XNNPACK, are taken without being asked for.
        interpreter = tf.lite.Interpreter(model_content=content, num_threads=cores)
        interpreter.allocate_tensors()
    [entry], [result] = interpreter.get_input_details(), interpreter.get_output_details()
    source, target = entry["index"], result["index"]

    def predict(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(batch) != interpreter.get_input_details()[0]["shape"][0]:
            interpreter.resize_tensor_input(source, batch.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(source, batch)
        interpreter.invoke()
        probabilities: NDArray[np.float32] = interpreter.get_tensor(target)
        return probabilities

    return lambda faces: _in_batches(predict, faces, _LITE_BATCH)


def _run_onnx(network: keras.Model, cores: int) -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of Keras's exporter, about NumPy
        file = Path(folder, "peer.onnx")
        network.export(file, format="onnx", verbose=False)
        session = onnxruntime.InferenceSession(file.read_bytes(), options)
    source = session.get_inputs()[0].name
    return lambda faces: _in_batches(
        lambda batch: session.run(None, {source: batch})[0], faces, _BATCH
    )
