"""OpenAI through ChatOpenAI (chat completions and Responses), Azure, and endpoints like OpenAI's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from langchain_core.language_models import BaseChatModel

from lc_asym_router._internal.compat import goes_to_responses_api
from lc_asym_router.tiers.providers.description import Provider, Wanted, same_names

_REASONING = re.compile(r"(o\d|gpt-5(?!.*chat))")
_PLAIN = re.compile(r"(gpt-3\.5|gpt-4|chatgpt)")
_OWN_HOST = re.compile(r"https?://([\w-]+\.)*openai\.com(/|$)")

SAMPLING = frozenset(
    {
        "top_p",
        "frequency_penalty",
        "presence_penalty",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "stop",
    }
)
"""What reasoning models refuse, besides a temperature."""
NOT_IN_RESPONSES = frozenset(
    {"stop", "seed", "n", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs"}
)
"""Standard parameters that the Responses API does not have."""
CHAT_ONLY = frozenset(
    {"audio", "function_call", "functions", "modalities", "prediction", "web_search_options"}
)
"""OpenAI's own settings that the Responses API does not have."""
RESPONSES_ONLY = frozenset(
    {
        "background",
        "context_management",
        "conversation",
        "include",
        "instructions",
        "max_tool_calls",
        "previous_response_id",
        "prompt",
        "reasoning",
        "text",
        "truncation",
    }
)
"""Settings with which ChatOpenAI goes over to the Responses API by itself."""
UNHEARD_BY_RESPONSES = frozenset({"audio"})
"""What chat completions take in a message and the Responses API does not."""
LEFT_OUT_BY_CHAT = frozenset(
    {"code_interpreter_call", "function_call", "reasoning", "reasoning_content", "thinking"}
)
"""Blocks in an AI message that ChatOpenAI leaves out itself where it asks chat completions."""
TRANSPORT = frozenset({"extra_body", "extra_headers", "extra_query", "stream_options", "timeout"})
"""Arguments of OpenAI's Python client, which several providers' classes are built on."""


def responses_api(model: BaseChatModel, arguments: Wanted) -> bool:
    """Whether a call goes to the Responses API."""
    own = getattr(model, "model_kwargs", None) or {}
    return goes_to_responses_api(model, {"model": model_name(model), **own, **arguments})


def model_name(model: BaseChatModel) -> str:
    """The model's name, in lower case."""
    # Azure's classes may know the deployment alone.
    named = (getattr(model, key, None) for key in ("model_name", "model", "deployment_name"))
    return next((name for name in named if isinstance(name, str) and name), "").lower()


def _asked_model(model: BaseChatModel, wanted: Wanted) -> str:
    """The name of the model that a call asks for, without the maker that routers of providers put
    before it ("openai/gpt-5")."""
    return str(wanted.get("model") or model_name(model)).lower().rpartition("/")[2]


def reasons(model: BaseChatModel, wanted: Wanted) -> bool:
    """Whether a model of OpenAI's thinks before it answers, and so takes no sampling parameters."""
    profile = cast("dict[str, Any]", model.profile or {})
    name = _asked_model(model, wanted)
    if not (_REASONING.match(name) or profile.get("temperature") is False):
        return False
    effort = wanted.get("reasoning_effort") or getattr(model, "reasoning_effort", None)
    effort = effort or (getattr(model, "reasoning", None) or {}).get("effort")
    return not (effort == "none" and name.startswith("gpt-5"))


def _refused(model: BaseChatModel, wanted: Wanted) -> frozenset[str]:
    name = _asked_model(model, wanted)
    refused = NOT_IN_RESPONSES | CHAT_ONLY if responses_api(model, {}) else frozenset[str]()
    if "reasoning" in wanted and not isinstance(wanted["reasoning"], Mapping):
        refused |= {"reasoning"}  # Ollama's, a switch
    if reasons(model, wanted):
        one = wanted.get("temperature") == 1
        return refused | SAMPLING | (frozenset() if one else {"temperature"})
    return refused | ({"reasoning_effort", "reasoning"} if _PLAIN.match(name) else frozenset())


def _refused_elsewhere(model: BaseChatModel, wanted: Wanted) -> frozenset[str]:
    """What OpenAI refuses; and what would send a call to an API that few other servers have."""
    refused = _refused(model, wanted)
    return refused if responses_api(model, {}) else refused | RESPONSES_ONLY


def own_endpoint(model: BaseChatModel) -> bool:
    """Whether the calls go to OpenAI itself."""
    url = getattr(model, "openai_api_base", None) or ""
    client = getattr(model, "root_client", None)
    url = url or str(getattr(client, "base_url", "") or "")
    return not url or _OWN_HOST.match(url) is not None


OPENAI = Provider(
    name="openai",
    title="OpenAI",
    clients=("langchain_openai.ChatOpenAI",),
    parameters=same_names("top_k", max_tokens="max_completion_tokens"),
    own=frozenset(
        {
            "audio",
            "background",
            "context_management",
            "conversation",
            "function_call",
            "functions",
            "include",
            "instructions",
            "max_tool_calls",
            "modalities",
            "moderation",
            "prediction",
            "previous_response_id",
            "prompt",
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
            "reasoning",
            "safety_identifier",
            "service_tier",
            "store",
            "text",
            "truncation",
            "user",
            "verbosity",
            "web_search_options",
        }
    )
    | TRANSPORT,
    refused=_refused,
    written_as=frozenset({"openai"}),
    reads_blocks=frozenset({"text", "tool_use", "tool_call", "refusal"}),
    inputs=frozenset({"image", "audio", "pdf", "file"}),
    failed_ends=frozenset({"in_progress", "queued"}),
    notes="Reasoning models (gpt-5, o-series) take no sampling parameters, temperature=1 aside.",
)
COMPATIBLE = replace(
    OPENAI,
    title="OpenAI-compatible endpoints, ChatOpenAI(base_url=...)",
    refused=_refused_elsewhere,
    # Which server answers is not known, so what the strictest of them refuse is avoided.
    late_system=False,
    plain_call_names=False,
    asks_for_usage=True,
    notes="vLLM, LM Studio, llama.cpp, OpenRouter, LiteLLM, ...: other parameters by extra_body.",
)
AZURE = replace(
    OPENAI,
    name="azure",
    title="Azure OpenAI",
    clients=("langchain_openai.AzureChatOpenAI",),
    # Not each of its API's versions has Responses.
    refused=_refused_elsewhere,
    written_as=frozenset({"openai", "azure"}),
    asks_for_usage=True,
    notes="As OpenAI; the deployment's model decides.",
)
