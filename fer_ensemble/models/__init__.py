"""Models: named members, and the estimators they are made of.

Whoever asks the registry through this door finds the named members in it. Nothing here imports a
backend or XGBoost: those wait until something is trained, predicted or built.
"""

from typing import Any

import lazy_loader

_get, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    # The package's own members come first: another that took the name of one is then refused.
    if name in ("create_member", "get_member", "list_members", "member"):
        from fer_ensemble.models import recipes  # noqa: F401 - registers them
    return _get(name)
