"""The site's pages: which names have one, and what is found wrong with them."""

import importlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
PAGE = '<html><body><h1 id="top">A</h1><h2>B</h2>{}</body></html>'


def load(path):
    """Import a file of docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def public_names():
    return load(DOCS / "extensions" / "public_names.py")


@pytest.fixture(scope="module")
def check_pages(public_names):
    return load(DOCS / "check_pages.py")


def test_what_doors_offer_is_read_as_it_is_imported(public_names):
    read = public_names.read_doors()
    assert "fer_ensemble.ensemble" in read
    for door, homes in read.items():
        module = importlib.import_module(door)
        assert set(homes) == set(module.__all__)
        # lazy doors show what they offer only when asked
        if door != "fer_ensemble.cli":
            for name, home in homes.items():
                assert getattr(importlib.import_module(home), name) is getattr(module, name)


def test_every_package_with_public_names_stands_in_the_list(public_names):
    listed = set(
        re.findall(r"^   (fer_ensemble[\w.]*)$", (DOCS / "api/index.md").read_text(), re.M)
    )
    assert set(public_names.read_doors()) - {"fer_ensemble.cli"} <= listed


def test_every_public_name_stands_under_one_topic(public_names):
    doors = public_names.read_doors()
    for door, topics in public_names.read_topics(doors).items():
        names = [name for _, found in topics for name in found]
        assert sorted(names) == sorted(doors[door])


def test_no_two_pages_of_names_differ_by_case_alone(public_names):
    # Some file systems would keep one of them.
    pages = public_names.page_names(public_names.read_doors())
    assert len({page.lower() for page in pages.values()}) == len(pages)
    assert pages["fer_ensemble.evaluation.Reliability"] == "fer_ensemble.evaluation.Reliability"
    assert pages["fer_ensemble.evaluation.reliability"].endswith("-function")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('<a href="b.html#top">B</a><a href="">A</a><img src="p.png" alt="">', None),
        ('<a href="c.html">C</a>', "no file for c.html"),
        ('<a href="b.html#end">B</a>', "no place for b.html#end"),
        ('<a href="#end">A</a>', "no place for #end"),
        ('<img src="p.png">', "a picture without a text"),
        ('<img src="q.png" alt="">', "no file for q.png"),
        ('<script src="https://example.org/a.js"></script>', "fetches https://example.org/a.js"),
        ('<link rel="stylesheet" href="https://example.org/a.css">', "from elsewhere"),
        ("<h4>D</h4>", "skips a level"),
        ("<h1>D</h1>", "2 main headings"),
    ],
)
def test_what_is_wrong_with_a_page_is_told(body, told, check_pages, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(check_pages, "missing_names", lambda pages, folder: ())
    (tmp_path / "a.html").write_text(PAGE.format(body))
    (tmp_path / "b.html").write_text(PAGE.format(""))
    (tmp_path / "p.png").touch()
    wrong = check_pages.main(tmp_path)
    assert wrong == (told is not None)
    assert told is None or told in capsys.readouterr().out


def test_a_public_name_without_a_page_is_told(check_pages, tmp_path):
    page = tmp_path / "api" / "generated" / "fer_ensemble.predict_faces.html"
    page.parent.mkdir(parents=True)
    page.write_text(PAGE.format('<dt id="fer_ensemble.predict_faces"></dt>'))
    told = list(check_pages.missing_names({page: check_pages.read_page(page)}, tmp_path))
    assert "fer_ensemble.fit_ensemble has no page" in told
    assert "fer_ensemble.predict_faces has no page" not in told
