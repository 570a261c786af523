"""`make bench`: what the router costs per call, against baselines of the same run.

Each variant makes the same call over HTTP to a loopback server that answers at once, in a process
of its own. Variants take turns, round by round, so that a slow moment of the machine hits all of
them. A row gives the median time per call, in milliseconds, and its ratio to the bare model's.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableBranch
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph

from lc_asym_router import AsymRouter, Budget, BudgetStore, Ledger, PerCall, Price, Tier

SIMPLE, COMPLEX = "What is the capital of France?", "Please debug this."
WORDS = ("refactor", "optimize", "analyze", "debug")


@contextmanager
def server(kind: str) -> Iterator[str]:
    """A scripted server in its own process; gives its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.servers", "--kind", kind, "--port", "0", "--text", "ok"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def empty_graph() -> Any:
    """A graph with the router's nodes on its small route, each doing nothing."""
    graph = StateGraph(MessagesState)
    for name in ("classify", "small", "verify"):
        graph.add_node(name, lambda _: {})
    graph.add_edge(START, "classify")
    graph.add_conditional_edges("classify", lambda _: "small", ["small"])
    graph.add_conditional_edges("small", lambda _: "verify", ["verify"])
    graph.add_conditional_edges("verify", lambda _: END, [END])
    return graph.compile()


def variants(ollama: str, openai: str, folder: str) -> dict[str, tuple[Any, Any]]:
    """Name -> (runnable, input)."""
    small = ChatOllama(model="small", base_url=ollama)
    frontier = ChatOpenAI(model="large", base_url=f"{openai.rstrip('/')}/v1", api_key="none")

    def routed(**settings: Any) -> AsymRouter:
        return AsymRouter(
            small=Tier(small, price=PerCall(0)),
            frontier=Tier(frontier, price=Price(2.5, 10)),
            **{"verify": "form", **settings},
        )

    def budget(**settings: Any) -> list[Budget]:
        return [Budget(usd=1e6, max_output_tokens=100, **settings)]

    router = routed()
    ledger = Ledger(f"sqlite:///{folder}/ledger.sqlite3")
    shared = BudgetStore(f"sqlite:///{folder}/budgets.sqlite3")
    branch = RunnableBranch((lambda text: any(w in text.lower() for w in WORDS), frontier), small)
    return {
        "small model, bare": (small, SIMPLE),
        "small model, RunnableBranch": (branch, SIMPLE),
        "small model, router": (router, SIMPLE),
        "frontier model, bare": (frontier, COMPLEX),
        "frontier model, RunnableBranch": (branch, COMPLEX),
        "frontier model, router": (router, COMPLEX),
        "frontier model, and ledger": (routed(callbacks=[ledger]), COMPLEX),
        "frontier model, and budget": (routed(budgets=budget()), COMPLEX),
        "frontier model, and SQLite budget": (routed(budgets=budget(store=shared)), COMPLEX),
        "no model, empty LangGraph graph": (empty_graph(), {"messages": []}),
    }


def timed_sync(runnable: Any, asked: Any, at_once: int, pool: ThreadPoolExecutor) -> float:
    started = time.perf_counter()
    if at_once == 1:
        runnable.invoke(asked)
    else:
        list(pool.map(lambda _: runnable.invoke(asked), range(at_once)))
    return (time.perf_counter() - started) / at_once


async def timed_async(runnable: Any, asked: Any, at_once: int) -> float:
    started = time.perf_counter()
    await asyncio.gather(*(runnable.ainvoke(asked) for _ in range(at_once)))
    return (time.perf_counter() - started) / at_once


def measure_sync(calls: dict[str, Any], at_once: int, rounds: int) -> dict[str, float]:
    with ThreadPoolExecutor(at_once) as pool:
        return _rounds(
            calls, rounds, lambda runnable, asked: timed_sync(runnable, asked, at_once, pool)
        )


async def measure_async(calls: dict[str, Any], at_once: int, rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, (runnable, asked) in calls.items():
            spent = await timed_async(runnable, asked, at_once)
            if number:  # the first round opens the connections
                times[name].append(spent)
    return {name: statistics.median(spent) for name, spent in times.items()}


def _rounds(
    calls: dict[str, Any], rounds: int, timed: Callable[[Any, Any], float]
) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, (runnable, asked) in calls.items():
            spent = timed(runnable, asked)
            if number:
                times[name].append(spent)
    return {name: statistics.median(spent) for name, spent in times.items()}


def report(title: str, medians: dict[str, float]) -> None:
    print(f"\n{title}")
    print(f"  {'':34}{'ms a call':>10}{'ratio to bare':>16}{'over bare, ms':>16}")
    for name, median in medians.items():
        bare = medians.get(f"{name.split(',')[0]}, bare")
        ratio = f"{median / bare:.2f}" if bare else "-"
        over = f"{(median - bare) * 1e3:.2f}" if bare else "-"
        print(f"  {name:34}{median * 1e3:>10.2f}{ratio:>16}{over:>16}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="rounds with one call at a time")
    rounds = parser.parse_args().rounds
    # One event loop for all: langchain-openai shares its async client between models, and a client's
    # connections don't outlive their loop.
    with (
        server("ollama") as ollama,
        server("openai") as openai,
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner() as loop,
    ):
        for at_once in (1, 64):
            many = rounds if at_once == 1 else max(3, rounds // 20)
            calls = variants(ollama, openai, folder)
            report(f"sync, {at_once} at a time", measure_sync(calls, at_once, many))
            calls = variants(ollama, openai, folder)
            medians = loop.run(measure_async(calls, at_once, many))
            report(f"async, {at_once} at a time", medians)


if __name__ == "__main__":
    main()
