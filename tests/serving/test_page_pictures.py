"""The page in a browser: pictures on their way to the server, and what is shown of them."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import cv2
import pytest
from PIL import Image

from tests.serving.page_scripts import (
    ANSWER,
    CARDS,
    NAMES,
    ODD,
    QUOTED,
    RECORD,
    answered,
    choose_many,
)

pytest.importorskip("selenium")
from selenium.webdriver.common.keys import Keys

SECOND_MODEL = """
const send = window.fetch;
window.fetch = async (address, init) => {
  const answer = await send(address, init);
  if (address !== "v1/models") return answer;
  const said = await answer.json();
  said.models.push({ ...said.models[0], name: "slow", default: false, accuracy: null });
  return new Response(JSON.stringify(said));
};
"""


def test_pictures_appear_with_boxes_labels_and_bars(shown):
    page, rows = shown, answered(shown)
    assert page.texts(f"{CARDS} .path") == [ODD, "gray.png", QUOTED, "broken.jpg"]
    first, second = rows[:2]
    said = ", ".join(f"{row['label']} {row['confidence']:.2f}" for row in (first, second))
    page.wait(f"document.querySelectorAll('{CARDS}:first-child rect.face').length === 2")
    card = page.find(f"{CARDS}:first-child")
    enlarge = card.find_element("css selector", ".enlarge")
    assert enlarge.accessible_name == f"Enlarge {ODD}: 2 faces: {said}"
    box = card.find_element("css selector", "rect.face")
    for name in ("x", "y", "width", "height"):
        assert float(box.get_attribute(name)) == first[name]
    boxes = card.find_element("css selector", "svg")
    assert page.js("return arguments[0].getAttribute('viewBox')", boxes) == "0 0 640 320"
    assert f"0 {first['label']}" in boxes.text
    bars = card.find_elements("css selector", ".face-entry:first-child .bar")
    assert [bar.get_attribute("aria-label") for bar in bars] == NAMES
    for bar, name in zip(bars, NAMES, strict=True):
        assert float(bar.get_attribute("aria-valuenow")) == round(first[f"p_{name}"], 2)
        filled = bar.find_element("css selector", "span").rect["width"]
        assert filled / (bar.rect["width"] - 2) == pytest.approx(first[f"p_{name}"], abs=0.02)
    about = page.texts(CARDS)
    assert rows[3]["reason"] in about[2]
    assert "no face" in about[2]
    assert rows[4]["reason"] in about[3]
    assert "cannot show" in about[3]


def test_an_enlarged_picture_has_its_faces_beside_it(shown):
    shown.click(f"{CARDS}:first-child .enlarge")
    shown.wait("document.querySelectorAll('#large rect.face').length === 2")
    assert shown.text("#large h2") == ODD
    assert len(shown.texts("#large .face-entry")) == 2
    shown.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not shown.find("#large").is_displayed()


def test_a_face_of_an_enlarged_picture_is_explained(shown):
    shown.click(f"{CARDS}:first-child .enlarge")
    button = "#large .face-entry:last-child .explanation button"
    label = answered(shown)[1]["label"]
    assert shown.find(button).accessible_name == f"Explain Face 1: {label}"
    shown.click(button)
    picture = "#large .face-entry:last-child .explanation img"
    shown.wait(f"document.querySelector('{picture}')?.naturalWidth > 800")
    assert shown.find(picture).accessible_name.startswith(f"What speaks for {label}")


def test_a_folder_is_dropped_with_all_that_is_below(page, pictures, tmp_path):
    folder = tmp_path / "album"
    (folder / "2024" / "may").mkdir(parents=True)
    gray = (pictures / "gray.png").read_bytes()
    for name in ("b10.png", "b9.png", "2024/may/a.png", ".hidden.png", "notes.txt", "clip.mp4"):
        (folder / name).write_bytes(gray)
    page.drop(folder)
    page.wait_for_pictures(3)
    paths = ["album/2024/may/a.png", "album/b9.png", "album/b10.png"]
    assert page.texts(f"{CARDS} .path") == paths
    assert page.text("#picture-note") == (
        "1 other file in the folder left out. 1 video left out: open one at a time under Video."
    )
    page.click("#clear")
    page.choose(folder, into="#folder")
    page.wait_for_pictures(3)
    assert page.texts(f"{CARDS} .path") == paths


def test_pictures_are_dropped_and_pasted(page, pictures):
    page.drop(pictures / "gray.png", pictures / QUOTED)
    page.wait_for_pictures(2)
    page.js(
        "const bytes = new DataTransfer();"
        "bytes.items.add(new File(['no picture'], 'image.png', { type: 'image/png' }));"
        "window.dispatchEvent(new ClipboardEvent('paste', { clipboardData: bytes }));"
    )
    page.wait_for_pictures(3)
    assert page.texts(f"{CARDS} .path") == ["gray.png", QUOTED, "image.png"]
    # Not one of that request's pictures could be read: it was refused, with a row for it.
    assert "unreadable" in page.texts(CARDS)[2]
    page.expected = ["415"]


def test_what_is_no_picture_is_said_not_sent(page, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "notes.txt").write_text("no")
    page.drop(tmp_path / "texts")
    page.wait("document.getElementById('errors').textContent")
    assert "No picture was found there. 1 other file in the folder left out." in page.text(
        "#errors"
    )
    page.click("#errors button")
    assert page.text("#errors") == ""


def test_batches_become_smaller_where_the_server_says_so_and_wait_where_it_is_busy(page):
    page.js(ANSWER, NAMES)
    page.js(
        "let busy = true;"
        "window.refuse = (pictures) => {"
        "  if (pictures.length > 4)"
        "    return { status: 413, code: 'too_many_pictures', message: 'at most 4 pictures' };"
        "  if (!busy) return null;"
        "  busy = false;"
        "  return { status: 503, code: 'busy', message: 'Come again.' };"
        "};"
        "new MutationObserver(() => {"
        "  window.said = (window.said ?? '') + document.getElementById('sending-text').textContent;"
        "}).observe(document.getElementById('sending-text'), { childList: true });"
    )
    choose_many(page, 40)
    page.wait_for_pictures(40)
    page.wait_for("#picture-summary", "40 faces: 40 happy.")
    sizes = page.js("return sent")
    assert max(sizes) == 8
    assert max(sizes[-5:]) == 4
    assert "Come again. (again in" in page.js("return said")


def test_a_picture_that_the_server_refuses_alone_gets_its_words(page):
    page.js(ANSWER, NAMES)
    page.js(
        "window.refuse = (pictures) => pictures.some(([, { name }]) => name === '0') &&"
        "  ({ status: 413, code: 'too_many_pixels', message: 'more than 50 million pixels' });"
    )
    choose_many(page, 1)
    page.wait_for_pictures(1)
    page.show("table")
    assert "too large" in page.text("#filter-kind")
    assert "more than 50 million pixels" in page.text("#rows tbody")


def test_a_file_that_is_too_large_is_not_sent_and_one_that_is_gone_keeps_no_other(page, pictures):
    page.js(RECORD)
    page.browser.execute_async_script(
        "const done = arguments[0];"
        "import('./page/sending.js').then(({ bounds }) => done(bounds.body_bytes = 20000));"
    )
    # A folder takes the place of a file that has been removed: neither can be read.
    page.choose(pictures / "gray.png", pictures, pictures / ODD)
    page.wait_for_pictures(3)
    about = page.texts(f"{CARDS} > div:last-child")
    assert "Face 0: " in about[0]
    assert "the browser cannot read the file" in about[1]
    assert "too large: the file is larger than" in about[2]
    assert len(answered(page)) == 1
    page.expected = ["ERR_ACCESS_DENIED"]


def test_sending_is_cancelled_and_resumed(page):
    page.js(ANSWER, NAMES)
    page.js("window.held = 4")
    choose_many(page, 80)
    page.wait("document.getElementById('sending-progress').value > 0")
    page.wait("sent.length > 4")
    assert "of 80 pictures looked at" in page.text("#sending-text")
    page.click("#cancel")
    page.wait("!document.getElementById('resend').hidden")
    left = int(page.text("#picture-note").split()[0])
    assert page.text("#picture-note") == f"{left} pictures not sent."
    assert 0 < left < 80
    page.js("window.held = undefined")
    page.click("#resend")
    page.wait(
        "document.getElementById('resend').hidden && document.getElementById('sending').hidden"
    )
    page.wait_for("#picture-summary", "80 faces: 80 happy.")


def test_errors_are_told_in_the_servers_words(page, address, pictures):
    page.js("import('./page/api.js').then(({ settings }) => (settings.model = 'another'))")
    page.choose(pictures / "gray.png")
    page.wait("document.getElementById('errors').textContent")
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(f"{address}v1/predict?model=another", b"x", {"Content-Type": "image/png"}))
    message = json.load(refused.value)["error"]["message"]
    assert page.text("#errors span") == message
    page.js("window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))")
    page.click("#resend")
    page.wait("document.querySelectorAll('#errors p').length === 2")
    assert "Is fer-ensemble serve still running?" in page.text("#errors")
    page.expected = [f"{refused.value.code}"]


def test_thousands_of_pictures_neither_freeze_the_page_nor_fill_it(page):
    page.js(ANSWER, NAMES)
    page.js(
        "window.longest = 0; let before = performance.now();"
        "setInterval(() => {"
        "  const now = performance.now();"
        "  longest = Math.max(longest, now - before);"
        "  before = now;"
        "}, 10);"
    )
    choose_many(page, 2000)
    page.wait_for_pictures(2000)
    page.wait_for("#picture-summary", "2,000 faces: 2,000 happy.")
    assert page.js("return document.querySelectorAll('*').length") < 2500
    page.show("table")
    assert len(page.texts("#rows tbody tr")) == 50
    assert page.js("return document.querySelectorAll('*').length") < 4000
    page.show("pictures")
    page.click("#pictures .paging:first-of-type button:last-child")
    page.wait(f"document.querySelector('{CARDS} .path').textContent === '1992.png'")
    assert len(page.texts(CARDS)) == 8
    # Drawn when it comes into sight, and not before.
    page.wait(f"document.querySelector('{CARDS} canvas').width > 4")
    assert page.js("return longest") < 1000


def test_batches_grow_where_the_server_is_quick(page):
    page.js(ANSWER, NAMES)
    choose_many(page, 400)
    page.wait_for_pictures(400)
    sizes = page.js("return sent")
    assert sizes[:2] == [4, 4]  # results come early
    assert max(sizes) == 64
    assert sum(sizes) == 400


def test_frames_of_an_animated_picture_have_rows_each(page, astronaut, tmp_path):
    small = cv2.cvtColor(cv2.resize(astronaut, (200, 200)), cv2.COLOR_BGR2RGB)
    first, second = Image.fromarray(small), Image.fromarray(small[:, ::-1])
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second], duration=500)
    page.choose(tmp_path / "a.gif")
    page.wait_for_pictures(1)
    names = [text.split(":")[0] for text in page.texts(f"{CARDS} .face-entry p")]
    assert names == ["Frame 0, face 0", "Frame 1, face 0"]
    page.wait("document.querySelectorAll('.gallery rect.face').length === 1")  # of what is shown
    page.show("table")
    assert page.texts("#rows th")[:4] == ["path", "frame", "time", "face"]
    assert page.texts("#rows td[data-column=time]") == ["0", "0.5"]


@pytest.fixture
def two_models(page):
    """The page of a server with a second model."""
    command = "ToEvaluateOnNewDocument"
    added = page.browser.execute_cdp_cmd(f"Page.addScript{command}", {"source": SECOND_MODEL})
    yield page.open()
    page.browser.execute_cdp_cmd(f"Page.removeScript{command}", added)


def test_pictures_are_looked_at_again_with_another_model(two_models):
    page = two_models
    page.js(ANSWER, NAMES)
    choose_many(page, 20)
    page.wait_for("#picture-summary", "20 faces: 20 happy.")
    assert not page.find("#again").is_displayed()
    page.js(
        "const kept = window.fetch;"
        "window.models = [];"
        "window.fetch = (address, init) => {"
        "  models.push(new URLSearchParams(address.split('?')[1]).get('model'));"
        "  return kept(address, init);"
        "};"
    )
    page.set("#model", "slow")
    page.wait_for("#model-accuracy", "How often it is right was not measured.")
    page.wait_for("#again", "Look again with slow")
    page.click("#again")
    page.wait("models.length && document.getElementById('sending').hidden")
    assert set(page.js("return models")) == {"slow"}
    page.wait_for("#picture-summary", "20 faces: 20 happy.")
    assert not page.find("#again").is_displayed()


def test_all_is_cleared(shown):
    shown.click("#clear")
    assert shown.texts(CARDS) == []
    shown.wait("document.getElementById('picture-summary').textContent === ''")
    shown.show("table")
    assert "Nothing has been looked at yet" in shown.text("#table")
