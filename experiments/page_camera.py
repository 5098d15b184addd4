"""How many frames a second the page of ``fer-ensemble serve`` labels:
``python -m experiments.page_camera``.

Server, page and a camera that shows one photograph share the cores of this machine. What the page
says of its speed is not taken: answers to its frames are counted.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from experiments.chromium import allow_camera, camera_flags, open_chromium
from experiments.console import Out
from experiments.runs import RESULTS, write_record
from experiments.server_process import Server

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

MODELS = ("ensemble", "fast")
LEAST_RATE = 10.0  # frames a second
_FRAME = (480, 640)
_PATIENCE = 30.0  # seconds to wait for the first answer
_COUNT = """
window.answers = [];
const send = window.fetch;
window.fetch = async (address, init) => {
  const begun = performance.now();
  const answer = await send(address, init);
  if (!address.startsWith("v1/predict")) return answer;
  const { rows } = await answer.clone().json();
  answers.push([performance.now() - begun, rows.filter(({ label }) => label).length]);
  return answer;
};
"""


def main(
    photograph: Annotated[
        Path | None,
        typer.Option(help="What the camera sees; an astronaut of scikit-image's by default."),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Length of a window.")] = 3.0,
    windows: Annotated[int, typer.Option(min=1, help="Windows for each model.")] = 10,
    out: Out = RESULTS / "page_camera.json",
) -> None:
    """Print frames a second for both models; exit with 1 below 10."""
    frame = _fill_frame(_read(photograph))
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        flags = camera_flags(frame, Path(folder) / "camera.mjpeg")
        with open_chromium(*flags) as browser:
            allow_camera(browser)
            capabilities = browser.capabilities
            record: dict[str, Any] = {
                "cores": len(os.sched_getaffinity(0)),
                "load_before": round(os.getloadavg()[0], 2),
                "browser": f"{capabilities['browserName']} {capabilities['browserVersion']}",
                "frame": f"{_FRAME[1]}x{_FRAME[0]}",
                "photograph": "astronaut" if photograph is None else photograph.name,
                "models": {
                    model: measure_rate(browser, server, model, seconds, windows)
                    for model in MODELS
                },
            }
    write_record(out, record, show=True)
    slow = any(found["frames_per_second"] < LEAST_RATE for found in record["models"].values())
    raise typer.Exit(slow)


def measure_rate(
    browser: Chrome, server: Server, model: str, seconds: float, windows: int
) -> dict[str, Any]:
    """Run the camera of the page, and count the frames that are answered.

    Parameters
    ----------
    browser : selenium.webdriver.Chrome
    server : Server
    model : str
    seconds : float
        Length of a window.
    windows : int
        That are counted, one after the other, after a second to warm up.

    Returns
    -------
    dict
        ``frames_per_second``, the median of the windows, with the ``range`` of all; ``faces`` of a
        frame, and milliseconds from a frame to its answer (``ms_to_answer``), as medians.

    Raises
    ------
    TimeoutError
        If the page shows no frames.
    """
    browser.get(f"http://{server.host}/")
    _wait(browser, "return !document.getElementById('about').disabled")
    browser.execute_script(_COUNT)
    browser.find_element("css selector", f"#model option[value={model}]").click()
    browser.find_element("css selector", "#tab-camera").click()
    browser.find_element("css selector", "#camera-start").click()
    _wait(browser, "return answers.length > 0")
    time.sleep(1)
    rates = [_count(browser, seconds) for _ in range(windows)]
    times, faces = zip(*browser.execute_script("return answers"), strict=True)
    return {
        "frames_per_second": round(statistics.median(rates), 1),
        "range": [round(min(rates), 1), round(max(rates), 1)],
        "windows": windows,
        "frames": len(times),
        "faces": statistics.median(faces),
        "ms_to_answer": round(statistics.median(times), 1),
    }


def _count(browser: Chrome, seconds: float) -> float:
    begun, before = time.perf_counter(), browser.execute_script("return answers.length")
    time.sleep(seconds)
    after = browser.execute_script("return answers.length")
    return float((after - before) / (time.perf_counter() - begun))


def _wait(browser: Chrome, question: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not browser.execute_script(question):
        if time.monotonic() > end:
            raise TimeoutError(f"the page did not come to: {question}")
        time.sleep(0.05)


def _read(photograph: Path | None) -> NDArray[np.uint8]:
    """Read what the camera sees: blue, green and red."""
    if photograph is None:
        from skimage import data

        return np.ascontiguousarray(data.astronaut()[..., ::-1])
    image = cv2.imread(str(photograph))
    if image is None:
        raise typer.BadParameter(f"{photograph} is no picture that OpenCV can read")
    return image.astype(np.uint8)


def _fill_frame(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring a picture into a camera's frame, mirrored at its sides."""
    height, width = _FRAME
    scale = min(height / image.shape[0], width / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    below, beside = height - small.shape[0], width - small.shape[1]
    sides = (below // 2, below - below // 2, beside // 2, beside - beside // 2)
    return cv2.copyMakeBorder(small, *sides, cv2.BORDER_REFLECT).astype(np.uint8)


if __name__ == "__main__":
    typer.run(main)
