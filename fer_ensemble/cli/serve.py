"""``fer-ensemble serve``: a page and an HTTP API."""

from __future__ import annotations

import os
import warnings
from typing import Annotated

import typer

from fer_ensemble.cli.options import complete_detector, model_option


def serve(
    model: Annotated[
        list[str] | None,
        model_option(
            help="Folder of a saved ensemble, or ensemble or fast, which come with the package; "
            "may be given several times, and requests that name none get the first. Without it, "
            "ensemble and fast.",
            metavar="MODEL",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on. 0.0.0.0 is every network of this machine: whoever reaches "
            "it may ask then, without a password."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any that is free.")
    ] = 8000,
    detector: Annotated[
        str,
        typer.Option(
            autocompletion=complete_detector,
            help="What finds faces where a request does not say: auto, skip, blazeface, haar, "
            "mtcnn or yunet:MODEL, as of predict.",
        ),
    ] = "auto",
    max_body: Annotated[float, typer.Option(min=0.001, help="Most MiB of a request's body.")] = 32,
    max_pictures: Annotated[
        int, typer.Option(min=1, help="Most pictures of a request; frames of animations count.")
    ] = 256,
    max_pixels: Annotated[
        float, typer.Option(min=0.001, max=120, help="Most million pixels of a picture.")
    ] = 50,
    max_requests: Annotated[int, typer.Option(min=1, help="Most requests in work at once.")] = 64,
    max_waiting: Annotated[
        float, typer.Option(min=0.001, help="Most MiB of all bodies that wait for their answer.")
    ] = 256,
    max_connections: Annotated[int, typer.Option(min=1, help="Most connections at once.")] = 512,
    seconds_to_send: Annotated[
        float,
        typer.Option(
            "--max-seconds-to-send", min=0.1, help="Most seconds in which a body has to arrive."
        ),
    ] = 30,
    seconds: Annotated[
        float,
        typer.Option(
            "--max-seconds", min=0.1, help="Most seconds from a whole body to its answer."
        ),
    ] = 60,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Site whose pages may ask, such as https://example.org; may be given several "
            "times. Without it none but the server's own.",
            metavar="URL",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Name by which requests may call the server, beside localhost; may be given "
            "several times.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve a page and an HTTP API that label the faces in pictures.

    The page takes pictures, a camera and videos, in any browser, without a
    network: open the address that is printed. Nothing of what is sent is
    written to a disk or logged. Rows are those of predict, as JSON, with
    probabilities from 0 to 1.

    \b
    Examples:
      fer-ensemble serve
      fer-ensemble serve --model fast --port 8080
      curl -F file=@anna.jpg -F file=@ben.png localhost:8000/v1/predict
      curl -H 'Content-Type: image/jpeg' --data-binary @anna.jpg \\
           'localhost:8000/v1/predict?model=fast&min_confidence=0.5'
      curl localhost:8000/v1/models
      curl localhost:8000/openapi.json

    \b
    Exit codes:
        1  an error, told in a line
        2  wrong usage
      130  ended by Ctrl-C, or 143 terminated; requests in work were finished
    """
    from fer_ensemble.cli.console import notes, redirecting_decoders
    from fer_ensemble.serving import Limits, create_app, is_loopback, open_socket
    from fer_ensemble.serving import serve as run

    mib = 2**20
    limits = Limits(
        body_bytes=round(max_body * mib),
        pictures=max_pictures,
        pixels=round(max_pixels * 1_000_000),
        requests=max_requests,
        waiting_bytes=round(max_waiting * mib),
        connections=max_connections,
        seconds_to_send=seconds_to_send,
        seconds=seconds,
    )
    # Bound to all networks, the server cannot know its names.
    local = is_loopback(host)
    with open_socket(host, port) as listening:
        with notes.status("Loading the models"):
            app = create_app(
                model,
                detector=detector,
                limits=limits,
                hosts=allow_host or (() if local else None),
                origins=allow_origin or (),
            )
        address = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host

        def say_ready() -> None:
            names = ", ".join(app.state.service.models)
            notes.print(f"Serving {names} at http://{shown}:{address}/ (Ctrl-C ends it)")
            notes.print(
                f"Most of a request: {max_body:g} MiB, {max_pictures} pictures, {max_pixels:g} "
                f"million pixels each; {max_requests} requests at once"
            )
            if not local:
                notes.print(
                    f"{host} is not this machine alone: whoever reaches it over a network may "
                    "send pictures and read answers, without a password, and others on the way "
                    "can read them, as nothing is encrypted. Put a proxy with TLS and passwords "
                    "before it, or leave --host out.",
                    style="yellow",
                )

        warnings.simplefilter("ignore")  # of decoders, about pictures; the verb ends with it
        try:
            # Decoders quote the pictures that they complain of.
            with redirecting_decoders(os.open(os.devnull, os.O_WRONLY)):
                run(app, listening, on_ready=say_ready)
        except KeyboardInterrupt:
            notes.print("Stopped")
            raise
