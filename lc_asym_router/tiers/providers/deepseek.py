"""DeepSeek, through ChatDeepSeek."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from lc_asym_router.tiers.providers.description import Provider, Wanted, same_names
from lc_asym_router.tiers.providers.openai import TRANSPORT, model_name


def _refused(model: BaseChatModel, wanted: Wanted) -> frozenset[str]:
    """The reasoner answers 400 to logprobs, and takes no notice of the rest."""
    if "reasoner" not in model_name(model):
        return frozenset()
    sampling = {"temperature", "top_p", "frequency_penalty", "presence_penalty"}
    return frozenset(sampling | {"logprobs", "top_logprobs"})


DEEPSEEK = Provider(
    name="deepseek",
    title="DeepSeek",
    clients=("langchain_deepseek.ChatDeepSeek",),
    parameters=same_names("seed", "top_k", "n", "logit_bias", "reasoning_effort"),
    own=TRANSPORT,
    refused=_refused,
    written_as=frozenset({"deepseek", "openai"}),
    inputs=frozenset({"image"}),
    failed_ends=frozenset({"insufficient_system_resource"}),
    asks_for_usage=True,
    notes="deepseek-reasoner takes no sampling parameters.",
)
