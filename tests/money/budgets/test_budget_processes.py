"""One budget, eight processes of 32 tasks each; and a process that is killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from lc_asym_router import Budget, BudgetStore
from lc_asym_router.money.budgets.amounts import NANO
from tests.money.budgets.budgeting import UP, priced, router
from tests.servers import Reply

ROOT = Path(__file__).parents[3]
LIMIT = 0.06

HEAD = """
import asyncio, os, sys, random, time
from types import SimpleNamespace
from lc_asym_router import Budget, BudgetExceededError, BudgetStore
from tests.money.budgets.budgeting import UP, router
url, small, frontier = sys.argv[1:4]
where = SimpleNamespace(url=small, base_url=frontier)
"""


def run(code: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + textwrap.dedent(code), *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Watcher:
    """Reads spent and reserved together, over and over, and keeps the greatest sum.

    Args:
        url: The database's.
        key: What the keys begin with whose sums are read.
    """

    def __init__(self, url: str, key: str = "") -> None:
        BudgetStore(url).balance("-")  # makes the tables
        self.url, self.key, self.greatest, self.reads = url, key, 0, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        from sqlalchemy import create_engine, text

        engine = create_engine(self.url.replace("postgresql://", "postgresql+psycopg://"))
        both = text(
            "SELECT (SELECT coalesce(sum(spent), 0) FROM asym_budgets WHERE key LIKE :key)"
            " + (SELECT coalesce(sum(amount), 0) FROM asym_reservations WHERE key LIKE :key)"
        )
        while not self._ended.is_set():
            with engine.connect() as connection:
                self.greatest = max(
                    self.greatest,
                    int(connection.execute(both, {"key": f"{self.key}%"}).scalar_one()),
                )
            self.reads += 1
            time.sleep(0.003)
        engine.dispose()


@pytest.mark.full
def test_eight_processes_of_32_tasks_never_pass_the_limit(small, frontier, url):
    frontier.default = lambda body: Reply("x", output_tokens=random.randint(1, 100))
    with Watcher(url) as watcher:
        process = run(
            f"""
            routed = router(where, where, Budget(usd={LIMIT}, store=url))

            async def task():
                made = 0
                for _ in range(5):
                    try:
                        await routed.ainvoke(UP)
                        made += 1
                    except BudgetExceededError as error:
                        if error.exhausted.fault:
                            os.write(2, str(error).encode())
                            os._exit(9)
                        await asyncio.sleep(random.random() / 5)
                return made

            async def tasks():
                return sum(await asyncio.gather(*(task() for _ in range(32))))

            children = []
            for _ in range(8):
                child = os.fork()
                if not child:
                    made = asyncio.run(tasks())
                    os.write(1, f"{{made}}\\n".encode())
                    os._exit(0)
                children.append(child)
            ends = [os.waitpid(child, 0)[1] for child in children]
            sys.exit(max(abs(os.waitstatus_to_exitcode(end)) for end in ends))
            """,
            url,
            small.url,
            frontier.base_url,
        )
        said, faults = process.communicate(timeout=60)
    assert process.returncode == 0, faults[-2000:]
    made = [int(line) for line in said.split()]
    assert len(made) == 8
    assert sum(made) == len(frontier.requests) > LIMIT / 0.00145
    assert watcher.reads > 20
    assert 0 < watcher.greatest <= LIMIT * NANO
    assert priced(frontier) <= LIMIT
    now = Budget(usd=LIMIT, store=url).balance()["usd"]
    assert now["spent"] == pytest.approx(priced(frontier), abs=1e-6)
    assert now["reserved"] == 0
    assert now["spent"] > LIMIT * 0.8  # it is used, not only kept


@pytest.mark.full
def test_a_killed_processs_reservations_come_back(small, frontier, url):
    frontier.default = Reply("late", hang="before")
    budget = Budget(usd=0.002, store=url)
    process = run(
        """
        routed = router(where, where, Budget(usd=0.002, store=url, lease=6))
        routed.invoke(UP)
        """,
        url,
        small.url,
        frontier.base_url,
    )
    assert frontier.wait_requests(1, timeout=30)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert budget.balance()["usd"]["reserved"] > 0.001
    frontier.default = "a frontier answer"
    routed = router(small, frontier, Budget(usd=0.002, store=url, on_exhausted="small"))
    assert routed.invoke(UP).text == "a small answer"
    deadline = time.monotonic() + 20
    while budget.balance()["usd"]["reserved"] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert routed.invoke(UP).text == "a frontier answer"
