"""Check whether the model, or another one, gives the same answer when it is asked again."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, ClassVar, Literal

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.deadline import aread
from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.verify.answers.final_answer import final_answer
from lc_asym_router.verify.answers.texts import SHORT
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check
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


class Agreement(Check):
    """Passes if further samples have the same final answer.

    The same tier is asked again at a higher temperature, or another cheap model is asked; the final
    answers (a number, a choice, JSON, tool calls, a formula, a short text) are compared by meaning,
    or character by character where the request shows code. It stops as soon as the result is
    certain. The samples are recorded and charged as side calls.

    The model's own samples use another representation, by the kind of request: solving in steps, a
    short program that this library interprets and never executes, the question reversed, or its
    options in another order. One of those is as good as five repetitions: on recorded questions
    about dates it kept all of the gain, where two plain samples of which any must agree kept a
    third (`python -m tests.benchmarks.representations FOLDER`).

    Args:
        samples: How many further samples are taken at most.
        agree: How many of them must agree: "all" (also where it is not given), "any", or a number.
        vary: "auto" for another representation by the kind of request; `None` to ask the same again.
        texts: "compare" compares long texts and programs too, of which two hardly ever say the same;
            "pass" lets them pass unasked: nothing vouches for them then.
        temperature: Sampling temperature for the further samples.
        second: Another chat model to ask instead of the tier's own, with its own settings, so one
            sample is enough. Or the name of a tier above: if the request escalates to it, it is not
            called again.
        overlap: Minimum share of common words, in [0, 1], for two long texts to agree.

    Raises:
        ConfigurationError: `agree` is not in 1 to `samples`, a number is out of its range, the second
            model is none, or a tier above is to be asked more than once.
    """

    asks: ClassVar[bool] = True

    def __init__(
        self,
        samples: int | None = None,
        *,
        agree: int | Literal["all", "any"] | None = None,
        vary: Literal["auto"] | None = "auto",
        texts: Literal["compare", "pass"] = "compare",
        temperature: float = 0.8,
        second: Second | None = None,
        overlap: float = 0.8,
    ) -> None:
        second = second_of(second, "Agreement")
        self.samples = 1 if samples is None else samples
        if agree in (None, "all", "any"):
            agree = 1 if agree == "any" else self.samples
        if vary not in ("auto", None):
            raise ConfigurationError(f"Agreement(vary={vary!r}) is 'auto' or None.")
        if texts not in ("compare", "pass"):
            raise ConfigurationError(f"Agreement(texts={texts!r}) is 'compare' or 'pass'.")
        if not isinstance(agree, int) or not 1 <= agree <= self.samples:
            raise ConfigurationError(
                f"Agreement(samples={self.samples}, agree={agree!r}): agree must lie in 1 to samples, "
                "or be 'all' or 'any'."
            )
        if isinstance(second, str) and self.samples > 1:
            raise ConfigurationError(
                f"Agreement(samples={self.samples}, second={second!r}): a tier above is asked once. "
                "Leave samples= out."
            )
        if not temperature > 0 and second is None:
            raise ConfigurationError(
                f"Agreement(temperature={temperature}) must be over 0: at 0 the model just says "
                "the same again."
            )
        if not 0 <= overlap <= 1:
            raise ConfigurationError(f"Agreement(overlap={overlap}) must lie in [0, 1].")
        self.agree = agree
        self.vary = vary
        self.texts = texts
        vars(self)["vouches"] = "vote" if second is not None else "sample"
        self.temperature = temperature
        self.second = second
        self.overlap = overlap

    def check(self, attempt: Attempt) -> Verdict:
        if self.texts == "pass" and _is_long(attempt.message):
            return _UNCOMPARED
        can_ask(self.second, attempt)
        vote, others = _Samples(self), self._representations(attempt)
        while not vote.decided:
            recast = others[(vote.asked + vote.unread) % len(others)]
            try:
                if self.second is None:
                    again = self._again(attempt, vote.asked + vote.unread)
                    sample = read_again(again.invoke(list(recast.messages)), attempt)
                else:
                    sample = ask_second(self.second, attempt)
            except GraphBubbleUp:
                raise
            except Exception as error:
                vote.lost(error)
            else:
                vote.take(self._agrees(attempt, sample, recast), recast is not others[-1])
        return vote.verdict()

    async def acheck(self, attempt: Attempt) -> Verdict:
        if self.texts == "pass" and await aread(lambda: _is_long(attempt.message), attempt.text):
            return _UNCOMPARED
        can_ask(self.second, attempt)
        vote, others = _Samples(self), self._representations(attempt)
        while not vote.decided:
            recast = others[(vote.asked + vote.unread) % len(others)]
            try:
                if self.second is None:
                    again = self._again(attempt, vote.asked + vote.unread)
                    said = await again.ainvoke(list(recast.messages))
                    sample = await aread_again(said, attempt)
                else:
                    sample = await aask_second(self.second, attempt)
            except GraphBubbleUp:
                raise
            except Exception as error:
                vote.lost(error)
            else:
                agrees = partial(self._agrees, attempt, sample, recast)
                texts = (attempt.text, str(sample.text))
                vote.take(await aread(agrees, *texts), recast is not others[-1])
        return vote.verdict()

    def _again(self, attempt: Attempt, asked: int) -> Runnable[Any, AIMessage]:
        if attempt.again is None:
            raise ConfigurationError(
                "Agreement needs a model to ask again: this attempt was made by hand. Set "
                "Agreement(second=...) or Attempt(again=...)."
            )
        return attempt.again(self.temperature, asked + 1)

    def _representations(self, attempt: Attempt) -> tuple[Recast, ...]:
        if self.vary is None or self.second is not None:
            return (Recast("same", attempt.request.messages),)
        return recasts(attempt.request)

    def _agrees(self, attempt: Attempt, sample: AIMessage, recast: Recast) -> bool | None:
        """Whether a sample comes to the same; `None` where what it comes to can't be read."""
        if attempt.message.tool_calls or sample.tool_calls:
            return replies_agree(attempt.request, attempt.message, sample, self.overlap)
        read = recast.read(sample)
        if read is None:
            return None
        return replies_agree(attempt.request, attempt.message, sample, self.overlap, (None, read))


_UNCOMPARED = Verdict(True, reason="a long text has no final answer to compare", vouched="none")


def _is_long(message: AIMessage) -> bool:
    """Whether a reply is a long text or a program, without a final answer."""
    if message.tool_calls:
        return False
    answer = final_answer(str(message.text))
    return not answer.marked and (
        answer.kind == "code" or (answer.kind == "text" and len(answer.raw.split()) > SHORT)
    )


class _Samples:
    """Counts the samples until the outcome can't change any more."""

    def __init__(self, rule: Agreement) -> None:
        self.rule = rule
        self.asked = 0
        self.agreed = 0
        self.unread = 0
        self.errors: list[str] = []

    @property
    def decided(self) -> bool:
        open_votes = self.rule.samples - self.asked
        return self.agreed >= self.rule.agree or self.agreed + open_votes < self.rule.agree

    def take(self, agrees: bool | None, others: bool) -> None:
        """Count a sample; one that can't be read does not count where there are other representations.

        Args:
            agrees: Whether it agrees; `None` where it can't be read.
            others: Whether the request can be asked another way still.
        """
        if agrees is None and others and not self.unread:
            self.unread = 1
            return
        self.asked += 1
        self.agreed += bool(agrees)

    def lost(self, error: Exception) -> None:
        self.asked += 1
        self.errors.append(describe_error(error))
        log_fault(logger, "A sample for %s failed: %s", type(self.rule).__name__, self.errors[-1])

    def verdict(self) -> Verdict:
        samples = "sample" if self.asked == 1 else "samples"
        reason = f"{self.agreed} of {self.asked} further {samples} agreed"
        if self.errors:
            reason += f" ({len(self.errors)} failed: {self.errors[0]})"
        if self.unread:
            reason += " (1 could not be read)"
        return Verdict(
            self.agreed >= self.rule.agree, self.agreed / self.asked if self.asked else 0.0, reason
        )
