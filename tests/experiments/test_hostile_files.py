from pathlib import Path

import numpy as np

from experiments.hostile_files import make_hostile_files
from fer_ensemble.faces import predict_files


class Level:
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.full((len(X), 2), 0.5)


def test_each_hostile_file_has_its_row_and_none_stops_the_run(tmp_path: Path) -> None:
    kinds = make_hostile_files(tmp_path, 32, np.random.default_rng(0))
    assert len(kinds) == 12
    assert sum(kinds.values()) == 32
    paths = sorted(str(path) for path in tmp_path.iterdir())
    batches = predict_files(Level(), paths, class_names=("happy", "sad"), batch_size=5)
    rows = [row for batch in batches for row in batch]
    assert sorted({row.path for row in rows}) == paths
    assert {"unreadable", "empty", "missing", "too_large"} <= {row.status for row in rows}
    assert all(row.reason for row in rows if row.face is None)
