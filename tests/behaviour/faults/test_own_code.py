"""A user's own checks and classifiers that hang, compute, raise, or say anything; and what a tier may
write that a state can't keep. On a clock that is handed in where there is time in it."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.decisions import BaseDecisionModel
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from lc_asym_router import AsymRouter, KeywordClassifier, Retry
from lc_asym_router._internal import deadline
from lc_asym_router._internal.chunks import keepable
from lc_asym_router._internal.deadline import (
    LONG_TEXT,
    LateError,
    Threads,
    awithin,
    off_loop,
    within,
)
from lc_asym_router.graph.state import sealed_draft, unseal
from lc_asym_router.verify import Arithmetic, Check, NotEmpty, Verdict
from lc_asym_router.verify.attempt import TOO_LONG
from tests.behaviour.faults.rig import WAYS, Rig, ask, in_all_ways, until
from tests.conftest import frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply, ToolCall
from tests.virtual_time import VirtualClock, VirtualLoop, virtual_time


class Where(Check):
    """Notes in which thread it runs."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def check(self, attempt: Any) -> Verdict:
        self.threads.append(threading.current_thread())
        return Verdict(True)


class Slow(Check):
    """Goes on until it is let go."""

    time_limit = 2.0

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock

    def check(self, attempt: Any) -> Verdict:
        self.clock.hang()
        return Verdict(True)


# where it runs --------------------------------------------------------------------------------


async def test_a_check_of_ones_own_runs_beside_the_loop(rig: Rig) -> None:
    check = Where()
    for made in (check, check & NotEmpty(), ~~check, NotEmpty() & (check | check)):
        await rig.router(verify=made).ainvoke("say")
    assert check.threads
    assert threading.current_thread() not in check.threads


async def test_a_check_of_the_form_runs_on_the_loop_where_the_answer_is_short(rig: Rig) -> None:
    seen: list[threading.Thread] = []

    class Noted(NotEmpty):
        instant = True

        def check(self, attempt: Any) -> Verdict:
            seen.append(threading.current_thread())
            return super().check(attempt)

    router = rig.router(verify=Noted())
    await router.ainvoke("say")
    rig.servers["small"].default = "word " * (LONG_TEXT // 5)
    await router.ainvoke("say")
    assert [each is threading.current_thread() for each in seen] == [True, False]


async def test_a_decision_model_without_an_async_twin_runs_beside_the_loop(rig: Rig) -> None:
    seen: list[threading.Thread] = []

    class Own(KeywordClassifier):
        def _classify(self, state: Any, questions: Any) -> Any:
            seen.append(threading.current_thread())
            return super()._classify(state, questions)

    await rig.router(classify=Own()).ainvoke("say")
    assert seen
    assert threading.current_thread() not in seen
    assert issubclass(Own, BaseDecisionModel)


async def test_the_loop_goes_on_while_a_check_computes(rig: Rig) -> None:
    """It counts to the end of the check; with the check on the loop it would not count at all."""
    counted, over = 0, threading.Event()

    def check(attempt: Any) -> bool:
        while not over.is_set():
            sum(range(1_000))
        return True

    asked = asyncio.create_task(rig.router(verify=check).ainvoke("say"))
    while counted < 200:
        await asyncio.sleep(0)
        counted += 1
    assert not asked.done()
    over.set()
    assert (await asked).text == "a small answer"


# how long -------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_check_has_a_limit_of_its_own(rig: Rig, way: str) -> None:
    clock = VirtualClock()
    with virtual_time(clock), asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        for check in (Slow(clock), ~Slow(clock), Slow(clock) & NotEmpty()):
            router, started = rig.router(verify=check), clock.seconds
            answer = router.invoke("say") if way == "invoke" else runner.run(router.ainvoke("say"))
            record = answer.response_metadata["router"]
            assert answer.text == "a frontier answer"
            assert "no answer in time, within 2 s" in record["attempts"][0]["reason"]
            assert 2 <= clock.seconds - started < 3


def test_what_is_too_long_to_judge_has_not_passed() -> None:
    def verdict(check: Check) -> Verdict:
        from tests.verify.outside_readers import attempt

        return check(attempt("1 + 1 = 2. " * 30_000))

    for check in (Arithmetic(), ~Arithmetic(), ~~Arithmetic(), Arithmetic() & NotEmpty()):
        assert not verdict(check).passed
        assert verdict(check).reason == TOO_LONG


def test_calls_that_were_given_up_on_are_bounded() -> None:
    over, clock = threading.Event(), VirtualClock()
    threads = Threads(abandoned=3)
    with virtual_time(clock):
        for _ in range(3):
            with pytest.raises(LateError, match="no answer in time"):
                within(1.0, over.wait, threads=threads)
        with pytest.raises(LateError, match="not begun: 3 calls"):
            within(1.0, lambda: 1, threads=threads)
        over.set()
        assert clock.wait_for(lambda: not threads.abandoned, 100)
        assert within(1.0, lambda: 1, threads=threads) == 1


async def test_so_many_at_once_and_the_next_wait_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadline, "AT_ONCE", 2)
    threads, over, most, now = Threads(abandoned=9), threading.Event(), 0, 0
    lock = threading.Lock()

    def call() -> int:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        over.wait()
        with lock:
            now -= 1
        return 1

    tasks = [asyncio.create_task(off_loop(call, threads=threads)) for _ in range(6)]
    await until(lambda: now == 2)
    tasks[5].cancel()  # it has not begun
    tasks[0].cancel()  # it has, so its place is the next one's
    await until(lambda: now == 3)
    assert threads.abandoned == 1
    over.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in done] == [True, *[False] * 4, True]
    assert most == 3


@pytest.mark.parametrize("raised", [StopIteration(1), MemoryError(), SystemExit(3)])
async def test_whatever_a_thread_raises_is_handed_on(raised: BaseException) -> None:
    def call() -> None:
        raise raised

    kind = RuntimeError if isinstance(raised, StopIteration) else type(raised)
    with pytest.raises(kind):
        within(10.0, call)
    if not isinstance(raised, SystemExit):
        with pytest.raises(kind):
            await off_loop(call)


def test_a_coroutine_that_goes_on_after_its_cancellation_is_left() -> None:
    clock, ended = VirtualClock(), []

    async def stubborn() -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(1_000)
            except asyncio.CancelledError:
                ended.append(clock.seconds)

    async def run() -> None:
        with pytest.raises(LateError):
            await awithin(5.0, stubborn)
        assert clock.seconds < 6

    with virtual_time(clock), asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        runner.run(run())
    assert ended[0] == 5.0


# what is said of it ---------------------------------------------------------------------------


def bad_check(attempt: Any) -> bool:
    raise KeyError(f"MARKED {attempt.text}")


def bad_classifier(messages: Any) -> float:
    try:
        return {}[messages[-1].text]
    except KeyError as error:
        raise RuntimeError(f"MARKED {messages[-1].text}") from error


@pytest.mark.parametrize("which", ["verify", "classify"])
@pytest.mark.parametrize("way", WAYS)
async def test_what_raises_is_logged_once_with_its_traceback_and_then_counted(
    rig: Rig, way: str, which: str, caplog: pytest.LogCaptureFixture
) -> None:
    function = bad_check if which == "verify" else bad_classifier
    router = rig.router(**{which: function})
    with caplog.at_level(logging.DEBUG, "lc_asym_router"):
        for _ in range(3):
            assert (await ask(router, way, "say MARKED")).text == "a frontier answer"
    noted = [each for each in caplog.records if function.__name__ in each.getMessage()]
    assert [each.levelname for each in noted] == ["WARNING", "DEBUG", "DEBUG"]
    first, _, last = (each.getMessage() for each in noted)
    assert "Traceback (most recent call last):" in first
    assert "test_own_code.py" in first
    assert "KeyError" in first
    assert ("which led to" in first) is (which == "classify")
    assert "3 times so far" in last
    assert not any(word in caplog.text for word in ("MARKED", "a small answer"))


# what a state can't keep ------------------------------------------------------------------------

ARGUMENTS: dict[str, Any] = {
    "huge": {"amount": 10**20},
    "just": {"amount": 2**64 - 1},
    "over": {"amount": 2**64},
    "negative": {"amount": -(10**30)},
    "nested": {"amount": 1, "more": [{"a": [10**40, 1.5, None, "x"]}]},
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_a_sealed_draft_is_what_it_was(case: str) -> None:
    message = AIMessage("é", id="1", tool_calls=[{"name": "f", "args": ARGUMENTS[case], "id": "2"}])
    assert unseal(sealed_draft(message)) == message
    kept = keepable(message)
    assert (kept is message) is (case == "just")
    again = AIMessage("é", id="1", tool_calls=kept.tool_calls)
    assert keepable(again) is again


@pytest.mark.parametrize("case", ARGUMENTS)
@in_all_ways
async def test_arguments_of_any_size_pass_as_they_are(rig: Rig, way: str, case: str) -> None:
    rig.servers["small"].default = Reply(tool_calls=[ToolCall("pay", ARGUMENTS[case])])
    seen = await ask(rig.router().bind_tools([pay]), way, "say")
    assert seen.error is None
    assert seen.tiers == ["small"]
    assert seen.answer is not None
    assert seen.answer.tool_calls[0]["args"] == ARGUMENTS[case]


@in_all_ways
async def test_arguments_of_any_depth_are_a_failed_attempt_at_most(rig: Rig, way: str) -> None:
    deep: list[Any] = []
    for depth in range(1, 801):
        deep = [deep]
        if depth not in (150, 400, 800):
            continue
        call = ToolCall("pay", {"amount": 1, "more": deep})
        rig.servers["small"].default = Reply(tool_calls=[call])
        once = {"small": {"retry": Retry(attempts=1), "breaker": False}}
        seen = await ask(rig.router(tiers=once).bind_tools([pay]), way, "say")
        assert seen.error is None
        assert seen.tiers == (["small"] if depth < 200 else ["small", "frontier"]), seen.attempts


@pytest.mark.parametrize("text", ["pay it", "debug: pay it"])
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream"])
async def test_an_agent_with_a_checkpointer_keeps_huge_numbers(text: str, way: str) -> None:
    reply = Reply(tool_calls=[ToolCall("pay", {"amount": 10**20})])
    with OllamaServer(default="done") as small, OpenAIServer(default="done") as frontier:
        (frontier if "debug" in text else small).script(reply)
        router = AsymRouter(
            small=small_model(small),
            frontier=frontier_model(frontier),
            classify="keyword",
            verify="form",
        )
        agent = create_agent(router, [pay], checkpointer=InMemorySaver())
        config: Any = {"configurable": {"thread_id": "1"}}
        asked: Any = {"messages": [HumanMessage(text)]}
        if way == "invoke":
            await asyncio.to_thread(agent.invoke, asked, config)
        elif way == "ainvoke":
            await agent.ainvoke(asked, config)
        else:
            [_ async for _ in agent.astream(asked, config, stream_mode="messages")]
        messages = agent.get_state(config).values["messages"]
        assert messages[1].tool_calls[0]["args"] == {"amount": str(10**20)}
        assert messages[2].text == f"paid {10**20}"
        assert messages[-1].text == "done"


@pytest.mark.parametrize("text", ["pay it", "debug: pay it"])
def test_the_graph_in_a_graph_with_a_checkpointer_keeps_them(text: str) -> None:
    reply = Reply(tool_calls=[ToolCall("pay", {"amount": 10**20})])
    with OllamaServer(default=reply) as small, OpenAIServer(default=reply) as frontier:
        router = AsymRouter(
            small=small_model(small),
            frontier=frontier_model(frontier),
            classify="keyword",
            verify=lambda attempt: True,
        )
        graph = StateGraph(MessagesState)
        graph.add_node("answer", router.graph)
        graph.add_edge(START, "answer")
        compiled = graph.compile(checkpointer=InMemorySaver())
        config: Any = {"configurable": {"thread_id": "1"}}
        out = compiled.invoke({"messages": [HumanMessage(text)]}, config)
        assert out["messages"][-1].tool_calls[0]["args"] == {"amount": str(10**20)}


def pay(amount: int, more: Any = None) -> str:
    """Pay an amount."""
    return f"paid {amount}"
