"""The walk without LangGraph's loop comes to the same as the graph: answer, record, errors, runs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langgraph.config import get_config, get_stream_writer
from langgraph.errors import GraphRecursionError, NodeCancelledError
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import get_runtime
from langgraph.types import interrupt

from lc_asym_router import AsymRouter, Budget, Price, Retry, Tier
from lc_asym_router.graph import walk
from lc_asym_router.graph.policy import Policy
from lc_asym_router.router import router as router_module
from lc_asym_router.tiers.faults.shared_breakers import forget_breakers
from lc_asym_router.verify import Attempt, Check, Verdict
from tests.conftest import frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply, ToolCall

REPLIES = {
    "good": Reply("Paris is the capital of France."),
    "empty": Reply(""),
    "refusal": Reply("I'm sorry, but I can't help with that."),
    "call": Reply(tool_calls=[ToolCall("lookup", {"city": "Paris"}, "call-1")]),
    "thinks": Reply("<think>hm</think>Paris."),
    "down": Reply(status=503, error="down"),
    "asked wrongly": Reply(status=400, error="no such thing"),
    "cut": Reply("one two three four", truncate_after=2),
}
SEEN: ContextVar[str] = ContextVar("seen", default="nothing")
_VARIES = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|127\.0\.0\.1:\d+|0x[0-9a-f]+|chatcmpl-\d+"
)
_LOOPS_OWN = {"__pregel_call", "__pregel_replay_state"}
_TIMED = {"seconds", "started", "signature", "created_at", "total_duration", "load_duration"}


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


@contextmanager
def forced(walks: bool) -> Iterator[None]:
    """Requests in this block walk, or take the graph."""
    token = walk._walks.set(walks)
    try:
        yield
    finally:
        walk._walks.reset(token)


def plain(value: Any) -> Any:
    """A value without what differs from one request to the next."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in _TIMED and "duration" not in k}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, str):
        return _VARIES.sub("*", value)
    if isinstance(value, BaseException):
        return [type(value).__name__, plain(str(value)), plain(getattr(value, "__notes__", []))]
    return plain(value.model_dump()) if hasattr(value, "model_dump") else value


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


@dataclass(frozen=True)
class Case:
    """A request, its servers' replies, and the router's settings."""

    small: list[str]
    frontier: list[str]
    does: str | None
    face: str
    config: dict[str, Any]
    settings: dict[str, Any]
    direct: bool
    tools: bool


@st.composite
def cases(draw: Any) -> Case:
    replies = st.lists(st.sampled_from(sorted(REPLIES)), min_size=1, max_size=3)
    configurable = draw(
        st.sampled_from(
            [{}, {"tier": "frontier"}, {"verify": False}, {"escalate": False}, {"thread_id": "t"}]
        )
    )
    return Case(
        small=draw(replies),
        frontier=draw(replies),
        does=draw(
            st.sampled_from([None, "passes", "fails", "raises", "interrupts", "cancels", "nests"])
        ),
        face=draw(st.sampled_from(["invoke", "ainvoke", "stream", "astream"])),
        config={"configurable": configurable, "tags": ["mine"], "metadata": {"who": "me"}},
        settings={
            "small_attempts": draw(st.integers(1, 2)),
            "escalate_with": draw(st.sampled_from(["request", "draft"])),
            "degrade": draw(st.booleans()),
            "deadline": draw(st.sampled_from([None, 600.0])),
            "classify": draw(st.sampled_from(["default", "keyword", _complexity])),
            "budgets": draw(st.sampled_from([[], [_calls("small")], [_calls("error")]])),
        },
        direct=draw(st.booleans()),
        tools=draw(st.booleans()),
    )


def _calls(then: str) -> tuple[int, Any]:
    return (1, then)


def _complexity(messages: list[Any]) -> float:
    SEEN.set("by a classifier")
    return 0.9 if "debug" in messages[0].text else 0.1


def lookup(city: str) -> str:
    """Look a city up."""
    return city


def outcome(case: Case, walks: bool, servers: tuple[Any, Any], runner: asyncio.Runner) -> Any:
    """What comes of a request on one of both ways."""
    forget_breakers()
    small, frontier = servers
    for server, replies in ((small, case.small), (frontier, case.frontier)):
        server.reset()
        server.script(*(REPLIES[name] for name in replies))
    check = None if case.does is None else LangGraphCheck(case.does)
    runs = Runs()
    given = {**case.settings}
    given["budgets"] = [
        Budget(calls=n, per="request", on_exhausted=then) for n, then in given["budgets"]
    ]
    router: Any = AsymRouter(
        small=Tier(small_model(small, callbacks=[runs]), price=Price(1, 1), retry=Retry(1)),
        frontier=Tier(
            frontier_model(frontier, callbacks=[runs]), price=Price(2, 2), retry=Retry(1)
        ),
        verify="form" if check is None else check,
        **given,
    )
    model = router.bind_tools([lookup]) if case.tools else router
    asked = "debug this" if case.direct else "hi there"
    answer, error = None, None
    with forced(walks):
        try:
            answer = _answers(model, case, asked, runner)
        except Exception as raised:
            error = raised
    small.wait_idle()
    frontier.wait_idle()
    return plain(
        {
            "answer": answer,
            "error": error,
            "record": getattr(error, "record", None),
            "found": check.found if check else None,
            "runs": runs.seen,
            "leaks": SEEN.get(),
            "asked": [[len(s.requests), [r.body for r in s.requests]] for s in servers],
        }
    )


def _answers(model: Any, case: Case, asked: str, runner: asyncio.Runner) -> Any:
    if case.face == "invoke":
        return model.invoke(asked, case.config)
    if case.face == "stream":
        return list(model.stream(asked, case.config))
    if case.face == "ainvoke":
        return runner.run(model.ainvoke(asked, case.config))

    async def read() -> list[Any]:
        return [chunk async for chunk in model.astream(asked, case.config)]

    return runner.run(read())


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[OllamaServer, OpenAIServer]]:
    with OllamaServer(default=REPLIES["good"]) as one, OpenAIServer(default=REPLIES["good"]) as two:
        yield one, two


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as found:
        yield found


@given(case=cases())
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_both_ways_come_to_the_same(
    servers: tuple[Any, Any], runner: asyncio.Runner, case: Case
) -> None:
    walked, ran = (outcome(case, walks, servers, runner) for walks in (True, False))
    assert list(differences(walked, ran)) == []


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


@pytest.mark.parametrize(
    ("config", "way"),
    [({}, "walk"), ({"tags": ["a"]}, "walk"), ({"callbacks": [Runs()]}, "graph")],
    ids=["plain", "tags", "a handler"],
)
def test_who_listens_gets_the_graph(
    make: Callable[..., AsymRouter], monkeypatch: pytest.MonkeyPatch, config: Any, way: str
) -> None:
    taken = count_walks(monkeypatch)
    make().invoke("hi", config)
    assert taken == [way]


def test_a_graph_is_compiled_when_it_is_needed(
    small: OllamaServer, frontier: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Policy] = []
    build = router_module.build_graph
    monkeypatch.setattr(
        router_module,
        "build_graph",
        lambda *given, **how: (compiled.append(given[0]), build(*given, **how))[1],
    )
    router = AsymRouter(small=small_model(small), frontier=frontier_model(frontier), verify="form")
    router.invoke("hi")
    assert not compiled
    assert router.graph is router.graph
    assert len(compiled) == 1


def test_so_does_a_parent_graph(
    make: Callable[..., AsymRouter], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, router = count_walks(monkeypatch), make()
    graph = StateGraph(MessagesState)
    graph.add_node("asks", lambda state: {"messages": [router.invoke(state["messages"])]})
    graph.add_edge(START, "asks")
    graph.add_edge("asks", END)
    graph.compile().invoke({"messages": [("user", "hi")]})
    assert taken == ["graph"]


@pytest.mark.parametrize("walks", [True, False], ids=["walk", "graph"])
def test_a_run_that_goes_on_and_on_ends(
    make: Callable[..., AsymRouter], monkeypatch: pytest.MonkeyPatch, walks: bool
) -> None:
    router = make()
    monkeypatch.setitem(vars(router.policy), "longest", 2)  # the three nodes are one too many
    assert isinstance(router.policy, Policy)
    with forced(walks), pytest.raises(GraphRecursionError, match="limit of 3"):
        router.invoke("hi")


@pytest.mark.parametrize("walks", [True, False], ids=["walk", "graph"])
async def test_a_cancelled_request_closes_the_call_below(
    make: Callable[..., AsymRouter], small: OllamaServer, frontier: OpenAIServer, walks: bool
) -> None:
    small.script(Reply("one two three", hang="middle"))
    with forced(walks):
        task = asyncio.create_task(make().ainvoke("hi"))
    await asyncio.to_thread(small.wait_requests)
    for _ in range(3):  # an anyio scope cancels again and again
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(small.wait_idle)
    assert small.requests[0].closed_by_client
    assert not frontier.requests


@pytest.mark.parametrize("walks", [True, False], ids=["walk", "graph"])
def test_a_reader_that_goes_ends_the_request(
    make: Callable[..., AsymRouter], small: OllamaServer, frontier: OpenAIServer, walks: bool
) -> None:
    small.script(Reply("one two three", hang="middle"))
    router = make(verify=None)
    with forced(walks):
        stream = router.stream("hi")
        next(stream)
        stream.close()
    assert small.wait_requests()
    assert not frontier.requests


@pytest.mark.parametrize("walks", [True, False], ids=["walk", "graph"])
@pytest.mark.parametrize("face", ["invoke", "ainvoke"])
async def test_a_cancellation_that_is_nobodys_is_the_nodes_error(
    make: Callable[..., AsymRouter], face: str, walks: bool
) -> None:
    router = make(verify=LangGraphCheck("cancels"))
    with forced(walks), pytest.raises(NodeCancelledError, match="'verify'"):
        if face == "invoke":
            router.invoke("hi")
        else:
            await router.ainvoke("hi")
