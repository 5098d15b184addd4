"""The part of the data that an ensemble is fitted on, and the one that it is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets.dataset import FaceDataset
from fer_ensemble.datasets.protocols import Augment, Parts, Protocol, find_protocol
from fer_ensemble.splitting import row_digests


@dataclass(frozen=True, eq=False)
class EvaluationPart:
    """Faces to measure an ensemble on.

    Attributes
    ----------
    faces : FaceDataset
    training : FaceDataset or None
        What the ensemble was fitted on, the faces that it held out included; ``None`` if the data
        do not hold it.
    description : str
        What the test faces are.
    warning : str
        What must stand beside a figure of them; mostly empty.
    split : str or None
        Which part of the data's own split they are, if they are one.
    """

    faces: FaceDataset
    training: FaceDataset | None
    description: str
    warning: str
    split: str | None = None

    def seen(self, fitted_digests: NDArray[np.uint64] | None) -> NDArray[np.bool_] | None:
        """Find the test faces that have an exact copy in the training data.

        Parameters
        ----------
        fitted_digests : ndarray of uint64 or None
            ``training_digests_`` of the ensemble, if it has them.

        Returns
        -------
        ndarray of shape (n_samples,), bool, or None
            ``None`` if nothing is known of the training data.
        """
        known = fitted_digests
        if self.training is not None:
            found = row_digests(self.training.images)
            # `training` is found by counts alone, and other data may have as many faces of each
            # class: they count only if they hold every face that the ensemble knows.
            if known is None or np.isin(known, found).all():
                known = found
        return None if known is None else np.isin(row_digests(self.faces.images), known)


def training_part(
    faces: FaceDataset,
    protocol: str = "official",
    *,
    split: str = "train",
    test_size: float = 0.1,
    random_state: int = 0,
    augment: Augment | None = None,
) -> tuple[FaceDataset, dict[str, Any]]:
    """Choose the faces to fit on.

    Parameters
    ----------
    faces : FaceDataset
    protocol : str, default='official'
        A name in `PROTOCOLS`.
    split : str, default='train'
        The part to fit on; protocols that split anew take none but this default.
    test_size : float, default=0.1
        Share that protocols that split anew set apart for the test.
    random_state : int, default=0
        Their seed.
    augment : callable, optional
        As :meth:`Protocol.split` has it for the balanced protocol.

    Returns
    -------
    faces : FaceDataset
    record : dict
        What `evaluation_part` needs to find the test faces again, ready for JSON.

    Raises
    ------
    ValueError
        If there is no such protocol or part, `split` does not go with the protocol, or the faces
        to fit on are all of one class, or too few of one to set some apart.
    """
    chosen = find_protocol(protocol)
    # Saved with the ensemble: names and values that old artifacts have must keep their meaning.
    record = {"protocol": protocol, "split": split, "seed": random_state}
    if not chosen.keeps_split:
        if split != "train":
            raise ValueError(
                f"The {protocol} protocol splits all faces anew, so that split {split!r} can't be "
                "chosen: leave it out, or take the official protocol."
            )
        _check_classes(faces, 1 if chosen.augments else 2)
        record |= {"split": None, "test_size": test_size, "n_faces": len(faces)}
        training = _redraw(chosen, faces, record, augment).train
    else:
        training = faces.select(split)
    counts = {"n_samples": len(training), "class_counts": training.class_counts()}
    _check_classes(training, 1)
    if faces.report.classes:
        record["classes"] = faces.report.classes
    return training, record | counts


def evaluation_part(
    faces: FaceDataset,
    record: Mapping[str, Any],
    *,
    split: str | None = None,
    protocol: str | None = None,
    augment: Augment | None = None,
) -> EvaluationPart:
    """Choose the faces to measure an ensemble on.

    Parameters
    ----------
    faces : FaceDataset
        The data that the ensemble was fitted on, or others.
    record : mapping
        What `training_part` said of the fit; the first artifacts say less, and were fitted under
        the official protocol.
    split : str, optional
        The part of the data's own split, where that is kept; by default what the protocol tests
        on, which is public_test, if there is one, for official and every test face for kaggle.
        Data without parts are taken whole.
    protocol : str, optional
        By default that of the fit. Any that keeps the data's own split may be named instead.
    augment : callable, optional
        As in `training_part`.

    Returns
    -------
    EvaluationPart

    Raises
    ------
    ValueError
        If there is no such protocol or part, or the test faces of the fit can't be found again.
    """
    fitted = find_protocol(record.get("protocol", "official"))
    chosen = fitted if protocol is None else find_protocol(protocol)
    if chosen.keeps_split:
        training = _find_training(fitted, faces, record, augment)
        part = split or (chosen.test_split(faces) if faces.report.has_parts else "all")
        # Of a leaking fit, every part of the same data may stand in the training faces, changed.
        warning = "" if training is None else fitted.warning
        what = f"split {part}" if faces.report.has_parts else "all faces"
        return EvaluationPart(faces.select(part), training, what, warning, part)
    if chosen is not fitted:
        raise ValueError(
            f"The ensemble was fitted under the {fitted.name} protocol, so that faces which "
            f"{chosen.name} would test on were trained on: fit it under {chosen.name}, or leave "
            "the protocol out."
        )
    if split not in (None, "test"):
        raise ValueError(
            f"The {chosen.name} protocol has no split {split!r}: leave it out, or take the "
            "official protocol."
        )
    if not _is_whole(faces, record):
        raise ValueError(
            f"The ensemble was fitted on a part of {record['n_faces']:,} faces, and these are "
            f"{len(faces):,}: give the same data, or take the official protocol."
        )
    parts = _redraw(chosen, faces, record, augment)
    return EvaluationPart(parts.test, parts.train, parts.description, chosen.warning)


def _check_classes(faces: FaceDataset, least: int) -> None:
    """Refuse faces of one class alone, or of a class with too few to set some apart."""
    counts = {name: n for name, n in faces.class_counts().items() if n}
    if len(counts) == 1:
        raise ValueError(
            f"All {len(faces):,} faces to fit on are {next(iter(counts))}: give faces of at least "
            "two expressions."
        )
    rare = [f"{name} ({n})" for name, n in counts.items() if n < least]
    if rare:
        raise ValueError(
            f"Too few faces to set some apart for the test: {', '.join(rare)}. Add faces, or take "
            "the official protocol."
        )


def _redraw(
    protocol: Protocol, faces: FaceDataset, record: Mapping[str, Any], augment: Augment | None
) -> Parts:
    params: dict[str, Any] = {"augment": augment} if protocol.augments else {}
    return protocol.split(faces, record["seed"], test_size=record["test_size"], **params)


def _is_whole(faces: FaceDataset, record: Mapping[str, Any]) -> bool:
    """Whether the faces can be those that the fit divided: a draw is the same of all alone."""
    return len(faces) == record["n_faces"]


def _find_training(
    protocol: Protocol, faces: FaceDataset, record: Mapping[str, Any], augment: Augment | None
) -> FaceDataset | None:
    """Find the training faces again, if the data hold them."""
    if not protocol.keeps_split:
        is_whole = _is_whole(faces, record)
        return _redraw(protocol, faces, record, augment).train if is_whole else None
    try:
        training = faces.select(record.get("split") or "train")
    except ValueError:  # the data do not have that part
        return None
    return training if training.class_counts() == record.get("class_counts") else None
