"""What the server tells Prometheus of itself: counts and times, nothing of what was uploaded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fer_ensemble.serving.limits import Load

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_FACES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

#: Status of a request whose client left before its answer, as nginx counts it.
GONE = 499


class Monitoring:
    """The figures, in a registry of their own.

    Parameters
    ----------
    load : Load
        What is in work.
    """

    def __init__(self, load: Load) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "fer_requests",
            "Requests that were answered.",
            ["route", "method", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "fer_request_seconds",
            "From a request's head to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._refused = Counter(
            "fer_refused",
            "Requests and connections that were refused, by the code of the error.",
            ["code"],
            registry=self._registry,
        )
        self._pictures = Counter(
            "fer_pictures",
            "Pictures and frames, by what became of them.",
            ["status"],
            registry=self._registry,
        )
        self._batches = Histogram(
            "fer_batch_faces",
            "Faces that a model predicted at once.",
            ["model"],
            buckets=_FACES,
            registry=self._registry,
        )
        self._waiting = Gauge(
            "fer_faces_waiting", "Faces to be predicted.", ["model"], registry=self._registry
        )
        self._gauge("fer_requests_in_work", "Requests in work.", load, "requests")
        self._gauge("fer_body_bytes", "Bytes of bodies that are held.", load, "waiting_bytes")

    def _gauge(self, name: str, what: str, owner: Any, attribute: str) -> None:
        gauge = Gauge(name, what, registry=self._registry)
        gauge.set_function(lambda: getattr(owner, attribute))

    def watch_model(self, model: Any) -> None:
        """Show how many faces wait for a model.

        Parameters
        ----------
        model : SharedModel
        """
        self._waiting.labels(model.name).set_function(lambda: model.n_waiting)

    def count_batch(self, model: str, n_faces: int) -> None:
        """Count a batch of a model."""
        self._batches.labels(model).observe(n_faces)

    def count_pictures(self, statuses: Mapping[str, int]) -> None:
        """Count pictures by their status."""
        for status, n in statuses.items():
            self._pictures.labels(status).inc(n)

    def count_refusal(self, code: str) -> None:
        """Count a refusal."""
        self._refused.labels(code).inc()

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        known = method if method in _METHODS else "other"
        self._requests.labels(route, known, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def to_text(self) -> bytes:
        """Give all figures in Prometheus' text form."""
        return generate_latest(self._registry)


class CountingMiddleware:
    """Counts requests by the template of their route, which are few, never by their path.

    Parameters
    ----------
    app : ASGI application
    monitoring : Monitoring
    """

    def __init__(self, app: ASGIApp, monitoring: Monitoring) -> None:
        self._app = app
        self._monitoring = monitoring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - began
            self._monitoring.count_request(route, scope["method"], status, seconds)
