"""Token counts as LangChain reports them, split so that each token is counted once.

A server may report anything. Counts are limited to 0 to `MOST_TOKENS`, and what is no count becomes
0; `believed` returns whether that was necessary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.utils import count_tokens_approximately

SERVICE_TIERS = ("flex", "priority")
"""OpenAI's service tiers; langchain-openai puts them before the names of the details."""


MOST_TOKENS = 100_000_000
"""More tokens than any call has: greater counts are cut to it."""

_COUNTS = ("input_tokens", "output_tokens", "total_tokens")
_DETAILS = ("input_token_details", "output_token_details")


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """The token counts of a call.

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
        details_in = _mapping(usage.get("input_token_details"))
        details_out = _mapping(usage.get("output_token_details"))
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


def believed(usage: Mapping[str, Any]) -> tuple[UsageMetadata, bool]:
    """Return the counts within their bounds, and whether all were within them originally.

    Args:
        usage: A message's `usage_metadata`, unvalidated.
    """
    found = {**usage, **{name: _count(usage.get(name)) for name in _COUNTS}}
    believable = all(_is_count(usage.get(name)) for name in _COUNTS)
    for part in _DETAILS:
        details = usage.get(part)
        if details is None:
            continue
        given = details if isinstance(details, Mapping) else {}
        found[part] = {name: _count(n) for name, n in given.items() if n is not None}
        believable = believable and all(n is None or _is_count(n) for n in given.values())
    found["total_tokens"] = max(
        found["total_tokens"], found["input_tokens"] + found["output_tokens"]
    )
    return cast("UsageMetadata", found), believable


def estimated_usage(received: AIMessage, input_tokens: int) -> UsageMetadata:
    """Estimate the usage of a call that broke off.

    Uses the counts that arrived before, and about four characters per token for the rest.

    Args:
        received: The part of the answer that arrived.
        input_tokens: The input's tokens, by the router's own count.
    """
    came, went = 0, 0
    if received.usage_metadata:
        counted, _ = believed(received.usage_metadata)
        came, went = counted["input_tokens"], counted["output_tokens"]
    came = came or input_tokens
    went = max(went, count_tokens_approximately([received], extra_tokens_per_message=0.0))
    return UsageMetadata(input_tokens=came, output_tokens=went, total_tokens=came + went)


def from_cache(usage: Mapping[str, Any]) -> bool:
    """Whether an answer came from a LangChain cache: no model was called, and nothing is paid."""
    return usage.get("total_cost") == 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _detail(details: Mapping[str, Any], name: str, tier: str | None) -> int:
    prefixed = details.get(f"{tier}_{name}") if tier else None
    return _count(details.get(name)) + _count(prefixed)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return 0
    return int(min(value, MOST_TOKENS))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
