"""What is left of a library's threads in a forked process: nothing, and who waits for them hangs.

Prediction by exported graphs works in a fork, see :mod:`fer_ensemble.onnx_graph`. The backends of
Keras cannot, so that they are refused there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

# Backends of Keras whose threads were left behind by the fork that made this process.
_left_behind: set[str] = set()


class ForkError(RuntimeError):
    """A library whose threads a fork left behind is asked to compute."""


def after_fork(function: Callable[[], None]) -> None:
    """Have a function called in every process that is forked from this one, at its start.

    Parameters
    ----------
    function : callable
        Takes nothing.
    """
    if hasattr(os, "register_at_fork"):  # Windows has no forks
        os.register_at_fork(after_in_child=function)


def refuse_after_fork(backend: str, purpose: str) -> None:
    """Raise an error where a backend of Keras would wait for threads that there are none of.

    Parameters
    ----------
    backend : {'tensorflow', 'jax', 'torch'}
    purpose : str
        What needs it, to open a sentence with.

    Raises
    ------
    ForkError
        If the backend had computed before this process was forked.
    """
    if backend in _left_behind:
        raise ForkError(
            f"{purpose} cannot run here: {backend} had computed before this process was forked, "
            "and would wait for ever for its threads, which stayed behind. Start processes anew "
            "(multiprocessing's 'spawn', joblib's 'loky', gunicorn without --preload), fork before "
            "the first fit and prediction, or export the ensemble: exported members work in a fork."
        )


def _note_what_runs() -> None:
    # Private names: libraries do not tell otherwise. Where they are missing, being imported counts.
    tensorflow = sys.modules.get("tensorflow.python.eager.context")
    context = getattr(tensorflow, "_context", None)
    if context is not None and getattr(context, "_initialized", True):
        _left_behind.add("tensorflow")
    jax = sys.modules.get("jax._src.xla_bridge")
    if jax is not None and getattr(jax, "_backends", True):
        _left_behind.add("jax")
    if "torch" in sys.modules:
        _left_behind.add("torch")


after_fork(_note_what_runs)
