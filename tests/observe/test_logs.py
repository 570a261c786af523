"""One log record a request, as fields; a warning for each call that failed."""

from __future__ import annotations

import io
import json
import logging

import pytest
from pythonjsonlogger.json import JsonFormatter

from lc_asym_router import (
    AsymRouter,
    Budget,
    ConfigurationError,
    Judge,
    PerCall,
    RequestLog,
    Tier,
    TiersFailedError,
)
from tests.conftest import frontier_model, record, small_model
from tests.servers import Reply

REFUSAL = "I'm sorry, but I can't help with that."


@pytest.fixture
def lines():
    """What the logger `lc_asym_router.requests` writes, formatted by python-json-logger."""
    stream, logger = io.StringIO(), logging.getLogger("lc_asym_router.requests")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("%(levelname)s %(name)s %(message)s"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(before)


async def test_a_request_is_one_line_of_json(make, ask, small, lines):
    small.script(Reply(REFUSAL))
    config = {"tags": ["team-a"], "configurable": {"thread_id": "t-1"}}
    answer = await ask(make(callbacks=[RequestLog()]), "hi", config)
    (line,) = lines()
    assert line["levelname"] == "INFO"
    assert line["name"] == "lc_asym_router.requests"
    assert line["message"].startswith("answered by frontier after 0.")
    told = record(answer)
    assert line["request_id"] == told["id"]
    assert line["run_id"] == told["run_id"]
    assert (line["thread_id"], line["tags"]) == ("t-1", ["team-a"])
    assert (line["outcome"], line["tier"], line["escalated"]) == ("answered", "frontier", True)
    assert line["vouched"] == told["vouched"] == "frontier"
    assert line["cost_usd"] == told["cost_usd"]
    assert line["saved_usd"] == told["saved_usd"]
    assert [(call["tier"], call["why"], call["because"]) for call in line["calls"]] == [
        ("small", "decided", "keyword"),
        ("frontier", "escalated", "Refusal"),
    ]
    assert line["calls"][0]["result"] == "rejected"


async def test_a_call_that_failed_is_a_warning(make, ask, small, lines):
    small.script(Reply(status=503, error="sk-secret"))
    await ask(make(callbacks=[RequestLog()]), "hi")
    warning, line = lines()
    assert warning["levelname"] == "WARNING"
    assert warning["message"] == "small failed: ResponseError 503"
    assert (warning["tier"], warning["attempt"]) == ("small", 1)
    assert warning["request_id"] == line["request_id"]


async def test_a_request_that_failed_is_an_error(make, ask, small, frontier, lines):
    small.script(Reply(status=500))
    frontier.script(Reply(status=500))
    with pytest.raises(TiersFailedError):
        await ask(make(callbacks=[RequestLog()]), "hi")
    *warnings, line = lines()
    assert [warning["tier"] for warning in warnings] == ["small", "frontier"]
    assert (line["levelname"], line["error"]) == ("ERROR", "TiersFailedError")


def test_a_used_up_budget_is_a_warning(small, frontier, lines):
    AsymRouter(
        small=Tier(small_model(small), price=PerCall(0)),
        frontier=Tier(frontier_model(frontier, max_tokens=9), price=PerCall(1)),
        classify="keyword",
        budgets=[Budget(usd=0.5, per="request", on_exhausted="small", name="tiny")],
        callbacks=[RequestLog()],
        verify="form",
    ).invoke("debug")
    warning, _ = lines()
    assert (warning["levelname"], warning["budget"]) == ("WARNING", "tiny")


def test_side_calls_are_among_its_calls(make, small, lines):
    small.script("yes", Reply('{"level": 1}'))
    make(verify=Judge(small_model(small)), callbacks=[RequestLog()]).invoke("hi")
    (line,) = lines()
    assert [call["purpose"] for call in line["calls"]] == ["answer", "verify"]


def test_another_logger_and_level(make, caplog):
    mine = logging.getLogger("mine")
    with caplog.at_level(logging.DEBUG, "mine"):
        make(callbacks=[RequestLog(mine, level=logging.DEBUG)]).invoke("hi")
    assert [(each.name, each.levelno) for each in caplog.records] == [("mine", logging.DEBUG)]


def test_a_level_by_name_says_what_to_give():
    with pytest.raises(ConfigurationError, match=r"logging\.INFO"):
        RequestLog(level="INFO")
