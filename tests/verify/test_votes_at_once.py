"""A vote at once takes as long as one call: the voters are asked beside the tier itself."""

from __future__ import annotations

import threading

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.tools import tool
from pydantic import BaseModel

from lc_asym_router import Budget, Ledger, Vote
from tests.conftest import record, small_model
from tests.servers import Reply, ToolCall


@pytest.fixture
def voting(third, three_tiers):
    """Builds a router of three tiers whose two cheap ones and a third model vote at once."""

    def build(**settings):
        other = small_model(third, model="third-model")
        rule = Vote(of=["small", "middle", other], parallel=True)
        return three_tiers(**{"verify": rule, **settings})

    return build


def votes(answer):
    return {vote["voter"]: vote["vote"] for vote in record(answer)["attempts"][0]["votes"]}


def meeting(parties):
    """A reply for each of several servers that comes once all of them have been asked."""
    met = threading.Barrier(parties)

    def reply(text):
        def answer(body):
            met.wait(20)
            return Reply(text)

        return answer

    return reply


async def test_no_voter_waits_for_another(voting, ask, small, middle, third):
    """Each server answers only once all three have been asked: in turn nobody ever would."""
    reply = meeting(3)
    small.default, middle.default, third.default = reply("41"), reply("It is 42."), reply("42")
    answer = await ask(voting(), "6 * 7?")
    assert answer.text == "It is 42."
    assert votes(answer) == {"small": 1, "middle": 2, "third-model": 2}


async def test_every_call_is_counted_once(voting, ask, small, middle, third, tmp_path):
    small.script(Reply("It is 41.", input_tokens=10, output_tokens=4))
    middle.script(Reply("It's 42.", input_tokens=11, output_tokens=5))
    third.script(Reply("42", input_tokens=12, output_tokens=1))
    with Ledger(tmp_path / "l.sqlite3", flush_seconds=0) as ledger:
        with get_usage_metadata_callback() as counted:
            answer = await ask(voting(callbacks=[ledger]), "6 * 7?")
        ledger.flush()
        (row,) = ledger.rows()
    totals = {name: usage["total_tokens"] for name, usage in counted.usage_metadata.items()}
    assert totals == {"small-model": 14, "middle-model": 16, "third-model": 13}
    told = record(answer)
    assert [each["model"] for each in told["attempts"]] == ["small-model", "middle-model"]
    assert [each["model"] for each in told["side_calls"]] == ["third-model"]
    assert (row["calls"], row["input_tokens"], row["output_tokens"]) == (3, 33, 10)
    assert row["vouched"] == {"vote": 1.0}


async def test_where_no_two_agree_the_last_tier_is_asked(
    voting, ask, small, middle, third, frontier
):
    small.script("41")
    middle.script("42")
    third.script("43")
    answer = await ask(voting(), "6 * 7?")
    assert answer.text == "a frontier answer"
    assert [len(s.requests) for s in (small, middle, third, frontier)] == [1, 1, 1, 1]
    assert len(record(answer)["side_calls"]) == 2


async def test_a_voter_that_fails_abstains(voting, ask, small, middle, third, frontier):
    small.script("42")
    middle.script(Reply(status=500, error="down"))
    third.script("It is 42.")
    answer = await ask(voting(), "6 * 7?")
    assert (answer.text, record(answer)["vouched"]) == ("42", "vote")
    assert votes(answer)["middle"] is None
    assert not frontier.requests


async def test_where_the_tier_itself_fails_the_others_are_not_asked_twice(
    voting, ask, small, middle, third
):
    small.script(Reply(status=500, error="down"))
    middle.script("It is 42.")
    third.script("42", "42")
    answer = await ask(voting(), "6 * 7?")
    assert (answer.text, record(answer)["tier"]) == ("It is 42.", "middle")
    assert len(middle.requests) == 1


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return city


class City(BaseModel):
    """A city."""

    name: str


async def test_with_tools_and_with_a_schema(voting, ask, small, middle, third):
    small.script(Reply(tool_calls=[ToolCall("weather", {"city": "Rome"})]), '{"name": "Rome"}')
    for server in (middle, third):
        call = Reply(tool_calls=[ToolCall("weather", {"city": "Bonn"})])
        server.script(call, '{"name": "Bonn"}')
    answer = await ask(voting().bind_tools([weather]), "How is the weather in Bonn?")
    assert answer.tool_calls[0]["args"] == {"city": "Bonn"}
    structured = voting().with_structured_output(City, method="json_schema")
    assert await structured.ainvoke("Which city?") == City(name="Bonn")


async def test_only_what_has_won_is_streamed(voting, small, middle, third):
    small.script("41")
    middle.script("It is 42.")
    third.script("42")
    text = "".join([chunk.text async for chunk in voting().astream("6 * 7?")])
    assert text == "It is 42."


async def test_its_own_samples_at_once(make, ask, small):
    small.default = "Answer: 42"
    answer = await ask(make(verify=Vote(parallel=True)), "Name the answer to everything.")
    assert (answer.text, record(answer)["vouched"]) == ("Answer: 42", "sample")
    assert len(small.requests) == 3


async def test_under_a_budget_the_tier_is_asked_first(voting, ask, small, middle, third):
    """Two calls are allowed: the third voter is not asked, and no two agree."""
    small.script("41")
    budget = Budget(calls=2, per="request", on_exhausted="small")
    router = voting(budgets=[budget])
    with pytest.raises(Exception, match="budget"):
        await ask(router, "6 * 7?")
    assert len(small.requests) + len(middle.requests) + len(third.requests) == 2


async def test_a_late_voter_does_not_outlive_the_deadline(voting, ask, small, middle, third):
    done = threading.Event()
    small.script("42")
    middle.script("42")

    def never(body):
        done.wait(30)
        return Reply("42")

    third.default = never
    try:
        answer = await ask(voting(deadline=3), "6 * 7?")
    finally:
        done.set()
    assert answer.text in ("42", "a frontier answer")
