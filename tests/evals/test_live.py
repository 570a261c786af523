"""Live evaluation over real protocol: graded, side by side, and taken up again after a crash."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from lc_asym_router.errors import ConfigurationError, GradingError
from lc_asym_router.evals import (
    Answer,
    DataError,
    Row,
    aevaluate,
    arecord_tiers,
    evaluate,
    record_tiers,
    same_final_answer,
)
from tests.servers import Reply

NONE = Answer(None)


def rows(count: int) -> list[Row]:
    return [
        Row(id=f"r{n}", query=f"question {n}", weak=NONE, strong=NONE, dataset="d", gold="4")
        for n in range(count)
    ]


def number_of(body) -> int:
    return int(body["messages"][-1]["content"].split()[-1])


@pytest.fixture(params=["sync", "async"])
def run(request):
    """`evaluate` or its twin, as a sync call."""

    def call(*args, **kwargs):
        if request.param == "sync":
            return evaluate(*args, **kwargs)
        return asyncio.run(aevaluate(*args, **kwargs))

    return call


def test_what_a_router_did(make, run, small, frontier):
    """A third is refused by the small model, a third is answered wrong, and nobody sees that."""
    small.default = lambda body: ["I can't help with that.", "5", "4"][number_of(body) % 3]
    frontier.default = "The answer is 4."
    found = run(make(), rows(9), same_final_answer, concurrency=4).to_dict()
    assert found["n"] == 9
    assert found["quality"] == pytest.approx(2 / 3)
    assert found["escalated"] == pytest.approx(1 / 3)
    assert found["share"] == {"small": pytest.approx(2 / 3), "frontier": pytest.approx(1 / 3)}
    assert found["failed_checks"] == {"Refusal": 3}
    assert found["saved_usd"] == pytest.approx(found["frontier_cost_usd"] - found["cost_usd"])
    assert found["errors"] == 0


def test_side_by_side_but_no_more_than_asked(make, run, small):
    under_way, most, lock = 0, 0, threading.Lock()
    three = threading.Barrier(3)

    def grader(row, answer):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        three.wait(60)  # until three are under way
        with lock:
            under_way -= 1
        return 1.0

    run(make(), rows(12), grader, concurrency=3)
    assert most == 3


def test_the_level_hears_of_each_request_that_was_sent(make, run, small, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "lc_asym_router.batch.level.ConcurrencyLevel.ended",
        lambda self, seconds, throttled: seen.append((self.fixed, throttled)),
    )
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    small.script(Reply(status=429, error="slow down", headers={"Retry-After": "0"}))
    out = tmp_path / "run.jsonl"
    run(make(), rows(1), lambda row, answer: 1, out=out, concurrency=None)
    run(make(), rows(2), lambda row, answer: 1, out=out, concurrency=None)
    assert seen == [(False, True), (False, False)]


async def test_an_async_grader(make):
    async def grader(row, answer):
        await asyncio.sleep(0)
        return row.id == "r1"

    assert (await aevaluate(make(), rows(2), grader)).quality == 0.5
    assert (await asyncio.to_thread(evaluate, make(), rows(2), grader)).quality == 0.5


def test_a_finished_run_is_not_asked_again(make, run, small, tmp_path):
    small.default = "4"
    out = tmp_path / "run.jsonl"
    first = run(make(), rows(3), same_final_answer, out=out)
    again = run(make(), rows(5), same_final_answer, out=out)
    assert len(small.requests) == 5
    assert again.results[:3] == first.results


def test_failed_requests_are_told_and_asked_again(make, run, small, frontier, tmp_path):
    small.default = frontier.default = Reply(status=500)
    out = tmp_path / "run.jsonl"
    found = run(make(), rows(2), same_final_answer, out=out)
    assert (found.quality, found.to_dict()["errors"]) == (0.0, 2)
    assert found.results[0].error
    assert "question" not in out.read_text()
    small.default = "4"
    assert run(make(), rows(2), same_final_answer, out=out).quality == 1.0


def test_a_grader_that_fails_costs_no_answer(make, run, small, tmp_path):
    def broken(row, answer):
        raise ZeroDivisionError

    out = tmp_path / "run.jsonl"
    small.default = "4"
    with pytest.raises(ZeroDivisionError):
        run(make(), rows(3), broken, out=out, concurrency=1)
    with pytest.raises(GradingError, match="returned 7"):
        run(make(), rows(3), lambda row, answer: 7, out=out, concurrency=1)
    paid = len(small.requests)
    assert paid == 1
    assert run(make(), rows(3), same_final_answer, out=out, concurrency=1).quality == 1.0
    assert len(small.requests) == 3


def test_another_setting_does_not_go_on_with_a_run(make, run, small, tmp_path):
    out = tmp_path / "run.jsonl"
    run(make(), rows(1), lambda row, answer: 1, out=out)
    with pytest.raises(DataError, match="another setting"):
        run(make(threshold=0.7), rows(1), lambda row, answer: 1, out=out)
    out.write_text('{"query": "no journal"}\n')
    with pytest.raises(DataError, match="no journal"):
        run(make(), rows(1), lambda row, answer: 1, out=out)


def test_another_question_under_an_old_id_is_not_graded_by_the_old_answer(make, run, tmp_path):
    """Rows without ids are known by their line: a line put in front moves all of them."""
    out = tmp_path / "run.jsonl"
    run(make(), rows(3), lambda row, answer: 1, out=out)
    moved = [replace(row, query=f"another {row.query}") for row in rows(3)]
    with pytest.raises(DataError, match="the row 'r0' was asked something else"):
        run(make(), moved, lambda row, answer: 1, out=out)
    assert run(make(), rows(3)[::-1], lambda row, answer: 1, out=out).quality == 1.0


def test_what_makes_no_sense(make, run):
    with pytest.raises(ConfigurationError, match="concurrency=0"):
        run(make(), rows(1), same_final_answer, concurrency=0)
    with pytest.raises(ConfigurationError, match="holds no row"):
        run(make(), [], same_final_answer)
    with pytest.raises(ConfigurationError, match="same id"):
        run(make(), [*rows(1), *rows(1)], same_final_answer)


@pytest.mark.parametrize("is_async", [False, True])
def test_every_tier_recorded(make, small, frontier, is_async):
    """Refusals and all: a recorded answer is not checked, and nothing escalates."""
    small.default = lambda body: "I can't help with that." if number_of(body) else "4"
    frontier.default = "4"
    if is_async:
        recorded = asyncio.run(arecord_tiers(make(), rows(2), same_final_answer))
    else:
        recorded = record_tiers(make(), rows(2), same_final_answer)
    assert [(row.weak_score, row.strong_score) for row in recorded] == [(1.0, 1.0), (0.0, 1.0)]
    assert recorded[1].weak.response == "I can't help with that."
    assert recorded[0].weak.model == "small-model"
    assert recorded[0].strong.output_tokens
    assert (len(small.requests), len(frontier.requests)) == (2, 2)


async def test_a_cancelled_run_keeps_what_is_being_paid_for(make, small, tmp_path):
    small.default = Reply("4", chunk_delay=0.2)
    out = tmp_path / "run.jsonl"
    task = asyncio.create_task(
        aevaluate(make(), rows(20), same_final_answer, out=out, concurrency=3)
    )
    assert await asyncio.to_thread(small.wait_requests, 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    asked = len(small.requests)
    assert asked < 20
    assert not any(request.closed_by_client for request in small.requests)
    found = await aevaluate(make(), rows(20), same_final_answer, out=out)
    assert found.quality == 1.0
    assert len(small.requests) == 20


SCRIPT = """
import sys
from tests.conftest import AsymRouter, small_model, frontier_model
from tests.evals.test_live import rows
from lc_asym_router.evals import evaluate, same_final_answer
from types import SimpleNamespace
small, frontier, out = sys.argv[1:]
router = AsymRouter(
    small=small_model(SimpleNamespace(url=small)),
    frontier=frontier_model(SimpleNamespace(base_url=frontier)),
    verify="form",
)
evaluate(router, rows(40), same_final_answer, out=out, concurrency=2, progress=False)
"""


@pytest.mark.full
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_where_it_was(small, frontier, tmp_path, how):
    small.default = Reply("4", delay=0.02)
    out = tmp_path / "run.jsonl"
    command = [sys.executable, "-c", SCRIPT, small.url, frontier.base_url, str(out)]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen(command, env=environment, cwd=root, stderr=subprocess.PIPE)
    assert small.wait_requests(10, timeout=60)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode != 0
    with out.open("ab") as file:
        file.write(b'{"key": "r39", "cut')
    paid = len(small.requests)
    assert paid < 40
    subprocess.run(command, env=environment, cwd=root, check=True)
    # Those that were under way when it was killed may have to be asked again; no others.
    lost = 2 if how == signal.SIGKILL else 0
    assert 40 <= len(small.requests) <= 40 + lost
    entries = [json.loads(line) for line in out.read_text().splitlines()][1:]
    assert len({entry["key"] for entry in entries if entry["score"] == 1.0}) == 40
