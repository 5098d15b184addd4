"""A server that runs, and its page in a browser with a camera that shows a photograph."""

from threading import Thread
from time import monotonic, sleep
from urllib.request import urlopen

import cv2
import numpy as np
import pytest

from experiments.chromium import camera_flags, has_chromium, open_chromium
from fer_ensemble.datasets import make_faces
from tests.serving.page_scripts import ODD, QUOTED, RECORD

SECONDS = 20  # to wait for the page, on a machine that is busy


@pytest.fixture(scope="session")
def astronaut():
    """A photograph with one face, blue, green and red."""
    data = pytest.importorskip("skimage.data")
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)


@pytest.fixture(scope="session")
def address():
    """Where a server with the fast model runs."""
    serving = pytest.importorskip("fer_ensemble.serving")
    app = serving.create_app(["fast"])
    listening = serving.open_socket("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    Thread(target=serving.serve, args=(app, listening), daemon=True).start()
    with urlopen(f"{url}health", timeout=SECONDS) as answer:
        assert answer.status == 200
    return url


@pytest.fixture(scope="session")
def browser(astronaut, tmp_path_factory):
    """Headless Chromium; the test is skipped where there is none."""
    pytest.importorskip("selenium")
    if not has_chromium():
        pytest.skip("needs Chromium: install chromium and chromium-driver")
    seen = tmp_path_factory.mktemp("camera") / "astronaut.mjpeg"
    frame = cv2.copyMakeBorder(cv2.resize(astronaut, (480, 480)), 0, 0, 80, 80, cv2.BORDER_REFLECT)
    with open_chromium(*camera_flags(frame, seen)) as opened:
        yield opened


class Page:
    """The page in the browser, and what people do there."""

    def __init__(self, browser, address, downloads):
        self.browser = browser
        self.address = address
        self.downloads = downloads
        #: What the page may report: a refusal that a test is about.
        self.expected = []

    def open(self):
        self.browser.get(self.address)
        self.wait("!document.getElementById('about').disabled")
        return self

    def js(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def wait(self, condition):
        """Wait until an expression of JavaScript is true, and give its value."""
        end = monotonic() + SECONDS
        while monotonic() < end:
            if found := self.js(f"return {condition}"):
                return found
            sleep(0.03)
        raise AssertionError(f"never was: {condition}; the page says {self.js(ERRORS)}")

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def click(self, selector):
        self.find(selector).click()

    def texts(self, selector):
        script = "return Array.from(document.querySelectorAll(arguments[0]), (e) => e.textContent)"
        return self.js(script, selector)

    def text(self, selector):
        return self.find(selector).text

    def wait_for(self, selector, text):
        """Wait until an element has a text."""
        self.wait(f"document.querySelector({selector!r}).textContent.includes({text!r})")

    def show(self, name):
        self.click(f"#tab-{name}")

    def set(self, selector, value):
        """Type a value, slide to it or choose it."""
        script = (
            "arguments[0].value = arguments[1];"
            "for (const kind of ['input', 'change'])"
            "  arguments[0].dispatchEvent(new Event(kind, { bubbles: true }));"
        )
        self.js(script, self.find(selector), str(value))

    def choose(self, *files, into="#files"):
        self.find(into).send_keys("\n".join(map(str, files)))

    def drop(self, *paths, onto="#drop"):
        """Drop files and folders as a file manager would."""
        corner = self.js(
            "return document.querySelector(arguments[0]).getBoundingClientRect()", onto
        )
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        place = {"x": corner["x"] + 20, "y": corner["y"] + 20, "data": data}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.browser.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, **place})

    def wait_for_pictures(self, n):
        """Wait until so many pictures have been looked at, or sending has ended."""
        cards = "document.querySelectorAll('#gallery > li').length"
        self.wait(f"document.getElementById('sending').hidden && {cards} === {min(n, 24)}")

    def download(self, name):
        """Click a button of the table, and give the bytes of the file."""
        file = self.downloads / f"predictions.{name}"
        self.click(f"#save-{name}")
        end = monotonic() + SECONDS
        # Its name is taken before it is written.
        while not (file.exists() and file.stat().st_size):
            assert monotonic() < end, "no file was saved"
            sleep(0.03)
        content = file.read_bytes()
        file.unlink()
        return content

    def messages(self):
        found = [entry["message"] for entry in self.browser.get_log("browser")]
        return [message for message in found if not any(word in message for word in self.expected)]


ERRORS = "return document.getElementById('errors').textContent"


@pytest.fixture
def page(browser, address, tmp_path):
    """The page, newly opened, wide, in a light room; it must have nothing to complain of."""
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    browser.set_window_size(1280, 900)
    opened = Page(browser, address, tmp_path).open()
    yield opened
    assert opened.messages() == []


@pytest.fixture(scope="session")
def pictures(astronaut, tmp_path_factory):
    """A folder: two people, one small gray face, no face, and what is no picture."""
    folder = tmp_path_factory.mktemp("pictures")
    small = cv2.resize(astronaut, (320, 320))
    two = cv2.hconcat([small, small[:, ::-1]])
    cv2.imwrite(str(folder / "two.jpg"), two)
    (folder / "two.jpg").rename(folder / ODD)
    cv2.imwrite(str(folder / "gray.png"), make_faces(1, random_state=0).images[0])
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / QUOTED), noise)
    (folder / "broken.jpg").write_bytes(b"this is no picture")
    return folder


@pytest.fixture
def shown(page, pictures):
    """The page with those pictures, in that order."""
    page.js(RECORD)
    page.choose(*(pictures / name for name in (ODD, "gray.png", QUOTED, "broken.jpg")))
    page.wait_for_pictures(4)
    return page
