"""`make bench`: what the router costs per call, against baselines of the same run.

First on models that answer at once, in this process: what each router adds to a call, beside two others
(`pip install 'lc-asym-router[benchmark]'`) and a bare graph. Then over HTTP:

Each variant makes the same call over HTTP to a loopback server that answers at once, in a process
of its own. Variants take turns, round by round, so that a slow moment of the machine hits all of
them. A row gives the median time per call, in milliseconds, and its ratio to the bare model's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import io
import logging
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableBranch, RunnableLambda
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph

from lc_asym_router import AsymRouter, Budget, BudgetStore, Ledger, PerCall, Price, Tier

Clock = Callable[[], float]
ANSWER = "The capital of France is Paris."
SIMPLE, COMPLEX = "What is the capital of France?", "Please debug this."
HISTORY = [
    *([HumanMessage("word " * 50), AIMessage("word " * 50)] * 1000),
    HumanMessage(COMPLEX),
]
WORDS = ("refactor", "optimize", "analyze", "debug")


def fake() -> FakeMessagesListChatModel:
    """A model that answers at once."""
    usage = {"input_tokens": 8, "output_tokens": 8, "total_tokens": 16}
    return FakeMessagesListChatModel(responses=[AIMessage(ANSWER, usage_metadata=usage)])


def in_process() -> dict[str, tuple[Any, Any]]:
    """Name -> (runnable, input), on models that answer at once; a peer that is not installed is left
    out, and said to be."""
    small, frontier = fake(), fake()
    settings: dict[str, Any] = {"small": small, "frontier": frontier}
    free = Tier(small, price=PerCall(0))
    branch = RunnableBranch((lambda text: any(w in text.lower() for w in WORDS), frontier), small)
    calls = {
        "bare": (small, SIMPLE),
        "RunnableBranch": (branch, SIMPLE),
        "LangGraph graph, no model": (empty_graph(), {"messages": []}),
        "router, keyword": (AsymRouter(**settings, classify="keyword", verify="form"), SIMPLE),
        "router": (AsymRouter(**settings, verify="form"), SIMPLE),
        "router, one sample more": (AsymRouter(small=free, frontier=frontier), SIMPLE),
    }
    for name, model in {"bare": small, "router": calls["router"][0]}.items():
        handler = UsageMetadataCallbackHandler()
        calls[f"{name}, with a handler"] = (model.with_config(callbacks=[handler]), SIMPLE)
        calls[f"{name}, in a graph's node"] = (in_node(model), {"messages": [("human", SIMPLE)]})
    try:
        from cascadeflow.integrations.langchain import CascadeFlow

        cascade = CascadeFlow(drafter=small, verifier=frontier, quality_threshold=0.0)
        calls["cascadeflow"] = (cascade, SIMPLE)
    except ImportError:
        print("cascadeflow is not installed")
    try:
        from langchain_model_router import ChatRouter, KeywordStrategy

        words = KeywordStrategy({"frontier": WORDS})
        peer = ChatRouter(routes=settings, strategy=words, default_route="small")
        calls["langchain-model-router"] = (peer, SIMPLE)
    except ImportError:
        print("langchain-model-router is not installed")
    return calls


def in_node(model: Any) -> Any:
    """A graph whose only node calls the model."""

    def asks(state: MessagesState) -> Any:
        return {"messages": [model.invoke(state["messages"])]}

    async def aasks(state: MessagesState) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("asks", RunnableLambda(asks, afunc=aasks))
    graph.add_edge(START, "asks")
    graph.add_edge("asks", END)
    return graph.compile()


def report_added(title: str, medians: dict[str, float]) -> None:
    """A table of what each adds to the bare model's call, as a multiple of that call."""
    bare = medians["bare"]
    print(f"\n{title}\n  {'':34}{'adds, x bare':>14}{'throughput':>14}")
    for name, median in medians.items():
        model = 0.0 if name.startswith("LangGraph") else bare
        print(f"  {name:34}{(median - model) / bare:>14.2f}{bare / median:>14.2f}")


def function_calls(calls: dict[str, tuple[Any, Any]]) -> dict[str, int]:
    """How many Python functions one warm call of each calls: the same on every machine."""
    counts = {}
    for name, (runnable, asked) in calls.items():
        runnable.invoke(asked)
        seen = 0

        def count(_frame: Any, event: str, _arg: Any) -> None:
            nonlocal seen
            seen += event == "call"

        sys.setprofile(count)
        try:
            runnable.invoke(asked)
        finally:
            sys.setprofile(None)
        counts[name] = seen
    return counts


def long_prompts(rounds: int = 5) -> dict[str, float]:
    """Processor time that a router adds to a prompt of 1 MB, in seconds, by what the prompt is of."""
    texts = {
        "English": "The quick brown fox jumps over the lazy dog. " * 23_000,
        "one letter": "a" * 1_000_000,
        "letters outside ASCII": "Größe und Übung, naïve façade, цена. " * 25_000,
    }
    model = fake()
    router = AsymRouter(small=fake(), frontier=fake(), verify="form")
    calls = {
        f"{kind}, {name}": (asked, f"{text}\n\n{SIMPLE}")
        for kind, text in texts.items()
        for name, asked in (("bare", model), ("router", router))
    }
    medians = measure_sync(calls, 1, rounds, time.process_time)
    return {kind: medians[f"{kind}, router"] - medians[f"{kind}, bare"] for kind in texts}


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
        "long history, bare": (frontier, HISTORY),
        "long history, router": (router, HISTORY),
    }


def _long(calls: dict[str, tuple[Any, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The calls with short prompts, and those with a long history.

    In rounds of their own: between two short calls no second is to pass.
    """
    return (
        {name: call for name, call in calls.items() if not name.startswith("long")},
        {name: call for name, call in calls.items() if name.startswith("long")},
    )


def timed_sync(
    runnable: Any, asked: Any, at_once: int, pool: ThreadPoolExecutor, clock: Clock
) -> float:
    started = clock()
    if at_once == 1:
        runnable.invoke(asked)
    else:
        list(pool.map(lambda _: runnable.invoke(asked), range(at_once)))
    return (clock() - started) / at_once


async def timed_async(runnable: Any, asked: Any, at_once: int, clock: Clock) -> float:
    started = clock()
    await asyncio.gather(*(runnable.ainvoke(asked) for _ in range(at_once)))
    return (clock() - started) / at_once


def measure_sync(
    calls: dict[str, Any], at_once: int, rounds: int, clock: Clock = time.perf_counter
) -> dict[str, float]:
    with ThreadPoolExecutor(at_once) as pool:
        return _rounds(
            calls, rounds, lambda runnable, asked: timed_sync(runnable, asked, at_once, pool, clock)
        )


async def measure_async(
    calls: dict[str, Any], at_once: int, rounds: int, clock: Clock = time.perf_counter
) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, (runnable, asked) in calls.items():
            spent = await timed_async(runnable, asked, at_once, clock)
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
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")  # langchain-model-router warns of each default
    calls = in_process()
    gc.collect()
    gc.freeze()  # a search through all modules would fall on whichever call is just made
    with contextlib.redirect_stdout(io.StringIO()):  # cascadeflow prints in each call
        # Such calls wait for nothing, so what they cost is the processor's time.
        one = measure_sync(calls, 1, rounds, time.process_time)
        with asyncio.Runner() as loop:
            many = loop.run(measure_async(calls, 64, max(5, rounds // 20), time.process_time))
    report_added("models that answer at once, sync, one at a time", one)
    report_added("the same, async, 64 at once", many)
    counts = function_calls(calls)
    print("\ncalls of Python functions, beside the bare model's", counts["bare"])
    for name, count in counts.items():
        if name != "bare":
            print(f"  {name:34}{count - counts['bare']:>+8}")
    print('\n1 MB of prompt, verify="form": processor time that is added, in ms')
    for kind, seconds in long_prompts().items():
        print(f"  {kind:34}{seconds * 1e3:>8.0f}")
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
            short, _ = _long(variants(ollama, openai, folder))
            report(f"sync, {at_once} at a time", measure_sync(short, at_once, many))
            short, _ = _long(variants(ollama, openai, folder))
            report(f"async, {at_once} at a time", loop.run(measure_async(short, at_once, many)))
        few = max(3, rounds // 10)
        _, long = _long(variants(ollama, openai, folder))
        report("2,000 messages, sync", measure_sync(long, 1, few))
        report("2,000 messages, async", loop.run(measure_async(long, 1, few)))


if __name__ == "__main__":
    main()
