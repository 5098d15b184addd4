"""The files of the page, in memory: what is asked for is looked up here, and never on a disk."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from starlette.responses import Response

from fer_ensemble.serving.refusals import Refusal

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


@cache
def _read_files() -> dict[str, tuple[bytes, str]]:
    """Contents and types, by name."""
    folder = files("fer_ensemble.serving") / "page"
    found = {}
    for file in folder.iterdir() if folder.is_dir() else []:
        kind = _TYPES.get("." + file.name.rpartition(".")[2])
        if kind is not None:
            found[file.name] = (file.read_bytes(), kind)
    return found


def page_file(name: str) -> Response:
    """Answer with a file of the page.

    Parameters
    ----------
    name : str

    Returns
    -------
    starlette.responses.Response

    Raises
    ------
    Refusal
        404 if there is none of that name.
    """
    if name not in _read_files():
        raise Refusal(404, "not_found", "There is no such file; the page is at /.")
    content, kind = _read_files()[name]
    return Response(content, headers={"Cache-Control": "no-cache"}, media_type=kind)
