"""Anthropic, through ChatAnthropic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.language_models import BaseChatModel

from lc_asym_router.tiers.providers.description import Provider, Wanted, same_names


def _refused(model: BaseChatModel, wanted: Wanted) -> frozenset[str]:
    """Sampling where the model, or its thinking, leaves none; effort where it has no levels."""
    profile = cast("dict[str, Any]", model.profile or {})
    thinking = wanted.get("thinking") or getattr(model, "thinking", None) or {}
    refused: set[str] = set()
    if profile.get("temperature") is False:
        refused |= {"temperature", "top_p", "top_k"}
    elif thinking.get("type") in ("enabled", "adaptive"):
        refused |= {"top_k"} | ({"temperature"} if wanted.get("temperature") != 1 else set())
    if not profile.get("reasoning_effort_levels"):
        refused |= {"reasoning_effort", "effort"}
    asked = wanted.get("response_format")
    if isinstance(asked, Mapping) and asked.get("type") == "json_object":
        refused.add("response_format")  # it has no JSON of any shape, and its client raises
    return frozenset(refused)


ANTHROPIC = Provider(
    name="anthropic",
    title="Anthropic",
    clients=("langchain_anthropic.ChatAnthropic",),
    parameters=same_names(
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "logprobs",
        "top_logprobs",
        "n",
        "logit_bias",
    ),
    own=frozenset(
        {
            "betas",
            "cache_control",
            "container",
            "context_management",
            "effort",
            "extra_body",
            "extra_headers",
            "extra_query",
            "inference_geo",
            "mcp_servers",
            "output_config",
            "output_format",
            "service_tier",
            "speed",
            "thinking",
            "timeout",
            "user_profile_id",
        }
    ),
    refused=_refused,
    written_as=frozenset({"anthropic"}),
    reads_blocks=frozenset({"text", "tool_use", "tool_call", "image", "image_url", "document"}),
    late_system=False,
    opens_with_answers=False,
    inputs=frozenset({"image", "pdf", "file"}),
    file_urls=True,
    rich_tool_results=True,
    result_blocks=frozenset({"document", "file", "search_result", "text-plain", "tool_reference"}),
    empty_answers=False,
    notes="Thinking leaves temperature and top_k out; top_p, top_k and seed as the model allows. "
    "It has no JSON of any shape (`json_object`).",
)
