"""Make one call of one tier, sync and async, streamed live or buffered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, aclosing, closing, nullcontext
from dataclasses import replace
from typing import Any, TypeVar, cast

from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.chunks import Draft, as_chunk, as_message
from lc_asym_router._internal.deadline import CALLS, LONG_TEXT, awithin, off_loop, within
from lc_asym_router._internal.run_config import with_handlers
from lc_asym_router.errors import AttemptTimeoutError, EmptyStreamError
from lc_asym_router.graph.calls.early_stop import note_thinking, watched_model
from lc_asym_router.graph.calls.tier_call import CallResult, Invocation, TierCall
from lc_asym_router.graph.state import keep, sealed_draft
from lc_asym_router.graph.streaming import StreamClosed
from lc_asym_router.records.request import Request, has_content
from lc_asym_router.tiers.binding import bind, read_reply
from lc_asym_router.tiers.conversation import fitted
from lc_asym_router.tiers.faults.bodies import ResponseBody, misread_call
from lc_asym_router.tiers.faults.connections import Connections
from lc_asym_router.tiers.faults.event_loops import connect_per_loop
from lc_asym_router.tiers.model_text.thinking import THINKING_SIGNS
from lc_asym_router.tiers.provider import check_end, tokens_of, with_counts

MessageT = TypeVar("MessageT", bound=AIMessage)


Unfinished = Callable[[CallResult], object]


def invoke(call: TierCall, request: Request, how: Invocation, unfinished: Unfinished) -> CallResult:
    """Call a tier; failures become the result, only exceptions about the whole request are raised.

    Args:
        call: The call.
        request: What is asked, for the tools and the schema bound to it.
        how: How it is made.
        unfinished: Gets what had come of the answer where the call is left half-way.

    Raises:
        GraphBubbleUp: Interrupts pass through.
        StreamClosed: Nobody reads the stream any more.
    """
    answer = _Answer(call, request, how)
    try:
        return _bounded(answer)
    except TimeoutError:
        return answer.late()
    except StreamClosed:
        unfinished(answer.left())
        raise


def _bounded(answer: _Answer) -> CallResult:
    """Make the call within its time, where it has any.

    Raises:
        TimeoutError: It took longer.
    """
    seconds, connections = answer.how.limit.seconds, answer.how.connections
    if connections is None:
        if seconds is None:
            return _invoke(answer)
        connections = Connections(seconds)

    def connected() -> CallResult:
        with connections.open(answer.call.tier.model):
            return _invoke(answer)

    def late() -> None:
        answer.abandon()
        connections.close()

    return within(seconds, connected, late, threads=CALLS)


def _invoke(answer: _Answer) -> CallResult:
    how = answer.how
    try:
        with answer.receiving():
            model, asked = answer.bound()
            if not how.stream:
                return answer.whole(model.invoke(asked, answer.probed(how.config)))
            with closing(cast("Any", model.stream(asked, answer.probed(how.config)))) as stream:
                for chunk in stream:
                    answer.add(chunk)
            return answer.whole(answer.received())
    except GraphBubbleUp:
        raise
    except Exception as error:  # whatever a client raises, or reading its answer: a failed attempt
        if how.connections and how.connections.closed:
            raise StreamClosed from None
        return answer.failed(error)


async def ainvoke(
    call: TierCall, request: Request, how: Invocation, unfinished: Unfinished
) -> CallResult:
    """The async twin of `invoke`; a late call is cancelled."""
    answer = _Answer(call, request, how)
    try:
        return await awithin(how.limit.seconds, lambda: _ainvoke(answer))
    except TimeoutError:
        return answer.late()
    except (StreamClosed, asyncio.CancelledError):
        unfinished(answer.left())
        raise


async def _ainvoke(answer: _Answer) -> CallResult:
    lost, how = LostCancellation(), answer.how
    try:
        connect_per_loop(answer.call.tier.model)
        with answer.receiving(is_async=True):
            model, asked = answer.bound()
            config = answer.probed(how.config)
            if not how.stream:
                if how.listened or getattr(answer.call.tier.model, "streaming", False):
                    config = with_handlers(config, [lost], {})  # it may come in chunks
                return await answer.read(await model.ainvoke(asked, config))
            # Chunks come to this task: a handler would cost a turn of the event loop for each.
            async with aclosing(cast("Any", model.astream(asked, config))) as stream:
                async for chunk in stream:
                    lost.find()
                    answer.add(chunk)
            lost.find()
            return await answer.read(answer.received())
    except GraphBubbleUp:
        raise
    except Exception as error:  # likewise
        return answer.failed(error)


class _Answer:
    """The answer of a call, as far as it has arrived."""

    def __init__(self, call: TierCall, request: Request, how: Invocation) -> None:
        self.call = call
        self.request = request
        self.how = how
        # Where a class that nobody knows has its HTTP client, nobody knows either.
        self._body = ResponseBody() if call.tier.description.known else None
        self.chunks: list[AIMessageChunk] = []
        self.started = time.perf_counter()
        self._probe = _Probe() if how.live and how.listened else None
        self._lock = threading.Lock()
        self._abandoned = False
        self._whole: AIMessage | None = None
        # Empty chunks wait for the first that says something: should the call fail before it, and
        # another one answer, they would stay in the reader's stream, and added to that one's chunks
        # an empty list of blocks makes LangChain lose its text.
        self._waiting: list[AIMessageChunk] = []
        self._passing = False

    def receiving(self, *, is_async: bool = False) -> AbstractContextManager[None]:
        """The block in which the model is called: what its server says is kept in it."""
        if self._body is None:
            return nullcontext()
        return self._body.kept(self.call.tier.model, is_async=is_async)

    def bound(self) -> tuple[Runnable[Any, AIMessage], list[Any]]:
        """The model to call, under watch where it is watched, and the messages in its dialect."""
        tier, watch = self.call.tier, self.how.watch
        model: BaseChatModel = tier.model if watch is None else watched_model(tier.model, watch)
        asked, request = fitted(self.request, tier.model, tier.description), self.request
        messages = [*asked.messages, *self.how.messages[len(request.messages) :]]  # with feedback
        return (bind(model, request) if request.binds else model), messages

    def probed(self, config: RunnableConfig) -> RunnableConfig:
        """Return the config with a probe beside its listening handlers."""
        return config if self._probe is None else with_handlers(config, [self._probe], {})

    def add(self, chunk: AIMessage) -> None:
        """Take in a chunk.

        Raises:
            StreamClosed: Nobody reads the stream any more.
        """
        sink = self.how.sink
        with self._lock:
            if self._abandoned or (sink and sink.closed):
                raise StreamClosed
            self.chunks.append(_plain(as_chunk(chunk)))
            if sink and self.how.live:
                self._waiting.append(self.chunks[-1])
                if self._passing or _has_content(self.chunks[-1]):
                    self._passing = True
                    for each in self._waiting:
                        sink.put(each)
                    self._waiting.clear()

    def abandon(self) -> None:
        """Stop passing on chunks: the answer is no longer needed."""
        with self._lock:
            self._abandoned = True

    def late(self) -> CallResult:
        """Return the result of a call that exceeded its time limit."""
        limit = self.how.limit
        return self.failed(AttemptTimeoutError(limit.seconds or 0.0, own=limit.own))

    def received(self) -> Draft:
        """What has come of a stream that has come to its end.

        Raises:
            EmptyStreamError: There was nothing in it.
        """
        if not self.chunks:
            raise EmptyStreamError
        return self.chunks

    async def read(self, draft: Draft) -> CallResult:
        """The async twin of `whole`: what is long is read beside the event loop."""
        parts = [draft] if isinstance(draft, AIMessage) else draft
        if sum(len(str(each.text)) for each in parts) < LONG_TEXT:
            return self.whole(draft)
        return await off_loop(lambda: self.whole(draft), threads=CALLS)

    def whole(self, draft: Draft) -> CallResult:
        """Check that the answer is complete, and build the result.

        Raises:
            CutStreamError: It has no end mark.
            FailedEndError: Its end is an error.
            NoAnswerError: It can't be kept for its check.
        """
        if isinstance(draft, AIMessage):
            draft = self._whole = with_counts(_plain(draft))
        seconds, waiting = time.perf_counter() - self.started, tuple(self._waiting)
        if self.how.live and self._begun:
            repaired = False  # somebody has seen it as it is
        else:
            draft, repaired = self._read(draft)
        result = CallResult(
            draft,
            seconds,
            begun=self._begun,
            watch=self.how.watch,
            waiting=waiting,
            repaired=repaired,
        )
        check_end(cast("AIMessage", result.message), self.call.provider)
        if self.call.check is None:
            return result
        return replace(result, envelope=sealed_draft(draft) if self.how.sealed else keep(draft))

    def _read(self, draft: Draft) -> tuple[Draft, bool]:
        """A whole answer with its thinking set apart and the tool calls made that it writes as text,
        and whether there were any such calls; the draft itself where there is nothing to change."""
        message = draft if type(draft) is AIMessage else as_message(draft)
        text = str(message.text)
        if not self.request.tools and THINKING_SIGNS.search(text) is None:
            return draft, False
        read, repaired, thought = read_reply(message, self.request, self.call.repairs)
        if thought:
            note_thinking(self.call.tier, text)
        return (draft if read is message else read), repaired

    def failed(self, error: Exception) -> CallResult:
        """It failed, unless it is an answer all the same, with tool calls that can't be read."""
        held = self.call.check is not None  # so nobody has seen what came before the call
        if (held or not self._begun) and (answer := misread_call(error)) is not None:
            text = "".join(str(chunk.text) for chunk in self.chunks)
            received = self._body.received() if self._body is not None else None
            usage = received.usage_metadata if received is not None else None
            # Without tokens its client has read no further than the call.
            more = {"usage_metadata": usage} if usage and usage["output_tokens"] else {}
            return self.whole(answer.model_copy(update={"content": text, **more}))
        cause, result = error, self.left()
        if self._body is not None:
            cause = self._body.cause(error)
            if result.received is None:
                result = replace(result, received=self._body.received())
        return replace(result, error=cause)

    def left(self) -> CallResult:
        """What there is of it half-way."""
        seconds = time.perf_counter() - self.started
        try:
            received = as_message(list(self.chunks)) if self.chunks else self._whole
        except Exception:  # chunks that don't add up may be the error itself
            received = AIMessage("".join(str(each.text) for each in self.chunks))
        return CallResult(None, seconds, begun=self._begun, received=received)

    @property
    def _begun(self) -> bool:
        """Whether a part of the answer has come in a stream."""
        return (self._probe is not None and self._probe.begun) or any(
            has_content(chunk) or chunk.tool_call_chunks for chunk in self.chunks
        )


def _has_content(chunk: AIMessageChunk) -> bool:
    """Whether a reader could see anything of a chunk."""
    return bool(chunk.content or chunk.tool_call_chunks or chunk.additional_kwargs)


def _plain(message: MessageT) -> MessageT:
    """The message without objects that are no JSON: a draft may be checkpointed.

    OpenAI's parsed object goes (the content holds the same, and is read instead); Ollama's logprobs
    become dicts. The record of a tier that is a router itself makes room for this router's.
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
    """Notes whether listening handlers have received a part of the answer."""

    run_inline = True

    def __init__(self) -> None:
        self.begun = False

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """A chunk of the v1 protocol."""
        self.begun = self.begun or bool(token)

    def on_stream_event(self, event: Any, **kwargs: Any) -> None:
        """An event of the v2 protocol."""
        self.begun = self.begun or event.get("event") == "content-block-delta"


class LostCancellation(AsyncCallbackHandler):
    """Raises a cancellation again that the layers below a model's call have swallowed.

    Before Python 3.12 `asyncio.wait_for` drops a cancellation that comes in the same turn of the
    loop as its result (python/cpython#86296), and langchain-openai waits for every chunk with it:
    now and then a cancelled caller would pay for the whole answer. It listens to one call, in
    whichever task that call's chunks come.
    """

    run_inline = True

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._before = self._task.cancelling() if self._task else 0

    def find(self) -> None:
        """Look for a cancellation of the running task since this call began.

        Raises:
            asyncio.CancelledError: There was one.
        """
        task = asyncio.current_task()
        before = self._before if task is self._task else 0
        if task and task.cancelling() > before:
            raise asyncio.CancelledError

    async def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """A chunk of the v1 protocol."""
        self.find()

    async def on_stream_event(self, event: Any, **kwargs: Any) -> None:
        """An event of the v2 protocol."""
        self.find()
