"""Read a model run's data as attributes of the conventions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from lc_asym_router.money.usage import TokenCounts, from_cache
from lc_asym_router.observe import conventions as names


def asked(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call's attributes from its run's metadata, for its span and its metrics."""
    return {
        names.OPERATION: names.CHAT,
        names.PROVIDER: names.provider_name(str(metadata.get("ls_provider") or "unknown")),
        names.REQUEST_MODEL: str(metadata.get("ls_model_name") or "unknown"),
    }


def parameters(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call's parameters, for its span only."""
    found = {
        names.REQUEST_TEMPERATURE: metadata.get("ls_temperature"),
        names.REQUEST_MAX_TOKENS: metadata.get("ls_max_tokens"),
    }
    return {key: value for key, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's answer.

    Attributes:
        message: The answer; empty where the model is no chat model.
        counts: Its token counts; `None` where they are unknown, or a LangChain cache answered.
        cached: Whether such a cache answered, so that no model was called.
    """

    message: AIMessage
    counts: TokenCounts | None
    cached: bool

    @classmethod
    def of(cls, response: LLMResult) -> ModelAnswer:
        """Read it from the result of a model's run."""
        generation = response.generations[0][0] if response.generations else None
        generated = generation.message if isinstance(generation, ChatGeneration) else None
        message = generated if isinstance(generated, AIMessage) else AIMessage("")
        usage = message.usage_metadata
        cached = bool(usage and from_cache(usage))
        counts = TokenCounts.of(usage) if usage and not cached else None
        return cls(message, counts, cached)

    @property
    def model(self) -> str | None:
        """The name of the model that answered, as the answer has it."""
        finished = self.message.response_metadata
        return finished.get("model_name") or finished.get("model")

    @property
    def id(self) -> str | None:
        """The provider's id of the answer, but none that LangChain generated."""
        found = self.message.response_metadata.get("id") or self.message.id
        return None if found is None or str(found).startswith("lc_") else str(found)

    @property
    def finish(self) -> str | None:
        """The finish reason."""
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
    """Return the finish reason in the provider's own words."""
    finished = message.response_metadata
    return (
        finished.get("finish_reason") or finished.get("done_reason") or finished.get("stop_reason")
    )
