"""The page in a browser: pictures, their table and files, the least confidence, the model."""

import base64
import csv
import io
import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest

from fer_ensemble.datasets import make_faces
from fer_ensemble.faces import Prediction, open_writer

pytest.importorskip("selenium")
from selenium.webdriver.common.keys import Keys

CARDS = "#gallery > li"
NAMES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
# A name that has to be quoted in CSV, and would be broken by a multipart body.
ODD = 'two, "faces"; ü.jpg'
# The page's requests pass through what a test says; their answers are kept.
RECORD = """
window.answers = [];
const send = window.fetch;
window.fetch = async (...given) => {
  const answer = await send(...given);
  if (String(given[0]).startsWith("v1/predict")) answers.push(await answer.clone().text());
  return answer;
};
"""
# It answers at once, for each picture of a body with a face in a corner.
ANSWER = """
window.sent = [];
window.fetch = async (address, { body, signal }) => {
  await new Promise((done) => setTimeout(done, window.delay ?? 0));
  signal.throwIfAborted();
  const pictures = Array.from(body.entries());
  sent.push(pictures.length);
  const refusal = window.refuse?.(pictures);
  if (refusal) {
    const { status, ...error } = refusal;
    return new Response(JSON.stringify({ error }), { status, headers: { "Retry-After": "0.2" } });
  }
  const names = arguments[0].map((name) => `p_${name}`);
  const rows = pictures.map(([, { name }]) => ({
    path: name, frame: null, time: null, face: 0, x: 1, y: 2, width: 9, height: 9, face_score: 0.5,
    label: "happy", confidence: 0.7, ...Object.fromEntries(names.map((name) => [name, 0.05])),
    p_happy: 0.7, status: "ok", reason: null,
  }));
  const columns = Object.keys(rows[0]).filter((name) => !name.startsWith("p_"));
  columns.splice(columns.indexOf("status"), 0, ...names);
  return new Response(JSON.stringify({ columns, rows }));
};
"""
# Files that a chooser gives without a disk.
CHOOSE = """
const [input, count, picture] = arguments;
const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
const chosen = new DataTransfer();
for (let place = 0; place < count; place += 1) {
  chosen.items.add(new File([bytes], `${place}.png`, { type: "image/png" }));
}
input.files = chosen.files;
input.dispatchEvent(new Event("change"));
"""


@pytest.fixture(scope="session")
def pictures(astronaut, tmp_path_factory):
    """A folder: two people, one small gray face, no face, and what is no picture."""
    folder = tmp_path_factory.mktemp("pictures")
    two = cv2.hconcat([astronaut, astronaut[:, ::-1]])
    cv2.imwrite(str(folder / "two.jpg"), two)
    (folder / "two.jpg").rename(folder / ODD)
    cv2.imwrite(str(folder / "gray.png"), make_faces(1, random_state=0).images[0])
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "none.png"), noise)
    (folder / "broken.jpg").write_bytes(b"this is no picture")
    return folder


@pytest.fixture
def shown(page, pictures):
    """The page with those pictures, in that order."""
    page.js(RECORD)
    page.choose(*(pictures / name for name in (ODD, "gray.png", "none.png", "broken.jpg")))
    page.wait_for_pictures(4)
    return page


def answered(page):
    """Rows as the server gave them, in the order of the pictures that were sent together."""
    [answer] = page.js("return answers")
    return json.loads(answer)["rows"]


def choose_many(page, n, picture=None):
    content = cv2.imencode(".png", np.zeros((12, 16), np.uint8) if picture is None else picture)[1]
    page.js(CHOOSE, page.find("#files"), n, base64.b64encode(content.tobytes()).decode())


def test_pictures_appear_with_boxes_labels_and_bars(shown):
    page, rows = shown, answered(shown)
    assert page.texts(f"{CARDS} .path") == [ODD, "gray.png", "none.png", "broken.jpg"]
    first, second = rows[:2]
    said = ", ".join(f"{row['label']} {row['confidence']:.2f}" for row in (first, second))
    page.wait(f"document.querySelectorAll('{CARDS}:first-child rect.face').length === 2")
    card = page.find(f"{CARDS}:first-child")
    stage = card.find_element("css selector", ".stage")
    assert stage.accessible_name == f"Enlarge {ODD}: 2 faces: {said}"
    box = card.find_element("css selector", "rect.face")
    for name in ("x", "y", "width", "height"):
        assert float(box.get_attribute(name)) == first[name]
    boxes = card.find_element("css selector", "svg")
    assert page.js("return arguments[0].getAttribute('viewBox')", boxes) == "0 0 1024 512"
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
    shown.click(f"{CARDS}:first-child .stage")
    shown.wait("document.querySelectorAll('#large rect.face').length === 2")
    assert shown.text("#large h2") == ODD
    assert len(shown.texts("#large .face-entry")) == 2
    shown.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not shown.find("#large").is_displayed()


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
    page.drop(pictures / "gray.png", pictures / "none.png")
    page.wait_for_pictures(2)
    page.js(
        "const bytes = new DataTransfer();"
        "bytes.items.add(new File(['no picture'], 'image.png', { type: 'image/png' }));"
        "window.dispatchEvent(new ClipboardEvent('paste', { clipboardData: bytes }));"
    )
    page.wait_for_pictures(3)
    assert page.texts(f"{CARDS} .path") == ["gray.png", "none.png", "image.png"]
    # Not one of that request's pictures could be read: it was refused, with a row for it.
    assert "unreadable" in page.texts(CARDS)[2]
    page.expected = ["415"]


def test_what_is_no_picture_is_said_not_sent(page, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "notes.txt").write_text("no")
    page.drop(tmp_path / "texts")
    page.wait("document.getElementById('errors').textContent")
    assert "No picture was found there. 1 other file in the folder left out." in page.text("#errors")
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
    assert sizes[0] == 16
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


def test_sending_is_cancelled_and_resumed(page):
    page.js(ANSWER, NAMES)
    page.js("window.delay = 150")
    choose_many(page, 80)
    page.wait("document.getElementById('sending-progress').value > 0")
    assert "of 80 pictures looked at" in page.text("#sending-text")
    page.click("#cancel")
    page.wait("!document.getElementById('resend').hidden")
    left = int(page.text("#picture-note").split()[0])
    assert page.text("#picture-note") == f"{left} pictures not sent."
    assert 0 < left < 80
    page.js("window.delay = 0")
    page.click("#resend")
    page.wait("document.getElementById('resend').hidden && document.getElementById('sending').hidden")
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
    page.set("#filter-text", "NONE")
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
    for row, name in zip(rows, (ODD, ODD, "gray.png", "none.png", "broken.jpg"), strict=True):
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
    assert f"Enlarge {ODD}: 2 faces: unsure" in page.find(".stage").accessible_name
    page.wait_for("#picture-summary", "unsure")
    page.show("table")
    [found, *_] = csv.DictReader(io.StringIO(page.download("csv").decode()))
    assert (found["label"], found["status"], found["reason"]) == ("", "unsure", unsure["reason"])
    assert float(found["confidence"]) == row["confidence"]
    page.set("#filter-kind", "unsure")
    assert page.texts("#rows td[data-column=reason]")[0] == unsure["reason"]
    page.set("#least", 0)
    page.set("#filter-kind", "")
    page.wait(f"document.querySelector('#rows td[data-column=label]').textContent === '{row['label']}'")


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
        assert page.js("const now = document.activeElement;return now === document.body || card.contains(now)")
    page.find("#card-close").send_keys(Keys.ESCAPE)
    assert not page.js("return card.open")
    assert page.js("return document.activeElement.id") == "about"


def test_all_is_cleared(shown):
    shown.click("#clear")
    assert shown.texts(CARDS) == []
    shown.wait("document.getElementById('picture-summary').textContent === ''")
    shown.show("table")
    assert "Nothing has been looked at yet" in shown.text("#table")
