"""What predicts, and what it cannot do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fer_ensemble.faces import Output, is_address, is_part_folder
from fer_ensemble.libraries import require
from fer_ensemble.suggestions import did_you_mean

#: This process, or a cluster of Ray.
ENGINES = ("local", "ray")

#: What a cluster is needed for, to open a sentence with.
ON_RAY = "The engine ray"


def check_engine(engine: str, address: str | None) -> None:
    """Refuse an engine that is none or cannot be used, and an address of none.

    Parameters
    ----------
    engine : str
    address : str or None
        Of a cluster.

    Raises
    ------
    ValueError
        If there is no such engine, or it has no address.
    MissingLibraryError
        If Ray is asked for and not installed.
    """
    if engine not in ENGINES:
        raise ValueError(
            f"there is no engine {engine!r}: choose among {', '.join(ENGINES)}."
            + did_you_mean(engine, ENGINES)
        )
    if engine == "ray":
        require("ray", ON_RAY)
    elif address is not None:
        raise ValueError("an address belongs to a cluster: give the engine ray with it")


def check_means(
    engine: str, address: str | None, out: Output | None, options: Mapping[str, Any]
) -> None:
    """Refuse at once what an engine cannot do, or cannot be done at an address or in shards.

    Parameters
    ----------
    engine : str
    address : str or None
        Of a cluster.
    out : path-like, binary file or None
    options : mapping
        ``resume``, ``is_divided`` (whether a shard is predicted), ``at_once`` (whether there are
        live sources, or pictures are shown), ``annotate_to`` and ``explain_to``.

    Raises
    ------
    ValueError
        If it cannot be done; the message says what can.
    MissingLibraryError
        If Ray or pyarrow are needed and not installed.
    """
    check_engine(engine, address)
    writes_parts = out is not None and is_part_folder(out)
    if engine == "local":
        if writes_parts:
            raise ValueError(
                "a folder of Parquet parts is written by workers: give the engine ray, or the name "
                "of a file (.csv, .jsonl or .parquet)"
            )
    elif options["at_once"] or any(options[to] is not None for to in ("annotate_to", "explain_to")):
        raise ValueError(
            f"the engine {engine} takes neither cameras nor streams, opens no window and draws "
            "neither annotated copies nor explanations: use the engine local for these"
        )
    if writes_parts:
        require("pyarrow", "Parquet")
    elif options["resume"] and is_address(out):
        raise ValueError(
            "a file at an address cannot be resumed: write to a folder there (s3://…/rows/) by the "
            "engine ray, or to a file of this machine"
        )
    if options["is_divided"]:
        is_file = isinstance(out, str | os.PathLike) and not (writes_parts or is_address(out))
        _check_divided(is_file, options["at_once"])


def _check_divided(is_file: bool, at_once: bool) -> None:
    if not is_file:
        raise ValueError("a shard needs a file of its own on this machine for its rows: give out")
    if at_once:
        raise ValueError(
            "a shard is a part of a listing of files: neither cameras and streams nor what is "
            "shown in a window can be divided. Leave out shard"
        )
