"""Mistral, through ChatMistralAI."""

from __future__ import annotations

from lc_asym_router.tiers.providers.description import Provider, same_names

MISTRAL = Provider(
    name="mistral",
    title="Mistral",
    clients=("langchain_mistralai.ChatMistralAI", "langchain_mistralai.chat_models.ChatMistralAI"),
    parameters=same_names(
        "top_k", "reasoning_effort", "logprobs", "top_logprobs", "logit_bias", seed="random_seed"
    ),
    own=frozenset({"prediction", "prompt_mode", "safe_mode", "safe_prompt"}),
    written_as=frozenset({"mistralai", "mistral"}),
    reads_blocks=frozenset({"text", "tool_use", "tool_call", "image_url", "image"}),
    late_system=False,
    inputs=frozenset({"image"}),
    empty_answers=False,
    notes="Its client says nothing of an error under HTTP 200; the router reads it in the body.",
)
