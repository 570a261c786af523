"""Information about models in Ollama's protocol: the answers of ``/api/tags`` and ``/api/show``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lc_asym_router.embedded.catalog import EmbeddedModel
from lc_asym_router.embedded.engine import CONTEXT_TOKENS

# No real Ollama has such a version, so that a log shows what answered.
VERSION = "0.0.0-lc-asym-router"

# Packages have no time of their own here, and clients want one.
_MODIFIED = "2026-01-01T00:00:00Z"


def tags(models: Sequence[EmbeddedModel]) -> dict[str, Any]:
    """Answer ``GET /api/tags``: the available models, downloaded or not."""
    return {
        "models": [
            {
                "name": model.name,
                "model": model.name,
                "modified_at": _MODIFIED,
                "size": model.megabytes * 10**6,
                "digest": model.sha256,
                "details": _details(model),
            }
            for model in models
        ]
    }


def model_info(model: EmbeddedModel) -> dict[str, Any]:
    """Answer ``POST /api/show``."""
    return {
        "license": model.licence,
        "modelfile": f"# {model.source}\nFROM {model.name}\n",
        "parameters": f"num_ctx {CONTEXT_TOKENS}",
        "template": "",
        "details": _details(model),
        "model_info": {
            "general.architecture": model.family,
            f"{model.family}.context_length": CONTEXT_TOKENS,
        },
        "capabilities": ["completion", "tools"] if model.tools else ["completion"],
        "modified_at": _MODIFIED,
    }


def _details(model: EmbeddedModel) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameters,
        "quantization_level": model.quantization,
    }


def not_found(name: str, models: Sequence[EmbeddedModel]) -> str:
    """Say that there is no such model, in Ollama's words, and which there are."""
    served = ", ".join(model.name for model in models)
    return f'model "{name}" not found, this server has: {served}'
