"""The page holds everything, can be read by anyone, and looks right in a real browser."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from fer_ensemble.evaluation import report
from fer_ensemble.evaluation.report import render_report, save_pictures
from fer_ensemble.evaluation.report.picture import Picture

CSS = (Path(report.__file__).parent / "report.css").read_text()
WIDTHS = [360, 1280]


class Elements(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, *tags):
        return [attributes for tag, attributes in self.found if tag in tags]


@pytest.fixture(scope="module")
def page(content):
    return render_report(content)


@pytest.fixture(scope="module")
def elements(page):
    return Elements(page)


@pytest.fixture
def render(monkeypatch):
    """Render without drawing, which takes most of the time."""
    monkeypatch.setattr(Picture, "to_uri", lambda picture: "data:,")
    return render_report


def words(page):
    """The text between the tags, entities as they are."""
    return " ".join(re.sub(r"<[^>]*>", " ", page.partition("<body>")[2]).split())


def test_nothing_is_fetched_and_nothing_runs(page, elements):
    assert page.startswith("<!DOCTYPE html>")
    assert "http:" not in page
    assert "https:" not in page
    assert not elements.of("script", "iframe", "object", "video")
    addresses = [found.get("src") or found["href"] for found in elements.of("img", "link")]
    assert all(address.startswith("data:") for address in addresses)
    assert "url(" not in CSS
    assert "@import" not in CSS


def test_the_summary_has_the_figure_with_its_interval_and_the_warning(page, content):
    told, scores = words(page), content.scores
    low, high = scores.accuracy_interval
    assert f"accuracy of {scores.accuracy:.3f} (95 % interval {low:.3f}–{high:.3f})" in told
    assert f"without them the accuracy is {content.new_scores.accuracy:.3f}" in told
    assert "on n&nbsp;=&nbsp;140 faces: fer2013.zip, split test, balanced protocol" in told
    assert told.index(content.data.warnings[0]) < told.index("Measured on")
    assert "20 of these faces also stand in the training data" in told


@pytest.mark.parametrize(
    ("n_seen", "sentence"),
    [
        (None, "Whether any of these faces has a copy in the training data is not known."),
        (0, "None of these faces has an exact copy"),
        (140, "All of these faces have an exact copy"),
    ],
)
def test_what_is_known_of_copies_is_told(render, content, n_seen, sentence):
    data = replace(content.data, n_seen=n_seen)
    assert sentence in words(render(replace(content, data=data, new_scores=None)))


def test_it_can_be_read_by_those_who_cannot_see(elements):
    [html] = elements.of("html")
    assert html == {"lang": "en"}
    pictures = elements.of("img")
    assert len(pictures) == 24 + 12
    assert all(len(picture["alt"]) > 15 for picture in pictures)
    assert all(cell["scope"] in ("col", "row") for cell in elements.of("th"))
    assert len(elements.of("caption")) == len(elements.of("table")) == 13
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) == 1
    names = [found["id"] for _, found in elements.found if "id" in found]
    assert len(names) == len(set(names))
    targets = [found["href"] for found in elements.of("a")]
    assert {target.removeprefix("#") for target in targets} <= set(names)


def test_mistakes_are_pictures_with_their_words(content, elements):
    first = next(img for img in elements.of("img") if "true class" in img["alt"])
    found = re.fullmatch(
        r"a_folder_of_a_long_name/another/face_(\d+).png: true class (\w+), "
        r"predicted (\w+) with confidence (\d\.\d\d)",
        first["alt"],
    )
    row, truth, predicted, confidence = found.groups()
    assert content.class_names[content.labels[int(row)]] == truth
    probabilities = content.probabilities[int(row)]
    assert content.class_names[probabilities.argmax()] == predicted != truth
    assert f"{probabilities.max():.2f}" == confidence


def test_the_number_of_mistakes_is_that_asked_for(render, content):
    def shown(content, **options):
        page = Elements(render(content, **options))
        return sum("true class" in picture["alt"] for picture in page.of("img"))

    assert shown(content, n_mistakes=3) == 3
    perfect = replace(content, probabilities=np.eye(7)[content.labels])
    assert shown(perfect) == 0
    assert "There is no mistake" in render(perfect)


def test_a_single_member_is_not_combined(render, content):
    alone = replace(content, combining=None, members=content.members[:1])
    told = words(render(alone))
    assert "There is one member only" in told
    assert "best member" not in told


def test_what_others_named_is_no_markup(render, content):
    names = ['<script>alert("1")</script>'] * 140
    page = render(replace(content, model="<b>bold</b>", names=names))
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page


def test_a_model_that_no_command_fits_is_told_as_such(render, content, page):
    assert "these commands come to the same figures" in words(page)
    recipe = replace(content.recipe, refits=False)
    assert "No command of this release" in words(render(replace(content, recipe=recipe)))


def test_the_same_content_makes_the_same_page(content, page):
    assert render_report(content) == page


def test_pictures_are_files_too(content, tmp_path):
    files = save_pictures(content, tmp_path / "new")
    assert {file.name for file in files} == {file.name for file in (tmp_path / "new").iterdir()}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def luminance(colour):
    shares = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_letters_stand_out_from_their_ground_by_day_and_by_night():
    """The ratio is that of WCAG 2.2; 4.5 is its level AA."""
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6});", part)) for part in CSS.split("@media", 2)[:2]
    )
    for colours in (light, dark):
        for ink, ground in (
            *((ink, "paper") for ink in ("ink", "quiet", "link")),
            ("ink", "shade"),
            ("ink", "warn-paper"),
        ):
            low, high = sorted(luminance(colours[name]) for name in (ink, ground))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)


@pytest.fixture(scope="module")
def opened(browser, page, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(page, encoding="utf-8")
    browser.get(file.as_uri())
    return browser


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_a_phone_and_a_screen(opened, width):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    opened.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width
    assert (
        opened.execute_script(
            "return [...document.querySelectorAll('p, li, pre, figure, h1, h2, h3, .scroll')]"
            ".filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML)"
        )
        == []
    )
    # The heads of the rows stay in view, and must not hide what scrolls beside them.
    heads = opened.execute_script(
        "return [...document.querySelectorAll('tbody th')].map(e => e.offsetWidth)"
    )
    assert max(heads) <= width / 2


def test_it_renders_without_an_error_and_large_enough(opened):
    assert opened.get_log("browser") == []
    assert opened.execute_script("return document.readyState") == "complete"
    assert opened.title == "Facial expression report: model, fer2013.zip, split test"
    pictures = opened.execute_script(
        "return [...document.images].map(i => [i.complete, i.naturalWidth, i.alt])"
    )
    assert len(pictures) == 36
    assert all(complete and width > 0 and alt for complete, width, alt in pictures)
    smallest = opened.execute_script(
        "return Math.min(...[...document.querySelectorAll('body *')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 16
