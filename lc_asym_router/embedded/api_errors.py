"""Errors of the embedded models, and their form on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.responses import JSONResponse

_EXTRA_LIBRARIES = frozenset(
    {
        "filelock",
        "httpx",
        "langchain_ollama",
        "langchain_openai",
        "openai",
        "platformdirs",
        "starlette",
        "tqdm",
        "uvicorn",
        "xllamacpp",
    }
)


BUSY_SECONDS = "1"
"""When to ask again where all places are taken: the value of `Retry-After`."""


class BadRequest(ValueError):
    """The request can't be served as it is; the text says why (HTTP status 400)."""


class WeightsError(RuntimeError):
    """The weights of a model could not be fetched, or are not the pinned ones."""


class EngineError(RuntimeError):
    """llama.cpp could not be started for a model, or has died."""


class MissingExtraError(ImportError):
    """A library of the optional extra ``embedded`` is not installed."""

    def __init__(self, library: str) -> None:
        """Name the missing library and the command that installs it.

        Args:
            library: The import name of the library.
        """
        super().__init__(
            f"The embedded models need the library {library!r}, which is not installed. "
            'Install it with: pip install "lc-asym-router[embedded]"',
            name=library,
        )


@contextmanager
def needs_extra() -> Iterator[None]:
    """Return a context that turns the absence of an optional library into an error that says how to
    install it.

    Raises:
        MissingExtraError: When the block fails to import a library of the extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in _EXTRA_LIBRARIES:
            raise MissingExtraError(library) from error
        raise


def ollama_error_body(path: str, status: int, text: str, code: str | None = None) -> dict[str, Any]:
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
    return json.dumps(ollama_error_body(path, status, text)).encode()


def error_response(
    path: str,
    status: int,
    text: str,
    *,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Make an error's response; see `error_body`."""
    with needs_extra():
        from starlette.responses import JSONResponse
    return JSONResponse(
        ollama_error_body(path, status, text, code), status_code=status, headers=dict(headers or {})
    )
