"""The ledger keeps each request once, to the token, and no text."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import MessagesState, StateGraph

from lc_asym_router import (
    AsymRouter,
    AsymRouterMiddleware,
    Judge,
    Ledger,
    Tier,
    TiersFailedError,
    UnverifiedError,
    Verdict,
)
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.servers import Reply, ToolCall

REFUSAL = "I'm sorry, but I can't help with that."


@pytest.fixture
def ledger(url):
    with Ledger(url, flush_seconds=0.05) as ledger:
        yield ledger


def number_in(body):
    return int(body["messages"][-1]["content"].split()[-1])


def small_says(body):
    """By the request's number: a failure, an empty or a cut-off answer, or a good one."""
    number = number_in(body)
    tokens = {"input_tokens": 20 + number % 7, "output_tokens": 1 + number % 13}
    if number % 10 == 1:
        return Reply(status=500, error="boom")
    if number % 10 == 2:
        return Reply("", **tokens)
    if number % 10 == 3:
        return Reply("cut off in the mid", finish="length", **tokens)
    return Reply(f"small {number}", **tokens)


def frontier_says(body):
    number = number_in(body)
    if number % 20 in (1, 2):
        return Reply(status=429, error="slow down")
    return Reply(f"large {number}", input_tokens=30 + number % 5, output_tokens=1 + number % 17)


async def everything(router, count):
    """So many requests at once, by threads and tasks, in every way to ask; how each ended."""
    number = itertools.count()

    def asked():
        n = next(number)
        return f"please {'debug' if n % 5 == 0 else 'say'} {n}"

    def whole(text):
        return router.invoke(text)

    def parts(text):
        return list(router.stream(text))[-1]

    def several(*texts):
        return router.batch(list(texts), return_exceptions=True)

    async def awhole(text):
        return await router.ainvoke(text)

    async def aparts(text):
        return [chunk async for chunk in router.astream(text)][-1]

    async def aseveral(*texts):
        return await router.abatch(list(texts), return_exceptions=True)

    ended = []
    with ThreadPoolExecutor(16) as pool:
        loop = asyncio.get_running_loop()
        jobs = []
        for _ in range(count // 8):
            jobs += [loop.run_in_executor(pool, way, asked()) for way in (whole, parts)]
            jobs.append(loop.run_in_executor(pool, several, asked(), asked()))
            jobs += [asyncio.ensure_future(way(asked())) for way in (awhole, aparts)]
            jobs.append(asyncio.ensure_future(aseveral(asked(), asked())))
        for done in await asyncio.gather(*jobs, return_exceptions=True):
            ended += done if isinstance(done, list) else [done]
    return ended


async def test_the_totals_are_the_servers_own(make, small, frontier, ledger, read):
    small.default, frontier.default = small_says, frontier_says
    ended = await everything(make(callbacks=[ledger]), 240)
    assert len(ended) == 240
    failed = [each for each in ended if isinstance(each, TiersFailedError)]
    assert {type(each) for each in ended if isinstance(each, Exception)} == {TiersFailedError}
    (row,) = ledger.rows()
    assert (row["requests"], row["failed"], row["left"]) == (240, len(failed), 0)
    for tier, server in (("small", small), ("frontier", frontier)):
        (sums,) = read(
            "SELECT coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), count(*) "
            f"FROM asym_calls WHERE tier = '{tier}'"
        )
        assert tuple(sums) == (*server.tokens, len(server.requests))
    came = small.tokens[0] + frontier.tokens[0]
    assert (row["input_tokens"], row["output_tokens"]) == (
        came,
        small.tokens[1] + frontier.tokens[1],
    )
    cost = SMALL_PRICE.of(counted(small)) + FRONTIER_PRICE.of(counted(frontier))
    assert row["cost_usd"] == pytest.approx(cost)
    assert row["unknown_cost"] == 0
    told = Counter(record(each)["tier"] for each in ended if not isinstance(each, Exception))
    assert row["share_small"] == pytest.approx(told["small"] / told.total())
    saved = sum(record(each)["saved_usd"] for each in ended if not isinstance(each, Exception))
    assert row["saved_usd"] == pytest.approx(saved)
    assert row["failed_checks"] == {"NotEmpty": 24, "CutOff": 24}
    assert ledger.dropped == 0


def counted(server):
    came, went = server.tokens
    return {"input_tokens": came, "output_tokens": went, "total_tokens": came + went}


async def test_a_row_says_all_that_the_record_says(make, ask, small, frontier, ledger, read):
    small.script(Reply("", input_tokens=11, output_tokens=13))
    frontier.script(Reply("fine", input_tokens=17, output_tokens=19))
    router = make(callbacks=[ledger])
    config = {
        "tags": ["team-a", "beta"],
        "metadata": {"x": 1},
        "configurable": {"thread_id": "t-1"},
    }
    answer = await ask(router, "hi", config)
    ledger.flush()
    names = (
        "id, run_id, outcome, error, tier, model, escalated, decided_tier, complexity, threshold, "
        "classifier, attempts, cost_usd, frontier_cost_usd, saved_usd, thread_id, reason, prompt"
    )
    (row,) = read(f"SELECT {names} FROM asym_requests")
    found = record(answer)
    assert row[:2] == (found["id"], found["run_id"])
    assert row[2:6] == ("answered", None, "frontier", "frontier-model")
    assert bool(row[6])
    assert row[7:12] == ("small", 0.0, 0.5, "keyword", 2)
    assert row[12:15] == tuple(
        pytest.approx(found[k]) for k in ("cost_usd", "frontier_cost_usd", "saved_usd")
    )
    assert row[15:] == ("t-1", None, None)
    assert read("SELECT tag FROM asym_tags ORDER BY tag") == [("beta",), ("team-a",)]
    calls = read(
        'SELECT number, purpose, tier, passed, "check", input_tokens, output_tokens, error '
        "FROM asym_calls ORDER BY number"
    )
    assert calls[0] == (1, "answer", "small", False, "NotEmpty", 11, 13, None)
    assert calls[1] == (2, "answer", "frontier", None, None, 17, 19, None)


async def test_the_run_id_is_the_routers_own(make, ledger, read):
    given = "12345678-1234-5678-1234-567812345678"
    await make(callbacks=[ledger]).ainvoke("hi", {"run_id": given})
    ledger.flush()
    ((found,),) = read("SELECT run_id FROM asym_requests")
    assert found == given


async def test_side_calls_are_kept_with_their_purpose(frontier, ledger, read, make):
    frontier.script(Reply("no", input_tokens=5, output_tokens=1), Reply("large"))
    router = make(verify=Judge(frontier_model(frontier)), callbacks=[ledger])
    await router.ainvoke("hi")
    ledger.flush()
    rows = read("SELECT purpose, tier, model, input_tokens FROM asym_calls ORDER BY number")
    assert [row[:2] for row in rows] == [
        ("answer", "small"),
        ("answer", "frontier"),
        ("verify", None),
    ]
    assert rows[2][2:] == ("frontier-model", 5)


async def test_a_draft_that_is_ended_early_has_an_estimated_usage(make, small, ledger, read):
    small.script(Reply(REFUSAL + " more" * 200, chunk_delay=0.01))
    [chunk async for chunk in make(callbacks=[ledger]).astream("hi")]
    ledger.flush()
    calls = read("SELECT usage_estimated, input_tokens FROM asym_calls ORDER BY number")
    assert [bool(estimated) for estimated, _ in calls] == [True, False]
    (row,) = ledger.rows()
    assert (row["calls_with_estimated_usage"], row["unknown_cost"]) == (1, 0)


async def test_a_failed_request_is_kept_with_its_cost(make, ask, small, frontier, ledger, read):
    small.script(Reply("", input_tokens=1000, output_tokens=0))
    frontier.script(Reply(status=429, error="quota"))
    with pytest.raises(TiersFailedError):
        await ask(make(callbacks=[ledger]), "hi")
    small.script(Reply("", input_tokens=1000, output_tokens=0))
    with pytest.raises(UnverifiedError):
        await ask(make(callbacks=[ledger]), "hi", {"configurable": {"escalate": False}})
    ledger.flush()
    rows = read(
        "SELECT outcome, error, tier, cost_usd, saved_usd FROM asym_requests ORDER BY error"
    )
    cost = pytest.approx(1000 * SMALL_PRICE.input / 1e6)
    assert rows == [
        ("failed", "TiersFailedError", None, cost, None),
        ("failed", "UnverifiedError", None, cost, None),
    ]
    errors = read("SELECT error FROM asym_calls WHERE error IS NOT NULL")
    assert len(errors) == 1
    assert errors[0][0].endswith("429")


async def test_a_request_that_is_left_is_kept(make, small, frontier, ledger, read):
    """It has been paid for, too: what is known is kept, what is not is unknown."""
    router = make(callbacks=[ledger])
    for way in ("stream", "astream", "cancel"):
        small.script(Reply("", input_tokens=50, output_tokens=1))
        frontier.script(Reply("one two three four", chunk_delay=0.05))
        if way == "stream":
            stream = router.stream("hi")
            next(stream)
            stream.close()
            frontier.wait_idle()
        elif way == "astream":
            stream = router.astream("hi")
            await anext(stream)
            await stream.aclose()
        else:
            task = asyncio.create_task(router.ainvoke("hi"))
            await asyncio.to_thread(frontier.wait_requests, 3)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    for _ in range(100):
        ledger.flush()
        if len(read("SELECT 1 FROM asym_requests")) == 3:
            break
        await asyncio.sleep(0.02)
    rows = read("SELECT outcome, tier, cost_usd, attempts FROM asym_requests")
    # What was received of the streams is estimated; of the whole answer nothing had come.
    assert [row[:2] + row[3:] for row in rows] == [("left", None, 2)] * 3
    streamed, whole = [row[2] for row in rows[:2]], rows[2][2]
    assert all(cost > 50 * 0.05e-6 for cost in streamed)
    assert whole is None
    calls = read("SELECT input_tokens FROM asym_calls WHERE tier = 'small'")
    assert calls == [(50,)] * 3
    (row,) = ledger.rows()
    assert (row["left"], row["unknown_cost"]) == (3, 1)
    assert row["calls_with_estimated_usage"] == 2


async def test_chains_agents_and_graphs_count_once(make, small, frontier, ledger, read):
    router = make()
    config = {"callbacks": [ledger], "configurable": {"thread_id": "t"}, "tags": ["mine"]}
    chain = RunnableLambda(lambda x: x) | router | RunnableLambda(lambda x: x)
    chain.invoke("hi", config)
    await chain.ainvoke("hi", config)
    assert len(settled(ledger, read)) == 2

    def look(q: str) -> str:
        """Look."""
        return q

    small.script(Reply(tool_calls=[ToolCall("look", {"q": "x"})]), "done")
    create_agent(router, [look]).invoke({"messages": ["hi"]}, config)
    assert len(settled(ledger, read)) == 4
    small.script("done")
    middleware = AsymRouterMiddleware(router)
    await create_agent(frontier_model(frontier), [look], middleware=[middleware]).ainvoke(
        {"messages": ["hi"]}, config
    )
    assert len(settled(ledger, read)) == 5
    parent = StateGraph(MessagesState)
    parent.add_node("answer", router.graph)
    parent.set_entry_point("answer")
    saved = parent.compile(checkpointer=InMemorySaver())
    for _ in range(2):
        saved.invoke({"messages": ["hi"]}, config)
    await saved.ainvoke({"messages": ["hi"]}, config)
    frontier.script(Reply(status=500, error="x"))
    with pytest.raises(TiersFailedError):
        saved.invoke({"messages": ["debug"]}, config)
    rows = settled(ledger, read)
    assert len(rows) == 9
    assert {row[1] for row in rows} == {"t"}
    assert read("SELECT DISTINCT tag FROM asym_tags") == [("mine",)]
    assert [row[2] for row in rows].count("failed") == 1


def settled(ledger, read):
    ledger.flush()
    return read("SELECT id, thread_id, outcome FROM asym_requests")


async def test_a_router_within_a_router_is_no_request_of_its_own(
    make, ask, small, frontier, ledger, read, tmp_path
):
    """As a tier, and as a judge: its calls are the outer request's, unless it has its own ledger."""
    with Ledger(tmp_path / "inner.sqlite3", flush_seconds=0) as own:
        inner = make(callbacks=[own])
        outer = AsymRouter(
            small=inner,
            frontier=frontier_model(frontier),
            classify="keyword",
            callbacks=[ledger],
            verify="form",
        )
        await ask(outer, "hi")
        assert len(settled(ledger, read)) == 1
        assert own.rows()[0]["requests"] == 1
        small.script("an answer", "yes")
        await ask(make(verify=Judge(make(verify=None)), callbacks=[ledger]), "hi")
    assert len(settled(ledger, read)) == 2
    came = "SELECT sum(input_tokens) FROM asym_calls"
    assert read(came) == [(small.tokens[0] + frontier.tokens[0],)]


async def test_an_answer_from_langchains_cache_costs_nothing(small, frontier, ledger, read):
    models = {"small": small_model(small), "frontier": frontier_model(frontier)}
    cached = [
        Tier(model.model_copy(update={"cache": InMemoryCache()}), name, price=price)
        for (name, model), price in zip(models.items(), (SMALL_PRICE, None), strict=True)
    ]
    router = AsymRouter(tiers=cached, classify="keyword", callbacks=[ledger], verify="form")
    for text in ("hi", "debug"):
        first, again = router.invoke(text), await router.ainvoke(text)
        assert again.text == first.text
        assert record(again)["cost_usd"] == 0
    assert (len(small.requests), len(frontier.requests)) == (1, 1)
    assert len(settled(ledger, read)) == 4
    came = "SELECT sum(input_tokens), sum(output_tokens) FROM asym_calls"
    both = zip(small.tokens, frontier.tokens, strict=True)
    assert read(came) == [tuple(sum(counts) for counts in both)]


async def test_given_twice_it_keeps_a_request_once(make, ledger, read):
    await make(callbacks=[ledger]).ainvoke("hi", {"callbacks": [ledger]})
    assert len(settled(ledger, read)) == 1


async def test_no_text_is_kept_unless_asked(small, frontier, make, ask, tmp_path):
    marks = [f"MARK{name}" for name in ("PROMPT", "DRAFT", "ANSWER", "TOOL", "REASON", "ERROR")]
    prompt, draft, answer, tool, reason, fault = marks

    def quoting(attempt):
        return Verdict(False, 0.1, f"{reason} it said {attempt.text}")

    async def run(path, **settings):
        small.script(f"{draft} text", Reply(status=500, error=fault))
        frontier.script(
            Reply(answer, tool_calls=[ToolCall("look", {"q": tool})]),
            Reply(status=500, error=fault),
        )
        with Ledger(path, **settings) as ledger:
            router = make(callbacks=[ledger], verify=quoting)
            await ask(router, [HumanMessage(prompt)], {"metadata": {"note": prompt}})
            with pytest.raises(TiersFailedError):
                await ask(router, prompt)
            ledger.flush()
            files = list(tmp_path.glob(path.name + "*"))  # with SQLite's journal
            assert files
            return b"".join(file.read_bytes() for file in files)

    kept = await run(tmp_path / "plain.db")
    assert b"quoting" in kept
    assert [mark for mark in marks if mark.encode() in kept] == []
    kept = await run(tmp_path / "text.db", keep_text=True)
    found = [mark for mark in marks if mark.encode() in kept]
    assert found == [prompt, draft, answer, tool, reason]


def test_kept_text_is_json(make, small, url, read):
    small.script("an \0answer")
    with Ledger(url, keep_text=True) as ledger:
        make(callbacks=[ledger], verify=None).invoke("a \0prompt")
        ledger.flush()
        ((prompt, answer, reason),) = read("SELECT prompt, answer, reason FROM asym_requests")
    assert json.loads(prompt) == [{"type": "human", "text": "a prompt"}]
    assert answer == "an answer"
    assert "keyword" in reason


async def test_async_context_and_closing(make, small, url, read):
    async with Ledger(url, flush_seconds=60) as ledger:
        router = make(callbacks=[ledger])
        await router.ainvoke("hi")
        await ledger.aflush()
        await router.ainvoke("hi")
    assert len(read("SELECT 1 FROM asym_requests")) == 2
    await router.ainvoke("hi")
    assert ledger.dropped == 1
    ledger.close()
    assert "dropped=1" in repr(ledger)


def test_a_ledger_survives_copies_of_its_router(small, frontier, ledger, read):
    router = AsymRouter(
        classify="keyword",
        small=small_model(small),
        frontier=frontier_model(frontier),
        callbacks=[ledger],
        verify="form",
    )
    router.model_copy(update={"threshold": 0.9}).invoke("hi")
    assert copy.deepcopy(ledger) is copy.copy(ledger) is ledger
    assert len(settled(ledger, read)) == 1
