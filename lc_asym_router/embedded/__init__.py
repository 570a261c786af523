"""Real local models without Ollama or an API key: weights from the package registry, run by llama.cpp.

Names load on first use, so that importing this package is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lc_asym_router.embedded.api_errors import EngineError, MissingExtraError, WeightsError
    from lc_asym_router.embedded.catalog import EMBEDDED_MODELS, EmbeddedModel
    from lc_asym_router.embedded.request_limits import Limits
    from lc_asym_router.embedded.server import EmbeddedServer, embedded_frontier, embedded_small
    from lc_asym_router.embedded.weight_files import ensure_weights

__all__ = [
    "EMBEDDED_MODELS",
    "EmbeddedModel",
    "EmbeddedServer",
    "EngineError",
    "Limits",
    "MissingExtraError",
    "WeightsError",
    "embedded_frontier",
    "embedded_small",
    "ensure_weights",
]

_HOME = {
    "EMBEDDED_MODELS": "catalog",
    "EmbeddedModel": "catalog",
    "EmbeddedServer": "server",
    "EngineError": "api_errors",
    "Limits": "request_limits",
    "MissingExtraError": "api_errors",
    "WeightsError": "api_errors",
    "embedded_frontier": "server",
    "embedded_small": "server",
    "ensure_weights": "weight_files",
}


def __getattr__(name: str) -> Any:
    """Load a public name from the file that holds it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted({*globals(), *__all__})
