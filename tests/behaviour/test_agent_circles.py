"""Agents' turns that go round in circles, and those that only seem to."""

from __future__ import annotations

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

from lc_asym_router import AsymRouter, Tier, Vote, default_checks
from lc_asym_router.records.signing import with_record
from lc_asym_router.verify import RepeatedCalls
from tests.behaviour.test_agent_turns import run, weather
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.servers import Reply, ToolCall


def steps(*made, tier="small"):
    """A turn of steps, each of calls `(tool, arguments, result)`."""
    messages = [HumanMessage("Do it.")]
    for number, calls in enumerate(made):
        named = [
            {"name": name, "args": args, "id": f"{number}-{place}"}
            for place, (name, args, _) in enumerate(calls)
        ]
        messages.append(with_record(AIMessage("", tool_calls=named), {"tier": tier}, "Do it."))
        messages += [
            ToolMessage(result, tool_call_id=f"{number}-{place}")
            for place, (_, _, result) in enumerate(calls)
        ]
    return messages


def each(result, tool="weather", many=4):
    return [[(tool, {"city": f"city {n}"}, result)] for n in range(many)]


@pytest.mark.parametrize(
    "made",
    [
        each("ok", "save"),  # four deeds that each say the same
        each("sunny"),
        each('{"error": null, "saved": true}', "save"),
        each("Errors: 0", "lint"),
        each("Error rate: 0.5 %", "measure"),
        each("failed: 0, passed: 12", "check"),
        [[("weather", {"city": "Bonn"}, "rain"), ("weather", {"city": "Rome"}, "rain")]] * 1,
        # run again after an edit: progress, whatever it says
        [
            [("check", {}, "3 tests do not pass")],
            [("edit", {"n": 1}, "ok")],
            [("check", {}, "3 tests do not pass")],
            [("edit", {"n": 2}, "ok")],
            [("check", {}, "3 tests do not pass")],
        ],
    ],
)
def test_what_is_no_circle(make, made):
    assert make().decide(steps(*made), tools=[weather]).classifier == "sticky"


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (each("[]", "search"), "brought nothing new"),
        (each('{"results": []}', "search"), "brought nothing new"),
        (each("0 results", "search"), "brought nothing new"),
        (each("No matching documents were found.", "search"), "brought nothing new"),
        (each("the same long page of which nothing is new " * 4, "search"), "brought nothing new"),
        (each("ValueError: no such city", many=2), "failed twice in the same way"),
        (each("requests.exceptions.ConnectTimeout: late", many=2) * 2, "again with the same"),
        (each("httpx.ConnectError: refused", many=2), "failed twice in the same way"),
        (each('{"status": "error", "why": "locked"}', many=2), "failed twice in the same way"),
        (each('{"ok": false, "why": "locked"}', many=2), "failed twice in the same way"),
        (
            [
                [("save", {"n": 1}, "Error at 12:00:01: locked (request id: abc-1)")],
                [("save", {"n": 2}, "Error at 12:00:31: locked (request id: abd-2)")],
            ],
            "failed twice in the same way",
        ),
        # parallel calls: one of them fails as it did before
        (
            [
                [("weather", {"city": "Bonn"}, "rain"), ("broken", {"n": 1}, "Error: no station")],
                [("weather", {"city": "Rome"}, "sun"), ("broken", {"n": 2}, "Error: no station")],
            ],
            "the tool broken failed twice",
        ),
        # parallel calls in another order, written otherwise
        (
            [
                [("weather", {"city": "Bonn"}, "rain"), ("weather", {"city": "Rome"}, "sun")],
                [("weather", {"city": "rome "}, "sun"), ("weather", {"city": "BONN"}, "rain")],
            ],
            "again with the same arguments",
        ),
    ],
)
def test_what_is_a_circle(make, made, why):
    decision = make().decide(steps(*made), tools=[weather])
    assert (decision.tier, decision.classifier) == ("frontier", "stalled")
    assert why in decision.reason


def test_a_circle_in_a_history_that_was_cut(make):
    """What a trimmed history still holds of the turn is enough, and none of another turn counts."""
    cut = steps(*each("[]", "search", many=6))
    assert make().decide([cut[0], *cut[-8:]], tools=[weather]).classifier == "stalled"
    again = [*steps(*each("[]", "search")), AIMessage("Nothing."), HumanMessage("Try elsewhere.")]
    assert make().decide(again, tools=[weather]).classifier == "tools"


def test_an_agent_may_do_the_same_kind_of_thing_many_times(make, small, frontier):
    """Parallel calls and single ones: each is new, though the tool says the same to all."""

    @tool
    def save(name: str) -> str:
        """Save a file."""
        return "ok"

    def saving(*names):
        return Reply(tool_calls=[ToolCall("save", {"name": name}) for name in names])

    small.script(saving("a", "b"), saving("c"), saving("d", "e"), saving("f"), "All are saved.")
    router = make(verify=default_checks() & RepeatedCalls(), sticky="thread")
    said = run(create_agent(router, [save]), "Save the files a, b, c, d, e and f.")
    assert said["messages"][-1].text == "All are saved."
    assert not frontier.requests


@pytest.mark.parametrize("verify", ["vote", "strict", "at once"])
def test_two_cheap_models_that_agree_on_a_circle_do_nothing_twice(verify, small, middle, frontier):
    done = []

    @tool
    def send(text: str) -> str:
        """Send a mail."""
        done.append(text)
        return "sent"

    again = Reply(tool_calls=[ToolCall("send", {"text": "hello"})])
    small.default = middle.default = again
    frontier.script("It is sent.")
    router = AsymRouter(
        tiers=[
            Tier(small_model(small), "small", price=SMALL_PRICE),
            Tier(frontier_model(middle), "middle", price=SMALL_PRICE),
            Tier(frontier_model(frontier), "frontier", price=FRONTIER_PRICE),
        ],
        verify=Vote(of=["small", "middle"], parallel=True) if verify == "at once" else verify,
    )
    said = run(create_agent(router, [send]), "Send hello.")
    assert said["messages"][-1].text == "It is sent."
    assert done == ["hello"]
    votes = record(said["messages"][-1])["attempts"][0]["votes"]
    assert "RepeatedCalls" in votes[0]["why"]


@pytest.mark.parametrize("sticky", [None, "turn", "thread"])
def test_a_second_circle_goes_up_too(make, sticky):
    """Without stickiness a turn comes down again behind the step that went up."""
    first = steps(*each("Error: locked", many=2))
    up = steps([("weather", {"city": "Oslo"}, "snow")], tier="frontier")[1:]
    down = steps(*each("Error: lost", "find", many=2))[1:]
    decision = make(sticky=sticky).decide([*first, *up, *down], tools=[weather])
    assert decision.tier == "frontier"
    assert decision.classifier == ("stalled" if sticky is None else "sticky")
