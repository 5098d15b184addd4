"""The registry of named members: what is known of each, and how one is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.base import ClassifierMixin

from fer_ensemble.libraries import require_for_members
from fer_ensemble.models.pipeline import prefixed_steps
from fer_ensemble.suggestions import did_you_mean

_Builder = Callable[[], ClassifierMixin]
_MEMBERS: dict[str, MemberInfo] = {}
_BYTES_PER_PARAMETER = 4
# What says how to train, not what: it is the same for all members of an ensemble, and so reaches
# every step that has it under one name.
_SHARED_PARAMETERS = ("random_state", "n_jobs", "verbose", "time_budget", "checkpoint")


@dataclass(frozen=True)
class MemberInfo:
    """What is known of a named member before it is built.

    Parameters
    ----------
    name : str
        Its name in :func:`create_member`.
    summary : str
        What it is, in one line.
    source : str
        Where its recipe comes from.
    parameters : int or None
        Trainable and other weights for 48×48 faces and 7 classes; ``None`` where it depends on
        the data.
    multiply_accumulates : int or None
        Multiply-accumulate operations of the network for one 48×48 face, without feature
        extraction; ``None`` for trees.
    build : callable
        Makes the unfitted member with its recipe's parameters.
    """

    name: str
    summary: str
    source: str
    parameters: int | None
    multiply_accumulates: int | None
    build: _Builder

    @property
    def description(self) -> str:
        """What it is, in full: the docstring of `build`."""
        return inspect.getdoc(self.build) or ""

    @property
    def file_size(self) -> int | None:
        """Bytes of its weights in a saved ensemble, in single precision; None for trees."""
        return None if self.parameters is None else _BYTES_PER_PARAMETER * self.parameters

    def recipe(self) -> dict[str, Any]:
        """List what its recipe changes of its estimators' defaults.

        Returns
        -------
        dict of str to object
            Values under the names that :func:`create_member` takes, as ``epochs`` or
            ``classifier__epochs``. Each step of a pipeline comes before its own parameters.

        Examples
        --------
        >>> from fer_ensemble.models import get_member
        >>> get_member("vgg_style").recipe()["epochs"]
        10
        """
        return _changed_params(self.build())

    def create(self, **params: Any) -> ClassifierMixin:
        """Make the unfitted member, whether or not the libraries to fit it are installed.

        Parameters
        ----------
        **params
            As of :func:`create_member`.

        Returns
        -------
        classifier

        Raises
        ------
        ValueError
            If it has no such parameter.
        """
        estimator = self.build()
        # Before the others, so that those can still differ from step to step.
        for shared in _SHARED_PARAMETERS:
            if shared in params:
                value = params.pop(shared)
                estimator.set_params(**dict.fromkeys(find_parameters(estimator, shared), value))
        self._check_names(estimator, params)
        return estimator.set_params(**params)

    def _check_names(self, estimator: ClassifierMixin, params: dict[str, Any]) -> None:
        """Refuse unknown parameters; scikit-learn's own message prints the whole estimator."""
        known = [name for name in estimator.get_params() if name != "steps"]
        for name in params:
            if name not in known:
                # A step's own parameter is meant most often, named without the step.
                alike = [key for key in known if key.split("__")[-1] == name] or known
                hint = did_you_mean(name, alike, likeness=0.3 if alike is not known else 0.8)
                raise ValueError(
                    f"The member {self.name!r} has no parameter {name!r}.{hint} "
                    f"'fer-ensemble members {self.name}' lists those of its recipe."
                )


def member(
    *, source: str, parameters: int | None = None, multiply_accumulates: int | None = None
) -> Callable[[_Builder], _Builder]:
    """Register the decorated function as the recipe of the member of its name.

    Parameters
    ----------
    source : str
        Where the recipe comes from.
    parameters, multiply_accumulates : int, default=None
        Cost, see :class:`MemberInfo`.

    Returns
    -------
    callable
        A decorator for a function without arguments that returns an unfitted classifier from
        faces to probabilities. The first line of its docstring is the member's summary.

    Raises
    ------
    ValueError
        If the name is taken.

    Examples
    --------
    >>> from fer_ensemble.models import create_member, member
    >>> from sklearn.dummy import DummyClassifier
    >>> @member(source="this example")
    ... def always_happy():
    ...     '''The most frequent expression.'''
    ...     return DummyClassifier(strategy="most_frequent")
    >>> create_member("always_happy")
    DummyClassifier(strategy='most_frequent')
    """

    def register(build: _Builder) -> _Builder:
        name = build.__name__
        if name in _MEMBERS:
            raise ValueError(f"A member named {name!r} is registered already: rename yours.")
        summary = (build.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        _MEMBERS[name] = MemberInfo(name, summary, source, parameters, multiply_accumulates, build)
        return build

    return register


def create_member(name: str, **params: Any) -> ClassifierMixin:
    """Make an unfitted member with its recipe's parameters.

    Parameters
    ----------
    name : str
        One of :func:`list_members`.
    **params
        Parameters to change, under scikit-learn's nested names: ``epochs=5`` for a network,
        ``classifier__epochs=5`` for a pipeline. ``random_state``, ``n_jobs``, ``verbose``,
        ``time_budget`` and ``checkpoint`` reach every step that has them, whichever the member.

    Returns
    -------
    classifier
        Unfitted, from ``uint8`` faces of shape ``(n_samples, height, width)`` to probabilities.

    Raises
    ------
    ValueError
        If there is no such member, or it has no such parameter.
    MissingLibraryError
        If a library that it is fitted with is not installed.

    Examples
    --------
    >>> from fer_ensemble.models import create_member
    >>> create_member("dense_hog", classifier__epochs=5, random_state=0).steps[-1][1].epochs
    5
    """
    member = get_member(name).create(**params)
    require_for_members([(name, member)])
    return member


def get_member(name: str) -> MemberInfo:
    """Look up what is known of a member.

    Parameters
    ----------
    name : str
        One of :func:`list_members`.

    Returns
    -------
    MemberInfo

    Raises
    ------
    ValueError
        If there is no such member; the message names similar ones.
    """
    if name not in _MEMBERS:
        raise ValueError(
            f"Unknown member {name!r}: choose among {list(_MEMBERS)}."
            + did_you_mean(name, _MEMBERS)
        )
    return _MEMBERS[name]


def find_parameters(estimator: ClassifierMixin, name: str) -> list[str]:
    """Find the parameter of a name in a classifier, or in every step of a pipeline.

    Parameters
    ----------
    estimator : classifier
    name : str
        Such as ``'random_state'``.

    Returns
    -------
    list of str
        For ``set_params``, such as ``['classifier__random_state']``. Of a pipeline's own there is
        none: its ``verbose`` would print beside the classifier's bar, its ``memory`` pickle steps.

    Examples
    --------
    >>> from fer_ensemble.models import create_member, find_parameters
    >>> find_parameters(create_member("dense_hog"), "verbose")
    ['classifier__verbose']
    """
    return [
        f"{prefix}{key}"
        for prefix, step in prefixed_steps(estimator)
        if hasattr(step, "get_params")  # unlike 'passthrough'
        for key in step.get_params()
        if key.split("__")[-1] == name
    ]


def list_members() -> list[MemberInfo]:
    """List the members that :func:`create_member` can make.

    Returns
    -------
    list of MemberInfo
        In the order of registration.
    """
    return list(_MEMBERS.values())


def _changed_params(estimator: Any) -> dict[str, Any]:
    signature = inspect.signature(type(estimator).__init__).parameters
    defaults = {name: parameter.default for name, parameter in signature.items()}
    changed = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        # By repr, since arrays have no single answer to whether they are equal.
        if name != "steps" and repr(value) != repr(defaults.get(name))
    }
    for name, step in getattr(estimator, "steps", ()):
        # The step itself first: setting it would undo what was set of its parameters before.
        changed[name] = step
        if hasattr(step, "get_params"):
            nested = _changed_params(step)
            changed |= {f"{name}__{key}": value for key, value in nested.items()}
    return changed
