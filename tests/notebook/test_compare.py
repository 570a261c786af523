"""`compare`: every tier asked at once, each answer checked, each call counted once."""

from __future__ import annotations

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langgraph.graph import START, MessagesState, StateGraph

from lc_asym_router import (
    AsymRouter,
    Budget,
    InvalidRequestError,
    Judge,
    Ledger,
    PerCall,
    Retry,
    Tier,
)
from lc_asym_router.errors import CheckError
from lc_asym_router.notebook import Report
from tests.conftest import frontier_model, small_model
from tests.notebook.conftest import WRONG, twins
from tests.notebook.looking import safe
from tests.servers import Reply

compared = twins("compare")


async def test_answers_verdicts_and_costs(make, compared, small, frontier):
    small.script(WRONG)
    with get_usage_metadata_callback() as usage:
        found = await compared(make(), "What is 17 times 23?")
    low, high = found.tries.values()
    assert (low.call.passed, low.call.check) == (False, "Arithmetic")
    assert (high.call.passed, high.answer.text) == (True, "a frontier answer")
    assert low.answer.text == WRONG
    assert low.cost_usd == pytest.approx((7 * 0.05 + 5 * 0.08) / 1e6)
    assert high.cost_usd == pytest.approx((7 * 2.5 + 3 * 10) / 1e6)
    assert found.explanation.decision.tier == "small"
    assert {name: used["total_tokens"] for name, used in usage.usage_metadata.items()} == {
        "small-model": sum(small.tokens),
        "frontier-model": sum(frontier.tokens),
    }
    assert (len(small.requests), len(frontier.requests)) == (1, 1)
    page = safe(found)
    assert "rejected, Arithmetic" in page.text
    assert WRONG in page.text
    assert WRONG not in repr(found)
    assert "17 times 23" not in repr(found)


async def test_side_by_side(make, compared, small, frontier):
    small.script(Reply("ok", delay=0.4))
    frontier.script(Reply("ok", delay=0.4))
    await compared(make(), "hi")
    assert small.wait_idle()
    assert frontier.wait_idle()
    (low,), (high,) = small.requests, frontier.requests
    assert low.started < high.finished
    assert high.started < low.finished


async def test_a_tier_that_fails_is_shown_as_failed(make, compared, small, frontier, failing):
    frontier.script(failing)
    found = await compared(make(), "hi")
    assert found.tries["small"].call.passed
    assert found.tries["frontier"].answer is None
    assert "failed: OpenAIAPIError 500: the server failed" in safe(found).text
    small.script(failing)
    frontier.script(failing)
    found = await compared(make(), "hi")
    assert [each.answer for each in found.tries.values()] == [None, None]
    assert "on fire" in safe(found).text  # the server's own words, which name the cause


async def test_a_tier_is_tried_again_and_no_other_in_its_place(compared, small, frontier, failing):
    """A column shows its own tier: neither a fall-back nor the tier above speaks for it."""
    again = Retry(attempts=3, initial=0.01)
    router = AsymRouter(
        small=Tier(small_model(small), retry=again),
        frontier=Tier(frontier_model(frontier), retry=again),
        fallbacks=[Tier(small_model(small), "spare")],
        degrade=True,
        classify="keyword",
        verify="form",
    )
    small.script(failing)
    frontier.script(failing, failing, failing)
    found = await compared(router, "hi")
    low, high = found.tries.values()
    assert [call.passed for call in low.record.attempts] == [False, True]
    assert low.answer.text == "a small answer"
    assert [call.tier for call in high.record.attempts] == ["frontier"] * 3
    assert high.answer is None
    assert list(found.tries) == ["small", "frontier"]
    assert "failed: OpenAIAPIError 500" in safe(found).text


async def test_a_tier_that_cannot_take_it_is_not_asked(make, compared, small):
    found = await compared(make(), "hi", tools=[{"type": "web_search"}])
    assert not small.requests
    assert "not asked: its provider does not run the tool" in safe(found).text
    assert "was not asked" in repr(found)


async def test_the_calls_of_the_checks_are_counted_once(make, compared, small, frontier, tmp_path):
    judged = [Reply('{"answer": "yes"}'), Reply('{"answer": "yes"}')]
    small.script("an answer", *judged)
    with get_usage_metadata_callback() as usage, Ledger(tmp_path / "l.sqlite3") as ledger:
        router = make(verify=Judge(small_model(small)), callbacks=[ledger])
        found = await compared(router, "hi")
        row = ledger.rows()[0]
        report = Report.of(ledger)
    assert len(small.requests) == 3
    assert usage.usage_metadata["small-model"]["total_tokens"] == sum(small.tokens)
    assert [len(each.record.side_calls) for each in found.tries.values()] == [1, 1]
    assert (row["requests"], row["calls"], report.requests) == (2, 4, 2)
    costs = [each.cost_usd for each in found.tries.values()]
    assert row["cost_usd"] == pytest.approx(sum(costs))
    assert "1 calls to check it" in safe(found).text


async def test_without_a_check_nothing_is_judged(make, compared):
    found = await compared(make(verify=None), "hi")
    assert [each.call.passed for each in found.tries.values()] == [None, None]
    assert safe(found).text.count("answered, not checked") == 2


async def test_a_check_that_is_none_is_heard_of(make, compared):
    with pytest.raises(CheckError):
        await compared(make(verify=lambda attempt: "fine"), "hi")


async def test_what_can_not_be_routed(make, compared, small, frontier):
    with pytest.raises(InvalidRequestError):
        await compared(make(), "")
    assert not small.requests


async def test_three_tiers_and_retries(compared, small, frontier):
    tiers = [
        Tier(small_model(small), "tiny", price=PerCall(0)),
        Tier(small_model(small), "middle", price=PerCall(0)),
        Tier(frontier_model(frontier), "large", price=PerCall(1)),
    ]
    small.script(WRONG, WRONG)
    router = AsymRouter(tiers=tiers, classify="keyword", small_attempts=3, verify="form")
    found = await compared(router, "What is 17 times 23?")
    assert [each.call.passed for each in found.tries.values()] == [False, False, True]
    assert len(small.requests) == 2  # a comparison tries nothing twice


async def test_budgets_hold(make, compared, small, frontier):
    found = await compared(make(budgets=[Budget(calls=1, per="day")]), "hi")
    asked = [each.call is not None for each in found.tries.values()]
    assert sorted(asked) == [False, True]
    assert len(small.requests) + len(frontier.requests) == 1
    assert "not asked" in safe(found).text


async def test_a_budget_that_answers_itself(make, compared, small, frontier):
    for said in ("small", lambda exhausted: "come back tomorrow"):
        budget = Budget(calls=1, per="day", on_exhausted=said)
        router = make(budgets=[budget])
        await compared(router, "hi")
        found = await compared(router, "hi")
        assert not any(each.call for each in found.tries.values())
        safe(found)


async def test_tools_are_bound(make, compared, small, frontier):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    await compared(make(), "hi", tools=[tool])
    assert small.requests[0].body["tools"]
    assert frontier.requests[0].body["tools"]


async def test_a_parent_graph_streams_no_rejected_text(make, small, frontier):
    """Whoever reads a parent's stream sees nothing of a comparison, least of all what was rejected."""
    small.default = WRONG
    router = make()

    async def node(state):
        await router.acompare(state["messages"])
        return {}

    graph = StateGraph(MessagesState)
    graph.add_node("look", node)
    graph.add_edge(START, "look")
    seen = [
        each
        async for each in graph.compile().astream(
            {"messages": [("human", "What is 17 times 23?")]},
            stream_mode=["messages", "updates", "values", "tasks"],
            subgraphs=True,
        )
    ]
    assert WRONG not in str(seen)
    assert "a frontier answer" not in str(seen)


async def test_the_prefix_of_the_keys_is_minded(make, compared, small):
    small.script(WRONG)
    found = await compared(make(configurable_prefix="r_"), "What is 17 times 23?")
    assert found.tries["small"].call.passed is False


async def test_it_is_one_run(make, compared):
    from langchain_core.callbacks import BaseCallbackHandler

    class Runs(BaseCallbackHandler):
        run_inline = True

        def __init__(self):
            self.top = []

        def on_chain_start(self, serialized, inputs, *, parent_run_id=None, name="", **kwargs):
            self.top += [name] if parent_run_id is None else []

        def on_chat_model_start(self, serialized, messages, *, parent_run_id=None, **kwargs):
            assert parent_run_id is not None

    runs = Runs()
    await compared(make(), "hi", {"callbacks": [runs]})
    assert runs.top == ["compare"]
