"""A report is a page, and figures beside it."""

from functools import partial

import pytest

import fer_ensemble
from fer_ensemble import write_report
from fer_ensemble.datasets import synthetic_dataset


def test_the_page_and_its_figures_are_written(model, data, tmp_path):
    out, figures = tmp_path / "new" / "report.html", tmp_path / "figures"
    assert fer_ensemble.write_report(model, data, out, figures=figures, n_mistakes=2) == out
    page = out.read_text()
    assert "Facial expression report: model" in page
    assert "faces, split public_test" in page
    assert page.count("data:image/png") == 2
    assert len(page) < 3_000_000
    drawn = {file.name for file in figures.iterdir()}
    assert {"rules.png", "training-network-loss.png", "balance-network.png"} <= drawn
    write_report(model, data, out, n_mistakes=1)
    assert out.read_text().count("data:image/png") == 1


def test_synthetic_faces_are_told_as_such(model, tmp_path, monkeypatch):
    monkeypatch.setattr("fer_ensemble.measuring.synthetic_dataset", partial(synthetic_dataset, 70))
    page = write_report(model, out=tmp_path / "report.html").read_text()
    assert "say nothing of real faces" in page
    assert "protocol" not in page.partition("</header>")[0]


def test_a_folder_is_no_file_to_write_to(tmp_path):
    with pytest.raises(IsADirectoryError, match="name a file to write the report to"):
        write_report(tmp_path / "no model is looked for", out=tmp_path)
