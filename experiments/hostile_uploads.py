"""Hostile requests that HTTP allows: what is hostile is in their bodies and parameters."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from urllib.parse import quote

from experiments import bombs
from experiments.attacks import Attack, Make, Random
from experiments.hostile_inputs import damaged_picture
from experiments.hostile_messages import PNG, PREDICT, TOO_LONG, pick
from experiments.raw_requests import Answer, form, multipart, part, request

FAST = f"{PREDICT}?model=fast"
#: A picture of this name lies where the server runs: none may come of its name.
CANARY = "canary.png"

_HELD = 24 << 20  # bytes of a body that never comes to its end
_OCTETS = "Content-Type: application/octet-stream"

_NAMES = (
    b"../../../../etc/passwd#canary",
    b"/etc/passwd",
    b"/proc/self/environ",
    b"/dev/zero",
    b"C:\\canary\\con.png",
    b"canary\0.png",
    b"canary\x1b[31m\x1b]0;canary\x07",
    b"canary" * 17_000,
    b"%2e%2e%2fcanary",
    "canary\u202egnp.笑".encode(),
    b"canary\xff\xfe",
    b'canary\\".png',
    b'canary"; filename="canary2',
    b"file:///etc/passwd",
    b"http://127.0.0.1/canary.png",
    b"|touch canary",
    b"$(touch canary)`touch canary`",
    b"*.png",
    b"-",
    b"",
    b".",
    b"<script>canary</script>",
    b"=cmd|' /C canary'!A0",
    b"canary\tcanary",
    CANARY.encode(),
)

# Part headers that are absurd: with a sound picture behind them, an answer is as right as a
# refusal.
_PART_HEADERS = (
    b"",
    b"Content-Type: text/plain",
    b"no colon at all",
    b"Content-Disposition: form-data",
    b"Content-Disposition: attachment; filename=a",
    b"Content-Disposition: form-data; name=\"a\"; filename*=UTF-8''%00%ff%2e%2e",
    b"Content-Disposition: form-data; name=\"a\"; filename*=UTF-16''%00",
    b'Content-Disposition: form-data; name="a"; filename="a"; filename="b"',
    b'Content-Disposition: form-data; name="' + b"n" * 100_000 + b'"; filename="a"',
    b"Content-Disposition: form-data" + b"; a=b" * 20_000,
    b"Content-Disposition: " + b'"' * 50_000,
    b"X-Long: " + b"a" * 500_000,
    b"X-Many: a\r\n" * 5_000 + b"X: y",
    b"Content-Transfer-Encoding: base64\r\nContent-Disposition: form-data; filename=a",
    b"Content-Encoding: gzip\r\nContent-Disposition: form-data; filename=a",
    b"Content-Type: multipart/mixed; boundary=inner\r\nContent-Disposition: form-data; name=a",
    b"Content-Length: 99999999999\r\nContent-Disposition: form-data; name=a; filename=a",
    b"\x00\xff: \x00",
    b": a",
    b" folded",
)

# Of each query, the statuses that are right.
_QUERIES: list[tuple[str, set[int]]] = [
    *((f"min_confidence={value}", {422}) for value in ("nan", "inf", "1e400", "-0.1", "1.1", "a")),
    *((f"min_confidence={value}", {422}) for value in ("", "0x1", "%00", "9" * 6000)),
    *((f"min_score={value}", {422}) for value in ("nan", "-inf", "a", "1e999")),
    *((f"max_faces={value}", {422}) for value in ("-1", "0", "1.5", "nan", "9" * 6000)),
    *((f"min_face={value}", {422}) for value in ("-1", "nan", "", "a", "9" * 6000)),
    *((f"turn={value}", {422}) for value in ("maybe", "", "2", "%ff")),
    *((f"detector={value}", {422}) for value in ("nobody", "../canary", "/etc/passwd", "%00", "")),
    ("max_faces=99999999999999999999", {200, 422}),
    ("min_confidence=%EF%BC%91", {200, 422}),  # a digit, but of another script
    ("min_confidence=0.5&min_confidence=nan", {200, 422}),
    ("unknown=1", {200, 422}),
    ("&" * 5000, {200, 400, 422}),
    ("a=b&" * 1900, {200, 400, 422}),
    ("%zz=%&%ff=%fe", {200, 422}),
    ("min_confidence=0&" + "x" * 60_000, {200, 400, 414, 422, 431}),
]
_MODELS = ("nobody", "../../etc", "/etc/passwd", "%00", "fast%0a", "FAST", "x" * 6000, "", "%ff")


def _name(random: Random, host: str) -> Attack:
    """A file is called by a path, or by what a terminal, a shell or a page might take for more."""
    name = pick(random, *_NAMES)
    content, right = pick(random, (bombs.small_face(), {200}), (b"", {415}), (b"canary", {415}))
    if random.random() < 0.3:
        start = f"{FAST}&name={quote(name[:5000])}"
        # Nothing at all is no picture, and no request for one either.
        right = right if content else {400, 411, 415}
        right = {*right, 422} if len(name) > 1000 else right
        return Attack([request(start, host, PNG, body=content)], [right])
    body = multipart([part(name, content)])
    # What is in no encoding or breaks out of its quotes may be refused, never understood.
    plain = name.isascii() and name.decode().isprintable() and not set(name) & set(b'"\\%')
    # What has neither name nor content is what a page sends whose field was left empty.
    right = right if plain and 0 < len(name) < 5000 else {*right, 400, 413, 415, 431}
    check = partial(_is_called, name.decode()) if plain and content and right == {200} else None
    return Attack([request(FAST, host, form(), body=body)], [right], check=check)


def _is_called(name: str, answer: Answer) -> str:
    paths = [row["path"] for row in json.loads(answer.body)["rows"]]
    return "" if paths in ([name], ["picture"]) else f"called {paths}"


def _query(random: Random, host: str) -> Attack:
    query, right = pick(random, *_QUERIES)
    start = f"{FAST}&{query}"
    if random.random() < 0.25:
        start, right = f"{PREDICT}?model={pick(random, *_MODELS)}", {404, 422}
    return Attack([request(start, host, PNG, body=bombs.small_face())], [right])


def _picture(random: Random, host: str) -> Attack:
    """A damaged picture may still be seen; what is none may not."""
    turn = random.random()
    if turn < 0.8:
        content, right = damaged_picture(int(random.integers(100)), random)[1], {200, 413, 415}
    elif turn < 0.9:
        content, right = random.bytes(int(random.integers(1, 20_000))), {415}
    else:
        content, right = pick(random, b"%PDF-1.7\ncanary", b"<svg/>", *bombs.archives()), {415}
    if random.random() < 0.5:
        content = multipart([part(b"canary", content)])
        return Attack([request(FAST, host, form(), body=content)], [right])
    line = pick(random, PNG, _OCTETS, "Content-Type: image/x-canary")
    return Attack([request(FAST, host, line, body=content)], [right])


def _parts(random: Random, host: str) -> Attack:
    face = bombs.small_face()
    texts = b'Content-Disposition: form-data; name="a"\r\n\r\ncanary'
    parts, right = pick(
        random,
        ([part(b"canary", b"x")] * 5_000, {400, 413}),
        ([part(b"canary", face)] * 257, {413}),
        ([part(b"canary", b"")] * 2_000, {400, 413, 415}),
        ([texts] * 3_000, {400, 413, 415}),
        ([texts], {400, 415}),
        ([], {400, 415}),
        ([part(b"canary", b"")] * 20, {415}),
        ([part(b"canary", face), part(b"canary", b"canary")], {200}),
        ([part(b"canary", multipart([part(b"inner", face)], "inner"))], {415}),
        ([b""] * 1_000, {400, 413, 415}),
    )
    return Attack([request(FAST, host, form(), body=multipart(parts))], [right])


def _part_headers(random: Random, host: str) -> Attack:
    lines = pick(random, *_PART_HEADERS)
    body = multipart([lines + b"\r\n\r\n" + bombs.small_face()])
    return Attack([request(FAST, host, form(), body=body)], [{200, 400, 413, 415, 431}])


def _boundary(random: Random, host: str) -> Attack:
    body = multipart([part(b"canary", bombs.small_face())])
    turn = random.random()
    if turn < 0.5:
        cut = body[: int(random.integers(1, len(body) - 4))]
        return Attack([request(FAST, host, form(), body=cut)], [{400}])
    if turn < 0.6:
        extra = pick(random, b"\r\n" * 1000, b"canary", b"--" * 3000)
        return Attack([request(FAST, host, form(), body=body + extra)], [{200, 400}])
    boundary = pick(random, "another", "a" * 70, "a" * 3000, "\xff", '"', "a b;c=d", "\x01", ",")
    return Attack([request(FAST, host, form(boundary), body=body)], [{400}])


def _bomb(random: Random, host: str) -> Attack:
    make, right = pick(random, *_BOMBS)
    return Attack([request(FAST, host, PNG, body=pick(random, *make()))], [right])


_BOMBS: list[tuple[Callable[[], tuple[bytes, ...]], set[int]]] = [
    (bombs.claims, {413, 415}),
    (bombs.vast, {413}),
    (bombs.unpacking, {200, 413, 415}),
    # Animations wait for each other, perhaps for too long.
    (lambda: (bombs.frames(300, 16),), {413, 504}),
    (lambda: (bombs.pages(300),), {200, 413, 415, 504}),
    (lambda: (bombs.scans(1_000),), {200, 413, 415}),
]


def _heavy(random: Random, host: str) -> Attack:
    """As much work as may be asked for: it is done, or refused, or ended in time."""
    body = pick(random, *_heavy_bodies())
    return Attack([request(FAST, host, form(), body=body)], [{200, 413, 503, 504}])


@cache
def _heavy_bodies() -> tuple[bytes, ...]:
    return (
        multipart([part(b"canary", bombs.large())] * 12),
        multipart([part(b"canary", bombs.deep())] * 3),
        multipart([part(b"canary", bombs.frames(100, 1_000))]),
        multipart([part(b"canary", bombs.small_face())] * 256),
    )


def _encoded(random: Random, host: str) -> Attack:
    coding = pick(random, "gzip", "deflate", "br", "zstd", "gzip, gzip", "canary")
    content = pick(random, *bombs.archives(), bombs.small_face())
    content = request(FAST, host, PNG, f"Content-Encoding: {coding}", body=content)
    return Attack([content], [{415}])


def _oversized(random: Random, host: str) -> Attack:
    """All of a body that is too long is sent, or as much of it as the server lets in."""
    zeros = memoryview(_zeros())
    if random.random() < 0.5:
        lines = [PNG, f"Content-Length: {TOO_LONG}"]
        return Attack([request(PREDICT, host, *lines), zeros], [{413}])
    begun = request(PREDICT, host, PNG, "Transfer-Encoding: chunked")
    script = [begun, f"{TOO_LONG:x}\r\n".encode(), zeros, b"\r\n0\r\n\r\n"]
    return Attack(script, [{413, 503}])  # nothing says how much comes, and others wait


def _held(random: Random, host: str) -> Attack:
    """A long body stops before its end: the server has to keep it, or to refuse it."""
    begun = request(PREDICT, host, PNG, f"Content-Length: {_HELD + 1}")
    script = [begun, memoryview(_zeros())[:_HELD]]
    return Attack(script, [{408, 503}], is_slow=True)


def _patient(random: Random, host: str) -> Attack:
    """A slow sender that comes to its end in time is served."""
    whole = request(FAST, host, PNG, body=bombs.small_face())
    step = len(whole) // 10 + 1
    pieces = [piece for at in range(0, len(whole), step) for piece in (whole[at : at + step], 1.5)]
    return Attack(pieces[:-1], [{200}], is_slow=True)


@cache
def _zeros() -> bytes:
    return bytes(TOO_LONG)


#: By kind, how many of a hundred requests are of it, and what draws one.
UPLOADS: dict[str, tuple[float, Make]] = {
    "name": (7, _name),
    "query": (7, _query),
    "picture": (10, _picture),
    "parts": (2, _parts),
    "part headers": (3, _part_headers),
    "boundary": (4, _boundary),
    "bomb": (2, _bomb),
    "heavy": (0.2, _heavy),
    "encoded": (1, _encoded),
    "oversized": (1, _oversized),
    "held": (0.4, _held),
    "patient": (1, _patient),
}
