"""Kill shards at random, resume and join them: ``python -m experiments.shard_kills --model DIR``.

Each shard of a prediction is killed by SIGKILL, SIGTERM and SIGINT in turn, at random moments, and
then resumed to its end. Before that, to join them is tried, which should be refused; afterwards,
what they are joined to must be what an unbroken run writes, to the byte. Faces are synthetic, some
files are no pictures, some pictures stand in the listing twice, and among them are videos.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from experiments.console import Model, Out, predict_command
from experiments.kills import SIGNALS, draw_photos, kill_often, run_through
from experiments.runs import RESULTS, write_record
from fer_ensemble import merge_shards
from fer_ensemble.datasets import make_faces

_FRAMES = 40  # of each video


def main(
    model: Model,
    files: Annotated[int, typer.Option(help="Pictures; videos come to them.")] = 5000,
    videos: Annotated[int, typer.Option(help="Videos among them.")] = 20,
    shards: Annotated[int, typer.Option(help="Shards, one after the other.")] = 7,
    kills: Annotated[int, typer.Option(help="How often to kill each shard.")] = 3,
    batch_size: Annotated[int, typer.Option(help="Faces predicted at once.")] = 16,
    ending: Annotated[str, typer.Option(help="Form of the tables.")] = ".csv",
    seed: Annotated[int, typer.Option(help="Seed of the moments.")] = 0,
    out: Out = RESULTS / "shard_kills.json",
) -> None:
    """Compare what killed shards are joined to with an unbroken run's table."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos, parts = folder / "photos", folder / "parts"
        draw_photos(photos, files)
        _write_videos(photos, videos, chance)
        for number in range(0, files, 11):
            (photos / f"{number:05}_again.png").symlink_to(f"{number:05}.png")
        whole, merged = folder / f"whole{ending}", folder / f"merged{ending}"
        options = {"batch_size": batch_size, "every": 2, "track": True}
        seconds = run_through(predict_command(photos, model, whole, **options))
        parts.mkdir()
        sizes, refusals = [], 0
        order = list(range(1, shards + 1))
        chance.shuffle(order)
        for number in order:
            part = parts / f"{number}{ending}"
            shard = {"shard": f"{number}/{shards}", "resume": True, **options}
            command = predict_command(photos, model, part, **shard)
            sizes.append(
                kill_often(
                    command, part, kills, whole.stat().st_size // shards, chance, SIGNALS,
                    is_locked=True,
                )
            )  # fmt: skip
            refusals += _is_refused(parts, merged)
            run_through(command)
        merge_shards(parts, merged)
        record = {
            "inputs": len(list(photos.iterdir())),
            "videos": videos,
            "shards": shards,
            "kills": sum(map(len, sizes)),
            "batch_size": batch_size,
            "signals": [number.name for number in SIGNALS],
            "order_of_the_shards": order,
            "bytes_at_each_kill": sizes,
            "bytes_of_the_unbroken_run": whole.stat().st_size,
            "seconds_of_the_unbroken_run": round(seconds, 1),
            "merges_refused_before_the_end": refusals,
            "identical": whole.read_bytes() == merged.read_bytes(),
        }
    write_record(out, record, show=True)
    raise typer.Exit(not record["identical"])


def _write_videos(folder: Path, n_videos: int, chance: random.Random) -> None:
    faces = make_faces(n_videos * _FRAMES, random_state=1).images
    for number in range(n_videos):
        path = folder / f"{chance.randrange(100_000):05}_{number}.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (48, 48))
        for face in faces[number * _FRAMES : (number + 1) * _FRAMES]:
            writer.write(np.repeat(face[..., None], 3, axis=2))
        writer.release()


def _is_refused(parts: Path, out: Path) -> bool:
    try:
        merge_shards(parts, out)
    except ValueError:
        return True
    return False


if __name__ == "__main__":
    typer.run(main)
