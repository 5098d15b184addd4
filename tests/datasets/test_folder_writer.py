"""Written faces can be read back, and none replaces another."""

import numpy as np
import pytest

from fer_ensemble.datasets import load_faces, synthetic_dataset, write_folder


def test_round_trip(tmp_path):
    faces = synthetic_dataset(21, random_state=0)
    write_folder(faces, tmp_path)
    read = load_faces(tmp_path, strict=True)
    order = np.argsort([name.rpartition("/")[2] for name in read.names])
    np.testing.assert_array_equal(read.images[order], faces.images)
    np.testing.assert_array_equal(read.labels[order], faces.labels)


def test_no_face_replaces_another(tmp_path):
    faces = synthetic_dataset(21, random_state=0).take([3, 3])
    with pytest.raises(ValueError, match="2 faces would be written to"):
        write_folder(faces, tmp_path)
    assert not list(tmp_path.iterdir())
