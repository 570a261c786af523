"""What audits have cost and found is written as it comes: a process that is killed loses none of it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from lc_asym_router import Audit, Ledger
from lc_asym_router.audits.audit_store import AuditStore
from lc_asym_router.audits.comparison import PairOutcome
from lc_asym_router.audits.counts import Cell, report_of
from lc_asym_router.audits.draw import Draw, audit_counts
from lc_asym_router.audits.settlement import Settlement
from lc_asym_router.records.handlers import RecordsOnly
from lc_asym_router.records.request import Request
from tests.conftest import frontier_model, small_model
from tests.money.conftest import query
from tests.servers import Reply

ROUTER = """
import sys, time
from lc_asym_router import AsymRouter, Audit, Ledger
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
router = AsymRouter(
    small=ChatOllama(model="small-model", base_url=sys.argv[1]),
    frontier=ChatOpenAI(model="gpt-4o", base_url=sys.argv[2], api_key="none"),
    classify=None, verify="form", callbacks=[Ledger(sys.argv[3])],
    audit=Audit(share=float(sys.argv[4]), first=int(sys.argv[5]), judge="frontier", url=sys.argv[3]),
)
for _ in range(int(sys.argv[6])):
    router.invoke("What is one and two?")
time.sleep(600)
"""


def killed(small, frontier, file, settings, ready):
    """Run a router until something is ready, and kill it; what the counts say then."""
    urls = [small_model(small).base_url, str(frontier_model(frontier).openai_api_base)]
    process = subprocess.Popen([sys.executable, "-c", ROUTER, *urls, str(file), *settings])
    try:
        for _ in range(3_000):
            if ready():
                break
            assert process.poll() is None
            time.sleep(0.02)
        assert ready()
    finally:
        process.kill()
        process.wait()
    return read(file)


def read(file):
    store = AuditStore(file)
    assert store.flush()
    found = report_of(store.counts()).all
    store.close()
    return found


@pytest.mark.full
def test_what_was_paid_and_found_before_the_kill_is_there(small, frontier, tmp_path):
    """Killed while the judge is asked: the frontier's answer is paid, and the judge's call is open."""
    file, gate = tmp_path / "costs.sqlite3", threading.Event()
    small.default = "Answer: 3"
    frontier.script(Reply("Answer: 4"), Reply("never read", hold=gate))
    asked = lambda: len(frontier.requests) == 2  # noqa: E731
    try:
        found = killed(small, frontier, file, ["1.0", "1", "1"], asked)
    finally:
        gate.set()
    assert (found.answers, found.audited, found.incomparable) == (1, 1, 0)
    # They differ, as the rules say; which is better nobody has said, so it counts as worse.
    assert (found.differs.seen, found.worse.seen, found.unjudged) == (1, 1, 1)
    assert found.cost_usd > 0
    assert found.unpriced == 1
    calls = query(
        f"sqlite:///{file}",
        "SELECT number, cost_usd, error FROM asym_calls WHERE purpose = 'audit' ORDER BY number",
    )
    assert [number for number, _, _ in calls] == [1000, 1001]
    assert calls[0][1] == pytest.approx(found.cost_usd, abs=1e-9)
    assert calls[1][1:] == (None, "UnfinishedCall")
    with Ledger(file) as ledger:
        (row,) = ledger.rows()
    assert (row["audit_calls"], row["errors"]) == (2, {"UnfinishedCall": 1})
    assert row["unknown_calls"] == 2  # that one, and the small model's, whose price nobody knows


@pytest.mark.full
def test_answers_that_are_not_drawn_are_written_at_once_too(small, frontier, tmp_path):
    file = tmp_path / "costs.sqlite3"

    def written():
        return file.exists() and (found := read(file)) is not None and found.answers == 3

    found = killed(small, frontier, file, ["1e-9", "0", "3"], written)
    assert (found.answers, found.audited) == (3, 0)
    assert not frontier.requests


def test_the_ledger_has_the_call_that_is_under_way(make, small, frontier, tmp_path):
    file, gate = tmp_path / "costs.sqlite3", threading.Event()
    small.default, frontier.default = "Answer: 3", Reply("Answer: 3", hold=gate)
    seen = []

    class Listener(RecordsOnly):
        def on_router_audit_calls(self, audit):
            seen.append([call["error"] for call in audit.calls])

    with Ledger(file) as ledger:
        audit = Audit(share=1.0, first=0, url=file)
        router = make(audit=audit, classify=None, callbacks=[ledger, Listener()])
        router.invoke("What is one and two?")
        while not frontier.requests:
            time.sleep(0.01)
        calls = "SELECT cost_usd, error FROM asym_calls WHERE purpose = 'audit'"
        assert query(f"sqlite:///{file}", calls) == [(None, "UnfinishedCall")]
        assert router.audits.all.unpriced == 1
        gate.set()
        assert router.flush_audits()
        ((cost, error),) = query(f"sqlite:///{file}", calls)
        assert cost > 0
        assert error is None
        found = router.audits.all
        assert (found.unpriced, found.differs.seen) == (0, 0)
        assert found.cost_usd == pytest.approx(cost, abs=1e-9)
        router.close_audits(5.0)
    # Before the first call, after it, and at the end.
    assert seen == [["UnfinishedCall"], [None, "UnfinishedCall"], [None]]


costs = st.lists(st.one_of(st.none(), st.integers(0, 1000)), max_size=5)
outcomes = st.sampled_from(
    [
        PairOutcome("same", "answer", False),
        PairOutcome("differs", "answer", True),
        PairOutcome("differs", "answer"),
        PairOutcome("incomparable", "judge", None, "why"),
    ]
)


@given(costs, outcomes, st.integers(0, 5), st.booleans())
def test_at_every_moment_the_counts_hold_what_was_paid_until_then(paid, found, cut, handed_on):
    """Whatever is called, and wherever it is cut off: the sum of what was paid, and one open call."""
    store, calls, cell = AuditStore(), [], Cell("all", "", "2026-01-31", "first", 1.0)
    draw = Draw(
        Request(messages=()),
        AIMessage("3"),
        {"id": "1"},
        (),
        (),
        True,
        1.0,
        "first",
        "audit" if handed_on else "explored",
    )
    settlement = Settlement(draw, [cell], "gpt-4o", store.add, lambda: None)

    def row():
        return store.counts()[cell]

    def known():
        return sum(each or 0 for each in paid[: len(calls)]), paid[: len(calls)].count(None)

    settlement.called(calls)
    assert row()["unpriced"] == 1
    for nano in paid[:cut]:
        calls.append({"cost_usd": None if nano is None else nano / 1e9})
        settlement.called(calls)
        assert (row()["cost_nano"], row()["unpriced"]) == (known()[0], known()[1] + 1)
        assert row()["compared"] == 0
    if found.outcome == "differs":
        settlement.found(PairOutcome("differs", "answer"), calls)
        assert (row()["differs"], row()["judged"]) == ((1, 0) if handed_on else (0, 0))
    settlement.end(found, calls)
    expected = audit_counts(found, calls)
    if not handed_on:
        expected = {**dict.fromkeys(expected, 0), "cost_nano": known()[0], "unpriced": known()[1]}
    assert {name: row()[name] for name in expected} == expected
    # A call that was given up, and ends after the audit, was paid for as well.
    calls.append({"cost_usd": 7e-9})
    settlement.called(calls)
    assert row()["cost_nano"] == expected["cost_nano"] + 7
    assert row()["unpriced"] == expected["unpriced"]
