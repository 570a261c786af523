"""An attempt as a check sees it: whole, or the beginning that has come so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router._internal.schemas import SchemaError
from lc_asym_router.errors import CheckError, ConfigurationError
from lc_asym_router.money.prices import Pricing, cost_of_call
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.binding import structured
from lc_asym_router.tiers.provider import tokens_of

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from lc_asym_router.records.request import Request


@dataclass
class Prefix:
    """The part of an answer that has arrived; grows chunk by chunk.

    Attributes:
        request: The request.
        provider: The model's provider ("ollama", "openai", ...).
        text: The text so far; a check is given it without the thinking in it.
        chunks: Number of chunks with text so far, which is about the number of output tokens.
        logprobs: The logprob of each token so far, where the server gives them.
        called: Whether a tool call has begun.
    """

    request: Request
    provider: str = ""
    text: str = ""
    chunks: int = 0
    logprobs: list[float] = field(default_factory=list)
    called: bool = False

    def add(self, chunk: AIMessageChunk) -> None:
        """Add a chunk."""
        if said := chunk.text:
            self.text += said
            self.chunks += 1
        self.called = self.called or bool(chunk.tool_call_chunks)
        self.logprobs.extend(token["logprob"] for token in tokens_of(chunk.response_metadata))


VOUCHED = ("none", "form", "learned", "judge", "sample", "vote", "own", "frontier")
"""What an answer can be vouched for by, weakest first: nothing; its form and its sums; learned scores;
a judge's word; a further sample of the same model; another model that says the same; a check of the
user's own; the last tier, which nothing checks."""


TOO_LONG = "the answer is too long to judge"
"""Why a check fails an answer that is longer than it looks at."""
LONGEST_REASON = 1_000
"""Characters of a verdict's reason that are kept."""


def _finite(score: Any) -> float | None:
    """A score as a float; `None` for what is no finite number."""
    if score is None:
        return None
    try:
        found = float(score)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check on an attempt.

    Attributes:
        passed: Whether the answer may be returned.
        score: Its score in [0, 1]; `None` where the check gives none.
        reason: One line for a person; it never quotes the answer.
        check: Name of the check that decided; filled in where it is left empty.
        vouched: What a passed answer is vouched for by, one of `VOUCHED`; filled in by the check
            where it is left empty.
        answer: What is to be handed on in place of the checked answer, or `None`. Where a call of
            this check gave it, that call becomes the attempt that answered.
        votes: Who voted what, plain data without a text: `{"voter", "model", "vote", "why"}` each,
            equal numbers in "vote" for answers that say the same, `None` for an abstention, whose
            reason stands in "why". Where there are any and nothing is handed on, the last tier is
            asked next.

    Where a check has returned it, a score that is no finite number is `None`, a reason is cut to
    `LONGEST_REASON` characters, and a `passed`, `answer` or `votes` that is something else than
    described is a `CheckError`.
    """

    passed: bool
    score: float | None = None
    reason: str = ""
    check: str = ""
    vouched: str = ""
    answer: AIMessage | None = field(default=None, repr=False)
    votes: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of_error(cls, error: Exception, check: str) -> Verdict:
        """What a check that raises comes to: nothing is handed on unchecked.

        Raises:
            GraphBubbleUp: An interrupt passes through.
            CheckError: The check is no check: its author should know at once.
            ConfigurationError: It is set up wrongly, likewise.
        """
        if isinstance(error, GraphBubbleUp | CheckError | ConfigurationError):
            raise error
        return cls(False, None, f"the check raised {describe_error(error)}", check)

    def by(self, check: str, vouches: str) -> Verdict:
        """The verdict with the check's name in it, and with what vouches for a passed answer."""
        return _passed_by(check, vouches) if self is PASSED else self._by(check, vouches)

    def _by(self, check: str, vouches: str) -> Verdict:
        score, reason = self.score, self.reason
        plain = (
            (self.passed is True or self.passed is False)
            and (score is None or (type(score) is float and isfinite(score)))
            and (type(reason) is str and len(reason) <= LONGEST_REASON)
            and (self.answer is None or isinstance(self.answer, AIMessage))
        )
        if not plain or self.votes:
            self = self._bounded()
        vouched = (self.vouched or vouches) if self.passed else "none"
        if vouched not in VOUCHED:
            raise CheckError(
                f"The check {check} vouches by {str(vouched)[:40]!r}, which is none of {VOUCHED}. "
                'Leave it out: what a check of your own passes is vouched for by "own".'
            )
        return replace(self, check=self.check or check, vouched=vouched)

    def _bounded(self) -> Verdict:
        passed: Any = self.passed
        if not isinstance(passed, bool) and type(passed).__name__ not in (
            "bool_",
            "bool",
        ):  # NumPy's
            raise CheckError(f"Verdict(passed={type(passed).__name__}): give True or False.")
        if self.answer is not None and not isinstance(self.answer, AIMessage):
            raise CheckError(f"Verdict(answer={type(self.answer).__name__}): give an AIMessage.")
        if not all(isinstance(vote, Mapping) for vote in self.votes):
            raise CheckError("Verdict(votes=...) holds something that is no mapping.")
        reason = str(self.reason)[:LONGEST_REASON]
        return replace(self, passed=bool(passed), score=_finite(self.score), reason=reason)


PASSED = Verdict(True)
"""What most checks say of most answers: made once, and named once for each check."""


@lru_cache(maxsize=1_024)
def _passed_by(check: str, vouches: str) -> Verdict:
    return PASSED._by(check, vouches)


class TiersAbove(Protocol):
    """The tiers above the checked one, which a check may ask."""

    def ask(self, name: str) -> AIMessage:
        """Return a tier's answer to the same request.

        Raises:
            ConfigurationError: There is no such tier.
            NoTierError: It can't take the request.
            Exception: Whatever the call raises.
        """
        ...

    async def aask(self, name: str) -> AIMessage:
        """The async twin of `ask`."""
        ...

    def calls(self, calls: Mapping[str | None, dict[str, Any]]) -> dict[str, tuple[AIMessage, Any]]:
        """What each tier has said, by its name, with the side call that was noted for it.

        Args:
            calls: The side calls by the ids of their answers.
        """
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of one tier, in the form that checks take.

    Attributes:
        tier: The tier's name.
        model: The model's name.
        message: The model's answer.
        usage: Token counts as the provider reported them, or `None`.
        seconds: Duration of the call, in seconds.
        request: The request, with the tools and the schema bound to it.
        again: Repeats the request on the same tier: ``again(temperature, seed)`` returns a runnable
            to invoke with `request.messages`; `None` where the attempt was made by hand.
        tiers_above: The tiers above, which a check may ask by their names; `None` where the attempt
            was made by hand.
        price: The tier's price, or `None`.
        provider: The model's provider ("ollama", "openai", ...); "" where it is not known.
        cast: A `Vote` whose voters were asked beside the tier, and what they have said, in their order;
            `None` where nobody was asked yet.
        repairs: Whether tool calls become real ones that are written as text in the answers that its
            checks ask for; as for `AsymRouter(repair_tool_calls=...)`.
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
    tiers_above: TiersAbove | None = field(default=None, repr=False, compare=False)
    cast: tuple[object, Sequence[AIMessage | Exception]] | None = field(
        default=None, repr=False, compare=False
    )
    repairs: bool = True

    @property
    def text(self) -> str:
        """The answer's text, without reasoning and other blocks."""
        return str(self.message.text)

    @property
    def parsed(self) -> Any:
        """The structured output in the answer: an instance of a pydantic class, else a dict.

        `None` where no schema is bound, or the answer holds nothing that fits it.
        """
        if self.request.schema is None:
            return None
        try:
            return structured(self.message, self.request.schema)
        except SchemaError:
            return None

    def saying(self, message: AIMessage, model: str = "", provider: str = "") -> Attempt:
        """Return the attempt with another message as its answer.

        Args:
            message: The message to check.
            model: Name of the model that wrote it; by default this attempt's own.
            provider: That model's provider; "" where it is not known.
        """
        return replace(
            self,
            message=message,
            model=model or self.model,
            provider=provider,
            usage=message.usage_metadata,
        )

    @property
    def cost_usd(self) -> float | None:
        """Cost of this call in USD, or `None` where price or token counts are unknown."""
        return cost_of_call(self.price, self.usage, self.seconds)


# several verdicts as one ----------------------------------------------------------------------

_STRENGTH = defaultdict(lambda: -1, {each: place for place, each in enumerate(VOUCHED)})


def _strongest(vouched: Iterable[str]) -> str:
    return max(vouched, key=_STRENGTH.__getitem__, default="none")


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of several that must all be passed; the score is the least."""
    score: float | None = None
    names: list[str] = []
    reasons: list[str] = []
    votes: list[Mapping[str, Any]] = []
    failed: Verdict | None = None
    answer = None
    for verdict in verdicts:
        if verdict.score is not None:
            score = verdict.score if score is None else min(score, verdict.score)
        if not verdict.passed and failed is None:
            failed = verdict
        if verdict.check not in names:
            names.append(verdict.check)
        if verdict.reason:
            reasons.append(verdict.reason)
        votes += verdict.votes
        answer = verdict.answer or answer
    if failed is not None:
        return replace(failed, score=score, votes=tuple(votes), answer=None)
    vouched = _strongest([verdict.vouched for verdict in verdicts])
    named = " & ".join(names)
    return Verdict(True, score, "; ".join(reasons), named, vouched, answer, tuple(votes))


def with_first(first: Verdict, second: Verdict) -> Verdict:
    """A second check's verdict, whose answer is vouched for by the first one too if that passed it."""
    if not (first.passed and second.passed):
        return second
    return replace(second, vouched=_strongest([first.vouched, second.vouched]))


def any_of(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of several of which one must be passed, the last; the score is the greatest."""
    last = verdicts[-1]
    scores = [verdict.score for verdict in verdicts if verdict.score is not None]
    score = max(scores) if scores else None
    if last.passed:
        return replace(last, score=score)
    names = " | ".join(verdict.check for verdict in verdicts)
    votes = tuple(vote for verdict in verdicts for vote in verdict.votes)
    reasons = "; ".join(v.reason for v in verdicts if v.reason)
    return Verdict(False, score, reasons, names, votes=votes)


def opposite_of(verdict: Verdict, vouches: Iterable[str]) -> Verdict:
    """The opposite of a verdict; what was too long to judge stays failed: nobody has looked.

    Args:
        verdict: The verdict.
        vouches: What the parts of its check vouch by.
    """
    if not verdict.passed and verdict.reason == TOO_LONG:
        return verdict
    score = None if verdict.score is None else 1 - verdict.score
    reason = f"{verdict.check} {'passed' if verdict.passed else 'failed'}"
    vouched = "none" if verdict.passed else _strongest(vouches)
    return Verdict(not verdict.passed, score, reason, vouched=vouched)
