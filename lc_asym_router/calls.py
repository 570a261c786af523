"""One call of one tier, sync and async, live or held."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.constants import TAG_NOSTREAM
from langgraph.errors import GraphBubbleUp

from lc_asym_router.binding import bind
from lc_asym_router.errors import describe_error
from lc_asym_router.request import Request, has_content
from lc_asym_router.streaming import Draft, ReaderGone, Sink, as_chunk, loud
from lc_asym_router.tiers import Tier


@dataclass(frozen=True)
class Outcome:
    """How a call of a tier went.

    Attributes:
        draft: What the model said: the chunks in which it came, or a whole message; `None` where
            it failed.
        seconds: How long it took.
        error: What it raised, or `None`.
        begun: Whether it had begun to answer when it failed.
    """

    draft: Draft | None
    seconds: float
    error: Exception | None = None
    begun: bool = False

    def describe(self, tier: Tier) -> str | None:
        """The error in one line, without its text."""
        return describe_error(self.error, model=tier.model_name) if self.error else None


def held(config: RunnableConfig, tier: Tier, number: int) -> RunnableConfig:
    """The config of a call that nobody may listen to until its check has passed."""
    marked = labelled(config, tier, number)
    return {**marked, "tags": [*(marked.get("tags") or ()), TAG_NOSTREAM]}


def labelled(config: RunnableConfig, tier: Tier, number: int) -> RunnableConfig:
    """The config with the tier and the attempt's number in its metadata, for traces."""
    metadata = {
        **(config.get("metadata") or {}),
        "lc_asym_router_tier": tier.name,
        "lc_asym_router_attempt": number,
    }
    return {**config, "metadata": metadata}


def call(
    tier: Tier,
    request: Request,
    messages: Sequence[BaseMessage],
    config: RunnableConfig,
    *,
    stream: bool,
    sink: Sink | None,
    live: bool,
    watched: bool,
) -> Outcome:
    """Call a tier. Only exceptions that concern the request as a whole are raised.

    Args:
        stream: Take the answer as chunks.
        sink: The reader of a stream; chunks go to it at once where `live`, and a call stops when it
            has gone.
        watched: Whether listening handlers hang on the config.

    Raises:
        GraphBubbleUp: Interrupts pass through.
        ReaderGone: Nobody reads the stream any more.
    """
    started = time.perf_counter()
    chunks: list[AIMessageChunk] = []
    probe = _Probe()
    if live and watched:
        config = loud(config, [probe], {})
    try:
        runnable: Runnable[Any, Any] = bind(tier.model, request)
        if not stream:
            return _done(runnable.invoke(list(messages), config), started)
        for chunk in runnable.stream(list(messages), config):
            if sink and sink.closed:
                raise ReaderGone
            chunks.append(as_chunk(chunk))
            if sink and live:
                sink.put(chunks[-1])
        return _done(_some(chunks), started)
    except GraphBubbleUp:
        raise
    except Exception as error:
        return _lost(error, started, probe.heard or _visible(chunks))


async def acall(
    tier: Tier,
    request: Request,
    messages: Sequence[BaseMessage],
    config: RunnableConfig,
    *,
    stream: bool,
    sink: Sink | None,
    live: bool,
    watched: bool,
) -> Outcome:
    """The async twin of `call`."""
    started = time.perf_counter()
    chunks: list[AIMessageChunk] = []
    probe = _Probe()
    if live and watched:
        config = loud(config, [probe], {})
    try:
        runnable: Runnable[Any, Any] = bind(tier.model, request)
        if not stream:
            return _done(await runnable.ainvoke(list(messages), config), started)
        async for chunk in runnable.astream(list(messages), config):
            if sink and sink.closed:
                raise ReaderGone
            chunks.append(as_chunk(chunk))
            if sink and live:
                sink.put(chunks[-1])
        return _done(_some(chunks), started)
    except GraphBubbleUp:
        raise
    except Exception as error:
        return _lost(error, started, probe.heard or _visible(chunks))


def _some(chunks: list[AIMessageChunk]) -> list[AIMessageChunk]:
    if not chunks:
        raise ValueError("the stream held no chunk")
    return chunks


def _done(draft: Draft, started: float) -> Outcome:
    if isinstance(draft, AIMessage):
        # OpenAI's parsed object is no JSON; the content holds the same, and is read in its place.
        draft.additional_kwargs.pop("parsed", None)
    return Outcome(draft, time.perf_counter() - started)


def _lost(error: Exception, started: float, begun: bool) -> Outcome:
    return Outcome(None, time.perf_counter() - started, error, begun=begun)


def _visible(chunks: Sequence[AIMessageChunk]) -> bool:
    return any(has_content(chunk) or chunk.tool_call_chunks for chunk in chunks)


class _Probe(BaseCallbackHandler):
    """Notes whether listeners have heard a part of the answer."""

    run_inline = True

    def __init__(self) -> None:
        self.heard = False

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """A chunk of the v1 protocol."""
        self.heard = self.heard or bool(token)

    def on_stream_event(self, event: Any, **kwargs: Any) -> None:
        """An event of the v2 protocol."""
        self.heard = self.heard or event.get("event") == "content-block-delta"
