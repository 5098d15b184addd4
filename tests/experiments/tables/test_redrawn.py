from experiments.systems import Ensemble, System
from experiments.tables.ensembles import WAYS
from experiments.tables.redrawn import ensemble_rows, system_rows

AGAIN = {"accuracy": 0.9, "interval": [0.85, 0.94], "n": 200, "n_trained_on": 180}


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
    rows = system_rows({"theirs": AGAIN, "ours": AGAIN}, runs, systems)
    assert [row[:2] for row in rows] == [("`theirs`", "0.7"), ("`ours`", "–")]
    assert rows[0][2:4] == ("0.700 (0.633–0.759)", "0.900 (0.850–0.940)")
    assert rows[1][2].endswith("†")
    assert rows[0][4].startswith("+20.0 (+12.")


def test_an_ensemble_has_a_row_for_each_way():
    pair = Ensemble("pair", "Two", ("a", "b"), "balanced", {"weighted": 0.8499})
    kept = {"accuracy": 0.6, "interval": [0.5, 0.7]}
    combined = {("pair", "balanced"): {"n": 200, "combined": dict.fromkeys(WAYS, kept)}}
    again = {"pair": dict.fromkeys(WAYS, AGAIN)}
    rows = ensemble_rows(again, combined, [pair])
    assert len(rows) == len(WAYS)
    assert rows[0][:3] == ("`pair`, weighted", "0.8499", "0.600 (0.500–0.700)")
    assert rows[1][1] == "–"
    assert ensemble_rows({}, combined, [pair]) == []
