"""The config that LangChain finds where none is passed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config


@contextmanager
def ambient(config: RunnableConfig | None) -> Iterator[None]:
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
