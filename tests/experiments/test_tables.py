"""The page of all runs, and what stands in its tables."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from experiments import table
from experiments.runs import official_record, own_record, read_records
from experiments.systems import Ensemble, System, all_systems, read_system
from experiments.tables import cells
from experiments.tables.balancing import (
    class_mix,
    inflation_rows,
    inflation_summary,
    inflations,
    leak_rows,
    not_redrawn,
    reach_summary,
    redrawn_ensemble_rows,
    redrawn_system_rows,
)
from experiments.tables.published import (
    WAYS,
    accuracies,
    ensemble_sections,
    trainings,
)
from fer_ensemble.evaluation import difference_interval
from tests.experiments.stand_ins import invoke

README = Path(table.__file__).with_name("README.md")
PAIR = Ensemble("pair", "Two", ("a", "b"), "balanced", {"weighted": 0.8499, "average": 0.8434})
AGAIN = {"accuracy": 0.9, "interval": [0.85, 0.94], "n": 200, "n_trained_on": 180}


@pytest.fixture
def both_ways(make_record):
    return {
        ("resnet", "balanced"): make_record("resnet", "balanced", right=(90, 90)),
        ("resnet", "official"): make_record("resnet"),
        ("cnn_1", "balanced"): make_record("cnn_1", "balanced", right=(80, 62)),
        ("cnn_1", "official"): make_record("cnn_1"),
        ("cnn_8", "official"): make_record("cnn_8"),
        ("tiny_xception", "balanced"): make_record("tiny_xception", "balanced"),
    }


def test_systems_run_both_ways_are_compared(both_ways):
    found = inflations(both_ways, all_systems())
    assert [each.system for each in found] == ["resnet", "cnn_1"]
    assert found[0].difference == pytest.approx(0.2)
    assert found[0].interval == difference_interval(180, 200, 140, 200)
    assert found[1].interval[0] < 0 < found[1].interval[1]
    assert inflation_summary(found) == (
        "1 of 2 systems run both ways score higher under the balanced protocol than on the "
        "official split, beyond chance. The differences go from +1.0 (`cnn_1`) to +20.0 points "
        "(`resnet`); the median is +10.5."
    )


def test_rows_hold_the_difference_on_all_faces_and_without_copies(both_ways, make_record):
    fewer = make_record("resnet", "balanced", right=(40, 40), n=(50, 50))["all"]
    both_ways["resnet", "balanced"]["without_copies"] = fewer
    row = inflation_rows(inflations(both_ways, all_systems()))[0]
    assert row[0] == "`resnet`"
    assert row[3].startswith("+20.0 (+12.")
    assert row[4].startswith("+10.0 (-0.")


def test_trainings_of_another_kind_are_not_compared(both_ways, make_record):
    fair = inflation_summary(inflations(both_ways, all_systems()))
    short = make_record("se_resnet", "balanced", time_budget="10m", epochs_run=2.0)
    both_ways = {**both_ways, ("se_resnet", "balanced"): short}
    both_ways["se_resnet", "official"] = make_record("se_resnet")
    found = inflations(both_ways, all_systems())
    row = next(row for row in inflation_rows(found) if row[0] == "`se_resnet`")
    assert row[2].startswith("0.700 (0.633–0.759)†")
    assert row[3:] == ("–", "–", "–")
    assert inflation_summary(found) == fair
    assert (
        inflation_summary(
            inflations({k: both_ways[k] for k in both_ways if k[0] == "se_resnet"}, all_systems())
        )
        == ""
    )


def test_runs_are_counted_that_reach_what_was_published(make_record):
    runs = {
        (name, "balanced"): make_record(name, "balanced", right=(right, right))
        for name, right in (("resnet", 60), ("cnn_1", 70), ("cnn_2_published", 70))
    }
    runs["se_resnet", "balanced"] = make_record("se_resnet", "balanced")  # nothing is published
    assert reach_summary(runs, all_systems()) == (
        "2 of 3 runs reach what was published of this protocol: `resnet` 0.600 (0.4962), `cnn_1` "
        "0.700 (0.5417). Below it stay `cnn_2_published` 0.700 (0.722)."
    )
    assert reach_summary({}, all_systems()) == ""


def test_networks_that_were_not_drawn_again_are_named_with_what_they_remember(make_record):
    history = {"history": {"accuracy": [0.5, 0.8149]}}
    runs = {
        (name, protocol): make_record(name, protocol, **more)
        for name, protocol, more in (
            ("resnet", "balanced", history),
            ("cnn_1", "balanced", history),
            ("cnn_2", "official", history),
            ("boosted_hog", "balanced", {}),
        )
    }
    assert not_redrawn(runs, {"cnn_1": AGAIN}) == ["`resnet` 0.815"]


def test_an_official_run_of_another_system_is_named(make_record):
    both_ways = {
        ("dense_hog_balanced", "balanced"): make_record("dense_hog_balanced", "balanced"),
        ("dense_hog_published", "official"): make_record("dense_hog_published"),
    }
    (row,) = inflation_rows(inflations(both_ways, all_systems()))
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


def test_a_table_is_markdown():
    expected = "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert cells.table(["a", "b"], [("1", "2")]) == expected


def test_intervals_and_counts_stay_in_one_line_of_a_narrow_column():
    cell = "0.548 (0.533–0.563), n = 4,115; +5.3 (+3.0 to +7.5); – of it"
    last = cells.table(["a"], [(cell,)]).splitlines()[-1]
    assert last.replace("\N{WORD JOINER}", "").replace("\N{NO-BREAK SPACE}", " ") == f"| {cell} |"
    assert "(0.533–\N{WORD JOINER}0.563)" in last
    assert "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}4,115" in last
    assert "(+3.0\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}+7.5)" in last
    assert "– of it" in last


def test_accuracies_come_with_interval_count_and_mark(make_record):
    full = make_record("resnet")
    assert cells.accuracy(full, "all") == "0.700 (0.633–0.759), n = 200"
    held = make_record("resnet", time_budget="10m", epochs_run=3.2)
    assert cells.accuracy(held, "all", with_n=False) == "0.700 (0.633–0.759)†"
    assert cells.accuracy(None, "all") == "not run"


def test_only_a_training_that_its_time_ended_is_cut_short(make_record):
    assert not cells.cut_short(make_record("resnet", epochs_run=4.0))
    assert not cells.cut_short(make_record("resnet", time_budget="10m"))
    assert cells.cut_short(make_record("resnet", time_budget="10m", epochs_run=9.9))


def test_small_figures_are_written_short():
    assert cells.points(0.0526, (0.03, -0.004)) == "+5.3 (+3.0 to -0.4)"
    assert cells.points(-0.1) == "-10.0"
    assert [cells.p_value(p) for p in (0.0004, 0.0292, 1.0)] == ["< 0.001", "0.029", "1"]
    assert cells.protocol_name("random") == "random"
    assert cells.protocol_name("balanced") == "balanced, **leaks**"


def ensemble_record(protocol, without_copies):
    way = {
        "accuracy": 0.6,
        "interval": [0.58, 0.62],
        "gain": 0.02,
        "gain_interval": [-0.01, 0.05],
        "mcnemar_p": 0.2,
        "cost_of_noise": 0.113,
    }
    return {
        "protocol": protocol,
        "n": 3589,
        "best_member": "b",
        "members": {"a": {}, "b": {"accuracy": 0.58, "interval": [0.56, 0.6]}},
        "combined": dict.fromkeys(WAYS, way),
        "without_copies": without_copies,
    }


def test_the_published_figure_stands_beside_that_of_its_own_protocol():
    alone = {"n": 100, "accuracy": dict.fromkeys(WAYS, 0.5)}
    runs = {
        ("pair", "official"): ensemble_record("official", None),
        ("pair", "balanced"): ensemble_record("balanced", alone),
    }
    (section,) = ensemble_sections(runs, [PAIR])
    assert section.best == dict.fromkeys(
        ("balanced", "official"), "`b` with 0.580 (0.560–0.600), n = 3,589"
    )
    assert len(section.rows) == 2 * len(WAYS)
    assert section.rows[0] == (
        "balanced, **leaks**",
        "weighted",
        "0.8499",
        "0.600 (0.580–0.620)",
        "0.500 (0.404–0.596)",
        "+2.0 (-1.0 to +5.0)",
        "0.2",
        "11.3",
    )
    assert section.rows[len(WAYS)][2:5] == ("–", "0.600 (0.580–0.620)", "–")


def test_a_published_ensemble_that_was_not_run_says_so():
    (section,) = ensemble_sections({}, [PAIR])
    assert [row[1:4] for row in section.rows] == [
        ("weighted", "0.8499", "not run"),
        ("average", "0.8434", "not run"),
    ]


def test_a_cost_of_nothing_has_no_sign():
    record = ensemble_record("official", None)
    for figures in record["combined"].values():
        figures["cost_of_noise"] = -0.0001
    (section,) = ensemble_sections({("pair", "official"): record}, [PAIR])
    assert {row[-1] for row in section.rows[-len(WAYS) :]} == {"0.0"}


def rows_by_system(runs):
    tables = accuracies(runs, all_systems())
    return {row[0].split("`")[1]: row[1:] for rows in tables.values() for row in rows}


def test_every_system_has_a_row_under_its_publication():
    tables = accuracies({}, all_systems())
    assert len(rows_by_system({})) == sum(map(len, tables.values())) == len(all_systems())
    assert [row[0][:10] for row in tables["4-block wide CNN"]] == ["`wide_cnn`"]


def test_both_protocols_stand_beside_the_published_figure(make_record):
    runs = {
        ("cnn_2_published", "balanced"): make_record("cnn_2_published", "balanced", right=(90, 90)),
        ("cnn_2_published", "official"): make_record(
            "cnn_2_published", epochs_run=2.0, time_budget="10m"
        ),
        ("dense_hog_published", "official"): make_record("dense_hog_published"),
    }
    rows = rows_by_system(runs)
    assert rows["cnn_2_published"] == (
        "0.722, n = 4,448",
        "balanced, **leaks**",
        "0.900 (0.851–0.934), n = 200",
        "0.900 (0.851–0.934), n = 200",
        "0.700 (0.633–0.759)†",
        "0.700 (0.633–0.759)†",
    )
    assert rows["dense_hog_balanced"][4:] == ("0.700 (0.633–0.759)‡",) * 2
    assert rows["se_resnet"][2:] == ("as official", "as official", "not run", "not run")
    assert rows["se_resnet"][0] == "–"
    assert rows["regularised_cnn"][0] == "0.62"


def test_what_else_the_authors_say_stands_with_the_title():
    table = accuracies({}, all_systems())["Baseline, tuned and regularised CNN"]
    assert table[2][0] == "`regularised_cnn` Regularised CNN; authors: split not published"


def test_trainings_say_how_they_ended(make_record):
    records = [
        make_record("vgg_style"),
        make_record("resnet", epochs_run=3.16, epochs_planned=100, time_budget="10m", note="busy"),
        make_record("dense_hog_balanced", epochs_run=7.0, earlier_rounds=[0.5, 0.525]),
        make_record("boosted_hog", epochs_run=None, epochs_planned=None),
    ]
    rows = trainings({(record["system"], "official"): record for record in records})
    assert [row[2:4] for row in rows] == [
        ("10 of 10", "full length"),
        ("3.16 of 100", "held to 10m†"),
        ("7 of 10", "early stopping"),
        ("–", "–"),
    ]
    assert rows[0][4:] == ("2.5", "CPU", "0", "–")
    assert rows[1][-1] == "busy"
    assert rows[2][-1] == "trained 3 times, 0.500 and 0.525 before the last"


def test_a_system_has_its_figure_on_both_draws(make_record):
    systems = [
        System("theirs", 1, "", "cnn_2", "balanced", published={"accuracy": 0.7}),
        System("ours", 2, "", "cnn_2", published={"accuracy": 0.6}),
        System("not_run", 3, "", "cnn_2", "balanced"),
    ]
    runs = {
        (name, "balanced"): make_record(name, "balanced", time_budget=budget, epochs_run=5)
        for name, budget in (("theirs", None), ("ours", "10m"))
    }
    rows = redrawn_system_rows({"theirs": AGAIN, "ours": AGAIN}, runs, systems)
    assert [row[:2] for row in rows] == [("`theirs`", "0.7"), ("`ours`", "–")]
    assert rows[0][2:4] == ("0.700 (0.633–0.759)", "0.900 (0.850–0.940)")
    assert rows[1][2].endswith("†")
    assert rows[0][4].startswith("+20.0 (+12.")


def test_an_ensemble_has_a_row_for_each_way():
    kept = {"accuracy": 0.6, "interval": [0.5, 0.7]}
    combined = {("pair", "balanced"): {"n": 200, "combined": dict.fromkeys(WAYS, kept)}}
    again = {"pair": dict.fromkeys(WAYS, AGAIN)}
    rows = redrawn_ensemble_rows(again, combined, [PAIR])
    assert len(rows) == len(WAYS)
    assert rows[0][:3] == ("`pair`, weighted", "0.8499", "0.600 (0.500–0.700)")
    assert rows[2][1] == "–"
    assert redrawn_ensemble_rows({}, combined, [PAIR]) == []


def test_records_are_read_by_system_and_protocol(tmp_path):
    for name in ("resnet.official", "resnet.balanced", "other.official", "leak"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"is": name}))
    runs = read_records(tmp_path, ["resnet", "cnn_1"])
    assert runs == {
        ("resnet", "official"): {"is": "resnet.official"},
        ("resnet", "balanced"): {"is": "resnet.balanced"},
    }


def test_the_kaggle_run_is_the_official_one_unless_there_is_another():
    wide, resnet = read_system("wide_cnn"), read_system("resnet")
    runs = {("wide_cnn", "official"): {"a": 1}, ("resnet", "official"): {"a": 2}}
    assert own_record(runs, wide) == {"a": 1}
    assert own_record(runs | {("wide_cnn", "kaggle"): {"a": 3}}, wide) == {"a": 3}
    assert own_record(runs, resnet) is None


def test_a_system_set_apart_by_its_data_alone_borrows_an_official_record():
    systems = all_systems()
    runs = {("dense_hog_published", "official"): {"of": "another"}}
    balanced, three_classes = map(read_system, ("dense_hog_balanced", "dense_hog_3_classes"))
    assert official_record(runs, balanced, systems) == {"of": "another"}
    assert official_record(runs, three_classes, systems) is None
    own = {("dense_hog_balanced", "official"): {"of": "its own"}}
    assert official_record(runs | own, balanced, systems) == {"of": "its own"}


@pytest.fixture
def write(tmp_path, make_record):
    def write_run(system, protocol, **more):
        record = make_record(system, protocol, **more)
        (tmp_path / f"{system}.{protocol}.json").write_text(json.dumps(record))

    return write_run


def find_row(page, start):
    return next(line for line in page.splitlines() if line.startswith(start))


def test_the_committed_page_is_that_of_the_committed_results():
    written = table.render_readme(README.with_name("results"))
    # No diff of two long pages: the remedy is all there is to know.
    assert written == README.read_text(), "run 'python -m experiments.table'"


def test_the_command_writes_the_page(tmp_path, write):
    write("vgg_style", "official")
    out = tmp_path / "page.md"
    outcome = invoke(table.main, "--results", tmp_path, "--out", out)
    assert outcome.exit_code == 0, outcome.output
    assert out.read_text() == table.render_readme(tmp_path)
    assert "| 0.700 (0.633–\N{WORD JOINER}0.759) |" in find_row(
        out.read_text(), "| `vgg_style` VGG"
    )
    assert "PublicTest, n = 200." in out.read_text()


def test_every_table_has_as_many_cells_in_each_row(write, tmp_path):
    write("resnet", "balanced")
    write("resnet", "official")
    lines = table.render_readme(tmp_path).splitlines()
    for above, below in pairwise(lines):
        if above.startswith("|") and below.startswith("|"):
            assert above.count("|") == below.count("|"), below


def test_the_leaking_figure_stands_beside_the_librarys_warning(write, tmp_path):
    write("resnet", "balanced")
    page = table.render_readme(tmp_path)
    assert "balanced, **leaks**" in find_row(page, "| `resnet` ")
    assert "> The balanced protocol leaks: changed copies of test faces" in page


def test_trainings_held_to_a_time_are_named(tmp_path, write):
    write("vgg_style", "official")
    assert "†" not in table.render_readme(tmp_path).partition("## Trainings")[0]
    write("taught_fast_cnn", "official", time_budget="34m", epochs_run=2.0)
    assert "did not run to its end: `taught_fast_cnn`." in table.render_readme(tmp_path)


def test_sections_without_runs_say_so(tmp_path):
    page = table.render_readme(tmp_path)
    assert "No system was run under both protocols yet." in page
    assert "known less unknown" not in page
