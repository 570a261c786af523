"""A run's config: its callback handlers, metadata and tags, and LangChain's current config."""

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
    """Run a block with `config` as LangChain's current config.

    A user's callable that invokes a model without a config gets its callbacks from there. And
    LangGraph merges the current callbacks into those of a config that it is given, so that a
    handler that was removed from the config would come back: `None` prevents that.
    """
    token = var_child_runnable_config.set(config)
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


_LISTENERS = (StreamingHandler, EventStreamingHandler)
"""Handlers that pass tokens on to somebody who reads them as they come."""


def without_listeners(config: RunnableConfig) -> tuple[RunnableConfig, list[BaseCallbackHandler]]:
    """Return the config without its listening handlers, and those handlers."""
    callbacks = config.get("callbacks")
    if callbacks is None:
        return config, []
    managed = isinstance(callbacks, BaseCallbackManager)
    handlers: Any = cast("Any", callbacks).handlers if managed else callbacks
    for handler in handlers:
        if isinstance(handler, _LISTENERS):
            break
    else:
        return config, []
    found: list[Any] = [handler for handler in handlers if isinstance(handler, _LISTENERS)]
    rest: Any
    if managed:
        rest = cast("Any", callbacks).copy()
        for handler in found:
            rest.remove_handler(handler)
    else:
        rest = [handler for handler in handlers if not isinstance(handler, _LISTENERS)]
    return patch_config(config, callbacks=rest), found


def follows_runs(config: RunnableConfig) -> bool:
    """Whether a handler in an inner run's config might see the runs below it."""
    callbacks = config.get("callbacks")
    if not isinstance(callbacks, BaseCallbackManager):
        return True
    for each in callbacks.handlers:
        if not (each.ignore_chain and each.ignore_llm and each.ignore_chat_model):
            return True
    return False


def with_handlers(
    config: RunnableConfig, handlers: Sequence[BaseCallbackHandler], metadata: dict[str, Any]
) -> RunnableConfig:
    """Return the config with listening handlers added, with their own metadata."""
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
    """Wrap a listening handler so that it gets these messages as the input of a model's call.

    With `escalate_with="draft"` the real input contains the rejected draft, which no listener may
    see. Handlers that count or trace get the real input.
    """
    changed = copy(handler)
    for name in dir(handler):
        if name.startswith("on_"):
            changed.__dict__[name] = getattr(handler, name)
    start: Any = handler.on_chat_model_start

    def started(serialized: Any, _: Any, **kwargs: Any) -> Any:
        return start(serialized, [list(messages)], **kwargs)

    async def astarted(serialized: Any, _: Any, **kwargs: Any) -> Any:
        return await start(serialized, [list(messages)], **kwargs)

    changed.__dict__["on_chat_model_start"] = astarted if iscoroutinefunction(start) else started
    return changed


def metadata_of(config: RunnableConfig) -> dict[str, Any]:
    """Return the metadata of a child run: the callback manager's, then the config's own."""
    inherited = getattr(config.get("callbacks"), "inheritable_metadata", None) or {}
    return {**inherited, **(config.get("metadata") or {})}


def tags_of(config: RunnableConfig) -> list[str]:
    """Return the tags of a child run: the callback manager's, then the config's own."""
    inherited = getattr(config.get("callbacks"), "inheritable_tags", None) or []
    return list(dict.fromkeys([*inherited, *(config.get("tags") or ())]))


def run_id_of(config: RunnableConfig) -> str | None:
    """Return the id of the run that this inner config belongs to."""
    parent = getattr(config.get("callbacks"), "parent_run_id", None)
    return None if parent is None else str(parent)


def buffered(config: RunnableConfig) -> RunnableConfig:
    """Return the config of a call that no listener may see until its check has passed."""
    return {**config, "tags": [*(config.get("tags") or ()), TAG_NOSTREAM]}
