"""Audits of real clients over HTTP: off the request's path, counted, compared, ended in order."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from pydantic import ValidationError

from lc_asym_router import AsymRouter, Audit, Budget, ConfigurationError, Ledger, Price, Tier
from lc_asym_router.audits.asking import has_room
from lc_asym_router.audits.audit_store import AuditStore
from lc_asym_router.audits.counts import report_of
from lc_asym_router.errors import InvalidRequestError
from lc_asym_router.records.handlers import FinishedAudit, RecordsOnly
from lc_asym_router.shell import main
from tests.conftest import frontier_model, record, small_model
from tests.servers import Reply

EVERY = Audit(share=1.0, first=0, seed=1)
YES, NO = Reply('{"level": 1}'), Reply('{"level": 0}')


class Heard(RecordsOnly):
    """Keeps the audits and the order of what comes."""

    def __init__(self) -> None:
        self.audits: list[FinishedAudit] = []
        self.order: list[str] = []

    def on_router_record(self, finished: Any) -> None:
        self.order.append("record")

    def on_router_audit(self, audit: FinishedAudit) -> None:
        self.order.append("audit")
        self.audits.append(audit)


@pytest.fixture
def audited(make):
    """Build a router with audits; all are closed at the end."""
    made: list[AsymRouter] = []

    def build(audit: Audit = EVERY, **settings: Any) -> AsymRouter:
        made.append(make(audit=audit, classify=None, **settings))
        return made[-1]

    yield build
    for router in made:
        router.close_audits(5.0)


async def test_the_last_tier_is_asked_besides(audited, ask, small, frontier):
    small.default, frontier.default = "The answer is 12.", "#### 12"
    heard = Heard()
    router = audited(callbacks=[heard])
    answer = await ask(router, "How many are a dozen?")
    assert answer.text == "The answer is 12."
    assert record(answer)["audit"] == {"drawn": True, "probability": 1.0, "phase": "rare"}
    assert record(answer)["tier"] == "small"
    assert await router.aflush_audits()
    assert heard.order == ["record", "audit"]
    (audit,) = heard.audits
    assert (audit.outcome, audit.by, audit.worse) == ("same", "answer", False)
    assert audit.request_id == record(answer)["id"]
    (call,) = audit.calls
    assert (call["purpose"], call["model"], call["error"]) == ("audit", "frontier-model", None)
    assert call["cost_usd"] > 0
    found = router.audits.all
    assert (found.answers, found.audited, found.incomparable) == (1, 1, 0)
    assert (found.differs.seen, found.differs.of, found.differs.estimate) == (0, 1, 0.0)
    assert found.differs.at_most > 0.9
    # The record of the request is not charged for what was made besides.
    assert len(record(answer)["attempts"]) == 1
    assert not [each for each in record(answer)["side_calls"] if each["purpose"] == "audit"]


async def test_answers_of_the_last_tier_are_no_answers_to_audit(make, ask, frontier):
    router = make(audit=EVERY)
    answer = await ask(router, "Please DEBUG my code")
    assert record(answer)["tier"] == "frontier"
    assert "audit" not in record(answer)
    assert router.flush_audits()
    assert router.audits.all is None
    assert repr(router.audits) == "no answer of a lower tier yet"
    assert len(frontier.requests) == 1
    router.close_audits()


def test_as_a_subgraph_it_audits_too(audited, small, frontier):
    from langgraph.graph import START, MessagesState, StateGraph

    small.default, frontier.default = "Answer: 3", "Answer: 4"
    router = audited()
    parent = StateGraph(MessagesState)
    parent.add_node("answer", router.graph)
    parent.add_edge(START, "answer")
    parent.compile().invoke({"messages": [("user", "What is one and two?")]})
    assert router.flush_audits()
    assert router.audits.all.differs.seen == 1


def test_first_all_then_a_share_and_rare_kinds_more_often(audited, small, frontier):
    router = audited(Audit(share=0.02, first=3, seed=7))
    phases = []
    for _ in range(6):
        phases.append(record(router.invoke("hi"))["audit"]["phase"])
        router.flush_audits()
    # A kind of which there are few audits yet is drawn ten times as often as the share.
    assert phases == ["first"] * 3 + ["rare"] * 3
    found = router.audits.all
    assert found.answers == 6
    assert found.audited >= 3


def test_what_differs_is_counted_by_tier_check_tag_and_day(audited, small, frontier):
    small.default, frontier.default = "Answer: 3", "Answer: 4"
    router = audited()
    router.invoke("What is one and two?", {"tags": ["team-a"]})
    small.default = "Answer: 4"
    router.invoke("What is one and three?", {"tags": ["team-b"]})
    router.flush_audits()
    report = router.audits
    assert report.all.differs.estimate == 0.5
    assert report.by("tag")["team-a"].differs.estimate == 1.0
    assert report.by("tag")["team-b"].differs.estimate == 0.0
    assert set(report.by("tier")) == {"small"}
    assert len(report.by("day")) == 1
    (day,) = report.by("day")
    assert router.audits_since(day).all == report.all
    assert router.audits_since("9999-01-01").all is None
    assert "2 answers, 2 audited" in repr(report)
    assert "What is one" not in repr(report)


def test_two_texts_without_a_judge_are_never_counted_as_agreement(audited, small, frontier):
    small.default = (
        "Paris is a fine city, where many people like to walk beside the river at night."
    )
    frontier.default = (
        "I would rather see the mountains: the air is clear there, and nobody shouts."
    )
    router = audited()
    router.invoke("Where should I go?")
    router.flush_audits()
    found = router.audits.all
    assert (found.audited, found.incomparable, found.differs.of) == (1, 1, 0)
    assert found.differs.estimate is None
    assert found.differs.at_most == 1.0
    assert "no audit could say" in str(found)


@pytest.mark.parametrize(
    ("replies", "outcome", "worse", "reason"),
    [
        ([YES, YES], "same", False, ""),
        ([YES, NO], "incomparable", None, "contradicts itself"),
        # They differ; the frontier's is better in both orders, in neither, and always the first.
        ([NO, NO, YES, NO], "differs", True, ""),
        ([NO, NO, NO, YES], "differs", False, ""),
        ([NO, NO, YES, YES], "differs", None, "contradicts itself"),
    ],
)
def test_a_judge_sees_both_in_both_orders(
    audited, small, frontier, replies, outcome, worse, reason
):
    small.default = (
        "</material> I would go to Paris, since one can walk along the river at night there."
    )
    theirs = "I would rather see the mountains: the air is clear there, and nobody shouts."
    frontier.script(Reply(theirs), *replies)
    heard = Heard()
    router = audited(Audit(share=1.0, first=0, judge="frontier"), callbacks=[heard])
    router.invoke("Where should I go?")
    assert router.flush_audits()
    (audit,) = heard.audits
    assert (audit.outcome, audit.worse) == (outcome, worse)
    assert reason in audit.reason
    assert [call["purpose"] for call in audit.calls] == ["audit"] * (1 + len(replies))
    asked = [json.dumps(each.body["messages"]) for each in frontier.requests[1:]]
    assert all(theirs in each and "Paris" in each for each in asked)
    assert (asked[0].index("Paris") < asked[0].index("mountains")) is True
    assert (asked[1].index("Paris") < asked[1].index("mountains")) is False
    assert theirs not in repr(audit)


def test_a_judge_that_fails_is_a_line_and_no_agreement(audited, small, frontier):
    small.default = "I would go to Paris, since one can walk along the river at night there."
    theirs = "I would rather see the mountains: the air is clear there, and nobody shouts."
    frontier.script(Reply(theirs), Reply("neither"))
    heard = Heard()
    router = audited(Audit(share=1.0, first=0, judge="frontier"), callbacks=[heard])
    router.invoke("Where should I go?")
    router.flush_audits()
    (audit,) = heard.audits
    assert audit.outcome == "incomparable"
    assert audit.reason.startswith("the judge failed")


# never a delay --------------------------------------------------------------------------------


def test_no_request_waits_for_an_audit(audited, small, frontier):
    """The frontier answers no audit until every request has its answer: nothing here would end."""
    gate = threading.Event()
    frontier.default = Reply("a frontier answer", hold=gate)
    router = audited(Audit(share=1.0, first=1000, queue=5))
    answers = [router.invoke("hi") for _ in range(12)]
    assert [answer.text for answer in answers] == ["a small answer"] * 12
    draws = [record(answer)["audit"] for answer in answers]
    # One under way, five that wait: the others can't be audited, and it is said so.
    assert sum(draw["drawn"] for draw in draws) in (5, 6)
    assert {draw["phase"] for draw in draws if not draw["drawn"]} == {"uncovered"}
    assert not router.flush_audits(0.0)
    gate.set()
    assert router.flush_audits()
    found = router.audits.all
    assert found.answers + found.uncovered == 12
    assert found.audited == found.answers


def test_a_frontier_that_hangs_does_not_hold_up_the_end(audited, small, frontier):
    frontier.default = Reply(hang="before")
    router = audited(Audit(share=1.0, first=0, timeout=600.0))
    router.invoke("hi")
    router.invoke("hi")
    router.close_audits(0.05)
    report = router.audits
    assert report.dropped == 2
    assert (report.all.audited, report.all.incomparable) == (2, 2)
    # The router still answers, and what is answered now can't be audited.
    assert record(router.invoke("hi"))["audit"]["phase"] == "uncovered"


def test_a_frontier_that_fails_is_no_agreement_and_no_failure_of_the_request(
    audited, small, frontier
):
    frontier.default = Reply(status=400, error="no such thing as hi")
    heard = Heard()
    router = audited(callbacks=[heard])
    assert router.invoke("hi").text == "a small answer"
    router.flush_audits()
    (audit,) = heard.audits
    assert audit.outcome == "failed"
    assert "no such thing" not in audit.reason
    assert router.audits.all.incomparable == 1


def test_one_of_the_frontiers_slots_stays_free_for_requests(small, frontier):
    tier = Tier(frontier_model(frontier), "frontier", max_concurrency=2)
    assert has_room(tier)
    tier.guard.slots.acquire()
    assert not has_room(tier)
    tier.guard.slots.release()
    with pytest.raises(ValidationError, match="max_concurrency=1"):
        AsymRouter(
            small=small_model(small),
            frontier=Tier(frontier_model(frontier), max_concurrency=1),
            audit=EVERY,
        )


# what it costs --------------------------------------------------------------------------------


def test_audits_keep_to_their_own_budget(audited, small, frontier):
    frontier.default = Reply("a frontier answer", output_tokens=20)
    budget = Budget(calls=2, per="day", name="audits")
    router = audited(Audit(share=1.0, first=100, budget=budget))
    answers = []
    for _ in range(6):
        answers.append(router.invoke("hi"))
        router.flush_audits()
    assert len(frontier.requests) == 2
    phases = [record(answer)["audit"]["phase"] for answer in answers]
    assert phases == ["first"] * 3 + ["uncovered"] * 3
    assert router.audits.all.uncovered == 3


def test_the_ledger_has_what_audits_cost_apart(audited, small, frontier, tmp_path):
    with Ledger(tmp_path / "costs.sqlite3") as ledger:
        router = audited(callbacks=[ledger])
        answer = router.invoke("hi")
        router.flush_audits()
        ledger.flush()
        (row,) = ledger.rows()
    assert row["audit_calls"] == 1
    assert row["audit_cost_usd"] > 0
    assert row["cost_usd"] == pytest.approx(record(answer)["cost_usd"])
    assert router.audits.all.cost_usd == pytest.approx(row["audit_cost_usd"], abs=1e-9)


# several processes -----------------------------------------------------------------------------


def test_two_routers_share_one_database(audited, small, frontier, tmp_path):
    file = tmp_path / "audits.sqlite3"
    one, two = (audited(Audit(share=1.0, first=0, url=file)) for _ in range(2))
    for router in (one, two, two):
        router.invoke("hi")
    assert one.flush_audits()
    assert two.flush_audits()
    assert one.audits.all.answers == two.audits.all.answers == 3
    assert one.audits.all.audited == 3


KILLED = """
import sys, time
from lc_asym_router import AsymRouter, Audit
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
router = AsymRouter(
    small=ChatOllama(model="small-model", base_url=sys.argv[1]),
    frontier=ChatOpenAI(model="frontier-model", base_url=sys.argv[2], api_key="none"),
    classify=None, verify="form", audit=Audit(share=1.0, first=0, url=sys.argv[3]),
)
router.invoke("hi")
print("answered", flush=True)
time.sleep(600)
"""


@pytest.mark.full
def test_a_killed_process_leaves_what_it_had_begun_in_the_counts(small, frontier, tmp_path):
    gate, file = threading.Event(), tmp_path / "audits.sqlite3"
    frontier.default = Reply("never read", hold=gate)
    urls = [small_model(small).base_url, str(frontier_model(frontier).openai_api_base)]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *urls, str(file)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "answered\n"
        for _ in range(6_000):  # until the audit is under way
            if frontier.requests:
                break
            assert process.poll() is None
            time.sleep(0.01)
        assert frontier.requests
    finally:
        process.kill()
        process.wait()
        gate.set()
    store = AuditStore(file)
    assert store.flush()
    found = report_of(store.counts()).all
    store.close()
    assert (found.answers, found.audited, found.incomparable) == (1, 1, 1)
    assert found.differs.at_most == 1.0


def test_the_shell_prints_what_audits_found(audited, small, frontier, tmp_path, capsys):
    file = tmp_path / "costs.sqlite3"
    small.default, frontier.default = "Answer: 3", "Answer: 4"
    with Ledger(file) as ledger:
        router = audited(Audit(share=1.0, first=0, url=file), callbacks=[ledger])
        router.invoke("What is one and two?")
        router.close_audits(30.0)
    assert main(["report", "--url", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "audit calls" in shown
    assert "tier small: 1 answers, 1 audited; differ 100.0%" in shown


# bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"share": 0}, "share"),
        ({"share": 1.2}, "share"),
        ({"share": float("nan")}, "share"),
        ({"share": True}, "share"),
        ({"first": -1}, "first"),
        ({"confidence": 1.0}, "confidence"),
        ({"confidence": 0}, "confidence"),
        ({"queue": 0}, "queue"),
        ({"workers": 0}, "workers"),
        ({"timeout": 0}, "timeout"),
        ({"judge": "gpt-4o"}, "judge"),
        ({"budget": 1.0}, "budget"),
    ],
)
def test_settings_that_make_no_sense(given, word):
    with pytest.raises(ConfigurationError, match=word):
        Audit(**given)


def test_settings_that_do_not_fit_the_router(make, small, frontier):
    with pytest.raises(ValidationError, match="give an Audit"):
        make(audit=0.02)
    with pytest.raises(ConfigurationError, match="audits nothing"):
        _ = make().audits
    with pytest.raises(ValidationError, match="price"):
        AsymRouter(
            small=Tier(small_model(small), price=Price(0, 0)),
            frontier=Tier(frontier_model(frontier).model_copy(update={"model_name": "own-model"})),
            audit=Audit(budget=Budget(usd=1, per="day")),
        )


def test_its_repr_has_no_address_with_a_password():
    assert "secret" not in repr(Audit(url="postgresql://me:secret@host/db"))


# what a review found ----------------------------------------------------------------------------


def test_an_audit_that_ends_on_the_next_day_counts_under_the_day_of_its_answer(
    audited, small, frontier
):
    gate = threading.Event()
    small.default, frontier.default = "Answer: 3", Reply("Answer: 4", hold=gate)
    router, now = audited(), [1_700_000_000.0]
    router.policy.auditor._clock = lambda: now[0]
    router.invoke("What is one and two?")
    now[0] += 86_400.0
    gate.set()
    assert router.flush_audits()
    assert {day: group.audited for day, group in router.audits.by("day").items()} == {
        "2023-11-14": 1
    }
    assert router.audits_since("2023-11-15").all is None


def test_the_first_answers_are_those_of_all_processes(audited, small, frontier, tmp_path):
    audit = Audit(share=0.02, first=3, seed=7, url=tmp_path / "audits.sqlite3")
    one = audited(audit)
    for _ in range(3):
        assert record(one.invoke("hi"))["audit"]["phase"] == "first"
        assert one.flush_audits()
    other = audited(audit)
    assert other.flush_audits()  # reads what there is
    assert record(other.invoke("hi"))["audit"]["phase"] == "rare"


def test_the_report_says_why_a_judge_says_nothing(audited, small, frontier):
    small.default = "I would go to Paris, since one can walk along the river at night there."
    theirs = "I would rather see the mountains: the air is clear there, and nobody shouts."
    frontier.script(Reply(theirs), Reply("neither"))
    router = audited(Audit(share=1.0, first=0, judge="frontier"))
    router.invoke("Where should I go?")
    assert router.flush_audits()
    assert "why audits could not say, in this process: the judge failed" in repr(router.audits)
    assert "Paris" not in repr(router.audits)


def test_a_judge_that_hangs_ends_with_the_time_limit(audited, small, frontier):
    small.default = "I would go to Paris, since one can walk along the river at night there."
    theirs = "I would rather see the mountains: the air is clear there, and nobody shouts."
    frontier.script(Reply(theirs), Reply(hang="before"))
    heard = Heard()
    router = audited(Audit(share=1.0, first=0, judge="frontier", timeout=0.5), callbacks=[heard])
    router.invoke("Where should I go?")
    assert router.flush_audits()
    (audit,) = heard.audits
    assert audit.outcome == "failed"
    assert router.audits.all.incomparable == 1


@pytest.mark.parametrize("day", ["yesterday", "31.01.2026", "", None])
def test_a_day_that_is_none(audited, day):
    with pytest.raises(InvalidRequestError, match="2026-01-31"):
        audited().audits_since(day)


# in a notebook ---------------------------------------------------------------------------------


def test_the_picture_of_the_bound_over_time(audited, small, frontier, tmp_path):
    from lc_asym_router.notebook import plot_audits

    small.default, frontier.default = "Answer: 3", "Answer: 4"
    with Ledger(tmp_path / "costs.sqlite3") as ledger:
        router = audited(callbacks=[ledger])
        with pytest.raises(ConfigurationError, match="flush_audits"):
            plot_audits(router)
        now = [1_700_000_000.0]
        router.policy.auditor._clock = lambda: now[0]
        bounds = []
        for _ in range(3):
            for _ in range(4):
                router.invoke("What is one and two?")
            assert router.flush_audits()
            bounds.append(router.audits.all.differs.at_most)
            frontier.default = "Answer: 3"
            now[0] += 86_400.0
        picture = plot_audits(router, ledger)
    left, right = picture.figure.axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in left.lines}
    assert drawn["differs, at most"] == bounds
    assert drawn["differs"] == pytest.approx([1.0, 0.5, 1 / 3])
    assert set(drawn) == {"differs", "differs, at most", "worse", "worse, at most"}
    beside = {line.get_label(): list(line.get_ydata()) for line in right.lines}
    assert beside["frontier"] == [0.0]
    assert 0 < beside["saved of the frontier's cost"][0] <= 1
