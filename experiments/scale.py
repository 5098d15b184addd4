"""Measure what a billion faces need: ``python -m experiments.scale --photographs photos/``.

All rates are those of one core, since that is what multiplies: of prediction, of listing, of
writing and of merging. What they come to for any number of pictures is arithmetic, printed beside
them; `experiments/scale.md` says what to make of it.
"""

from __future__ import annotations

import os
import sys
from array import array
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.console import Out
from experiments.pretrained.speed import cap_cores
from experiments.timing import timed

if TYPE_CHECKING:
    from fer_ensemble.faces import Prediction

_RESULTS = Path(__file__).parent / "results"
_FORMS = ("csv", "jsonl", "parquet")
_BATCH, _GROUP = 256, 512
_SHARDS = 8
_FIRST = 64  # inputs of a run that is not counted, in which libraries and files get warm


def main(
    photographs: Annotated[Path, typer.Option(help="Folder of photographs of people.")],
    faces: Annotated[int, typer.Option(min=512, help="Small faces to predict.")] = 2048,
    names: Annotated[int, typer.Option(min=1, help="Names to list.")] = 200_000,
    rows: Annotated[int, typer.Option(min=1, help="Rows to write and to merge.")] = 200_000,
    pictures: Annotated[int, typer.Option(min=1, help="Pictures to reckon for.")] = 10**9,
    core_price: Annotated[
        float | None, typer.Option(help="What a core costs an hour, to reckon the cost.")
    ] = None,
    out: Out = _RESULTS / "scale.json",
) -> None:
    """Print rates of one core, and what they come to."""
    cap_cores(1)
    # Only now: what counts the cores must be loaded after they are capped.
    from experiments.runs import write_record

    with TemporaryDirectory() as work:
        folder = Path(work)
        record: dict[str, Any] = {"cores": 1, "load_before": round(os.getloadavg()[0], 2)}
        drawn = _write_faces(folder / "faces", faces)
        for model in ("ensemble", "fast"):
            found, small = _predict(model, drawn, detector="skip")
            _, scenes = _predict(model, photographs)
            record[model] = {"small_faces": small, "photographs": scenes}
        record["listing"] = _list(folder, drawn, names)
        record["rows"] = {form: _write(folder, found, rows, form) for form in _FORMS}
    record["reckoned"] = reckon(record, pictures, core_price)
    write_record(out, record, show=True)


def reckon(
    record: dict[str, Any], pictures: int, core_price: float | None = None
) -> dict[str, Any]:
    """Multiply rates up.

    Parameters
    ----------
    record : dict
        What `main` has measured.
    pictures : int
        How many are to be predicted, each with one row.
    core_price : float, optional
        Of a core for an hour, in any currency.

    Returns
    -------
    dict
        By model and kind of picture ``core_hours``, and ``cost`` where the price is known; of the
        listing and of each form of rows what one process does alone: ``hours``, and ``gigabytes``.
    """
    reckoned: dict[str, Any] = {"pictures": pictures}
    for model in ("ensemble", "fast"):
        for kind, measured in record[model].items():
            hours = pictures / measured["pictures_a_second"] / 3600
            entry: dict[str, Any] = {"core_hours": round(hours)}
            if core_price is not None:
                entry["cost"] = round(hours * core_price)
            reckoned[f"{model}, {kind}"] = entry
    listing = record["listing"]
    reckoned["listing"] = {"hours": round(pictures / listing["names_a_second"] / 3600, 2)}
    for form, measured in record["rows"].items():
        reckoned[form] = {
            "gigabytes": round(pictures * measured["bytes_a_row"] / 1e9),
            "hours_to_write": round(pictures / measured["written_a_second"] / 3600, 2),
            "hours_to_merge": round(pictures / measured["merged_a_second"] / 3600, 2),
        }
    return reckoned


def _write_faces(folder: Path, n_faces: int) -> list[str]:
    import cv2

    from fer_ensemble.datasets import make_faces

    folder.mkdir()
    paths = [str(folder / f"{number:06}.png") for number in range(n_faces)]
    for path, face in zip(paths, make_faces(n_faces, random_state=0).images, strict=True):
        cv2.imwrite(path, face)
    return paths


def _predict(
    model: str, inputs: list[str] | Path, **settings: Any
) -> tuple[list[Prediction], dict[str, Any]]:
    """Predict files that were read before, and say how fast."""
    from fer_ensemble import predict_faces
    from fer_ensemble.faces import PictureListing

    paths = inputs if isinstance(inputs, list) else [*map(str, PictureListing([inputs]))]
    classifier = None if model == "ensemble" else model
    predict = partial(predict_faces, model=classifier, **settings)
    started = timed(partial(predict, paths[:1])).wall
    predict(paths[:_FIRST])
    seconds, _, rows = timed(partial(predict, paths))
    n_faces = sum(row.face is not None for row in rows)
    return list(rows), {
        "pictures": len(paths),
        "faces": n_faces,
        "bytes_a_picture": round(sum(map(os.path.getsize, paths)) / len(paths)),
        "pictures_a_second": round(len(paths) / seconds, 2),
        "faces_a_second": round(n_faces / seconds, 2),
        "seconds_to_load_and_predict_one": round(started, 2),
    }


def _list(folder: Path, targets: list[str], names: int) -> dict[str, Any]:
    """List a folder of links."""
    from fer_ensemble.faces import PictureListing

    links = folder / "links"
    links.mkdir()
    for number in range(names):
        os.symlink(targets[number % len(targets)], links / f"{number:09}.png")
    seconds, _, found = timed(lambda: sum(1 for _ in PictureListing([links])))
    if found != names:
        raise RuntimeError(f"{found} of {names} names were listed")
    return {"names": names, "names_a_second": round(names / seconds)}


def _write(folder: Path, predicted: list[Prediction], n_rows: int, form: str) -> dict[str, Any]:
    """Write rows as one process does for others, and merge the tables of shards."""
    from fer_ensemble.merging import merge_shards

    rows = _vary(predicted, n_rows)
    groups = [rows[start : start + _GROUP] for start in range(0, n_rows, _GROUP)]
    parts = folder / f"parts-{form}"
    parts.mkdir()
    seconds = sum(
        timed(partial(_write_shard, parts / f"{shard}.{form}", groups, shard)).wall
        for shard in range(1, _SHARDS + 1)
    )
    merged = folder / f"merged.{form}"
    merging = timed(partial(merge_shards, parts, merged)).wall
    return {
        "rows": n_rows,
        "bytes_a_row": round(merged.stat().st_size / n_rows, 1),
        "written_a_second": round(n_rows / seconds),
        "merged_a_second": round(n_rows / merging),
    }


def _write_shard(table: Path, groups: list[list[Prediction]], shard: int) -> None:
    """Write the rows of a shard and its record, as ``predict --shard`` does."""
    from fer_ensemble.datasets import EMOTIONS
    from fer_ensemble.faces import ShardRecord, digest_file, open_writer

    own = groups[shard - 1 :: _SHARDS]
    with open_writer(table, EMOTIONS) as writer:
        ends = array("q", [writer.place()])
        for group in own:
            for start in range(0, len(group), _BATCH):
                writer.write(group[start : start + _BATCH])
            ends.append(writer.place())
    ShardRecord(
        shard=shard,
        n_shards=_SHARDS,
        class_names=EMOTIONS,
        optional=(),
        settings={},
        listing={"inputs": sum(map(len, groups)), "groups": len(groups), "sha256": ""},
        inputs=sum(map(len, own)),
        rows=sum(map(len, own)),
        table=digest_file(table),
        group_ends=ends,
    ).write(table)


def _vary(predicted: list[Prediction], n_rows: int) -> list[Prediction]:
    """Make rows of other paths and probabilities: equal ones would be packed into nothing."""
    import numpy as np

    random = np.random.default_rng(0)
    varied = []
    for number in range(n_rows):
        row = predicted[number % len(predicted)]
        shares = random.dirichlet(np.full(len(row.probabilities or {}), 0.3)).astype(np.float32)
        varied.append(
            replace(
                row,
                path=f"photographs/{number // 10_000:05}/{number:09}.png",
                confidence=float(shares.max()),
                probabilities=dict(zip(row.probabilities or {}, map(float, shares), strict=True)),
            )
        )
    return varied


if __name__ == "__main__":
    sys.exit(typer.run(main))
