"""Which provider a chat model is of, by its class."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

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
    marks_end=False,
    failed_ends=frozenset({"error"}),
    known=False,
    notes="Standard parameters go as they are; what its messages and errors show is read.",
)
"""What is taken for true of a class that is in no file here; the record says that it was."""

_BY_CLASS = {
    (client.partition(".")[0], client.rpartition(".")[2]): provider
    for provider in PROVIDERS[::-1]
    for client in provider.clients
}
_BY_NAME = {provider.name: provider for provider in PROVIDERS[::-1]}


def provider_of(model: BaseChatModel) -> Provider:
    """The provider of a chat model, by its class or the nearest one above it; else `UNKNOWN`."""
    for each in type(model).__mro__:
        found = _BY_CLASS.get((each.__module__.partition(".")[0], each.__name__))
        if found is not None:
            return COMPATIBLE if found is OPENAI and not own_endpoint(model) else found
    return UNKNOWN


def provider_named(name: str) -> Provider:
    """The provider of that name (`ls_provider`), else `UNKNOWN`."""
    return _BY_NAME.get(name, UNKNOWN)


def answer_provider(written_as: str) -> frozenset[str]:
    """Names of the providers whose clients may have made a message marked so."""
    return frozenset(each.name for each in PROVIDERS if written_as in each.written_as)
