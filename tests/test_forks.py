"""Forks of a process that has predicted, as gunicorn --preload and multiprocessing make them."""

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")

# Ends a child that hangs by a signal, which the parent prints.
PRELUDE = """
import os, signal, sys
import numpy as np
from fer_ensemble.datasets import make_faces

FACES, LABELS, _ = make_faces(70, random_state=0)

def in_a_fork(work):
    child = os.fork()
    if not child:
        signal.alarm(20)
        work()
        sys.exit(7)  # not os._exit: gunicorn's workers end by Python's own way out
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)

def equal(predict, expected):
    def check():
        assert np.array_equal(predict(), expected)
    return check
"""


def run(script):
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1], done.stderr


def test_exported_members_predict_in_a_fork_and_in_the_process_that_it_came_from():
    lines, errors = run("""
        from fer_ensemble.artifact import ExportedEnsemble, resolve_model

        light = ExportedEnsemble(resolve_model("fast"))
        expected = light.predict_proba(FACES)
        check = equal(lambda: light.predict_proba(FACES), expected)
        in_a_fork(check)
        check()
        in_a_fork(lambda: (check(), in_a_fork(check)))

        def again():
            global light
            light = None  # closes sessions in the fork
            fresh = ExportedEnsemble(resolve_model("fast"))
            assert np.array_equal(fresh.predict_proba(FACES), expected)

        in_a_fork(again)
        """)
    assert lines == ["7"] * 4, errors


def test_networks_that_ran_before_are_refused_in_a_fork_at_once_and_trees_answer():
    lines, errors = run("""
        from fer_ensemble.forks import ForkError
        from fer_ensemble.models import BoostedTreesClassifier, KerasClassifier, training

        network = KerasClassifier(epochs=1, network_params={"units": (4,)}, random_state=0)
        in_a_fork(lambda: network.fit(FACES, LABELS).predict(FACES))  # nothing ran before
        network.fit(FACES, LABELS)
        expected = network.predict_proba(FACES)
        table = FACES.reshape(70, -1)[:, ::100]
        trees = BoostedTreesClassifier(n_estimators=2, random_state=0).fit(table, LABELS)
        known = trees.predict_proba(table)

        def refused():
            for ask in (network.predict_proba, lambda X: network.fit(X, LABELS)):
                try:
                    ask(FACES)
                except ForkError as error:
                    print(error)

        in_a_fork(refused)
        equal(lambda: network.predict_proba(FACES), expected)()
        in_a_fork(equal(lambda: trees.predict_proba(table), known))
        in_a_fork(equal(lambda: trees.fit(table, LABELS).predict_proba(table), known))
        """)
    before, *refusals, refused, predicted, fitted = lines
    assert [before, refused, predicted, fitted] == ["7"] * 4, errors
    assert len(refusals) == 2
    for line in refusals:
        assert line.startswith("KerasClassifier cannot run here: tensorflow had computed before")
        assert "'spawn'" in line
