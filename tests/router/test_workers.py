"""A router goes to a worker as its description: processes, pools, joblib."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import joblib
import pytest

from lc_asym_router import Ledger, RouterSpec, TiersFailedError, TierSpec
from tests.router.sent import answer, raised
from tests.servers import Reply

QUESTIONS = [f"question {n}" for n in range(6)]
EXPECTED = [(f"echo question {n}", "small") for n in range(6)]


@pytest.fixture
def spec(small, frontier, monkeypatch, tmp_path):
    """With a key that only the environment holds, and a budget and a ledger that all share."""

    def reply(body):
        text = str(body["messages"][-1]["content"])
        return Reply(status=400, error="no") if "fails" in text else f"echo {text}"

    small.default = frontier.default = reply
    monkeypatch.setenv("WORKERS_KEY", "sk-not-a-key")
    return RouterSpec(
        tiers=(
            TierSpec(
                "ollama:small-model",
                settings={"base_url": small.url},
                price={"input": 0.05, "output": 0.08},
            ),
            TierSpec(
                "openai:frontier-model",
                settings={"base_url": frontier.base_url, "api_key_env": "WORKERS_KEY"},
                price={"input": 2.5, "output": 10.0},
            ),
        ),
        verify="form",
        budgets=({"calls": 6, "per": "day"},),
        database=f"sqlite:///{tmp_path / 'shared.sqlite3'}",
    )


def shared(spec, found):
    """Look at what the workers have done together."""
    assert [(text, tier) for text, tier, _ in found] == EXPECTED
    with pytest.raises(TiersFailedError, match="The budget 'day'"):
        spec.build().invoke("one more")  # each worker's calls count in the budget


@pytest.mark.full
@pytest.mark.parametrize("kind", ["fork", "spawn"])
def test_multiprocessing(spec, kind, small):
    with multiprocessing.get_context(kind).Pool(2) as pool:
        found = pool.starmap(answer, [(spec, question) for question in QUESTIONS])
        pool.close()
        pool.join()
    assert os.getpid() not in {process for *_, process in found}
    shared(spec, found)


@pytest.mark.parametrize(
    "pool", [ThreadPoolExecutor, pytest.param(ProcessPoolExecutor, marks=pytest.mark.full)]
)
def test_concurrent_futures(spec, pool):
    with pool(2) as workers:
        shared(spec, list(workers.map(answer, [spec] * len(QUESTIONS), QUESTIONS)))


@pytest.mark.full
def test_joblib(spec):
    shared(spec, joblib.Parallel(n_jobs=2)(joblib.delayed(answer)(spec, q) for q in QUESTIONS))


@pytest.mark.full
def test_an_error_comes_back_whole(spec):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        error = pool.apply(raised, (spec, "this fails"))
    assert str(error).startswith("No tier could answer this request")
    assert [attempt["tier"] for attempt in error.attempts] == ["small", "frontier"]
    assert "this fails" not in str(error)
    assert "sk-not-a-key" not in repr(vars(error))


def test_a_worker_that_is_closed_leaves_its_requests_in_the_ledger(spec):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(answer, spec, "question").result()
    router = spec.build()
    router.invoke("question")
    (ledger,) = router.callbacks
    ledger.flush()
    with Ledger(spec.database) as read:
        assert read.rows()[0]["requests"] >= 1
