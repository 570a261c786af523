"""Does the model say the same when it is asked again?"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.verify.answers.comparing import agree
from lc_asym_router.verify.answers.final_answer import final_answer
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.second import Second, aask_second, ask_second, can_ask, check_second


class Agreement(Check):
    """Passes where further samples come to the same final answer.

    The same tier is asked again at a higher temperature, or another cheap model is asked; the final
    answers (a number, a choice, JSON, tool calls, a formula, a short text) are compared by meaning,
    or to the letter where the request shows code. It stops as soon as the vote is decided. The
    samples are in the bill, as side calls of the record.

    On the 24 short prompts of `make bench-agreement`, the embedded 0.5B model was right 16 times;
    where at least one of two samples agreed, 15 of 19 times; where both did, 14 of 17.

    Args:
        samples: How many further samples are taken at most.
        agree: How many of them must agree.
        temperature: Sampling temperature for the further samples.
        second: Another chat model to ask instead of the tier's own; it is asked as it is (its own
            temperature), so one sample is enough. Or the name of a tier above: where that one is
            asked next, because they don't agree, it is not called again.
        overlap: Share of common words, in [0, 1], from which two long texts mean the same.

    Raises:
        ConfigurationError: `agree` is not in 1 to `samples`, a number is out of its range, the second
            model is none, or a tier above is to be asked more than once.
    """

    asks: ClassVar[bool] = True

    def __init__(
        self,
        samples: int | None = None,
        *,
        agree: int = 1,
        temperature: float = 0.8,
        second: Second | None = None,
        overlap: float = 0.8,
    ) -> None:
        check_second(second, "Agreement")
        self.samples = samples if samples is not None else (1 if second else 2)
        if not 1 <= agree <= self.samples:
            raise ConfigurationError(
                f"Agreement(samples={self.samples}, agree={agree}): agree must lie in 1 to samples."
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
        self.temperature = temperature
        self.second = second
        self.overlap = overlap

    def check(self, attempt: Attempt) -> Verdict:
        can_ask(self.second, attempt)
        vote = _Vote(self)
        while not vote.decided:
            try:
                if self.second is None:
                    again = self._again(attempt, vote.asked)
                    sample = again.invoke(list(attempt.request.messages))
                else:
                    sample = ask_second(self.second, attempt)
            except GraphBubbleUp:
                raise
            except Exception as error:
                vote.lost(error)
            else:
                vote.cast(self._agrees(attempt, sample))
        return vote.verdict()

    async def acheck(self, attempt: Attempt) -> Verdict:
        can_ask(self.second, attempt)
        vote = _Vote(self)
        while not vote.decided:
            try:
                if self.second is None:
                    again = self._again(attempt, vote.asked)
                    sample = await again.ainvoke(list(attempt.request.messages))
                else:
                    sample = await aask_second(self.second, attempt)
            except GraphBubbleUp:
                raise
            except Exception as error:
                vote.lost(error)
            else:
                vote.cast(self._agrees(attempt, sample))
        return vote.verdict()

    def _again(self, attempt: Attempt, asked: int) -> Runnable[Any, AIMessage]:
        if attempt.again is None:
            raise ConfigurationError(
                "Agreement needs a model to ask again: this attempt was made by hand. Set "
                "Agreement(second=...) or Attempt(again=...)."
            )
        return attempt.again(self.temperature, asked + 1)

    def _agrees(self, attempt: Attempt, sample: AIMessage) -> bool:
        answer = attempt.message
        if answer.tool_calls or sample.tool_calls:
            return _calls(answer) == _calls(sample)
        return agree(
            attempt.request.turn_text,
            final_answer(answer.text),
            final_answer(sample.text),
            self.overlap,
        )


class _Vote:
    """Counts the samples until the outcome can't change any more."""

    def __init__(self, rule: Agreement) -> None:
        self.rule = rule
        self.asked = 0
        self.agreed = 0
        self.errors: list[str] = []

    @property
    def decided(self) -> bool:
        open_votes = self.rule.samples - self.asked
        return self.agreed >= self.rule.agree or self.agreed + open_votes < self.rule.agree

    def cast(self, agrees: bool) -> None:
        self.asked += 1
        self.agreed += agrees

    def lost(self, error: Exception) -> None:
        self.asked += 1
        self.errors.append(describe_error(error))

    def verdict(self) -> Verdict:
        samples = "sample" if self.asked == 1 else "samples"
        reason = f"{self.agreed} of {self.asked} further {samples} agreed"
        if self.errors:
            reason += f" ({len(self.errors)} failed: {self.errors[0]})"
        return Verdict(
            self.agreed >= self.rule.agree, self.agreed / self.asked if self.asked else 0.0, reason
        )


def _calls(message: AIMessage) -> list[str]:
    return sorted(
        json.dumps([call["name"], call["args"]], sort_keys=True, default=str)
        for call in message.tool_calls
    )
