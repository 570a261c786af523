"""Every wait counts against the deadline: for a cache, a store, a queue, a call for a check. On a
clock that is handed in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.cache.base import BaseCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from lc_asym_router import Budget, BudgetExceededError, BudgetStore, DecisionCache, Retry
from lc_asym_router._internal.deadline import CLOCK, within
from lc_asym_router.classify import JudgeClassifier
from lc_asym_router.verify import Agreement
from tests.behaviour.faults.rig import Rig
from tests.servers import Reply
from tests.virtual_time import VirtualClock, VirtualLoop, virtual_time

DEADLINE = 20.0


class Turn:
    """One way of asking, on one clock."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.clock = VirtualClock()
        self.runner = asyncio.Runner(loop_factory=lambda: VirtualLoop(self.clock))

    def ask(self, router: Any, given: Any = "say", config: Any = None) -> tuple[Any, float]:
        """The answer and the seconds that it took."""
        started = self.clock.seconds
        if self.way == "invoke":
            answer = router.invoke(given, config)
        else:
            answer = self.runner.run(router.ainvoke(given, config))
        return answer, self.clock.seconds - started


@pytest.fixture(params=["invoke", "ainvoke"])
def turn(request: pytest.FixtureRequest) -> Iterator[Turn]:
    made = Turn(request.param)
    with virtual_time(made.clock):
        made.runner.get_loop()
        yield made
    made.runner.close()


class HangingCache(BaseCache[Any]):
    """A cache on a server that answers nobody."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock

    def get(self, keys: Any) -> Any:
        self.clock.hang()

    async def aget(self, keys: Any) -> Any:
        await asyncio.sleep(1e6)

    def set(self, pairs: Any) -> None:
        self.clock.hang()

    async def aset(self, pairs: Any, ttl: Any = None) -> None:
        await asyncio.sleep(1e6)

    def clear(self, namespaces: Any = None) -> None: ...

    async def aclear(self, namespaces: Any = None) -> None: ...


class HangingStore(BudgetStore):
    """A store that takes a reservation, or a settlement, and never comes back."""

    waits = True

    def __init__(self, clock: VirtualClock, what: str) -> None:
        super().__init__()
        self.clock = clock
        self.what = what

    def reserve(self, id: str, claims: Any, seconds: float | None = None) -> Any:
        if self.what == "reserve":
            self.clock.hang()
        return super().reserve(id, claims)

    def settle(self, id: str, amounts: Any, seconds: float | None = None) -> None:
        if self.what == "settle":
            self.clock.hang()
        super().settle(id, amounts)


def test_a_cache_and_its_classifier_share_their_time(turn: Turn, rig: Rig) -> None:
    """Looking, asking and keeping together take no more than the classifier's share."""
    router = rig.router(
        classify="keyword", decision_cache=DecisionCache(HangingCache(turn.clock)), deadline=8.0
    )
    answer, seconds = turn.ask(router)
    assert answer.text == "a small answer"
    assert seconds <= 4.0 + 1.0


@pytest.mark.parametrize("what", ["reserve", "settle"])
def test_a_store_that_hangs(turn: Turn, rig: Rig, what: str) -> None:
    budget = Budget(calls=9, store=HangingStore(turn.clock, what))
    router = rig.router(budgets=[budget], deadline=DEADLINE)
    started = turn.clock.seconds
    if what == "settle":
        answer, seconds = turn.ask(router)
        assert answer.text == "a small answer"
    else:
        with pytest.raises(BudgetExceededError) as caught:
            turn.ask(router)
        assert caught.value.exhausted.fault is not None
        seconds = turn.clock.seconds - started
    assert seconds <= DEADLINE + 1.0


def test_a_store_that_hangs_under_a_judging_classifier(turn: Turn, rig: Rig) -> None:
    """Its wait is the classifier's, which has half of the time."""
    judge = JudgeClassifier(chat=rig.tier("small").model, deadline=None)
    budget = Budget(calls=9, store=HangingStore(turn.clock, "reserve"))
    router = rig.router(classify=judge, budgets=[budget], deadline=DEADLINE)
    started = turn.clock.seconds
    with pytest.raises(BudgetExceededError):
        turn.ask(router)
    assert turn.clock.seconds - started <= DEADLINE + 1.0


def test_a_queue_for_a_tier(turn: Turn, rig: Rig) -> None:
    router = rig.router(tiers={"small": {"max_concurrency": 1}}, deadline=DEADLINE)
    slots = router.ladder.tiers[0].guard.slots
    slots.acquire()
    try:
        answer, seconds = turn.ask(router)
    finally:
        slots.release()
    assert answer.text == "a frontier answer"
    assert 9 <= seconds <= DEADLINE / 2 + 1.0


def test_a_sample_for_a_check(turn: Turn, rig: Rig) -> None:
    rig.servers["small"].script("42", Reply("42", hang="before"))
    router = rig.router(verify=Agreement(1), deadline=DEADLINE)
    answer, seconds = turn.ask(router)
    assert answer.text == "a frontier answer"
    assert seconds <= DEADLINE / 2 + 1.0


def test_the_deadline_of_another_request_is_not_this_ones(turn: Turn, rig: Rig) -> None:
    """Under a checkpointer the state still holds the trail of the thread's last request."""
    judge = JudgeClassifier(chat=rig.tier("small").model, deadline=None)
    rig.servers["small"].default = '{"level": 0}'
    budget = Budget(calls=99, store=HangingStore(turn.clock, "nothing"))
    router = rig.router(classify=judge, budgets=[budget], deadline=DEADLINE)
    graph = StateGraph(MessagesState)
    graph.add_node("answer", router.graph)
    graph.add_edge(START, "answer")
    compiled = graph.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    for _ in range(2):
        out, _ = turn.ask(compiled, {"messages": [HumanMessage("say")]}, config)
        decision = out["messages"][-1].response_metadata["router"]["decision"]
        assert decision["classifier"] == "judge"
        turn.clock.seconds += 10 * DEADLINE


def test_the_clock_goes_along_into_threads(turn: Turn) -> None:
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(CLOCK.get()))
    thread.start()
    thread.join()
    assert seen[0] is not turn.clock  # a thread of anybody's has the real one
    assert within(5.0, CLOCK.get) is turn.clock


def test_retries_wait_on_it(turn: Turn, rig: Rig) -> None:
    rig.servers["small"].script(Reply(status=503, headers={"Retry-After": "5"}))
    router = rig.router(
        tiers={"small": {"retry": Retry(attempts=2, max_wait=8)}}, deadline=10 * DEADLINE
    )
    answer, seconds = turn.ask(router)
    assert answer.text == "a small answer"
    assert 5 <= seconds <= 6
