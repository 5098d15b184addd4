"""The page's files: nothing from elsewhere, colours that can be read, room on a phone."""

import re
from itertools import product
from pathlib import Path

import pytest

from tests.pages import Elements, contrast

serving = pytest.importorskip("fer_ensemble.serving")

FOLDER = Path(serving.__file__).parent / "page"
FILES = sorted(FOLDER.iterdir())
COLOURS = (FOLDER / "colours.css").read_text()
HTML = (FOLDER / "index.html").read_text()
MOST_LINES = 300
COMMENT = re.compile(r"\s*(//|/?\*)")


ELEMENTS = Elements(HTML).found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_comes_from_elsewhere_and_all_can_be_read_at_one_sitting(file):
    text = file.read_text()
    addresses = set(re.findall(r"https?://[^\s\"'`)]+", text))
    named = {"http://127.0.0.1", "http://localhost", "http://www.w3.org/2000/svg"}
    assert {address.rstrip(".,") for address in addresses} <= named
    assert "@import" not in text
    assert "url(" not in text
    lines = text.splitlines()
    code = [line for line in lines if line.strip() and not COMMENT.match(line)]
    assert len(code) <= MOST_LINES
    assert max(map(len, lines)) <= 120


def test_neither_styles_nor_scripts_stand_in_the_page():
    for tag, attributes in ELEMENTS:
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "script" or attributes["src"].startswith("page/")


def test_each_control_has_a_name_and_each_reference_an_end():
    ids = [attributes["id"] for _, attributes in ELEMENTS if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = {attributes.get("for") for tag, attributes in ELEMENTS if tag == "label"}
    for tag, attributes in ELEMENTS:
        if tag in ("input", "select") and attributes.get("type") != "checkbox":
            assert attributes["id"] in labelled or attributes.get("aria-label"), attributes
        for name in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
            assert set(attributes.get(name, "").split()) <= set(ids)


def test_what_is_asked_for_by_id_is_there():
    ids = {attributes["id"] for _, attributes in ELEMENTS if "id" in attributes}
    for file in FOLDER.glob("*.js"):
        asked = re.findall(r"(?:find|getElementById)\(\"([^\"]+)\"\)", file.read_text())
        assert set(asked) <= ids, file.name


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_stand_out_from_their_ground(scheme):
    """The ratios of WCAG 2.2, level AA: 4.5 for letters, 3 for lines and edges."""
    block = re.findall(r":root \{(.*?)\}", COLOURS, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", block))
    letters = [*product(("ink", "quiet", "link"), ("paper", "shade")), ("ink", "warn-paper")]
    letters += [("on-link", "link")]
    lines = [(f"line-{number}", "paper") for number in range(7)]
    lines += [*product(("edge", "link"), ("paper", "shade")), ("warn-line", "paper")]
    assert {pair for pair in letters if contrast(*map(colours.get, pair)) < 4.5} == set()
    assert {pair for pair in lines if contrast(*map(colours.get, pair)) < 3} == set()
