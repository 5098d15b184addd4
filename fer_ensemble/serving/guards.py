"""What every request passes first: who asks, by which name, and what browsers are told."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fer_ensemble.serving.refusals import Refusal

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]*))(?::\d*)?")


def is_loopback(host: str) -> bool:
    """Whether a name or an address is that of this machine alone.

    Parameters
    ----------
    host : str

    Returns
    -------
    bool

    Examples
    --------
    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0")]
    [True, True, True, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Refuses requests that came by a foreign name or from a foreign page; sets safe headers.

    A page of another site may make a browser send requests here, and may even give its own name
    the address of this machine: the names that a browser sends along tell.

    Parameters
    ----------
    app : ASGI application
    hosts : collection of str or None
        Names that the server may be called by, beside those of this machine; None for any.
    origins : collection of str
        Other sites whose pages may ask, such as "https://example.org".
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str] | None, origins: Collection[str]
    ) -> None:
        self._app = app
        self._hosts = None if hosts is None else frozenset(map(str.lower, hosts))
        self._origins = frozenset(map(str.lower, origins))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request and pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = _Body(headers, receive)

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer.setdefault(name, value)
                if body.is_unread:
                    # What of it still comes is no next request.
                    answer["Connection"] = "close"
            await send(message)

        try:
            self._check(headers, scope)
        except Refusal as refusal:
            await refusal.to_response()(scope, receive, send_safely)
            return
        await self._app(scope, body.receive, send_safely)

    def _check(self, headers: Headers, scope: Scope) -> None:
        if scope["http_version"] not in ("1.0", "1.1"):
            raise Refusal(505, "unknown_version", "Ask in HTTP/1.1, or in HTTP/1.0.")
        host = headers.get("host", "")
        name = _name(host)
        if self._hosts is not None and not is_loopback(name) and name not in self._hosts:
            raise Refusal(
                421,
                "unknown_host",
                "The server is not known by the name in the header Host: use its address, or "
                "start it with --allow-host NAME.",
            )
        origin = headers.get("origin")
        if origin is None or origin.lower() in self._origins:
            return
        # A proxy before the server may speak TLS, of which the server knows nothing.
        if origin.lower() not in {f"{scheme}://{host}".lower() for scheme in ("http", "https")}:
            raise Refusal(
                403,
                "foreign_origin",
                "Pages of other sites may not ask this server: start it with --allow-origin URL "
                "for one that may.",
            )


class _Body:
    """The body of a request, and whether there is some left to read."""

    def __init__(self, headers: Headers, receive: Receive) -> None:
        stated = headers.get("content-length", "0")
        self.is_unread = stated != "0" or "transfer-encoding" in headers
        self._receive = receive

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.is_unread = False
        return message


def _name(host: str) -> str:
    """Name or address in a header Host, without its port; empty if there is none."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""
