"""Comparing both ways of a request, the walk and LangGraph's graph: what is seen on them, and what
differs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langgraph.config import get_config, get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import get_runtime
from langgraph.types import interrupt

from lc_asym_router.graph import walk
from lc_asym_router.records.handlers import FinishedRequest, RecordsOnly
from lc_asym_router.verify import Attempt, Check, Verdict

SEEN: ContextVar[str] = ContextVar("seen", default="nothing")
_VARIES = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|127\.0\.0\.1:\d+|0x[0-9a-f]+"
    # Where an answer is cut depends on the length of its number.
    r"|chatcmpl-\d+|column \d+ \(char \d+\)"
)
_LOOPS_OWN = {"__pregel_call", "__pregel_replay_state"}
_TIMED = {"started", "signature", "created_at", "total_duration", "load_duration", "time"}


class LangGraphCheck(Check):
    """A user's check that asks for all that LangGraph gives to code in a node."""

    def __init__(self, does: str) -> None:
        self.does = does
        self.found: list[Any] = []

    def check(self, attempt: Attempt) -> Verdict:
        self.found.append(SEEN.get())
        SEEN.set("by a check")
        if self.does == "interrupts":
            interrupt("is it right?")
        if self.does == "raises":
            raise ValueError("no")
        if self.does == "cancels":
            raise asyncio.CancelledError
        if self.does == "nests":
            self.found.append(_nested().invoke({"messages": []}))
        get_stream_writer()("seen by nobody")
        config, runtime = get_config(), get_runtime()
        info = runtime.execution_info
        self.found += [
            dict(config["metadata"]),
            sorted(config["tags"]),
            sorted(k for k in config["configurable"] if k not in _LOOPS_OWN),
            config["callbacks"].tags,
            info and (bool(info.task_id), info.thread_id, info.node_attempt),
            runtime.store,
        ]
        return Verdict(self.does != "fails")


def _nested() -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("asks", lambda _: {"messages": [interrupt("nested")]})
    graph.add_edge(START, "asks")
    graph.add_edge("asks", END)
    return graph.compile()


class Runs(BaseCallbackHandler):
    """The runs that a model's own handler sees."""

    run_inline = True

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        known = dict(kwargs.get("metadata") or {})
        parent = kwargs.get("parent_run_id") is not None
        self.seen.append(("start", kwargs.get("name"), sorted(kwargs["tags"]), known, parent))

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.seen.append(("end", response.generations[0][0].text))

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.seen.append(("error", type(error).__name__))


class Records(RecordsOnly):
    """What a handler of records is given."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @contextmanager
    def around_router(self, step: Any) -> Iterator[None]:
        self.seen.append(("begins", step.whole, step.request_id))
        try:
            yield
        except BaseException as error:
            self.seen.append(("raises", error))
            raise
        finally:
            self.seen.append(("ends", step.request_id))

    def on_router_record(self, finished: FinishedRequest) -> None:
        self.seen.append((finished.outcome, dict(vars(finished))))

    def on_router_output_error(self, request_id: str, error: Exception) -> None:
        self.seen.append(("unreadable", request_id, error))


@contextmanager
def forced(walks: bool) -> Iterator[None]:
    """Requests in this block walk, or take the graph."""
    token = walk._walks.set(walks)
    try:
        yield
    finally:
        walk._walks.reset(token)


def count_walks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which of both ways each request takes."""
    taken: list[str] = []
    found = walk.Walk.unseen

    def noting(self: walk.Walk, config: Any) -> bool:
        unseen = found(self, config)
        taken.append("walk" if unseen else "graph")
        return unseen

    monkeypatch.setattr(walk.Walk, "unseen", noting)
    return taken


def plain(value: Any) -> Any:
    """A value without what differs from one request to the next."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in _TIMED and not _measured(k)}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, str):
        return _VARIES.sub("*", value)
    if isinstance(value, BaseException):
        notes, others = getattr(value, "__notes__", []), getattr(value, "exceptions", ())
        return [type(value).__name__, plain(str(value)), plain(notes), plain(others)]
    return plain(value.model_dump()) if hasattr(value, "model_dump") else value


def _measured(name: Any) -> bool:
    return "duration" in str(name) or "seconds" in str(name)


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """Where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from differences(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{where}/{place}")
    elif one != other:
        yield f"{where}: {one!r} != {other!r}"
