"""``fer-ensemble merge``: the tables of shards, joined."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_ensemble.cli.options import out_option


def merge(
    parts: Annotated[
        list[str],
        typer.Argument(
            help="Tables that 'predict --shard' has written, folders of them, or patterns; in any "
            "order.",
            metavar="PARTS",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        out_option(
            help="File to write, in the form of the parts: .csv, .jsonl (or .ndjson) or .parquet.",
            show_default=False,
        ),
    ],
) -> None:
    """Join the tables of all shards, in the order of the inputs.

    The result is to the byte what one run over all inputs would have written.
    Beside each part stands its record (part.csv.shard.json), and goes where the
    part goes. Parts that are missing, unfinished, there twice, changed, or of
    other inputs, models or options are refused.

    \b
    Examples:
      fer-ensemble merge parts/ --out rows.csv
      fer-ensemble merge part-1.jsonl part-2.jsonl --out rows.jsonl
      fer-ensemble merge 'parts/*.parquet' --out rows.parquet
    """
    from fer_ensemble.cli.console import count, notes
    from fer_ensemble.merging import merge_shards

    merged = merge_shards(parts, out)
    notes.print(
        f"{count(merged.n_rows, 'row')} of {count(merged.n_inputs, 'input')} from "
        f"{count(merged.n_shards, 'shard')}, written to {out}"
    )
