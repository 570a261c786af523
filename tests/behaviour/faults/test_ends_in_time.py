"""A request ends by its deadline, whatever one tier, check, classifier or store does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langchain_ollama import ChatOllama

from lc_asym_router import AsymRouter, Breaker, Budget, BudgetStore, Price, Retry, Tier
from lc_asym_router.errors import RouterError
from lc_asym_router.verify import Check, Verdict
from tests.behaviour.faults.rig import WAYS, joined
from tests.conftest import frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply, ToolCall
from tests.virtual_time import VirtualClock, VirtualLoop, virtual_time

DEADLINE = 20.0
GRACE = 1.0
"""Seconds for calls that were told to end, before their callers go on."""


class Untellable(Exception):
    """An error that can't even be put into words."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


ERRORS: list[Exception] = [
    RecursionError("too deep"),
    OverflowError("too large"),
    TypeError("not that"),
    MemoryError(),
    KeyError("MARKED"),
    StopIteration(1),
    TimeoutError(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"),
    ExceptionGroup("several", [ValueError("1"), TypeError("2")]),
    Untellable(),
]
NUMBERS: list[Any] = [
    *(0, -1, 10**400, 2**63, -(10**20), 0.5, float("nan"), float("inf"), -0.0, True, 1e308, 1j),
]
OTHERS: list[Any] = [None, "x", b"", [], {}, object(), "a" * 50_000, int]
VERDICTS: list[Any] = [
    *(NUMBERS + OTHERS),
    *(lambda score=score: Verdict(True, score) for score in [*NUMBERS, "x", object()]),
    lambda: Verdict(False, None, "a" * 10**6),
    lambda: Verdict(False, None, 7),  # type: ignore[arg-type]
    lambda: Verdict("yes"),  # type: ignore[arg-type]
    lambda: Verdict(True, answer="42"),  # type: ignore[arg-type]
    lambda: Verdict(True, answer=AIMessage("another")),
    lambda: Verdict(False, votes=(1,)),  # type: ignore[arg-type]
]
INSTEAD: list[Any] = ["small", "error", "an answer", AIMessage("an answer"), *OTHERS]
REPLIES = [
    Reply("fine"),
    Reply("fine", input_tokens=2**63, output_tokens=10**30),
    Reply("fine", input_tokens=-(10**9), output_tokens=-1),
    Reply("[" * 50_000),
    Reply("0 " * 20_000),
    Reply("\\boxed{\\binom{2000000}{1000000}} = " + "9" * 5_000),
    Reply(tool_calls=[ToolCall("f", {"amount": 10**20})]),
    Reply(tool_calls=[ToolCall("f", '{"a": ' + "[" * 3_000 + "]" * 3_000 + "}")]),
    Reply(tool_calls=[ToolCall("f", "{not json")]),
    Reply(status=500, error="down"),
    Reply(status=429, headers={"Retry-After": "9" * 400}),
    Reply(status=429, headers={"Retry-After": "-inf"}),
    Reply(body=b"\xff\xfe" * 1_000),
    Reply("one two", hang="before"),
    Reply("one two", hang="middle"),
]
"""What a tier may answer."""

Does = tuple[str, Any]
"""What one part does: what, and with which value."""


def doing(values: list[Any]) -> st.SearchStrategy[Does]:
    return st.one_of(
        st.just(("hang", None)),
        st.just(("compute", None)),
        st.tuples(st.just("raise"), st.sampled_from(ERRORS)),
        st.tuples(st.just("return"), st.sampled_from(values)),
    )


def at_once(values: list[Any]) -> st.SearchStrategy[Does]:
    """What is asked on the loop can't be ended there, and its docstring says so."""
    return doing(values).filter(lambda does: does[0] in ("raise", "return"))


CASES = st.one_of(
    st.tuples(st.just("classifier"), doing(NUMBERS + OTHERS)),
    st.tuples(st.sampled_from(["check", "own check"]), doing(VERDICTS)),
    st.tuples(st.sampled_from(["reserving", "settling"]), doing(NUMBERS + OTHERS)),
    st.tuples(st.just("model"), doing(OTHERS)),
    st.tuples(st.sampled_from(["exhausted", "async exhausted"]), doing(INSTEAD + NUMBERS)),
    st.tuples(st.just("breaker"), doing(NUMBERS)),
    st.tuples(st.sampled_from(["retry", "wait"]), at_once(NUMBERS)),
    st.tuples(st.just("tier"), st.tuples(st.just("reply"), st.sampled_from(REPLIES))),
)


def behaves(does: Does, clock: VirtualClock) -> Callable[..., Any]:
    """A function that does what is asked of it, whatever it is given."""
    what, value = does

    def function(*given: Any, **named: Any) -> Any:
        if what == "raise":
            raise value
        if what in ("hang", "compute"):
            getattr(clock, what)()
        return value() if callable(value) and not isinstance(value, type) else value

    return function


class World:
    """Two servers, and a router in which one part misbehaves."""

    def __init__(self) -> None:
        self.small = OllamaServer(default="a small answer")
        self.frontier = OpenAIServer(default="a frontier answer")
        self.clock = VirtualClock()
        # One loop for all examples: the clients' connections belong to it.
        self.runner = asyncio.Runner(loop_factory=lambda: VirtualLoop(self.clock))

    def router(self, part: str, does: Does, clock: VirtualClock) -> AsymRouter:
        function, small = behaves(does, clock), small_model(self.small)
        self.small.default = does[1] if part == "tier" else "a small answer"
        given: dict[str, Any] = {"classify": lambda messages: 0.0, "verify": "form"}
        if part == "model":
            small = misbehaving(self.small, function)
        if part == "classifier":
            given["classify"] = function
        if part == "check":
            given["verify"] = function
        if part == "own check":
            given["verify"] = type("Own", (Check,), {"check": lambda self, attempt: function()})()
        if part in ("reserving", "settling"):
            name = "reserve" if part == "reserving" else "settle"
            store = type("OwnStore", (BudgetStore,), {name: function})()
            given["budgets"] = [Budget(calls=100, store=store)]
        if part in ("exhausted", "async exhausted"):

            async def instead(exhausted: Any) -> Any:
                return await asyncio.get_running_loop().run_in_executor(None, function)

            given["classify"] = lambda messages: 1.0
            wanted = function if part == "exhausted" else instead
            given["budgets"] = [Budget(usd=1e-6, on_exhausted=wanted)]
        once: dict[str, Any] = {"retry": Retry(attempts=1), "breaker": False}
        if part in ("breaker", "retry", "wait"):
            self.small.default = Reply(status=503, error="down")
            named = {"breaker": {}, "retry": {"on": function}, "wait": {"wait": function}}[part]
            once = {"retry": Retry(attempts=2, **named), "breaker": Breaker(1, on_change=function)}
            if part != "breaker":
                once["breaker"] = False
        return AsymRouter(
            small=Tier(small, "small", price=Price(0, 0), **once),
            frontier=Tier(
                frontier_model(self.frontier, max_tokens=50), "frontier", price=Price(1, 1), **once
            ),
            deadline=DEADLINE,
            **given,
        )

    def close(self) -> None:
        self.runner.close()
        self.small.close()
        self.frontier.close()


def misbehaving(server: OllamaServer, function: Callable[..., Any]) -> ChatOllama:
    """The real client, whose reading of an answer goes wrong; what computes does so in a thread."""

    class Model(ChatOllama):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            return function()

        async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
            return await asyncio.get_running_loop().run_in_executor(None, function)

        def _stream(self, *args: Any, **kwargs: Any) -> Any:
            yield function()

        async def _astream(self, *args: Any, **kwargs: Any) -> Any:
            yield await asyncio.get_running_loop().run_in_executor(None, function)

    return Model(model="small-model", base_url=server.url)


@pytest.fixture(scope="module")
def world() -> Any:
    made = World()
    yield made
    made.close()


async def asked(router: AsymRouter, way: str) -> Any:
    if way == "ainvoke":
        return await router.ainvoke("say it")
    return joined([chunk async for chunk in router.astream("say it")])


def end_of(world: World, router: AsymRouter, way: str) -> Any:
    """What a request comes to: an answer, or one of our own errors."""
    try:
        if way == "invoke":
            return router.invoke("say it")
        if way == "stream":
            return joined(list(router.stream("say it")))
        return world.runner.run(asked(router, way), context=copy_context())
    except RouterError as error:
        return error


@pytest.mark.full
@given(CASES, st.sampled_from(WAYS))
@example(("check", ("hang", None)), "ainvoke")
@example(("own check", ("compute", None)), "ainvoke")
@example(("own check", ("hang", None)), "invoke")
@example(("check", ("return", lambda: Verdict(True, 10**400))), "astream")
@example(("classifier", ("hang", None)), "astream")
@example(("classifier", ("raise", ERRORS[-1])), "ainvoke")
@example(("classifier", ("return", 10**400)), "invoke")
@example(("reserving", ("hang", None)), "ainvoke")
@example(("settling", ("hang", None)), "invoke")
@example(("settling", ("raise", MemoryError())), "stream")
@example(("exhausted", ("hang", None)), "ainvoke")
@example(("exhausted", ("compute", None)), "astream")
@example(("exhausted", ("raise", PermissionError("no"))), "invoke")
@example(("async exhausted", ("hang", None)), "ainvoke")
@example(("async exhausted", ("raise", MemoryError())), "stream")
@example(("exhausted", ("return", 10**400)), "invoke")
@example(("breaker", ("raise", RecursionError())), "ainvoke")
@example(("breaker", ("hang", None)), "ainvoke")
@example(("breaker", ("compute", None)), "invoke")
@example(("retry", ("raise", KeyError(1))), "ainvoke")
@example(("wait", ("return", 10**400)), "invoke")
@example(("model", ("raise", RecursionError())), "stream")
@example(("model", ("hang", None)), "invoke")
@example(("tier", ("reply", REPLIES[6])), "ainvoke")
@example(("tier", ("reply", REPLIES[7])), "stream")
@settings(
    max_examples=4 * int(os.environ.get("LC_ASYM_ROUTER_FUZZ", "6")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_it_ends_by_its_deadline(world: World, case: tuple[str, Does], way: str) -> None:
    part, does = case
    with virtual_time(world.clock) as clock:
        router, started = world.router(part, does, clock), clock.seconds
        end = end_of(world, router, way)
        seconds = clock.seconds - started
    assert seconds <= DEADLINE + GRACE
    assert isinstance(end, AIMessage | RouterError), end
    if part in ("classifier", "model", "settling", "breaker", "retry", "wait"):
        assert not isinstance(end, RouterError), end  # the other tier answers
    if part.endswith("exhausted") and does[0] != "return":
        assert end.text == "a small answer", end
