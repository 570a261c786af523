"""Answering a request of any protocol: whole, or streamed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.tasks import cancel
from lc_asym_router.errors import BudgetExceededError
from lc_asym_router.gateway.access import Caller
from lc_asym_router.gateway.http_errors import NO_RETRY, GatewayError, logged
from lc_asym_router.gateway.keys import TAG
from lc_asym_router.gateway.protocols import GatewayAnswer, Heading, ParsedRequest, StreamWriter
from lc_asym_router.gateway.routes import Route
from lc_asym_router.gateway.tool_ids import with_records, with_sealed_ids
from lc_asym_router.records.request import Request
from lc_asym_router.records.signing import maker_of
from lc_asym_router.tiers.provider import LENGTH_REASONS, WITHHELD, finish_reason

COMMENT = b": the answer is being made\n\n"
"""What a stream says while there is nothing to say, so that nobody between takes it for dead."""
_WAITING = 64
"""Chunks that wait for a slow client before the model's stream is read on."""


@dataclass(frozen=True)
class RouterCall:
    """One call of a router, ready to be made.

    Attributes:
        route: What answers.
        parsed: The request.
        heading: What is known of the answer.
        caller: Who asks.
    """

    route: Route
    parsed: ParsedRequest
    heading: Heading
    caller: Caller

    @property
    def config(self) -> RunnableConfig:
        """The config of the run."""
        metadata: dict[str, Any] = {"protocol_model": self.parsed.model}
        if self.parsed.user:
            metadata["user"] = self.parsed.user
        if self.parsed.metadata:
            metadata["client_metadata"] = dict(self.parsed.metadata)
        config: dict[str, Any] = {
            "run_id": self.heading.request_id,
            "tags": list(self.caller.tags),
            "metadata": metadata,
            "configurable": self.route.configurable,
        }
        return cast("RunnableConfig", config)

    async def whole(self) -> GatewayAnswer:
        """The answer.

        Raises:
            Exception: What the router raises.
        """
        messages = self._messages()
        with self._own_budgets():
            answer = await self.route.router.ainvoke(messages, self.config, **self.parsed.kwargs)
        return self._answered(answer, messages)

    async def chunks(self) -> AsyncGenerator[AIMessageChunk | GatewayAnswer, None]:
        """The answer's pieces as they come, and at last the whole of it.

        Raises:
            Exception: What the router raises.
        """
        messages = self._messages()
        stream = self.route.router.astream(messages, self.config, **self.parsed.kwargs)
        kept: list[AIMessageChunk] = []
        async with aclosing(cast("AsyncGenerator[AIMessageChunk, None]", stream)) as chunks:
            with self._own_budgets():
                async for chunk in chunks:
                    kept.append(chunk)
                    # A call's id is sealed when the tier is known for sure: at the end.
                    yield _without_calls(chunk) if chunk.tool_call_chunks else chunk
        answered = self._answered(add_ai_message_chunks(kept[0], *kept[1:]), messages)
        for call in answered.message.tool_calls:
            yield AIMessageChunk(content="", tool_calls=[call])
        yield answered

    @contextmanager
    def _own_budgets(self) -> Iterator[None]:
        """Keep what others have spent of a budget from a key that may not read it."""
        try:
            yield
        except BudgetExceededError as error:
            found = error.exhausted
            own = found.per == "request" or found.scope == f"{TAG}{self.caller.name}"
            if self.caller.admin or own or found.fault is not None:
                raise
            when = f" It opens again at {found.opens_at}." if found.opens_at else ""
            text = f"A budget that this key shares with others has no room for the request.{when}"
            raise GatewayError(429, text, code="insufficient_quota", headers=NO_RETRY) from None

    def _messages(self) -> tuple[BaseMessage, ...]:
        return with_records(self.parsed.messages, self.route.router.ladder)

    def _answered(self, answer: AIMessage, messages: tuple[BaseMessage, ...]) -> GatewayAnswer:
        record = answer.response_metadata["router"]
        turn = Request(messages).turn_text if answer.tool_calls else ""
        message = with_sealed_ids(answer, record, self.route.router.ladder, turn)
        return GatewayAnswer(
            self.heading,
            message,
            str(maker_of(record).get("model") or self.heading.model),
            _finish(answer),
            router_object(record, self.heading.request_id),
        )


async def event_stream(
    chunks: AsyncGenerator[AIMessageChunk | GatewayAnswer, None],
    writer: StreamWriter,
    seconds: float,
) -> AsyncGenerator[bytes | GatewayAnswer | GatewayError, None]:
    """Write a stream: its events, comments where nothing comes for a while, and what it came to, an
    answer or an error.

    The first thing to come is an event or a comment; where the call fails before that, the error is
    raised, and after that it is written.

    Args:
        chunks: The answer's pieces; closed at the end.
        writer: Writes them.
        seconds: After how long without a piece a comment is sent.

    Raises:
        Exception: What the router raises, where nothing was sent before.
    """
    queue: asyncio.Queue[AIMessageChunk | GatewayAnswer | Exception] = asyncio.Queue(_WAITING)

    async def read() -> None:
        try:
            async with aclosing(chunks) as given:
                async for each in given:
                    await queue.put(each)
        except Exception as error:
            await queue.put(error)

    reader = asyncio.create_task(read())
    begun = commented = False
    try:
        while True:
            try:
                async with asyncio.timeout(seconds):
                    item = await queue.get()
            except TimeoutError:
                if not (reader.done() and queue.empty()):
                    commented = True
                    yield COMMENT
                    continue
                # What it waited for was cancelled below it: nothing more will come.
                item = GatewayError(502, "The answer broke off.", code="upstream_error")
            # What has come meanwhile goes out together.
            out = b""
            while True:
                if isinstance(item, Exception):
                    if not (begun or commented):
                        raise item
                    found = logged(item)
                    yield out + writer.error(found)
                    yield found
                    return
                if not begun:
                    begun, out = True, writer.begin()
                if isinstance(item, GatewayAnswer):
                    yield out + writer.end(item)
                    yield item
                    return
                out += writer.chunk(item)
                try:
                    item = queue.get_nowait()
                except asyncio.QueueEmpty:
                    break
            if out:
                yield out
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await cancel(reader)


def router_object(record: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    """What a body tells of a record: who answered, after whom, why, and what all of it took."""
    attempts = [{key: attempt.get(key) for key in _TOLD} for attempt in record.get("attempts", ())]
    return {
        "request_id": request_id,
        **{key: record.get(key) for key in _TOTALS},
        "decision": record.get("decision"),
        "attempts": attempts,
        "usage": total_usage(record),
    }


_TOTALS = (
    "tier",
    "escalated",
    "degraded",
    "vouched",
    "cost_usd",
    "frontier_cost_usd",
    "saved_usd",
    "seconds",
)
_TOLD = ("tier", "model", "passed", "check", "reason", "usage", "cost_usd", "seconds", "error")
_COUNTS = ("input_tokens", "output_tokens", "total_tokens")


def total_usage(record: Mapping[str, Any]) -> dict[str, int]:
    """The tokens of all the calls of a request, discarded drafts and checks included."""
    calls = [*record.get("attempts", ()), *record.get("side_calls", ())]
    usages = [call["usage"] for call in calls if call.get("usage")]
    return {name: sum(int(usage.get(name) or 0) for usage in usages) for name in _COUNTS}


def _without_calls(chunk: AIMessageChunk) -> AIMessageChunk:
    update: dict[str, Any] = {"tool_call_chunks": [], "tool_calls": [], "invalid_tool_calls": []}
    return chunk.model_copy(update=update)


def _finish(message: AIMessage) -> str:
    """OpenAI's word for why an answer ended."""
    reason = finish_reason(message)
    if message.tool_calls:
        return "tool_calls"
    if reason in LENGTH_REASONS:
        return "length"
    return "content_filter" if reason in WITHHELD else "stop"
