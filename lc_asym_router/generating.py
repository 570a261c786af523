"""What `generate` needs, the older face of a chat model: many requests in, an `LLMResult` out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
    Callbacks,
)
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableConfig


def run_configs(
    count: int,
    callbacks: Callbacks,
    tags: list[str] | None,
    metadata: dict[str, Any] | None,
    run_name: str | None,
    run_id: Any,
) -> list[RunnableConfig]:
    """A config for each of several requests; the run's id can be that of the first alone."""
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
    """The answers as the result of `generate`."""
    return LLMResult(generations=[[ChatGeneration(message=message)] for message in messages])


def below(
    run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None,
) -> RunnableConfig | None:
    """A config for runs below an LLM run, whose manager makes no children of its own."""
    return {"callbacks": list(run_manager.inheritable_handlers)} if run_manager else None
