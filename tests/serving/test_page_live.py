"""The page in a browser: its camera and its videos."""

import csv
import io
import json
import math
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from experiments.chromium import allow_camera
from experiments.page_camera import measure_rate
from fer_ensemble.faces import Tracker
from fer_ensemble.faces.output import columns

pytest.importorskip("selenium")
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.serving.page_scripts import ANSWER, NAMES, RECORD

FRAMES = 24
RATE = 12.0


@pytest.fixture
def camera(page):
    """The page with its camera running."""
    allow_camera(page.browser)
    page.js(RECORD)
    page.show("camera")
    page.click("#camera-start")
    page.wait_for("#camera-faces", "Person 0")
    yield page
    if page.find("#camera-stop").is_enabled():
        page.click("#camera-stop")


@pytest.fixture(scope="session")
def video(astronaut, tmp_path_factory):
    """Two seconds of a face, which a second one joins after one second, and that is gone."""
    file = tmp_path_factory.mktemp("video") / "clip.webm"
    small = cv2.resize(astronaut, (240, 240))
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"VP80"), RATE, (480, 240))
    if not writer.isOpened():
        pytest.skip("needs an OpenCV that writes WebM")
    for number in range(FRAMES):
        beside = small[:, ::-1] if number >= FRAMES // 2 else np.zeros_like(small)
        writer.write(cv2.hconcat([np.roll(small, number // 4, axis=1), beside]))
    writer.release()
    return file


@pytest.fixture
def watched(page, video):
    """The page with that video, looked at six times a second."""
    page.js(RECORD)
    page.show("video")
    page.set("#video-rate", 6)
    page.choose(video, into="#video-file")
    page.wait_for("#video-summary", "looked at")
    return page


def test_the_camera_is_labelled_while_it_runs(camera):
    page = camera
    assert page.texts("#camera-faces .face-entry:first-child li > span:first-child") == NAMES
    assert page.js("return document.querySelectorAll('#camera-boxes rect.face').length") == 1
    [x, y] = page.js(
        "const box = document.querySelector('#camera-boxes rect.face');"
        "return ['x', 'y'].map((name) => Number(box.getAttribute(name)))"
    )
    # Where the astronaut's face is in a frame of 640 by 480.
    assert 240 < x < 320
    assert 60 < y < 140
    page.wait("Number(document.getElementById('camera-rate').textContent) > 2")
    page.wait_for("#camera-spoken", "person 0")
    page.set("#least", 1)
    page.wait_for("#camera-faces", "unsure")
    page.wait_for("#camera-faces", "the confidence is below 1")
    page.click("#camera-stop")
    assert page.js("return document.getElementById('camera-video').srcObject") is None
    assert not page.find("#camera-live").is_displayed()
    page.js("answers.length = 0")
    page.browser.execute_async_script("setTimeout(arguments[0], 300)")
    assert page.js("return answers.length") == 0
    assert page.js("return document.activeElement.id") == "camera-start"


def test_frames_are_small_and_never_more_than_two_wait(page):
    page.js(
        "window.most = 0; window.asked = []; let waiting = 0; const send = fetch;"
        "window.fetch = async (address, init) => {"
        "  if (!address.startsWith('v1/predict')) return send(address, init);"
        "  asked.push(address); waiting += 1; most = Math.max(most, waiting);"
        "  const bitmap = await createImageBitmap(init.body);"
        "  window.width = bitmap.width;"
        "  try { return await send(address, init); } finally { waiting -= 1; }"
        "};"
    )
    allow_camera(page.browser)
    page.show("camera")
    page.click("#camera-start")
    page.wait("asked.length >= 8")
    assert page.js("return most") == 2
    assert page.js("return width") == 480
    address = page.js("return asked[0]")
    assert "turn=false" in address
    assert "min_face=45" in address
    page.show("pictures")  # leaving it lets the camera go
    assert page.js("return document.getElementById('camera-video').srcObject") is None


def test_frames_a_second_are_counted(page, address):
    allow_camera(page.browser)
    server = SimpleNamespace(host=address.split("/")[2])
    found = measure_rate(page.browser, server, "fast", seconds=1.0, windows=2)
    page.click("#camera-stop")
    assert found["faces"] == 1
    # Ten on a machine that does nothing else: `python -m experiments.page_camera`.
    assert found["range"][1] >= found["frames_per_second"] > 2


PROBLEMS = {
    "NotFoundError": "No camera was found.",
    "NotReadableError": "another program may be using it",
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_camera_that_cannot_be_had_is_told(page, name):
    page.show("camera")
    page.js(
        "const error = new DOMException('', arguments[0]);"
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(error);",
        name,
    )
    page.click("#camera-start")
    page.wait_for("#camera-message", PROBLEMS[name])
    assert page.find("#camera-start").is_enabled()


CHANGING = """
window.answers = 0;
window.fetch = async (address) => {
  await new Promise((done) => setTimeout(done, 20));
  const happy = answers++ % 2 ? 0 : 1;
  const row = {
    path: "camera", face: 0, x: 10, y: 10, width: 99, height: 99, face_score: 1,
    label: happy ? "happy" : "sad", confidence: 1, p_happy: happy, p_sad: 1 - happy, status: "ok",
  };
  return new Response(JSON.stringify({ columns: Object.keys(row), rows: [row] }));
};
"""


def test_what_the_camera_sees_is_smoothed_over_the_window_that_is_chosen(page):
    page.js(CHANGING)
    allow_camera(page.browser)
    page.show("camera")
    page.set("#camera-window", 10)
    page.click("#camera-start")
    page.wait("answers > 8")
    shown = "Number(document.querySelector('#camera-faces .bar').ariaValueNow)"
    # The first frame was happy; the others have changed little of it within a second.
    assert 0.5 < page.js(f"return {shown}") < 1
    assert page.text("#camera-faces strong").startswith("happy 0.")
    page.set("#camera-window", 0)
    page.wait(f"{shown} === 0")
    page.wait(f"{shown} === 1")
    page.click("#camera-stop")


def test_a_camera_that_is_not_allowed_is_told(page):
    allow_camera(page.browser, "denied")
    page.show("camera")
    page.click("#camera-start")
    page.wait_for("#camera-message", "The browser was not allowed to use the camera.")


def test_a_page_that_is_not_safe_says_how_it_becomes_so(page):
    page.js("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    page.show("camera")
    page.click("#camera-start")
    page.wait_for("#camera-message", "open this page as http://127.0.0.1")


def test_an_error_of_the_server_ends_the_camera_in_its_words(page):
    page.js(
        "const error = { code: 'bad_parameter', message: 'min_face: is too small.' };"
        "window.fetch = async () => new Response(JSON.stringify({ error }), { status: 422 });"
    )
    allow_camera(page.browser)
    page.show("camera")
    page.click("#camera-start")
    page.wait_for("#errors", "min_face: is too small.")
    assert page.find("#camera-start").is_enabled()


FOLLOW = """
const [frames, window, done] = arguments;
import("./page/tracking.js").then(({ Tracker, Smoother }) => {
  const [tracker, smoother] = [new Tracker(), new Smoother(window)];
  done(frames.map(({ time, boxes, probabilities }) => {
    const tracks = tracker.follow(boxes, time);
    const smooth = (track, place) => smoother.smooth(track, probabilities[place], time);
    return [tracks, tracks.map(smooth)];
  }));
});
"""


@pytest.mark.parametrize("window", [0.0, 0.5])
def test_faces_are_followed_and_smoothed_as_predict_does(page, window):
    drawn = np.random.default_rng(0)
    places = drawn.uniform(0, 200, (4, 2))
    frames, expected = [], []
    tracker, time = Tracker(window), 0.0
    for number in range(60):
        # Faces move, go, come back, come too late, and change their order.
        time += drawn.choice([0.1, 0.3, 1.2], p=[0.8, 0.15, 0.05])
        places += drawn.normal(0, 8, places.shape)
        seen = drawn.permutation(4)[: drawn.integers(0, 5)]
        boxes = [(*places[face], 60.0, 50.0 + 5 * face) for face in seen]
        probabilities = drawn.dirichlet(np.ones(7), len(seen))
        expected.append(tracker.follow(number, time, boxes, probabilities))
        named = [dict(zip(("x", "y", "width", "height"), box, strict=True)) for box in boxes]
        frames.append({"time": time, "boxes": named, "probabilities": probabilities.tolist()})
    found = page.browser.execute_async_script(FOLLOW, frames, window)
    for (tracks, smoothed), (own_tracks, own) in zip(found, expected, strict=True):
        assert tracks == own_tracks
        np.testing.assert_allclose(np.reshape(smoothed, own.shape), own, rtol=1e-12)
    assert max(track for tracks, _ in found for track in tracks) > 6


def test_a_video_is_drawn_as_lines_over_time(watched):
    page = watched
    assert page.text("#video-summary") == "clip.webm: 12 frames looked at, 2 people followed."
    assert page.texts("#legend li span:nth-of-type(1)") == NAMES
    lines = page.js(
        "return Array.from(document.querySelectorAll('#chart .line'), (e) => e.getAttribute('d'))"
    )
    assert [line.count("L") for line in lines] == [11] * 7
    assert page.texts("#person option") == ["person 0 (12 frames)", "person 1 (6 frames)"]
    page.set("#person", 1)
    lines = page.js(
        "return Array.from(document.querySelectorAll('#chart .line'), (e) => e.getAttribute('d'))"
    )
    assert [line.count("L") for line in lines] == [5] * 7


def test_the_moment_is_chosen_by_keys_and_by_pointer(watched):
    page = watched
    chart = page.find("#chart")
    chart.send_keys(Keys.END)
    assert "frame 11" in page.text("#video-moment")
    page.wait("Math.abs(document.getElementById('video-shown').currentTime - 11 / 6) < 0.001")
    assert len(page.js("return Array.from(document.querySelectorAll('#video-boxes .face'))")) == 2
    chart.send_keys(Keys.HOME, Keys.ARROW_RIGHT)
    said = chart.get_attribute("aria-valuetext")
    assert said.startswith("0.17 seconds, frame 1: ")
    assert len(page.js("return Array.from(document.querySelectorAll('#video-boxes .face'))")) == 1
    label, value = said.split(": ")[1].split()
    assert page.texts("#legend .most span") == [label, value]
    middle = ActionChains(page.browser).move_to_element(chart)
    middle.perform()
    assert "frame 5" in page.text("#video-moment") or "frame 6" in page.text("#video-moment")


def test_the_rows_of_a_video_are_smoothed_rows_of_the_table(watched):
    page = watched
    raw = [row for answer in page.js("return answers") for row in json.loads(answer)["rows"]]
    page.show("table")
    assert page.texts("#rows th")[:5] == ["path", "frame", "time", "face", "track"]
    rows = list(csv.DictReader(io.StringIO(page.download("csv").decode())))
    assert list(rows[0]) == columns(NAMES, optional=["track"])
    assert len(rows) == len(raw) == 18
    assert [row["time"] for row in rows[:3]] == ["0.0", "0.166667", "0.333333"]
    assert {row["path"] for row in rows} == {"clip.webm"}
    kept = math.exp(-(1 / 6) / 0.5)
    before = np.array([raw[0][f"p_{name}"] for name in NAMES])
    now = np.array([raw[1][f"p_{name}"] for name in NAMES])
    found = np.array([float(rows[1][f"p_{name}"]) for name in NAMES])
    np.testing.assert_allclose(found, kept * before + (1 - kept) * now, rtol=1e-4)
    assert float(rows[1]["confidence"]) == found.max()
    assert rows[1]["label"] == NAMES[found.argmax()]
    page.show("video")
    page.set("#video-window", 0)
    page.show("table")
    rows = list(csv.DictReader(io.StringIO(page.download("csv").decode())))
    assert [float(rows[1][f"p_{name}"]) for name in NAMES] == list(now)


def test_a_video_is_dropped_among_the_pictures_and_cancelled(page, video):
    page.js(ANSWER, NAMES)
    page.js("window.held = 2")
    page.drop(video)
    page.wait("!document.getElementById('video-sending').hidden")
    assert page.find("#video").is_displayed()
    page.wait("document.getElementById('video-progress').value > 0")
    assert "of 10 frames looked at" in page.text("#video-text")
    page.click("#video-cancel")
    page.wait_for("#video-summary", "Cancelled: clip.webm: 8 frames looked at")


def test_a_video_waits_for_a_server_that_is_busy(page, video):
    page.js(ANSWER, NAMES)
    page.js(
        "const busy = { status: 503, code: 'busy', message: 'Come again.' };"
        "window.refuse = () => (sent.length === 1 ? busy : null);"
    )
    page.show("video")
    page.choose(video, into="#video-file")
    page.wait_for("#video-summary", "clip.webm: 10 frames looked at, 1 person followed.")
    assert sum(page.js("return sent")) == 10 + 4


def test_what_the_browser_cannot_play_is_told(page, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    page.show("video")
    page.choose(tmp_path / "clip.mp4", into="#video-file")
    page.wait_for("#errors", "clip.mp4: this browser cannot play it.")
