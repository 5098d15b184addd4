"""What is known of real FER2013 must be found in it."""

import time

import pytest

from fer_ensemble.datasets import DataAudit, audit_faces, load_faces


@pytest.fixture(scope="module")
def audit(fer2013_path) -> DataAudit:
    """The audit, which is timed: it has a minute."""
    faces = load_faces(fer2013_path)
    started = time.process_time()
    found = audit_faces(faces)
    assert time.process_time() - started < 60
    return found


@pytest.mark.slow
def test_blank_faces(audit):
    blank = audit.faces.take(audit.blank).split_counts()
    assert (blank["train"], blank["public_test"]) == (11, 1)


@pytest.mark.slow
def test_exact_copies(audit):
    assert audit.exact.across_splits()["public_test", "train"] == 280
    if len(audit.faces) == 35_887:
        assert audit.exact.n_redundant == 1853
    else:  # without PrivateTest
        assert len(audit.faces) == 32_298
        assert audit.exact.n_redundant == 1532


@pytest.mark.slow
def test_near_copies(audit):
    """More test faces are near-copies of training faces than exact ones; mirrored ones are rare."""
    assert audit.near.across_splits()["public_test", "train"] > 400
    assert 2500 < len(audit.near_pairs) < 4500
    assert 20 < audit.near_pairs.mirrored.sum() < 100
