"""A cluster of Ray to work on: one that runs already, or one of this machine for the while."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from fer_ensemble.libraries import require
from fer_ensemble.processors import are_gpus_hidden

_PATIENCE = 10.0  # seconds


class ClusterError(RuntimeError):
    """There is no cluster to work on, or its workers did not come through."""


@contextmanager
def connected(address: str | None, purpose: str) -> Iterator[Any]:
    """Connect to a cluster of Ray, and leave it as it was.

    Parameters
    ----------
    address : str or None
        Of the cluster's head, as in ``10.0.0.1:6379`` or ``ray://10.0.0.1:10001``; ``'auto'`` finds
        one that runs on this machine. None takes the environment's ``RAY_ADDRESS``, or starts one
        of this machine alone, and stops it in the end.
    purpose : str
        What needs it, to open a sentence with.

    Yields
    ------
    module
        Ray, connected. Where it was before, that cluster is used and stays connected.

    Raises
    ------
    MissingLibraryError
        If Ray is not installed.
    ClusterError
        If no cluster answers at the address.
    """
    require("ray", purpose)
    # Ray counts who uses it and tells its makers, unless it was told otherwise.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if ray.is_initialized():
        yield ray
        return
    wanted = address or os.environ.get("RAY_ADDRESS")
    # What workers print would stand between the lines of a command, several times over.
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    # Without an address Ray would join whatever cluster runs on this machine.
    options["address"] = wanted or "local"
    if not wanted:
        options["include_dashboard"] = False
    try:
        if wanted:
            _check_answer(wanted)
        ray.init(**options)
    except (ConnectionError, TimeoutError, RuntimeError, ValueError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ClusterError(
            f"{purpose} finds no cluster of Ray at {wanted or 'this machine'} ({reason}): start "
            "one by 'ray start --head' and give its address, or leave the address out, to use this "
            "machine alone."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def node_resources(ray: Any) -> list[dict[str, float]]:
    """Say what each machine of the cluster has that Ray is connected to.

    Parameters
    ----------
    ray : module
        As `connected` gives it.

    Returns
    -------
    list of dict of str to float
        Of those that are there: ``CPU``, ``GPU`` and others.
    """
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def offers_gpus(nodes: Sequence[Mapping[str, float]]) -> bool:
    """Say whether tasks may ask for a GPU: there is one, and GPUs are not hidden from this process.

    Parameters
    ----------
    nodes : sequence of mapping of str to float
        See `node_resources`.

    Returns
    -------
    bool
    """
    return not are_gpus_hidden() and any(node.get("GPU", 0) >= 1 for node in nodes)


def _check_answer(address: str) -> None:
    """Raise an error where nobody listens: Ray itself would wait for minutes."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    if parts.hostname and parts.port:
        socket.create_connection((parts.hostname, parts.port), timeout=_PATIENCE).close()
