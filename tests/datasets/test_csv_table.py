"""Tables of any columns are read as text, and faults are told with their row."""

import pytest

from fer_ensemble.datasets import DatasetError
from fer_ensemble.datasets.csv_table import read_table


def write(tmp_path, content, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode(encoding))
    return path


def test_fields_are_text_without_blanks_around_them(tmp_path):
    table = read_table(write(tmp_path, 'Path, Label \n"a,\n1.png", happy\n\nüx.png,sad\n'))
    assert table.columns == ("Path", "Label")
    assert table.column("path") == ["a,\n1.png", "üx.png"]
    assert table.column("LABEL") == ["happy", "sad"]
    assert table.find(["emotion", "label"]) == "Label"
    assert table.find(["emotion"]) is None


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    assert read_table(write(tmp_path, "path\r\na\r\n", "utf-8-sig")).columns == ("path",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no rows below"),
        ("path,label\n", "no rows below"),
        ("path,Path\na,b\n", "names a column twice"),
        ("path,label\na,b\nc\n", "row 3 has 1 fields, row 1 names 2 columns"),
        ("path\n" + "x" * 140_000 + "\n", "is no CSV"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(tmp_path, content, message):
    with pytest.raises(DatasetError, match=rf"table\.csv.*{message}"):
        read_table(write(tmp_path, content))


def test_another_encoding_is_told(tmp_path):
    with pytest.raises(DatasetError, match="no CSV in UTF-8"):
        read_table(write(tmp_path, "path\nü\n", "latin-1"))


def test_a_column_that_is_not_there_is_told(tmp_path):
    table = read_table(write(tmp_path, "path,label\na,b\n"))
    with pytest.raises(DatasetError, match="has no column 'age'; it has path, label"):
        table.column("age")
