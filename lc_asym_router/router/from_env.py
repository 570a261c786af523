"""Find the models available on this machine: a running Ollama, OpenAI, else the embedded pair.

Environment variables:

| variable | meaning |
| --- | --- |
| `LC_ASYM_ROUTER_SMALL`, `LC_ASYM_ROUTER_FRONTIER` | a model string for that tier; wins over the rest |
| `OLLAMA_HOST` | Ollama's address, in Ollama's own format; by default 127.0.0.1:11434 |
| `OPENAI_API_KEY` | where it is set, OpenAI serves the frontier tier (`OPENAI_BASE_URL` as usual) |
| `OPENAI_MODEL` | the OpenAI model; by default gpt-4o |
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from lc_asym_router._internal.fault_log import Throttle
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.tiers.tier import Tier

logger = logging.getLogger(__name__)

STAND_IN = "embedded stand-in, not a frontier model"
"""The source of an embedded model in the frontier's place."""
_stand_ins = Throttle()

OLLAMA_SECONDS = 1.0
"""How long an Ollama may take to say that it is there, in seconds."""
NUM_CTX = 8192
"""Context that an Ollama model is given, in tokens: set, so that the router knows the limit."""
EMBEDDED_TOKENS = 256
"""Longest answer of an embedded small tier, in tokens: past that it mostly rambles."""
PREFERRED = ("llama3.1:8b", "llama3.1", "qwen3", "qwen2.5", "llama3.2", "gemma3", "mistral")
"""Ollama models that are taken first where several have been pulled, by the start of the name."""


@dataclass(frozen=True)
class Ollama:
    """A running Ollama server, and the chat models that it has."""

    url: str
    models: tuple[str, ...]


def find_ollama() -> Ollama | None:
    """Return the Ollama server at `OLLAMA_HOST` (or its default port), if one answers there."""
    import httpx

    url = ollama_url(os.environ.get("OLLAMA_HOST", ""))
    try:
        response = httpx.get(f"{url}/api/tags", timeout=OLLAMA_SECONDS, trust_env=False)
        names = [str(model["name"]) for model in response.raise_for_status().json()["models"]]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
    return Ollama(url, tuple(name for name in names if "embed" not in name))


def ollama_url(host: str) -> str:
    """Return the URL for `OLLAMA_HOST`: a host, a port or both, with or without a scheme."""
    scheme, separator, rest = host.strip().rstrip("/").partition("://")
    if not separator:
        scheme, rest = "http", scheme
    name, _, port = rest.rpartition(":") if ":" in rest else (rest, "", "")
    # 0.0.0.0 is where a server listens, not where a client finds it.
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1"}.get(name, name)
    default = {"http": "11434", "https": "443"}.get(scheme, "11434")
    return f"{scheme}://{name}:{port or default}"


def preferred(models: tuple[str, ...]) -> str | None:
    """Choose among the models that an Ollama server has."""
    for start in PREFERRED:
        for name in models:
            if name.startswith(start):
                return name
    return models[0] if models else None


def tiers_from_env(
    small: Tier | BaseChatModel | str | None = None,
    frontier: Tier | BaseChatModel | str | None = None,
) -> tuple[Tier, Tier]:
    """Return the two tiers, each with the best model that is available here.

    Args:
        small: The small tier's model; takes precedence over the environment.
        frontier: The frontier tier's model, likewise.

    Raises:
        ConfigurationError: A model string is invalid, or no model is available for a tier.
    """
    small_tier = _given(small, "LC_ASYM_ROUTER_SMALL") or _ollama_tier() or embedded("small")
    frontier_tier = (
        _given(frontier, "LC_ASYM_ROUTER_FRONTIER") or _openai_tier() or embedded("frontier")
    )
    for role, tier in (("small", small_tier), ("frontier", frontier_tier)):
        logger.info("%s tier: %s (%s)", role, tier.model_name, tier.source)
    if frontier_tier.source == STAND_IN and _stand_ins.count(frontier_tier.model_name):
        logger.warning(
            "There is no OPENAI_API_KEY, so %s stands in for the frontier; it is no frontier model. "
            "Set the key, or name a model: AsymRouter.from_env(frontier=...).",
            frontier_tier.model_name,
        )
    return small_tier, frontier_tier


def _given(model: Tier | BaseChatModel | str | None, variable: str) -> Tier | None:
    if isinstance(model, Tier):
        return model
    named = model if model is not None else os.environ.get(variable)
    if not named:
        return None
    if isinstance(named, str) and named.startswith("embedded:"):
        return embedded_tier(named.removeprefix("embedded:"))
    return Tier(named, source="given" if model is not None else variable)


def _ollama_tier() -> Tier | None:
    ollama = find_ollama()
    model = preferred(ollama.models) if ollama else None
    if ollama is None or model is None:
        return None
    from langchain_ollama import ChatOllama

    chat = ChatOllama(
        model=model, base_url=ollama.url, num_ctx=NUM_CTX, client_kwargs={"timeout": 300.0}
    )
    return Tier(chat, source=f"Ollama at {ollama.url}")


def _openai_tier() -> Tier | None:
    if not os.environ.get("OPENAI_API_KEY"):
        return None
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(model=os.environ.get("OPENAI_MODEL", "gpt-4o"), stream_usage=True)
    return Tier(chat, source="OpenAI")


def embedded(role: str) -> Tier:
    """Return the embedded model for "small" or "frontier".

    Raises:
        ConfigurationError: The extra `embedded` is not installed.
    """
    from lc_asym_router.embedded.catalog import FRONTIER, SMALL

    try:
        return embedded_tier(SMALL if role == "small" else FRONTIER)
    except ConfigurationError as error:
        raise ConfigurationError(f"{_missing(role)} {error}") from error


def _missing(role: str) -> str:
    """What would be the model of a tier, and is not here."""
    if role == "small":
        url = ollama_url(os.environ.get("OLLAMA_HOST", ""))
        return (
            f"There is no small model: no Ollama with a chat model answers at {url}. Start it and "
            "`ollama pull llama3.1:8b`, or name a model (--small, small=)."
        )
    return (
        "There is no frontier model: OPENAI_API_KEY is not set. Set it, or name a model "
        "(--frontier, frontier=)."
    )


def embedded_tier(name: str) -> Tier:
    """Return the embedded model of a name in the catalogue.

    Raises:
        ConfigurationError: There is none, or the extra `embedded` is not installed.
    """
    from lc_asym_router.embedded.catalog import FRONTIER, embedded_model

    try:
        embedded_model(name)
        from lc_asym_router.embedded.server import embedded_frontier, embedded_small

        # The stand-in speaks OpenAI's protocol, the others Ollama's: both are there to be seen.
        stand_in = name == FRONTIER
        # A fixed seed makes the samples of a check, and so its verdict, the same in each run.
        chat = (
            embedded_frontier()
            if stand_in
            else embedded_small(model=name, num_predict=EMBEDDED_TOKENS, seed=1)
        )
    except ImportError as error:
        raise ConfigurationError(
            "The embedded models, which need neither Ollama nor a key, are not installed: "
            '`pip install "lc-asym-router[embedded]"`.'
        ) from error
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    source = STAND_IN if stand_in else "embedded"
    return Tier(chat, source=source)
