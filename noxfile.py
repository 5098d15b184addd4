"""The package on every Python it allows, and with the lowest versions: ``nox``, or some sessions.

``nox -s installed-3.13`` predicts with what ``pip install fer-ensemble`` brings, ``nox -s
tests-3.12`` runs the quicker tests with every extra (arguments behind ``--`` go to pytest), and
``nox -s lowest`` the same with the lowest versions that pyproject.toml allows, which needs uv.
A session is skipped where its Python is missing.
"""

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.stop_on_first_error = False

PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))
QUICK = ("-m", "not slow", "-n", "auto", "--dist", "loadfile")
#: What the models in the package answer is what was recorded, within the rounding that is allowed.
RECORDED = ("tests/test_unchanged.py", "-k", "pretrained_ensembles_answer or files_are_predicted")


@nox.session(python=PYTHONS)
def installed(session: nox.Session) -> None:
    """Install the package as it is uploaded, with no extra, and predict with both its models."""
    session.install(".", "pytest-xdist")
    with session.chdir(session.create_tmp()):
        session.run("fer-ensemble", "make-faces", "faces")
        for model in ("ensemble", "fast"):
            rows = f"{model}.csv"
            session.run("fer-ensemble", "predict", "faces", "--model", model, "--out", rows)
    session.run("pytest", *RECORDED)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests that take no more than a few seconds, with every extra."""
    session.install("-e", ".[test]")
    session.run("pytest", *(session.posargs or QUICK))


@nox.session(python=PYTHONS[0], venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """Run them with the lowest versions that are allowed."""
    session.install("--resolution=lowest-direct", "-e", ".[test]")
    session.run("pytest", *(session.posargs or QUICK))
