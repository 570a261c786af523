"""A run's config: who listens to it, its metadata and tags, and the one that LangChain finds where none
is passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from inspect import iscoroutinefunction
from typing import Any, cast

from langchain_core.callbacks import (
    BaseCallbackHandler,
    BaseCallbackManager,
)
from langchain_core.messages import (
    BaseMessage,
)
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import patch_config, var_child_runnable_config
from langgraph.constants import TAG_NOSTREAM

from lc_asym_router._internal.compat import EventStreamingHandler, StreamingHandler


@contextmanager
def config_context(config: RunnableConfig | None) -> Iterator[None]:
    """Run a block with `config` as the ambient one.

    Somebody's callable that invokes a model without a config gets its callbacks from there. And
    LangGraph merges the ambient callbacks into those of a config that it is given, so that a handler
    that was taken out of the config would come back in: `None` keeps it out.
    """
    token = var_child_runnable_config.set(config)
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def is_listener(handler: BaseCallbackHandler) -> bool:
    """Whether a handler passes tokens on to somebody who reads them as they come."""
    return isinstance(handler, StreamingHandler | EventStreamingHandler)


def without_listeners(config: RunnableConfig) -> tuple[RunnableConfig, list[BaseCallbackHandler]]:
    """The config without its listening handlers, and those handlers."""
    callbacks = config.get("callbacks")
    if callbacks is None:
        return config, []
    if isinstance(callbacks, BaseCallbackManager):
        found = [handler for handler in callbacks.handlers if is_listener(handler)]
        if not found:
            return config, []
        manager = callbacks.copy()
        for handler in found:
            manager.remove_handler(handler)
        return patch_config(config, callbacks=cast("Any", manager)), found
    found = [handler for handler in callbacks if is_listener(handler)]
    rest = [handler for handler in callbacks if not is_listener(handler)]
    return patch_config(config, callbacks=cast("Any", rest)) if found else config, found


def with_handlers(
    config: RunnableConfig, handlers: Sequence[BaseCallbackHandler], metadata: dict[str, Any]
) -> RunnableConfig:
    """The config with listening handlers put (back) in, as seen from where they listen."""
    if not handlers:
        return config
    callbacks = config.get("callbacks")
    merged: Any
    if isinstance(callbacks, BaseCallbackManager):
        merged = callbacks.copy()
        for handler in handlers:
            merged.add_handler(handler, inherit=True)
    else:
        merged = [*(callbacks or ()), *handlers]
    return {
        **config,
        "callbacks": merged,
        "metadata": {**(config.get("metadata") or {}), **metadata},
    }


def with_input_hidden(
    handler: BaseCallbackHandler, messages: Sequence[BaseMessage]
) -> BaseCallbackHandler:
    """A listening handler that is told of a model's call with these messages as its input.

    With `escalate_with="draft"` a live tier's real input holds the rejected draft, which nobody who
    listens may see. What counts and traces is told the truth.
    """
    veil = copy(handler)
    for name in dir(handler):
        if name.startswith("on_"):
            veil.__dict__[name] = getattr(handler, name)
    start: Any = handler.on_chat_model_start

    def told(serialized: Any, _: Any, **kwargs: Any) -> Any:
        return start(serialized, [list(messages)], **kwargs)

    async def atold(serialized: Any, _: Any, **kwargs: Any) -> Any:
        return await start(serialized, [list(messages)], **kwargs)

    veil.__dict__["on_chat_model_start"] = atold if iscoroutinefunction(start) else told
    return veil


def metadata_of(config: RunnableConfig) -> dict[str, Any]:
    """The metadata that a child run would have: the callback manager's, then the config's own."""
    inherited = getattr(config.get("callbacks"), "inheritable_metadata", None) or {}
    return {**inherited, **(config.get("metadata") or {})}


def tags_of(config: RunnableConfig) -> list[str]:
    """The tags that a child run would have, likewise."""
    inherited = getattr(config.get("callbacks"), "inheritable_tags", None) or []
    return list(dict.fromkeys([*inherited, *(config.get("tags") or ())]))


def run_id_of(config: RunnableConfig) -> str | None:
    """Id of the run whose inner config this is."""
    parent = getattr(config.get("callbacks"), "parent_run_id", None)
    return None if parent is None else str(parent)


def buffered(config: RunnableConfig) -> RunnableConfig:
    """The config of a call that nobody may listen to until its check has passed."""
    return {**config, "tags": [*(config.get("tags") or ()), TAG_NOSTREAM]}
