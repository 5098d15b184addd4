"""``fer-ensemble data``: what a data set holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from fer_ensemble.cli.console import count, list_counts
from fer_ensemble.cli.options import ClassesOption, JsonOption, StrictOption, out_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fer_ensemble.datasets import CopySets, DataAudit


def data(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Labelled faces, in any form that 'fit' takes; with --store, several or patterns.",
            metavar="PATH...",
        ),
    ],
    classes: ClassesOption = None,
    out: Annotated[
        Path | None,
        out_option(help="CSV to list every blank face and every copy in.", show_default=False),
    ] = None,
    chart: Annotated[
        Path | None,
        typer.Option(help="Picture of the counts; .png, .svg or .pdf.", show_default=False),
    ] = None,
    json_file: JsonOption = None,
    store: Annotated[
        Path | None,
        typer.Option(
            help="Folder to convert the faces to, one file at a time in memory: a store, which "
            "'fit' and 'evaluate' take, is read a batch at a time.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the store that stands there.")
    ] = False,
    strict: StrictOption = False,
) -> None:
    """Describe a data set: counts of every class and split, blank faces, and copies.

    Copies across splits spoil figures: what a model saw in training it knows in the test. Copies
    whose labels disagree are noise in either.

    Data larger than memory are made a store first.

    Examples:

      fer-ensemble data fer2013.zip --out copies.csv --chart counts.png

      fer-ensemble data shards/*.zip --store faces/
    """
    from fer_ensemble.atomic_files import open_atomically
    from fer_ensemble.cli.console import notes, output, read_faces, write_json
    from fer_ensemble.datasets import audit_faces
    from fer_ensemble.evaluation.plots import PICTURE_ENDINGS, draw_split_counts

    if store is not None:
        if any(option is not None for option in (out, chart, json_file)):
            raise typer.BadParameter(
                "--out, --chart and --json describe faces: give them without --store, of the store."
            )
        _make_store(paths, store, classes, strict, overwrite)
        return
    if len(paths) > 1 or overwrite:
        raise typer.BadParameter(
            "Several PATHs and --overwrite go with --store, which makes one data set of them."
        )
    path = paths[0]
    # Asked before the audit, which takes a while.
    if chart is not None and chart.suffix.lower() not in PICTURE_ENDINGS:
        raise typer.BadParameter(f"--chart {chart}: its ending must be one of {PICTURE_ENDINGS}.")
    faces, description = read_faces(path, strict=strict, seed=0, classes=classes)
    with notes.status(f"Comparing {count(len(faces), 'face')}"):
        audit = audit_faces(faces)
    output.print(count_table(description, audit.counts))
    for line in audit_lines(audit):
        output.print(line, soft_wrap=True)
    if out is not None:
        audit.write_list(out)
        notes.print(f"Blank faces and copies listed in {out}")
    if chart is not None:
        chart.parent.mkdir(parents=True, exist_ok=True)
        with open_atomically(chart) as stream:
            draw_split_counts(audit.counts).savefig(stream, format=chart.suffix[1:].lower())
        notes.print(f"Counts drawn in {chart}")
    if json_file is not None:
        write_json(json_file, {"data": description, **audit.to_dict()}, what="Counts")


def _make_store(
    paths: list[Path], store: Path, classes: str | None, strict: bool, overwrite: bool
) -> None:
    from fer_ensemble.cli.console import describe_faces, notes, reading_bar
    from fer_ensemble.datasets import write_store

    with reading_bar("Reading " + count(len(paths), "path")) as progress:
        faces = write_store(
            paths, store, classes=classes, strict=strict, progress=progress, overwrite=overwrite
        )
    describe_faces(faces, str(store))
    parts = list_counts(faces.split_counts())
    notes.print(f"{count(len(faces), 'face')} ({parts}) in {store}. Next:")
    notes.print(f"  fer-ensemble fit {store}")


def count_table(title: str, counts: Mapping[str, Mapping[str, int]]) -> Table:
    """Lay out how many faces each class has in each split.

    Parameters
    ----------
    title : str
        What was counted.
    counts : mapping of str to mapping of str to int
        Counts of the classes, by split.

    Returns
    -------
    Table
    """
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_footer=True)
    totals = {part: sum(by_class.values()) for part, by_class in counts.items()}
    table.add_column("", footer="all")
    for part, total in totals.items():
        table.add_column(part, footer=f"{total:,}", justify="right")
    table.add_column("all", footer=f"{sum(totals.values()):,}", justify="right")
    for name in next(iter(counts.values())):
        row = [by_class[name] for by_class in counts.values()]
        table.add_row(name, *(f"{n:,}" for n in [*row, sum(row)]))
    return table


def audit_lines(audit: DataAudit) -> list[str]:
    """Describe what an audit found beside the counts.

    Parameters
    ----------
    audit : DataAudit

    Returns
    -------
    list of str
    """
    found = audit.to_dict()
    blank = f" ({list_counts(found['blank'])})" if found["blank"] else ""
    near = found["near_copies"]
    mirrored, disagreeing = near["mirrored_pairs"], near["pairs_that_disagree_on_the_label"]
    return [
        f"Blank faces: {len(audit.blank):,}{blank}",
        *_copy_lines("Exact copies", audit.exact),
        *_copy_lines("Near-copies", audit.near),
        f"  {count(near['pairs'], 'pair')} of different pictures, {mirrored:,} of them mirrored; "
        f"the labels of {count(disagreeing, 'pair')} disagree",
    ]


def _copy_lines(title: str, copies: CopySets) -> list[str]:
    faces, sets = count(copies.n_faces, "face"), count(len(copies), "set")
    disagreeing = count(len(copies.disagreeing), "set")
    lines = [
        f"{title}: {count(copies.n_redundant, 'redundant face')} ({faces} in {sets}); the labels "
        f"of {disagreeing} disagree"
    ]
    for (part, other), n in copies.across_splits().items():
        stand = "stands" if n == 1 else "stand"
        lines.append(f"  {count(n, 'face')} of {part} also {stand} in {other}")
    return lines
