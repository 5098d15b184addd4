"""What rates come to for many pictures, on a case worked by hand."""

from experiments.scale import reckon


def test_rates_are_multiplied_up():
    kinds = {"small_faces": {"pictures_a_second": 10.0}, "photographs": {"pictures_a_second": 0.5}}
    rows = {"bytes_a_row": 200.0, "written_a_second": 1000, "merged_a_second": 2000}
    record = {"ensemble": kinds, "fast": kinds, "listing": {"names_a_second": 500}}
    reckoned = reckon({**record, "rows": {"csv": rows}}, 3_600_000, core_price=0.5)
    assert reckoned["fast, small_faces"] == {"core_hours": 100, "cost": 50}
    assert reckoned["ensemble, photographs"] == {"core_hours": 2000, "cost": 1000}
    assert reckoned["listing"] == {"hours": 2.0}
    assert reckoned["csv"] == {"gigabytes": 1, "hours_to_write": 1.0, "hours_to_merge": 0.5}
