"""The wheel: whole, enough to predict by itself, and with its extra to run what all pages say."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    PathDistribution,
    distribution,
)
from pathlib import Path

import cv2
import pytest
from packaging.requirements import Requirement

from fer_ensemble.cli.app import VERBS
from fer_ensemble.datasets import EMOTIONS, synthetic_dataset, write_folder

ROOT = Path(__file__).parents[1]
# Pages for those who change the package, or made of other files.
OTHERS = {"api/index.md", "changelog.md", "cli.md", "contributing.md", "releasing.md"}
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "start.md",
    *sorted((ROOT / "docs" / "how_to").glob("*.md")),
    *sorted((ROOT / "docs" / "methods").glob("*.md")),
    *(
        page
        for page in sorted((ROOT / "docs").glob("*.md"))
        if page.name != "start.md" and page.name not in OTHERS
    ),
]
# What a block is written in, by which it is shown as well; those of the first two are run.
KINDS = {"sh", "python", "text", "toml", "json", "js", "{toctree}", "{include}"}

# Verbs that no page's commands are run of, and why.
NOT_RUN = {
    "serve": "it ends when it is told to: tests/cli/test_serve.py starts it",
    "tune": "it needs an extra of its own, which pages name: tests/cli/test_tune.py runs it",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the source, built from a copy: building leaves files beside it."""
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "fer_ensemble", folder / "source" / "fer_ensemble", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source" / name)
    command = ["-m", "pip", "wheel", ".", "--no-deps", "--wheel-dir", str(folder)]
    done = subprocess.run(
        [sys.executable, *command], cwd=folder / "source", capture_output=True, text=True
    )
    if done.returncode and "No matching distribution" in done.stderr:
        pytest.skip("needs a package registry for the build system, and none can be reached")
    assert done.returncode == 0, done.stderr
    [file] = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is there after ``pip install .``, to import from."""
    return _install(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def installed_to_train(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is there after ``pip install '.[train]'``."""
    return _install(wheel, tmp_path_factory.mktemp("installed_to_train"), "train")


def _install(wheel: Path, folder: Path, *extras: str) -> Path:
    """Unpack the wheel into a folder, and link to what it depends on and to nothing else.

    The same as a new environment, without a gigabyte of downloads.
    """
    zipfile.ZipFile(wheel).extractall(folder)
    [own] = (PathDistribution(path) for path in folder.glob("*.dist-info"))
    wanted = [Requirement(f"fer-ensemble[{','.join(extras)}]")]
    seen: set[tuple[str, ...]] = set()
    while wanted:
        requirement = wanted.pop()
        key = (requirement.name.lower(), *sorted(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        found: Distribution | None = own
        if requirement.name != "fer-ensemble":
            found = _find_distribution(requirement.name)
            if found is None:
                continue  # another platform's
            assert requirement.specifier.contains(found.version, prereleases=True), requirement
            for file in found.files or []:
                top = file.parts[0]
                if top not in ("..", "__pycache__") and not (folder / top).exists():
                    (folder / top).symlink_to(Path(str(found.locate_file(top))).resolve())
        needs = [Requirement(need) for need in found.requires or []]
        wanted += [need for need in needs if _is_needed(need, requirement.extras)]
    return folder


def _find_distribution(name: str) -> Distribution | None:
    # Either XGBoost brings the module: what the environment of the tests has will do.
    for candidate in (name, {"xgboost-cpu": "xgboost"}.get(name, name)):
        try:
            return distribution(candidate)
        except PackageNotFoundError:
            continue
    return None


def _is_needed(need: Requirement, extras: set[str]) -> bool:
    marker = need.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the reader has: pictures of the source, photographs, FER2013, FER+."""
    folder = tmp_path_factory.mktemp("work")
    shutil.copytree(ROOT / "docs" / "pictures", folder / "docs" / "pictures")
    photos = synthetic_dataset(8, random_state=3)
    (folder / "photos").mkdir()
    for number, image in enumerate(photos.images):
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), image)
    train, test = (synthetic_dataset(n, random_state=n) for n in (140, 70))
    write_folder(train, folder / "faces" / "train")
    write_folder(test, folder / "faces" / "PublicTest")
    shutil.make_archive(str(folder / "fer2013"), "zip", folder / "faces")
    shutil.rmtree(folder / "faces")
    rows = [(faces, usage) for faces, usage in ((train, "Training"), (test, "PublicTest"))]
    lines, votes = (
        ["emotion,pixels,Usage"],
        [
            "Usage,Image name,neutral,happiness,surprise,sadness,"
            "anger,disgust,fear,contempt,unknown,NF"
        ],
    )
    columns = ["neutral", "happy", "surprise", "sad", "angry", "disgust", "fear"]
    for faces, usage in rows:
        for image, label in zip(faces.images, faces.labels.tolist(), strict=True):
            lines.append(f"{label},{' '.join(map(str, image.ravel()))},{usage}")
            cast = [10 * (name == EMOTIONS[label]) for name in columns]
            name = f"fer{len(votes) - 1:07d}.png"
            votes.append(",".join(map(str, [usage, name, *cast, 0, 0, 0])))
    (folder / "fer2013.csv").write_text("\n".join(lines) + "\n")
    (folder / "fer2013new.csv").write_text("\n".join(votes) + "\n")
    labels = [f"photos/{i}.png,{EMOTIONS[label]}" for i, label in enumerate(photos.labels)]
    (folder / "labels.csv").write_text("\n".join(["path,label", *labels]) + "\n")
    return folder


def test_the_wheel_has_every_file_of_the_package_but_no_other(wheel: Path) -> None:
    packed = {Path(name) for name in zipfile.ZipFile(wheel).namelist()}
    files = {path.relative_to(ROOT) for path in (ROOT / "fer_ensemble").rglob("*")}
    wanted = {path for path in files if (ROOT / path).is_file() and "__pycache__" not in path.parts}
    assert wanted - packed == set()
    assert {path.parts[0] for path in packed if "dist-info" not in path.parts[0]} == {
        "fer_ensemble"
    }


def test_nothing_else_can_be_imported(
    installed: Path, installed_to_train: Path, folder: Path
) -> None:
    training = ["keras", "matplotlib", "onnx", "tensorflow", "xgboost"]
    others = ["pandas", "pytest", "pyarrow", "jax", "skimage"]
    script = (
        f"import importlib.util as u; print([n for n in {training + others} if u.find_spec(n)])"
    )
    for place, expected in ((installed, []), (installed_to_train, training)):
        done = _python(place, folder, "-c", script)
        assert done.stdout.strip() == str(expected), done.stderr


@pytest.fixture(scope="module")
def begun(installed: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """What comes before the first training, run where nothing to train with is installed."""
    pages = [(page.name, _read_steps(page)) for page in PAGES[:2]]
    return _run(
        [(name, steps[: _begin_of_training(steps)]) for name, steps in pages], installed, folder
    )


def test_all_before_the_first_training_needs_no_extra(
    begun: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert begun.returncode == 0, begun.stdout[-3000:] + begun.stderr[-3000:]
    assert "p_angry" in (folder / "predictions.csv").read_text()
    assert "README.md: ran [8," in begun.stdout
    for verb in ("doctor", "make-faces", "evaluate", "from fer_ensemble"):
        assert re.search(rf"start.md: ran .*{verb}", begun.stdout), verb


def test_to_train_without_the_extra_names_it(installed: Path, folder: Path) -> None:
    steps: list[str | list[str]] = [["fit", "fer2013.zip", "--members", "dense_hog"]]
    done = _run([("README.md", steps)], installed, folder)
    assert "The member 'dense_hog' needs Keras" in done.stderr
    assert "pip install '.[train]'" in done.stderr.replace("\n", " ")
    assert "exit code 1" in done.stderr


def test_every_other_block_of_the_pages_runs(
    begun: subprocess.CompletedProcess[str], installed_to_train: Path, folder: Path
) -> None:
    assert begun.returncode == 0
    pages, seen = [], set()
    for page in PAGES:
        steps = _read_steps(page)
        known = _begin_of_training(steps) if page in PAGES[:2] else 0
        seen |= {tuple(step) for step in steps[:known] if isinstance(step, list)}
        # Examples go on from one block of a page to the next; commands from page to page.
        new = [step for step in steps[known:] if isinstance(step, str) or tuple(step) not in seen]
        seen |= {tuple(step) for step in new if isinstance(step, list)}
        pages.append((str(page.relative_to(ROOT)), new))
    verbs = {callback.__name__.replace("_", "-") for group in VERBS.values() for callback in group}
    ran = {command[0] for command in seen if not command[0].startswith("-")}
    assert ran == verbs - NOT_RUN.keys(), "each verb is on a page"
    done = _run(pages, installed_to_train, folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_are_of_kinds_that_are_known(page: Path) -> None:
    fences = re.findall(r"^ *(?:```|~~~)(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0, "a block does not end"
    assert {fence.split()[0] for fence in fences[::2] if fence} <= KINDS
    assert not any(fences[1::2])


def _blocks(page: Path) -> list[tuple[str, str]]:
    """Find the blocks of a page that are run: what they are in, and their text."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```(sh|python)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def _read_steps(page: Path) -> list[str | list[str]]:
    return [step for kind, text in _blocks(page) for step in _steps(kind, text)]


def _begin_of_training(steps: list[str | list[str]]) -> int:
    return next(place for place, step in enumerate(steps) if step[0] == "fit")


def _run(
    pages: list[tuple[str, list[str | list[str]]]], installed: Path, folder: Path
) -> subprocess.CompletedProcess[str]:
    (folder / "steps.json").write_text(json.dumps(pages))
    return _python(installed, folder, "-c", _RUN)


# Commands share a process, and the examples of a page one namespace, as in a session.
_RUN = """
import json, sys
from fer_ensemble.cli import main
for page, steps in json.load(open("steps.json")):
    names = {}
    for step in steps:
        shown = step if isinstance(step, list) else step.splitlines()[0]
        print(f"{page}: ran {shown}", flush=True)
        if isinstance(step, str):
            exec(step, names)
            if "table" in names:
                print(f"{page}: ran", [len(names["table"]), repr(names["table"])[:80]])
            continue
        sys.argv = ["fer-ensemble", *step]
        try:
            main()
        except SystemExit as end:
            if end.code not in (0, None):
                sys.exit(f"{page}: {step}: exit code {end.code}")
"""


def _steps(kind: str, text: str) -> list[str | list[str]]:
    """Turn a block into what is run: source, or the arguments of each command."""
    if kind == "python":
        # The time that training may take, and the epochs it would take without a limit.
        return [text.replace("time_budget=1200", "time_budget=1, epochs=1")]
    steps: list[str | list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        for command in line.split("&&"):
            words = shlex.split(command, comments=True)
            if not words or words[0] != "fer-ensemble":
                continue  # of pip, and of experiments, which are no part of the package
            if words[1] in NOT_RUN or "--recipe" in words:
                continue  # a recipe is what tune would have found
            steps.append(_make_quicker(words[1:]))
    return steps


def _make_quicker(words: list[str]) -> list[str]:
    """Make a command take seconds: the pages' own take minutes to hours."""
    if words[0] == "export" and "int8" in words:
        # To round the trees and the network of the larger one takes a third of all commands' time.
        return ["fast" if word == "ensemble" else word for word in words]
    if words[0] == "make-faces" and "-n" in words:
        return [{"700": "140", "350": "70"}.get(word, word) for word in words]
    if words[0] == "suspects":
        return [*words, "--folds=2"]
    if words[0] != "fit":
        return words
    # A residual network takes ten seconds to be compiled.
    words = ["dense_hog" if word == "se_resnet" else word for word in words]
    quick = ["--time-budget=1s", "--overwrite"]
    if "--members" not in words:
        quick += ["--members=dense_hog,boosted_hog"]
    if "--members" not in words or any("boosted_hog" in word for word in words):
        quick += ["--set=boosted_hog.classifier__n_estimators=2"]
    return [*words, *quick]


def _python(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env |= {"PYTHONPATH": str(installed), "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "200"}
    # -S: without the packages of the environment that runs this test.
    return subprocess.run(
        [sys.executable, "-S", *arguments], cwd=folder, capture_output=True, text=True, env=env
    )
