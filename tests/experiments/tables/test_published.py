from experiments.systems import all_systems
from experiments.tables.published import accuracies, trainings


def _rows(runs):
    tables = accuracies(runs, all_systems())
    return {row[0].split("`")[1]: row[1:] for rows in tables.values() for row in rows}


def test_every_system_has_a_row_under_its_publication():
    tables = accuracies({}, all_systems())
    assert len(_rows({})) == sum(map(len, tables.values())) == len(all_systems())
    assert [row[0][:10] for row in tables["4-block wide CNN"]] == ["`wide_cnn`"]


def test_both_protocols_stand_beside_the_published_figure(make_record):
    runs = {
        ("cnn_2_published", "balanced"): make_record("cnn_2_published", "balanced", right=(90, 90)),
        ("cnn_2_published", "official"): make_record(
            "cnn_2_published", epochs_run=2.0, time_budget="10m"
        ),
        ("dense_hog_published", "official"): make_record("dense_hog_published"),
    }
    rows = _rows(runs)
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


def test_trainings_tell_how_they_ended(make_record):
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
