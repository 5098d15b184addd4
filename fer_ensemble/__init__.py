"""Facial expression recognition by ensembles of classical and deep models."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fer_ensemble.artifact import load_ensemble, save_ensemble

__all__ = ["load_ensemble", "save_ensemble"]


def __getattr__(name: str) -> Any:
    # Resolved on first use, so that importing the package is instant.
    if name in __all__:
        import fer_ensemble.artifact

        return getattr(fer_ensemble.artifact, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
