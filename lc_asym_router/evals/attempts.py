"""Recorded answers as a check and a bill see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata

from lc_asym_router._internal.imports import numpy
from lc_asym_router.evals.data import Answer, Row, estimated_tokens
from lc_asym_router.money.prices import Price, Pricing
from lc_asym_router.records.request import Request
from lc_asym_router.verify.attempt import Attempt

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats


def attempt_of(row: Row) -> Attempt:
    """A row's small answer as a check sees it; its mean logprob stands for its tokens'."""
    mean = row.weak.logprob
    metadata = {} if mean is None else {"logprobs": {"content": [{"token": "", "logprob": mean}]}}
    usage = usage_of(row, row.weak)
    return Attempt(
        tier="small",
        model=row.weak.model,
        message=AIMessage(
            row.weak.response or "", usage_metadata=usage, response_metadata=metadata
        ),
        request=Request(messages=(HumanMessage(row.asked),)),
        usage=usage,
    )


def usage_of(row: Row, answer: Answer) -> UsageMetadata:
    """An answer's token counts: as recorded, else by the texts' lengths.

    An answer without a text is taken to be as long as the row's other one.
    """
    text = answer.response or row.weak.response or row.strong.response or ""
    given, taken = answer.output_tokens, answer.input_tokens
    output = estimated_tokens(text) if given is None else given
    asked = estimated_tokens(row.query + row.prompt_suffix) if taken is None else taken
    return UsageMetadata(input_tokens=asked, output_tokens=output, total_tokens=asked + output)


def bills(rows: Sequence[Row], price: Price, answers: Sequence[Answer]) -> Floats:
    """What one answer a row costs at a price by tokens, in USD."""
    costs: Floats = numpy().asarray(
        [price.of(usage_of(row, answer)) for row, answer in zip(rows, answers, strict=True)]
    )
    return costs


def costs_of(rows: Sequence[Row], price: Pricing | None, which: str) -> Floats | None:
    """What each row's answer costs at a price, in USD; `None` where that is not known.

    Args:
        rows: The rows.
        price: The price, or `None` where it is not known.
        which: Whose answer: "weak" or "strong".
    """
    if price is None:
        return None
    each = [price.of(usage_of(row, getattr(row, which))) for row in rows]
    # A price by the second says nothing of answers whose time was not recorded.
    return None if None in each else numpy().asarray(each)
