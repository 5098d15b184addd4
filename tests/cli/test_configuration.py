"""Defaults from fer-ensemble.toml and pyproject.toml."""

import os
from pathlib import Path

import pytest

from fer_ensemble.cli.configuration import ConfigurationError, read_defaults
from fer_ensemble.datasets import synthetic_dataset, write_folder


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A repository of the user's, which the search does not leave."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FER_ENSEMBLE_CONFIG", raising=False)
    return tmp_path


def write(folder, text, name="fer-ensemble.toml"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def made(run, *words):
    code, _, notes = run("make-faces", *words)
    assert code == 0, notes
    return int(notes.split(" synthetic")[0].split()[-1])


def test_a_file_has_defaults_and_the_command_line_wins(run, project):
    assert made(run, "a") == 50
    write(project, "[make-faces]\nn-samples = 7\n")
    assert made(run, "b") == 7
    assert made(run, "c", "-n", 8) == 8
    assert made(run, "d", "--no-config") == 50
    assert run("--no-config", "make-faces", "e")[2].startswith("50 ")


def test_the_table_of_a_verb_wins_over_what_counts_for_all(run, project):
    write(project, "n_samples = 9\n[make-faces]\nn-samples = 7\n")
    assert made(run, "a") == 7
    write(project, "n_samples = 9\n")
    assert made(run, "b") == 9


def test_pyproject_has_a_table_and_the_own_file_counts_before_it(run, project):
    write(project, "[project]\nname = 'x'\n[tool.fer-ensemble.make-faces]\nn-samples = 8\n",
          "pyproject.toml")  # fmt: skip
    assert made(run, "a") == 8
    write(project, "[make-faces]\nn-samples = 7\n")
    assert made(run, "b") == 7


def test_the_search_goes_up_to_the_repository(run, project, monkeypatch):
    write(project, "[make-faces]\nn-samples = 7\n")
    write(project / "deep" / "er", "[project]\nname = 'no table of ours'\n", "pyproject.toml")
    monkeypatch.chdir(project / "deep" / "er")
    assert made(run, "a") == 7
    (project / "deep" / ".git").mkdir()  # a repository within
    assert made(run, "b") == 50
    write(project / "deep", "[make-faces]\nn-samples = 9\n")
    assert made(run, "c") == 9


def test_a_file_is_named_by_an_option_or_a_variable(run, project, monkeypatch):
    write(project, "[make-faces]\nn-samples = 7\n")
    other = write(project / "other", "[make-faces]\nn-samples = 8\n", "mine.toml")
    assert made(run, "a", "--config", other) == 8
    assert run("--config", other, "make-faces", "b")[2].startswith("8 ")
    monkeypatch.setenv("FER_ENSEMBLE_CONFIG", str(other))
    assert made(run, "c") == 8
    third = write(project, "[make-faces]\nn-samples = 9\n", "third.toml")
    assert made(run, "d", "--config", third) == 9
    code, _, notes = run("make-faces", "e", "--config", other, "--no-config")
    assert code == 2
    assert "--config and --no-config exclude each other" in notes
    code, _, notes = run("make-faces", "e", "--config", "lost.toml")
    assert code == 2
    assert "lost.toml: cannot be read as a configuration: No such file" in notes


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[predcit]\nmodel = 'fast'", "[predcit]: there is no such verb. Did you mean predict?"),
        ("[predict]\nmodle = 'fast'", "modle: predict has no such option. Did you mean model"),
        ("sed = 1", "sed: no verb has such an option. Did you mean seed or set?"),
        ("[fit]\nsnapshots = 0", "[fit] snapshots = 0: 0 is not in the range"),
        ("[fit]\nsnapshots = '2'", "[fit] snapshots = '2': has to be a whole number"),
        ("[fit]\nsnapshots = true", "[fit] snapshots = true: has to be a whole number"),
        ("[fit]\nstrict = 1", "[fit] strict = 1: has to be true or false"),
        ("[fit]\ntime-budget = 20", "[fit] time-budget = 20: has to be text in quotes"),
        ("[predict]\nno-align = true", "[predict] no-align: write align = false"),
        ("[predict]\npaths = ['a']", "[predict] paths: this is given on the command line alone"),
        ("[export]\nprecision = 'int9'", "[export] precision = 'int9': 'int9' is not one of"),
        ("[predict]\nmodel = ", "is no TOML"),
        ("[serve]\nhost = '0.0.0.0'", "[serve] host: this counts in a file that you name alone"),
        ("overwrite = true", "overwrite: this counts in a file that you name alone"),
    ],
    ids=lambda text: text.replace("\n", " ")[:40],
)  # fmt: skip
def test_what_cannot_be_is_told_with_file_and_key(run, project, text, told):
    file = write(project, text)
    code, printed, notes = run("make-faces", "a")
    assert (code, printed) == (2, "")
    assert notes.startswith(f"Error: {file}: ")
    assert told in notes
    assert not (project / "a").exists()
    # Help stands nevertheless.
    assert run("make-faces", "-h")[0] == 0


def test_what_opens_the_machine_counts_in_a_named_file(project, command):
    file = write(project, "[serve]\nhost = '0.0.0.0'\n[fit]\noverwrite = true\n")
    found, keys = read_defaults(file, command, "serve", named=True)
    assert (found, keys) == ({"host": "0.0.0.0"}, ["[serve] host"])
    with pytest.raises(ConfigurationError, match="host"):
        read_defaults(file, command, "serve", named=False)


@pytest.fixture
def command():
    import typer

    from fer_ensemble.cli.app import app

    return typer.main.get_command(app)


def test_paths_are_those_of_the_file(project, command):
    file = write(
        project / "settings",
        "[predict]\nmodel = 'own'\nout = 's3://bucket/rows/'\ndetector = 'yunet:y.onnx'\n"
        "annotate = '../seen'\n[serve]\nmodel = ['fast', './fast', '~/m']\n"
        "[combine]\ndata = 'held_out'\n[evaluate]\njson = '-'\n",
    )
    here = str(project / "settings")
    found = read_defaults(file, command, "predict", named=False)[0]
    assert found == {
        "model": f"{here}/own",
        "out": "s3://bucket/rows/",
        "detector": f"yunet:{here}/y.onnx",
        "annotate": f"{here}/../seen",
    }
    models = read_defaults(file, command, "serve", named=False)[0]["model"]
    assert models == ["fast", f"{here}/fast", str(Path.home() / "m")]
    assert read_defaults(file, command, "combine", named=False)[0] == {"data": "held_out"}
    assert read_defaults(file, command, "evaluate", named=False)[0] == {"json_file": "-"}


def test_lists_are_for_what_is_repeated_or_stands_between_commas(project, command):
    file = write(
        project,
        "[fit]\nmembers = ['dense_hog', 'cnn_2']\nset = ['cnn_2.epochs=1', 'cnn_2.verbose=0']\n"
        "recipe = 'best.json'\n",
    )
    found = read_defaults(file, command, "fit", named=False)[0]
    assert found == {
        "members": "dense_hog,cnn_2",
        "settings": ["cnn_2.epochs=1", "cnn_2.verbose=0"],
        "recipe": [str(project / "best.json")],
    }


def test_flags_and_the_old_words_of_options_count(project, command):
    file = write(project, "[predict]\nalign = false\n[fit]\nlabels = 'd.csv'\n")
    assert read_defaults(file, command, "predict", named=False)[0] == {"align": False}
    assert read_defaults(file, command, "fit", named=False)[0] == {"labels": str(project / "d.csv")}


def test_quiet_stands_in_a_file_and_verbose_on_the_line_wins(run, project):
    file = write(project, "quiet = true\n")
    assert run("make-faces", "a") == (0, "", "")
    notes = run("make-faces", "b", "-v")[2]
    assert f"Defaults from {file}: quiet" in notes
    assert "50 synthetic faces written" in notes
    assert "Took " in notes
    assert "numpy" in notes


def test_help_shows_the_defaults_in_force(run, project):
    assert "[default: 50]" in run("make-faces", "-h")[1]
    write(project, "[make-faces]\nn-samples = 7\n[evaluate]\nmodel = 'fast'\n")
    assert "[default: 7]" in run("make-faces", "-h")[1]
    assert "[default: fast]" in run("evaluate", "-h")[1]


def test_an_error_tells_what_a_file_has_set(run, project):
    write_folder(synthetic_dataset(14, random_state=0), project / "faces")
    file = write(project, "[evaluate]\nmodel = 'lost'\n")
    code, _, notes = run("evaluate", "faces")
    assert code == 1
    assert f"{project / 'lost'} does not exist" in notes
    assert f"({file} sets [evaluate] model; --no-config leaves it out)" in notes


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="gives a file away")
def test_a_file_of_another_user_is_passed_over_unless_named(run, project):
    file = write(project, "[make-faces]\nn-samples = 7\n")
    os.chown(file, 12345, 12345)
    code, _, notes = run("make-faces", "a")
    assert code == 0
    assert f"{file} is passed over: it is another user's" in notes
    assert "50 synthetic faces" in notes
    assert run("make-faces", "c", "-q") == (0, "", "")
    assert made(run, "b", "--config", file) == 7


def test_a_folder_that_is_gone_and_a_user_without_one_are_no_matter(run, project, monkeypatch):
    gone = project / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert made(run, project / "a", "-n", 7) == 7
    monkeypatch.chdir(project)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as without HOME and an account
    write(project, "[make-faces]\nn-samples = 8\n")
    assert made(run, "b") == 8
