"""Connections that take no longer than they may: Uvicorn's, with the bounds that it lacks."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from fer_ensemble.serving.limits import Limits
from fer_ensemble.serving.refusals import Refusal

# What a client still sends after an early answer is thrown away for so long, in seconds. To close
# at once would reset the connection, and the client would lose the answer.
_LINGERING_SECONDS = 5.0
# Connections beyond the bound that are told so before they are closed; others are only closed.
_MOST_TOLD = 128

# h11 is given so many bytes at a time, so that it is the first to see that a head gets too long.
_AT_ONCE = 16 * 1024
# Bytes of a request that are neither head nor body: each chunk of a body has a length before it.
_MOST_OVERHEAD = 64 * 1024


class BoundedConnection(H11Protocol):
    """A connection whose heads, answers and end have their time, and whose errors are JSON.

    Bodies have their time in `read_pictures`, which knows what they are for. All that it needs to
    know of the application stands in its ``state.service``.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._service = cast(Any, self.config.app).state.service
        self._limits: Limits = self._service.limits
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._has_begun = self._is_refused = False
        self._overhead = 0
        self.is_closing = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; with too many connections, end at once."""
        self._inner = transport
        transport.set_write_buffer_limits(high=64 * 1024, low=0)
        # Head and body are two writes. The second would wait until the client has confirmed the
        # first, which takes it 40 ms. (asyncio sees to that of listeners that it opened itself.)
        accepted: socket.socket = transport.get_extra_info("socket")
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(cast(asyncio.Transport, _Transport(transport, self)))
        n_more = len(self.connections) - self._limits.connections
        if n_more > _MOST_TOLD:
            transport.abort()
        elif n_more > 0:
            self._refuse(
                Refusal(
                    503,
                    "too_many_connections",
                    f"The server has {self._limits.connections} connections, which is as many as "
                    "may be: connect again later.",
                    {"Retry-After": "1"},
                )
            )
        else:
            self._start("head", self._limits.seconds_for_headers, self._give_up_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        for what in list(self._timers):
            self._cancel(what)
        self.is_closing = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends, a little at a time."""
        self._has_begun = True
        for start in range(0, len(data), _AT_ONCE):
            if self.is_closing:
                return
            if self._is_between_requests():
                self._overhead = 0
                self._start("head", self._limits.seconds_for_headers, self._give_up_head)
            self._feed(data[start : start + _AT_ONCE])

    def _feed(self, data: bytes) -> None:
        is_body = self.conn.their_state is h11.SEND_BODY
        before = len(self.cycle.body) if is_body else 0
        super().data_received(data)
        if not self._is_between_requests():
            self._cancel("head")
        if is_body and not self.is_closing:
            self._overhead += len(data) - (len(self.cycle.body) - before)
            if self._overhead > _MOST_OVERHEAD and self.conn.their_state is h11.SEND_BODY:
                self._refuse(
                    Refusal(
                        400, "malformed", "The chunks of the body are too small: send it whole."
                    )
                )

    def send_400_response(self, msg: str) -> None:
        """Tell what is wrong with what came, which is no HTTP or too much of it."""
        # Uvicorn calls this where it has caught the error.
        status = getattr(sys.exception(), "error_status_hint", 400)
        if status == 431:
            refusal = Refusal(
                431,
                "headers_too_large",
                f"The head of the request has more than {self._limits.header_bytes:,} bytes: leave "
                "out cookies and long names.",
            )
        else:
            refusal = Refusal(
                status if status in (400, 501) else 400,
                "malformed",
                "This is no HTTP/1.1 request, or its body does not keep to its head: use a library "
                "for HTTP.",
            )
        self._refuse(refusal)

    def shutdown(self) -> None:
        """End after the request in work, if there is one."""
        if not self.is_closing:
            super().shutdown()

    def pause_writing(self) -> None:
        """Wait for a client that does not read, but not for ever."""
        super().pause_writing()
        self._start("read", self._limits.seconds_to_read, self._give_up_reader)

    def resume_writing(self) -> None:
        """Go on: the client has read all there was."""
        super().resume_writing()
        self._cancel("read")

    def close(self) -> None:
        """Close, so that the last answer arrives even while the client still sends."""
        if self.is_closing:
            return
        self.is_closing = True
        self._cancel("head")
        if self._inner.is_closing():
            return
        if self._is_refused or self.conn.their_state is h11.SEND_BODY:
            try:
                self._inner.write_eof()
                self._inner.resume_reading()
            except OSError:  # the client has broken the connection, which is not noticed yet
                self._inner.abort()
                return
        else:
            self._inner.close()
        self._start("end", _LINGERING_SECONDS, self._give_up_end)

    def _give_up_end(self) -> None:
        if self._inner.get_write_buffer_size():
            self._start("read", self._limits.seconds_to_read, self._give_up_reader)
        else:
            self._inner.abort()

    def _give_up_reader(self) -> None:
        self._service.monitoring.count_refusal("slow_reader")
        self._inner.abort()

    def _give_up_head(self) -> None:
        if not self._has_begun:
            self._inner.close()
            return
        self._refuse(
            Refusal(
                408,
                "slow_sender",
                f"The head of the request did not arrive in {self._limits.seconds_for_headers:g} "
                "seconds.",
            )
        )

    def _is_between_requests(self) -> bool:
        return self.conn.their_state is h11.IDLE

    def _refuse(self, refusal: Refusal) -> None:
        """Answer an error below the application, if there was no answer yet, and close."""
        self._service.monitoring.count_refusal(refusal.code)
        self._is_refused = True
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = refusal.to_json()
            headers = {
                **refusal.headers,
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                "Connection": "close",
            }
            events = (
                h11.Response(status_code=refusal.status, headers=list(headers.items())),
                h11.Data(data=body),
                h11.EndOfMessage(),
            )
            self._inner.write(b"".join(self.conn.send(event) or b"" for event in events))
        if self.cycle and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.close()

    def _start(self, what: str, seconds: float, then: Any) -> None:
        if what not in self._timers:
            self._timers[what] = self.loop.call_later(seconds, self._expire, what, then)

    def _expire(self, what: str, then: Any) -> None:
        del self._timers[what]
        then()

    def _cancel(self, what: str) -> None:
        timer = self._timers.pop(what, None)
        if timer is not None:
            timer.cancel()


class _Transport:
    """The transport that Uvicorn sees: it is closed as `BoundedConnection.close` does."""

    def __init__(self, inner: asyncio.Transport, connection: BoundedConnection) -> None:
        self._inner = inner
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def close(self) -> None:
        self._connection.close()

    def is_closing(self) -> bool:
        return self._connection.is_closing or self._inner.is_closing()
