"""The record of one request, and the same as lines for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router._internal.display import Displayed
from lc_asym_router.errors import ConfigurationError, TiersFailedError
from lc_asym_router.records.call import (
    UNKNOWN,
    Call,
    ResultKind,
    describe_calls,
    mapping_of,
    number_of,
    sequence_of,
    text_of,
)
from lc_asym_router.records.trail import Decision


@dataclass(frozen=True, repr=False)
class Record(Displayed):
    """The record of one request; a notebook shows it as a timeline of attempts, or of a plan's steps.

    Attributes:
        decision: Which tier was chosen, and why.
        attempts: The calls of tiers, in order.
        side_calls: The calls of classifiers and checks, in order.
        tier: The tier that answered, or `None`.
        escalated: Whether a lower tier was asked before the one that answered.
        degraded: Whether a higher tier was asked before the one that answered, and failed.
        vouched: What supports the answer: "form" (its form and its sums), "sample" (a further
            sample of the same model), "vote" (another model agrees), "judge", "learned", "own" (a
            check of the user's), "frontier" (the last tier's answer, which no check is made on),
            "none"; for composed checks the strongest. `None` where the record does not have it.
        cost_usd: Cost of all calls in USD, or `None` where a price is unknown.
        frontier_cost_usd: Estimated cost in USD of the frontier alone, or `None`.
        saved_usd: The difference in USD, or `None`.
        seconds: Duration in seconds, or `None` where the record does not have it.
        answer: The answer, or `None`.
        decomposition: How a `Decomposer` split the request, or why it did not; `None` for a
            router's record.
    """

    decision: Decision
    attempts: tuple[Call, ...] = ()
    side_calls: tuple[Call, ...] = ()
    tier: str | None = None
    escalated: bool = False
    degraded: bool = False
    vouched: str | None = None
    cost_usd: float | None = None
    frontier_cost_usd: float | None = None
    saved_usd: float | None = None
    seconds: float | None = None
    answer: AIMessage | None = field(default=None, compare=False)
    decomposition: Decomposition | None = None

    @classmethod
    def of(cls, source: AIMessage | Mapping[str, Any] | TiersFailedError) -> Record:
        """Read the record of an answer or of an error; missing fields become unknown.

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
        split = Decomposition.of(given.get("decomposition"), _read)
        return replace(_read(given), answer=answer, decomposition=split)

    def __repr__(self) -> str:
        """The record as text lines, without the texts of the request and the answer."""
        plain = asdict(replace(self, answer=None, decomposition=None))
        lines = (decision_line(plain["decision"]), *_plan_lines(self), *spent_lines(plain))
        return "\n".join(lines)


def _read(given: Mapping[str, Any]) -> Record:
    """Read a record without its decomposition: the record of a step has none."""
    return Record(
        decision=_decision(given.get("decision")),
        attempts=tuple(map(Call.of, sequence_of(given.get("attempts")))),
        side_calls=tuple(map(Call.of, sequence_of(given.get("side_calls")))),
        tier=text_of(given.get("tier")) or None,
        escalated=given.get("escalated") is True,
        degraded=given.get("degraded") is True,
        vouched=text_of(given.get("vouched")) or None,
        cost_usd=number_of(given.get("cost_usd")),
        frontier_cost_usd=number_of(given.get("frontier_cost_usd")),
        saved_usd=number_of(given.get("saved_usd")),
        seconds=number_of(given.get("seconds")),
    )


def _plan_lines(record: Record) -> Iterator[str]:
    """Yield a line for each step of the plan, without the steps' texts."""
    found = record.decomposition
    if found is None or not found.parts:
        return
    if any(call.tier == "plan" for call in record.side_calls):
        yield f"plan: {found.reason}"
    for part in found.parts:
        yield f"step {part.id}: {part.described[0]}"
    if found.join:
        yield f"join: {found.join.described[0]}"
    if whole := [call for call in record.attempts if not call.step]:
        yield f"whole: {describe_calls(whole)[0]}"


def _decision(given: Any) -> Decision:
    known = mapping_of(given)
    return Decision(
        tier=text_of(known.get("tier")) or UNKNOWN,
        complexity=number_of(known.get("complexity")),
        threshold=number_of(known.get("threshold")),
        confidence=number_of(known.get("confidence")),
        classifier=text_of(known.get("classifier")) or UNKNOWN,
        reason=text_of(known.get("reason")) or "the record does not say why",
        cached=known.get("cached") is True,
    )


Read = Callable[[Mapping[str, Any]], "Record"]


@dataclass(frozen=True)
class Part:
    """One step of a plan, and its result.

    Attributes:
        id: The step's id within the plan.
        title: The step's title, in one line, or "" where the record does not have it.
        needs: Ids of the steps whose answers it was given.
        record: The router's record of the step; `None` where it was never asked.
        error: Why it has no answer, or "".
    """

    id: str
    title: str
    needs: tuple[str, ...]
    record: Record | None
    error: str

    @property
    def described(self) -> tuple[str, ResultKind]:
        """The result in words, and its kind."""
        after = f"after {', '.join(self.needs)}: " if self.needs else ""
        if self.record is None:
            return f"{after}not asked", "side"
        result, kind = describe_calls(self.record.attempts)
        if self.error:
            result, kind = f"{result}; no answer: {self.error}", "fail"
        return f"{after}{result}", kind


@dataclass(frozen=True)
class Join:
    """How the parts' answers were put together.

    Attributes:
        by: "template", or the name of the tier that was asked first.
        record: The router's record of the join; `None` where no model was called.
        unused: Ids of the parts that the joined answer leaves out: then the frontier answers the
            whole request.
    """

    by: str
    record: Record | None
    unused: tuple[str, ...]

    @property
    def described(self) -> tuple[str, ResultKind]:
        """The result in words, and its kind."""
        result, kind = describe_calls(self.record.attempts if self.record else ())
        if self.by == "template":
            result, kind = "put together without a model", "calm"
        if self.unused:
            result, kind = f"{result}; discarded, it leaves out {', '.join(self.unused)}", "bad"
        return result, kind


@dataclass(frozen=True)
class Decomposition:
    """What a `Decomposer` did with a request.

    Attributes:
        planner: The planner's name, or "" where none was asked.
        reason: Why the request was split, or was not, in one line.
        parts: The plan's steps, in reading order; empty where the request was not split.
        join: How the answers were put together, or `None`.
    """

    planner: str
    reason: str
    parts: tuple[Part, ...]
    join: Join | None

    @classmethod
    def of(cls, given: Any, read: Read) -> Decomposition | None:
        """Read the decomposition in a record; missing fields become unknown.

        `None` where there is none.

        Args:
            given: The record's entry "decomposition".
            read: Reads a part's own record.
        """
        known = mapping_of(given)
        if not known:
            return None
        join = mapping_of(known.get("join"))
        return cls(
            planner=text_of(known.get("planner")),
            reason=text_of(known.get("reason")) or "the record does not say why",
            parts=tuple(_parts(known, read)),
            join=_join(join, read) if join else None,
        )


def _parts(known: Mapping[str, Any], read: Read) -> Iterator[Part]:
    """Read the planned steps, with the results of those that were asked."""
    asked = [mapping_of(step) for step in sequence_of(known.get("steps"))]
    for planned in map(mapping_of, sequence_of(mapping_of(known.get("plan")).get("steps"))):
        name = text_of(planned.get("id"))
        same = [step for step in asked if name and text_of(step.get("id")) == name]
        if same:
            asked.remove(same[0])
            yield _part({**planned, **same[0]}, read(mapping_of(same[0].get("record"))))
        else:
            yield _part(planned, None)
    for step in asked:  # the record has lost its plan
        yield _part(step, read(mapping_of(step.get("record"))))


def _part(step: Mapping[str, Any], record: Record | None) -> Part:
    return Part(
        id=text_of(step.get("id")) or UNKNOWN,
        title=text_of(step.get("title")),
        needs=_texts(step.get("needs")),
        record=record,
        error=text_of(step.get("error")),
    )


def _join(join: Mapping[str, Any], read: Read) -> Join:
    record = join.get("record")
    return Join(
        by=text_of(join.get("by")) or UNKNOWN,
        record=read(record) if isinstance(record, Mapping) else None,
        unused=_texts(join.get("unused")),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(filter(None, map(text_of, sequence_of(value))))


def decision_line(decision: Mapping[str, Any]) -> str:
    """Format the decision as one line."""
    return f"decision: {decision['tier']} ({decision['classifier']}): {decision['reason']}"


def attempt_line(number: int, attempt: Mapping[str, Any]) -> str:
    """Format an attempt and its verdict as one line."""
    if attempt["error"]:
        result = f"failed: {attempt['error']}"
    elif attempt["passed"] is None:
        result = "answered, not checked"
    else:
        result = "passed" if attempt["passed"] else f"rejected by {attempt['check']}"
        result += f": {attempt['reason']}" if attempt["reason"] else ""
    if attempt.get("cut_off"):
        result += f", cut off ({attempt['cut_off']})"
    usage = attempt["usage"]
    tokens = f", {usage['input_tokens']} + {usage['output_tokens']} tokens" if usage else ""
    spent = f"[{_seconds(attempt['seconds'])}{tokens}{_usd(attempt['cost_usd'])}]"
    step = f"step {attempt['step']}: " if attempt.get("step") else ""
    return f"attempt {number}: {step}{attempt['tier']} ({attempt['model']}) {result} {spent}"


def record_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Format the whole record, one line per step."""
    yield decision_line(record["decision"])
    yield from spent_lines(record)


def spent_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Format a record's calls and their totals, one line each."""
    for number, attempt in enumerate(record["attempts"], 1):
        yield attempt_line(number, attempt)
    yield from total_lines(record)


def total_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Format a record's side calls and totals, one line each."""
    if record["side_calls"]:
        seconds = sum(call["seconds"] or 0.0 for call in record["side_calls"])
        count = len(record["side_calls"])
        plans = any(
            "plan" in (call.get("purpose"), call.get("tier")) for call in record["side_calls"]
        )
        what = "plan, classify and check" if plans else "classify and check"
        yield f"side calls: {count} to {what} [{seconds:.2f} s]"
    saved = record["saved_usd"]
    compared = "" if saved is None else f", ${saved:.6f} saved against the frontier alone"
    yield f"in all: {_seconds(record['seconds'])}{_usd(record['cost_usd'])}{compared}"


def _seconds(took: float | None) -> str:
    return "unknown time" if took is None else f"{took:.2f} s"


def _usd(cost: float | None) -> str:
    return "" if cost is None else f", ${cost:.6f}"
