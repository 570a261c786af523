"""What voters say is read as a tier's own answer is: calls written as text, thinking, parallel calls;
and a voter that is late has failed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.tools import tool

from lc_asym_router import Agreement, Vote
from tests.conftest import record, small_model
from tests.servers import Reply, ToolCall

TEXT_CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Bonn"}}\n</tool_call>'
ASKED = "How is the weather in Bonn?"


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return city


@pytest.fixture(params=[True, False], ids=["at once", "in turn"])
def voting(request, third, three_tiers):
    """Builds a router of three tiers whose two cheap ones and a third model vote."""

    def build(time_limit=None, **settings):
        rule = Vote(
            of=["small", "middle", small_model(third, model="third-model")], parallel=request.param
        )
        rule.time_limit = time_limit
        return three_tiers(**{"verify": rule, **settings})

    return build


def calling(*cities):
    return Reply(tool_calls=[ToolCall("weather", {"city": city}) for city in cities])


def cities(answer):
    return [call["args"]["city"] for call in answer.tool_calls]


async def test_voters_calls_that_are_written_as_text_count(
    voting, ask, small, middle, third, frontier
):
    small.script(calling("Rome"))
    middle.script(TEXT_CALL)
    third.script(TEXT_CALL)
    answer = await ask(voting().bind_tools([weather]), ASKED)
    assert (cities(answer), answer.text) == (["Bonn"], "")
    assert record(answer)["vouched"] == "vote"
    assert not frontier.requests


async def test_where_calls_are_not_repaired_voters_calls_are_not(
    voting, ask, small, middle, third, frontier
):
    small.script(calling("Rome"))
    middle.script(TEXT_CALL)
    third.script(TEXT_CALL)
    frontier.script(calling("Bonn"))
    router = voting(repair_tool_calls=False).bind_tools([weather])
    answer = await ask(router, ASKED)
    assert [vote["vote"] for vote in record(answer)["attempts"][0]["votes"]] == [1, None, None]


async def test_what_a_voter_thought_is_not_handed_on(voting, ask, small, middle, third):
    small.script("41")
    middle.script("<think>6 times 7, so 41?</think>It is 42.")
    third.script("<think>Maybe 41.</think>42")
    answer = await ask(voting(), "6 * 7?")
    assert answer.text == "It is 42."
    assert record(answer)["vouched"] == "vote"


async def test_parallel_calls_agree_in_any_order_and_come_whole(voting, ask, small, middle, third):
    """The winner is not the first: its chunks, its ids and its token counts are its own."""
    small.script(calling("Rome"))
    middle.script(calling("Bonn", "Paris"))
    third.script(calling("paris", "bonn "))
    with get_usage_metadata_callback() as counted:
        answer = await ask(voting().bind_tools([weather]), "The weather in Bonn and Paris?")
    assert cities(answer) == ["Bonn", "Paris"]
    assert len({call["id"] for call in answer.tool_calls}) == 2
    assert record(answer)["tier"] == "middle"
    assert set(counted.usage_metadata) == {"small-model", "middle-model", "third-model"}
    assert answer.usage_metadata == counted.usage_metadata["middle-model"]


async def test_a_sample_of_ones_own_that_writes_its_call_as_text(make, ask, small, frontier):
    """Both say the same, whichever way they write it."""
    small.script(calling("Bonn"), TEXT_CALL)
    router = make(verify=Agreement(samples=1, vary="auto")).bind_tools([weather])
    answer = await ask(router, ASKED)
    assert cities(answer) == ["Bonn"]
    assert not frontier.requests


async def test_a_voter_that_is_late_has_failed_and_the_others_decide(
    voting, ask, small, middle, third
):
    small.script("It is 42.")
    middle.script("42")
    third.script(Reply(hang="head"))
    answer = await ask(voting(time_limit=2), "6 * 7?")
    assert answer.text == "It is 42."
    late = record(answer)["attempts"][0]["votes"][2:]
    assert all(vote["vote"] is None and "in time" in vote["why"] for vote in late)


async def test_nothing_goes_on_behind_a_cancelled_vote(voting, small, middle, third):
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hanging(body):
        loop.call_soon_threadsafe(asked.set)
        return Reply(hang="head")

    small.default = middle.default = third.default = hanging
    request = asyncio.create_task(voting().ainvoke("6 * 7?"))
    await asyncio.wait_for(asked.wait(), 30)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not (await asyncio.wait(rest, timeout=30))[1] if rest else True


INTERRUPTED = """
import sys
from langchain_ollama import ChatOllama
from lc_asym_router import AsymRouter, Vote

def model(name):
    return ChatOllama(base_url=sys.argv[1], model=name)

rule = Vote(of=["small", model("second"), model("third")], parallel=True)
try:
    AsymRouter(small=model("first"), frontier=model("last"), verify=rule).invoke("6 * 7?")
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.full
def test_an_interrupted_vote_at_once_holds_up_no_exit(small):
    """The voters' server never answers, and its clients have no time limit."""
    small.default = Reply(hang="head")
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, small.url], stdout=subprocess.PIPE, text=True
    )
    try:
        for _ in range(600):
            if len(small.requests) == 3 or child.poll() is not None:
                break
            time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=60)[0].split() == ["interrupted"]
    finally:
        child.kill()
