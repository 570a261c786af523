"""What is seen: all that one caller was shown, and its model calls as a handler sees them."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk


class Counter(BaseCallbackHandler):
    """A tracing handler: it sees each real model call, drafts too."""

    run_inline = True

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.started: list[UUID] = []
        self.ended: list[UUID] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        with self.lock:
            self.started.append(kwargs["run_id"])

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        with self.lock:
            self.ended.append(kwargs["run_id"])

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        with self.lock:
            self.ended.append(kwargs["run_id"])

    def settled(self, least: int | None = None) -> bool:
        """Whether each call that started (or that many) has ended; waits a little."""
        until = time.monotonic() + 3
        while not self._settled(least) and time.monotonic() < until:
            time.sleep(0.01)
        return self._settled(least)

    def _settled(self, least: int | None) -> bool:
        with self.lock:
            if least is not None:
                return len(self.ended) >= least
            return sorted(self.started) == sorted(self.ended)


@dataclass
class Seen:
    """Everything that one caller saw."""

    everything: list[Any] = field(default_factory=list)
    channels: dict[str, list[AIMessage]] = field(default_factory=dict)
    answer: AIMessage | None = None
    error: BaseException | None = None
    left: bool = False
    streams: bool = False
    watched: bool = True
    counter: Counter = field(default_factory=Counter)
    usage: UsageMetadataCallbackHandler = field(default_factory=UsageMetadataCallbackHandler)

    @property
    def config(self) -> dict[str, Any]:
        return {"callbacks": [self.counter, self.usage]} if self.watched else {}

    def take(self, channel: str, message: Any) -> None:
        """Note a part of a channel."""
        if isinstance(message, dict) and "raw" in message:
            message = message["raw"]
        if isinstance(message, AIMessage):
            self.channels.setdefault(channel, []).append(message)

    def text(self) -> str:
        """Everything, as text."""
        shown = [repr(item) for item in self.everything]
        if self.error is not None:
            shown += [repr(self.error), *traceback.format_exception(self.error)]
            shown.append(repr(getattr(self.error, "record", None)))
        return "\n".join(shown)


def raw(output: Any) -> AIMessage:
    """The message of an answer, or of a structured one."""
    return output["raw"] if isinstance(output, dict) else output


def joined(parts: Sequence[AIMessage]) -> AIMessage:
    """Chunks, added up; a whole message stands for itself."""
    if len(parts) == 1:
        return parts[0]
    whole = parts[0]
    for part in parts[1:]:
        assert isinstance(part, AIMessageChunk), f"a whole message among chunks: {parts}"
        whole = whole + part
    return whole


def said_calls(message: AIMessage) -> list[tuple[str, Any]]:
    return [(call["name"], call["args"]) for call in message.tool_calls]
