"""What a model's run tells, as attributes of the conventions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from lc_asym_router.money.usage import TokenCounts, from_cache
from lc_asym_router.observe import conventions as names


def asked(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What a call is, by its run's metadata: attributes of its span and of its metrics."""
    return {
        names.OPERATION: names.CHAT,
        names.PROVIDER: names.provider_name(str(metadata.get("ls_provider") or "unknown")),
        names.REQUEST_MODEL: str(metadata.get("ls_model_name") or "unknown"),
    }


def parameters(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What else its span says of the call."""
    found = {
        names.REQUEST_TEMPERATURE: metadata.get("ls_temperature"),
        names.REQUEST_MAX_TOKENS: metadata.get("ls_max_tokens"),
    }
    return {key: value for key, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model has answered.

    Attributes:
        message: The answer; empty where the model is no chat model.
        counts: Its tokens; `None` where they are not known, or a cache of LangChain's answered.
        cached: Whether such a cache answered, so that no model was called.
    """

    message: AIMessage
    counts: TokenCounts | None
    cached: bool

    @classmethod
    def of(cls, response: LLMResult) -> Answered:
        """From the result of a model's run."""
        generation = response.generations[0][0] if response.generations else None
        said = generation.message if isinstance(generation, ChatGeneration) else None
        message = said if isinstance(said, AIMessage) else AIMessage("")
        usage = message.usage_metadata
        cached = bool(usage and from_cache(usage))
        counts = TokenCounts.of(usage) if usage and not cached else None
        return cls(message, counts, cached)

    @property
    def model(self) -> str | None:
        """The model that answered, by its own word."""
        finished = self.message.response_metadata
        return finished.get("model_name") or finished.get("model")

    @property
    def id(self) -> str | None:
        """The provider's id of the answer; not one that LangChain has made up."""
        found = self.message.response_metadata.get("id") or self.message.id
        return None if found is None or str(found).startswith("lc_") else str(found)

    @property
    def finish(self) -> str | None:
        """Why it stopped."""
        return finish_of(self.message)

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of its span."""
        counts = self.counts
        found = {
            names.RESPONSE_MODEL: self.model,
            names.RESPONSE_ID: self.id,
            names.FINISH_REASONS: [self.finish] if self.finish else None,
            names.INPUT_TOKENS: counts.input if counts else None,
            names.OUTPUT_TOKENS: counts.output if counts else None,
            names.CACHE_READ_TOKENS: (counts.cache_read or None) if counts else None,
            names.CACHE_CREATION_TOKENS: (counts.cache_write or None) if counts else None,
            names.REASONING_TOKENS: (counts.reasoning or None) if counts else None,
        }
        return {key: value for key, value in found.items() if value is not None}


def finish_of(message: AIMessage) -> str | None:
    """Why a model stopped, as its provider puts it."""
    finished = message.response_metadata
    return (
        finished.get("finish_reason") or finished.get("done_reason") or finished.get("stop_reason")
    )
