"""All checks, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fer_ensemble.diagnosis import installed, working
from fer_ensemble.diagnosis.checks import Check, Diagnosis, survive

_CHECKS: tuple[tuple[str, str, Callable[[], Iterable[Check]]], ...] = (
    ("package", "metadata", installed.check_package),
    ("dependencies", "metadata", installed.check_dependencies),
    ("extras", "metadata", installed.check_extras),
    ("conflicts", "metadata", installed.check_conflicts),
    ("libraries", "import", working.check_imports),
    ("weights", "files", working.check_weights),
    ("prediction", "models", working.check_predictions),
    ("device", "backends", working.check_devices),
    ("files", "surroundings", working.check_surroundings),
)


def diagnose(progress: Callable[[str], None] | None = None) -> Diagnosis:
    """Look at what is installed, and whether it works, as ``fer-ensemble doctor`` does.

    Libraries are imported, models predict and backends are asked in processes of their own, for a
    limited time: what crashes or hangs there is told, and ends nothing.

    Parameters
    ----------
    progress : callable, optional
        Is told what is looked at next, such as 'weights'.

    Returns
    -------
    Diagnosis
        Its ``works`` is whether predicting works. No path, and neither the machine's name nor the
        user's, is in it.

    Examples
    --------
    >>> from fer_ensemble.diagnosis import diagnose
    >>> diagnose().works  # doctest: +SKIP
    True
    """
    checks: list[Check] = []
    for group, name, look in _CHECKS:
        if progress is not None:
            progress(group)
        checks += survive(group, name, look)
    return Diagnosis(checks)
