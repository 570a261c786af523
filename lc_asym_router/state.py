"""What flows through the graph: the words of the design, as frozen records."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, TypedDict

from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage
from langchain_core.messages.ai import UsageMetadata
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph.message import add_messages

from lc_asym_router.display import Displayed
from lc_asym_router.money.prices import Pricing, cost_of_call, total
from lc_asym_router.money.usage import from_cache

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from lc_asym_router.peers import Peers
    from lc_asym_router.request import Request


@dataclass(frozen=True, slots=True)
class Decision(Displayed):
    """Why a request went where it went.

    Attributes:
        tier: Name of the tier that is asked first.
        complexity: How likely the request needs more than the small tier, in [0, 1]; `None` where
            no classifier was asked (a tier was forced, or only one could take the request).
        threshold: The complexity at or over which a request goes up, in [0, 1]; `None` likewise.
        confidence: How sure the classifier was, in [0, 1]; `None` where it does not say.
        classifier: Name of what scored the request.
        reason: One line for a person.
        cached: Whether the complexity was read from the router's `decision_cache`.
    """

    tier: str
    complexity: float | None
    threshold: float | None
    confidence: float | None
    classifier: str
    reason: str
    cached: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The decision as it stands in the record."""
        return {
            "tier": self.tier,
            "complexity": self.complexity,
            "threshold": self.threshold,
            "confidence": self.confidence,
            "classifier": self.classifier,
            "reason": self.reason,
            "cached": self.cached,
        }

    def _repr_html_(self) -> str:
        from lc_asym_router.notebook.decision_display import decision_html

        return decision_html(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says of an attempt.

    Attributes:
        passed: Whether the answer may be handed on.
        score: How good it is, in [0, 1]; `None` where the check does not grade.
        reason: One line for a person; it never quotes the answer.
        check: Name of the check that decided; filled in where it is left empty.
    """

    passed: bool
    score: float | None = None
    reason: str = ""
    check: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of one tier, as a check sees it.

    Attributes:
        tier: The tier's name.
        model: The model's name.
        message: What the model said.
        usage: Token counts as the provider reported them, or `None`.
        seconds: How long the call took.
        request: What was asked, with the tools and the schema bound to it.
        again: Asks the same tier the same thing again: ``again(temperature, seed)`` is a
            runnable to invoke with `request.messages`; `None` where the attempt was made by hand.
        peers: The tiers above, which a check may ask by their names; `None` where the attempt was
            made by hand.
        price: The tier's price, or `None`.
        provider: The model's provider ("ollama", "openai", ...); "" where it is not known.
    """

    tier: str
    model: str
    message: AIMessage = field(repr=False)
    request: Request = field(repr=False)
    usage: UsageMetadata | None = None
    seconds: float = 0.0
    again: Callable[[float, int], Runnable[Any, AIMessage]] | None = field(
        default=None, repr=False, compare=False
    )
    price: Pricing | None = None
    provider: str = ""
    peers: Peers | None = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """The answer's text, without reasoning and other blocks."""
        return str(self.message.text)

    @property
    def cost_usd(self) -> float | None:
        """Cost of this call in USD, or `None` where price or token counts are not known."""
        return cost_of_call(self.price, self.usage, self.seconds)


def attempt_entry(
    *,
    tier: str,
    model: str,
    price: Pricing | None,
    seconds: float,
    usage: UsageMetadata | None = None,
    error: str | None = None,
    unbilled: bool = False,
) -> dict[str, Any]:
    """An attempt's entry in the record, before any verdict.

    Args:
        unbilled: The call failed before its model began to answer, which no provider bills: its
            cost is 0 where the price is known. What a call that failed later cost nobody knows.
    """
    cost = cost_of_call(price, usage, seconds, failed=bool(error), unbilled=unbilled)
    return {
        "tier": tier,
        "model": model,
        "passed": None if not error else False,
        "check": None,
        "score": None,
        "reason": None,
        "usage": dict(usage) if usage else None,
        "cost_usd": cost,
        "seconds": seconds,
        "error": error,
        "cached": bool(usage and from_cache(usage)),
    }


def judged(entry: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """The entry with the verdict written in."""
    return {
        **entry,
        "passed": verdict.passed,
        "check": verdict.check,
        "score": verdict.score,
        "reason": verdict.reason,
    }


class Trail(TypedDict):
    """What the graph has found out so far about one request; plain JSON."""

    id: str
    """The request's own id: 32 hex digits, unique."""
    run_id: str | None
    """Id of the run that asked; `None` where there is none."""
    decision: dict[str, Any]
    attempts: list[dict[str, Any]]
    side_calls: list[dict[str, Any]]
    """Model calls that routing and checking made: judges, agreement samples."""
    started: float
    """`time.time()` at the start, in seconds since the epoch."""
    until: NotRequired[float]
    """With a deadline: when it passes, in seconds since the epoch."""
    ready: NotRequired[dict[str, Any]]
    """Where a check has asked the next tier already and its answer is the draft: that "tier", and the
    place of its "call" among the side calls."""
    budget: NotRequired[dict[str, Any]]
    """With budgets: what was charged to them, and which of them had no room."""


class RouterState(TypedDict):
    """The state of the graph. Only `messages` is seen from outside."""

    messages: Annotated[list[AnyMessage], add_messages]
    route: NotRequired[str]
    trail: NotRequired[Trail]
    draft: NotRequired[bytes | None]


Update = dict[str, Any]
"""What a node changes in the state."""


class RouterIO(TypedDict):
    """What goes into the graph and comes out of it: composes with `MessagesState`."""

    messages: Annotated[list[AnyMessage], add_messages]


def record_of(
    trail: Trail, *, answered: int, frontier: Pricing | None, last: str, climbed: int
) -> Any:
    """The record of a request whose answer is attempt number `answered`.

    `frontier_cost_usd` is an estimate: the answer's own token counts at the frontier's price. Where
    the frontier (the tier named `last`) gave the answer it is what that call cost; and so where a
    cache gave it, for that would have answered the frontier's caller too.

    Args:
        climbed: Rungs from the tier that was asked first to the one that answered.
    """
    answer = trail["attempts"][answered]
    cost = total([call["cost_usd"] for call in (*trail["attempts"], *trail["side_calls"])])
    if answer["tier"] == last or answer["cached"]:
        alone = answer["cost_usd"]
    else:
        alone = frontier.of(answer["usage"]) if frontier else None
    return {
        **open_record(trail),
        "tier": answer["tier"],
        "escalated": climbed > 0,
        "degraded": climbed < 0,
        "cost_usd": cost,
        "frontier_cost_usd": alone,
        "saved_usd": None if cost is None or alone is None else alone - cost,
    }


def open_record(trail: Trail) -> dict[str, Any]:
    """Ids, decision, calls and time: the part of a record that needs no answer."""
    return {
        "id": trail["id"],
        "run_id": trail["run_id"],
        "decision": trail["decision"],
        "attempts": trail["attempts"],
        "side_calls": trail["side_calls"],
        "seconds": max(0.0, time.time() - trail["started"]),
        **({"budget": trail["budget"]} if "budget" in trail else {}),
    }


_SERDE = JsonPlusSerializer()


def seal(draft: Sequence[AIMessageChunk] | AIMessage) -> bytes:
    """Close a draft into an envelope that no stream, event or trace takes for an answer.

    A draft stands in the graph's state between a tier and its check. As a message it would be
    emitted by LangGraph's messages mode and shown by its values and updates modes; as compressed
    bytes it can be checkpointed and carried, but not read by accident.
    """
    kind, data = _SERDE.dumps_typed(draft if isinstance(draft, AIMessage) else list(draft))
    return zlib.compress(kind.encode() + b"\0" + data, 1)


def unseal(envelope: bytes) -> list[AIMessageChunk] | AIMessage:
    """Open what `seal` closed."""
    kind, _, data = zlib.decompress(envelope).partition(b"\0")
    draft: list[AIMessageChunk] | AIMessage = _SERDE.loads_typed((kind.decode(), data))
    return draft
