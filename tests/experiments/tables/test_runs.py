import json

from experiments.systems import all_systems, read_system
from experiments.tables.runs import official_run, own_run, read_runs


def test_runs_are_read_by_system_and_protocol(tmp_path):
    for name in ("resnet.official", "resnet.balanced", "other.official", "leak"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"is": name}))
    runs = read_runs(tmp_path, ["resnet", "cnn_1"])
    assert runs == {
        ("resnet", "official"): {"is": "resnet.official"},
        ("resnet", "balanced"): {"is": "resnet.balanced"},
    }


def test_the_kaggle_run_is_the_official_one_unless_there_is_another():
    wide, resnet = read_system("wide_cnn"), read_system("resnet")
    runs = {("wide_cnn", "official"): {"a": 1}, ("resnet", "official"): {"a": 2}}
    assert own_run(runs, wide) == {"a": 1}
    assert own_run(runs | {("wide_cnn", "kaggle"): {"a": 3}}, wide) == {"a": 3}
    assert own_run(runs, resnet) is None


def test_a_system_set_apart_by_its_data_alone_borrows_an_official_run():
    systems = all_systems()
    runs = {("dense_hog_published", "official"): {"of": "another"}}
    balanced, three_classes = map(read_system, ("dense_hog_balanced", "dense_hog_3_classes"))
    assert official_run(runs, balanced, systems) == {"of": "another"}
    assert official_run(runs, three_classes, systems) is None
    own = {("dense_hog_balanced", "official"): {"of": "its own"}}
    assert official_run(runs | own, balanced, systems) == {"of": "its own"}
