"""What every verb has: help, version, how loud it is, and how it ends."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

import fer_ensemble
from fer_ensemble.cli.app import VERBS, _renew, app
from fer_ensemble.cli.options import OLD_WORDS

ROOT = Path(__file__).parents[2]
NAMES = sorted(typer.main.get_command(app).commands)


def test_the_version_is_that_of_the_package(run):
    assert run("--version")[:2] == (0, f"fer-ensemble {fer_ensemble.__version__}\n")
    assert run("-V")[:2] == (0, f"fer-ensemble {fer_ensemble.__version__}\n")


def test_the_version_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert "version" not in project["project"]
    attribute = project["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert attribute == "fer_ensemble.__version__"
    # Setuptools reads it without running the file, which it can of a plain assignment alone.
    assert (
        f'__version__ = "{fer_ensemble.__version__}"'
        in (ROOT / "fer_ensemble" / "__init__.py").read_text()
    )


def test_the_package_runs_as_a_module(tmp_path):
    for words in (["--version"], ["-h"]):
        ended = subprocess.run(
            [sys.executable, "-m", "fer_ensemble", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "fer-ensemble" in ended.stdout


def test_every_verb_stands_in_a_panel_of_the_help(run):
    code, printed, _ = run("-h")
    assert code == 0
    for panel in VERBS:
        assert f"─ {panel} ─" in printed
    assert all(name in printed for name in NAMES)
    assert run("--help")[1] == printed


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_has_help_with_an_example_and_the_common_options(run, name):
    code, printed, notes = run(name, "-h")
    assert (code, notes) == (0, "")
    assert f"fer-ensemble {name}" in printed.replace("Usage: ", "", 1)
    assert "Example" in printed
    for option in ("--quiet", "-q", "--verbose", "-v", "--help", "-h"):
        assert option in printed
    assert run(name, "--help")[1] == printed


def test_paragraphs_of_help_are_wrapped_by_the_terminal_alone(run, monkeypatch):
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 200)
    printed = run("evaluate", "-h")[1]
    paragraph = printed.split("and every class.")[1].strip().splitlines()
    whole = [len(line.strip()) for line in paragraph[: paragraph.index(" " * 200) - 1]]
    assert len(whole) > 1
    assert min(whole) > 180


def test_quiet_says_errors_alone(run, tmp_path):
    loud = run("make-faces", tmp_path / "a", "-n", 7)
    assert "7 synthetic faces written" in loud[2]
    for words in (["-q", "make-faces", tmp_path / "b"], ["make-faces", tmp_path / "c", "--quiet"]):
        assert run(*words) == (0, "", "")
    code, printed, notes = run("-q", "evaluate", tmp_path / "lost", "--model", "fast")
    assert (code, printed) == (1, "")
    assert notes.startswith("Error: ")
    # It lasts for one command.
    assert "written" in run("make-faces", tmp_path / "d", "-n", 7)[2]


def test_quiet_and_verbose_exclude_each_other(run, tmp_path):
    for words in (["-q", "-v", "members"], ["-q", "members", "-v"], ["members", "-qv"]):
        code, printed, notes = run(*words)
        assert (code, printed) == (2, "")
        assert "--quiet and --verbose exclude each other" in notes


# What has one word has one meaning, and is spelled the same, short word included.
SHORT = {"-o": "--out", "-m": "--model", "-j": "--jobs", "-n": "--n-samples"}
COMMON = {"-q": "--quiet", "-v": "--verbose", "-V": "--version", "-h": "--help"}


def options():
    """All options of all verbs, by verb."""
    command = typer.main.get_command(app)
    return {
        name: [param for param in verb.params if param.param_type_name == "option"]
        for name, verb in command.commands.items()
    }


def test_an_option_is_called_the_same_in_every_verb():
    words = {}
    for verb, params in options().items():
        for param in params:
            long = [word for word in param.opts if word.startswith("--")]
            assert len(long) == 1, f"{verb} calls one thing {long}"
            words.setdefault(long[0], {})[verb] = param
            for short in set(param.opts) - set(long):
                assert {**SHORT, **COMMON}.get(short) == long[0], f"{verb} {short} {long[0]}"
    for short, long in SHORT.items():
        for verb, param in words[long].items():
            assert short in param.opts, f"{verb} has {long} without {short}"
    for word, params in words.items():
        kinds = {param.type.name.removesuffix(" range") for param in params.values()}
        # Paths that may be addresses, and a data set that may be a word, are text.
        allowed = {"path", "str", "text"} if word in ("--out", "--data") else {next(iter(kinds))}
        assert kinds <= allowed, f"{word} is {kinds} in {list(params)}"
        flags = {param.is_flag for param in params.values()}
        assert len(flags) == 1, f"{word} is a flag in some verbs alone"


@pytest.mark.parametrize("word", ["--classes", "--strict", "--device", "--json"])
def test_an_option_of_several_verbs_stands_in_one_place(word):
    helps = {param.help for params in options().values() for param in params if word in param.opts}
    assert len(helps) == 1


def test_old_words_of_options_still_run_and_are_not_shown(run):
    for verb, words in OLD_WORDS.items():
        printed = run(verb, "-h")[1]
        for old, new in words.items():
            assert new in printed
            assert not re.search(rf"{old}(?![\w-])", printed)
            renewed = _renew(["a", old, "b", f"{old}=c", f"{old}x", "--", old], words)
            assert renewed == ["a", new, "b", f"{new}=c", f"{old}x", "--", old]
    assert "'three' is not a valid int" in run("report", "--explain", "three")[2]
    assert "--explain-mistakes" in run("report", "--explain", "three")[2]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["predcit"], "Did you mean predict?"),
        (["make_faces"], "Did you mean make-faces?"),
        (["train"], "Did you mean fit?"),
        (["fit", "--memebrs", "cnn_2"], "Did you mean --members?"),
        (["fit", "--output", "m"], "Did you mean --out?"),
        (["predict", "a.png", "--members", "x"], "It is an option of fit, suspects."),
        (["export", "fast", "--out", "m", "--precision", "flaot16"], "Did you mean float16?"),
        (["fit", "--members", "dense_hgo"], "Did you mean dense_hog"),
        (["fit", "--members", "boosted_hog", "--rule", "wieghted"], "Did you mean weighted?"),
        (["fit", "--protocol", "oficial"], "Did you mean official?"),
        (["evaluate", "--model", "fsat"], "Did you mean fast?"),
        (["predict", "a.png", "--detector", "blazface"], "Did you mean blazeface?"),
        (["predict", "a.png", "--coverage", "0.9", "--set-method", "rasp"], "Did you mean raps?"),
        (["members", "cnn2"], "Did you mean cnn_2"),
    ],
    ids=lambda value: "-".join(value)[:40] if isinstance(value, list) else "",
)
def test_what_was_meant_is_asked(run, tmp_path, monkeypatch, words, meant):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((48, 48), np.uint8)).save(tmp_path / "a.png")
    monkeypatch.setenv("COLUMNS", "200")
    code, _, notes = run(*words)
    assert code in (1, 2)
    assert meant in " ".join(notes.split())


def test_nothing_is_asked_where_nothing_is_alike(run):
    assert "Did you mean" not in run("xyzzy")[2]


def completed(line, shell="bash", **more):
    """What a shell is offered for a line at whose end Tab is pressed."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    if shell != "bash":
        asked = {"_TYPER_COMPLETE_ARGS": line, **more}
    ended = subprocess.run(
        [sys.executable, "-m", "fer_ensemble"],
        capture_output=True,
        text=True,
        env={**os.environ, **asked, "_FER_ENSEMBLE_COMPLETE": f"complete_{shell}"},
    )
    return ended.stdout.split("\n")


def test_tab_completes_verbs_options_and_values():
    assert "predict" in completed("fer-ensemble pre")
    assert {"--members", "--max-faces"} & set(completed("fer-ensemble fit --me")) == {"--members"}
    assert set(completed("fer-ensemble fit --rule wei")) >= {"weighted", "weighted_majority"}
    offered = completed("fer-ensemble fit --members dense_hog,dense_hog_l")
    assert "dense_hog,dense_hog_landmarks" in offered
    assert "fast" in completed("fer-ensemble predict a.png --model fa")
    assert "blazeface" in completed("fer-ensemble predict a.png --detector bl")
    assert {"float16", "float32"} <= set(completed("fer-ensemble export --precision fl"))
    assert any("predict" in line for line in completed("fer-ensemble pre", "zsh"))
    fish = completed("fer-ensemble pre", "fish", _TYPER_COMPLETE_FISH_ACTION="get-args")
    assert any(line.startswith("predict\t") for line in fish)


def test_what_tab_completes_is_what_there_is():
    from fer_ensemble import artifact, datasets, ensemble, models, spreading
    from fer_ensemble.cli import options as words
    from fer_ensemble.faces.detectors import DETECTORS

    assert sorted(words.list_member_names()) == sorted(i.name for i in models.list_members())
    assert set(words.RULES) == set(ensemble.RULES)
    assert set(words.DYNAMIC_RULES) == set(ensemble.DYNAMIC_RULES)
    assert set(words.WEIGHTING) == set(ensemble.WEIGHTING)
    assert set(words.TIES) == set(ensemble.TIES)
    assert set(words.SET_METHODS) == set(ensemble.SET_METHODS)
    assert set(words.PROTOCOLS) == set(datasets.PROTOCOLS)
    assert set(words.KNOWN_CLASSES) == set(datasets.KNOWN_CLASSES)
    assert set(words.PARTS) == {*datasets.SPLITS, "all"}
    assert set(words.MODELS) == set(artifact.PRETRAINED)
    assert set(words.ENGINES) == set(spreading.ENGINES)
    found = {name.removesuffix("MODEL") for name in DETECTORS}
    assert set(words.DETECTORS) == {*found, "auto", "skip"}


def test_shells_are_given_their_script(run, monkeypatch):
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    for shell, mark in {"bash": "complete -o", "zsh": "#compdef", "fish": "complete -"}.items():
        code, printed, _ = run("--show-completion", shell)
        assert code == 0
        assert mark in printed
        assert "_FER_ENSEMBLE_COMPLETE" in printed


def test_tables_are_for_other_programs_where_no_terminal_is(run):
    code, printed, notes = run("members")
    assert (code, notes) == (0, "")
    rows = [line.split("\t") for line in printed.splitlines() if not line.startswith("#")]
    assert rows[0] == ["member", "what it is", "parameters", "MAC/face", "file"]
    assert {len(row) for row in rows} == {5}
    [cnn] = [row for row in rows if row[0] == "cnn_2"]
    assert int(cnn[2]) > 100_000


def test_tables_are_laid_out_on_a_terminal(run, terminal):
    assert "\t" not in run("members")[1]


def test_json_has_standard_output_to_itself(run, tmp_path):
    truth = tmp_path / "truth.csv"
    truth.write_text("path,label\na,sad\nb,happy\n")
    code, printed, notes = run("score", truth, "--truth", truth, "--json", "-")
    assert code == 0, notes
    assert json.loads(printed)
    assert "accuracy" in notes
    # It lasts for one command.
    assert "accuracy" in run("score", truth, "--truth", truth)[1]


@pytest.mark.parametrize("name", ["--help", "members"])
def test_nothing_is_coloured_where_nobody_wants_it(run_apart, name):
    coloured = run_apart(name, env={"FORCE_COLOR": "1", "TERM": "xterm"}).stdout
    assert "\x1b[" in coloured
    for env in ({"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"}, {}):
        plain = run_apart(name, env=env)
        assert "\x1b" not in plain.stdout + plain.stderr


@pytest.mark.parametrize("words", ["members", "--help", "predict -h"])
def test_a_reader_that_has_enough_ends_it_silently(words):
    ended = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m fer_ensemble {words} | head -n 1 > /dev/null"],
        capture_output=True,
        text=True,
    )
    assert ended.stderr == ""


def test_an_unexpected_error_is_told_with_its_place_and_verbose_shows_more(run, monkeypatch):
    def fail():
        raise KeyError("lost")

    monkeypatch.setattr("fer_ensemble.models.list_members", fail)
    code, printed, notes = run("members")
    assert (code, printed) == (1, "")
    assert notes.count("\n") == 1
    assert notes.startswith("Error: KeyError: 'lost' (unexpected, in ")
    code, _, notes = run("members", "--verbose")
    assert code == 1
    assert "Traceback" in notes
    assert "raise KeyError" in notes


def test_verbose_tells_stages_times_and_versions(run, tmp_path):
    Image.fromarray(np.zeros((48, 48), np.uint8)).save(tmp_path / "a.png")
    code, printed, notes = run("predict", tmp_path / "a.png", "--model", "fast", "-v")
    assert (code, printed.count("\n")) == (0, 2)
    assert f"fer-ensemble {fer_ensemble.__version__}, Python" in notes
    assert "Loading the ensemble …" in notes
    assert re.search(r"Loading the ensemble: took \d+\.\d\d s", notes)
    assert re.search(r"Took \d+\.\d\d s, with numpy \d", notes)
