"""Running the application on a port."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from fer_ensemble.serving.connections import BoundedConnection
from fer_ensemble.serving.limits import Limits

# Requests in work are finished for so long once the server is to end, in seconds.
_ENDING_SECONDS = 10


def open_socket(host: str, port: int) -> socket.socket:
    """Take a port, before what takes long.

    Parameters
    ----------
    host : str
        Name or address of an interface of this machine.
    port : int
        0 for any that is free.

    Returns
    -------
    socket.socket
        That listens.

    Raises
    ------
    ValueError
        If the port is in use or may not be taken, or the host is none of this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise ValueError(f"--host {host}: no such host; give a name or an address") from error
    try:
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(
                f"port {port} of {host} is in use: end what uses it, or take another with --port "
                f"{port + 1 if port < 65535 else 8000} (0 for any that is free)"
            ) from error
        if error.errno == errno.EACCES:
            raise ValueError(f"port {port} may not be taken: take one from 1024 on") from error
        raise ValueError(f"--host {host}: {error.strerror}") from error


def serve(
    app: FastAPI, listening: socket.socket, *, on_ready: Callable[[], None] = lambda: None
) -> None:
    """Run the application until Ctrl-C or a signal to terminate.

    Requests in work are finished, for some seconds. Nothing is written of requests.

    Parameters
    ----------
    app : FastAPI
        As `create_app` makes it.
    listening : socket.socket
        As `open_socket` gives it.
    on_ready : callable, optional
        Called once requests are taken.
    """
    limits: Limits = app.state.service.limits
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=BoundedConnection,  # of h11: httptools bounds no headers
        ws="none",
        lifespan="on",
        log_config=None,
        log_level=logging.CRITICAL,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=1024,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_ENDING_SECONDS,
        h11_max_incomplete_event_size=limits.header_bytes,
    )
    _Server(config, app, on_ready).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Says when it is ready, and tells the application when it ends."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._service = app.state.service
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._service.stopping = True
        super().handle_exit(sig, frame)
