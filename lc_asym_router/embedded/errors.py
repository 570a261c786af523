"""Errors of the embedded models; each message says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
