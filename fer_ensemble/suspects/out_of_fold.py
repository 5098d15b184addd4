"""What models that have not seen a face, nor a copy of it, make of it; kept fold by fold."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.bounded_files import read_bounded
from fer_ensemble.features import Landmarks
from fer_ensemble.splitting import content_hash

_MOST_KEPT = 2**30  # bytes
# Parameters that change nothing of what is learned.
_WITHOUT_EFFECT = ("n_jobs", "verbose", "memory", "checkpoint")
_INTERRUPTED = "Training interrupted by user"
_STEPS, _PENALTY = 300, 85.0


@dataclass(frozen=True, eq=False)
class Opinion:
    """A model to be asked about every face, and what it is shown of them.

    Attributes
    ----------
    name : str
    model : classifier
        Unfitted, with ``predict_proba``.
    views : sequence of ndarray, each of shape (n_samples, ...)
        What the model is shown of the faces. It is fitted on the first; what it says of all, such
        as of the mirror images' features, is averaged.
    """

    name: str
    model: Any
    views: Sequence[NDArray[Any]]


def quick_opinions(images: NDArray[np.uint8], seed: int = 0) -> list[Opinion]:
    """Make two quick models of unlike kinds, which share features of each face.

    Parameters
    ----------
    images : ndarray of shape (n_samples, 48, 48), uint8
    seed : int, default=0
        Seed of both.

    Returns
    -------
    list of Opinion
        Of `quick_models`, on `quick_views`.
    """
    views = quick_views(images)
    return [Opinion(name, model, views) for name, model in quick_models(len(images), seed)]


def quick_views(images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Compute what quick models are shown: geometry of 68 landmarks, and gradients around them.

    Parameters
    ----------
    images : ndarray of shape (n_samples, 48, 48), uint8

    Returns
    -------
    list of ndarray of shape (n_samples, n_features)
        Of the faces, and of their mirror images; see :class:`~fer_ensemble.features.Landmarks`.
    """
    landmarks = Landmarks(output=("geometry", "hog")).fit(images[:1])
    sides = (images, np.ascontiguousarray(images[:, :, ::-1]))
    return [landmarks.transform(side) for side in sides]


def quick_models(n_samples: int, seed: int = 0) -> list[tuple[str, Any]]:
    """Make a network of one layer, and a logistic regression on an approximated radial kernel.

    ``experiments/suspect_labels.py`` chose them by accuracy out of fold beside seconds.

    Parameters
    ----------
    n_samples : int
        How many faces there are.
    seed : int, default=0
        Seed of both.

    Returns
    -------
    list of (str, classifier)

    References
    ----------
    C. K. I. Williams and M. Seeger, "Using the Nyström method to speed up kernel machines",
    Advances in Neural Information Processing Systems 13, 2000.
    """
    from sklearn.decomposition import PCA
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    most = max(1, n_samples // 4)
    batch_size = min(256, most)
    network = MLPClassifier(
        (256,),
        alpha=1.0,
        batch_size=batch_size,
        learning_rate_init=5e-4,
        # Few faces are seen more often, until there were as many steps.
        max_iter=max(8, round(_STEPS * batch_size / n_samples)),
        random_state=seed,
    )
    kernel = (
        PCA(min(300, most), random_state=seed),
        Nystroem(gamma=0.0003, n_components=min(1500, most), random_state=seed),
        StandardScaler(),
        # As strong a penalty a face, however many there are.
        LogisticRegression(C=_PENALTY / n_samples, max_iter=50),
    )
    return [
        ("network", make_pipeline(StandardScaler(), network)),
        ("kernel", make_pipeline(StandardScaler(), *kernel)),
    ]


def out_of_fold(
    opinions: Sequence[Opinion],
    y: NDArray[np.int64],
    folds: NDArray[np.intp],
    *,
    keep: Path | None = None,
    on_fold: Callable[[int, int], None] | None = None,
) -> NDArray[np.float64]:
    """Ask each model about each fold, fitted on the others.

    Parameters
    ----------
    opinions : sequence of Opinion
    y : ndarray of shape (n_samples,)
        Labels.
    folds : ndarray of shape (n_samples,), int
        Such as `assign_folds` deals.
    keep : Path, optional
        Folder in which answers are kept as soon as they are given; an interrupted call takes them
        over where faces, labels, folds and models are the same.
    on_fold : callable, optional
        Called as ``on_fold(done, total)`` before the first fit and after each.

    Returns
    -------
    ndarray of shape (n_models, n_samples, n_classes)
        Probabilities, columns in the order of the sorted labels.
    """
    numbers = np.unique(folds)
    total, done = len(opinions) * len(numbers), 0
    answers = np.zeros((len(opinions), len(y), len(np.unique(y))))
    for asked, opinion in zip(answers, opinions, strict=True):
        fingerprint = ""
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            settings = {
                name: value
                for name, value in opinion.model.get_params().items()
                if name.rpartition("__")[-1] not in _WITHOUT_EFFECT
                and not hasattr(value, "get_params")
                and name != "steps"
            }
            kind = repr(type(opinion.model)), opinion.name
            fingerprint = content_hash([kind, settings, list(opinion.views), y, folds])
        for number in numbers:
            if on_fold is not None:
                on_fold(done, total)
            rows = folds == number
            file = None if keep is None else keep / f"{opinion.name}-{number}-{fingerprint}.npy"
            found = None if file is None else _read_kept(file, asked[rows].shape)
            if found is None:
                found = _ask(opinion, y, rows)
                if file is not None:
                    stream = io.BytesIO()
                    np.save(stream, found)
                    write_atomically(file, stream.getvalue())
            asked[rows] = found
            done += 1
    if on_fold is not None:
        on_fold(done, total)
    return answers


def _ask(opinion: Opinion, y: NDArray[np.int64], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    import warnings

    from sklearn.base import clone
    from sklearn.exceptions import ConvergenceWarning

    model = clone(opinion.model)
    with warnings.catch_warnings():
        # Quick models are stopped early on purpose.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Networks of scikit-learn take Ctrl-C for the end of their training, and would be asked and
        # kept as they are.
        warnings.filterwarnings("error", _INTERRUPTED)
        try:
            model.fit(opinion.views[0][~rows], y[~rows])
        except UserWarning as warning:
            if _INTERRUPTED not in str(warning):
                raise
            raise KeyboardInterrupt from None
    said = [model.predict_proba(view[rows]) for view in opinion.views]
    return np.mean(said, axis=0, dtype=np.float64)


def _read_kept(file: Path, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Read kept answers; what is damaged is asked for again."""
    try:
        found = np.load(io.BytesIO(read_bounded(file, _MOST_KEPT)), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == shape else None
