"""xAI, through ChatXAI."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.language_models import BaseChatModel

from lc_asym_router.tiers.providers.description import Provider, Wanted, same_names
from lc_asym_router.tiers.providers.openai import TRANSPORT, model_name


def _refused(model: BaseChatModel, wanted: Wanted) -> frozenset[str]:
    """Models that think refuse penalties and stop words; only grok-3-mini has levels of effort."""
    profile = cast("dict[str, Any]", model.profile or {})
    name = model_name(model)
    thinks = profile.get("reasoning_output", name.startswith(("grok-3-mini", "grok-4")))
    refused = {"frequency_penalty", "presence_penalty", "stop"} if thinks else set[str]()
    if not profile and name.startswith(("grok-3", "grok-4", "grok-code-fast")):
        refused.add("stop")  # ChatXAI leaves it out without a word
    return frozenset(refused if name.startswith("grok-3-mini") else refused | {"reasoning_effort"})


XAI = Provider(
    name="xai",
    title="xAI",
    clients=("langchain_xai.ChatXAI",),
    parameters=same_names("top_k", "logit_bias"),
    own=TRANSPORT | {"deferred", "search_parameters", "user"},
    refused=_refused,
    written_as=frozenset({"xai", "openai"}),
    inputs=frozenset({"image"}),
    notes="Reasoning models refuse penalties and stop words; reasoning_effort: grok-3-mini alone.",
)
