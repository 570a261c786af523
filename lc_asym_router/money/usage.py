"""Token counts as LangChain reports them, taken apart so that each token is counted once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SERVICE_TIERS = ("flex", "priority")
"""OpenAI's service tiers; langchain-openai puts them before the names of the details."""


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """The tokens of a call.

    In `UsageMetadata` cache reads and writes are inside `input_tokens`, and reasoning is inside
    `output_tokens`. Counts that contradict that are cut back to it, so that no token is paid twice.

    Attributes:
        input: All input tokens.
        output: All output tokens.
        cache_read: Those of the input that were read from the provider's prompt cache.
        cache_write: Those of the input that were written to it.
        cache_write_1h: Those of `cache_write` that are kept for an hour (Anthropic).
        reasoning: Those of the output that were spent on reasoning.
        audio_input: Those of the input that are audio.
        audio_output: Those of the output that are audio.
        service_tier: OpenAI's "flex" or "priority"; `None` for the standard one.
    """

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    service_tier: str | None = None

    @classmethod
    def of(cls, usage: Mapping[str, Any]) -> TokenCounts:
        """From a message's `usage_metadata`."""
        came, went = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
        details_in = usage.get("input_token_details") or {}
        details_out = usage.get("output_token_details") or {}
        tier = next(
            (each for each in SERVICE_TIERS if each in details_in or each in details_out), None
        )
        read = min(_detail(details_in, "cache_read", tier), came)
        an_hour = _count(details_in.get("ephemeral_1h_input_tokens"))
        # langchain-anthropic sets the sum to 0 where it gives the parts.
        parts = an_hour + _count(details_in.get("ephemeral_5m_input_tokens"))
        write = min(max(_detail(details_in, "cache_creation", tier), parts), came - read)
        reasoning = min(_detail(details_out, "reasoning", tier), went)
        return cls(
            input=came,
            output=went,
            cache_read=read,
            cache_write=write,
            cache_write_1h=min(an_hour, write),
            reasoning=reasoning,
            audio_input=min(_detail(details_in, "audio", tier), came - read - write),
            audio_output=min(_detail(details_out, "audio", tier), went - reasoning),
            service_tier=tier,
        )

    @property
    def plain_input(self) -> int:
        """Input tokens that are neither read from the cache nor written to it."""
        return self.input - self.cache_read - self.cache_write

    @property
    def plain_output(self) -> int:
        """Output tokens that are no reasoning."""
        return self.output - self.reasoning


def from_cache(usage: Mapping[str, Any]) -> bool:
    """Whether an answer came from a cache of LangChain's: no model was called, nothing is paid."""
    return usage.get("total_cost") == 0


def _detail(details: Mapping[str, Any], name: str, tier: str | None) -> int:
    prefixed = details.get(f"{tier}_{name}") if tier else None
    return _count(details.get(name)) + _count(prefixed)


def _count(value: Any) -> int:
    return max(0, int(value)) if isinstance(value, int | float) else 0
