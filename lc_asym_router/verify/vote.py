"""Let several cheap models vote: the first answer that any two of them share is returned."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.compat import langsmith_params
from lc_asym_router._internal.deadline import CALLS, LateError, ThreadCall, aread, awithin, within
from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.verify.answers.final_answer import FinalAnswer
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check, CheckCallable, as_check
from lc_asym_router.verify.defaults import voting_checks
from lc_asym_router.verify.recast import Recast, recasts
from lc_asym_router.verify.second import (
    Second,
    aask_second,
    aread_again,
    ask_second,
    can_ask,
    read_again,
    replies_agree,
    second_of,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Voter:
    """Who is asked, and how.

    Attributes:
        name: A tier's name, a model's, or the representation of a sample.
        ask: Asks it.
        aask: The async twin.
        key: The tier's name or the chat model, as `Vote` was given it; `None` for a sample.
        model: The model's name, or "" where its answer has to say it.
        provider: The model's provider; "" where it is not known.
        recast: For a sample of the checked tier's own model, how it is asked.
    """

    name: str
    ask: Callable[[], AIMessage]
    aask: Callable[[], Awaitable[AIMessage]]
    key: Second | None = None
    model: str = ""
    provider: str = ""
    recast: Recast | None = None


@dataclass(frozen=True)
class _Answer:
    """An answer that takes part in the vote."""

    message: AIMessage
    read: FinalAnswer | None
    presentable: bool
    number: int
    needed: bool


Cast = AIMessage | Exception


class Vote(Check):
    """Returns the first answer that any two of several cheap models share, whichever model wrote it.

    The first voter is the tier whose answer is checked. The others are asked in turn, cheapest first,
    until two agree; or all at once. Answers are compared as by `Agreement`: tool calls by their effect,
    else final answers. A voter that fails, or whose answer does not pass the form checks, abstains. If
    no two agree, the last tier is asked. Every call is recorded and charged; if another voter's answer
    is returned, its call is the attempt that answered.

    Without other voters, the model's own samples vote: it gets the request in other representations, as
    with `Agreement(vary="auto")`.

    On 751 recorded tool calls, a vote of three models of 8B and `gpt-4o-mini`'s class keeps all of
    gpt-4o's accuracy at 11 % frontier calls (`make bench-routing`).

    Args:
        of: Names of tiers below the last one, and chat models, cheapest first. The checked tier's own
            name may be among them, and so may names of tiers under it: these are passed over.
        needs: One of them without whom no two decide: the strongest, where weak models share errors, as
            they do on questions with few answers. With three voters that is the middle of three tiers
            that check each other.
        parallel: Whether all are asked at once, beside the tier itself: the vote takes as long as the
            slowest of them, and every one is paid for. With a `time_limit`, in seconds, a voter that is
            later has failed, and the others decide. Under budgets the tier is asked first, so
            that what it took is known. Where the tier's own call fails, the next tier's vote asks
            models that are no tiers anew.
        samples: How many samples of its own the checked tier's model is asked for where it votes alone.
        temperature: Sampling temperature of those.
        overlap: Share of common words, in [0, 1], from which two long texts mean the same.
        form: What an answer must pass to be counted and handed on, a check that asks nobody; form and
            sums where it is not given, and no word on refusals where tools are bound.

    Raises:
        ConfigurationError: A voter is neither a name nor a chat model, or comes twice; a number is out
            of its range.
    """

    asks: ClassVar[bool] = True
    vouches: ClassVar[str] = "vote"

    def __init__(
        self,
        of: Sequence[Second] = (),
        *,
        needs: Second | None = None,
        parallel: bool = False,
        samples: int = 2,
        temperature: float = 0.8,
        overlap: float = 0.8,
        form: Check | CheckCallable | None = None,
    ) -> None:
        if isinstance(of, str) or not isinstance(of, Sequence):
            raise ConfigurationError(
                "Vote(of=...) takes a list of tiers' names and chat models, cheapest first: "
                'Vote(of=["small", "middle", ChatOllama(model="qwen2.5:7b")]).'
            )
        for each in of:
            if not isinstance(each, str | BaseChatModel) or each == "":
                raise ConfigurationError(
                    f"Vote(of=...) holds a {type(each).__name__}; give tiers' names and chat models."
                )
        if needs is not None and needs not in of:
            raise ConfigurationError(
                "Vote(needs=...) is one of the voters: a tier's name or a chat model out of of=[...]."
            )
        place = None if needs is None else of.index(needs)
        models = [second_of(each, "Vote") for each in of]  # a model string becomes a model
        of = [each for each in models if each is not None]
        needs = None if place is None else of[place]
        names = [each for each in of if isinstance(each, str)]
        if len(set(names)) < len(names):
            raise ConfigurationError(f"Vote(of={names}) names a tier twice: each has one vote.")
        if samples < 1:
            raise ConfigurationError(f"Vote(samples={samples}) must be 1 or more.")
        if not temperature > 0:
            raise ConfigurationError(f"Vote(temperature={temperature}) must be over 0.")
        if not 0 <= overlap <= 1:
            raise ConfigurationError(f"Vote(overlap={overlap}) must lie in [0, 1].")
        self.of = tuple(of)
        self.needs = needs
        self.parallel = parallel
        self.samples = samples
        self.temperature = temperature
        self.overlap = overlap
        self.form = voting_checks() if form is None else as_check(form)

    def voters(self, tier: str) -> tuple[Second, ...]:
        """Return who votes besides the checked tier: chat models, and tiers named after it."""
        names = [each if isinstance(each, str) else None for each in self.of]
        start = names.index(tier) + 1 if tier in names else 0
        return tuple(
            each
            for place, each in enumerate(self.of)
            if not isinstance(each, str) or (tier in names and place >= start)
        )

    def check(self, attempt: Attempt) -> Verdict:
        voters = self._asked(attempt)
        ballot = _Ballot(self, attempt, len(voters))
        casts = self._cast(attempt)
        if casts is None and self.parallel and ballot.open:
            casts = self.ask_all(attempt, self.time_limit)
        if casts is not None:
            return ballot.of(voters, casts)
        for voter in voters:
            if not ballot.open:
                break
            ballot.put(voter, _ask(voter))
        return ballot.verdict()

    async def acheck(self, attempt: Attempt) -> Verdict:
        voters = self._asked(attempt)
        ballot = await aread(lambda: _Ballot(self, attempt, len(voters)), attempt.text)
        casts = self._cast(attempt)
        if casts is None and self.parallel and ballot.open:
            casts = await self.aask_all(attempt, self.time_limit)
        if casts is not None:
            for voter, cast in zip(voters, casts, strict=True):
                await ballot.aput(voter, cast)
            return ballot.verdict()
        for voter in voters:
            if not ballot.open:
                break
            await ballot.aput(voter, await _aask(voter))
        return ballot.verdict()

    def ask_all(self, attempt: Attempt, seconds: float | None = None) -> list[Cast]:
        """What all voters beside the checked tier say, asked at once.

        Args:
            attempt: The attempt; its answer is not looked at, so it need not be there yet.
            seconds: How long each of them may take; a later one has failed. `None` for any time.
        """
        jobs = [_begin(voter, seconds) for voter in self._asked(attempt)]
        try:
            return [job.result.result() if isinstance(job, ThreadCall) else job for job in jobs]
        finally:  # interrupted, nobody waits for them
            for job in jobs:
                if isinstance(job, ThreadCall):
                    CALLS.abandon(job)

    async def aask_all(self, attempt: Attempt, seconds: float | None = None) -> list[Cast]:
        """The async twin of `ask_all`."""
        return list(await asyncio.gather(*(_aask(each, seconds) for each in self._asked(attempt))))

    def _cast(self, attempt: Attempt) -> Sequence[Cast] | None:
        """What was said already, beside the tier's own call."""
        return attempt.cast[1] if attempt.cast is not None and attempt.cast[0] is self else None

    def _asked(self, attempt: Attempt) -> list[_Voter]:
        voters = self.voters(attempt.tier)
        for each in voters:
            can_ask(each, attempt)
        if voters:
            return [_other(each, attempt) for each in voters]
        representations = recasts(attempt.request)
        return [
            self._own(attempt, representations[number % len(representations)], number + 1)
            for number in range(self.samples)
        ]

    def _own(self, attempt: Attempt, recast: Recast, seed: int) -> _Voter:
        """A sample of the checked tier's own model."""
        if attempt.again is None:
            raise ConfigurationError(
                "Vote needs models to ask: this attempt was made by hand. Give it chat models, "
                "Vote(of=[...]), or set Attempt(again=...)."
            )
        again: Runnable[Any, AIMessage] = attempt.again(self.temperature, seed)
        messages = list(recast.messages)

        async def aask() -> AIMessage:
            return await aread_again(await again.ainvoke(messages), attempt)

        return _Voter(
            f"{attempt.tier} ({recast.kind})",
            lambda: read_again(again.invoke(messages), attempt),
            aask,
            None,
            attempt.model,
            attempt.provider,
            recast,
        )


def _other(voter: Second, attempt: Attempt) -> _Voter:
    """Another model's vote."""
    model = provider = ""
    if isinstance(voter, BaseChatModel):
        known = langsmith_params(voter)
        model, provider = str(known.get("ls_model_name", "")), str(known.get("ls_provider", ""))
    return _Voter(
        voter if isinstance(voter, str) else model or type(voter).__name__,
        lambda: ask_second(voter, attempt),
        lambda: aask_second(voter, attempt),
        voter,
        model,
        provider,
    )


def _begin(voter: _Voter, seconds: float | None) -> ThreadCall | LateError:
    """Ask a voter in a thread that holds up nobody's exit."""
    try:
        return CALLS.submit(lambda: _ask(voter, seconds), queued=False)
    except LateError as error:  # too many that were given up still run
        return error


def _ask(voter: _Voter, seconds: float | None = None) -> Cast:
    try:
        return within(seconds, voter.ask, threads=CALLS)
    except (GraphBubbleUp, ConfigurationError):
        raise
    except Exception as error:
        return error


async def _aask(voter: _Voter, seconds: float | None = None) -> Cast:
    try:
        return await awithin(seconds, voter.aask)
    except (GraphBubbleUp, ConfigurationError):
        raise
    except Exception as error:
        return error


class _Ballot:
    """Counts the votes until two answers say the same, or none can any more."""

    def __init__(self, rule: Vote, attempt: Attempt, voters: int) -> None:
        self.rule = rule
        self.attempt = attempt
        self.remaining = voters
        self.answers: list[_Answer] = []
        self.votes: list[dict[str, Any]] = []
        self.winner: _Answer | None = None
        self.own = True
        self.waits = rule.needs is not None and rule.needs in (
            attempt.tier,
            *rule.voters(attempt.tier),
        )
        self._count(attempt.tier, attempt, None, attempt.tier)

    @property
    def open(self) -> bool:
        """Whether a vote that is still out could decide."""
        return self.winner is None and self.remaining > 0 and len(self.answers) + self.remaining > 1

    def of(self, voters: Sequence[_Voter], casts: Sequence[Cast]) -> Verdict:
        """The verdict where all have been asked at once."""
        for voter, cast in zip(voters, casts, strict=True):
            self.put(voter, cast)
        return self.verdict()

    def put(self, voter: _Voter, cast: Cast) -> None:
        """A voter has answered, or failed."""
        self.remaining -= 1
        self.own = self.own and voter.recast is not None
        if isinstance(cast, Exception):
            what = describe_error(cast)
            log_fault(logger, "The voter %s failed: %s", voter.name, what)
            self._abstained(voter.name, voter.model, what, voter.key)
            return
        model = voter.model or str(cast.response_metadata.get("model_name") or "")
        provider = voter.provider or str(cast.response_metadata.get("model_provider") or "")
        self._count(voter.name, self.attempt.saying(cast, model, provider), voter.recast, voter.key)

    async def aput(self, voter: _Voter, cast: Cast) -> None:
        """The async twin of `put`."""
        texts = [] if isinstance(cast, Exception) else [str(cast.text), self.attempt.text]
        await aread(lambda: self.put(voter, cast), *texts)

    def _count(self, name: str, said: Attempt, recast: Recast | None, key: Second | None) -> None:
        form = self.rule.form(said)
        read = None if recast is None or said.message.tool_calls else recast.read(said.message)
        if not form.passed:
            return self._abstained(name, said.model, f"{form.check}: {form.reason}", key)
        if recast is not None and read is None and not said.message.tool_calls:
            return self._abstained(name, said.model, "what it comes to can't be read", key)
        like = next((each for each in self.answers if self._same(each, said.message, read)), None)
        number = like.number if like else len({each.number for each in self.answers}) + 1
        presentable = recast is None or recast.presentable
        needed = not self.waits or key == self.rule.needs
        answer = _Answer(said.message, read, presentable, number, needed)
        self.answers.append(answer)
        self.votes.append({"voter": name, "model": said.model, "vote": number, "why": ""})
        if like and self.winner is None:
            sharing = [each for each in self.answers if each.number == number]
            if any(each.needed for each in sharing):
                self.winner = next((each for each in sharing if each.presentable), None)
        return None

    def _same(self, answer: _Answer, message: AIMessage, read: FinalAnswer | None) -> bool:
        return replies_agree(
            self.attempt.request, answer.message, message, self.rule.overlap, (answer.read, read)
        )

    def _abstained(self, name: str, model: str, why: str, key: Second | None) -> None:
        if self.waits and key == self.rule.needs:
            self.remaining = 0  # nobody can decide any more
        self.votes.append({"voter": name, "model": model, "vote": None, "why": why})

    def verdict(self) -> Verdict:
        """What the vote comes to."""
        votes = tuple(self.votes)
        if self.winner is None:
            counted = len(self.answers)
            reason = f"no two of {counted} answers say the same"
            reason += " with the one that is needed" if self.waits else ""
            if counted < len(votes):
                reason += f" ({len(votes) - counted} abstained)"
            return Verdict(False, None, reason, votes=votes)
        number = self.winner.number
        agreed = [vote["voter"] for vote in votes if vote["vote"] == number]
        mine = self.winner.message is self.attempt.message
        return Verdict(
            True,
            len(agreed) / len(self.answers),
            f"{' and '.join(agreed)} say the same",
            vouched="sample" if self.own else "vote",
            answer=None if mine else self.winner.message,
            votes=votes,
        )
