"""Votes of cheap models, over real servers: whose answer is handed on, and what the record tells."""

from __future__ import annotations

import asyncio
import threading

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from lc_asym_router import (
    Agreement,
    AsymRouter,
    Budget,
    ConfigurationError,
    Price,
    Tier,
    Vote,
    default_checks,
)
from lc_asym_router.records.record import Record
from lc_asym_router.records.request import Request
from lc_asym_router.verify.attempt import Attempt
from tests.conftest import frontier_model, record, small_model
from tests.servers import OllamaServer, Reply, ToolCall

MIDDLE_PRICE = Price(0.15, 0.60)


@pytest.fixture
def three(three_tiers):
    """Builds a router of three tiers."""

    def build(verify="vote", **settings):
        return three_tiers(MIDDLE_PRICE, verify=verify, **settings)

    return build


def third_model(server):
    return small_model(server, model="third-model")


def asked(*servers):
    return [len(server.requests) for server in servers]


def votes(answer):
    return {vote["voter"]: vote["vote"] for vote in record(answer)["attempts"][0]["votes"]}


async def test_two_that_agree_decide_and_nobody_else_is_asked(three, ask, small, middle, third):
    small.script("It is 42.")
    middle.script("42")
    answer = await ask(three(Vote(of=["small", "middle", third_model(third)])), "6 * 7?")
    assert answer.text == "It is 42."
    assert asked(small, middle, third) == [1, 1, 0]
    assert votes(answer) == {"small": 1, "middle": 1}
    assert (record(answer)["vouched"], record(answer)["tier"]) == ("vote", "small")
    assert Record.of(answer).vouched == "vote"


async def test_another_tiers_answer_wins_and_is_the_attempt_that_answered(
    three, ask, small, middle, frontier, third
):
    small.script(Reply("It is 41.", input_tokens=10, output_tokens=4))
    middle.script(Reply("It's 42.", input_tokens=11, output_tokens=5))
    third.script(Reply("42", input_tokens=12, output_tokens=1))
    router = three(Vote(of=["small", "middle", third_model(third)]))
    with get_usage_metadata_callback() as counted:
        answer = await ask(router, "6 * 7?")
    assert answer.text == "It's 42."
    assert asked(small, middle, third, frontier) == [1, 1, 1, 0]
    told = record(answer)
    first, second = told["attempts"]
    assert (first["tier"], first["passed"], first["vouched"]) == ("small", False, "none")
    assert (second["tier"], second["model"]) == ("middle", "middle-model")
    assert (second["passed"], second["asked_by"], second["why"]) == (True, "Vote", "escalated")
    assert second["cost_usd"] == pytest.approx((11 * 0.15 + 5 * 0.60) / 1e6)
    assert [each["model"] for each in told["side_calls"]] == ["third-model"]
    assert votes(answer) == {"small": 1, "middle": 2, "third-model": 2}
    assert (told["vouched"], told["escalated"]) == ("vote", True)
    assert answer.usage_metadata["total_tokens"] == 16
    totals = {name: usage["total_tokens"] for name, usage in counted.usage_metadata.items()}
    assert totals == {"small-model": 14, "middle-model": 16, "third-model": 13}


async def test_a_model_that_is_no_tier_can_win(make, ask, small, frontier, middle, third):
    small.script("41")
    middle.script("It is 42.")
    third.script("42")
    voters = [frontier_model(middle), third_model(third)]
    voters[0].model_name = "second-model"
    answer = await ask(make(verify=Vote(of=["small", *voters])), "6 * 7?")
    assert answer.text == "It is 42."
    told = record(answer)
    assert [each["model"] for each in told["attempts"]] == ["small-model", "second-model"]
    assert [each["model"] for each in told["side_calls"]] == ["third-model"]
    assert (told["tier"], told["escalated"], told["vouched"]) == ("small", False, "vote")
    assert not frontier.requests


async def test_where_no_two_agree_the_last_tier_is_asked_at_once(
    three, ask, small, middle, frontier, third
):
    """The middle tier has voted: it is not asked again, and its answer is not handed on."""
    small.script("41")
    middle.script("42")
    third.script("43")
    answer = await ask(three(Vote(of=["small", "middle", third_model(third)])), "6 * 7?")
    assert answer.text == "a frontier answer"
    assert asked(small, middle, third, frontier) == [1, 1, 1, 1]
    told = record(answer)
    assert [each["tier"] for each in told["attempts"]] == ["small", "frontier"]
    assert told["attempts"][0]["reason"] == "no two of 3 answers say the same"
    assert told["vouched"] == "frontier"


async def test_by_name_two_tiers_that_differ_go_to_the_last(three, ask, small, middle, frontier):
    small.script("41")
    middle.script("42")
    answer = await ask(three(), "6 * 7?")
    assert asked(small, middle, frontier) == [1, 1, 1]
    assert answer.text == "a frontier answer"


async def test_who_fails_or_refuses_abstains(three, ask, small, middle, frontier, third):
    small.script("I'm sorry, but I can't help with that request.")
    middle.script(Reply(status=500, error="down"))
    third.script("42")
    answer = await ask(three(Vote(of=["small", "middle", third_model(third)])), "6 * 7?")
    assert answer.text == "a frontier answer"
    assert asked(third) == [0], "one answer alone can't decide, so it is not asked for"
    assert votes(answer) == {"small": None, "middle": None}
    small_vote, middle_vote = record(answer)["attempts"][0]["votes"]
    assert small_vote["why"].startswith("Refusal: ")
    assert "500" in middle_vote["why"] or "InternalServerError" in middle_vote["why"]


async def test_the_others_decide_where_the_first_answer_is_no_answer(
    three, ask, small, middle, frontier, third
):
    small.script("")
    middle.script("42")
    third.script("It is 42.")
    answer = await ask(three(Vote(of=["small", "middle", third_model(third)])), "6 * 7?")
    assert answer.text == "42"
    assert not frontier.requests


@tool
def weather(city: str, days: int = 1) -> str:
    """The weather of a city."""
    return city


def calling(**arguments):
    return Reply(tool_calls=[ToolCall("weather", arguments)])


async def test_calls_are_compared_for_what_they_do(three, ask, small, middle):
    small.script(calling(city="paris"))
    middle.script(calling(city="Paris ", days=1))
    answer = await ask(three().bind_tools([weather]), "How is the weather in Paris?")
    assert [call["args"] for call in answer.tool_calls] == [{"city": "paris"}]
    assert record(answer)["vouched"] == "vote"


async def test_no_call_is_like_no_call_whatever_the_words(three, ask, small, middle):
    small.script("None of my tools tells a joke.")
    middle.script("Why did the chicken cross the road?")
    answer = await ask(three().bind_tools([weather]), "Tell me a joke")
    assert answer.text == "None of my tools tells a joke."


async def test_a_broken_call_that_two_share_is_not_handed_on(
    three, ask, small, middle, frontier, third
):
    for server in (small, middle):
        server.script(Reply(tool_calls=[ToolCall("no_such_tool", {"city": "Paris"})]))
    frontier.script(calling(city="Paris"))
    rule = Vote(of=["small", "middle", third_model(third)])
    answer = await ask(three(rule).bind_tools([weather]), "How is the weather in Paris?")
    assert [call["name"] for call in answer.tool_calls] == ["weather"]
    assert len(frontier.requests) == 1
    assert votes(answer) == {"small": None, "middle": None}


async def test_weak_models_alone_do_not_decide_where_a_stronger_one_is_needed(
    three, ask, small, middle, frontier, third
):
    small.script("41", "42", "41")
    middle.script("43", "It is 42.", Reply(status=500, error="down"))
    third.script("41", "42")
    rule = Vote(of=["small", third_model(third), "middle"], needs="middle")
    assert (await ask(three(rule), "6 * 7?")).text == "a frontier answer"
    assert (await ask(three(rule), "6 * 7?")).text == "42"
    assert asked(small, middle, third, frontier) == [2, 2, 2, 1]
    assert (await ask(three(rule), "6 * 7?")).text == "a frontier answer"


async def test_all_at_once(three, ask, small, middle, third):
    small.script("42")
    middle.script("42")
    third.script("43")
    rule = Vote(of=["small", "middle", third_model(third)], parallel=True)
    answer = await ask(three(rule), "6 * 7?")
    assert answer.text == "42"
    assert asked(small, middle, third) == [1, 1, 1]
    assert votes(answer) == {"small": 1, "middle": 1, "third-model": 2}
    assert len(record(answer)["side_calls"]) == 2


async def test_at_once_they_wait_side_by_side():
    """Each holds its answer until the other has been asked too."""
    arrived = asyncio.Barrier(2)
    attempt = Attempt(
        "small",
        "small-model",
        AIMessage("42", response_metadata={"done_reason": "stop"}),
        Request(messages=(HumanMessage("6 * 7?"),)),
        tiers_above=_Meeting(arrived),
    )
    met = Vote(of=["small", "middle", "upper"], parallel=True, form=lambda attempt: True)
    verdict = await asyncio.wait_for(met.acheck(attempt), 30)
    assert verdict.passed


class _Meeting:
    """Two tiers that answer once both have been asked."""

    def __init__(self, arrived):
        self.arrived = arrived

    async def aask(self, name):
        await self.arrived.wait()
        return AIMessage("42")


async def test_a_budget_ends_a_vote(three, ask, small, middle, frontier, third):
    """Two calls are allowed: the third voter is refused, and no two agree."""
    small.script("41")
    middle.script("42")
    rule = Vote(of=["small", "middle", third_model(third)])
    router = three(
        rule,
        budgets=[
            Budget(calls=2, per="request", on_exhausted=lambda exhausted: AIMessage("enough"))
        ],
    )
    answer = await ask(router, "6 * 7?")
    assert answer.text == "enough"
    assert asked(small, middle, third, frontier) == [1, 1, 0, 0]
    votes_cast = record(answer)["attempts"][0]["votes"]
    assert [each["vote"] for each in votes_cast] == [1, 2, None]
    assert "Budget" in votes_cast[-1]["why"]


async def test_a_voter_that_takes_too_long_abstains(small, frontier, ask, third):
    """The middle tier has half a second; its server never answers."""
    done = threading.Event()

    def never(body):
        done.wait(30)
        return Reply("42")

    small.script("42")
    third.script("It is 42.")
    with OllamaServer(default=never) as late:
        router = AsymRouter(
            tiers=[
                Tier(small_model(small), "small"),
                Tier(small_model(late), "middle", timeout=0.5),
                Tier(frontier_model(frontier), "frontier"),
            ],
            verify=Vote(of=["small", "middle", third_model(third)]),
        )
        try:
            answer = await ask(router, "6 * 7?")
        finally:
            done.set()
    assert (answer.text, record(answer)["vouched"]) == ("42", "vote")
    assert record(answer)["attempts"][0]["votes"][1]["vote"] is None
    assert "Timeout" in record(answer)["attempts"][0]["votes"][1]["why"]


class Capital(BaseModel):
    """A capital."""

    name: str


async def test_with_structured_output(three, small, middle, frontier, third):
    small.script('{"name": "Lyon"}')
    middle.script('{"name": "Paris"}')
    third.script('{"name": "paris"}')
    rule = Vote(of=["small", "middle", third_model(third)])
    asked_for = three(rule).with_structured_output(Capital, method="json_schema")
    assert await asked_for.ainvoke("The capital of France?") == Capital(name="Paris")
    assert not frontier.requests


async def test_three_tiers_that_check_each_other_are_a_case_of_it(three, ask, small, middle, third):
    """`verify="vote"` is what each tier's own `Agreement(second=...)` does, with less to write."""
    rules = {
        "small": default_checks() & Agreement(second="middle"),
        "middle": default_checks() & Agreement(second=third_model(third)),
    }
    for verify in (Vote(of=["small", "middle", third_model(third)]), rules):
        for servers in (small, middle, third):
            servers.reset()
        small.script("41")
        middle.script("It is 42.")
        third.script("42")
        answer = await ask(three(verify), "6 * 7?")
        assert answer.text == "It is 42."
        assert asked(small, middle, third) == [1, 1, 1]
        assert record(answer)["tier"] == "middle"
        assert record(answer)["vouched"] == "vote"


async def test_only_what_has_won_is_streamed(three, small, middle, third):
    small.script("41")
    middle.script("It is 42.")
    third.script("42")
    router = three(Vote(of=["small", "middle", third_model(third)]))
    text = "".join([chunk.text async for chunk in router.astream("6 * 7?")])
    assert text == "It is 42."


async def test_with_one_model_its_own_samples_vote(make, ask, small, frontier):
    """The second sample is a program, which our own reader works out."""
    small.script("43", "ans = 6 * 7", "1. 6 * 7 is 42.\nAnswer: 42")
    answer = await ask(make(verify=Vote()), "How many are 6 times 7?")
    assert answer.text == "1. 6 * 7 is 42.\nAnswer: 42"
    told = record(answer)
    assert votes(answer) == {"small": 1, "small (program)": 2, "small (steps)": 2}
    assert (told["vouched"], told["tier"]) == ("sample", "small")
    assert len(told["attempts"]) == 2
    assert len(told["side_calls"]) == 1
    assert not frontier.requests


async def test_a_program_is_never_handed_on(make, ask, small):
    small.script("43", "ans = 6 * 7", "I can't tell.", "ans = 42")
    answer = await ask(make(verify=Vote(samples=3)), "How many are 6 times 7?")
    assert answer.text == "a frontier answer"
    assert votes(answer)["small (program)"] == 2


async def test_other_checks_see_what_is_handed_on(three, ask, small, middle, frontier, third):
    """A user's check that the draft passes, and the winner does not."""
    small.script("41")
    middle.script("It is 42.")
    third.script("42")

    def brief(attempt):
        return len(attempt.text) < 5

    rule = brief & Vote(of=["small", "middle", third_model(third)])
    answer = await ask(three(rule), "6 * 7?")
    assert answer.text == "a frontier answer"
    assert record(answer)["attempts"][0]["check"] == "brief"


@pytest.mark.parametrize(
    ("make_rule", "said"),
    [
        (lambda: Vote(of="small"), "takes a list of tiers' names"),
        (lambda: Vote(of=["small", 3]), "holds a int"),
        (lambda: Vote(of=["small", "small"]), "names a tier twice"),
        (lambda: Vote(of=["small", "middle"], needs="huge"), "one of the voters"),
        (lambda: Vote(samples=0), "1 or more"),
        (lambda: Vote(temperature=0), "over 0"),
        (lambda: Vote(overlap=2), r"in \[0, 1\]"),
    ],
)
def test_settings_that_make_no_sense(make_rule, said):
    with pytest.raises(ConfigurationError, match=said):
        make_rule()


def test_who_may_vote(make, three):
    with pytest.raises(ValueError, match="voters are tiers below the last one"):
        make(verify=Vote(of=["small", "frontier"]))
    with pytest.raises(ValueError, match="needs two cheap tiers or more"):
        make(verify="vote")
    with pytest.raises(ValueError, match="is none of 'form', 'default', 'vote', 'strict'"):
        make(verify="votes")
    assert three(Vote(of=["small", "middle"])).verify.of == ("small", "middle")


def test_a_verdict_shows_no_answer():
    verdict = Vote(of=["small"], form=lambda attempt: True)
    attempt = Attempt("small", "m", AIMessage("secret"), Request(messages=(HumanMessage("q?"),)))
    with pytest.raises(ConfigurationError, match="made by hand"):
        verdict(attempt)
    assert "secret" not in repr(default_checks()(attempt))
