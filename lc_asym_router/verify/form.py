"""Checks of form: is there an answer, and is it whole?"""

from __future__ import annotations

from lc_asym_router.records.request import has_content
from lc_asym_router.tiers.provider import LENGTH_REASONS, ends_unmarked, finish_reason
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check


class NotEmpty(Check):
    """Passes where the answer holds any text, block or tool call. "42" is an answer."""

    def check(self, attempt: Attempt) -> Verdict:
        message = attempt.message
        if message.tool_calls or message.invalid_tool_calls or has_content(message):
            return Verdict(True)
        return Verdict(False, reason="the answer is empty")


class CutOff(Check):
    """Passes where the answer was not cut off, at a token limit or by a lost connection.

    A stream that ends without its end mark is silently taken for whole by ChatOllama and
    ChatOpenAI; all that shows it is that the reason for its end is missing.
    """

    def check(self, attempt: Attempt) -> Verdict:
        reason = finish_reason(attempt.message)
        if reason in LENGTH_REASONS:
            return Verdict(False, reason="the answer was cut off at the token limit")
        if ends_unmarked(attempt.message, attempt.provider):
            return Verdict(False, reason="the answer has no end mark: its stream was cut off")
        return Verdict(True)
