"""Reading the pictures of a request: into memory, never onto a disk, and under bounds."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from fer_ensemble.faces.inputs import GivenPicture
from fer_ensemble.serving.limits import HeldBytes, Limits
from fer_ensemble.serving.refusals import Refusal

# The head of a part: a disposition with a file's name, and a type.
_MOST_HEAD_BYTES = 8192

_HOW = (
    "Send one picture as the body, with Content-Type: image/jpeg or the like, or one or many as "
    "multipart/form-data: curl -F file=@anna.jpg"
)

# What it has to say of malformed bodies quotes them.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


async def read_pictures(
    request: Request, held: HeldBytes, limits: Limits, name: str
) -> list[GivenPicture]:
    """Read the body of a request.

    Parameters
    ----------
    request : Request
    held : HeldBytes
        Counts them.
    limits : Limits
    name : str
        What a picture is called that is the whole body.

    Returns
    -------
    list of GivenPicture
        In their order; at least one.

    Raises
    ------
    Refusal
        400 if the body is malformed or holds no picture, 408 if it comes too slowly, 413 if it is
        too large or holds too many pictures, 415 if it is of another type, 503 if there is no
        room for it.
    ClientDisconnect
        If the client leaves before the end.
    """
    form = _choose_form(request, limits, name)
    held.announce(_stated_length(request))
    try:
        async with asyncio.timeout(limits.seconds_to_send):
            async for chunk in request.stream():
                held.add(len(chunk))
                form.feed(chunk)
    except TimeoutError:
        raise Refusal(
            408,
            "slow_sender",
            f"The body did not arrive in {limits.seconds_to_send:g} seconds: send fewer or smaller "
            "pictures a request.",
        ) from None
    return form.finish()


def _stated_length(request: Request) -> int:
    stated = request.headers.get("content-length", "")
    return int(stated) if stated.isascii() and stated.isdigit() else 0


def _choose_form(request: Request, limits: Limits, name: str) -> _Form:
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise Refusal(
            415,
            "unsupported_coding",
            "The body is compressed as a whole, which is not read: send it as it is, without "
            "Content-Encoding.",
        )
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary")
        if not boundary:
            raise Refusal(
                400,
                "malformed",
                "Content-Type: multipart/form-data has to name the boundary of the parts: leave "
                "that header to the library that makes the body.",
            )
        return _Multipart(boundary, limits)
    if kind.startswith(b"image/") or kind == b"application/octet-stream":
        return _Raw(name, limits)
    if kind.startswith(b"video/"):
        raise Refusal(
            415,
            "unsupported_type",
            "Videos are not read: send frames as pictures, or predict the file with fer-ensemble "
            "predict.",
        )
    raise Refusal(415, "unsupported_type", f"The body is of no type that is read here. {_HOW}.")


class _Form(ABC):
    @abstractmethod
    def feed(self, chunk: bytes) -> None:
        """Take a part of the body."""

    @abstractmethod
    def finish(self) -> list[GivenPicture]:
        """Give the pictures, once the body has ended."""


class _Raw(_Form):
    """A body that is one picture."""

    def __init__(self, name: str, limits: Limits) -> None:
        self._name = name
        self._limits = limits
        self._content = bytearray()

    def feed(self, chunk: bytes) -> None:
        self._content += chunk

    def finish(self) -> list[GivenPicture]:
        return [GivenPicture(self._name, bytes(self._content), self._limits.pixels)]


class _Multipart(_Form):
    """A body of several parts, each a picture."""

    def __init__(self, boundary: bytes, limits: Limits) -> None:
        self._limits = limits
        self._pictures: list[GivenPicture] = []
        self._head_bytes = 0
        self._field, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._name = ""
        self._content = bytearray()
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._add_to_field,
                    "on_header_value": self._add_to_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_head,
                    "on_part_data": self._add_to_content,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _malformed("its boundary cannot be one") from error

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _malformed("its parts do not begin or end as they should") from error

    def finish(self) -> list[GivenPicture]:
        if not self._ended:
            raise _malformed("it ends before its last part does")
        if not self._pictures:
            raise Refusal(400, "no_picture", f"The body holds no picture. {_HOW}.")
        return self._pictures

    def _begin(self) -> None:
        if len(self._pictures) >= self._limits.pictures:
            raise too_many_pictures(self._limits)
        self._head_bytes = 0
        self._disposition = b""
        self._content = bytearray()

    def _add_to_field(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._field += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._value += data[start:end]

    def _count(self, n: int) -> None:
        self._head_bytes += n
        if self._head_bytes > _MOST_HEAD_BYTES:
            raise _malformed(f"the head of a part has more than {_MOST_HEAD_BYTES:,} bytes")

    def _end_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._field, self._value = bytearray(), bytearray()

    def _end_head(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"filename")
        if name is None:
            field = _decode(options.get(b"name", b""))[:80]
            raise Refusal(
                400,
                "no_file",
                f"The part {field!r} is no file: options stand in the address, as in "
                "/v1/predict?model=fast, and a picture has a filename.",
            )
        self._name = _decode(name)

    def _add_to_content(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def _end_part(self) -> None:
        content = bytes(self._content)
        self._content = bytearray()
        if self._name or content:  # browsers send a part without either where no file was chosen
            self._pictures.append(GivenPicture(self._name, content, self._limits.pixels))

    def _end(self) -> None:
        self._ended = True


def too_many_pictures(limits: Limits) -> Refusal:
    """Refuse a request for the number of its pictures.

    Parameters
    ----------
    limits : Limits

    Returns
    -------
    Refusal
        413.
    """
    return Refusal(
        413,
        "too_many_pictures",
        f"More than {limits.pictures} pictures, with each frame of an animated one counted: send "
        "them in several requests.",
    )


def _malformed(how: str) -> Refusal:
    return Refusal(400, "malformed", f"The body is no whole multipart/form-data: {how}.")


def _decode(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")
