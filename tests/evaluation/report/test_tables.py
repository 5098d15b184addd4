"""Tables hold the figures that they are given."""

from dataclasses import replace

from fer_ensemble.evaluation import evaluate_predictions
from fer_ensemble.evaluation.report import tables
from fer_ensemble.evaluation.report.wording import tell_accuracy


def test_class_counts_are_summed(content):
    table = tables.count_table(content.data)
    assert table.columns == ["class", "training", "test"]
    assert table.rows[1] == ["disgust", "436", "20"]
    assert table.rows[-1] == ["all", "28,709", "140"]
    balance = tables.balance_table("cnn", *content.data.balance["cnn"])
    assert balance.rows[1] == ["disgust", "436", "8,000"]
    assert balance.rows[-1] == ["all", "28,709", "56,000"]


def test_members_are_told_with_their_cost(content):
    table = tables.member_table(content.members, "cnn")
    first = content.members[0]
    assert table.rows[0] == [
        "cnn",
        tell_accuracy(first.scores),
        tell_accuracy(first.new_scores),
        f"{first.scores.macro_f1:.3f}",
        "0.143",
        "2,503,431",
        "160.5 M",
        "26 min 6 s",
    ]
    assert table.strong == "cnn"
    assert len(table.columns) == len(table.rows[0])
    trees = replace(
        first, new_scores=None, parameters=None, multiply_accumulates=None, fit_seconds=None
    )
    [row] = tables.member_table([trees], "").rows
    assert [row[2], *row[5:]] == ["–"] * 4


def test_rules_are_told_with_their_gain(content):
    table = tables.rule_table(content.combining, "weighted")
    average, weighted = table.rows
    found = content.combining.gains["average"]
    assert average[0] == "average"
    assert average[-2].startswith(f"−{-found.difference:.3f} (−")
    assert weighted[-2:] == ["0.000 (0.000 to 0.000)", "1.000"]
    assert table.columns[-2] == "gain over cnn (95 % interval)"
    assert len(table.columns) == len(average)


def test_pairs_whose_measure_is_undefined_have_a_dash(content):
    table = tables.pair_table(content.combining.pairs)
    assert table.rows[0] == ["cnn and hog", "0.250", "–", "−0.125"]
    assert len(table.rows) == 21


def test_all_figures_stand_beside_those_without_copies(content):
    table = tables.measure_table(content.scores, content.new_scores)
    rows = {row[0]: row[1:] for row in table.rows}
    assert table.columns == ["measure", "all test faces, n = 140", "without copies, n = 120"]
    assert rows["accuracy"] == [tell_accuracy(content.scores), tell_accuracy(content.new_scores)]
    low, high = content.scores.bootstrap_intervals["macro_f1"]
    assert rows["macro F1"][0] == f"{content.scores.macro_f1:.3f} ({low:.3f}–{high:.3f})"
    assert rows["Brier score"][1] == f"{content.new_scores.brier_score:.3f}"
    alone = tables.measure_table(content.members[0].scores, None)
    assert [len(row) for row in alone.rows] == [2] * 8
    assert dict(alone.rows)["macro F1"] == f"{content.scores.macro_f1:.3f}"


def test_the_confusion_has_counts_and_rates():
    scores = evaluate_predictions(["a", "a", "b"], ["a", "b", "b"], classes=["a", "b"])
    table = tables.confusion_table(scores)
    assert table.rows == [["a", "1 (50 %)", "1 (50 %)"], ["b", "0 (0 %)", "1 (100 %)"]]
    assert table.columns == ["true class", "taken for a", "taken for b"]


def test_classes_are_followed_by_their_means(content):
    table = tables.class_table(content.scores)
    assert [row[0] for row in table.rows][-3:] == ["neutral", "macro avg", "weighted avg"]
    assert table.rows[0][-1] == "20"


def test_where_nothing_is_answered_there_is_no_accuracy():
    scores = evaluate_predictions(
        ["a", "b"], probabilities=[[0.6, 0.4], [0.6, 0.4]], classes=["a", "b"]
    )
    half, *_, most = tables.coverage_table(scores).rows
    assert half == ["0.5 or more", "2 (100.0 %)", "0.500 (0.095–0.905)"]
    assert most == ["0.9 or more", "0 (0.0 %)", "–"]


def test_the_recipe_is_text(content):
    laid = tables.recipe_tables(content)
    assert laid["versions"].rows == [["keras", "3.14.0", "3.15.1"]]
    assert laid["hashes"].rows == [("cnn.skops", 64 * "a")]
    assert all(table.is_text for table in laid.values())
