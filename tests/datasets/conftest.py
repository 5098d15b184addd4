"""Small sources of random faces in every form that is read."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ensemble.datasets import EMOTIONS, FaceDataset


@pytest.fixture
def faces() -> FaceDataset:
    """Two training faces and a public test face of each expression, sorted as folders are."""
    rng = np.random.default_rng(0)
    rows = [("public_test", "test", "PublicTest", label, 0) for label in range(7)]
    rows += [("train", "train", "Training", label, copy) for label in range(7) for copy in (0, 1)]
    names = [
        f"{folder}/{EMOTIONS[label]}/{prefix}_{label}{copy}.png"
        for _, folder, prefix, label, copy in rows
    ]
    order = np.argsort(names)
    return FaceDataset(
        images=rng.integers(0, 256, (len(rows), 48, 48), dtype=np.uint8)[order],
        labels=np.array([row[3] for row in rows], np.int64)[order],
        split=np.array([row[0] for row in rows])[order],
        names=np.array(names, object)[order],
    )


@pytest.fixture(scope="session")
def png() -> Callable[..., bytes]:
    """Encode a gray picture."""

    def encode(image: np.ndarray, ending: str = ".png") -> bytes:
        done, data = cv2.imencode(ending, image)
        assert done
        return data.tobytes()

    return encode


@pytest.fixture
def files(faces: FaceDataset, png: Callable[..., bytes]) -> dict[str, bytes]:
    """Names and contents of the faces as picture files."""
    return {
        name: png(image) for name, image in zip(faces.names.tolist(), faces.images, strict=True)
    }


@pytest.fixture(scope="session")
def write_tree() -> Callable[[Path, dict[str, bytes]], Path]:
    """Write files into a folder."""

    def write(root: Path, files: dict[str, bytes]) -> Path:
        for name, data in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return root

    return write


@pytest.fixture(scope="session")
def write_zip() -> Callable[[Path, dict[str, bytes]], Path]:
    """Write files into a zip."""

    def write(path: Path, files: dict[str, bytes]) -> Path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path

    return write


@pytest.fixture
def csv_rows(faces: FaceDataset) -> list[str]:
    """Lines of the faces as fer2013.csv has them, the line of names first."""
    usage = {"train": "Training", "public_test": "PublicTest"}
    return ["emotion,pixels,Usage"] + [
        f"{label},{' '.join(map(str, image.ravel()))},{usage[part]}"
        for image, label, part in zip(faces.images, faces.labels, faces.split, strict=True)
    ]


@pytest.fixture(scope="session")
def write_parquet(png: Callable[..., bytes]) -> Callable[[Path, FaceDataset], Path]:
    """Write faces as Hugging Face lays them out, with a column of parts."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def write(path: Path, faces: FaceDataset) -> Path:
        # In an order of its own, as data sets of other people have.
        classes = sorted(EMOTIONS)
        features = {"label": {"names": classes, "_type": "ClassLabel"}}
        pictures = zip(faces.images, faces.names.tolist(), strict=True)
        table = pa.table(
            {
                "image": [{"bytes": png(image), "path": name} for image, name in pictures],
                "label": [classes.index(EMOTIONS[label]) for label in faces.labels],
                "split": faces.split.tolist(),
            }
        )
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        pq.write_table(table.replace_schema_metadata(metadata), path, row_group_size=8)
        return path

    return write
