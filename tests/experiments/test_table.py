import json
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from experiments import table

README = Path(table.__file__).with_name("README.md")


@pytest.fixture
def write(tmp_path, make_record):
    def write_run(system, protocol, **more):
        record = make_record(system, protocol, **more)
        (tmp_path / f"{system}.{protocol}.json").write_text(json.dumps(record))

    return write_run


def _row(page, start):
    return next(line for line in page.splitlines() if line.startswith(start))


def test_the_committed_page_is_that_of_the_committed_results():
    written = table.render_readme(README.with_name("results"))
    # No diff of two long pages: the remedy is all there is to know.
    assert written == README.read_text(), "run 'python -m experiments.table'"


def test_the_command_writes_the_page(tmp_path, write):
    write("vgg_style", "official")
    app = typer.Typer()
    app.command()(table.main)
    out = tmp_path / "page.md"
    outcome = CliRunner().invoke(app, ["--results", str(tmp_path), "--out", str(out)])
    assert outcome.exit_code == 0, outcome.output
    assert out.read_text() == table.render_readme(tmp_path)
    assert "| 0.700 (0.633–\N{WORD JOINER}0.759) |" in _row(out.read_text(), "| `vgg_style` VGG")
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
    assert "balanced, **leaks**" in _row(page, "| `resnet` ")
    assert "> The balanced protocol leaks: changed copies of test faces" in page


def test_sections_without_runs_say_so(tmp_path):
    page = table.render_readme(tmp_path)
    assert "No system was run under both protocols yet." in page
    assert "known less unknown" not in page
