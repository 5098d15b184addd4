"""What a search may change of each member, and how values become a member's parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sklearn.base import ClassifierMixin

from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.networks import NETWORKS
from fer_ensemble.models.pipeline import prefixed_steps
from fer_ensemble.models.registry import get_member, list_members
from fer_ensemble.suggestions import did_you_mean

# Plain dictionaries, and not KerasTuner's objects: a space is compared and kept as JSON, and is
# looked up, or refused, before KerasTuner is imported, and Keras with it.

#: A KerasTuner hyper-parameter: the name of its kind and its arguments, as JSON values.
Dimension = dict[str, Any]
#: By parameter, a dimension, or a list of them for a parameter that is a sequence.
Space = dict[str, Any]


def choice(*values: float) -> Dimension:
    """Make a dimension of a few values.

    Parameters
    ----------
    *values : int or float
        All of one type, ascending.

    Returns
    -------
    dict
    """
    return {"kind": "Choice", "values": list(values)}


def log_range(low: float, high: float) -> Dimension:
    """Make a dimension of all numbers of a range, sampled on a logarithmic scale.

    Parameters
    ----------
    low, high : float
        Both above zero.

    Returns
    -------
    dict
    """
    return {"kind": "Float", "min_value": low, "max_value": high, "sampling": "log"}


_DROPOUT = choice(0.0, 0.1, 0.2, 0.3, 0.4, 0.5)

#: Networks whose search is published: by name, all that is searched. The publication names the
#: parameters and the logarithmic scale; the bounds are ours.
SPACES: dict[str, Space] = {
    "tuned_cnn": {
        "filters": [choice(32, 64, 128, 256)] * 3,
        "dropout": _DROPOUT,
        "units": choice(64, 128, 256, 512),
        "learning_rate": log_range(1e-4, 1e-2),
    },
}
#: All other networks: those of these parameters that they have, around the recipe's value.
AROUND: dict[str, Callable[[Any], Dimension]] = {
    "dropout": lambda recipe: _DROPOUT,
    "units": lambda recipe: choice(*(max(round(recipe * by), 1) for by in (0.25, 0.5, 1, 2))),
    "learning_rate": lambda recipe: log_range(recipe / 10, recipe * 10),
}


def search_space(name: str) -> Space:
    """Look up what a search changes of a member.

    Parameters
    ----------
    name : str
        A member's name.

    Returns
    -------
    dict of str to dict or list of dict
        By parameter of the network or of its estimator: a dimension, or one for each entry of a
        sequence. Each is a KerasTuner hyper-parameter: ``'kind'`` is its class, the rest its
        arguments.

    Raises
    ------
    ValueError
        If there is no such member, or it has no network.

    Examples
    --------
    >>> from fer_ensemble.models.search import search_space
    >>> search_space("tuned_cnn")["units"]
    {'kind': 'Choice', 'values': [64, 128, 256, 512]}
    """
    classifier = _find_network(name)[1]
    if classifier.network in SPACES:
        return dict(SPACES[classifier.network])
    values = {**_network_parameters(classifier), "learning_rate": classifier.learning_rate}
    return {
        key: [around(entry) for entry in values[key]]
        if isinstance(values[key], Sequence)
        else around(values[key])
        for key, around in AROUND.items()
        if key in values
    }


def check_space(name: str, space: Space) -> None:
    """Make sure that a member has all parameters of a space.

    Parameters
    ----------
    name : str
        A member's name.
    space : dict
        As :func:`search_space` returns it.

    Raises
    ------
    ValueError
        If it is empty, or the member lacks a parameter or has no network.
    """
    classifier = _find_network(name)[1]
    known = {**_network_parameters(classifier), **classifier.get_params()}
    unknown = sorted(set(space) - set(known))
    if unknown or not space:
        raise ValueError(
            f"space has {unknown or 'no parameter'}; {name} has {', '.join(sorted(known))}."
        )


def dimensions(space: Space) -> Iterator[tuple[str, Dimension]]:
    """Go through a space with one name for each dimension.

    Parameters
    ----------
    space : dict
        As :func:`search_space` returns it.

    Yields
    ------
    name : str
        Such as ``'dropout'``, or ``'filters_1'`` for the first entry of a sequence.
    dimension : dict
    """
    for key, entry in space.items():
        if isinstance(entry, list):
            yield from ((f"{key}_{i}", dimension) for i, dimension in enumerate(entry, 1))
        else:
            yield key, entry


def unflatten(space: Space, flat: Mapping[str, Any]) -> dict[str, Any]:
    """Turn one value for each dimension into one for each parameter.

    Parameters
    ----------
    space : dict
        As :func:`search_space` returns it.
    flat : mapping of str to value
        By the names of :func:`dimensions`.

    Returns
    -------
    dict of str to value
        Sequences as lists.
    """
    # The optimiser gives NumPy's floats, which JSON and people read alike, but repr does not.
    plain = {name: float(v) if isinstance(v, float) else v for name, v in flat.items()}
    return {
        key: [plain[f"{key}_{i}"] for i in range(1, len(entry) + 1)]
        if isinstance(entry, list)
        else plain[key]
        for key, entry in space.items()
    }


def member_params(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Put values under the names that :func:`~fer_ensemble.models.create_member` takes.

    Parameters
    ----------
    name : str
        A member's name.
    values : mapping of str to value
        Parameters of its network or of the network's estimator.

    Returns
    -------
    dict of str to value
        With the recipe's other ``network_params``.
    """
    prefix, classifier = _find_network(name)
    own = classifier.get_params()
    params = {f"{prefix}{key}": value for key, value in values.items() if key in own}
    of_network = {key: value for key, value in values.items() if key not in own}
    if of_network:
        recipe = classifier.network_params or {}
        params[f"{prefix}network_params"] = {**recipe, **of_network}
    return params


def _find_network(name: str) -> tuple[str, KerasClassifier]:
    """Return a member's Keras estimator, and what precedes its parameters' names."""
    found = _network_step(get_member(name).build())
    if found is None:
        others = [info.name for info in list_members() if _network_step(info.build())]
        raise ValueError(
            f"{name!r} has no network to search: choose among {', '.join(others)}."
            + did_you_mean(name, others)
        )
    return found


def _network_step(member: ClassifierMixin) -> tuple[str, KerasClassifier] | None:
    steps = prefixed_steps(member)
    return next((found for found in steps if isinstance(found[1], KerasClassifier)), None)


def _network_parameters(classifier: KerasClassifier) -> dict[str, Any]:
    """Return the parameters of a network's function, at the recipe's values or its defaults."""
    builder = classifier.network
    signature = inspect.signature(NETWORKS[builder] if isinstance(builder, str) else builder)
    # The first two are the input's shape and the number of classes.
    defaults = {key: given.default for key, given in list(signature.parameters.items())[2:]}
    return {**defaults, **(classifier.network_params or {})}
