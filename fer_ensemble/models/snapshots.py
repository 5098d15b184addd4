"""Members whose training makes several networks: asked for, and told apart afterwards."""

from __future__ import annotations

import copy
from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from fer_ensemble.libraries import quiet_start, require
from fer_ensemble.models.cycles import CYCLIC
from fer_ensemble.models.pipeline import last_step, prefixed_steps


def split_snapshots(member: Any) -> list[Any]:
    """Make a fitted member of each snapshot of a network, to be combined by any rule.

    Parameters
    ----------
    member : classifier
        A fitted :class:`~fer_ensemble.models.KerasClassifier`, or a pipeline that ends in one,
        frozen perhaps; it stays as it is. Any other has no snapshots.

    Returns
    -------
    list of classifier
        In the order in which they were kept, of one network each, with the parameters and the
        history of `member`; `member` alone if it has none. In an ensemble they stand wrapped in
        :class:`sklearn.frozen.FrozenEstimator`.

    Raises
    ------
    NotFittedError
        If it has not been fitted.
    MissingLibraryError
        If Keras, or the backend that it is set to, is not installed.

    Examples
    --------
    >>> from fer_ensemble.datasets import make_faces
    >>> from fer_ensemble.models import KerasClassifier, split_snapshots
    >>> faces, labels, _ = make_faces(140, random_state=0)
    >>> network = KerasClassifier("cnn_1", epochs=2, snapshots=2, schedule="cosine")
    >>> len(split_snapshots(network.fit(faces, labels)))
    2
    """
    check_is_fitted(member)
    if isinstance(member, FrozenEstimator):
        return [FrozenEstimator(part) for part in split_snapshots(member.estimator)]
    if getattr(last_step(member), "snapshots", 1) == 1:
        return [member]
    if hasattr(member, "steps"):
        *before, (name, last) = member.steps
        parts = []
        for part in split_snapshots(last):
            parts.append(copy.copy(member))
            parts[-1].steps = [*before, (name, part)]
        return parts
    require(member.needed_library, "Telling snapshots apart")
    with quiet_start("fer_ensemble.models.training"):
        from fer_ensemble.models.training import divide_snapshots
    parts = []
    for weights in divide_snapshots(member):
        parts.append(copy.copy(member))
        # A network that is at hand is that of all.
        parts[-1].__dict__.pop("_network", None)
        parts[-1].snapshots, parts[-1].weights_ = 1, weights
    return parts


def set_snapshots(member: Any, n_snapshots: int) -> None:
    """Have a network keep several snapshots of its training.

    Parameters
    ----------
    member : classifier
        Its networks are set; any other stays as it is. A schedule that does not come down several
        times is replaced by ``'cosine'``.
    n_snapshots : int
    """
    for _, step in prefixed_steps(member):
        if hasattr(step, "get_params") and "snapshots" in step.get_params(deep=False):
            step.set_params(snapshots=n_snapshots)
            if step.schedule not in CYCLIC:
                step.set_params(schedule="cosine", schedule_params=None)
