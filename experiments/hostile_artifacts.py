"""Load mutants of saved and exported ensembles: ``python -m experiments.hostile_artifacts``.

Of members of every kind: a dense network on HOG, a convolutional network, boosted trees on
landmarks, scikit-learn's classifiers, graphs in ONNX; of voting and stacking ensembles. Bytes are
damaged as they are, which the hashes must tell; or with every hash put right, as a forger does,
most of them inside the zip files and behind their checksums. None may crash, hang for 5 seconds or
take a gigabyte: it answers, or says in one line why not. What is damaged without its hash must
never load as something else.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from experiments.console import Out
from experiments.mutants import Random, describe, mutate, mutate_entry, summarize, try_each
from experiments.runs import RESULTS, write_record
from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import ExportedEnsemble, read_manifest
from fer_ensemble.artifact.manifest import MANIFEST
from fer_ensemble.artifact.manifest_checks import HASH, hash_manifest
from fer_ensemble.artifact.member_files import load_member
from fer_ensemble.datasets import make_faces
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG
from fer_ensemble.models import last_step
from fer_ensemble.models.stored_trees import rebuild_trees

_RECORDED = Path(__file__).parents[1] / "tests" / "recorded"
FOLDERS = (
    *(_RECORDED / "saved_by_2e706e3" / kind for kind in ("voting", "stacking")),
    *(_RECORDED / "exported_by_2af0a99" / kind for kind in ("voting", "stacking")),
)


class Source(NamedTuple):
    """A sound ensemble to damage.

    Attributes
    ----------
    name : str
    files : dict of str to bytes
        All that it reads.
    exported : bool
    """

    name: str
    files: dict[str, bytes]
    exported: bool


def main(
    plain: Annotated[int, typer.Option(help="Mutants whose hashes do not fit.")] = 1000,
    adjusted: Annotated[int, typer.Option(help="Mutants whose hashes were put right.")] = 400,
    trees: Annotated[int, typer.Option(help="Mutants of stored trees.")] = 400,
    seed: Annotated[int, typer.Option(help="Seed of the mutants.")] = 0,
    out: Out = RESULTS / "hostile_artifacts.json",
) -> None:
    """Load mutants of ensembles, and count what became of them."""
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        sources = list_sources(Path(folder))
        record = {
            "seed": seed,
            "plain": summarize(try_each(artifact_cases(sources, plain, random, forged=False))),
            "adjusted": summarize(try_each(artifact_cases(sources, adjusted, random, forged=True))),
            "trees": summarize(try_each(tree_cases(trees, random))),
        }
    write_record(out, record, show=True)
    for part in ("plain", "adjusted", "trees"):
        typer.echo(f"{part}: {describe(record[part])}")
    raise typer.Exit(any(record[part]["failures"] for part in ("plain", "adjusted", "trees")))


def list_sources(folder: Path) -> list[Source]:
    """Take the recorded ensembles, and one of scikit-learn's classifiers.

    Parameters
    ----------
    folder : Path
        Where the last is saved.

    Returns
    -------
    list of Source
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    faces, labels, _ = make_faces(70, random_state=0)
    classifiers = {
        "bayes": GaussianNB(),
        "logistic": LogisticRegression(max_iter=50),
        "neighbours": KNeighborsClassifier(algorithm="brute"),
    }
    members: list[tuple[str, Any]] = [
        (name, make_pipeline(HOG(pixels_per_cell=(12, 12)), classifier))
        for name, classifier in classifiers.items()
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too few steps for the best fit, and enough for this
        svc = make_pipeline(HOG(pixels_per_cell=(12, 12)), SVC(probability=True))
        fitted = VotingEnsemble([*members, ("vectors", svc)], rule="average", random_state=0)
        fitted.fit(faces, labels)
    saved = save_ensemble(fitted, folder / "classifiers")
    sources = []
    for path in (*FOLDERS, saved):
        files = {
            file.name: file.read_bytes() for file in sorted(path.iterdir()) if file.suffix != ".md"
        }
        name = "classifiers" if path == saved else f"{path.parent.name[:5]} {path.name}"
        sources.append(Source(name, files, any(name.endswith(".onnx") for name in files)))
    return sources


def artifact_cases(
    sources: list[Source], number: int, random: Random, *, forged: bool
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Make mutants of ensembles, every file of each in turn.

    Parameters
    ----------
    sources : list of Source
    number : int
        How many.
    random : numpy.random.Generator
    forged : bool
        Whether hashes are put right.

    Yields
    ------
    (str, callable)
        As :func:`~experiments.mutants.try_each` takes them.
    """
    places = [(source, name) for source in sources for name in source.files]
    for turn in range(number):
        source, name = places[turn % len(places)]
        inside = forged and not name.endswith((".onnx", ".json")) and random.random() < 0.75
        damage = mutate_entry if inside else mutate
        files = {**source.files, name: damage(source.files[name], random)}
        if forged:
            files = put_right(files, name)
        yield f"{source.name}: {Path(name).name}", _reading(source, files, name, forged)


def put_right(files: dict[str, bytes], changed: str) -> dict[str, bytes]:
    """Put the hashes of a damaged ensemble right, as a forger would.

    Parameters
    ----------
    files : dict of str to bytes
    changed : str
        The file that was damaged.

    Returns
    -------
    dict of str to bytes
    """
    text = files[MANIFEST].decode(errors="replace")
    if changed != MANIFEST:
        for found in _stored(json.loads(text)):
            if found["file"] == changed:
                text = text.replace(found["sha256"], hashlib.sha256(files[changed]).hexdigest())
    try:
        content = json.loads(text)
        content[HASH] = hash_manifest(content)
        text = json.dumps(content)
    except (ValueError, TypeError, RecursionError):
        pass  # it is no JSON any more
    return {**files, MANIFEST: text.encode()}


def _stored(content: Any) -> Iterator[dict[str, str]]:
    """Find all entries of a manifest that state the hash of a file."""
    if isinstance(content, dict):
        if {"file", "sha256"} <= set(content):
            yield content
        content = list(content.values())
    for entry in content if isinstance(content, list) else ():
        yield from _stored(entry)


def _reading(
    source: Source, files: dict[str, bytes], changed: str, forged: bool
) -> Callable[[], str]:
    def read() -> str:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file, content in files.items():
                (folder / file).write_bytes(content)
            return _ask(source, folder, changed, forged)

    return read


def _ask(source: Source, folder: Path, changed: str, forged: bool) -> str:
    faces = make_faces(2, random_state=1).images
    if source.exported:
        ExportedEnsemble(folder).predict_proba(faces)
    elif changed.endswith(".skops") and not changed.startswith("final"):
        # Only the damaged member is asked: to build the networks beside it takes seconds.
        member = dict(load_ensemble(folder).members_)[Path(changed).stem]
        member.predict_proba(faces)
    else:
        load_ensemble(folder)
    if forged:
        return "answered"
    sound = folder / "sound.json"
    (folder / MANIFEST).rename(sound)
    (folder / MANIFEST).write_bytes(source.files[MANIFEST])
    before = read_manifest(folder)
    sound.rename(folder / MANIFEST)
    # Spaces may change, and what no hash covers in manifests of earlier releases.
    same = read_manifest(folder) == before
    return "the same" if same or HASH not in json.loads(source.files[MANIFEST]) else "ALTERED"


def tree_cases(number: int, random: Random) -> Iterator[tuple[str, Callable[[], str]]]:
    """Make mutants of stored trees, and let XGBoost predict by those that pass.

    Parameters
    ----------
    number : int
    random : numpy.random.Generator

    Yields
    ------
    (str, callable)
        As :func:`~experiments.mutants.try_each` takes them.
    """
    member = load_member("trees", (FOLDERS[0] / "trees.skops").read_bytes())
    trees = last_step(member)
    sound, n_features = trees.booster_, trees.n_features_in_
    for _ in range(number):
        mutant = mutate(sound, random)

        def read(mutant: bytes = mutant) -> str:
            import xgboost

            rebuilt = rebuild_trees(mutant, n_features, len(trees.classes_))
            booster = xgboost.Booster()
            booster.load_model(bytearray(rebuilt))
            booster.inplace_predict(np.zeros((3, n_features), np.float32))
            return "answered"

        yield "stored trees", read


if __name__ == "__main__":
    typer.run(main)
