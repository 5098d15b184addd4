import json

from experiments.options import write_record


def test_a_record_is_written_into_a_new_folder(tmp_path):
    write_record(tmp_path / "results" / "a.json", {"n": 3})
    text = (tmp_path / "results" / "a.json").read_text()
    assert json.loads(text) == {"n": 3}
    assert text.endswith("}\n")
