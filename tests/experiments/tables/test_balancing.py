import pytest

from experiments.systems import all_systems
from experiments.tables.balancing import (
    class_mix,
    inflation_rows,
    inflation_summary,
    inflations,
    leak_rows,
)
from fer_ensemble.evaluation import difference_interval


@pytest.fixture
def runs(make_record):
    return {
        ("resnet", "balanced"): make_record("resnet", "balanced", right=(90, 90)),
        ("resnet", "official"): make_record("resnet"),
        ("cnn_1", "balanced"): make_record("cnn_1", "balanced", right=(80, 62)),
        ("cnn_1", "official"): make_record("cnn_1"),
        ("cnn_8", "official"): make_record("cnn_8"),
        ("tiny_xception", "balanced"): make_record("tiny_xception", "balanced"),
    }


def test_systems_run_both_ways_are_compared(runs):
    found = inflations(runs, all_systems())
    assert [each.system for each in found] == ["resnet", "cnn_1"]
    assert found[0].difference == pytest.approx(0.2)
    assert found[0].interval == difference_interval(180, 200, 140, 200)
    assert found[1].interval[0] < 0 < found[1].interval[1]
    assert inflation_summary(found) == (
        "1 of 2 systems run both ways score higher under the balanced protocol than on the "
        "official split, beyond chance. The differences go from +1.0 to +20.0 points; the median "
        "is +10.5."
    )


def test_rows_hold_the_difference_on_all_faces_and_without_copies(runs, make_record):
    fewer = make_record("resnet", "balanced", right=(40, 40), n=(50, 50))["all"]
    runs["resnet", "balanced"]["without_copies"] = fewer
    row = inflation_rows(inflations(runs, all_systems()))[0]
    assert row[0] == "`resnet`"
    assert row[3].startswith("+20.0 (+12.")
    assert row[4].startswith("+10.0 (-0.")


def test_trainings_of_another_kind_are_not_compared(runs, make_record):
    fair = inflation_summary(inflations(runs, all_systems()))
    short = make_record("se_resnet", "balanced", time_budget="10m", epochs_run=2.0)
    runs = {**runs, ("se_resnet", "balanced"): short}
    runs["se_resnet", "official"] = make_record("se_resnet")
    found = inflations(runs, all_systems())
    row = next(row for row in inflation_rows(found) if row[0] == "`se_resnet`")
    assert row[2].startswith("0.700 (0.633–0.759)†")
    assert row[3:] == ("–", "–", "–")
    assert inflation_summary(found) == fair
    assert (
        inflation_summary(
            inflations({k: runs[k] for k in runs if k[0] == "se_resnet"}, all_systems())
        )
        == ""
    )


def test_an_official_run_of_another_system_is_named(make_record):
    runs = {
        ("dense_hog_balanced", "balanced"): make_record("dense_hog_balanced", "balanced"),
        ("dense_hog_published", "official"): make_record("dense_hog_published"),
    }
    (row,) = inflation_rows(inflations(runs, all_systems()))
    assert row[0] == "`dense_hog_balanced`, official run of `dense_hog_published`"


def test_the_mix_of_expressions_is_what_their_shares_alone_explain(make_record):
    balanced = make_record("resnet", "balanced", right=(90, 50), n=(100, 100))
    official = make_record("resnet", right=(10, 10), n=(20, 80))
    # 0.7 of the balanced faces are right; a fifth of the easier kind would make it 0.58.
    assert class_mix(balanced, official) == pytest.approx(0.7 - (0.2 * 0.9 + 0.8 * 0.5))


def test_leaks_without_both_kinds_of_faces_have_no_difference():
    leaks = {
        "a": {"n": 4000, "n_known": 1000, "difference": 0.25, "interval": [0.2, 0.3]},
        "b": {"n": 10, "n_known": 10, "difference": None, "interval": None},
    }
    assert leak_rows(leaks) == [
        ("`a`", "1,000 of 4,000 (25 %)", "+25.0 (+20.0 to +30.0)"),
        ("`b`", "10 of 10 (100 %)", "–"),
    ]
