"""``fer-ensemble serve`` in a process of its own."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import zlib
from threading import Thread
from urllib.request import Request, urlopen

import cv2
import pytest

from fer_ensemble.cli.app import app

# A shell's background jobs ignore interrupts, and so would this process without the handler.
MAIN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from fer_ensemble.cli import main; main()"
)


@pytest.fixture
def start():
    """Start a server; give its address, and what its standard error is to say yet."""
    running = []

    def start(*options):
        words = [sys.executable, "-c", MAIN, "serve", "--port", "0", "--model", "fast", *options]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        running.append(process)
        first = process.stderr.readline()
        found = re.search(r"Serving fast at (http://\S+:\d+/) \(Ctrl-C ends it\)", first)
        assert found, first + process.stderr.read()
        return process, found[1]

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stderr.close()


def post(address, body, **headers):
    request = Request(f"{address}v1/predict", body, {"Content-Type": "image/png", **headers})
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def health(address):
    with urlopen(f"{address}health", timeout=30) as answer:
        return json.load(answer)


def talkative(picture):
    """A PNG of whose colour profile the decoder complains, with its name."""
    profile = b"iCCP" + b"secret\0\0" + zlib.compress(b"secret" * 99)
    chunk = (len(profile) - 4).to_bytes(4) + profile + zlib.crc32(profile).to_bytes(4)
    return picture[:33] + chunk + picture[33:]


def test_a_request_in_work_is_finished_and_nothing_is_said_of_it(start, faces):
    process, address = start("--max-pictures", "7")
    picture = cv2.imencode(".png", faces[0][0])[1].tobytes()
    assert post(address, talkative(picture))["rows"][0]["status"] == "ok"
    answers = []
    noise = cv2.imencode(".png", cv2.resize(faces[0][0], (2000, 2000)))[1].tobytes()
    asking = Thread(target=lambda: answers.append(post(address, noise)))
    asking.start()
    until = time.monotonic() + 20
    while health(address)["requests_in_work"] == 0 and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    asking.join()
    assert len(answers[0]["rows"]) >= 1
    assert process.wait(10) == 130
    said = process.stderr.read()
    assert "7 pictures" in said
    assert said.endswith("Stopped\n")
    assert "secret" not in said
    assert "libpng" not in said


def test_to_listen_to_a_network_is_warned_of(start):
    process, address = start("--host", "0.0.0.0")  # and ends by a request to terminate
    port = address.rsplit(":", 1)[1]
    headers = {"Host": "faces.example"}
    with urlopen(Request(f"http://127.0.0.1:{port}health", headers=headers)) as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143
    said = process.stderr.read()
    assert "without a password" in said
    assert "nothing is encrypted" in said


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run("serve", "--port", port)
    assert code == 1
    assert err.startswith(f"Error: port {port} of 127.0.0.1 is in use: ")
    assert "--port" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--host", "no.such.host.invalid"], "no such host"),
        (["--model", "nowhere"], "nowhere"),
        (["--detector", "magic"], "there is no detector 'magic'"),
    ],
)
def test_what_cannot_be_served_is_an_error_in_a_line(run, options, message):
    code, _, err = run("serve", "--port", 0, *options)
    assert code == 1
    assert err.startswith("Error: ")
    assert message in err


def test_without_its_libraries_the_error_names_the_extra(run, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("fer_ensemble.serving")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("fer_ensemble.libraries.find_spec", lambda _: None)
    monkeypatch.delitem(sys.modules, "fastapi", raising=False)
    code, _, err = run("serve")
    assert code == 1
    assert "The server needs FastAPI, which is not installed: pip install '.[serve]'" in err


def test_the_verb_is_listed():
    assert "serve" in {command.callback.__name__ for command in app.registered_commands}
