"""Which provider a chat model is of, by its class, and at which address."""

from __future__ import annotations

import hashlib

from langchain_core.language_models import BaseChatModel

from lc_asym_router.money.list_prices import base_url_of
from lc_asym_router.tiers.providers.anthropic import ANTHROPIC
from lc_asym_router.tiers.providers.deepseek import DEEPSEEK
from lc_asym_router.tiers.providers.description import Provider, same_names
from lc_asym_router.tiers.providers.google_genai import GOOGLE_GENAI
from lc_asym_router.tiers.providers.groq import GROQ
from lc_asym_router.tiers.providers.mistralai import MISTRAL
from lc_asym_router.tiers.providers.ollama import OLLAMA
from lc_asym_router.tiers.providers.openai import AZURE, COMPATIBLE, OPENAI, own_endpoint
from lc_asym_router.tiers.providers.xai import XAI

PROVIDERS = (
    OLLAMA,
    OPENAI,
    COMPATIBLE,
    AZURE,
    ANTHROPIC,
    GOOGLE_GENAI,
    MISTRAL,
    DEEPSEEK,
    GROQ,
    XAI,
)
"""Every provider that something is known of."""
UNKNOWN = Provider(
    name="",
    title="Any other class",
    clients=(),
    parameters=same_names(),
    reads_blocks=frozenset({"text", "tool_use", "tool_call", "image", "image_url"}),
    file_urls=True,
    plain_call_names=False,
    marks_end=False,
    known=False,
    notes="Standard parameters go as they are; what its messages and errors show is read.",
)
"""What is taken for true of a class that is in no file here; the record says that it was."""

_ADDRESSES = ("azure_endpoint", "api_base", "xai_api_base", "groq_api_base", "endpoint")
"""Where client classes keep the address that they call, besides those that prices look at."""
_BY_CLASS = {
    (client.partition(".")[0], client.rpartition(".")[2]): provider
    for provider in PROVIDERS[::-1]
    for client in provider.clients
}
BY_NAME = {provider.name: provider for provider in PROVIDERS[::-1]}
"""Each provider by its name (`ls_provider`)."""


def provider_of(model: BaseChatModel) -> Provider:
    """The provider of a chat model, by its class or the nearest one above it; else `UNKNOWN`."""
    for each in type(model).__mro__:
        found = _BY_CLASS.get((each.__module__.partition(".")[0], each.__name__))
        if found is not None:
            return COMPATIBLE if found is OPENAI and not own_endpoint(model) else found
    return UNKNOWN


def answer_provider(written_as: str) -> frozenset[str]:
    """Names of the providers whose clients may have made a message marked so."""
    return frozenset(each.name for each in PROVIDERS if written_as in each.written_as)


def endpoint_digest(model: BaseChatModel) -> str:
    """A name for the address that the model's calls go to, which does not tell it."""
    url = next((u for key in _ADDRESSES if isinstance(u := getattr(model, key, None), str)), "")
    url = url or base_url_of(model) or ""
    return hashlib.blake2b(url.rstrip("/").encode(), digest_size=6).hexdigest()
