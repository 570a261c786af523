"""Base class of the chat models whose own run is a chain run, not an LLM run.

As an LLM run, a router would make every usage callback count its tokens twice (once for itself,
once for the model that it calls), and the callback manager of an LLM run has no children. So the
public methods (`invoke`, `stream`, `generate` and their async twins) are overridden, and the
models' runs become children of a chain run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Self, cast

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForChainRun,
    CallbackManagerForLLMRun,
    Callbacks,
)
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.chat_model_stream import (
    AsyncChatModelStream,
    ChatModelStream,
)
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables import config as runs
from pydantic import PrivateAttr, model_validator

from lc_asym_router._internal.compat import (
    convert_input,
    streaming_disabled,
    transform_stream,
)
from lc_asym_router.classify.scorer import known_settings
from lc_asym_router.graph.build import Graph
from lc_asym_router.records.request import Request, estimated_tokens
from lc_asym_router.router.chain_run import Answerer, chunks_of_run
from lc_asym_router.router.events import aevents_of, events_of


class ChainChatModel(BaseChatModel):
    """Base class of a chat model that calls other chat models."""

    @model_validator(mode="before")
    @classmethod
    def _known(cls, values: Any) -> Any:
        return known_settings(cls, values) if isinstance(values, dict) else values

    _answerer: Answerer = PrivateAttr()
    _compiled: Callable[[], Graph] = PrivateAttr()

    @property
    def graph(self) -> Graph:
        """The compiled state graph, to be added to a parent as a node: its state has `messages`.

        It runs with the model's own callbacks, tags and metadata, as the model itself does.
        """
        # LangChain may set them after construction.
        graph = self._compiled()
        graph.config = cast("RunnableConfig", {**(graph.config or {}), **self._own_config()})
        return graph

    def _request(
        self, input: LanguageModelInput, kwargs: dict[str, Any], stop: list[str] | None = None
    ) -> Request:
        """Build the validated request of a call.

        Raises:
            InvalidRequestError: There is nothing to route on, or an argument that no model knows.
        """
        messages = convert_input(self, input).to_messages()
        bound = kwargs.copy()
        bound.pop("ls_structured_output_format", None)
        own = bound.pop("stop", None)
        bound["stop"] = stop if stop is not None else own or getattr(self, "stop", None)
        request = Request.of_call(bound).with_messages(messages)
        if request.kwargs:
            self._check_arguments(request.kwargs)
        return request

    def _check_arguments(self, arguments: Mapping[str, Any]) -> None:
        """Reject keyword arguments of a call that no model behind this one accepts.

        Raises:
            InvalidRequestError: There is such an argument.
        """

    def model_copy(self, *, update: Any = None, deep: bool = False) -> Self:
        """Return a copy with other settings, validated and built anew."""
        if not update:
            return super().model_copy(deep=deep)
        given = {name: getattr(self, name) for name in self.model_fields_set - {"profile"}}
        return type(self)(**{**given, **update})

    def invoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Answer a request.

        Raises:
            InvalidRequestError: There is no human message to route on, or an argument that no model
                accepts.
            NoTierError: No tier can take the request.
            TiersFailedError: No tier gave an answer that may be returned.
        """
        request, config = self._request(input, kwargs, stop), self._merged(config)
        # As `_call_with_config`, which would inspect a function's signature in each request.
        name, run_id = config.get("run_name") or self.get_name(), config.pop("run_id", None)
        manager = runs.get_callback_manager_for_config(config)
        run = manager.on_chain_start(None, input, name=name, run_id=run_id)
        try:
            inner = runs.patch_config(config, callbacks=run.get_child())
            with runs.set_config_context(inner) as context:
                answer = context.run(self._answerer.answer, request, inner)
        except BaseException as error:
            run.on_chain_error(error)
            raise
        run.on_chain_end(answer)
        return answer

    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """The async twin of `invoke`."""
        request, config = self._request(input, kwargs, stop), self._merged(config)
        name, run_id = config.get("run_name") or self.get_name(), config.pop("run_id", None)
        manager = runs.get_async_callback_manager_for_config(config)
        run = await manager.on_chain_start(None, input, name=name, run_id=run_id)
        try:
            inner = runs.patch_config(config, callbacks=run.get_child())
            with runs.set_config_context(inner) as context:
                task = asyncio.create_task(self._answerer.aanswer(request, inner), context=context)
                answer = await task
        except BaseException as error:
            await run.on_chain_error(error)
            raise
        await run.on_chain_end(answer)
        return answer

    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Answer a request in chunks; the last chunk is empty and carries the record.

        Chunks of the last tier, and of a tier without a check, are passed on as they arrive. Those
        of a checked tier are passed on after its check has passed.

        Raises:
            InvalidRequestError: There is no human message to route on, or an argument that no model
                accepts.
            NoTierError: No tier can take the request.
            TiersFailedError: No tier gave an answer that may be returned.
        """
        if streaming_disabled(self, **kwargs):
            yield cast("AIMessageChunk", self.invoke(input, config, stop=stop, **kwargs))
            return
        request = self._request(input, kwargs, stop)

        def run(
            _: Iterator[LanguageModelInput],
            run_manager: CallbackManagerForChainRun,
            config: RunnableConfig,
        ) -> Iterator[AIMessage]:
            return self._answerer.chunks(request, config)

        stream = transform_stream(self, iter([input]), run, self._merged(config))
        yield from cast("Iterator[AIMessageChunk]", stream)

    async def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """The async twin of `stream`."""
        if streaming_disabled(self, **kwargs):
            yield cast("AIMessageChunk", await self.ainvoke(input, config, stop=stop, **kwargs))
            return
        request = self._request(input, kwargs, stop)

        config = self._merged(config)
        name = config.get("run_name") or self.get_name()
        chunks = chunks_of_run(name, input, config, partial(self._answerer.achunks, request))
        # Closed here and now when the reader stops; else it would go on until it is collected.
        async with aclosing(chunks) as stream:
            async for chunk in stream:
                yield chunk

    def _chat_model_stream_v3(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> ChatModelStream:
        """Implement `stream_events(version="v3")`; LangChain's own would open an LLM run."""
        return events_of(self.stream(input, config, stop=stop, **kwargs))

    async def _achat_model_stream_v3(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncChatModelStream:
        """The async twin of `_chat_model_stream_v3`."""
        return aevents_of(self.astream(input, config, stop=stop, **kwargs))

    def generate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        run_name: str | None = None,
        run_id: Any = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answer several requests, one after the other; each is a chain run of its own."""
        configs = run_configs(len(messages), callbacks, tags, metadata, run_name, run_id)
        return as_result(
            [
                self.invoke(asked, config, stop=stop, **kwargs)
                for asked, config in zip(messages, configs, strict=True)
            ]
        )

    async def agenerate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        run_name: str | None = None,
        run_id: Any = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answer several requests concurrently; each is a chain run of its own."""
        configs = run_configs(len(messages), callbacks, tags, metadata, run_name, run_id)
        return as_result(
            await asyncio.gather(
                *(
                    self.ainvoke(asked, config, stop=stop, **kwargs)
                    for asked, config in zip(messages, configs, strict=True)
                )
            )
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = self.invoke(messages, below(run_manager), stop=stop, **kwargs)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = await self.ainvoke(messages, below(run_manager), stop=stop, **kwargs)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in self.stream(messages, below(run_manager), stop=stop, **kwargs):
            yield ChatGenerationChunk(message=chunk)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in self.astream(messages, below(run_manager), stop=stop, **kwargs):
            yield ChatGenerationChunk(message=chunk)

    def get_num_tokens(self, text: str) -> int:
        """Estimate the tokens of a text, before it is known whose tokenizer applies."""
        return estimated_tokens([HumanMessage(text)])

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Estimate the tokens of messages, as the router does for its tiers' context windows."""
        return estimated_tokens(messages, tools)

    def _merged(self, config: RunnableConfig | None) -> RunnableConfig:
        """The call's config, or its parent's where none is given, with the model's own in it."""
        found, own = runs.ensure_config(config), self._own_config()
        if not own:
            return found
        merged = runs.merge_configs(own, found)
        if isinstance(callbacks := merged.get("callbacks"), list):
            # A handler that the call names too is called once.
            merged["callbacks"] = list({id(each): each for each in callbacks}.values())
        return merged

    def _own_config(self) -> RunnableConfig:
        """The model's own callbacks, tags and metadata."""
        own: Any = {}
        for key in ("callbacks", "tags", "metadata"):
            if value := getattr(self, key, None):
                own[key] = value
        return cast("RunnableConfig", own)


def run_configs(
    count: int,
    callbacks: Callbacks,
    tags: list[str] | None,
    metadata: dict[str, Any] | None,
    run_name: str | None,
    run_id: Any,
) -> list[RunnableConfig]:
    """Return one config for each of several requests; only the first can take the run's id."""
    config: dict[str, Any] = {
        "callbacks": callbacks,
        "tags": tags,
        "metadata": metadata,
        "run_name": run_name,
    }
    given = cast("RunnableConfig", {key: value for key, value in config.items() if value})
    configs = [given.copy() for _ in range(count)]
    if configs and run_id is not None:
        configs[0]["run_id"] = run_id
    return configs


def as_result(messages: Sequence[AIMessage]) -> LLMResult:
    """Wrap the answers as the `LLMResult` of `generate`."""
    return LLMResult(generations=[[ChatGeneration(message=message)] for message in messages])


def below(
    run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None,
) -> RunnableConfig | None:
    """Return a config for runs below an LLM run.

    An LLM run's callback manager makes no child managers of its own.
    """
    return {"callbacks": list(run_manager.inheritable_handlers)} if run_manager else None
