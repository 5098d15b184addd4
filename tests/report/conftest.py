"""A report that is hard to lay out, and a browser to look at it."""

from itertools import combinations

import numpy as np
import pytest

from experiments.chromium import has_chromium, open_chromium
from fer_ensemble.evaluation import compare_predictions, evaluate_predictions, evaluate_sets
from fer_ensemble.evaluation.plots import Training
from fer_ensemble.measuring import MeasuredSets
from fer_ensemble.report import (
    CombiningContent,
    DataContent,
    MemberContent,
    PairContent,
    RecipeContent,
    ReportContent,
)
from fer_ensemble.subgrouping import measure_subgroups

NAMES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
MEMBERS = ["cnn", "hog", "a_member_of_an_unusually_long_name", "m4", "m5", "m6", "m7"]
COUNTS = dict(zip(NAMES, (3995, 436, 4097, 7215, 4830, 3171, 4965), strict=True))
HISTORY = {"loss": [2.0, 1.5, 1.2], "val_loss": [1.9, 1.4, 1.6], "accuracy": [0.2, 0.4, 0.5]}
WARNING = "These figures are no accuracies on new faces."


def predict(labels, strength, seed):
    """Probabilities that favour the true class more or less."""
    drawn = np.random.default_rng(seed).dirichlet(np.ones(7), len(labels))
    drawn[np.arange(len(labels)), labels] += strength
    return drawn / drawn.sum(axis=1, keepdims=True)


def combining(scores, new, gains):
    names = list(scores)
    return CombiningContent(
        rules={"average": scores["hog"], "weighted": scores["cnn"]},
        new_rules={"average": new, "weighted": new},
        best_member="cnn",
        gains=gains,
        oracle_accuracy=0.9,
        pairs=[PairContent(a, b, 0.25, float("nan"), -0.125) for a, b in combinations(names, 2)],
        contribution_rule="weighted",
        contributions=dict.fromkeys(names, gains["average"]),
    )


@pytest.fixture(scope="session")
def content():
    """Seven members, long names, a warning, training, balancing, and copies."""
    labels = np.arange(140) % 7
    seen = np.arange(140) < 20
    made = {name: predict(labels, 0.3 - 0.02 * i, i) for i, name in enumerate(MEMBERS)}

    def evaluate(probabilities, rows, **options):
        return evaluate_predictions(
            labels[rows],
            probabilities=probabilities[rows],
            classes=range(7),
            class_names=NAMES,
            **options,
        )

    sets = made["cnn"] > 0.1
    scores = {name: evaluate(found, slice(None)) for name, found in made.items()}
    new = {name: evaluate(found, ~seen) for name, found in made.items()}
    best, other = (made[name].argmax(axis=1) for name in ("cnn", "hog"))
    gains = {
        "average": compare_predictions(labels, other, best),
        "weighted": compare_predictions(labels, best, best),
    }
    faces = np.random.default_rng(0).integers(0, 256, (140, 48, 48), dtype=np.uint8)
    faces[:90] //= 4
    return ReportContent(
        model="model",
        data=DataContent(
            description="fer2013.zip, split test",
            protocol="balanced",
            protocol_summary="Classes are balanced first.",
            class_counts={"training": COUNTS, "test": dict.fromkeys(NAMES, 20)},
            balance={"cnn": (COUNTS, dict.fromkeys(NAMES, 8000))},
            warnings=[WARNING],
            n_seen=20,
        ),
        faces=faces,
        names=[f"a_folder_of_a_long_name/another/face_{i:012}.png" for i in range(140)],
        labels=labels,
        probabilities=made["cnn"],
        classes=list(range(7)),
        class_names=NAMES,
        rule="weighted",
        scores=evaluate(made["cnn"], slice(None), n_bootstrap=100),
        new_scores=evaluate(made["cnn"], ~seen, n_bootstrap=100),
        members=[
            MemberContent(
                name,
                scores[name],
                new[name],
                weight=1 / 7,
                parameters=2_503_431,
                multiply_accumulates=160_500_000,
                fit_seconds=1566.4,
                training=Training(HISTORY) if name == "cnn" else None,
            )
            for name in MEMBERS
        ],
        combining=combining(scores, new["cnn"], gains),
        recipe=RecipeContent(
            commands=["fer-ensemble fit fer2013.zip --set " + "cnn.epochs=3 " * 20],
            refits=True,
            settings={"fitted on": "fer2013.zip"},
            versions={"keras": ("3.14.0", "3.15.1")},
            hashes={"cnn.skops": 64 * "a"},
            parameters={"cnn": '{"epochs": 3}'},
        ),
        subgroups=measure_subgroups(
            lambda batch: predict(labels, 0.1, 0),
            faces,
            labels,
            probabilities=made["cnn"],
            classes=range(7),
            class_names=NAMES,
            alterations=["mask"],
        ),
        sets=[
            MeasuredSets(
                0.9,
                *(
                    evaluate_sets(labels[rows], sets[rows], range(7), class_names=NAMES)
                    for rows in (slice(None), ~seen)
                ),
            )
        ],
    )


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; the test is skipped where there is none."""
    pytest.importorskip("selenium")
    if not has_chromium():
        pytest.skip("needs Chromium: install chromium and chromium-driver")
    with open_chromium() as opened:
        yield opened
