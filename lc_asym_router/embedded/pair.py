"""The pair of chat models that makes a router work with no Ollama and no key."""

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
    """Make the small tier: a 0.5B model behind Ollama's protocol.

    Args:
        server: Where it runs, started if need be. Default: the shared server of this process.
        **kwargs: Fields of `ChatOllama` that differ from the default.

    Raises:
        MissingExtraError: When langchain-ollama is not installed.
    """
    with needs_extra():
        from langchain_ollama import ChatOllama
    settings: dict[str, Any] = {
        "model": SMALL,
        "base_url": _running(server).url,
        "temperature": 0,
        "num_predict": DEFAULT_MAX_TOKENS,
        "num_ctx": CONTEXT_TOKENS,
        # A proxy that the environment names can't reach this machine's loopback.
        "client_kwargs": {"trust_env": False, "timeout": _TIMEOUT_SECONDS},
    }
    return ChatOllama(**{**settings, **kwargs})


def embedded_frontier(server: EmbeddedServer | None = None, **kwargs: Any) -> ChatOpenAI:
    """Make the stand-in for the frontier tier: a 1.5B model behind OpenAI's protocol.

    Args:
        server: Where it runs, started if need be. Default: the shared server of this process.
        **kwargs: Fields of `ChatOpenAI` that differ from the default.

    Raises:
        MissingExtraError: When langchain-openai is not installed.
    """
    with needs_extra():
        import openai
        from langchain_openai import ChatOpenAI
    settings: dict[str, Any] = {
        "model": FRONTIER,
        "base_url": f"{_running(server).url}/v1",
        "api_key": "embedded",
        "temperature": 0,
        "max_tokens": DEFAULT_MAX_TOKENS,
        "stream_usage": True,
        "timeout": _TIMEOUT_SECONDS,
        "max_retries": 0,
        # See above; the clients that openai offers are of the library that it wants.
        "http_client": openai.DefaultHttpxClient(trust_env=False),
        "http_async_client": openai.DefaultAsyncHttpxClient(trust_env=False),
    }
    return ChatOpenAI(**{**settings, **kwargs})


def _running(server: EmbeddedServer | None) -> EmbeddedServer:
    return EmbeddedServer.shared() if server is None else server.start()
