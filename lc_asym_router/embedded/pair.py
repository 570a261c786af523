"""The pair of chat models with which a router works without Ollama or an API key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lc_asym_router.embedded.catalog import FRONTIER, SMALL
from lc_asym_router.embedded.engine import CONTEXT_TOKENS
from lc_asym_router.embedded.errors import needs_extra
from lc_asym_router.embedded.ollama_api import DEFAULT_MAX_TOKENS
from lc_asym_router.embedded.server import EmbeddedServer

if TYPE_CHECKING:
    from langchain_ollama import ChatOllama
    from langchain_openai import ChatOpenAI

# The first request of all fetches a gigabyte before it is answered.
_TIMEOUT_SECONDS = 3600.0


def embedded_small(server: EmbeddedServer | None = None, **kwargs: Any) -> ChatOllama:
    """Return the small tier's chat model: a 0.5B model behind Ollama's protocol.

    Args:
        server: Where it runs, started if need be. Default: the shared server of this process.
        **kwargs: Fields of `ChatOllama` that differ from the default; `client_kwargs` are added
            to those that the server needs.

    Raises:
        MissingExtraError: When langchain-ollama is not installed.
    """
    with needs_extra():
        import httpx
        from langchain_ollama import ChatOllama
    running = _running(server)
    client_kwargs: dict[str, Any] = {
        # A proxy that the environment names can't reach this machine's loopback.
        "trust_env": False,
        "timeout": _TIMEOUT_SECONDS,
        "limits": httpx.Limits(max_connections=running.limits.client_connections),
        **(kwargs.pop("client_kwargs", None) or {}),
    }
    # This mapping, unlike a dict, keeps the token out of the model's repr.
    client_kwargs["headers"] = httpx.Headers(
        {**running.headers, **(client_kwargs.get("headers") or {})}
    )
    settings: dict[str, Any] = {
        "model": SMALL,
        "base_url": running.url,
        "temperature": 0,
        "num_predict": DEFAULT_MAX_TOKENS,
        "num_ctx": CONTEXT_TOKENS,
        "client_kwargs": client_kwargs,
    }
    return ChatOllama(**{**settings, **kwargs})


def embedded_frontier(server: EmbeddedServer | None = None, **kwargs: Any) -> ChatOpenAI:
    """Return a stand-in for the frontier tier's chat model: a 1.5B model behind OpenAI's protocol.

    Args:
        server: Where it runs, started if need be. Default: the shared server of this process.
        **kwargs: Fields of `ChatOpenAI` that differ from the default.

    Raises:
        MissingExtraError: When langchain-openai is not installed.
    """
    with needs_extra():
        import openai
        from langchain_openai import ChatOpenAI
    running = _running(server)
    # These, and the clients below, are of the HTTP library that openai wants.
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(
        max_connections=running.limits.client_connections
    )
    settings: dict[str, Any] = {
        "model": FRONTIER,
        "base_url": f"{running.url}/v1",
        "api_key": running.token,
        "temperature": 0,
        "max_tokens": DEFAULT_MAX_TOKENS,
        "stream_usage": True,
        "timeout": _TIMEOUT_SECONDS,
        "max_retries": 0,
        "http_client": openai.DefaultHttpxClient(trust_env=False, limits=limits),
        "http_async_client": openai.DefaultAsyncHttpxClient(trust_env=False, limits=limits),
    }
    return ChatOpenAI(**{**settings, **kwargs})


def _running(server: EmbeddedServer | None) -> EmbeddedServer:
    return EmbeddedServer.shared() if server is None else server.start()
