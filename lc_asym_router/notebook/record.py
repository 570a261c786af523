"""`Record`: what happened to one request, made to be looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router.display import Displayed
from lc_asym_router.errors import ConfigurationError, TiersFailedError
from lc_asym_router.notebook.amounts import UNKNOWN
from lc_asym_router.notebook.record_display import record_html
from lc_asym_router.shell.lines import record_lines
from lc_asym_router.state import Decision


@dataclass(frozen=True)
class Call:
    """One call of a model: an attempt of a tier, or a side call of a classifier or a check.

    Attributes:
        tier: The tier's name; of a side call, what it was for ("classify", "verify").
        model: The model's name.
        passed: The check's verdict; `None` where no check was made.
        check: The check that decided, or "".
        score: Its score in [0, 1], or `None`.
        reason: Why, in one line, or "".
        usage: Token counts under "input_tokens" and "output_tokens", or `None`.
        cost_usd: Cost in USD, or `None` where it is not known.
        seconds: How long it took, or `None` where the record does not say.
        error: Why it failed, or "".
        stopped_early: Whether the router ended it before it was whole.
        cached: Whether the answer came from LangChain's cache, and no model was asked.
        retry_in: Seconds that were waited before the same tier was asked again, or `None`.
    """

    tier: str
    model: str
    passed: bool | None
    check: str
    score: float | None
    reason: str
    usage: Mapping[str, int] | None
    cost_usd: float | None
    seconds: float | None
    error: str
    stopped_early: bool
    cached: bool
    retry_in: float | None

    @classmethod
    def of(cls, entry: Any) -> Call:
        """A call of its entry in a record, whatever is missing there."""
        given = _mapping(entry)
        usage = _mapping(given.get("usage"))
        counts = {name: _number(usage.get(name)) for name in ("input_tokens", "output_tokens")}
        known = {name: int(count) for name, count in counts.items() if count is not None}
        passed = given.get("passed")
        return cls(
            tier=_text(given.get("tier")) or _text(given.get("purpose")) or UNKNOWN,
            model=_text(given.get("model")) or UNKNOWN,
            passed=passed if isinstance(passed, bool) else None,
            check=_text(given.get("check")),
            score=_number(given.get("score")),
            reason=_text(given.get("reason")),
            usage=known if len(known) == len(counts) else None,
            cost_usd=_number(given.get("cost_usd")),
            seconds=_number(given.get("seconds")),
            error=_text(given.get("error")),
            stopped_early=bool(given.get("stopped_early")),
            cached=given.get("cached") is True,
            retry_in=_number(given.get("retry_in")),
        )


@dataclass(frozen=True, repr=False)
class Record(Displayed):
    """The record of one request; shows itself as a timeline of its attempts.

    Attributes:
        decision: Why it went where it went.
        attempts: The calls of tiers, in order.
        side_calls: The calls of classifiers and checks, in order.
        tier: The tier that answered, or `None`.
        escalated: Whether a tier below was asked before it.
        degraded: Whether a tier above was asked before it, and failed.
        cost_usd: What all calls cost in USD, or `None` where a price is not known.
        frontier_cost_usd: What the frontier alone would have cost, an estimate, or `None`.
        saved_usd: The difference, or `None`.
        seconds: How long it took, or `None` where the record does not say.
        answer: The answer, or `None`.
    """

    decision: Decision
    attempts: tuple[Call, ...] = ()
    side_calls: tuple[Call, ...] = ()
    tier: str | None = None
    escalated: bool = False
    degraded: bool = False
    cost_usd: float | None = None
    frontier_cost_usd: float | None = None
    saved_usd: float | None = None
    seconds: float | None = None
    answer: AIMessage | None = field(default=None, compare=False)

    @classmethod
    def of(cls, source: AIMessage | Mapping[str, Any] | TiersFailedError) -> Record:
        """The record of an answer, of an error, or as a mapping; what is missing is unknown.

        Args:
            source: A router's answer, `answer.response_metadata["router"]` itself, or a
                `TiersFailedError`.

        Raises:
            ConfigurationError: There is no record on it.
        """
        answer = source if isinstance(source, AIMessage) else None
        given: Any = source
        if answer is not None:
            given = answer.response_metadata.get("router")
        elif isinstance(source, TiersFailedError):
            given = source.record
        if not isinstance(given, Mapping):
            raise ConfigurationError(
                f"There is no record on this {type(source).__name__}. Give an answer of a router "
                '(its record is response_metadata["router"]; the last chunk of a stream has it), the '
                "record itself, or a TiersFailedError."
            )
        return cls(
            decision=_decision(given.get("decision")),
            attempts=tuple(map(Call.of, _sequence(given.get("attempts")))),
            side_calls=tuple(map(Call.of, _sequence(given.get("side_calls")))),
            tier=_text(given.get("tier")) or None,
            escalated=given.get("escalated") is True,
            degraded=given.get("degraded") is True,
            cost_usd=_number(given.get("cost_usd")),
            frontier_cost_usd=_number(given.get("frontier_cost_usd")),
            saved_usd=_number(given.get("saved_usd")),
            seconds=_number(given.get("seconds")),
            answer=answer,
        )

    def __repr__(self) -> str:
        """The record in lines, without the request and the answer."""
        return "\n".join(record_lines(asdict(replace(self, answer=None))))

    def _repr_html_(self) -> str:
        return record_html(self)


def _decision(given: Any) -> Decision:
    known = _mapping(given)
    return Decision(
        tier=_text(known.get("tier")) or UNKNOWN,
        complexity=_number(known.get("complexity")),
        threshold=_number(known.get("threshold")),
        confidence=_number(known.get("confidence")),
        classifier=_text(known.get("classifier")) or UNKNOWN,
        reason=_text(known.get("reason")) or "the record does not say why",
        cached=known.get("cached") is True,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value
