"""Measure the search for suspect labels: ``python -m experiments.suspect_labels PART``.

Four parts, which any order of calls adds to one record:

- ``models``: quick models out of one fold, their accuracy beside seconds, by which two were chosen.
- ``noise``: a tenth of Training's labels is changed at random; how many of these are found.
- ``found``: what is found on Training, judged by what is certain: copies of one photograph with
  other labels, of which at least one is wrong, and blank pictures. Nobody's opinion is asked.
- ``training``: accuracy on PublicTest of what is fitted without suspects, or with suggested labels,
  beside the same fitted on everything, and beside as many faces left out at random.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments.console import Data, Out, notes, output, read_faces
from experiments.runs import RESULTS, read_record, write_record
from fer_ensemble.datasets import FaceDataset, join_ferplus, load_faces, load_ferplus
from fer_ensemble.evaluation import (
    QUALITIES,
    confident_labels,
    label_quality,
    wilson_interval,
)
from fer_ensemble.features import HOG
from fer_ensemble.fitting import create_members
from fer_ensemble.models import BoostedTreesClassifier
from fer_ensemble.splitting import assign_folds, copy_groups, unite_groups
from fer_ensemble.suspects import (
    KINDS,
    Opinion,
    SuspectLabels,
    find_suspect_labels,
    out_of_fold,
    quick_models,
    quick_opinions,
    quick_views,
    unlike_faces,
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
RECORD = RESULTS / "suspect_labels.json"
NOISE, FIRST = 0.1, (50, 100, 200, 500, 1000, 2000)
Keep = Annotated[
    Path | None, typer.Option(help="Folder for answers of folds, to go on where a run stopped.")
]


@app.command()
def models(data: Data, out: Out = RECORD) -> None:
    """Measure candidates for quick models, fitted on four fifths of Training."""
    faces = read_faces(data).select("train")
    folds = assign_folds(faces.images, faces.labels, groups=copy_groups(faces.images))
    rows = folds == 0
    begun = _Clock()
    candidates = quick_opinions(faces.images)
    seconds = {"features, once": begun.read()}
    landmarks = candidates[0].views
    begun = _Clock()
    hog = [HOG().fit(faces.images[:1]).transform(faces.images)]
    seconds["HOG of the whole face, once"] = begun.read()
    linear = make_pipeline(PCA(200), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1))
    trees = BoostedTreesClassifier(
        n_estimators=100,
        learning_rate=0.3,
        max_depth=4,
        max_bin=32,
        colsample_bytree=0.1,
        validation_fraction=None,
        random_state=0,
    )
    candidates += [
        Opinion("linear", make_pipeline(StandardScaler(), linear), landmarks),
        Opinion("trees", trees, landmarks),
        Opinion("network on HOG of the whole face", candidates[0].model, hog),
    ]
    said, figures = {}, {}
    for candidate in candidates:
        begun = _Clock()
        with _stopped_early():
            model = clone(candidate.model).fit(candidate.views[0][~rows], faces.labels[~rows])
        views = [model.predict_proba(view[rows]) for view in candidate.views]
        said[candidate.name] = np.mean(views, axis=0)
        figures[candidate.name] = _accuracy(said[candidate.name], faces.labels[rows]) | {
            "processor_seconds": begun.read()
        }
        notes.print(candidate.name, figures[candidate.name])
    chosen = (said["network"] + said["kernel"]) / 2
    figures["network and kernel, as chosen"] = _accuracy(chosen, faces.labels[rows])
    _add(out, "models", {"n": int(rows.sum()), "processor_seconds": seconds, "models": figures})


@app.command()
def noise(data: Data, out: Out = RECORD, keep: Keep = None) -> None:
    """Change a tenth of the labels at random, and look for these."""
    faces = read_faces(data).select("train")
    rng = np.random.default_rng(0)
    is_wrong = np.zeros(len(faces), bool)
    is_wrong[rng.choice(len(faces), round(NOISE * len(faces)), replace=False)] = True
    labels = np.where(is_wrong, (faces.labels + rng.integers(1, 7, len(faces))) % 7, faces.labels)
    folds = assign_folds(faces.images, labels, groups=copy_groups(faces.images))
    answers = out_of_fold(quick_opinions(faces.images), labels, folds, keep=keep, on_fold=_tell)
    proba = answers.mean(axis=0)
    found = confident_labels(labels, proba)
    right = proba.argmax(axis=1)[is_wrong] == faces.labels[is_wrong]
    record: dict[str, Any] = {
        "n": len(faces),
        "n_wrong": int(is_wrong.sum()),
        "suspects": int(found.is_suspect.sum()),
        "recall_of_all_suspects": float(found.is_suspect[is_wrong].mean()),
        "right_label_is_most_probable": _share(int(right.sum()), len(right)),
    }
    for by in QUALITIES:
        quality = label_quality(labels, proba, by=by)
        ranked = np.flatnonzero(found.is_suspect)
        ranked = ranked[np.argsort(quality[ranked], kind="stable")]
        record[by] = {
            "area_under_roc": round(float(roc_auc_score(is_wrong, -quality)), 4),
            "first": {
                str(n): _share(int(is_wrong[ranked[:n]].sum()), n)
                | {"recall": round(float(is_wrong[ranked[:n]].sum() / is_wrong.sum()), 4)}
                for n in FIRST
            },
        }
    _add(out, "noise", record)


@app.command()
def found(
    data: Data,
    sample: Annotated[
        Path | None, typer.Option(help="Rows of the original CSV, to join --ferplus to.")
    ] = None,
    ferplus: Annotated[Path | None, typer.Option(help="Votes on these rows.")] = None,
    without_faces: Annotated[
        Path | None, typer.Option(help="Pictures without faces, to cut pieces out of.")
    ] = None,
    out: Out = RECORD,
    keep: Keep = None,
) -> None:
    """Judge what is found on Training by what is certain."""
    faces = read_faces(data).select("train")
    begun, wall = _Clock(), time.perf_counter()
    result = find_suspect_labels(faces, keep=keep, on_step=lambda what, done, n: _tell(done, n))
    seconds = {"processor": begun.read(), "wall": round(time.perf_counter() - wall, 1)}
    record = result.to_dict() | {"seconds": seconds, "copies": _judge_by_copies(result)}
    blank = {suspect.row for suspect in result.suspects if "blank" in suspect.kinds}
    record["first_100_by_reason"] = {
        kind: sum(suspect.kinds[0] == kind for suspect in result.suspects[:100]) for kind in KINDS
    }
    record["blank"] = {"known": len(result.audit.blank), "found": len(blank)}
    if without_faces is not None:
        record["no_faces"] = _judge_non_faces(faces, without_faces)
    if sample is not None and ferplus is not None:
        record["ferplus"] = _judge_by_votes(sample, ferplus)
    _add(out, "found", record)


@app.command()
def training(
    data: Data,
    members: Annotated[
        str, typer.Option(help="Registered members to fit beside the two quick models.")
    ] = "",
    seeds: Annotated[int, typer.Option(help="Fits of each.")] = 3,
    amounts: Annotated[str, typer.Option(help="How many suspects are decided on.")] = "500,2000",
    out: Out = RECORD,
    keep: Keep = None,
) -> None:
    """Fit without suspects, or with suggested labels, and measure on PublicTest."""
    whole = read_faces(data)
    faces, test = whole.select("train"), whole.select("public_test")
    result = find_suspect_labels(faces, keep=keep, on_step=lambda what, done, n: _tell(done, n))
    together = np.concatenate([faces.images, test.images])
    views = quick_views(together)
    right: dict[str, dict[str, list[NDArray[np.bool_]]]] = {}
    names = [name for name in members.split(",") if name]
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        arms: dict[str, tuple[NDArray[np.intp], NDArray[np.int64]]] = {
            "everything": (np.arange(len(faces)), faces.labels)
        }
        for n in map(int, amounts.split(",")):
            arms[f"{n} dropped"] = _arm(result, "drop", n)
            arms[f"{n} relabelled"] = _arm(result, "relabel", n)
            at_random = np.sort(rng.permutation(len(faces))[n:])
            arms[f"{n} dropped at random"] = at_random, faces.labels[at_random]
        fits = {
            name: _quick_fit(model, views, len(faces))
            for name, model in quick_models(len(faces), seed)
        }
        fits |= {name: _member_fit(name, faces, test, seed) for name in names}
        for name, fit in fits.items():
            for arm, (rows, labels) in arms.items():
                proba = fit(rows, labels)
                hits = right.setdefault(name, {}).setdefault(arm, [])
                hits.append(proba.argmax(axis=1) == test.labels)
                notes.print(seed, name, arm, f"{hits[-1].mean():.4f}")
            # After each, so that an end by force leaves what was measured.
            figures = {name: _compare(found) for name, found in right.items()}
            _add(out, "training", {"n": len(test), "models": figures}, show=False)
    output.print_json(data=read_record(out)["training"])


def _arm(result: SuspectLabels, decide: str, n: int) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Rows to fit on, and their labels, by decisions that nobody looked at."""
    kept, _ = result.decisions(decide, n).follow(result.faces)
    places = {name: row for row, name in enumerate(result.faces.names)}
    return np.array([places[name] for name in kept.names]), kept.labels


def _quick_fit(
    model: Any, views: Any, n_train: int
) -> Callable[[NDArray[np.intp], NDArray[np.int64]], NDArray[np.float64]]:
    def fit(rows: NDArray[np.intp], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        with _stopped_early():
            fitted = clone(model).fit(views[0][rows], labels)
        return np.mean([fitted.predict_proba(view[n_train:]) for view in views], axis=0)

    return fit


def _member_fit(
    name: str, faces: FaceDataset, test: FaceDataset, seed: int
) -> Callable[[NDArray[np.intp], NDArray[np.int64]], NDArray[np.float64]]:
    def fit(rows: NDArray[np.intp], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        [(_, member)] = create_members([name], seed=seed)
        member.fit(faces.images[rows], labels)
        return np.asarray(member.predict_proba(test.images))

    return fit


def _compare(right: dict[str, list[NDArray[np.bool_]]]) -> dict[str, Any]:
    """Accuracy of each arm, and its difference from everything, by face over all seeds."""
    rng = np.random.default_rng(0)
    figures: dict[str, Any] = {}
    for arm, hits in right.items():
        by_face = np.mean(hits, axis=0)
        figures[arm] = {
            "accuracy": round(float(by_face.mean()), 4),
            "by_seed": [round(float(hit.mean()), 4) for hit in hits],
        }
        if arm != "everything":
            gain = by_face - np.mean(right["everything"][: len(hits)], axis=0)
            drawn = gain[rng.integers(0, len(gain), (2000, len(gain)))].mean(axis=1)
            figures[arm] |= {
                "difference": round(float(gain.mean()), 4),
                "interval": [round(float(end), 4) for end in np.quantile(drawn, [0.025, 0.975])],
            }
    return figures


def _judge_by_copies(result: SuspectLabels) -> dict[str, Any]:
    """Precision of doubt among faces that have copies, for which a wrong label can be certain.

    Doubt of the models alone is judged, without the look at copies that the search takes as well.
    """
    labels, proba = result.faces.labels, result.probabilities
    exact = copy_groups(result.faces.images)
    links = result.audit.near_pairs.pairs[result.audit.near_pairs.similarity >= 0.8]
    doubted = confident_labels(labels, proba, result.classes).is_suspect
    quality = label_quality(labels, proba, result.classes)
    blank = np.isin(np.arange(len(labels)), result.audit.blank)
    record = {}
    for kind, groups in (
        ("exact", exact),
        ("exact and near", unite_groups(exact, exact[links])),
    ):
        several = (np.bincount(groups)[groups] > 1) & ~blank
        pairs = np.unique(np.column_stack([groups, labels]), axis=0)
        disagrees = np.bincount(pairs[:, 0])[groups] > 1
        # A label that most copies do not carry is as good as certain to be wrong.
        outvoted = several & _outvoted(groups, labels)
        among = np.flatnonzero(several & doubted)
        ranked = among[np.argsort(quality[among], kind="stable")]
        n = min(100, len(ranked))
        record[kind] = {
            "faces_with_copies": int(several.sum()),
            "of_these_in_sets_that_disagree": _share(
                int(disagrees[several].sum()), int(several.sum())
            ),
            "first_doubted_in_sets_that_disagree": _share(int(disagrees[ranked[:n]].sum()), n),
            "outvoted": int(outvoted.sum()),
            "outvoted_that_are_doubted": _share(int(doubted[outvoted].sum()), int(outvoted.sum())),
            "others_with_copies_that_are_doubted": _share(
                int(doubted[several & ~disagrees].sum()), int((several & ~disagrees).sum())
            ),
            "area_under_roc_of_disagreeing": round(
                float(roc_auc_score(disagrees[several], -quality[several])), 4
            ),
        }
    return record


def _outvoted(groups: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    counts = np.zeros((groups.max() + 1, 7), int)
    np.add.at(counts, (groups, labels), 1)
    own = counts[groups, labels]
    most, total = counts.max(axis=1)[groups], counts.sum(axis=1)[groups]
    return (2 * most > total) & (own < most)


def _judge_non_faces(faces: FaceDataset, folder: Path) -> dict[str, Any]:
    """Put pieces of pictures without faces among others, and see how many are found."""
    import cv2

    rng, pieces = np.random.default_rng(0), []
    for path in sorted(folder.iterdir()):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        for _ in range(5 if picture is not None else 0):
            side = int(rng.uniform(0.15, 0.9) * min(picture.shape))
            top, left = (rng.integers(0, length - side + 1) for length in picture.shape)
            piece = picture[top : top + side, left : left + side]
            pieces.append(cv2.resize(piece, (48, 48), interpolation=cv2.INTER_AREA))
    drawn = rng.permutation(len(faces))[:20_000]
    doubt = unlike_faces(np.concatenate([faces.images[drawn], np.stack(pieces)]))
    n = len(pieces)
    return {
        "pieces_found": _share(int((doubt[-n:] > 0).sum()), n),
        "training_faces_found": _share(int((doubt[:-n] > 0).sum()), len(drawn)),
    }


def _judge_by_votes(sample: Path, ferplus: Path) -> dict[str, Any]:
    """Say whether votes belong to the rows at hand: if they do, most agree with the labels."""
    faces, votes = load_faces(sample), load_ferplus(ferplus)
    try:
        votes = join_ferplus(faces, votes)
        joined = "by row number"
    except ValueError as error:
        joined = str(error).replace(str(ferplus), ferplus.name)
        if len(votes) != len(faces):
            return {"joined": joined}
    clear = votes.majority >= 0
    agree = votes.majority[clear] == faces.labels[clear]
    by_chance = float(
        (np.bincount(votes.majority[clear], minlength=7) / clear.sum())
        @ (np.bincount(faces.labels[clear], minlength=7) / clear.sum())
    )
    return {
        "joined": joined,
        "majority_is_the_label": _share(int(agree.sum()), int(clear.sum())),
        "by_chance": round(by_chance, 4),
    }


def _share(n_right: int, n: int) -> dict[str, Any]:
    if not n:
        return {"n": 0}
    low, high = wilson_interval(n_right, n)
    return {
        "n": n,
        "share": round(n_right / n, 4),
        "interval": [round(low, 4), round(high, 4)],
    }


def _accuracy(proba: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, Any]:
    return _share(int((proba.argmax(axis=1) == labels).sum()), len(labels))


class _Clock:
    """Processor time of this process, which others on the machine do not lengthen much."""

    def __init__(self) -> None:
        self._begun = time.process_time()

    def read(self) -> float:
        """Seconds so far."""
        return round(time.process_time() - self._begun, 1)


@contextmanager
def _stopped_early() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _tell(done: int, total: int) -> None:
    notes.print(f"{done} of {total}")


def _add(out: Path, part: str, figures: dict[str, Any], *, show: bool = True) -> None:
    write_record(out, {**read_record(out), part: figures})
    if show:
        output.print_json(data=figures)


if __name__ == "__main__":
    sys.exit(app())
