"""Compare a page with Python: ``npm ci --prefix experiments/browser``, then
``python -m experiments.browser_check``.

The page in ``browser/`` runs an exported network, and the final estimator behind it, by
onnxruntime-web. Chromium, without a window, opens it from this machine and is given faces; its
probabilities must be those of the same model in Python.
"""

from __future__ import annotations

import base64
import json
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image

from experiments.chromium import open_chromium
from experiments.console import Out, read_faces
from experiments.runs import HERE, RESULTS, write_record
from fer_ensemble.artifact import load_model, resolve_model
from fer_ensemble.datasets import make_faces

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PAGE = HERE / "browser"
PACKAGES = PAGE / "node_modules"
TOLERANCE = 1e-4
# So many faces go to the page at once, and so many are timed one by one.
BATCH = 256
TIMED = 100
SECONDS = 120.0  # to wait for the page

# `arguments[0]` are the pixels of n faces.
_CLASSIFY = """
const pixels = Uint8Array.from(atob(arguments[0]), (byte) => byte.charCodeAt(0));
return model.classify(pixels, pixels.length / 48 ** 2).then((found) => Array.from(found));
"""
_TIME = """
const pixels = Uint8Array.from(atob(arguments[0]), (byte) => byte.charCodeAt(0));
return (async () => {
  const milliseconds = [];
  for (let start = 0; start < pixels.length; start += 48 ** 2) {
    const before = performance.now();
    await model.classify(pixels.slice(start, start + 48 ** 2), 1);
    milliseconds.push(performance.now() - before);
  }
  return milliseconds;
})();
"""
_SHOWN = """
const [label, bars] = [document.querySelector("[role=status]"), document.querySelectorAll("meter")];
return [label.textContent, Array.from(bars, (bar) => bar.value)];
"""


class PageAnswers(NamedTuple):
    """What the page made of faces.

    Attributes
    ----------
    probabilities : ndarray of shape (n_faces, n_classes)
    milliseconds : list of float
        What each of the first faces took, one at a time.
    label : str
        Shown for the picture.
    shown : list of float
        Probabilities shown for it, in the order of the classes.
    browser : str
        Name and version.
    """

    probabilities: NDArray[np.float64]
    milliseconds: list[float]
    label: str
    shown: list[float]
    browser: str


def main(
    model: Annotated[str, typer.Option(help="Folder of an exported ensemble of one.")] = "fast",
    data: Annotated[
        Path | None, typer.Option(help="FER2013, for faces of PublicTest in place of drawn ones.")
    ] = None,
    faces: Annotated[int, typer.Option(help="How many faces, at most.", min=1)] = 500,
    packages: Annotated[Path, typer.Option(help="Folder node_modules.")] = PACKAGES,
    out: Out = RESULTS / "browser.json",
) -> None:
    """Print the largest difference of the page's probabilities, and the time that a face takes.

    It exits with 1 if they differ by more than 0.0001, or the page shows another label.
    """
    folder = resolve_model(model)
    if data is None:
        source, images = "drawn", make_faces(faces, random_state=0).images
    else:
        images = read_faces(data).select("PublicTest").images[:faces]
        source = f"{data.name}, PublicTest"
    picture = np.stack([images[0], images[0][:, ::-1], images[0].T], axis=-1)
    try:
        answers = ask_page(folder, images, picture, packages=packages)
    except FileNotFoundError as error:
        raise typer.BadParameter(str(error)) from None
    *expected, expected_shown = load_model(model).predict_proba([*images, to_gray(picture)])
    difference = float(np.abs(answers.probabilities - expected).max())
    difference_shown = float(np.abs(answers.shown - expected_shown).max())
    names = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["class_names"]
    runtime = json.loads((packages / "onnxruntime-web" / "package.json").read_text())["version"]
    record = {
        "model": folder.name,
        "faces": source,
        "n": len(images),
        "largest_difference": difference,
        "largest_difference_shown": difference_shown,
        "label_shown": answers.label,
        "milliseconds_a_face": round(statistics.median(answers.milliseconds), 1),
        "n_timed": len(answers.milliseconds),
        "browser": answers.browser,
        "onnxruntime_web": runtime,
    }
    write_record(out, record, show=True)
    # Written so that a difference of NaN is none within the tolerance.
    agrees = difference <= TOLERANCE and difference_shown <= TOLERANCE
    raise typer.Exit(not (agrees and answers.label == names[expected_shown.argmax()]))


def to_gray(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take the colours out of a picture as the page does, to the last bit.

    Parameters
    ----------
    picture : ndarray of shape (height, width, 3), uint8
        Red, green and blue.

    Returns
    -------
    ndarray of shape (height, width), uint8
        Luma of ITU-R BT.601, rounded; halves upwards, as ``Math.round`` does.
    """
    red, green, blue = np.moveaxis(picture, -1, 0)
    return np.floor(0.299 * red + 0.587 * green + 0.114 * blue + 0.5).astype(np.uint8)


def ask_page(
    folder: Path,
    faces: NDArray[np.uint8],
    picture: NDArray[np.uint8],
    *,
    packages: Path = PACKAGES,
) -> PageAnswers:
    """Open the page in Chromium, let it classify faces, and choose a picture there.

    Parameters
    ----------
    folder : Path
        The exported model.
    faces : ndarray of shape (n_faces, 48, 48), uint8
    picture : ndarray of shape (48, 48, 3), uint8
        Red, green and blue. Of another size, the browser would scale it in its own way.
    packages : Path
        Folder ``node_modules`` with onnxruntime-web.

    Returns
    -------
    PageAnswers

    Raises
    ------
    FileNotFoundError
        If Chromium, onnxruntime-web or a network in ONNX is not there.
    RuntimeError
        If the page reports an error, or doesn't answer.
    """
    if not (packages / "onnxruntime-web").is_dir():
        raise FileNotFoundError(f"{packages}: no onnxruntime-web; npm ci --prefix {PAGE}")
    if not list(folder.glob("*.onnx")):
        raise FileNotFoundError(f"{folder}: no network in ONNX; export the model first")
    with (
        tempfile.TemporaryDirectory() as temporary,
        _serve(packages, folder) as address,
        open_chromium() as browser,
    ):
        browser.set_script_timeout(SECONDS)
        browser.get(f"{address}/?model=model")
        _wait(browser, "return typeof model == 'object'")
        found: list[float] = []
        for start in range(0, len(faces), BATCH):
            found += browser.execute_script(_CLASSIFY, _encode(faces[start : start + BATCH]))
        milliseconds = browser.execute_script(_TIME, _encode(faces[:TIMED]))
        file = Path(temporary) / "picture.png"
        Image.fromarray(picture).save(file)
        browser.find_element("css selector", "input").send_keys(str(file))
        _wait(browser, "return document.querySelector('meter') !== null")
        label, shown = browser.execute_script(_SHOWN)
        capabilities = browser.capabilities
        version = f"{capabilities['browserName']} {capabilities['browserVersion']}"
    probabilities = np.array(found).reshape(len(faces), -1)
    return PageAnswers(probabilities, milliseconds, label, shown, version)


def _encode(faces: NDArray[np.uint8]) -> str:
    return base64.b64encode(faces.tobytes()).decode()


def _wait(browser: Chrome, question: str) -> None:
    """Wait until a question is answered with yes; what the page reports meanwhile is an error."""
    from selenium.common.exceptions import TimeoutException
    from selenium.webdriver.support.wait import WebDriverWait

    reported: list[str] = []

    def is_settled(browser: Any) -> bool:
        reported.extend(entry["message"] for entry in browser.get_log("browser"))
        return bool(reported) or browser.execute_script(question)

    try:
        WebDriverWait(browser, SECONDS, poll_frequency=0.1).until(is_settled)
    except TimeoutException:
        raise RuntimeError(f"The page did not answer within {SECONDS:.0f} s.") from None
    if reported:
        raise RuntimeError("The page reported: " + " ".join(reported))


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def _serve(packages: Path, model: Path) -> Iterator[str]:
    """Serve the page, its packages and a model to this machine alone."""
    parts = {file.name: file for file in PAGE.iterdir() if file.is_file()}
    parts |= {"node_modules": packages, "model": model}
    with tempfile.TemporaryDirectory() as root:
        for name, part in parts.items():
            (Path(root) / name).symlink_to(part.resolve())
        handler = partial(_QuietHandler, directory=root)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()


if __name__ == "__main__":
    typer.run(main)
