"""An error in the form of the protocol that the request was made in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lc_asym_router.embedded.errors import needs_extra

with needs_extra():
    from starlette.responses import JSONResponse


def error_body(path: str, status: int, text: str, code: str | None = None) -> dict[str, Any]:
    """Make an error's JSON: OpenAI's form below ``/v1``, else Ollama's.

    Args:
        path: The path of the request.
        status: The HTTP status.
        text: What was wrong, and what to do instead.
        code: OpenAI's code for it, if there is one.
    """
    if path != "/v1" and not path.startswith("/v1/"):
        return {"error": text}
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": text, "type": kind, "param": None, "code": code}}


def error_bytes(path: str, status: int, text: str) -> bytes:
    """Make an error's JSON as bytes, for where there is no application to answer yet."""
    return json.dumps(error_body(path, status, text)).encode()


def error_response(
    path: str,
    status: int,
    text: str,
    *,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Make an error's response; see `error_body`."""
    return JSONResponse(
        error_body(path, status, text, code), status_code=status, headers=dict(headers or {})
    )
