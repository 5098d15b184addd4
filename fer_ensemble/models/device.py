"""What networks run on. The only module that asks a backend directly, since Keras tells too little.

Backends are imported in the functions: importing one takes seconds, and only one is needed.
"""

from __future__ import annotations

import os
from pathlib import Path

from fer_ensemble.libraries import require
from fer_ensemble.processors import count_processors


def has_gpu() -> bool:
    """Say whether the active Keras backend sees a GPU.

    Returns
    -------
    bool
    """
    import keras

    if keras.backend.backend() == "torch":  # for which Keras lists no devices
        import torch

        return bool(torch.cuda.is_available())
    # Asked for GPUs by name, JAX raises an error where there is none.
    return any(name.startswith(("gpu", "cuda")) for name in keras.distribution.list_devices())


def use_cpu() -> None:
    """Hide all GPUs from a backend that is not imported yet.

    Of the variables, TensorFlow reads the first, JAX the second, and Keras on PyTorch the third.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["KERAS_TORCH_DEVICE"] = "cpu"


def describe_device() -> str:
    """Name the backend and the GPU or processor that networks run on.

    Returns
    -------
    str
        Such as ``'NVIDIA A100 (jax)'`` or ``'CPU, 2 cores (tensorflow)'``.

    Raises
    ------
    MissingLibraryError
        If Keras, or the backend that it is set to, is not installed.
    """
    require("keras", "Asking what networks run on")
    import keras

    backend = keras.backend.backend()
    name = _gpu_name(backend) if has_gpu() else f"CPU, {count_processors()} cores"
    return f"{name} ({backend})"


def resolve_precision(precision: str) -> str:
    """Turn ``'auto'`` into the Keras dtype policy to train under here.

    Parameters
    ----------
    precision : str
        ``'auto'``, or any Keras dtype policy, which is returned as it is.

    Returns
    -------
    str
        ``'mixed_bfloat16'`` where the GPU computes in bfloat16, or, without a GPU, where the
        processor has AMX tiles; else ``'float32'``.
    """
    if precision != "auto":
        return precision
    # Without a GPU, AMX tiles alone are asked for. Processors with AVX512-BF16 and no AMX gain, too
    # (an epoch of cnn_2 took 0.6 of the time on one), but would train other weights than so far.
    # Not float16 on either: its range is so small that losses must be scaled.
    supported = _gpu_has_bfloat16() if has_gpu() else _cpu_has_amx()
    return "mixed_bfloat16" if supported else "float32"


def _gpu_name(backend: str) -> str:
    if backend == "torch":
        import torch

        return str(torch.cuda.get_device_name(0))
    if backend == "jax":
        import jax

        return str(jax.devices("gpu")[0].device_kind)
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
    return str(details.get("device_name", "GPU"))


def _cpu_has_amx() -> bool:
    # Linux lists a processor's features here. Elsewhere, where no such file is, float32 is safe.
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def _gpu_has_bfloat16() -> bool:
    import keras

    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        return bool(torch.cuda.is_bf16_supported())
    if backend == "jax":
        import jax

        # From NVIDIA's compute capability 8.0 (Ampere) on, tensor cores take bfloat16.
        capability = getattr(jax.devices("gpu")[0], "compute_capability", "0")
        return float(capability) >= 8
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
    return details.get("compute_capability", (0, 0)) >= (8, 0)
