"""Dividing samples honestly: copies, hold-outs, folds, and what members have seen.

Everything here is about arrays of samples and labels; :mod:`fer_ensemble.datasets`,
:mod:`fer_ensemble.models` and :mod:`fer_ensemble.ensemble` stand on it. scikit-learn and SciPy are
imported in the functions that need them, so that reading data stays quick to import.
"""

from fer_ensemble.splitting.copies import (
    check_unseen,
    content_hash,
    copy_groups,
    distinct_samples,
    raise_if_seen,
    row_digests,
    seen_digests,
    unite_groups,
)
from fer_ensemble.splitting.holdout import assign_folds, distinct_holdout_split, holdout_split

__all__ = [
    "assign_folds",
    "check_unseen",
    "content_hash",
    "copy_groups",
    "distinct_holdout_split",
    "distinct_samples",
    "holdout_split",
    "raise_if_seen",
    "row_digests",
    "seen_digests",
    "unite_groups",
]
