"""Hostile requests that HTTP forbids, or that nobody sends in earnest, whatever they carry."""

from __future__ import annotations

from typing import Any

from experiments.attacks import CLOSED, Attack, Make, Random
from experiments.raw_requests import form, request

PREDICT = "POST /v1/predict"
PNG = "Content-Type: image/png"
#: A body of this length is refused: the server takes 32 MiB.
TOO_LONG = 33 << 20

_CUT = {400, CLOSED}  # a request that never became whole need not be answered
_LATE = {408, CLOSED}

# What is no HTTP at all.
_STRANGE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)) + b"\r\n\r\n",  # TLS
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    b"*1\r\n$4\r\nPING\r\n",
    b"EHLO here\r\nMAIL FROM:<a@b>\r\n\r\n",
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n\r\n",
    b"\r\n" * 1000,
    bytes(5000),
    b"A" * 200_000,
)


def pick(random: Random, *choices: Any) -> Any:
    """Draw one of some choices."""
    return choices[int(random.integers(len(choices)))]


def _method(random: Random, host: str) -> Attack:
    start, right = pick(
        random,
        ("DELETE /v1/predict", {405}),
        ("GET /v1/predict", {405}),
        ("OPTIONS /v1/predict", {405}),
        ("TRACE /v1/predict", {405}),
        ("POST /health", {405}),
        ("POST /", {405}),
        ("PATCH /v1/models", {405}),
        ("OPTIONS *", {400, 404, 405}),
        (f"CONNECT {host}", {400, 404, 405}),
        ("PUT /nowhere", {404, 405}),
        ("get /health", {400, 405, 501}),
        (f"{'M' * 500} /health", {400, 405, 501}),
        (f"METHOD{random.integers(10**9)} /health", {405, 501}),
        ("G(T /health", {400}),
    )
    method = "CONNECT" if start.startswith("CONNECT") else "GET"
    return Attack([request(start, host)], [right], method=method)


def _path(random: Random, host: str) -> Attack:
    path = pick(
        random,
        "/nowhere",
        "/../../../../etc/passwd",
        "//etc/passwd",
        "/page/../../../../../../etc/passwd",
        "/page/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/page/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/page/..\\..\\..\\etc\\passwd",
        "/page/../app.py",
        "/page/%00",
        "/page/" + "a/" * 2000,
        "/v1/models/../../../etc/passwd/card",
        "/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd/card",
        "/v1/models/%00/card",
        "/v1/predict/",
        "/docs",
        "/%",
        "/%zz%ff%fe",
        "/" + "x" * 6000,
        f"/{random.bytes(8).hex()}",
        "/;/?#",
    )
    # "//etc" may be a host and a path; what does not exist may also be asked for in another way.
    return Attack([request(f"GET {path}", host)], [{307, 400, 404, 405, 414}])


def _content_type(random: Random, host: str) -> Attack:
    line, right = pick(
        random,
        ("Content-Type: text/plain", {415}),
        ("Content-Type: application/json", {415}),
        ("Content-Type: application/x-www-form-urlencoded", {415}),
        ("Content-Type: multipart/mixed; boundary=a", {400, 415}),
        ("Content-Type: multipart/form-data", {400}),
        ("Content-Type: multipart/form-data; boundary=", {400}),
        ("Content-Type: \xff\xfe", {400, 415}),
        ("Content-Type: image", {415}),
        ("Content-Type: " + "a" * 3000, {415}),
        ("X-Nothing: 1", {415}),
        ("Content-Type: image/png\r\nContent-Type: text/plain", {400, 415}),
    )
    return Attack([request(PREDICT, host, line, body=b"{}")], [right])


def _strange(random: Random, host: str) -> Attack:
    content = random.bytes(300) if random.random() < 0.5 else pick(random, *_STRANGE)
    return Attack([content], [_CUT | {408, 421, 431, 505}], "half")


def _start_line(random: Random, host: str) -> Attack:
    start, named, right = pick(
        random,
        (b"GET /\r\n\r\n", "", {400}),  # HTTP/0.9
        ("GET /health HTTP/1.0", "", {200, 400, 421}),
        ("GET /health HTTP/1.0", host, {200}),
        ("GET /health HTTP/1.1", "", {400}),
        ("GET /health HTTP/2.0", host, {400, 505}),
        ("GET /health HTTP/9.9", host, {400, 505}),
        ("GET /health HTTX/1.1", host, {400}),
        ("GET /health HTTP/1.1 HTTP/1.1", host, {400}),
        (b"GET  /health  HTTP/1.1\r\n\r\n", "", {400}),
        (b" GET /health HTTP/1.1\r\n\r\n", "", {400}),
        (b"GET /he alth HTTP/1.1\r\n\r\n", "", {400}),
        (b"GET /\x00\x1b[31m HTTP/1.1\r\nHost: localhost\r\n\r\n", "", {400, 404}),
        (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\n\r\n", "", {400, 404}),
        (f"GET http://{host}/health", host, {200, 400, 404}),
        ("GET http://elsewhere.example/health", host, {400, 404, 421}),
        ("GET ftp://a/b", host, {400, 404}),
    )
    content = start if isinstance(start, bytes) else request(start, named)
    return Attack([content], [right])


def _host(random: Random, host: str) -> Attack:
    port = host.rpartition(":")[2]
    name = pick(
        random,
        "elsewhere.example",
        f"elsewhere.example:{port}",
        f"127.0.0.1.elsewhere.example:{port}",
        f"localhost.elsewhere.example:{port}",
        f"elsewhere.example:{port}@{host}",
        "169.254.169.254",
        " ",
        "a b",
        "\xff",
        "a" * 5000,
        f"{host}\r\nHost: elsewhere.example",
    )
    start = pick(random, "GET /health", "GET /", "GET /v1/models", PREDICT)
    return Attack([request(start, "", f"Host: {name}")], [{400, 421}])


def _origin(random: Random, host: str) -> Attack:
    name = pick(
        random,
        "http://elsewhere.example",
        "https://elsewhere.example",
        "null",
        f"http://{host}.elsewhere.example",
        "http://localhost.elsewhere.example",
        "file://",
        "\xff",
        "a" * 3000,
    )
    content = request(PREDICT, host, f"Origin: {name}", PNG, body=b"x")
    return Attack([content], [{400, 403}])


def _length(random: Random, host: str) -> Attack:
    length, right = pick(
        random,
        ("-1", {400}),
        ("+5", {400}),
        ("0x5", {400}),
        ("5, 6", {400}),
        ("5\r\nContent-Length: 6", {400}),
        ("five", {400}),
        ("", {400}),
        ("\xb2", {400}),
        ("9" * 4500, {400, 413}),
        (str(10**15), {413}),
        (str(TOO_LONG), {413}),
        (f"{TOO_LONG}\r\nExpect: 100-continue", {413, 417}),
        ("5\r\nTransfer-Encoding: gzip", {400, 501}),
    )
    content = request(PREDICT, host, PNG, f"Content-Length: {length}", body=b"12345", counts=False)
    return Attack([content], [right])


def _other_length(random: Random, host: str) -> Attack:
    """More or less follows than was announced."""
    if random.random() < 0.4:
        # Nothing, and then what could pass for a second request.
        content = request(PREDICT, host, PNG, body=b"12345", counts=False)
        return Attack([content], [{400, 411, 415}])
    if random.random() < 0.5:
        content = request(
            PREDICT, host, PNG, "Content-Length: 5", body=b"12345A b\r\n", counts=False
        )
        return Attack([content], [{415}, _CUT | {408}])
    content = request(PREDICT, host, PNG, "Content-Length: 500", body=b"12345", counts=False)
    return Attack([content], [_CUT], "half")


def _chunks(random: Random, host: str) -> Attack:
    body, right = pick(
        random,
        (b"x\r\n", {400}),
        (b"-5\r\n12345\r\n0\r\n\r\n", {400}),
        (b"f" * 16 + b"\r\n12345", _CUT | {413}),
        (b"f" * 400 + b"\r\n12345", {400, 413}),
        (b"5\r\n1234567\r\n0\r\n\r\n", {400}),
        (b"5 \n12345\n0\n\n", _CUT),
        (b"5;" + b"a=b;" * 50_000 + b"\r\n12345\r\n0\r\n\r\n", {400, 431}),
        (b"5\r\n12345\r\n0\r\n" + b"X: y\r\n" * 50_000 + b"\r\n", {400, 415, 431}),
        (b"1\r\nx\r\n" * 3000 + b"0\r\n\r\n", {415}),
        (b"5\r\n12345\r\n0\r\nX : y\r\n\r\n", {400, 415}),
        (b"5\r\n12345\r\n", _CUT),
    )
    coding = pick(random, "chunked", "Chunked", "chunked\r\nContent-Length: 3")
    if random.random() < 0.1:
        body = b"5\r\n12345\r\n0\r\n\r\n"
        coding, right = pick(
            random,
            ("gzip, chunked", {400, 415, 501}),
            ("identity", {400, 501}),
            ("chunked, chunked", {400, 501}),
            ("x", {400, 501}),
        )
    content = request(PREDICT, host, PNG, f"Transfer-Encoding: {coding}", body=body, counts=False)
    return Attack([content], [right], "half" if CLOSED in right else "wait")


def _headers(random: Random, host: str) -> Attack:
    lines, right = pick(
        random,
        (["X-Much: y"] * 5000, {400, 431}),
        ([f"X-{number}: {number}" for number in range(9000)], {400, 431}),
        ([f"X-Long: {'a' * 100_000}"], {400, 431}),
        ([f"X-Long: {'a' * 1_000_000}"], {400, 431}),
        ([f"{'X' * 100_000}: a"], {400, 431}),
        ([f"Cookie: {'a=b; ' * 30_000}"], {400, 431}),
        (["no colon"], {400}),
        (["X : y"], {400}),
        ([": y"], {400}),
        (["X: a\r\n folded"], {200, 400}),
        (["X: \x00"], {400}),
        (["X\x00: y"], {400}),
        (["X: a\nY: b"], {200, 400}),
        (["X: a\rY: b"], {400}),
        (["Expect: everything"], {200, 417}),
        (
            ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
            {200, 400, 426},
        ),
        (["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"], {200}),
        (["Range: bytes=0-,0-,0-,0-"], {200, 206, 416}),
        (["Accept: " + "text/html;q=0.1," * 500], {200, 406}),
        (["Accept: \xff;q=nan"], {200, 406}),
        (["X-Forwarded-Host: elsewhere.example", "X-Forwarded-For: ::1"], {200}),
        (["Content-Length: 0"] * 50, {200, 400}),
    )
    target = pick(random, "/health", "/v1/models", "/v1/models/fast/card")
    return Attack([request(f"GET {target}", host, *lines)], [right])


def _pipeline(random: Random, host: str) -> Attack:
    good = request("GET /health", host)
    turn = random.random()
    if turn < 0.5:
        number = int(random.integers(2, 60))
        return Attack([good * number], [{200}] * number)
    if turn < 0.75:
        return Attack([good + b"\x00 bad\r\n\r\n" + good], [{200}, {400}])
    bad = request(PREDICT, host, PNG, body=b"no picture")
    return Attack([bad + good + bad], [{415}, {200}, {415}])


def _breaking_off(random: Random, host: str) -> Attack:
    whole = request(PREDICT, host, PNG, body=random.bytes(3000))
    sent = whole[: int(random.integers(0, len(whole) + 1))]
    if random.random() < 0.5:
        return Attack([sent, float(random.choice([0, 0.05, 0.3]))], [], "reset")
    return Attack([whole[: len(whole) // 2]], [_CUT], "half")


def _slow_headers(random: Random, host: str) -> Attack:
    whole = request("GET /health", host, "X-Slow: " + "a" * 200)
    turn = random.random()
    script: list[bytes | memoryview | float]
    if turn < 0.4:
        script = [step for at in range(len(whole)) for step in (whole[at : at + 1], 0.7)]
    elif turn < 0.7:
        script = [whole[:-2]]
        for number in range(400):
            script += [f"X-{number}: y\r\n".encode(), 0.5]
    else:
        script = [whole[: int(random.integers(1, len(whole) - 2))]]
    return Attack(script, [{408}], is_slow=True)


def _slow_body(random: Random, host: str) -> Attack:
    chunked = ["Transfer-Encoding: chunked"]
    lines, first, step = pick(
        random,
        ([PNG, "Content-Length: 1000"], b"", b"x"),
        ([PNG, "Content-Length: 1000"], b"12345", b""),
        ([PNG, *chunked], b"", b"1\r\nx\r\n"),
        ([PNG, *chunked], b"5\r\n123", b""),
        ([form(), "Content-Length: 100000"], b"", b""),
    )
    begun = request(PREDICT, host, *lines, body=first, counts=False)
    script: list[bytes | memoryview | float] = [begun]
    script += [step, 0.5] * 400 if step else []
    return Attack(script, [{408}], is_slow=True)


def _left_open(random: Random, host: str) -> Attack:
    """Nothing comes at all, or nothing more."""
    if random.random() < 0.5:
        return Attack([], [_LATE], is_slow=True)
    good = request("GET /health", host)
    return Attack([good], [{200}, _LATE], is_slow=True)


def _slow_reader(random: Random, host: str) -> Attack:
    content = request("GET /openapi.json", host) * 300
    return Attack([content], [], "crawl", is_slow=True)


#: By kind, how many of a hundred requests are of it, and what draws one.
MESSAGES: dict[str, tuple[float, Make]] = {
    "method": (5, _method),
    "path": (5, _path),
    "content type": (4, _content_type),
    "not HTTP": (4, _strange),
    "start line": (4, _start_line),
    "foreign host": (3, _host),
    "foreign origin": (3, _origin),
    "length": (4, _length),
    "other length": (3, _other_length),
    "chunks": (5, _chunks),
    "headers": (6, _headers),
    "pipeline": (3, _pipeline),
    "broken off": (3, _breaking_off),
    "slow headers": (3, _slow_headers),
    "slow body": (3, _slow_body),
    "left open": (2, _left_open),
    "slow reader": (1, _slow_reader),
}
