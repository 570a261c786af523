"""A router that keeps a target, with real clients over HTTP."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import ValidationError

from lc_asym_router import AsymRouter, Audit, ConfigurationError, Ledger
from lc_asym_router.audits import Rung
from lc_asym_router.audits.tally import Tally, requests_to_show
from lc_asym_router.records.handlers import FinishedAudit, RecordsOnly
from lc_asym_router.verify import Verdict
from tests.conftest import record
from tests.money.conftest import query

QUICK = Audit(share=1.0, first=20, seed=1, target=0.3, rungs=[Rung()])


class Kept(RecordsOnly):
    """Keeps the audits."""

    def __init__(self) -> None:
        self.audits: list[FinishedAudit] = []

    def on_router_audit(self, audit: FinishedAudit) -> None:
        self.audits.append(audit)


@pytest.fixture
def kept(make):
    """Build a router with a target; all are closed at the end."""
    made: list[AsymRouter] = []

    def build(audit: Audit = QUICK, **settings: Any) -> AsymRouter:
        made.append(make(audit=audit, **{"classify": None, **settings}))
        return made[-1]

    yield build
    for router in made:
        router.close_audits(5.0)


def ask(router: AsymRouter, times: int, words: str = "How many are a dozen?") -> list[str]:
    """Ask so many times, each after the audit of the one before; the tiers that answered."""
    tiers = []
    for _ in range(times):
        tiers.append(record(router.invoke(words))["tier"])
        assert router.flush_audits()
    return tiers


def test_it_begins_with_the_frontier_and_loosens_by_what_it_explores(kept, small, frontier, caplog):
    small.default = frontier.default = "Answer: 12"
    heard = Kept()
    router = kept(callbacks=[heard])
    with caplog.at_level(logging.INFO):
        tiers = ask(router, 40)
    assert tiers[:10] == ["frontier"] * 10
    assert tiers[-5:] == ["small"] * 5
    assert {audit.kind for audit in heard.audits} == {"explored", "audit"}
    assert heard.audits[0].tier == "small"
    # Each request at "all frontier" asked the small tier beside, after its answer.
    explored = sum(audit.kind == "explored" for audit in heard.audits)
    assert explored == tiers.count("frontier")
    assert len(small.requests) == 40
    answer = router.invoke("How many are a dozen?")
    assert record(answer)["rung"]["name"] == "as set"
    assert record(answer)["rung"]["number"] == 0
    assert record(answer)["audit"]["phase"] == "target"
    assert "'all frontier' -> 'as set': it is shown to keep the target of 30.0%" in caplog.text


def test_rungs_and_moves_are_in_the_ledger(kept, small, frontier, tmp_path):
    small.default = frontier.default = "Answer: 12"
    file = tmp_path / "costs.sqlite3"
    with Ledger(file) as ledger:
        router = kept(callbacks=[ledger])
        rungs, moves = [], []
        for _ in range(30):
            answer = router.invoke("How many are a dozen?")
            rungs.append(record(answer)["rung"]["name"])
            moves += record(answer)["rung"]["moves"]
            assert router.flush_audits()
        rows = ledger.moves()
        assert ledger.moves(since="9999-01-01") == []
    found = query(f"sqlite:///{file}", "SELECT rung FROM asym_requests ORDER BY time")
    assert [rung for (rung,) in found] == rungs
    assert set(rungs) == {"all frontier", "as set"}
    # Each move once, in the record of the request that began after it, and in the ledger.
    assert [move["number"] for move in moves] == list(range(1, len(moves) + 1))
    assert moves == [
        {name: row[name] for name in ("number", "why", "before", "after", "requests")}
        for row in rows
    ]
    assert [move.why for move in router.target.moves] == [row["why"] for row in rows]
    assert (rows[0]["why"], rows[0]["before"]) == ("loosened", "all frontier")


def test_it_says_what_showing_a_rung_would_take(kept, small, frontier):
    small.default = frontier.default = "Answer: 12"
    router = kept(Audit(share=1.0, first=20, seed=1, target=0.05, rungs=[Rung()]))
    ask(router, 5)
    (rung,) = router.target.rungs
    assert rung.needed == requests_to_show(0.05, 0.0, 0.025)
    assert not rung.shown
    assert f"would take about {rung.needed} audits in all" in repr(router.target)
    frontier.default = "Answer: 11"
    ask(router, 2)
    assert "it seems to lose too much" in repr(router.target)


def test_it_takes_as_many_requests_as_it_says_until_a_rung_is_shown():
    needed = requests_to_show(0.05, 0.0, 0.025)
    assert needed is not None
    assert Tally({1.0: needed}).shows(0.05, 0.025)
    assert not Tally({1.0: needed - 1}).shows(0.05, 0.025)
    assert requests_to_show(0.05, 0.05, 0.025) is None
    assert requests_to_show(0.05, 0.0499999, 0.025) is None


def test_a_rung_of_ones_own_check_has_one_name_in_every_process():
    def own(attempt: Any) -> Verdict:
        return Verdict(True, 1.0, "own")

    assert "0x" not in Rung(verify=own).label
    assert "own" in Rung(verify=own).label


def test_a_bad_small_tier_stays_at_all_frontier(kept, small, frontier):
    small.default, frontier.default = "Answer: 11", "Answer: 12"
    router = kept()
    assert ask(router, 40) == ["frontier"] * 40
    state = router.policy.auditor.keeper.state
    assert state.evidence[0].seen == state.evidence[0].count > 20


def test_it_goes_back_to_the_frontier_when_the_small_tier_turns_bad(kept, small, frontier, caplog):
    small.default = frontier.default = "Answer: 12"
    router = kept()
    assert ask(router, 40)[-1] == "small"
    small.default = "Answer: 11"
    tiers = ask(router, 30)
    assert tiers[-1] == "frontier"
    assert tiers.count("small") <= 0.3 * 70
    assert "to the frontier" in caplog.text or "is passed" in caplog.text


def test_a_rejected_answer_beside_the_frontiers_is_a_free_pair(kept, small, frontier):
    """On a strict rung what a cheaper one would have handed on is compared without another call."""
    small.default, frontier.default = "Answer: 12", "Answer: 12"

    def never(attempt: Any) -> Verdict:
        return Verdict(False, 0.0, "never")

    heard = Kept()
    rungs = [Rung(name="loose", verify=None), Rung(name="never", verify=never)]
    audit = Audit(share=0.01, first=0, seed=1, target=0.3, rungs=rungs, start=1)
    router = kept(audit, callbacks=[heard])
    router.policy.auditor.keeper._state = router.policy.auditor.keeper.state  # begun below
    # There is room for nothing yet: the first requests go to the frontier.
    while record(router.invoke("How many are a dozen?"))["rung"]["number"] != 1:
        assert router.flush_audits()
    assert router.flush_audits()
    pairs = [each for each in heard.audits if each.kind == "pair"]
    assert [(each.tier, each.outcome, len(each.calls)) for each in pairs] == [("small", "same", 0)]
    evidence = router.policy.auditor.keeper.state.evidence
    assert evidence[0].requests == {1.0: evidence[0].count}


def in_a_batch(router):
    router.batch(["How many are a dozen?"] * 3)


def in_an_agent(router):
    agent = create_agent(model=router, tools=[])
    for _ in range(3):
        agent.invoke({"messages": [("user", "How many are a dozen?")]})


def parent_of(router, saver=None):
    parent = StateGraph(MessagesState)
    parent.add_node("answer", router.graph)
    parent.add_edge(START, "answer")
    return parent.compile(checkpointer=saver)


def in_a_parent(router):
    graph = parent_of(router, InMemorySaver())
    for number in range(3):
        config = {"configurable": {"thread_id": str(number)}}
        graph.invoke({"messages": [("user", "How many are a dozen?")]}, config)
        for state in graph.get_state_history(config, filter=None):
            assert "rejected" not in state.values


def in_a_parents_stream(router):
    async def read():
        for _ in range(3):
            asked = {"messages": [("user", "How many are a dozen?")]}
            modes = ["messages", "updates"]
            stream = parent_of(router).astream(asked, stream_mode=modes, subgraphs=True)
            assert "Answer: 11" not in str([each async for each in stream])

    asyncio.run(read())


@pytest.mark.parametrize("way", [in_a_batch, in_an_agent, in_a_parent, in_a_parents_stream])
def test_each_escalated_request_is_a_free_pair_wherever_the_router_stands(
    kept, small, frontier, way
):
    small.default, frontier.default = "Answer: 11", "Answer: 12"

    def never(attempt: Any) -> Verdict:
        return Verdict(False, 0.0, "never")

    heard = Kept()
    rungs = [Rung(name="loose", verify=None), Rung(name="never", verify=never)]
    audit = Audit(share=0.01, first=0, seed=1, target=0.9, rungs=rungs, start=1)
    router = kept(audit, callbacks=[heard])
    keeper = router.policy.auditor.keeper
    while record(router.invoke("How many are a dozen?"))["rung"]["number"] != 1 or (
        keeper.state.requests < 12
    ):
        assert router.flush_audits()
    assert router.flush_audits()
    before, calls, requests = len(heard.audits), len(frontier.requests), keeper.state.requests
    way(router)
    assert router.flush_audits()
    found = [(each.kind, each.tier, each.outcome, each.calls) for each in heard.audits[before:]]
    assert found == [("pair", "small", "differs", ())] * 3
    assert len(frontier.requests) - calls == keeper.state.requests - requests == 3


async def test_streams_and_async_calls_are_handled_on_the_rung_too(kept, small, frontier):
    small.default = frontier.default = "Answer: 12"
    router = kept(Audit(share=1.0, first=0, seed=1, target=0.5, rungs=[Rung()], start=0))
    for _ in range(12):
        assert record(await router.ainvoke("How many are a dozen?"))["rung"]["number"] in (0, 1)
        assert await router.aflush_audits()
    chunks = list(router.stream("How many are a dozen?"))
    assert "".join(str(chunk.text) for chunk in chunks) == "Answer: 12"
    assert chunks[-1].response_metadata["router"]["rung"]["number"] == 0
    assert chunks[-1].response_metadata["router"]["tier"] == "small"


def test_as_a_subgraph_it_keeps_the_target_too(kept, small, frontier):
    small.default, frontier.default = "Answer: 11", "Answer: 12"
    router = kept()
    graph = parent_of(router)
    for _ in range(3):
        answer = graph.invoke({"messages": [("user", "How many are a dozen?")]})["messages"][-1]
        assert record(answer)["rung"]["name"] == "all frontier"
        assert record(answer)["tier"] == "frontier"
    assert router.flush_audits()
    assert router.policy.auditor.keeper.state.requests == 3


def test_an_answer_that_could_not_be_compared_is_a_loss(kept, small, frontier):
    small.default = (
        "Paris is a fine city, where many people like to walk beside the river at night."
    )
    frontier.default = (
        "I would rather see the mountains: the air is clear there, and nobody shouts."
    )
    router = kept()
    ask(router, 3, "Where should I go?")
    (evidence,) = router.policy.auditor.keeper.state.evidence
    assert (evidence.count, evidence.seen) == (3, 3)


def test_two_processes_share_one_state(kept, small, frontier, tmp_path):
    small.default = frontier.default = "Answer: 12"
    file = tmp_path / "audits.sqlite3"
    audit = Audit(share=1.0, first=20, seed=1, target=0.3, rungs=[Rung()], url=file)
    one = kept(audit)
    assert ask(one, 40)[-1] == "small"
    # One that begins later knows what the first has found.
    other = kept(audit)
    assert ask(other, 2) == ["small", "small"]
    assert other.policy.auditor.keeper.state.requests == 42
    small.default = "Answer: 11"
    tiers = ask(one, 20)
    assert tiers[-1] == "frontier"
    assert other.flush_audits()
    assert ask(other, 1) == ["frontier"]


# bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"target": 0}, "target"),
        ({"target": 1.0}, "target"),
        ({"target": True}, "target"),
        ({"target": float("nan")}, "target"),
        ({"target": 0.0001}, "under what audits can show"),
        ({"target": 0.05, "of": "lost"}, "of"),
        ({"target": 0.05, "over": "all"}, "over"),
        ({"target": 0.05, "rungs": []}, "at least one Rung"),
        ({"target": 0.05, "rungs": "form"}, "at least one Rung"),
        ({"target": 0.05, "rungs": [Rung(), Rung()]}, "same name"),
        ({"target": 0.05, "start": -1}, "start"),
        ({"rungs": [Rung()]}, "for a target"),
        ({"start": 0}, "for a target"),
    ],
)
def test_targets_that_make_no_sense(given, word):
    with pytest.raises(ConfigurationError, match=word):
        Audit(**given)


def test_rungs_that_do_not_fit_the_router(make):
    with pytest.raises(ValidationError, match="none of"):
        make(audit=Audit(target=0.05, rungs=[Rung(verify="never")]))
    with pytest.raises(ValidationError, match="names none of the 2 rungs"):
        make(audit=Audit(target=0.05, start=2))
    with pytest.raises(ValidationError, match="threshold"):
        make(audit=Audit(target=0.05, rungs=[Rung(threshold=7)]))
