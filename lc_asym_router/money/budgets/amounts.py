"""Amounts of budgets as exact whole numbers, and the most that a call may use."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

if TYPE_CHECKING:
    from lc_asym_router.money.prices import Pricing
    from lc_asym_router.records.request import Request

Unit = Literal["usd", "tokens", "calls"]
UNITS: tuple[Unit, ...] = ("usd", "tokens", "calls")
NANO = 1_000_000_000

MOST_AMOUNT = 2**62
"""No amount and no sum is greater: databases count in 64 bits."""
MOST_LIMIT: Mapping[Unit, int] = {"usd": 10**9, "tokens": 10**15, "calls": 10**15}
"""The greatest limit of a budget: USD, tokens, calls."""

Amounts = Mapping[Unit, int]
"""An amount in each unit: billionths of a USD, tokens, calls."""


def spent_of(unit: Unit, value: float) -> int:
    """What a cost comes to, rounded up: USD to billionths. At least 0, at most `MOST_AMOUNT`."""
    parts = value * NANO if unit == "usd" else value
    if parts <= 0:
        return 0
    # What is no number is taken as the most.
    return math.ceil(round(parts, 3)) if parts < MOST_AMOUNT else MOST_AMOUNT


def limit_amount(unit: Unit, value: float) -> int:
    """What a limit comes to, rounded down: USD to billionths."""
    return math.floor(round(value * NANO, 3)) if unit == "usd" else math.floor(value)


def in_unit(unit: Unit, amount: int) -> float:
    """The amount as a person gives it: USD, tokens or calls."""
    return amount / NANO if unit == "usd" else amount


def amount_text(unit: Unit, value: float) -> str:
    """The amount with its unit, for a message."""
    if unit == "usd":
        return f"{value:.6f}".rstrip("0").rstrip(".") + " USD"
    return f"{value:,.0f} {unit}"


KEPT = 86_400.0
"""How long an expired reservation and the sum of a period that is over are still known, in seconds,
so that a late call can settle them."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The most that a call may take from one limit, in whole units.

    Attributes:
        key: Names the limit, its scope and its period.
        limit: The limit.
        amount: The most that the call may take.
        lease: Seconds until the reservation counts no more, should its process have died.
        ends_at: When the limit's period is over, in seconds since the epoch; `None` for never.
    """

    key: str
    limit: int
    amount: int
    lease: float
    ends_at: float | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """The sums of a key: spent, and reserved by calls under way."""

    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A claim without room, with the balance that ruled it out."""

    claim: Claim
    balance: Balance


OVERHEAD = 128
"""Tokens that a chat template may put around a request."""
PER_MESSAGE = 16
"""Tokens that it may put around a message."""
PER_TOOL = 64
"""Tokens that it may put around a tool or a schema."""
MEDIA_TOKENS = 50_000
"""Tokens that an image, a recording or a file is counted as."""

LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens", "num_predict")
"""What models and calls name the most output tokens."""


def most_input_tokens(messages: Sequence[BaseMessage], request: Request | None = None) -> int:
    """The most input tokens that the messages can be.

    Today's vocabularies fall back to single bytes, so no text has more tokens than bytes in UTF-8.
    That is about four times what English text has; the call is settled to what the provider counts.

    Args:
        messages: What is sent.
        request: What is bound to it: tools, a schema, arguments; `None` for none.
    """
    tokens = OVERHEAD + sum(PER_MESSAGE + _of_message(message) for message in messages)
    if request is None:
        return tokens
    if request.tools:
        tokens += sum(PER_TOOL + 2 * _of_json(tool) for tool in request.tools.openai_tools)
        tokens += _of_json(dict(request.tools.kwargs))
    if request.schema:
        schema = request.schema.schema
        tokens += PER_TOOL + 2 * _of_json(convert_to_openai_tool(schema))
    return tokens + _of_json(dict(request.kwargs))


def _of_message(message: BaseMessage) -> int:
    content = message.content
    tokens = _bytes(message.name or "")
    if isinstance(content, str):
        tokens += _bytes(content)
    else:
        tokens += sum(_of_block(block) for block in content)
    if isinstance(message, AIMessage):
        calls = [*message.tool_calls, *message.invalid_tool_calls]
        tokens += sum(PER_TOOL + _of_json(call) for call in calls)
        reasoning = message.additional_kwargs.get("reasoning_content")
        tokens += _bytes(reasoning) if isinstance(reasoning, str) else 0
    return tokens


def _of_block(block: Any) -> int:
    if isinstance(block, str):
        return _bytes(block)
    if isinstance(block, Mapping):
        if block.get("type") in ("text", "reasoning", "thinking", "tool_call", "tool_use"):
            return PER_MESSAGE + _of_json(dict(block))
        if block.get("type") in ("refusal", "tool_result", "non_standard"):
            return PER_MESSAGE + _of_json(dict(block))
    return MEDIA_TOKENS


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _of_json(value: Any) -> int:
    return len(json.dumps(value, default=str))  # escapes outside ASCII are longer than UTF-8


def most_output_tokens(model: Any, request: Request) -> int | None:
    """The most output tokens of a call of a chat model; `None` where nothing limits them."""
    given = {**request.kwargs, **(request.kwargs.get("options") or {})}
    named = [given[key] for key in LIMITS if key in given]
    if any(not _positive(limit) for limit in named):
        return None
    limit: int | None = max(named) if named else model_limit(model)
    several = [n for n in (given.get("n"), getattr(model, "n", None)) if _positive(n)]
    answers = max((int(n) for n in several if n is not None), default=1)
    return None if limit is None else limit * answers


def model_limit(model: Any) -> int | None:
    """The most output tokens that a chat model sets itself; `None` for none."""
    return next((n for key in LIMITS if _positive(n := getattr(model, key, None))), None)


def _positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def by_output(price: Pricing) -> bool:
    """Whether a price goes by output tokens."""
    return price.most(1000, 1, 1.0) != price.most(1000, 1_000_000, 1.0)
