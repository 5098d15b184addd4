"""The page of a report: its words, tables and mistakes, and how a browser shows it."""

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_ensemble import report
from fer_ensemble.evaluation import compare_predictions, evaluate_predictions
from fer_ensemble.explanation import Explanation, MemberVoice, TraitVoice
from fer_ensemble.report import Mistake, find_mistakes, render_report, save_pictures
from fer_ensemble.report.page import picture_uri
from fer_ensemble.report.page_tables import (
    altered_table,
    balance_table,
    class_table,
    confusion_table,
    count_table,
    coverage_table,
    gap_table,
    group_table,
    held_table,
    lay_out_tables,
    measure_table,
    member_table,
    pair_table,
    recipe_tables,
    rule_table,
    set_table,
)
from fer_ensemble.report.pictures import Picture
from fer_ensemble.report.wording import (
    format_accuracy,
    format_count,
    format_duration,
    format_gain,
    format_millions,
)
from tests.pages import Elements, contrast

SURE, UNSURE, RIGHT = [0.1, 0.9], [0.4, 0.6], [0.8, 0.2]


def test_groups_stand_with_their_intervals_and_small_ones_are_marked(content):
    found = content.subgroups.conditions["brightness"]
    dark = found.groups[0]
    rows = {row[0]: row[1:] for row in group_table(content.subgroups).rows}
    assert rows["brightness: dark, below 100"][:2] == ["90", format_accuracy(dark.scores)]
    assert "(0." in rows["brightness: dark, below 100"][3]
    small = next(part for part in content.subgroups.conditions["turn"].groups if part.small)
    assert rows[f"turn: {small.group} (few)"][3] == "–"
    gaps = {row[0]: row[1:] for row in gap_table(content.subgroups).rows}
    gap = found.standardised_gap
    assert gaps["brightness, same mix"][:3] == [gap.best, gap.worst, format_gain(gap)]
    [mask] = altered_table(content.subgroups).rows
    assert mask[3] == format_gain(content.subgroups.altered[0].comparison)


def test_groups_are_left_out_where_they_were_not_measured(content):
    found = set(lay_out_tables(content))
    assert found - set(lay_out_tables(replace(content, subgroups=None))) == {
        "groups",
        "gaps",
        "altered",
    }


def test_sets_stand_beside_what_was_asked_for(content, page):
    found = content.sets[0].scores
    [row] = set_table(content.sets).rows
    low, high = found.all.interval
    assert row[:2] == ["0.9", f"{found.all.coverage:.3f} ({low:.3f}–{high:.3f})"]
    assert row[3] == f"{found.all.mean_size:.2f}"
    rows = {name: cells for name, *cells in held_table(content.sets).rows}
    assert list(rows) == [score.name for score in found.per_class]
    assert rows["fear"][1] == f"{found.per_class[2].mean_size:.2f}"
    assert 'id="sets"' in page
    left_out = set(lay_out_tables(content)) - set(lay_out_tables(replace(content, sets=())))
    assert left_out == {"sets", "held"}


def test_the_surest_come_first_and_of_equals_the_first_row():
    found = find_mistakes([0, 0, 0, 0], [UNSURE, RIGHT, SURE, SURE], [0, 1])
    assert [mistake.row for mistake in found] == [2, 3, 0]
    assert found[0] == Mistake(row=2, truth=0, predicted=1, confidence=0.9)


def test_no_more_are_found_than_asked_for():
    assert len(find_mistakes([0] * 5, [SURE] * 5, [0, 1], 2)) == 2
    assert find_mistakes([1], [SURE], [0, 1]) == []


def test_labels_of_text_are_places_among_the_classes():
    [found] = find_mistakes(["sad"], [RIGHT], ["happy", "sad"])
    assert (found.truth, found.predicted) == (1, 0)


def test_unknown_labels_are_an_error():
    with pytest.raises(ValueError, match="y_true"):
        find_mistakes([5], [SURE], [0, 1])


def test_a_picture_is_in_its_address():
    face = np.arange(48 * 48, dtype=np.uint8).reshape(48, 48)
    kind, _, content = picture_uri(face).partition(",")
    assert kind == "data:image/png;base64"
    shown = Image.open(io.BytesIO(base64.b64decode(content)))
    np.testing.assert_array_equal(np.asarray(shown), face)


CSS = (Path(report.__file__).parent / "report.css").read_text()
WIDTHS = [360, 1280]


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
    text, scores = words(page), content.scores
    low, high = scores.accuracy_interval
    assert f"accuracy of {scores.accuracy:.3f} (95 % interval {low:.3f}–{high:.3f})" in text
    assert f"without them the accuracy is {content.new_scores.accuracy:.3f}" in text
    assert "on n&nbsp;=&nbsp;140 faces: fer2013.zip, split test, balanced protocol" in text
    assert text.index(content.data.warnings[0]) < text.index("Measured on")
    assert "20 of these faces also stand in the training data" in text


@pytest.mark.parametrize(
    ("n_seen", "sentence"),
    [
        (None, "Whether any of these faces has a copy in the training data is not known."),
        (0, "None of these faces has an exact copy"),
        (140, "All of these faces have an exact copy"),
    ],
)
def test_what_is_known_of_copies_is_written(render, content, n_seen, sentence):
    data = replace(content.data, n_seen=n_seen)
    assert sentence in words(render(replace(content, data=data, new_scores=None)))


def test_it_can_be_read_by_those_who_cannot_see(elements):
    [html] = elements.of("html")
    assert html == {"lang": "en"}
    pictures = elements.of("img")
    assert len(pictures) == 24 + 12
    assert all(len(picture["alt"]) > 15 for picture in pictures)
    assert all(cell["scope"] in ("col", "row") for cell in elements.of("th"))
    assert len(elements.of("caption")) == len(elements.of("table")) == 18
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


def test_mistakes_are_explained_in_pictures_and_words(render, content):
    voices = (MemberVoice("cnn", 0.9, 0.4, 2.14), MemberVoice("hog", 0.1, 0.9, -0.5))
    traits = (TraitVoice("mouth width", 0.7, 0.6, 0.8, 0.7),)
    heat = np.ones((48, 48), np.float32)
    found = Explanation("happy", 0.9, {"happy": 0.9}, content.faces[0], heat, voices, traits)
    page = Elements(render(replace(content, explained={0: found})))
    [picture] = [img for img in page.of("img") if "log-odds" in img["alt"]]
    assert "true class angry, taken for happy" in picture["alt"]
    assert "happy: cnn +2.1, hog −0.5, mouth width +0.7." in picture["alt"]
    assert picture["src"].startswith("data:image/png;base64,")
    assert "What spoke for them" not in render(content)


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
    text = words(render(alone))
    assert "There is one member only" in text
    assert "best member" not in text


def test_what_others_named_is_no_markup(render, content):
    names = ['<script>alert("1")</script>'] * 140
    page = render(replace(content, model="<b>bold</b>", names=names))
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page


def test_a_model_that_no_command_fits_is_named_as_such(render, content, page):
    assert "these commands come to the same figures" in words(page)
    recipe = replace(content.recipe, refits=False)
    assert "No command of this release" in words(render(replace(content, recipe=recipe)))


def test_the_same_content_makes_the_same_page(content, page):
    assert render_report(content) == page


def test_pictures_are_files_too(content, tmp_path):
    # A single member, not combined, leaves fewer pictures to draw.
    few = replace(content, combining=None, members=content.members[1:2])
    files = save_pictures(few, tmp_path / "new")
    assert "reliability.png" in {file.name for file in files}
    assert {file.name for file in files} == {file.name for file in (tmp_path / "new").iterdir()}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


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
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


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


def test_class_counts_are_summed(content):
    table = count_table(content.data)
    assert table.columns == ["class", "training", "test"]
    assert table.rows[1] == ["disgust", "436", "20"]
    assert table.rows[-1] == ["all", "28,709", "140"]
    balance = balance_table("cnn", *content.data.balance["cnn"])
    assert balance.rows[1] == ["disgust", "436", "8,000"]
    assert balance.rows[-1] == ["all", "28,709", "56,000"]


def test_members_stand_with_their_cost(content):
    table = member_table(content.members, "cnn")
    first = content.members[0]
    assert table.rows[0] == [
        "cnn",
        format_accuracy(first.scores),
        format_accuracy(first.new_scores),
        f"{first.scores.macro_f1:.3f}",
        "0.143",
        "2,503,431",
        "160.5 M",
        "26 min 6 s",
    ]
    assert table.strong == "cnn"
    assert len(table.columns) == len(table.rows[0])
    trees = replace(
        first, new_scores=None, parameters=None, multiply_accumulates=None, fit_seconds=None
    )
    [row] = member_table([trees], "").rows
    assert [row[2], *row[5:]] == ["–"] * 4


def test_rules_stand_with_their_gain(content):
    table = rule_table(content.combining, "weighted")
    average, weighted = table.rows
    found = content.combining.gains["average"]
    assert average[0] == "average"
    assert average[-2].startswith(f"−{-found.difference:.3f} (−")
    assert weighted[-2:] == ["0.000 (0.000 to 0.000)", "1.000"]
    assert table.columns[-2] == "gain over cnn (95 % interval)"
    assert len(table.columns) == len(average)


def test_pairs_whose_measure_is_undefined_have_a_dash(content):
    table = pair_table(content.combining.pairs)
    assert table.rows[0] == ["cnn and hog", "0.250", "–", "−0.125"]
    assert len(table.rows) == 21


def test_all_figures_stand_beside_those_without_copies(content):
    table = measure_table(content.scores, content.new_scores)
    rows = {row[0]: row[1:] for row in table.rows}
    assert table.columns == ["measure", "all test faces, n = 140", "without copies, n = 120"]
    assert rows["accuracy"] == [
        format_accuracy(content.scores),
        format_accuracy(content.new_scores),
    ]
    low, high = content.scores.bootstrap_intervals["macro_f1"]
    assert rows["macro F1"][0] == f"{content.scores.macro_f1:.3f} ({low:.3f}–{high:.3f})"
    assert rows["Brier score"][1] == f"{content.new_scores.brier_score:.3f}"
    alone = measure_table(content.members[0].scores, None)
    assert [len(row) for row in alone.rows] == [2] * 8
    assert dict(alone.rows)["macro F1"] == f"{content.scores.macro_f1:.3f}"


def test_the_confusion_has_counts_and_rates():
    scores = evaluate_predictions(["a", "a", "b"], ["a", "b", "b"], classes=["a", "b"])
    table = confusion_table(scores)
    assert table.rows == [["a", "1 (50 %)", "1 (50 %)"], ["b", "0 (0 %)", "1 (100 %)"]]
    assert table.columns == ["true class", "taken for a", "taken for b"]


def test_classes_are_followed_by_their_means(content):
    table = class_table(content.scores)
    assert [row[0] for row in table.rows][-3:] == ["neutral", "macro avg", "weighted avg"]
    assert table.rows[0][-1] == "20"


def test_where_nothing_is_answered_there_is_no_accuracy():
    scores = evaluate_predictions(
        ["a", "b"], probabilities=[[0.6, 0.4], [0.6, 0.4]], classes=["a", "b"]
    )
    half, *_, most = coverage_table(scores).rows
    assert half == ["0.5 or more", "2 (100.0 %)", "0.500 (0.095–0.905)"]
    assert most == ["0.9 or more", "0 (0.0 %)", "–"]


def test_the_recipe_is_text(content):
    laid = recipe_tables(content)
    assert laid["versions"].rows == [["keras", "3.14.0", "3.15.1"]]
    assert laid["hashes"].rows == [("cnn.skops", 64 * "a")]
    assert all(table.is_text for table in laid.values())


def test_what_is_missing_is_a_dash():
    for write in (format_accuracy, format_gain, format_count, format_millions, format_duration):
        assert write(None) == "–"


def test_a_difference_of_nothing_has_no_sign():
    assert format_gain(compare_predictions([0, 1], [0, 1], [0, 1])) == "0.000 (0.000 to 0.000)"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(9.96, "10.0 s"), (59.6, "1 min 0 s"), (12.0, "12 s"), (3600, "1 h 0 min")],
)
def test_durations_round_to_their_units(seconds, written):
    assert format_duration(seconds) == written
