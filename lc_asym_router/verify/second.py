"""Second opinions: another model's answer, and checks in order of cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from lc_asym_router._internal.deadline import aread
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.binding import bind, read_reply
from lc_asym_router.tiers.conversation import fitted
from lc_asym_router.tiers.faults.event_loops import connect_per_loop
from lc_asym_router.tiers.tier import load_model
from lc_asym_router.verify.answers.calls import same_calls
from lc_asym_router.verify.answers.comparing import agree
from lc_asym_router.verify.answers.final_answer import FinalAnswer, final_answer
from lc_asym_router.verify.attempt import Attempt, Prefix, Verdict, with_first
from lc_asym_router.verify.check import Check, CheckCallable, as_check


class Joint(Check):
    """Passes or fails by a cheap check where that is certain; runs an expensive check otherwise.

    The cheap check should give scores in [0, 1]. Where it gives none, its own verdict stands if it
    failed the answer, and the other check runs if it passed.

    Find the best bounds on recorded answers with `lc_asym_router.evals.best_joint`.

    Args:
        cheap: A check that scores at little cost, such as `LearnedVerifier()`.
        ask: The check to run otherwise, such as `LearnedVerifier(second=...)`, `Agreement(...)`,
            `Judge(...)`.
        sure: Score of the cheap check at or over which an answer passes at once, in [0, 1].
        hopeless: Score of the cheap check up to which an answer fails at once, in [0, 1].

    Raises:
        ConfigurationError: A bound is outside [0, 1], or `hopeless` is not under `sure`.
    """

    def __init__(
        self,
        cheap: Check | CheckCallable,
        ask: Check | CheckCallable,
        *,
        sure: float = 0.9,
        hopeless: float = 0.1,
    ) -> None:
        if not 0 <= hopeless < sure <= 1:
            raise ConfigurationError(
                f"Joint(sure={sure}, hopeless={hopeless}): both must lie in [0, 1], hopeless under "
                "sure."
            )
        self.cheap = as_check(cheap)
        self.ask = as_check(ask)
        self.sure = sure
        self.hopeless = hopeless
        vars(self)["asks"] = self.cheap.asks or self.ask.asks

    @property
    def name(self) -> str:
        return f"Joint({self.cheap.name}, {self.ask.name})"

    @property
    def parts(self) -> tuple[Check, ...]:
        return (*self.cheap.parts, *self.ask.parts)

    @property
    def may_end_early(self) -> bool:
        return False

    def with_second(self, second: BaseChatModel) -> Check | None:
        cheap, ask = self.cheap.with_second(second), self.ask.with_second(second)
        if cheap is None or ask is None:
            return None
        return Joint(cheap, ask, sure=self.sure, hopeless=self.hopeless)

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Check:
        return Joint(
            self.cheap,
            self.ask.with_thresholds(thresholds),
            sure=self.sure,
            hopeless=self.hopeless,
        )

    def early(self, prefix: Prefix) -> Verdict | None:
        return None

    def check(self, attempt: Attempt) -> Verdict:
        first = self.cheap(attempt)
        return self.decided(first) or with_first(first, self.ask(attempt))

    async def acheck(self, attempt: Attempt) -> Verdict:
        first = await self.cheap.acall(attempt)
        return self.decided(first) or with_first(first, await self.ask.acall(attempt))

    def decided(self, first: Verdict) -> Verdict | None:
        """The verdict where the cheap check decides; else `None`.

        Args:
            first: What the cheap check says.
        """
        if first.score is None:
            return None if first.passed else first
        if first.score >= self.sure:
            return replace(first, passed=True, reason=self._why(first.score, "sure", self.sure))
        if first.score <= self.hopeless:
            return replace(
                first, passed=False, reason=self._why(first.score, "hopeless", self.hopeless)
            )
        return None

    def _why(self, score: float, word: str, bound: float) -> str:
        return f"{self.cheap.name} gives {score:.2f}: {word} from {bound:.2f} on, nobody else asked"


Second = BaseChatModel | str
"""A second model: a chat model, which is asked as it is, or the name of a tier above."""


def ask_second(second: Second, attempt: Attempt) -> AIMessage:
    """Return a second model's answer to the attempt's request.

    Args:
        second: The model. Where it is a tier's name and that tier is asked next, because the check
            fails, it is not called again: its answer is the next attempt.
        attempt: The attempt that is checked; `can_ask` has nothing against it.

    Raises:
        Exception: Whatever the call raises.
    """
    if isinstance(second, str):
        assert attempt.tiers_above is not None
        return attempt.tiers_above.ask(second)
    return read_again(
        bind(second, attempt.request).invoke([*fitted(attempt.request, second).messages]), attempt
    )


async def aask_second(second: Second, attempt: Attempt) -> AIMessage:
    """The async twin of `ask_second`."""
    if isinstance(second, str):
        assert attempt.tiers_above is not None
        return await attempt.tiers_above.aask(second)
    connect_per_loop(second)
    said = await bind(second, attempt.request).ainvoke([*fitted(attempt.request, second).messages])
    return await aread_again(said, attempt)


def read_again(said: AIMessage, attempt: Attempt) -> AIMessage:
    """Another answer to the attempt's request, read as a tier's own is.

    Args:
        said: The answer, as a model has made it.
        attempt: The attempt that is checked.
    """
    return read_reply(said, attempt.request, attempt.repairs).message


async def aread_again(said: AIMessage, attempt: Attempt) -> AIMessage:
    """The async twin of `read_again`."""
    return await aread(lambda: read_again(said, attempt), str(said.text))


def replies_agree(
    request: Request,
    one: AIMessage,
    other: AIMessage,
    overlap: float,
    read: tuple[FinalAnswer | None, FinalAnswer | None] = (None, None),
) -> bool:
    """Whether two replies to a request agree.

    Tool calls are compared for what they do. Where tools are bound, two replies without a call do
    the same, whatever they say; without tools it is the final answers that are compared.

    Args:
        request: What was asked.
        one: A reply.
        other: Another.
        overlap: Share of common words from which two long texts mean the same, in [0, 1].
        read: What each comes to, where that is not what its text says.
    """
    tools = request.tools.openai_tools if request.tools else []
    if one.tool_calls or other.tool_calls or tools:
        return same_calls(
            cast("list[Mapping[str, Any]]", one.tool_calls),
            cast("list[Mapping[str, Any]]", other.tool_calls),
            tools,
        )
    ours, theirs = (
        final_answer(str(said.text)) if known is None else known
        for said, known in zip((one, other), read, strict=True)
    )
    return agree(request.turn_text, ours, theirs, overlap)


def second_of(second: object, owner: str) -> Second | None:
    """The second model of what a user gave: a chat model, a model string, or a tier's name.

    Args:
        second: A chat model; a string with a colon, such as "ollama:gemma2:9b", which names a model;
            any other string, which names a tier above; or `None`.
        owner: The check's name, for messages.

    Raises:
        ConfigurationError: It is none of them, or the model can't be set up.
    """
    if isinstance(second, str) and ":" in second:  # no tier's name has one
        return load_model(second)
    if second is not None and (not isinstance(second, BaseChatModel | str) or second == ""):
        raise ConfigurationError(
            f"{owner}(second=...) is a {type(second).__name__}; give a chat model, such as "
            'ChatOllama(model="gemma2:9b"), a model string, or the name of a tier above.'
        )
    return second


def can_ask(second: Second | None, attempt: Attempt) -> None:
    """Refuse to ask a tier about an attempt that no router made.

    Raises:
        ConfigurationError: A tier is named, and the attempt was made by hand.
    """
    if isinstance(second, str) and attempt.tiers_above is None:
        raise ConfigurationError(
            f"second={second!r} names a tier, and this attempt was made by hand: there are no tiers. "
            "Give the check a chat model."
        )
