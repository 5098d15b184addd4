"""A browser without a window and without the internet, for the pages of experiments and tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_FLAGS = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    # Pages have to do without any other machine.
    "no-proxy-server",
    "host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)


def has_chromium() -> bool:
    """Say whether Chromium and its driver are installed."""
    return all(_find_programs())


@contextmanager
def open_chromium(*flags: str) -> Iterator[Chrome]:
    """Open headless Chromium with a profile of its own, and close it in the end.

    Parameters
    ----------
    *flags : str
        Further ones, without their dashes, such as ``use-fake-device-for-media-stream``.

    Yields
    ------
    selenium.webdriver.Chrome
        Its log of the page's messages is kept: ``get_log("browser")``.

    Raises
    ------
    FileNotFoundError
        If Chromium or its driver is not installed.
    ImportError
        If Selenium is not.
    """
    chromium, driver = _find_programs()
    if not (chromium and driver):
        raise FileNotFoundError("needs Chromium: install chromium and chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Chromium may still be writing to its profile when it is told to end.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*_FLAGS, *flags, f"user-data-dir={profile}"):
            options.add_argument(f"--{flag}")
        opened = webdriver.Chrome(options, webdriver.ChromeService(driver))
        try:
            yield opened
        finally:
            opened.quit()


def camera_flags(frame: NDArray[np.uint8], file: Path) -> tuple[str, str]:
    """Give Chromium a camera that always sees the same.

    Parameters
    ----------
    frame : ndarray of shape (height, width, 3), uint8
        What it sees; blue, green and red.
    file : Path
        Written, to be read as long as the browser is open: ``.mjpeg``.

    Returns
    -------
    tuple of str
        For `open_chromium`. Whether a page may use the camera is to be set in the browser.
    """
    import cv2

    file.write_bytes(2 * cv2.imencode(".jpg", frame)[1].tobytes())
    return "use-fake-device-for-media-stream", f"use-file-for-fake-video-capture={file}"


def allow_camera(browser: Chrome, setting: str = "granted") -> None:
    """Let pages use the camera, or not.

    Parameters
    ----------
    browser : selenium.webdriver.Chrome
    setting : {"granted", "denied", "prompt"}
    """
    asked = {"permission": {"name": "camera"}, "setting": setting}
    browser.execute_cdp_cmd("Browser.setPermission", asked)


def _find_programs() -> tuple[str | None, str | None]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    return chromium, shutil.which("chromedriver")
