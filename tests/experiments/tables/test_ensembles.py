from experiments.systems import Ensemble
from experiments.tables.ensembles import WAYS, ensemble_sections

PAIR = Ensemble("pair", "Two", ("a", "b"), "balanced", {"weighted": 0.8499, "average": 0.8434})


def _record(protocol, without_copies):
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
        ("pair", "official"): _record("official", None),
        ("pair", "balanced"): _record("balanced", alone),
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
    record = _record("official", None)
    for figures in record["combined"].values():
        figures["cost_of_noise"] = -0.0001
    (section,) = ensemble_sections({("pair", "official"): record}, [PAIR])
    assert {row[-1] for row in section.rows[-len(WAYS) :]} == {"0.0"}
