"""Requests as bytes, sent over sockets as they are, and the answers to them.

A client library would send nothing that HTTP forbids, and would cost more of the processors that it
shares with the server. Answers are taken apart by h11, which refuses what is not HTTP.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple

import h11

_BOUNDARY = "a-boundary-of-these-experiments"
_AT_ONCE = 1 << 16  # bytes received at once


class Answer(NamedTuple):
    """What a server answered.

    Attributes
    ----------
    status : int
    kind : str
        Its ``Content-Type``.
    body : bytes
    """

    status: int
    kind: str
    body: bytes


class NoHTTPError(Exception):
    """What a server answered is not HTTP, or broke off."""


def request(start: str, host: str, *headers: str, body: bytes = b"", counts: bool = True) -> bytes:
    r"""Write a request.

    Parameters
    ----------
    start : str
        Method and target; HTTP/1.1 unless it names another version.
    host : str
        No header of that name if empty.
    *headers : str
        Whole lines; each character is a byte.
    body : bytes
    counts : bool, default=True
        Whether to tell the body's length, where there is one.

    Returns
    -------
    bytes

    Examples
    --------
    >>> request("POST /", "here", "X: y", body=b"12")
    b'POST / HTTP/1.1\r\nHost: here\r\nX: y\r\nContent-Length: 2\r\n\r\n12'
    """
    lines = [start if " HTTP/" in start else f"{start} HTTP/1.1"]
    lines += [f"Host: {host}"] if host else []
    lines += headers
    lines += [f"Content-Length: {len(body)}"] if body and counts else []
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1") + body


def part(name: bytes, content: bytes, *headers: bytes) -> bytes:
    """Write one file of a multipart body.

    Parameters
    ----------
    name : bytes
        Of the file; stands between quotes as it is.
    content : bytes
    *headers : bytes
        More lines.

    Returns
    -------
    bytes
    """
    first = b'Content-Disposition: form-data; name="files"; filename="' + name + b'"'
    return b"\r\n".join([first, *headers, b"", content])


def multipart(parts: Iterable[bytes], boundary: str = _BOUNDARY) -> bytes:
    """Write a multipart body.

    Parameters
    ----------
    parts : iterable of bytes
        See :func:`part`.
    boundary : str

    Returns
    -------
    bytes
    """
    line = f"--{boundary}".encode("latin-1")
    return b"".join(line + b"\r\n" + each + b"\r\n" for each in parts) + line + b"--\r\n"


def form(boundary: str = _BOUNDARY) -> str:
    """Give the header that announces such a body."""
    return f"Content-Type: multipart/form-data; boundary={boundary}"


class Connection:
    """A connection to a server on this machine, for requests that may break every rule.

    Parameters
    ----------
    port : int
    receive_buffer : int, optional
        Bytes that the system takes in advance of a reader; few, for slow readers.
    """

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self._port = port
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._parser: h11.Connection | None = None
        self._is_closed = False

    async def __aenter__(self) -> Connection:
        """Connect."""
        try:
            await asyncio.get_running_loop().sock_connect(self._socket, ("127.0.0.1", self._port))
        except BaseException:
            self._socket.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._socket.close()

    async def send(self, content: bytes | memoryview) -> None:
        """Send bytes as they are.

        Raises
        ------
        ConnectionError
            If the server takes no more.
        """
        await asyncio.get_running_loop().sock_sendall(self._socket, content)

    def send_no_more(self) -> None:
        """Tell the server that nothing more comes."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close the connection without a word."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    async def receive(self, most: int = _AT_ONCE) -> bytes:
        """Receive some bytes.

        Returns
        -------
        bytes
            None if the connection was closed.
        """
        try:
            return await asyncio.get_running_loop().sock_recv(self._socket, most)
        except ConnectionError:
            return b""

    async def answer(self, method: str = "GET") -> Answer | None:
        """Receive the next answer.

        Parameters
        ----------
        method : str, default="GET"
            Of the request: an answer to HEAD has no body.

        Returns
        -------
        Answer or None
            None if the connection was closed before one began.

        Raises
        ------
        NoHTTPError
            If it is not HTTP, or breaks off.
        """
        if self._is_closed:
            return None
        parser = self._next_parser(method)
        status, kind, body = 0, "", bytearray()
        has_begun = bool(parser.trailing_data[0])
        try:
            while True:
                event = parser.next_event()
                if event is h11.NEED_DATA:
                    received = await self.receive()
                    if not received and not has_begun:
                        self._is_closed = True
                        return None
                    has_begun = True
                    parser.receive_data(received)
                elif isinstance(event, h11.Response):
                    status = event.status_code
                    kind = dict(event.headers).get(b"content-type", b"").decode("latin-1")
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    return Answer(status, kind, bytes(body))
                elif not isinstance(event, h11.InformationalResponse):
                    raise NoHTTPError("no answer")
        except h11.RemoteProtocolError as error:
            self._is_closed = True
            raise NoHTTPError(str(error)) from error

    def _next_parser(self, method: str) -> h11.Connection:
        """Make h11 believe that it sent the request."""
        before = self._parser
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=method, target="/", headers=[("Host", "here")]))
        parser.send(h11.EndOfMessage())
        if before is not None and before.trailing_data[0]:
            parser.receive_data(before.trailing_data[0])
        self._parser = parser
        return parser
