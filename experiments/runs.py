"""What runs leave behind: records, predictions and fitted members, by name and protocol.

``experiments.run`` writes them for systems, ``experiments.combine`` writes records of ensembles.
The other experiments read them here, and check here that they are of the faces at hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.systems import System, all_systems
from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.datasets import EMOTIONS, PROTOCOLS, FaceDataset, Parts, find_protocol
from fer_ensemble.models import augment_copies
from fer_ensemble.splitting import row_digests

HERE = Path(__file__).parent
RESULTS = HERE / "results"
# None of these three is under version control.
PREDICTIONS = HERE / "predictions"
FITTED = HERE / "fitted"
UNFINISHED = HERE / "unfinished"

Record = Mapping[str, Any]
Records = Mapping[tuple[str, str], Record]
"""Records by name and protocol."""
Arrays = Mapping[str, NDArray[Any]]
Probabilities = NDArray[np.float64]


def write_record(path: Path, record: Record | Sequence[Record], *, show: bool = False) -> None:
    """Write figures as JSON.

    Parameters
    ----------
    path : Path
        Its folder is made if need be.
    record : mapping, or sequence of mappings
    show : bool, default=False
        Whether to print them too.
    """
    content = json.dumps(record, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, f"{content}\n".encode())
    if show:
        typer.echo(content)


def read_record(path: Path) -> Record:
    """Read figures; none if they were not measured."""
    return json.loads(path.read_text()) if path.is_file() else {}


def record_file(folder: Path, name: str, protocol: str) -> Path:
    """Name the file of the figures of a system or an ensemble."""
    return folder / f"{name}.{protocol}.json"


def prediction_file(folder: Path, name: str, protocol: str) -> Path:
    """Name the file of what a system predicts."""
    return folder / f"{name}.{protocol}.npz"


def fitted_file(folder: Path, name: str, protocol: str) -> Path:
    """Name the file of a fitted system."""
    return folder / f"{name}.{protocol}.skops"


def read_predictions(
    folder: Path, name: str, protocol: str, y_test: NDArray[Any] | None = None
) -> Arrays:
    """Read what a system predicts.

    Parameters
    ----------
    folder : Path
        Where ``experiments.run`` left its predictions.
    name, protocol : str
    y_test : ndarray of shape (n_samples,), default=None
        Labels of the test faces that the run should have had, if they are known.

    Returns
    -------
    mapping of str to ndarray
        Probabilities of the parts ``held_out`` and ``test``, their labels ``y_held_out`` and
        ``y_test``, ``held_out_rows`` among the training faces, and ``test_without_copies``, which
        runs of old lack.

    Raises
    ------
    typer.BadParameter
        If it was not run, or run on other test faces.
    """
    path = prediction_file(folder, name, protocol)
    command = f"python -m experiments.run {name} --data fer2013.zip --protocol {protocol}"
    if not path.is_file():
        raise typer.BadParameter(f"{path} is missing: run '{command}' first.")
    with np.load(path) as stored:
        arrays = dict(stored)
    if y_test is not None and not np.array_equal(arrays["y_test"], y_test):
        raise typer.BadParameter(f"{path} is of other faces: run '{command}' again.")
    return arrays


def stack_predictions(runs: Sequence[Arrays], part: str) -> tuple[Probabilities, NDArray[np.int64]]:
    """Lay what several systems predict side by side.

    Parameters
    ----------
    runs : sequence of mapping
        See :func:`read_predictions`.
    part : {'held_out', 'test'}

    Returns
    -------
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
    y : ndarray of shape (n_samples,)
        Labels.

    Raises
    ------
    typer.BadParameter
        If the systems did not predict the same faces.
    """
    # Pictures are not kept beside the predictions; thousands of labels in the same order tell as
    # well whether the faces are the same, and so do the rows where they are known.
    for key in (f"y_{part}", f"{part}_rows"):
        found = [run[key] for run in runs if key in run]
        if not all(np.array_equal(found[0], other) for other in found):
            raise typer.BadParameter(
                f"The systems did not predict the same faces ({part}): run all again, with one "
                "seed and the same data."
            )
    probabilities = np.stack([run[part].astype(np.float64) for run in runs], axis=1)
    # They are kept as float32, so that their sums are one only to seven digits.
    return probabilities / probabilities.sum(axis=2, keepdims=True), runs[0][f"y_{part}"]


def divide(
    system: System, faces: FaceDataset, protocol: str, seed: int, *, change_copies: bool = True
) -> Parts:
    """Divide faces as a run of a system does.

    Parameters
    ----------
    system : System
    faces : FaceDataset
        All of them.
    protocol : str
    seed : int
    change_copies : bool, default=True
        Whether faces that the balanced protocol repeats are changed, as in every run. Unchanged
        ones can be found again.

    Returns
    -------
    Parts
    """
    if system.classes:
        labels = [EMOTIONS.index(emotion) for emotion in system.classes]
        faces = faces.take(np.isin(faces.labels, labels))
    params = _protocol_params(system, protocol)
    if protocol == "balanced" and change_copies:
        params["augment"] = augment_copies
    return find_protocol(protocol).split(faces, seed, **params)


def _protocol_params(system: System, protocol: str) -> dict[str, Any]:
    """Return the authors' settings of their own protocol; under another one they mean nothing."""
    return dict(system.protocol_params) if protocol == system.protocol else {}


def find_copies(parts: Parts) -> NDArray[np.bool_]:
    """Find the test faces that have an exact copy in the training part.

    Parameters
    ----------
    parts : Parts

    Returns
    -------
    ndarray of bool of shape (n_samples,)
    """
    return np.isin(row_digests(parts.test.images), row_digests(parts.train.images))


def find_runs(
    folder: Path, faces: FaceDataset, protocol: str, seed: int, *, change_copies: bool = True
) -> Iterator[tuple[System, Parts, Arrays]]:
    """Find the systems that were run under a protocol, and divide the faces as each run did.

    Parameters
    ----------
    folder : Path
        Where ``experiments.run`` left its predictions.
    faces : FaceDataset
        All of them.
    protocol : str
    seed : int
        Seed of the runs.
    change_copies : bool, default=True
        See :func:`divide`.

    Yields
    ------
    system : System
    parts : Parts
    arrays : mapping of str to ndarray
        See :func:`read_predictions`.

    Raises
    ------
    typer.BadParameter
        If a system was run on other faces.
    """
    # Balancing FER2013 draws and changes tens of thousands of faces: once for all systems that
    # divide alike, which are most of them.
    divided: dict[str, Parts] = {}
    for system in all_systems():
        if not prediction_file(folder, system.name, protocol).is_file():
            continue
        way = repr((system.classes, _protocol_params(system, protocol)))
        if way not in divided:
            divided[way] = divide(system, faces, protocol, seed, change_copies=change_copies)
        parts = divided[way]
        yield system, parts, read_predictions(folder, system.name, protocol, parts.test.labels)


def read_records(folder: Path, names: Sequence[str]) -> Records:
    """Read the records of systems or ensembles.

    Parameters
    ----------
    folder : Path
        Where ``experiments.run`` and ``experiments.combine`` left them.
    names : sequence of str

    Returns
    -------
    dict of (str, str) to dict
        By name and protocol; what was not run is left out.
    """
    keys = [(name, protocol) for name in names for protocol in PROTOCOLS]
    found = {key: read_record(record_file(folder, *key)) for key in keys}
    return {key: record for key, record in found.items() if record}


def own_record(records: Records, system: System) -> Record | None:
    """Find the record of a system under its authors' protocol."""
    own = records.get((system.name, system.protocol))
    if own is None and system.protocol == "kaggle":
        # The two protocols are the same where the data lack PrivateTest, as ours do.
        return records.get((system.name, "official"))
    return own


def official_record(records: Records, system: System, systems: Sequence[System]) -> Record | None:
    """Find the record of a system on the official split.

    Where only its data set it apart from another system, that one's run will do: on the official
    split both are the same network.
    """

    def trained(one: System) -> tuple[Any, ...]:
        return one.member, one.params, one.teachers, one.classes

    alike = [system] + [other for other in systems if trained(other) == trained(system)]
    names = (other.name for other in alike if (other.name, "official") in records)
    return next((records[name, "official"] for name in names), None)
