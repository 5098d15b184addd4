"""The page in a browser: table and files, the least confidence, the model, keyboard and phone."""

import csv
import io
import json
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest

from fer_ensemble.faces import Prediction, open_writer
from tests.serving.page_scripts import ANSWER, NAMES, ODD, QUOTED, answered, choose_many

pytest.importorskip("selenium")
from selenium.webdriver.common.keys import Keys


def test_the_table_is_sorted_by_each_column(shown):
    page, rows = shown, answered(shown)
    page.show("table")
    page.click("#all-columns")
    columns = page.texts("#rows th")
    assert columns[:4] == ["path", "frame", "time", "face"]
    assert len(columns) == 20
    for column in columns:
        header = page.find(f"#rows th[data-column={column}]")
        for _ in range(2):
            header.find_element("css selector", "button").send_keys(Keys.ENTER)
            way = header.get_attribute("aria-sort")
            cells = page.texts(f"#rows tbody td[data-column={column}]")
            values = [float(cell) if is_number(cell) else cell for cell in cells if cell]
            assert cells[len(values) :] == [""] * (len(rows) - len(values))
            if column != "path":  # names are in the order of a dictionary
                assert values == sorted(values, reverse=way == "descending")
        assert page.js("return document.querySelectorAll('#rows [aria-sort=none]').length") == 19


def is_number(text):
    return text.replace(".", "", 1).replace("-", "", 1).isdigit()


def test_the_table_is_filtered_by_text_and_by_label(shown):
    page, rows = shown, answered(shown)
    page.show("table")
    assert len(page.texts("#rows tbody tr")) == len(rows) == 5
    page.set("#filter-text", 'NO "F')
    assert page.texts("#rows td[data-column=status]") == ["no_face"]
    assert "1 of 5 rows" in page.text("#table-summary")
    page.set("#filter-text", "")
    page.set("#filter-kind", "unreadable")
    assert page.texts("#rows td[data-column=path]") == ["broken.jpg"]
    assert page.texts("#rows td[data-column=reason]") == [rows[4]["reason"]]
    page.set("#filter-kind", rows[0]["label"])
    assert set(page.texts("#rows td[data-column=label]")) == {rows[0]["label"]}


def test_the_table_has_pages(page):
    page.js(ANSWER, NAMES)
    choose_many(page, 120)
    page.wait_for_pictures(120)
    page.show("table")
    assert page.text("#table .paging span") == "Page 1 of 3"
    page.click("#table .paging button:nth-of-type(3)")
    assert page.texts("#rows td[data-column=path]")[0] == "50.png"
    page.click("#table .paging button:nth-of-type(4)")
    assert len(page.texts("#rows tbody tr")) == 20
    page.set("#filter-text", "119")
    assert page.texts("#rows td[data-column=path]") == ["119.png"]


def written(rows, file):
    """Rows in the file that ``predict`` writes."""
    keys = ("path", "status", "frame", "time", "face", "x", "y", "width", "height", "face_score")
    predictions = [
        Prediction(
            **{key: row[key] for key in (*keys, "label", "confidence")},
            reason=row["reason"] or "",
            probabilities={name: row[f"p_{name}"] for name in NAMES} if row["label"] else None,
        )
        for row in rows
    ]
    with open_writer(file, NAMES) as writer:
        writer.write(predictions)
    return file.read_bytes()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_downloads_are_what_predict_writes(shown, tmp_path, form):
    rows = answered(shown)
    for row, name in zip(rows, (ODD, ODD, "gray.png", QUOTED, "broken.jpg"), strict=True):
        row["path"] = name
    shown.show("table")
    assert shown.download(form) == written(rows, tmp_path / "expected" / f"rows.{form}")
    shown.set("#filter-kind", "no_face")
    assert shown.download(form) == written(rows[3:4], tmp_path / "expected" / f"one.{form}")


def test_numbers_are_written_as_python_writes_them(page):
    drawn = np.random.default_rng(0)
    values = [0.0, 1.0, 1e-5, 1.5e-300, 0.0001, 1e16, 123456789012345680.0, 1e15, 0.1, -0.25, 512.0]
    values += list(drawn.random(300)) + list(10.0 ** drawn.uniform(-12, 20, 300))
    found = page.browser.execute_async_script(
        "const [values, done] = arguments;"
        "import('./page/downloads.js').then(({ decimal }) => done(values.map(decimal)));",
        [float(value) for value in values],
    )
    assert found == [repr(float(value)) for value in values]


def test_faces_below_the_least_confidence_are_unsure_everywhere(shown, address, pictures, tmp_path):
    page = shown
    row = answered(page)[0]
    least = round(row["confidence"] + 0.005, 2)
    wanted = f"{address}v1/predict?min_confidence={least}"
    content = (pictures / ODD).read_bytes()
    with urlopen(Request(wanted, content, {"Content-Type": "image/jpeg"})) as answer:
        unsure = json.load(answer)["rows"][0]
    assert unsure["status"] == "unsure"
    page.set("#least", least)
    page.wait("document.querySelector('rect.face.unsure') !== null")
    assert page.text("#least-value") == f"{least:.2f}"
    assert f"unsure {row['confidence']:.2f}" in page.text(".face-entry")
    assert not page.texts(".face-entry:first-child .most")
    assert f"Enlarge {ODD}: 2 faces: unsure" in page.find(".enlarge").accessible_name
    page.wait_for("#picture-summary", "unsure")
    page.show("table")
    [found, *_] = csv.DictReader(io.StringIO(page.download("csv").decode()))
    assert (found["label"], found["status"], found["reason"]) == ("", "unsure", unsure["reason"])
    assert float(found["confidence"]) == row["confidence"]
    page.set("#filter-kind", "unsure")
    assert page.texts("#rows td[data-column=reason]")[0] == unsure["reason"]
    page.set("#least", 0)
    page.set("#filter-kind", "")
    page.wait(
        f"document.querySelector('#rows td[data-column=label]').textContent === '{row['label']}'"
    )


def test_sets_of_labels_are_those_of_the_server(shown, address, pictures):
    page = shown
    content = (pictures / ODD).read_bytes()
    wanted = f"{address}v1/predict?coverage=0.95"
    with urlopen(Request(wanted, content, {"Content-Type": "image/jpeg"})) as answer:
        expected = [row["labels"] for row in json.load(answer)["rows"]]
    page.set("#coverage", "0.95")
    first = expected[0].split("|")
    page.wait(
        f"document.querySelectorAll('.face-entry')[0].textContent.includes('May be {first[0]}')"
    )
    marked = page.find(".face-entry").find_elements("css selector", ".in-set > :first-child")
    assert sorted(one.text for one in marked) == sorted(first)
    page.show("table")
    assert page.texts("#rows td[data-column=labels]")[: len(expected)] == expected
    found = csv.DictReader(io.StringIO(page.download("csv").decode()))
    assert [row["labels"] for row in found][: len(expected)] == expected
    page.set("#coverage", "")
    page.wait("document.querySelector('#rows td[data-column=labels]') === null")


def test_the_model_is_chosen_and_told(page, address):
    with urlopen(f"{address}v1/models") as answer:
        [model] = json.load(answer)["models"]
    assert page.text("#model") == model["name"] == "fast"
    accuracy = model["accuracy"]
    figure = f"{accuracy['value']:.3f} (95 % interval {accuracy['low']:.3f}–{accuracy['high']:.3f})"
    assert f"Accuracy {figure} on {accuracy['n']:,} faces" in page.text("#model-accuracy")
    page.find("#about").send_keys(Keys.ENTER)
    page.wait("card.open")
    text = page.text("#card")
    assert model["limits"][:100] in text
    assert figure in text
    assert len(page.texts("#card .model-card table")) > 3
    # The Tab key stays in the dialog, or leaves the page for the browser's own bar.
    for _ in range(12):
        page.browser.switch_to.active_element.send_keys(Keys.TAB)
        assert page.js(
            "const now = document.activeElement;return now === document.body || card.contains(now)"
        )
    page.find("#card-close").send_keys(Keys.ESCAPE)
    assert not page.js("return card.open")
    assert page.js("return document.activeElement.id") == "about"


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
            "const size = (e) => parseFloat(getComputedStyle(e).fontSize);"
            "return Array.from(document.querySelectorAll('body *')).filter((e) =>"
            "  e.innerText?.trim() && !e.closest('svg') && size(e) < 14).map((e) => e.outerHTML)"
        )
        assert small == []
    page.click("#about")
    page.wait("card.open")
    assert page.js("return card.getBoundingClientRect().right") <= width
    assert (
        page.js(
            "const c = document.getElementById('card-content');return c.scrollWidth - c.clientWidth"
        )
        <= 0
    )
    page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_tabs_are_moved_through_by_arrows(page):
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
    seen = []
    for _ in range(7):
        page.browser.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(
            page.js(
                "const now = document.activeElement;"
                "const { outlineStyle, outlineWidth } = getComputedStyle(now);"
                "return [now.id, outlineStyle, outlineWidth]"
            )
        )
    first = ["model", "about", "tab-pictures", "least", "coverage"]
    order = [*first, "choose-files", "choose-folder"]
    assert [name for name, *_ in seen] == order
    assert all(outline == ["solid", "3px"] for _, *outline in seen)
