"""What the server holds while it runs, and how it answers a request for predictions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from fer_ensemble.artifact import PRETRAINED
from fer_ensemble.ensemble import SetRule
from fer_ensemble.explanation import Explanation
from fer_ensemble.serving.explaining_requests import explain_face, import_drawing
from fer_ensemble.serving.limits import Limits, Load
from fer_ensemble.serving.monitoring import GONE, Monitoring
from fer_ensemble.serving.picture_search import Search, SearchThreads
from fer_ensemble.serving.predicting_requests import Answer, predict_pictures
from fer_ensemble.serving.refusals import Refusal
from fer_ensemble.serving.shared_models import SharedModel
from fer_ensemble.serving.uploads import read_pictures

if TYPE_CHECKING:
    from fer_ensemble.faces.inputs import GivenPicture

T = TypeVar("T")

_LABELLED = ("ok", "unsure", "no_face")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a request asks for, beside its pictures.

    Parameters
    ----------
    model : str or None
        By default the first of the server.
    detector : str or None
        By default that of the server.
    min_confidence : float
    coverage : float or None
    set_method : str
    class_conditional : bool
    min_face : int or None
    min_score : float or None
    max_faces : int or None
        As of `predict_faces`.
    turn : bool
        Whether pictures are turned in which no face is sure.
    name : str
        What a picture is called that is the whole body.
    """

    model: str | None = None
    detector: str | None = None
    min_confidence: float = 0.0
    coverage: float | None = None
    set_method: str = "lac"
    class_conditional: bool = False
    min_face: int | None = None
    min_score: float | None = None
    max_faces: int | None = None
    turn: bool = True
    name: str = "picture"


class Service:
    """The models, the threads that search, and what is in work.

    Parameters
    ----------
    models : sequence of path-like, optional
        Names or folders of models; by default those that come with the package.
    detector : str, default='auto'
    limits : Limits

    Attributes
    ----------
    models : dict of str to SharedModel
        By name; the first is that of requests that name none.
    stopping : bool
        Whether the server is about to end.
    n_requests : int
        That were for predictions so far, and have ended in whatever way.

    Raises
    ------
    ValueError
        If two models have the same name.
    ArtifactError, DetectorError, MissingLibraryError
        As of `SharedModel` and `SearchThreads`.
    """

    def __init__(
        self, models: Sequence[str | os.PathLike[str]] | None, detector: str, limits: Limits
    ) -> None:
        self.limits = limits
        self.load = Load(limits)
        self.monitoring = Monitoring(self.load)
        self.models: dict[str, SharedModel] = {}
        self.stopping = False
        self.n_requests = 0
        for model in models or PRETRAINED:
            name = str(model) if model in PRETRAINED else Path(model).resolve().name
            if name in self.models:
                raise ValueError(
                    f"two models are called {name!r}, by which requests would name them: rename "
                    "the folder of one"
                )
            self.models[name] = self._load(model, name)
        sizes = [model.size for model in self.models.values()]
        self.threads = SearchThreads(detector, sizes)
        self._explaining = asyncio.Lock()
        import_drawing()

    def _load(self, model: str | os.PathLike[str], name: str) -> SharedModel:
        def count(n_faces: int) -> None:
            self.monitoring.count_batch(name, n_faces)

        shared = SharedModel(model, name, count)
        self.monitoring.watch_model(shared)
        return shared

    def find_model(self, name: str | None) -> SharedModel:
        """Find a model by its name.

        Parameters
        ----------
        name : str or None
            None for the first.

        Returns
        -------
        SharedModel

        Raises
        ------
        Refusal
            422 if there is none of that name.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise _unknown("model", self.models)
        return self.models[name]

    def start(self) -> None:
        """Start the threads, unless they run."""
        for model in self.models.values():
            model.start()
        self.threads.start()

    def stop(self) -> None:
        """End the threads."""
        self.threads.stop()
        for model in self.models.values():
            model.stop()

    async def predict(self, request: Request, options: Options) -> Response:
        """Predict the pictures of a request.

        Parameters
        ----------
        request : Request
        options : Options

        Returns
        -------
        Response
            The rows as JSON.

        Raises
        ------
        Refusal
            As `read_pictures` and `predict_pictures`; 422 if there is no such model or detector,
            or the model gives no sets of labels, 503 if too many requests are in work, 504 if it
            takes too long.
        """
        model, search = self._prepare(options)
        find_sets = None
        if options.coverage is not None:
            find_sets = _learn_sets(model, options, options.coverage)

        def work(pictures: list[GivenPicture]) -> Coroutine[Any, Any, Answer]:
            return predict_pictures(
                pictures, model, self.threads, search, options.min_confidence, find_sets
            )

        answer = await self._answer(request, options, work)
        if isinstance(answer, Response):
            return answer
        self.monitoring.count_pictures(answer.pictures)
        return _respond(answer)

    async def explain(
        self, request: Request, options: Options, *, face: int, frame: int | None, label: str | None
    ) -> Response:
        """Explain the label of one face in the picture of a request.

        Parameters
        ----------
        request : Request
        options : Options
        face, frame, label
            As of `explain_face`.

        Returns
        -------
        Response
            A picture (PNG) if the header Accept asks for one, else JSON.

        Raises
        ------
        Refusal
            As `predict`, and `explain_face`.
        """
        model, search = self._prepare(options)

        async def work(pictures: list[GivenPicture]) -> Explanation:
            async with self._explaining:  # a face takes as long as some hundred others
                return await explain_face(
                    pictures, model, self.threads, search, face=face, frame=frame, label=label
                )

        found = await self._answer(request, options, work)
        if isinstance(found, Response):
            return found
        if "image/png" in request.headers.get("accept", ""):
            import cv2

            drawn = cv2.imencode(".png", found.draw())[1].tobytes()
            return Response(drawn, media_type="image/png")
        return JSONResponse({"model": model.name, **found.to_dict()})

    def _prepare(self, options: Options) -> tuple[SharedModel, Search]:
        """Find the model and the way to search that a request asks for."""
        model = self.find_model(options.model)
        if options.detector not in (None, *self.threads.detectors):
            raise _unknown("detector", self.threads.detectors)
        finder = self.threads.finder(
            options.detector,
            model.size,
            min_face=options.min_face,
            min_score=options.min_score,
            max_faces=options.max_faces,
        )
        return model, Search(finder, options.turn, self.limits)

    async def _answer(
        self,
        request: Request,
        options: Options,
        work: Callable[[list[GivenPicture]], Coroutine[Any, Any, T]],
    ) -> T | Response:
        """Read a request's pictures and work on them, within the bounds; a response if it left."""
        self.load.check()
        try:
            with self.load.holding() as held:
                pictures = await read_pictures(request, held, self.limits, options.name)
                with self.load.working():
                    return await _unless_gone(request, self._in_time(work(pictures)))
        except ClientDisconnect:
            return Response(status_code=GONE)
        finally:
            self.n_requests += 1

    async def _in_time(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await work
        except TimeoutError:
            raise Refusal(
                504,
                "took_too_long",
                f"The pictures could not be predicted in {self.limits.seconds:g} seconds: send "
                "fewer or smaller ones a request.",
            ) from None
        except ExceptionGroup as group:
            raise group.exceptions[0] from None


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Work for a request as long as its client waits for the answer.

    Raises
    ------
    ClientDisconnect
        If it does not.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_wait_until_gone(request))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        leaving.cancel()
        working.cancel()


async def _wait_until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _respond(answer: Answer) -> Response:
    """Answer 200 if one picture at the least could be read."""
    if any(answer.statuses[status] for status in _LABELLED):
        return Response(b"{" + answer.body + b"}", media_type="application/json")
    if set(answer.statuses) == {"too_large"}:
        refusal = Refusal(
            413, "picture_too_large", "No picture may be read for its size: see the rows' reasons."
        )
    else:
        refusal = Refusal(415, "unreadable", "No picture can be read: see the rows' reasons.")
    body = refusal.to_json().removesuffix(b"}") + b", " + answer.body + b"}"
    return Response(body, refusal.status, media_type="application/json")


def _learn_sets(model: SharedModel, options: Options, coverage: float) -> SetRule:
    if model.answers is None:
        raise Refusal(
            422,
            "bad_parameter",
            f"coverage: of the model {model.name} no held-out faces are known, from which sets of "
            "labels are learned; leave it out, or ask another model.",
        )
    return model.learn_sets(coverage, options.set_method, options.class_conditional)


def _unknown(what: str, known: Sequence[str] | dict[str, Any]) -> Refusal:
    return Refusal(
        422, "bad_parameter", f"{what}: there is none of that name; use {', '.join(known)}."
    )
