"""Google Gemini, through ChatGoogleGenerativeAI."""

from __future__ import annotations

import re

from langchain_core.language_models import BaseChatModel

from lc_asym_router.tiers.providers.description import Provider, Wanted, same_names
from lc_asym_router.tiers.providers.openai import model_name


def _refused(model: BaseChatModel, wanted: Wanted) -> frozenset[str]:
    """Levels of effort came with Gemini 3; to the models before it they are an error."""
    old = re.search(r"gemini-[12](\D|$)", model_name(model))
    # Its client takes another model for an unknown setting.
    return frozenset({"reasoning_effort", "model"}) if old else frozenset({"model"})


GOOGLE_GENAI = Provider(
    name="google_genai",
    title="Google Gemini",
    clients=("langchain_google_genai.ChatGoogleGenerativeAI",),
    parameters=same_names(
        "logit_bias",
        max_tokens="max_output_tokens",
        n="candidate_count",
        logprobs="response_logprobs",
        top_logprobs="logprobs",
    ),
    own=frozenset(
        {
            "cached_content",
            "code_execution",
            "functions",
            "generation_config",
            "http_options",
            "image_config",
            "include_thoughts",
            "labels",
            "max_retries",
            "media_resolution",
            "response_json_schema",
            "response_mime_type",
            "response_modalities",
            "response_schema",
            "safety_settings",
            "speech_config",
            "thinking_budget",
            "thinking_config",
            "thinking_level",
            "timeout",
            "tool_config",
        }
    ),
    refused=_refused,
    written_as=frozenset({"google_genai", "google_vertexai"}),
    reads_blocks=frozenset({"text", "tool_use", "tool_call", "image_url", "media", "image"}),
    late_system=False,
    opens_with_answers=False,
    plain_call_names=False,
    inputs=frozenset({"image", "audio", "pdf", "video", "file"}),
    file_urls=True,
    rich_tool_results=True,
    failed_ends=frozenset(
        {
            "finish_reason_unspecified",
            "image_other",
            "malformed_response",
            "missing_thought_signature",
            "other",
            "too_many_tool_calls",
            "unexpected_tool_call",
        }
    ),
    notes="Blocked prompts and answers end with SAFETY, RECITATION, PROHIBITED_CONTENT, ...",
)
