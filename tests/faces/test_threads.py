"""No library may be imported by a thread first: two that import it at once may both fail."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.faces.stand_ins import write_clip

# A finder that is asked for every module that is not there yet, and finds none.
PROGRAM = """
import sys, threading

class Watch:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            late.append(name)

late = []
sys.meta_path.insert(0, Watch())
from fer_ensemble.faces import FaceFinder, predict_files

class Model:
    def predict_proba(self, X):
        return X.reshape(len(X), -1)[:, :2] / 510 + 0.25

for detector in ("auto", "haar"):
    finder = FaceFinder(detector)
    batches = predict_files(Model(), sys.argv[1:], class_names=("a", "b"), finder=finder,
                            annotate_to="seen", n_jobs=2, batch_size=8)
    print([row.status for batch in batches for row in batch].count("ok"))
print("late:", *late)
"""


@pytest.fixture
def inputs(tmp_path: Path, photograph: np.ndarray) -> list[str]:
    """A file of every kind, good and damaged."""
    colour = Image.fromarray(photograph[::4, ::4, ::-1].copy())
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP", "AVIF", "JPEG2000", "QOI")
    for kind in kinds:
        options = {"exif": exif} if kind in ("JPEG", "PNG", "WEBP") else {}
        stream = io.BytesIO()
        colour.convert("P" if kind == "GIF" else "RGB").save(stream, kind, **options)
        (tmp_path / f"{kind}.jpg").write_bytes(stream.getvalue())
        (tmp_path / f"{kind}.cut.jpg").write_bytes(stream.getvalue()[: stream.tell() // 2])
    for mode in ("RGBA", "LA", "CMYK", "I;16", "1"):
        colour.convert("L" if mode == "I;16" else mode).convert(mode).save(
            tmp_path / f"{mode.replace(';', '')}.tif"
        )
    colour.save(tmp_path / "a.gif", save_all=True, append_images=[colour.rotate(90)])
    write_clip(tmp_path / "clip.avi", [photograph] * 3)
    return sorted(str(path) for path in tmp_path.iterdir())


def test_threads_import_nothing_on_first_use(tmp_path: Path, inputs: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *inputs, "lost.png"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    taken_whole, searched, late = run.stdout.splitlines()
    assert int(taken_whole) > 2, run.stderr
    assert int(searched) > 2
    assert late == "late:"
