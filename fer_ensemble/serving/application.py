"""The application: its routes, and what errors answer."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fer_ensemble.artifact import installed_version
from fer_ensemble.serving import api_description as api
from fer_ensemble.serving.guards import Guard
from fer_ensemble.serving.limits import Limits
from fer_ensemble.serving.memory import give_memory_back
from fer_ensemble.serving.model_descriptions import describe_model, read_card, render_card
from fer_ensemble.serving.monitoring import CountingMiddleware
from fer_ensemble.serving.page_files import page_file
from fer_ensemble.serving.refusals import Refusal
from fer_ensemble.serving.service import Options, Service


def create_app(
    models: Sequence[str | os.PathLike[str]] | None = None,
    *,
    detector: str = "auto",
    limits: Limits | None = None,
    hosts: Collection[str] | None = (),
    origins: Collection[str] = (),
) -> FastAPI:
    """Make the application, with its models loaded; its threads start and end with its lifespan.

    Parameters
    ----------
    models : sequence of path-like, optional
        Folders of saved ensembles, or "ensemble" and "fast" for those that come with the package.
        By default these two. Requests that name none get the first.
    detector : str, default='auto'
        What finds the faces; see `FaceFinder`.
    limits : Limits, optional
    hosts : collection of str or None, default=()
        Names by which requests may call the server, beside those of this machine; None for any.
    origins : collection of str, default=()
        Other sites whose pages may ask, such as "https://example.org".

    Returns
    -------
    FastAPI
        An ASGI application. Its ``state.service`` holds what it runs on.

    Raises
    ------
    ValueError
        If two models have the same name, or there is no such detector.
    ArtifactError
        If no ensemble is saved there, or it is damaged.
    MissingLibraryError
        If a model or the detector needs a library that is not installed.
    """
    service = Service(models, detector, limits or Limits())

    @asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        # Not before: a process that loads the application and forks leaves its threads behind.
        service.start()
        giving_back = asyncio.create_task(give_memory_back(lambda: service.n_requests))
        yield
        giving_back.cancel()
        service.stop()

    app = FastAPI(
        title="fer-ensemble",
        description=api.DESCRIPTION,
        version=installed_version("fer-ensemble"),
        lifespan=live,
        docs_url=None,  # pages that would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.service = service
    _add_routes(app, service)
    _answer_head(app)
    _add_errors(app, service)
    # The last that is added is the first that a request comes to.
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(origins), allow_methods=["*"], allow_headers=["*"]
        )
    app.add_middleware(Guard, hosts=hosts, origins=origins)
    app.add_middleware(CountingMiddleware, monitoring=service.monitoring)
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    @app.post("/v1/predict", responses=api.PREDICT_RESPONSES, openapi_extra=api.PREDICT_BODY)
    async def predict(
        request: Request,
        model: api.ModelName = None,
        detector: api.DetectorName = None,
        min_confidence: api.MinConfidence = 0.0,
        coverage: api.Coverage = None,
        set_method: api.SetMethod = "lac",
        class_conditional: api.ClassConditional = False,
        min_face: api.MinFace = None,
        min_score: api.MinScore = None,
        max_faces: api.MaxFaces = None,
        turn: api.Turn = True,
        name: api.PictureName = "picture",
    ) -> Response:
        """Predict the expression of each face in one or many pictures."""
        options = Options(
            model=model,
            detector=detector,
            min_confidence=min_confidence,
            coverage=coverage,
            set_method=set_method,
            class_conditional=class_conditional,
            min_face=min_face,
            min_score=min_score,
            max_faces=max_faces,
            turn=turn,
            name=name,
        )
        return await service.predict(request, options)

    @app.post("/v1/explain", responses=api.EXPLAIN_RESPONSES, openapi_extra=api.EXPLAIN_BODY)
    async def explain(
        request: Request,
        face: api.FaceNumber = 0,
        frame: api.FrameNumber = None,
        label: api.Label = None,
        model: api.ModelName = None,
        detector: api.DetectorName = None,
        min_face: api.MinFace = None,
        min_score: api.MinScore = None,
        max_faces: api.MaxFaces = None,
        turn: api.Turn = True,
    ) -> Response:
        """Tell what speaks for the label of a face, in numbers or as a picture."""
        options = Options(
            model=model,
            detector=detector,
            min_face=min_face,
            min_score=min_score,
            max_faces=max_faces,
            turn=turn,
        )
        return await service.explain(request, options, face=face, frame=frame, label=label)

    @app.get("/v1/models", response_model=api.Models, responses=api.responses())
    async def list_models() -> dict[str, Any]:
        """List the models, what they are good for and what not, and what a request may hold."""
        limits = service.limits
        return {
            "models": [
                describe_model(model, default=place == 0)
                for place, model in enumerate(service.models.values())
            ],
            "bounds": {
                "body_bytes": limits.body_bytes,
                "pictures": limits.pictures,
                "pixels": limits.pixels,
            },
        }

    @app.get("/v1/models/{name}/card", responses=api.CARD_RESPONSES, response_class=Response)
    async def show_card(name: str, request: Request) -> Response:
        """Show the card of a model: its data, figures, uses and limits."""
        if name not in service.models:
            raise Refusal(404, "not_found", "There is no such model; /v1/models lists them.")
        card = read_card(service.models[name])
        if "text/html" in request.headers.get("accept", ""):
            return Response(render_card(card), media_type="text/html")
        return Response(card, media_type="text/markdown")

    @app.get("/health", responses=api.HEALTH_RESPONSES)
    async def health() -> Response:
        """Say whether the server takes requests."""
        status = "stopping" if service.stopping else "ok"
        content = {
            "status": status,
            "version": app.version,
            "models": list(service.models),
            "requests_in_work": service.load.requests,
        }
        return JSONResponse(content, 503 if service.stopping else 200)

    @app.get("/metrics", responses=api.METRICS_RESPONSES, response_class=Response)
    async def metrics() -> Response:
        """Give the server's figures to Prometheus."""
        kind = "text/plain; version=0.0.4; charset=utf-8"
        return Response(service.monitoring.to_text(), media_type=kind)

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return page_file("index.html")

    @app.get("/page/{name}", include_in_schema=False)
    async def file_of_page(name: str) -> Response:
        return page_file(name)


def _answer_head(app: FastAPI) -> None:
    """Let HEAD ask what GET may, as those do who look whether a server is there."""
    app.openapi()  # kept as it is: HEAD stands for itself
    for route in app.routes:
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")


def _add_errors(app: FastAPI, service: Service) -> None:
    """Turn all errors into JSON of one form."""

    def respond(refusal: Refusal) -> Response:
        service.monitoring.count_refusal(refusal.code)
        return refusal.to_response()

    @app.exception_handler(Refusal)
    async def refuse(_: Request, error: Refusal) -> Response:
        return respond(error)

    @app.exception_handler(RequestValidationError)
    async def refuse_parameter(_: Request, error: RequestValidationError) -> Response:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()
        )
        return respond(Refusal(422, "bad_parameter", f"{wrong}. /openapi.json lists what may be."))

    @app.exception_handler(HTTPException)
    async def refuse_route(_: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "")
            message = f"This address takes {allowed or 'other methods'}; /openapi.json lists them."
            return respond(Refusal(405, "method_not_allowed", message, error.headers))
        if error.status_code == 404:
            message = "There is nothing at this address; /openapi.json lists what there is."
            return respond(Refusal(404, "not_found", message))
        return respond(Refusal(error.status_code, "refused", str(error.detail), error.headers))

    @app.exception_handler(Exception)
    async def fail(request: Request, error: Exception) -> Response:
        # Its text and its values may be those of an upload; where it came up is none.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(place.filename)}, line {place.lineno}"
        route = getattr(request.scope.get("route"), "path", "a request")
        print(f"Error in {route}: {type(error).__name__} in {where}", file=sys.stderr, flush=True)
        return respond(
            Refusal(500, "internal", "The server has failed at this request; others go on.")
        )
