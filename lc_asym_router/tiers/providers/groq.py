"""Groq, through ChatGroq."""

from __future__ import annotations

import re

from langchain_core.language_models import BaseChatModel

from lc_asym_router.tiers.providers.description import Provider, Wanted, same_names
from lc_asym_router.tiers.providers.openai import model_name

_THINKS = re.compile(r"gpt-oss|qwen|deepseek-r1|qwq")


def _refused(model: BaseChatModel, wanted: Wanted) -> frozenset[str]:
    """Effort is an error to a model that does not think."""
    return frozenset() if _THINKS.search(model_name(model)) else frozenset({"reasoning_effort"})


GROQ = Provider(
    name="groq",
    title="Groq",
    clients=("langchain_groq.ChatGroq", "langchain_groq.chat_models.ChatGroq"),
    # Groq's API answers 400 to logprobs and logit_bias, and to any n but 1.
    parameters=same_names("top_k", "logprobs", "top_logprobs", "n", "logit_bias"),
    own=frozenset(
        {
            "citation_options",
            "compound_custom",
            "disable_tool_validation",
            "documents",
            "exclude_domains",
            "extra_body",
            "extra_headers",
            "extra_query",
            "include_domains",
            "include_reasoning",
            "reasoning_format",
            "search_settings",
            "service_tier",
            "store",
            "timeout",
            "user",
        }
    ),
    refused=_refused,
    written_as=frozenset({"groq"}),
    inputs=frozenset({"image"}),
    notes="reasoning_effort for gpt-oss, Qwen and DeepSeek-R1 alone.",
)
