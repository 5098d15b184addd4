"""The page of suspect labels: what it shows, and what is decided on it in a browser."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys

from fer_ensemble.datasets import FaceDataset, audit_faces, read_decisions
from fer_ensemble.report import render_contact_sheet, write_contact_sheet
from fer_ensemble.suspects import Suspect, SuspectLabels
from tests.pages import Elements

ODD = 'two, "odd" <b>.png'
NUMBERS = itertools.count()


@pytest.fixture
def suspects():
    """Suspects of which one has a name that no other test knows.

    Pages of files share one storage, which a browser clears for others with delay: so what another
    test decided must not count for this one's page, which is known by the names of its faces.
    """
    rng = np.random.default_rng(0)
    faces = FaceDataset(
        rng.integers(0, 256, (4, 48, 48), np.uint8),
        np.array([0, 3, 4, 6]),
        np.full(4, "train"),
        np.array(["a.png", ODD, "c.png", f"d{next(NUMBERS)}.png"], object),
    )
    ranked = (
        Suspect(2, 4, -1, 1.0, ("no_face",), "no face is found in it"),
        Suspect(1, 3, 0, 0.9, ("doubted", "copies"), "models say angry (0.90), and not happy"),
        Suspect(0, 0, 0, 0.4, ("copies",), "an exact copy is labelled happy"),
        Suspect(3, 6, 4, 0.3, ("doubted",), "models say sad (0.60), and not neutral"),
    )
    return SuspectLabels(
        faces=faces,
        description="my faces",
        suspects=ranked,
        probabilities=np.full((4, 7), 1 / 7),
        classes=np.arange(7),
        accuracies={"all": 0.75},
        n_wrong=1,
        audit=audit_faces(faces),
    )


def test_the_first_so_many_are_shown_in_their_order(suspects):
    page = render_contact_sheet(suspects, most=3)
    cards = [card for card in Elements(page).of("li") if card["class"] == "card"]
    assert [card["data-name"] for card in cards] == ["c.png", ODD, "a.png"]
    assert "4 of 4 faces are suspect; the 3 most suspect are shown" in " ".join(page.split())
    # Names are no markup, and everything is in the file.
    assert "<b>" not in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    with pytest.raises(ValueError, match="-1 suspects can't be shown"):
        render_contact_sheet(suspects, most=-1)


@pytest.fixture
def opened(browser, suspects, tmp_path):
    """The page in a browser, which saves what is downloaded beside it."""
    file = write_contact_sheet(suspects, tmp_path / "suspects.html")
    browser.get_log("browser")
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    size = {"width": 1200, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(file.as_uri())
    yield browser
    assert browser.get_log("browser") == []


def visible(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('.card')].filter(c => !c.hidden)"
        ".map(c => c.dataset.name)"
    )


def choose(browser, selector, value):
    browser.execute_script(
        "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
        "s.dispatchEvent(new Event('change', { bubbles: true }))",
        selector,
        value,
    )


def status(browser):
    return browser.execute_script("return document.getElementById('status').textContent")


def save(browser, folder):
    from selenium.webdriver.support.wait import WebDriverWait

    file = folder / "decisions.csv"
    browser.execute_script("document.getElementById('save').click()")
    WebDriverWait(browser, 10, 0.05).until(lambda _: file.exists() and file.stat().st_size)
    return read_decisions(file)


def press(browser, *keys):
    for key in keys:
        browser.switch_to.active_element.send_keys(key)


def test_keys_decide_and_move_on_and_the_file_is_what_fit_reads(opened, suspects, tmp_path):
    opened.execute_script("document.querySelector('.card').focus()")
    # To drop as suggested; relabelled by number; the label that it has is to keep; undone.
    press(opened, "r", "5", "r", "d", Keys.ARROW_LEFT, Keys.ARROW_RIGHT, "u")
    assert "Decided: 1 to keep, 1 to drop, 1 to relabel; 1 open." in status(opened)
    decisions = save(opened, tmp_path)
    assert [entry.decision for entry in decisions.entries] == ["drop", "sad", "keep", ""]
    written = suspects.decisions().entries
    assert [replace(entry, decision="") for entry in decisions.entries] == list(written)
    decisions.check(suspects.faces)


def test_choices_outlive_the_page_and_pages_of_others_do_not_see_them(opened, suspects, tmp_path):
    choose(opened, ".card select", "happy")
    opened.refresh()
    assert "1 to relabel; 3 open." in status(opened)
    fewer = write_contact_sheet(suspects, tmp_path / "fewer.html", most=2)
    opened.get(fewer.as_uri())
    assert "0 to relabel; 2 open." in status(opened)


def test_filters_show_a_part_and_what_is_decided_of_all_reaches_that_part_alone(opened, suspects):
    choose(opened, "[data-filter=kind]", "copies")
    assert visible(opened) == [ODD, "a.png"]
    choose(opened, "#all", "r")
    choose(opened, "[data-filter=kind]", "")
    assert "Decided: 1 to keep, 0 to drop, 1 to relabel; 2 open." in status(opened)
    choose(opened, "[data-filter=decision]", "open")
    assert visible(opened) == ["c.png", suspects.faces.names[3]]
    choose(opened, "[data-filter=suggested]", "none")
    assert visible(opened) == ["c.png"]


def test_decisions_that_are_made_already_are_shown(browser, suspects, tmp_path):
    file = tmp_path / "decided.html"
    write_contact_sheet(suspects, file, decisions=suspects.decisions("relabel", 3))
    browser.get(file.as_uri())
    assert "1 to keep, 1 to drop, 1 to relabel; 1 open." in status(browser)


@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_a_phone_and_a_screen_and_can_be_read(opened, width):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width
    smallest = opened.execute_script(
        "return Math.min(...[...document.querySelectorAll('body *')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 16
