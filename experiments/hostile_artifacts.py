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
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from experiments.console import Out
from experiments.mutants import Random, describe, mutate, mutate_entry, summarize, try_each
from experiments.runs import RESULTS, write_record
from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import ExportedEnsemble, read_manifest
from fer_ensemble.artifact.manifest import MANIFEST, dump_manifest
from fer_ensemble.artifact.manifest_checks import HASH, hash_manifest
from fer_ensemble.artifact.member_files import load_member
from fer_ensemble.artifact.pretrained import SHIPPED
from fer_ensemble.datasets import make_faces
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG
from fer_ensemble.models import KerasClassifier, last_step
from fer_ensemble.models.stored_trees import rebuild_trees
from fer_ensemble.onnx_graph import OnnxGraph

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
    graphs: Annotated[int, typer.Option(help="Mutants of graphs in ONNX.")] = 400,
    keras: Annotated[
        bool, typer.Option(help="Whether networks predict, which starts Keras each time.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Seed of the mutants.")] = 0,
    out: Out = RESULTS / "hostile_artifacts.json",
) -> None:
    """Load mutants of ensembles, and count what became of them."""
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        sources = list_sources(Path(folder))
        cases = {
            "plain": artifact_cases(sources, plain, random, keras=keras),
            "adjusted": artifact_cases(sources, adjusted, random, forged=True, keras=keras),
            "trees": tree_cases(trees, random),
            "graphs": graph_cases(graphs, random),
        }
        parts = {part: summarize(try_each(mutants)) for part, mutants in cases.items()}
    write_record(out, {"seed": seed, **parts}, show=True)
    for part, found in parts.items():
        typer.echo(f"{part}: {describe(found)}")
    raise typer.Exit(any(found["failures"] for found in parts.values()))


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
    saved = folder / "classifiers"
    # In a process that ends: OpenMP, once at work, waits for ever in those that are forked later.
    fitting = get_context("fork").Process(target=_save_classifiers, args=(saved,))
    fitting.start()
    fitting.join()
    # Imported once and not in each process; their threads begin with the first prediction.
    import onnxruntime  # noqa: F401
    import xgboost  # noqa: F401

    sources = []
    for path in (*FOLDERS, saved):
        files = {
            file.name: file.read_bytes() for file in sorted(path.iterdir()) if file.suffix != ".md"
        }
        # Those of earlier releases do not say what they were: an altered one would go unnoticed.
        files[MANIFEST] = dump_manifest(read_manifest(path))
        name = "classifiers" if path == saved else f"{path.parent.name[:5]} {path.name}"
        exported = any(name.endswith(".onnx") for name in files)
        sources.append(Source(name, files, exported))
        if not exported:
            load_ensemble(path)  # imports what its members are made of
    return sources


def _save_classifiers(folder: Path) -> None:
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
    save_ensemble(fitted, folder)


def artifact_cases(
    sources: list[Source],
    number: int,
    random: Random,
    *,
    forged: bool = False,
    keras: bool = True,
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Make mutants of ensembles, every file of each in turn.

    Parameters
    ----------
    sources : list of Source
    number : int
        How many.
    random : numpy.random.Generator
    forged : bool, default=False
        Whether hashes are put right.
    keras : bool, default=True
        Whether networks predict.

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
        yield f"{source.name}: {Path(name).name}", _reading(source, files, name, forged, keras)


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
    source: Source, files: dict[str, bytes], changed: str, forged: bool, keras: bool
) -> Callable[[], str]:
    def read() -> str:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file, content in files.items():
                (folder / file).write_bytes(content)
            return _ask(source, folder, changed, forged, keras)

    return read


def _ask(source: Source, folder: Path, changed: str, forged: bool, keras: bool) -> str:
    faces = np.random.default_rng(1).integers(0, 256, (2, 48, 48), np.uint8)
    if source.exported:
        ExportedEnsemble(folder).predict_proba(faces)
    elif changed.endswith(".skops") and not changed.startswith("final"):
        # Only the damaged member is asked: to build the networks beside it takes seconds.
        member = dict(load_ensemble(folder).members_)[Path(changed).stem]
        if keras or not isinstance(last_step(member), KerasClassifier):
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
    return "the same" if same else "ALTERED"


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


def graph_cases(number: int, random: Random) -> Iterator[tuple[str, Callable[[], str]]]:
    """Make mutants of graphs, the shipped trees among them, and run those that pass.

    Parameters
    ----------
    number : int
    random : numpy.random.Generator

    Yields
    ------
    (str, callable)
        As :func:`~experiments.mutants.try_each` takes them.
    """
    files = [*sorted(FOLDERS[-1].glob("*.onnx")), *sorted(SHIPPED.glob("*.onnx"))]
    graphs = {file.stem: file.read_bytes() for file in files}
    for turn in range(number):
        name = list(graphs)[turn % len(graphs)]
        mutant = mutate(graphs[name], random)

        def read(mutant: bytes = mutant) -> str:
            graph = OnnxGraph(mutant)
            dtype = np.uint8 if graph.takes_faces else np.float32
            graph.run(np.zeros((3, *graph.sample_shape), dtype))
            return "answered"

        yield f"graph {name}", read


if __name__ == "__main__":
    typer.run(main)
