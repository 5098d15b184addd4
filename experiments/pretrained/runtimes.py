"""The shipped ensembles taken apart: in Keras again, in fewer bits, without mirror images."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.pretrained.candidates import mirror_parameter
from fer_ensemble.ensemble import BaseEnsemble
from fer_ensemble.exporting import convert_member
from fer_ensemble.models import KerasClassifier, OnnxClassifier


def in_keras(ensemble: BaseEnsemble) -> BaseEnsemble:
    """Copy an exported ensemble with its networks in Keras again, the weights that it has.

    Parameters
    ----------
    ensemble : BaseEnsemble
        Exported in single or half precision.

    Returns
    -------
    BaseEnsemble
        Trees, and networks behind features, stay as they are.
    """
    copied = copy.copy(ensemble)
    copied.members_ = [
        (name, member.to_keras() if _is_exported_network(member) else member)
        for name, member in ensemble.members_
    ]
    return copied


def mirrored_members(ensemble: BaseEnsemble) -> Iterator[tuple[str, Any]]:
    """Copy each member that averages mirror images, to see each face once.

    Parameters
    ----------
    ensemble : BaseEnsemble

    Yields
    ------
    tuple of (str, classifier)
        Name, and the member that sees each face once.
    """
    for name, member in ensemble.members_:
        if _is_exported_network(member):
            network = member.to_keras()
            if network.flip_average:
                # Inside a graph the mirror image cannot be left out.
                yield name, convert_member(name, network.set_params(flip_average=False))
        elif (parameter := mirror_parameter(member)) and getattr(member, parameter):
            yield name, copy.copy(member).set_params(**{parameter: False})


def multiply_accumulates(member: Any) -> int:
    """Count the operations of an exported network for one face, its mirror image included.

    Parameters
    ----------
    member : classifier

    Returns
    -------
    int
        0 unless it is an exported network that looks at the faces themselves.
    """
    if not _is_exported_network(member):
        return 0
    count: int = member.facts_["multiply_accumulates"]
    return count * (1 + member.to_keras().flip_average)


def parts_of(member: Any, faces: NDArray[np.uint8]) -> dict[str, Callable[[], Any]]:
    """Take a pipeline apart, to time what happens before its classifier and in it.

    Parameters
    ----------
    member : classifier
        Fitted.
    faces : ndarray of uint8 of shape (n_samples, height, width)

    Returns
    -------
    dict of str to callable
        ``features`` and ``classifier``, each of which works on the faces seen once; empty unless
        the member is a pipeline.
    """
    if not hasattr(member, "steps"):
        return {}
    transformers, classifier = member[:-1], member[-1]
    features = transformers.transform(faces)
    return {
        "features": lambda: transformers.transform(faces),
        "classifier": lambda: classifier.predict_proba(features),
    }


def _is_exported_network(member: Any) -> bool:
    return (
        isinstance(member, OnnxClassifier)
        and member.takes_faces
        and member.facts_["exported_from"] == KerasClassifier.__name__
    )
