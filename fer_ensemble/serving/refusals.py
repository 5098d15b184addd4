"""Answers to requests that cannot be served: a status, and JSON that says what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response


class Refusal(Exception):  # noqa: N818 - an answer, which the client gets
    """A request that is not served.

    Parameters
    ----------
    status : int
        Of HTTP.
    code : str
        What programs know it by.
    message : str
        What was wrong, and what to do.
    headers : mapping of str to str, optional
        Headers of the answer.
    more : mapping of str to JSON value, optional
        What else stands in the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def to_json(self) -> bytes:
        """Give the body of the answer."""
        content = {"error": {"code": self.code, "message": self.message}, **self.more}
        return json.dumps(content, ensure_ascii=False).encode()

    def to_response(self) -> Response:
        """Give the answer.

        Returns
        -------
        starlette.responses.Response
        """
        return Response(self.to_json(), self.status, self.headers, "application/json")
