"""How large the house is: files that a command goes through, lines of code, names of files."""

import ast
import importlib
import io
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest
from PIL import Image

from fer_ensemble.cli.app import app
from fer_ensemble.datasets import parse_emotion
from tests.touched_files import PACKAGE, touched_files

SCRIPT = Path(__file__).with_name("touched_files.py")
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 300
# One epoch and three trees go through the same files as a whole training.
FIT = (
    "fit",
    "--members",
    "dense_hog,boosted_hog",
    "--set",
    "dense_hog.classifier__epochs=1",
    "--set",
    "boosted_hog.classifier__n_estimators=3",
)


def check_touched(folder, most, *words):
    """Run a command in a process of its own, and count the files that take part."""
    run = subprocess.run(
        [sys.executable, SCRIPT, *words], cwd=folder, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    _, _, listed = run.stdout.rpartition(" files:\n")
    files = listed.split()
    assert files[0] == "cli/app.py"
    assert len(files) <= most, f"{len(files)} files, at most {most} should be:\n{listed}"


@pytest.mark.slow
def test_a_prediction_goes_through_few_files(faces, tmp_path):
    Image.fromarray(faces[0][0]).save(tmp_path / "a.png")
    check_touched(tmp_path, 31, "predict", "a.png", "--model", "fast")


@pytest.mark.slow
def test_a_fit_goes_through_few_files(tmp_path):
    # Nine of them check what is stored and loaded.
    check_touched(tmp_path, 64, *FIT)


def test_functions_count_in_every_thread():
    def command():
        thread = Thread(target=parse_emotion, args=("happy",))
        thread.start()
        thread.join()

    assert touched_files(command) == ["datasets/labels.py"]


def test_only_functions_that_run_after_the_import_count():
    source = "def function():\n    pass\n\n\nclass Body:\n    x = 1\n\n\nfunction()\n"
    names = {}
    module = compile(source, str(PACKAGE / "imported.py"), "exec")
    assert touched_files(lambda: exec(module, names)) == []
    assert touched_files(lambda: names["function"]()) == ["imported.py"]


def test_templates_and_other_libraries_do_not_count():
    names = {}
    exec(
        compile("def root():\n    pass\n", str(PACKAGE / "report" / "page.html.j2"), "exec"), names
    )
    assert touched_files(lambda: (names["root"](), Counter("abc"))) == []


def test_names_that_a_door_offers_are_imported_from_the_door():
    doors = {door.parent.name: offered(door) for door in PACKAGE.glob("*/__init__.py")}
    past = []
    for file in FILES + sorted(PACKAGE.with_name("experiments").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            root, _, path = node.module.partition(".")
            package, _, inside = path.partition(".")
            if root != PACKAGE.name or not inside or PACKAGE / package in file.parents:
                continue
            names = {alias.name for alias in node.names} & doors.get(package, set())
            past += [f"{file.name}: {node.module}.{name}" for name in sorted(names)]
    assert past == []
    assert "VotingEnsemble" in doors["ensemble"]


def offered(door):
    """Names in the ``__all__`` of a package: its stub's, where names are imported on first use."""
    stub = door.with_suffix(".pyi")
    for node in ast.parse((stub if stub.exists() else door).read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


@pytest.mark.parametrize("stub", sorted(PACKAGE.rglob("*.pyi")), ids=lambda stub: stub.parent.name)
def test_a_door_offers_what_its_stub_lists(stub):
    door = importlib.import_module(".".join(stub.parent.relative_to(PACKAGE.parent).parts))
    assert set(door.__all__) == set(dir(door)) == offered(stub.with_suffix(".py"))
    for name in door.__all__:
        assert getattr(door, name).__class__ is not ModuleType, name


def test_no_two_files_share_a_name():
    # A verb may be called as its topic is.
    verbs = {command.callback.__name__ for command in app.registered_commands}
    names = Counter(
        file.stem
        for file in FILES
        if file.stem != "__init__" and not (file.parent.name == "cli" and file.stem in verbs)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_every_file_can_be_read_at_one_sitting():
    lines = {file.relative_to(PACKAGE): count_code(file.read_text()) for file in FILES}
    assert {file: n for file, n in lines.items() if n > MOST_LINES} == {}


def test_lines_of_code_are_those_that_run():
    source = '"""Text\nof two lines."""\n\n# A comment.\nx = (\n    1\n)\n'
    assert count_code(source) == 3


def count_code(source):
    """Count the lines of code: neither blank ones nor comments nor docstrings."""
    quiet = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines, begins = set(), True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in quiet or token.type == tokenize.ENDMARKER:
            begins = begins or token.type == tokenize.NEWLINE
            continue
        is_docstring = begins and token.type == tokenize.STRING
        begins = False
        if not is_docstring:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines)
