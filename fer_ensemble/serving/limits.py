"""What a request, and all of them together, may take of the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from fer_ensemble.faces.decode import MAX_PIXELS
from fer_ensemble.serving.refusals import Refusal

#: A mebibyte, in bytes.
MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds, so that no request can take the server from others.

    Parameters
    ----------
    body_bytes : int, default=33554432
        Bytes of a request's body.
    pictures : int, default=256
        Pictures of a request; each frame of an animated one counts.
    pixels : int, default=50000000
        Pixels of a picture, known from its header before it is decoded.
    requests : int, default=64
        Requests in work at once; more are told to come again.
    waiting_bytes : int, default=268435456
        Bytes of all bodies that have been received and not been answered.
    seconds_to_send : float, default=30
        In which a body has to arrive.
    seconds : float, default=60
        From a whole body to its answer.
    seconds_for_headers : float, default=10
        In which the head of a request has to arrive, from its connection or its first byte on.
    seconds_to_read : float, default=30
        In which a client has to take an answer.
    connections : int, default=512
        Connections at once, with or without a request.
    header_bytes : int, default=32768
        Bytes of a request's head.

    Raises
    ------
    ValueError
        If one is not above zero, or there would be more pixels than pictures may have anywhere.
    """

    body_bytes: int = 32 * MIB
    pictures: int = 256
    pixels: int = 50_000_000
    requests: int = 64
    waiting_bytes: int = 256 * MIB
    seconds_to_send: float = 30.0
    seconds: float = 60.0
    seconds_for_headers: float = 10.0
    seconds_to_read: float = 30.0
    connections: int = 512
    header_bytes: int = 32 * 1024

    def __post_init__(self) -> None:
        """Check the bounds."""
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{field.name} must be above 0; got {getattr(self, field.name)}")
        if self.pixels > MAX_PIXELS:
            raise ValueError(f"pixels must be at most {MAX_PIXELS:,}; got {self.pixels:,}")


class Load:
    """What all requests take at this moment; of the event loop's thread alone.

    Parameters
    ----------
    limits : Limits

    Attributes
    ----------
    requests : int
        In work.
    waiting_bytes : int
        Of bodies.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.requests = 0
        self.waiting_bytes = 0

    def check(self) -> None:
        """Refuse a request while there is no room for it.

        Raises
        ------
        Refusal
            503.
        """
        if self.requests >= self._limits.requests:
            raise _busy(f"{self._limits.requests} requests are in work, which is as many as may be")

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count a request that is in work.

        Raises
        ------
        Refusal
            503, if there are too many already.
        """
        self.check()
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    @contextmanager
    def holding(self) -> Iterator[HeldBytes]:
        """Count the bytes of a body for as long as they are held."""
        held = HeldBytes(self, self._limits)
        try:
            yield held
        finally:
            self.waiting_bytes -= held.n


class HeldBytes:
    """The bytes of one body that are held."""

    def __init__(self, load: Load, limits: Limits) -> None:
        self._load = load
        self._limits = limits
        self.n = 0

    def announce(self, length: int) -> None:
        """Refuse a body by the length that its head states.

        Parameters
        ----------
        length : int
            In bytes.

        Raises
        ------
        Refusal
            413 if it is too long.
        """
        if length > self._limits.body_bytes:
            raise _too_long(self._limits)

    def add(self, n: int) -> None:
        """Count more bytes, before they are kept.

        Parameters
        ----------
        n : int

        Raises
        ------
        Refusal
            413 if the body gets too long, 503 if all bodies together do.
        """
        if self.n + n > self._limits.body_bytes:
            raise _too_long(self._limits)
        if self._load.waiting_bytes + n > self._limits.waiting_bytes:
            raise _busy("as many bytes of other requests wait as may be")
        self.n += n
        self._load.waiting_bytes += n


def _too_long(limits: Limits) -> Refusal:
    return Refusal(
        413,
        "body_too_large",
        f"The body has more than {limits.body_bytes:,} bytes: send fewer pictures a request, or "
        "smaller ones; --max-body of the server sets the bound.",
    )


def _busy(why: str) -> Refusal:
    return Refusal(
        503, "busy", f"The server is busy: {why}. Send the request again.", {"Retry-After": "1"}
    )
