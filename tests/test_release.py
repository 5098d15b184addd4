"""What a release says of itself in several places is one thing, and its container starts."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from typer.main import get_command

import fer_ensemble
from fer_ensemble.cli.app import app

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HOME = PROJECT["urls"]["Homepage"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_citation_is_of_this_version_home_and_license() -> None:
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"] == PROJECT["name"]
    assert citation["version"] == fer_ensemble.__version__
    assert citation["url"] == citation["repository-code"] == HOME
    assert " AND ".join(citation["license"]) == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    [holder] = re.findall(r"^Copyright \(c\) \d{4} (.*)$", read("LICENSE"), re.MULTILINE)
    assert citation["authors"] == [{"name": holder}]


def test_the_changelog_begins_with_this_version() -> None:
    newest = re.search(r"^## \[?(\S+?)\]? ", read("CHANGELOG.md"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == fer_ensemble.__version__


def test_every_address_of_the_project_is_below_its_home() -> None:
    files = [ROOT / name for name in ("README.md", "SECURITY.md", "CITATION.cff", "Dockerfile")]
    files += sorted((ROOT / "docs").glob("**/*.md"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    text += "\n".join(PROJECT["urls"].values())
    addresses = set(re.findall(r"https?://[\w.]*github[\w.]*/[\w.-]*fer-ensemble[\w./-]*", text))
    assert f"{HOME}/security/advisories/new" in addresses
    assert {found for found in addresses if not f"{found}/".startswith(f"{HOME}/")} == set()


def test_classifiers_name_the_pythons_that_are_allowed() -> None:
    allowed = SpecifierSet(PROJECT["requires-python"])
    named = {
        entry.rpartition(" ")[2]
        for entry in PROJECT["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", entry)
    }
    assert named == {f"3.{minor}" for minor in range(8, 30) if allowed.contains(f"3.{minor}")}


def test_hooks_run_what_continuous_integration_runs() -> None:
    [local] = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert local["repo"] == "local", "a hook from elsewhere brings a version of its own"
    hooks = [hook["entry"] for hook in local["hooks"]]
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
    tools = {hook.split()[0] for hook in hooks}
    assert tools == {"ruff", "mypy", "lint-imports"}
    lines = [line.strip() for line in read(".ci/run").splitlines()]
    steps = [line for line in lines if line.split(" ")[0] in tools]
    assert hooks == steps


# The container -----------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """Give the instructions of the Dockerfile with what they say, lines joined."""
    kept = "\n".join(line for line in read("Dockerfile").splitlines() if not line.startswith("#"))
    lines = kept.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def commands() -> list[list[str]]:
    """Arguments of fer-ensemble in the Dockerfile: its own command, and those of its examples."""
    said = dict(instructions())
    assert json.loads(said["ENTRYPOINT"]) == ["fer-ensemble"]
    comments = "".join(re.findall(r"^#(.*\n)", read("Dockerfile"), re.MULTILINE))
    examples = re.findall(r"docker run .*? fer-ensemble (\w.*)", comments.replace("\\\n", " "))
    return [json.loads(said["CMD"]), *map(shlex.split, examples)]


def test_the_container_serves_and_its_examples_predict() -> None:
    verbs = [command[0] for command in commands()]
    assert verbs[0] == "serve"
    assert set(verbs) == {"serve", "predict"}


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_commands_of_the_container_are_understood(command: list[str]) -> None:
    verb = get_command(app).commands[command[0]]  # type: ignore[attr-defined]
    with verb.make_context(command[0], command[1:]) as context:
        assert not context.args
        assert verb.params


def test_the_container_asks_the_port_that_it_serves_for_its_health() -> None:
    said = dict(instructions())
    serve = get_command(app).commands["serve"]  # type: ignore[attr-defined]
    [port] = (str(option.default) for option in serve.params if option.name == "port")
    assert said["EXPOSE"] == port
    assert f"http://127.0.0.1:{port}/health" in said["HEALTHCHECK"]
    [script] = re.findall(r'"-c", "(.*?)"\]', said["HEALTHCHECK"])
    compile(script, "HEALTHCHECK", "exec")


def test_the_container_answers_by_no_name_but_its_own_and_has_no_rights() -> None:
    said = dict(instructions())
    command = json.loads(said["CMD"])
    # Bound to all networks, it would answer by any name without it.
    assert command[command.index("--host") + 1] == "0.0.0.0"
    assert command[command.index("--allow-host") + 1] == "localhost"
    assert all(int(number) > 0 for number in said["USER"].split(":"))


def test_the_container_gets_what_it_copies_and_nothing_else() -> None:
    left_in = {
        line.removeprefix("!")
        for line in read(".dockerignore").splitlines()
        if line.startswith("!")
    }
    copied = {
        source.removeprefix("./").removesuffix("/")
        for name, words in instructions()
        if name == "COPY" and "--from" not in words
        for source in words.split()[:-1]
    }
    assert copied == left_in
    assert all((ROOT / name).exists() for name in copied)
    # What the build reads: pyproject.toml names the others.
    assert {PROJECT["readme"], "pyproject.toml", "fer_ensemble", "LICENSE"} == copied
