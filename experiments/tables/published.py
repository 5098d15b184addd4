"""Published systems and ensembles: their figures beside ours, and how ours were trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.runs import Record, Records, official_record, own_record
from experiments.systems import Ensemble, System
from experiments.tables import cells
from fer_ensemble.evaluation import wilson_interval
from fer_ensemble.models import list_members

# The ways to combine that are shown, the published ones first; the records hold all rules.
WAYS = ("weighted", "average", "majority", "greedy selection", "stacking")
_ENSEMBLE_PROTOCOLS = ("balanced", "official")

# Expressions whose recall says of what kind a network is, and networks to tell it from.
_RARE = ("disgust", "fear")
_ON_PIXELS = ("baseline_cnn", "regularised_cnn")

Row = tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """What there is to show of an ensemble.

    Attributes
    ----------
    ensemble : Ensemble
    best : dict of str to str
        By protocol that it was run under: its best member, with its figure.
    rows : list of tuple of str
        Protocol, way to combine, published figure, ours on all faces and without copies, gain over
        the best member, McNemar's test of it, points that a member of noise costs.
    """

    ensemble: Ensemble
    best: dict[str, str]
    rows: list[Row]


def accuracies(records: Records, systems: Sequence[System]) -> dict[str, list[Row]]:
    """Lay the accuracies of every system beside the published one.

    Parameters
    ----------
    records : mapping
        See :func:`~experiments.runs.read_records`.
    systems : sequence of System

    Returns
    -------
    dict of str to list of tuple of str
        By publication: system, published figure, protocol of its authors, ours under it on all
        faces and without copies, ours on the official split on all and without copies.
    """
    source = {info.name: info.source for info in list_members()}
    tables: dict[str, list[Row]] = {}
    for system in systems:
        row = _accuracies_of(system, records, systems)
        tables.setdefault(source[system.member], []).append(row)
    return tables


def ensemble_sections(records: Records, ensembles: Sequence[Ensemble]) -> list[Section]:
    """Lay every ensemble out.

    Parameters
    ----------
    records : mapping
        See :func:`~experiments.runs.read_records`.
    ensembles : sequence of Ensemble

    Returns
    -------
    list of Section
    """
    return [_section(records, ensemble) for ensemble in ensembles]


def trainings(records: Records) -> list[Row]:
    """Describe how each run was trained.

    Parameters
    ----------
    records : mapping

    Returns
    -------
    list of tuple of str
        System, protocol, epochs run of those planned, how they ended, minutes, device, seed, and
        what else there is to say.
    """
    return [
        (
            f"`{record['system']}`",
            record["protocol"],
            _epochs(record),
            _ending(record),
            f"{record['minutes']:g}",
            record["device"],
            str(record["seed"]),
            _remarks(record),
        )
        for record in records.values()
    ]


def screened_rows(readings: Record) -> list[Row]:
    """Write a row for each reading of a HOG that `experiments.hog_readings` screened.

    Parameters
    ----------
    readings : dict
        Its record.

    Returns
    -------
    list of tuple of str
        Reading, number of features, accuracy; the best first.
    """
    found = readings.get("screened", {}).items()
    return [
        (name, f"{figures['n_features']:,}", cells.share(figures["accuracy"], figures["interval"]))
        for name, figures in sorted(found, key=lambda item: -item[1]["accuracy"])
    ]


def reading_rows(readings: Record, system: System, records: Records) -> list[Row]:
    """Write a row for each network on a HOG that `experiments.hog_readings` measured.

    Parameters
    ----------
    readings : dict
        Its record.
    system : System
        The one whose published figures come first.
    records : mapping
        Of runs, whose rows stand last: the system's own, and networks on pixels.

    Returns
    -------
    list of tuple of str
        Network, on which faces and how many, epochs, accuracy, macro F1, recall of disgust and of
        fear.
    """
    theirs, split = system.published, system.protocol
    rows: list[Row] = [
        (
            "published",
            f"{split}, n = {theirs['n']:,}",
            f"{theirs['epochs']}",
            *(f"{theirs[key]:g}" for key in ("accuracy", "macro_f1")),
            *(f"{theirs['recall'][emotion]:g}" for emotion in _RARE),
        )
    ]
    for section, faces in (
        ("trained", "held out of Training"),
        ("own split", split),
        ("drawn anew", f"{split}, drawn anew"),
    ):
        for name, figures in readings.get(section, {}).items():
            rows.append(_reading_row(name, faces, figures, figures["recall"]))
    for name in (system.name, *_ON_PIXELS):
        if record := records.get((name, split)):
            recall = {entry["name"]: entry["recall"] for entry in record["all"]["per_class"]}
            figures = {
                **record["all"],
                "interval": record["all"]["accuracy_interval"],
                "epochs": record["epochs_run"],
            }
            title = f"`{name}`" + (", on pixels" if name in _ON_PIXELS else "")
            rows.append(_reading_row(title, split, figures, recall))
    return rows


def _reading_row(name: str, faces: str, figures: Record, recall: Mapping[str, float]) -> Row:
    return (
        name,
        f"{faces}, n = {figures['n']:,}",
        f"{figures['epochs']:g}" if "epochs" in figures else cells.NOTHING,
        cells.share(figures["accuracy"], figures["interval"]),
        f"{figures['macro_f1']:.2f}",
        *(f"{recall[emotion]:.2f}" for emotion in _RARE),
    )


def reading_summary(readings: Record, system: System) -> str:
    """Say whether a network on a HOG reaches what was published.

    Parameters
    ----------
    readings : dict
        What `experiments.hog_readings` found.
    system : System

    Returns
    -------
    str
        Of the network under the system's own split, and of faces drawn anew, as far as measured.
    """
    theirs, recall = system.published["accuracy"], system.published["recall"]
    said = []
    for name, figures in readings.get("own split", {}).items():
        share = cells.share(figures["accuracy"], figures["interval"])
        reached = "within reach" if figures["interval"][1] >= theirs else "not reached"
        said.append(
            f"The best network, {name}, has {share} under the authors' split: {theirs:g} is "
            f"{reached}."
        )
    for figures in readings.get("drawn anew", {}).values():
        share = cells.share(figures["accuracy"], figures["interval"])
        said.append(
            f"On test faces drawn anew after training the dense network would have {share}, with a "
            f"recall of disgust of {figures['recall']['disgust']:.2f} where the authors have "
            f"{recall['disgust']:g}."
        )
    return " ".join(said)


def _accuracies_of(system: System, records: Records, systems: Sequence[System]) -> Row:
    own, official = own_record(records, system), official_record(records, system, systems)
    if system.protocol == "official":
        ours = ("as official", "as official")
    else:
        ours = (cells.accuracy(own, "all"), cells.accuracy(own, "without_copies"))
    borrowed = cells.BORROWED if official and official["system"] != system.name else ""
    return (
        _title(system),
        _published(system),
        cells.protocol_name(system.protocol),
        *ours,
        cells.accuracy(official, "all", with_n=False) + borrowed,
        cells.accuracy(official, "without_copies", with_n=False) + borrowed,
    )


def _title(system: System) -> str:
    note = system.published.get("note")
    return f"`{system.name}` {system.title}" + (f"; authors: {note}" if note else "")


def _published(system: System) -> str:
    accuracy, n = cells.published(system.published, "accuracy"), system.published.get("n")
    return f"{accuracy}, n = {n:,}" if n and accuracy != cells.NOTHING else accuracy


def _section(records: Records, ensemble: Ensemble) -> Section:
    best, rows = {}, []
    for protocol in _ENSEMBLE_PROTOCOLS:
        record = records.get((ensemble.name, protocol))
        if record is not None:
            best[protocol] = _best_member(record)
            rows += [_row(record, way, ensemble) for way in WAYS]
        elif protocol == ensemble.protocol:
            rows += [_missing(ensemble, way) for way in WAYS if way in ensemble.published]
    return Section(ensemble, best, rows)


def _best_member(record: Record) -> str:
    name = record["best_member"]
    figures = record["members"][name]
    accuracy = cells.share(figures["accuracy"], figures["interval"])
    return f"`{name}` with {accuracy}, n = {record['n']:,}"


def _row(record: Record, way: str, ensemble: Ensemble) -> tuple[str, ...]:
    figures = record["combined"][way]
    return (
        cells.protocol_name(record["protocol"]),
        way,
        cells.published(ensemble.published, way)
        if record["protocol"] == ensemble.protocol
        else cells.NOTHING,
        cells.share(figures["accuracy"], figures["interval"]),
        _without_copies(record, way),
        cells.points(figures["gain"], figures["gain_interval"]),
        cells.p_value(figures["mcnemar_p"]),
        # Adding 0 turns -0.0 into 0.0.
        f"{round(100 * figures['cost_of_noise'], 1) + 0:.1f}",
    )


def _without_copies(record: Record, way: str) -> str:
    alone = record["without_copies"]
    if alone is None:
        return cells.NOTHING
    accuracy, n = alone["accuracy"][way], alone["n"]
    return cells.share(accuracy, wilson_interval(round(accuracy * n), n))


def _missing(ensemble: Ensemble, way: str) -> tuple[str, ...]:
    known = (cells.protocol_name(ensemble.protocol), way, cells.published(ensemble.published, way))
    return (*known, cells.NOT_RUN, *[cells.NOTHING] * 4)


def _epochs(record: Record) -> str:
    if record["epochs_run"] is None:
        return cells.NOTHING
    return f"{record['epochs_run']:g} of {record['epochs_planned']}"


def _ending(record: Record) -> str:
    if record["epochs_run"] is None:
        return cells.NOTHING
    if record["epochs_run"] >= record["epochs_planned"]:
        return "full length"
    if cells.cut_short(record):
        return f"held to {record['time_budget']}{cells.mark(record)}"
    return "early stopping"


def _remarks(record: Record) -> str:
    remarks = [record["note"]] if record["note"] else []
    if earlier := record.get("earlier_rounds"):
        before = " and ".join(f"{accuracy:.3f}" for accuracy in earlier)
        remarks.append(f"trained {len(earlier) + 1} times, {before} before the last")
    return "; ".join(remarks) or cells.NOTHING
