"""Pictures need no display and go where they are told."""

import subprocess
import sys

import pytest
from matplotlib.figure import Figure

from fer_ensemble.evaluation import coverage_curve, evaluate_predictions, plots, reliability

SCORED = [0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], [0, 1]
FOUND = evaluate_predictions(SCORED[0], probabilities=SCORED[1], classes=SCORED[2])
CALLS = {
    plots.plot_accuracies: [{"ours": FOUND}],
    plots.plot_class_counts: [{"happy": 1}],
    plots.plot_class_scores: [{"ours": FOUND.per_class}],
    plots.plot_confusion: [FOUND.confusion, ["a", "b"]],
    plots.plot_coverage: [coverage_curve(*SCORED)],
    plots.plot_history: [{"loss": [1.0]}, "loss"],
    plots.plot_reliability: [reliability(*SCORED)],
    plots.plot_rules: [{"ours": FOUND}, {"average": FOUND}],
    plots.plot_weights: [{"ours": 1.0}],
}


@pytest.mark.parametrize("plot", CALLS, ids=lambda plot: plot.__name__)
def test_every_picture_takes_the_axes_it_is_given_or_makes_its_own(plot):
    ax = Figure().add_subplot()
    assert plot(*CALLS[plot], ax=ax) is ax
    own = plot(*CALLS[plot])
    assert own is not ax
    assert own.get_xlabel() or own.get_ylabel()


def test_no_picture_is_left_out_of_these_tests():
    assert {plot.__name__ for plot in CALLS} == {
        name for name in plots.__all__ if name.startswith("plot_")
    }


def test_drawing_leaves_pyplot_alone_and_takes_the_axes_it_is_given():
    code = (
        "import sys\n"
        "from fer_ensemble.evaluation import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from matplotlib.figure import Figure\n"
        "ax = Figure().add_subplot()\n"
        "assert plots.plot_history({'loss': [1.0]}, 'loss', ax=ax) is ax\n"
        "assert plots.plot_class_counts({'happy': 1}, ax=ax) is ax\n"
        "plots.plot_class_counts({'happy': 1}).figure.savefig(sys.stdout.buffer, format='svg')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.startswith(b"<?xml")
