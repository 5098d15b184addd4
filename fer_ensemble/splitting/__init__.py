"""Dividing samples honestly: copies, digests, hold-out, folds, and who has seen what."""

from fer_ensemble.splitting.digests import (
    check_unseen,
    copy_groups,
    refuse,
    row_digests,
    seen_digests,
)
from fer_ensemble.splitting.holdout import assign_folds, distinct_samples, hold_out, holdout_split

__all__ = [
    "assign_folds",
    "check_unseen",
    "copy_groups",
    "distinct_samples",
    "hold_out",
    "holdout_split",
    "refuse",
    "row_digests",
    "seen_digests",
]
