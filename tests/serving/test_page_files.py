"""The page's files: nothing from elsewhere, colours that can be read, room on a phone."""

import re
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ensemble import serving

FOLDER = Path(serving.__file__).parent / "page"
FILES = sorted(FOLDER.iterdir())
CSS = (FOLDER / "page.css").read_text()
HTML = (FOLDER / "index.html").read_text()
MOST_LINES = 300


class Elements(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


ELEMENTS = Elements(HTML).found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_comes_from_elsewhere_and_all_can_be_read_at_one_sitting(file):
    text = file.read_text()
    addresses = set(re.findall(r"https?://[^\s\"'`)]+", text))
    named = {"http://127.0.0.1", "http://localhost", "http://www.w3.org/2000/svg"}
    assert {address.rstrip(".,") for address in addresses} <= named
    assert "@import" not in text
    assert "url(" not in text
    code = [line for line in text.splitlines() if line.strip() and not line.strip().startswith(("//", "*", "/*"))]
    assert len(code) <= MOST_LINES
    assert max(map(len, text.splitlines())) <= 120


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


def luminance(colour):
    shares = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_stand_out_from_their_ground(scheme):
    """The ratios of WCAG 2.2, level AA: 4.5 for letters, 3 for lines and edges."""
    block = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", block))
    letters = [*product(("ink", "quiet", "link"), ("paper", "shade")), ("ink", "warn-paper")]
    letters += [("on-link", "link")]
    lines = [(f"line-{number}", "paper") for number in range(7)]
    lines += [*product(("edge", "link"), ("paper", "shade")), ("warn-line", "paper")]
    assert {pair for pair in letters if contrast(*map(colours.get, pair)) < 4.5} == set()
    assert {pair for pair in lines if contrast(*map(colours.get, pair)) < 3} == set()


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_screen_or_too_small_to_read(page, width, astronaut, tmp_path):
    photograph = tmp_path / f"{'a_long_name_without_a_gap' * 6}.jpg"
    cv2.imwrite(str(photograph), cv2.resize(astronaut, (256, 256)))
    metrics = {"width": width, "height": 740, "deviceScaleFactor": 1, "mobile": False}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.choose(photograph, photograph)
    page.wait_for_pictures(2)
    for name in ("pictures", "camera", "video", "table"):
        page.show(name)
        assert page.js("return document.documentElement.scrollWidth") <= width, name
        small = page.js(
            "return Array.from(document.querySelectorAll('body *')).filter((e) =>"
            "  e.innerText?.trim() && !e.closest('svg') && parseFloat(getComputedStyle(e).fontSize) < 13"
            ").map((e) => e.outerHTML)"
        )
        assert small == []
    page.click("#about")
    page.wait("card.open")
    assert page.js("return card.getBoundingClientRect().right") <= width
    assert page.js("const c = document.getElementById('card-content');return c.scrollWidth - c.clientWidth") <= 0
    page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_tabs_are_moved_through_by_arrows(page):
    from selenium.webdriver.common.keys import Keys

    page.find("#tab-pictures").send_keys(Keys.ARROW_RIGHT)
    assert page.find("#camera").is_displayed()
    assert page.find("#tab-camera").get_attribute("aria-selected") == "true"
    page.find("#tab-camera").send_keys(Keys.END)
    assert page.find("#table").is_displayed()
    page.find("#tab-table").send_keys(Keys.ARROW_RIGHT)
    assert page.find("#pictures").is_displayed()
    tabs = page.js("return Array.from(document.querySelectorAll('[role=tab]'), (e) => e.tabIndex)")
    assert tabs == [0, -1, -1, -1]


def test_who_uses_the_keyboard_sees_where_they_are(page):
    from selenium.webdriver.common.keys import Keys

    seen = []
    for _ in range(8):
        page.browser.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(page.js(
            "const now = document.activeElement;"
            "return [now.id, getComputedStyle(now).outlineStyle, getComputedStyle(now).outlineWidth]"
        ))
    assert [name for name, *_ in seen[:6]] == [
        "model", "about", "tab-pictures", "least", "pictures", "choose-files"
    ] or seen
    outlined = {name: (style, width) for name, style, width in seen}
    assert outlined["choose-files"] == ("solid", "3px")
    assert outlined["least"] == ("solid", "3px")
