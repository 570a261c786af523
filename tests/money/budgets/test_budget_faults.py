"""Many requests at once, with faults, cancellations and threads, under one budget."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lc_asym_router import Budget, BudgetExceededError, BudgetStore, TiersFailedError
from tests.money.budgets.budgeting import UP, priced, router
from tests.servers import OpenAIServer, Reply

FAULTS = [
    Reply("fine", output_tokens=100),
    Reply("fine", output_tokens=1),
    Reply("fine", output_tokens=60),
    Reply("no counts", usage=False),
    Reply(status=500),
    Reply(status=429),
    Reply("a b c d", drop_after=2),
    Reply("a b c d", drop_after=-1),
    Reply("slow", delay=0.05),
]


class Watched(BudgetStore):
    """A store that looks at the balance after each step."""

    def __init__(self, url=None):
        super().__init__(url)
        self.seen: list[int] = []

    def reserve(self, id, claims):
        refusal = super().reserve(id, claims)
        self.look(claims[0].key)
        return refusal

    def settle(self, id, amounts):
        super().settle(id, amounts)
        self.look(next(iter(amounts)))

    def look(self, key):
        now = self.balance(key)
        self.seen.append(now.spent + now.reserved)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_no_interleaving_passes_the_limit(small, kind, tmp_path):
    names = iter(range(10**6))

    @settings(
        max_examples=12 if kind == "memory" else 6,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(st.sampled_from(FAULTS), min_size=12, max_size=12),
        st.lists(st.integers(0, 12), min_size=12, max_size=12),
        st.floats(0.0015, 0.008),
    )
    def run(replies, cancels, limit):
        # A server of its own: what the last example cancelled may still be on its way to the other.
        with OpenAIServer(*replies) as frontier:
            play(frontier, cancels, limit)

    def play(frontier, cancels, limit):
        store = Watched(None if kind == "memory" else tmp_path / f"{next(names)}.sqlite3")
        budget = Budget(usd=limit, store=store)
        routed = router(small, frontier, budget)

        async def one(cancel):
            task = asyncio.create_task(routed.ainvoke(UP))
            if cancel % 3 == 0:
                await asyncio.sleep(cancel / 500)
                task.cancel()
            try:
                return (await task).text
            except (BudgetExceededError, TiersFailedError, asyncio.CancelledError) as error:
                return type(error).__name__

        async def all_of_them():
            return await asyncio.gather(*map(one, cancels))

        asyncio.run(all_of_them())
        frontier.wait_idle()
        now = budget.balance()["usd"]
        assert max(store.seen, default=0) <= limit * 1e9
        assert now["reserved"] == 0
        assert priced(frontier) <= now["spent"] + 1e-8
        assert now["spent"] <= limit
        store.close()

    run()


def test_threads_and_streams_under_one_budget(small, frontier):
    frontier.default = lambda body: Reply("a b c", output_tokens=random.randint(1, 100))
    store = Watched()
    routed = router(small, frontier, Budget(usd=0.006, store=store, on_exhausted="small"))

    def one(number):
        if number % 3 == 0:
            return routed.invoke(UP).text
        if number % 3 == 1:
            return "".join(chunk.text for chunk in routed.stream(UP))
        return routed.batch([UP])[0].text

    with ThreadPoolExecutor(12) as pool:
        said = list(pool.map(one, range(60)))
    assert set(said) == {"a b c", "a small answer"}
    assert said.count("a b c") == len(frontier.requests)
    assert max(store.seen) <= 6_000_000
    assert priced(frontier) <= 0.006
