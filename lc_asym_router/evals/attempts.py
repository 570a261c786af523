"""Recorded answers in the form that checks and prices take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
    mean, end = row.weak.logprob, row.weak.end
    metadata: dict[str, Any] = {}
    if mean is not None:
        metadata["logprobs"] = {"content": [{"token": "", "logprob": mean}]}
    if end:
        metadata["finish_reason"] = end
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


def usage_of(row: Row, answer: Answer, *, estimated: bool = False) -> UsageMetadata:
    """Return an answer's token counts: as recorded, or estimated from the texts' lengths.

    An answer without a text is assumed to be as long as the row's other one. Tools count as input,
    calls as output.

    Args:
        row: The row.
        answer: One of its answers.
        estimated: Whether to ignore recorded counts, so that answers with and without them compare.
    """
    text = _text_of(answer) or _text_of(row.weak) or _text_of(row.strong)
    given, taken = (None, None) if estimated else (answer.output_tokens, answer.input_tokens)
    output = estimated_tokens(text) if given is None else given
    tools = json.dumps(row.tools) if row.tools else ""
    asked = estimated_tokens(row.query + row.prompt_suffix + tools) if taken is None else taken
    return UsageMetadata(input_tokens=asked, output_tokens=output, total_tokens=asked + output)


def _text_of(answer: Answer) -> str:
    """Return an answer as a text: its content, and its calls as JSON."""
    calls = [json.dumps(call) for call in answer.calls or ()]
    return "\n".join(filter(None, (answer.response or "", *calls, *answer.invalid_calls)))


def bills(rows: Sequence[Row], price: Price, answers: Sequence[Answer]) -> Floats:
    """Return the cost in USD of each row's answer, at a price by tokens."""
    costs: Floats = numpy().asarray(
        [price.of(usage_of(row, answer)) for row, answer in zip(rows, answers, strict=True)]
    )
    return costs


def costs_of(rows: Sequence[Row], price: Pricing | None, which: str) -> Floats | None:
    """Return the cost in USD of each row's answer; `None` where the price is unknown.

    Args:
        rows: The rows.
        price: The price, or `None` where it is unknown.
        which: Which answer: "weak" or "strong".
    """
    if price is None:
        return None
    each = [price.of(usage_of(row, getattr(row, which))) for row in rows]
    # A price by the second says nothing of answers whose time was not recorded.
    return None if None in each else numpy().asarray(each)
