"""Connections to a server that runs, byte by byte."""

import asyncio
import contextlib
import json
import socket
import time
from threading import Thread

import cv2
import pytest

from fer_ensemble.serving import Limits, create_app, open_socket, serve

HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
BOUNDS = Limits(
    seconds_for_headers=0.5,
    seconds_to_send=0.5,
    seconds_to_read=0.5,
    connections=20,
    body_bytes=2_000_000,
)


@pytest.fixture(scope="module")
def app():
    return create_app(["fast"], limits=BOUNDS)


@pytest.fixture(scope="module")
def port(app):
    listening = open_socket("127.0.0.1", 0)
    Thread(target=serve, args=(app, listening), daemon=True).start()
    return listening.getsockname()[1]


@pytest.fixture
def connect(port):
    with contextlib.ExitStack() as stack:

        def connect():
            opened = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=8))
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return opened

        yield connect


def read(connection):
    """All that comes until the server closes: status, code of the error, seconds."""
    began, received = time.monotonic(), b""
    while block := connection.recv(65536):
        received += block
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split()[1]) if head else None
    error = json.loads(body)["error"]["code"] if status and status >= 400 else None
    if error:
        assert b"connection: close" in head.lower()
        assert b"content-type: application/json" in head.lower()
    return status, error, time.monotonic() - began


def answer(connection, *sent):
    for block in sent:
        connection.sendall(block)
    return read(connection)[:2]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"\x16\x03\x01\x02\0\r\n\r\n", (400, "malformed")),
        (b"GET /health HTTP/1.1\r\n\r\n", (400, "malformed")),
        (b"GET /health HTTP/9.9\r\nHost: localhost\r\nConnection: close\r\n\r\n", 505),
        (HEAD + b"Content-Length: -1\r\n\r\n", (400, "malformed")),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", (400, "malformed")),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", (501, "malformed")),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", (400, "malformed")),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 50_000, (400, "malformed")),
        (b"GET /" + b"a" * 200_000, (431, "headers_too_large")),
        (HEAD + b"Name: " + b"a" * 100_000 + b"\r\n\r\n", (431, "headers_too_large")),
        (HEAD + b"a: b\r\n" * 20_000 + b"\r\n", (431, "headers_too_large")),
    ],
)
def test_what_is_no_request_is_told_so(connect, sent, expected):
    status, code = answer(connect(), sent)
    assert expected in (status, (status, code))


@pytest.mark.parametrize(
    ("request_line", "status"),
    [(b"POST /v1/predict", 413), (b"POST /nothing", 404), (b"PUT /health", 405)],
)
def test_an_early_answer_arrives_while_the_client_still_sends(connect, request_line, status):
    head = request_line + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    many = bytes(30_000_000)
    assert answer(connect(), head, LENGTH % len(many), many)[0] == status


def test_a_body_that_is_too_large_is_not_asked_for(connect):
    expecting = HEAD + b"Expect: 100-continue\r\n" + LENGTH % 10**9
    assert answer(connect(), expecting) == (413, "body_too_large")


@pytest.mark.parametrize("sent", [b"G", HEAD, HEALTH[:-2], HEALTH + HEALTH[:-2]])
def test_a_head_that_does_not_come_ends_the_connection(connect, sent, port):
    connection = connect()
    connection.sendall(sent[: len(HEALTH)] if sent.startswith(HEALTH) else sent)
    if sent.startswith(HEALTH):  # a second request on the same connection
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(sent[len(HEALTH) :])
    status, code, seconds = read(connection)
    assert (status, code) == (408, "slow_sender")
    assert 0.3 < seconds < 4


def test_a_head_may_not_come_drop_by_drop(connect):
    connection = connect()
    with contextlib.suppress(OSError):
        for byte in HEALTH:
            connection.sendall(bytes([byte]))
            time.sleep(0.04)
    assert read(connection)[0] == 408


def test_a_connection_that_says_nothing_is_closed(connect):
    status, _, seconds = read(connect())
    assert status is None
    assert 0.3 < seconds < 4


def test_a_body_that_stalls_is_given_up(connect, app):
    connection = connect()
    connection.sendall(HEAD + LENGTH % 1000 + b"half")
    status, code, seconds = read(connection)
    assert (status, code) == (408, "slow_sender")
    assert 0.3 < seconds < 4
    assert app.state.service.load.waiting_bytes == 0


def test_answers_on_one_connection_follow_each_other_at_once(connect):
    connection, seconds = connect(), []
    for _ in range(9):
        began, received = time.monotonic(), b""
        connection.sendall(HEALTH)
        while not received.endswith(b"}"):
            received += connection.recv(65536)
        seconds.append(time.monotonic() - began)
    assert sorted(seconds)[4] < 0.03  # 0.04, if the body waits for the client to confirm the head


def test_others_are_served_meanwhile(connect):
    slow = [connect() for _ in range(15)]
    for connection in slow:
        connection.sendall(HEAD + LENGTH % 1000 + b"half")
    connection = connect()
    connection.sendall(HEALTH)
    assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    for connection in slow:
        assert read(connection)[0] == 408


def test_connections_beyond_the_bound_are_told_so(connect):
    kept = [connect() for _ in range(BOUNDS.connections)]
    assert read(connect())[:2] == (503, "too_many_connections")
    for connection in kept:
        connection.close()
    time.sleep(0.1)
    assert answer(connect(), HEALTH[:-2] + b"Connection: close\r\n\r\n")[0] == 200


def test_a_client_that_does_not_read_is_left(connect, app):
    def n_left():
        text = app.state.service.monitoring.to_text()
        return text.count(b'fer_refused_total{code="slow_reader"} 1.0')

    assert n_left() == 0
    connection = connect()
    connection.setblocking(False)
    until = time.monotonic() + 8
    while n_left() == 0 and time.monotonic() < until:
        with contextlib.suppress(OSError):
            connection.send(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
        time.sleep(0.02)
    assert n_left() == 1


def test_a_client_that_leaves_takes_its_work_with_it(connect, app, faces, monkeypatch):
    search = app.state.service.threads
    began = []

    async def run(*_):
        began.append(1)
        await asyncio.sleep(30)

    monkeypatch.setattr(search, "run", run)
    body = cv2.imencode(".png", faces[0][0])[1].tobytes()
    connection = connect()
    connection.sendall(HEAD + LENGTH % len(body) + body)
    until = time.monotonic() + 5
    while not began and time.monotonic() < until:
        time.sleep(0.01)
    assert (len(began), app.state.service.load.requests) == (1, 1)
    connection.close()
    while app.state.service.load.requests and time.monotonic() < until:
        time.sleep(0.01)
    assert app.state.service.load.requests == app.state.service.load.waiting_bytes == 0
