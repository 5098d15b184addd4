"""What a search may change of each member, and how values become a member's parameters."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.networks import NETWORKS
from fer_ensemble.models.registry import create_member, list_members
from fer_ensemble.models.search.trials import write_json

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
    """Give what a search changes of a member.

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
    classifier = _find(name)[1]
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
    classifier = _find(name)[1]
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


def gather(space: Space, flat: Mapping[str, Any]) -> dict[str, Any]:
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
    plain = {k: float(v) if isinstance(v, float) else v for k, v in flat.items()}
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
    prefix, classifier = _find(name)
    own = classifier.get_params()
    params = {f"{prefix}{key}": value for key, value in values.items() if key in own}
    of_network = {key: value for key, value in values.items() if key not in own}
    if of_network:
        recipe = classifier.network_params or {}
        params[f"{prefix}network_params"] = {**recipe, **of_network}
    return params


def _find(name: str) -> tuple[str, KerasClassifier]:
    """Return a member's Keras estimator, and what precedes its parameters' names."""
    found = _network_of(create_member(name))
    if found is None:
        others = [info.name for info in list_members() if _network_of(info.build())]
        raise ValueError(f"{name!r} has no network to search: choose among {', '.join(others)}.")
    return found


def _network_of(member: Any) -> tuple[str, KerasClassifier] | None:
    steps = [(f"{name}__", step) for name, step in getattr(member, "steps", [])]
    for prefix, estimator in [("", member), *steps]:
        if isinstance(estimator, KerasClassifier):
            return prefix, estimator
    return None


def _network_parameters(classifier: KerasClassifier) -> dict[str, Any]:
    """Return the parameters of a network's function, at the recipe's values."""
    builder = classifier.network
    signature = inspect.signature(NETWORKS[builder] if isinstance(builder, str) else builder)
    # The first two are the input's shape and the number of classes.
    defaults = {key: given.default for key, given in list(signature.parameters.items())[2:]}
    return {**defaults, **(classifier.network_params or {})}


def write_recipe(path: str | os.PathLike[str], member: str, params: Mapping[str, Any]) -> None:
    """Write a recipe, whole or not at all.

    Parameters
    ----------
    path : path-like
        File to write.
    member : str
        A member's name.
    params : mapping of str to JSON value
        Its parameters, as :func:`~fer_ensemble.models.create_member` takes them.
    """
    write_json(Path(path), {"member": member, "params": dict(params)})


def read_recipe(path: str | os.PathLike[str]) -> tuple[str, dict[str, Any]]:
    """Read a recipe that a search has written.

    Parameters
    ----------
    path : path-like
        The search's ``best.json``.

    Returns
    -------
    member : str
        The member's name.
    params : dict of str to value
        Its parameters, for :func:`~fer_ensemble.models.create_member`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no recipe, or of a member or parameter that there is not.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"{file}: there is no such recipe. Search one with: fer-ensemble tune MEMBER DATA"
        )
    try:
        content = json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"{file} is not JSON ({error}): give a search's best.json.") from error
    member = content.get("member") if isinstance(content, dict) else None
    params = content.get("params") if isinstance(content, dict) else None
    if not isinstance(member, str) or not isinstance(params, dict):
        raise ValueError(
            f'{file} is no recipe: it must be {{"member": NAME, "params": {{…}}}}, as in a '
            "search's best.json."
        )
    try:
        create_member(member, **params)
    except ValueError as error:
        raise ValueError(f"{file} does not fit: {error}") from error
    return member, params
