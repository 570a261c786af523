"""One call of one tier, sync and async, live or held."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.chunks import Draft, as_chunk, as_message
from lc_asym_router._internal.deadline import awithin, within
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router._internal.run_config import with_handlers
from lc_asym_router.errors import AttemptTimeoutError, EmptyStreamError
from lc_asym_router.graph.calls.cancellation import LostCancellation
from lc_asym_router.graph.calls.early_stop import Watch, watched
from lc_asym_router.graph.streaming import ReaderGone, Sink
from lc_asym_router.records.request import Request, has_content
from lc_asym_router.tiers.binding import bind
from lc_asym_router.tiers.conversation import fit
from lc_asym_router.tiers.faults.connections import Connections
from lc_asym_router.tiers.faults.limits import NO_LIMIT, Limit
from lc_asym_router.tiers.provider import check_end, counted, secrets_of, tokens_of
from lc_asym_router.tiers.tier import Tier

MessageT = TypeVar("MessageT", bound=AIMessage)


@dataclass(frozen=True)
class Outcome:
    """How a call of a tier went.

    Attributes:
        draft: What the model said: the chunks in which it came, or a whole message; `None` where
            it failed.
        seconds: How long it took.
        error: What it raised, or `None`.
        begun: Whether a part of the answer has come in a stream, which listeners may have seen.
        watch: What watched it, if anything did: it may have failed the answer already.
        waiting: Chunks of a live answer that nobody has seen yet, because all of them are empty.
    """

    draft: Draft | None
    seconds: float
    error: Exception | None = None
    begun: bool = False
    watch: Watch | None = None
    waiting: tuple[AIMessageChunk, ...] = ()

    def describe(self, tier: Tier, request: Request | None = None) -> str | None:
        """The error in one line.

        Args:
            tier: Whose call it was.
            request: What was asked, so that the server's message can be given without it; `None`
                to give no message.
        """
        if self.error is None:
            return None
        texts = None if request is None else request.texts
        return describe_error(
            self.error, model=tier.model_name, texts=texts, secrets=secrets_of(tier.model)
        )


@dataclass(frozen=True)
class How:
    """How a tier is to be called.

    Attributes:
        stream: Take the answer as chunks.
        live: Its chunks may pass at once; else nobody sees them before a check has passed.
        sink: The reader of a stream, or `None`; a call stops when it has gone.
        watched: Whether listening handlers hang on the config.
        watch: Ends a held answer once it can't pass any more, or `None`.
        limit: The time that it has.
        line: Where it may be hung up from outside, or `None`.
    """

    stream: bool
    live: bool
    sink: Sink | None = None
    watched: bool = False
    watch: Watch | None = None
    limit: Limit = NO_LIMIT
    connections: Connections | None = None


def call(
    tier: Tier,
    request: Request,
    messages: Sequence[BaseMessage],
    config: RunnableConfig,
    how: How,
) -> Outcome:
    """Call a tier. Only exceptions that concern the request as a whole are raised.

    Raises:
        GraphBubbleUp: Interrupts pass through.
        ReaderGone: Nobody reads the stream any more.
    """
    taken = _Taken(tier, how)
    seconds, connections = how.limit.seconds, how.connections
    if connections is None:
        if seconds is None:
            return _call(taken, request, messages, config)
        connections = Connections(seconds)

    def connected() -> Outcome:
        with connections.open(tier.model):
            return _call(taken, request, messages, config)

    def late() -> None:
        taken.leave()
        connections.close()

    try:
        return within(seconds, connected, late)
    except TimeoutError:
        return taken.late()


def _call(
    taken: _Taken, request: Request, messages: Sequence[BaseMessage], config: RunnableConfig
) -> Outcome:
    try:
        runnable: Runnable[Any, Any] = bind(taken.model, request)
        asked = fit(messages, taken.tier.model)
        if not taken.how.stream:
            return taken.whole(runnable.invoke(asked, taken.probed(config)))
        with closing(cast("Any", runnable.stream(asked, taken.probed(config)))) as stream:
            for chunk in stream:
                taken.add(chunk)
        return taken.all()
    except GraphBubbleUp:
        raise
    except Exception as error:
        if taken.how.connections and taken.how.connections.closed:
            raise ReaderGone from None
        return taken.lost(error)


async def acall(
    tier: Tier,
    request: Request,
    messages: Sequence[BaseMessage],
    config: RunnableConfig,
    how: How,
) -> Outcome:
    """The async twin of `call`; a late call is cancelled."""
    taken = _Taken(tier, how)
    try:
        return await awithin(how.limit.seconds, lambda: _acall(taken, request, messages, config))
    except TimeoutError:
        return taken.late()


async def _acall(
    taken: _Taken, request: Request, messages: Sequence[BaseMessage], config: RunnableConfig
) -> Outcome:
    lost = LostCancellation()
    config = with_handlers(taken.probed(config), [lost], {})
    try:
        runnable: Runnable[Any, Any] = bind(taken.model, request)
        asked = fit(messages, taken.tier.model)
        if not taken.how.stream:
            return taken.whole(await runnable.ainvoke(asked, config))
        async with aclosing(cast("Any", runnable.astream(asked, config))) as stream:
            async for chunk in stream:
                taken.add(chunk)
        lost.find()
        return taken.all()
    except GraphBubbleUp:
        raise
    except Exception as error:
        return taken.lost(error)


class _Taken:
    """What a call has taken in so far."""

    def __init__(self, tier: Tier, how: How) -> None:
        self.tier = tier
        self.how = how
        self.chunks: list[AIMessageChunk] = []
        self.started = time.perf_counter()
        self.probe = _Probe()
        self._lock = threading.Lock()
        self._left = False
        # Empty chunks wait for the first that says something: should the call fail before it, and
        # another one answer, they would stay in the reader's stream, and added to that one's chunks
        # an empty list of blocks makes LangChain lose its text.
        self._waiting: list[AIMessageChunk] = []
        self._passing = False

    @property
    def model(self) -> BaseChatModel:
        """The model to call: the tier's, or a copy of it under watch."""
        return watched(self.tier.model, self.how.watch) if self.how.watch else self.tier.model

    def probed(self, config: RunnableConfig) -> RunnableConfig:
        """The config with a probe beside the listeners that hang on it."""
        return (
            with_handlers(config, [self.probe], {})
            if self.how.live and self.how.watched
            else config
        )

    def add(self, chunk: AIMessage) -> None:
        """Take in a chunk.

        Raises:
            ReaderGone: Nobody reads the stream any more.
        """
        sink = self.how.sink
        with self._lock:
            if self._left or (sink and sink.closed):
                raise ReaderGone
            self.chunks.append(_plain(as_chunk(chunk)))
            if sink and self.how.live:
                self._waiting.append(self.chunks[-1])
                if self._passing or _says_something(self.chunks[-1]):
                    self._passing = True
                    for each in self._waiting:
                        sink.put(each)
                    self._waiting.clear()

    def leave(self) -> None:
        """Nobody waits for it any more: nothing that comes from now on is handed on."""
        with self._lock:
            self._left = True

    def late(self) -> Outcome:
        """It has taken longer than it may."""
        limit = self.how.limit
        return self.lost(AttemptTimeoutError(limit.seconds or 0.0, own=limit.own))

    def all(self) -> Outcome:
        """The stream has come to its end.

        Raises:
            EmptyStreamError: There was nothing in it.
            CutStreamError: See `whole`.
        """
        if not self.chunks:
            raise EmptyStreamError
        return self.whole(self.chunks)

    def whole(self, draft: Draft) -> Outcome:
        """The answer has come.

        Raises:
            CutStreamError: It has no end mark.
            FailedEndError: Its end is an error.
        """
        if isinstance(draft, AIMessage):
            draft = counted(_plain(draft))
        check_end(as_message(draft), self.tier.provider)
        seconds = time.perf_counter() - self.started
        return Outcome(
            draft,
            seconds,
            begun=self._begun,
            watch=self.how.watch,
            waiting=tuple(self._waiting),
        )

    def lost(self, error: Exception) -> Outcome:
        """It failed."""
        return Outcome(None, time.perf_counter() - self.started, error, begun=self._begun)

    @property
    def _begun(self) -> bool:
        """Whether a part of the answer has come in a stream."""
        return self.probe.heard or any(
            has_content(chunk) or chunk.tool_call_chunks for chunk in self.chunks
        )


def _says_something(chunk: AIMessageChunk) -> bool:
    """Whether a reader could see anything of a chunk."""
    return bool(chunk.content or chunk.tool_call_chunks or chunk.additional_kwargs)


def _plain(message: MessageT) -> MessageT:
    """The message without objects that are no JSON: a draft may be checkpointed.

    OpenAI's parsed object goes (the content holds the same, and is read instead); Ollama's logprobs
    become dicts. The record of a tier that is a router itself gives way to this router's.
    """
    parsed = "parsed" in message.additional_kwargs
    objects = isinstance(message.response_metadata.get("logprobs"), list)
    if not parsed and not objects and "router" not in message.response_metadata:
        return message
    kwargs = {k: v for k, v in message.additional_kwargs.items() if k != "parsed"}
    metadata = {k: v for k, v in message.response_metadata.items() if k != "router"}
    if objects:
        metadata["logprobs"] = tokens_of(metadata)
    return message.model_copy(update={"additional_kwargs": kwargs, "response_metadata": metadata})


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
