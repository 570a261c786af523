"""A check that asks a tier above by its name, and a check for each tier: three models, one bill."""

from __future__ import annotations

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from lc_asym_router import (
    Agreement,
    AsymRouter,
    Budget,
    LearnedVerifier,
    Price,
    Tier,
    TiersFailedError,
    UnverifiedError,
    default_checks,
)
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.request import Request
from lc_asym_router.verify.attempt import Attempt
from tests.behaviour.test_parents import node_parent, subgraph_parent
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.servers import OllamaServer, Reply, ToolCall

MIDDLE_PRICE = Price(0.15, 0.60)


@pytest.fixture
def arbiter():
    with OllamaServer(default="an arbiter's answer") as server:
        yield server


@pytest.fixture
def three(small, middle, frontier, arbiter):
    """Builds a router of three tiers whose checks ask across them."""

    def build(**settings):
        checks = {
            "small": default_checks() & Agreement(second="middle"),
            "middle": default_checks() & Agreement(second=small_model(arbiter)),
        }
        middle_model = frontier_model(middle, model="middle-model")
        return AsymRouter(
            tiers=[
                Tier(small_model(small), "small", price=SMALL_PRICE),
                Tier(middle_model, "middle", price=MIDDLE_PRICE, **settings.pop("middle", {})),
                Tier(frontier_model(frontier), "frontier", price=FRONTIER_PRICE),
            ],
            **{"verify": checks, **settings},
        )

    return build


def asked(*servers):
    return [len(server.requests) for server in servers]


async def test_where_both_agree_the_small_answer_is_handed_on(
    three, ask, small, middle, frontier, arbiter
):
    small.script(Reply("It is 42.", input_tokens=10, output_tokens=4))
    middle.script(Reply("42", input_tokens=11, output_tokens=1))
    with get_usage_metadata_callback() as counted:
        answer = await ask(three(), "6 * 7?")
    assert answer.text == "It is 42."
    assert asked(small, middle, frontier, arbiter) == [1, 1, 0, 0]
    told = record(answer)
    assert [each["tier"] for each in told["attempts"]] == ["small"]
    assert [each["model"] for each in told["side_calls"]] == ["middle-model"]
    assert told["cost_usd"] == pytest.approx((10 * 0.05 + 4 * 0.08 + 11 * 0.15 + 0.60) / 1e6)
    assert counted.usage_metadata["middle-model"]["total_tokens"] == 12


async def test_where_they_differ_the_second_opinion_is_the_next_attempt(
    three, ask, small, middle, frontier, arbiter
):
    """It was paid for once, so it is asked once and counted once."""
    small.script(Reply("It is 41.", input_tokens=10, output_tokens=4))
    middle.script(Reply("It's 42.", input_tokens=11, output_tokens=5))
    arbiter.script(Reply("42", input_tokens=12, output_tokens=1))
    with get_usage_metadata_callback() as counted:
        answer = await ask(three(), "6 * 7?")
    assert answer.text == "It's 42."
    assert asked(small, middle, frontier, arbiter) == [1, 1, 0, 1]
    told = record(answer)
    first, second = told["attempts"]
    assert (first["tier"], first["passed"]) == ("small", False)
    assert (second["tier"], second["passed"], second["why"]) == ("middle", True, "escalated")
    assert second["asked_by"] == "Agreement"
    assert second["usage"]["total_tokens"] == 16
    assert second["cost_usd"] == pytest.approx((11 * 0.15 + 5 * 0.60) / 1e6)
    assert [each["model"] for each in told["side_calls"]] == ["small-model"]  # the arbiter's
    assert told["tier"] == "middle"
    assert told["escalated"] is True
    bill = 10 * 0.05 + 4 * 0.08 + 11 * 0.15 + 5 * 0.60 + 12 * 0.05 + 0.08
    assert told["cost_usd"] == pytest.approx(bill / 1e6)
    assert answer.usage_metadata["total_tokens"] == 16
    totals = {name: usage["total_tokens"] for name, usage in counted.usage_metadata.items()}
    assert totals == {"small-model": 14 + 13, "middle-model": 16}


async def test_where_nobody_agrees_the_frontier_is_asked(
    three, ask, small, middle, frontier, arbiter
):
    small.script("41")
    middle.script("42")
    arbiter.script("43")
    answer = await ask(three(), "6 * 7?")
    assert answer.text == "a frontier answer"
    assert asked(small, middle, frontier, arbiter) == [1, 1, 1, 1]
    assert [each["tier"] for each in record(answer)["attempts"]] == ["small", "middle", "frontier"]


async def test_the_last_tier_can_be_the_second_opinion(make, ask, small, frontier):
    """Its answer is handed on without another call, and once."""
    small.script("41", "42")
    frontier.script("It's 42.", "It's 42.")
    router = make(verify=Agreement(second="frontier"))
    answer = await ask(router, "6 * 7?")
    assert answer.text == "It's 42."
    assert len(frontier.requests) == 1
    told = record(answer)
    assert [each["tier"] for each in told["attempts"]] == ["small", "frontier"]
    assert told["side_calls"] == []
    assert told["frontier_cost_usd"] == told["attempts"][1]["cost_usd"]
    assert (await ask(router, "6 * 7?")).text == "42"
    assert len(frontier.requests) == 2


async def test_a_second_opinion_that_failed_is_asked_again_as_a_tier(
    three, ask, small, middle, arbiter
):
    small.script("41")
    middle.script(Reply(status=500, error="x"), "42")
    arbiter.script("42")
    answer = await ask(three(), "6 * 7?")
    assert answer.text == "42"
    assert len(middle.requests) == 2
    told = record(answer)
    assert "asked_by" not in told["attempts"][1]
    assert [(each["model"], bool(each["error"])) for each in told["side_calls"]] == [
        ("middle-model", True),
        ("small-model", False),
    ]


async def test_with_the_draft_along_the_tier_is_asked_anew(three, ask, small, middle, arbiter):
    """What it was asked as a second opinion is not what it is asked with the draft."""
    small.script("41")
    middle.script("42", "It is 42.")
    arbiter.script("42")
    answer = await ask(three(escalate_with="draft"), "6 * 7?")
    assert answer.text == "It is 42."
    assert len(middle.requests) == 2


async def test_a_try_again_in_between_keeps_the_bill_right(three, ask, small, middle, arbiter):
    small.script("40", "41")
    middle.script("42", "42")
    arbiter.script("42")
    with get_usage_metadata_callback() as counted:
        answer = await ask(three(small_attempts=2), "6 * 7?")
    assert answer.text == "42"
    told = record(answer)
    assert [each["tier"] for each in told["attempts"]] == ["small", "small", "middle"]
    calls = [*told["attempts"], *told["side_calls"]]
    total = sum(call["usage"]["total_tokens"] for call in calls)
    assert total == sum(each["total_tokens"] for each in counted.usage_metadata.values())


@pytest.mark.parametrize("build", [node_parent, subgraph_parent])
@pytest.mark.parametrize("saver", [None, InMemorySaver])
async def test_in_a_parent_graph_nothing_else_is_seen(three, small, middle, arbiter, build, saver):
    small.script("DRAFT 41")
    middle.script("It is 42.")
    arbiter.script("42, says the ARBITER")
    graph = build(three(), checkpointer=saver() if saver else None)
    seen = []
    config = {"configurable": {"thread_id": "1"}}
    state = {"messages": [HumanMessage("6 * 7?")]}
    async for _, (message, _) in graph.astream(
        state, config, stream_mode="messages", subgraphs=True
    ):
        seen.append(message.text)
    assert "".join(seen) == "It is 42."


def test_streamed_events_show_the_answer_once(three, small, middle, arbiter):
    small.script("DRAFT 41")
    middle.script("It is 42.")
    arbiter.script("42")
    chunks = list(three().stream("6 * 7?"))
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks) == "It is 42."


async def test_a_tier_without_a_check_is_handed_on(three, ask, small, middle, frontier):
    small.script("41")
    middle.script("42")
    checks = {"small": Agreement(second="middle"), "middle": None}
    answer = await ask(three(verify=checks), "6 * 7?")
    assert answer.text == "42"
    assert asked(small, middle, frontier) == [1, 1, 0]


async def test_a_tier_without_a_check_streams_live(three, small, middle):
    middle.script("one two three four")
    router = three(verify={"small": "default", "middle": None})
    config = {"configurable": {"tier": "middle"}}
    chunks = [chunk.text for chunk in router.stream("6 * 7?", config) if chunk.text]
    assert len(chunks) > 1
    assert "".join(chunks) == "one two three four"


async def test_the_learned_verifier_can_ask_a_tier_too(three, ask, small, middle, arbiter):
    small.script("Adding gives 40 + 1 = 41. The answer is 41.")
    middle.script("6 * 7 = 42. The answer is 42.")
    checks = {"small": LearnedVerifier(0.99, second="middle"), "middle": None}
    answer = await ask(three(verify=checks), "What is 6 * 7?")
    assert "42" in answer.text
    assert len(middle.requests) == 1
    assert record(answer)["attempts"][1]["asked_by"] == "LearnedVerifier"


async def test_an_open_breaker_keeps_the_second_opinion_out_too(three, ask, small, middle):
    """A tier's breaker guards it however it is asked; the request goes past it to the frontier."""
    from lc_asym_router import Breaker

    router = three(middle={"breaker": Breaker(failures=1, cooldown=600), "retry": 1})
    small.script("41")
    middle.script(Reply(status=503, error="down"), Reply(status=503, error="down"))
    assert (await ask(router, "6 * 7?")).text == "a frontier answer"
    failed = len(middle.requests)
    small.script("41")
    assert (await ask(router, "6 * 7?")).text == "a frontier answer"
    assert len(middle.requests) == failed


async def test_escalation_switched_off_hands_on_nothing(three, ask, small, middle):
    small.script("41")
    middle.script("42")
    with pytest.raises(UnverifiedError) as raised:
        await ask(three(), "6 * 7?", {"configurable": {"escalate": False}})
    assert [each["model"] for each in raised.value.record["side_calls"]] == ["middle-model"]


async def test_when_all_fail_every_call_is_told_once(three, ask, small, middle, frontier, arbiter):
    small.script("41")
    middle.script("42")
    arbiter.script("43")
    frontier.script(Reply(status=500, error="x"))
    with pytest.raises(TiersFailedError) as raised:
        await ask(three(), "6 * 7?")
    told = raised.value.record
    assert [each["tier"] for each in told["attempts"]] == ["small", "middle", "frontier"]
    assert [each["model"] for each in told["side_calls"]] == ["small-model"]


@pytest.mark.parametrize(
    ("verify", "says"),
    [
        ({"small": "default"}, "every tier but the last: 'small', 'middle'"),
        ({"small": None, "middle": None, "frontier": None}, "every tier but the last"),
        ({}, "no tier"),
        ({"small": 3, "middle": None}, "3 is no check"),
        (Agreement(second="middle"), "checks the tier 'middle', and above that are frontier"),
        (Agreement(second="huge"), "above that are middle, frontier"),
        ({"small": None, "middle": Agreement(second="small")}, "Name one of them"),
    ],
)
def test_a_check_that_can_not_be_asked_is_refused_at_once(three, verify, says):
    with pytest.raises(ValueError, match=says):
        three(verify=verify)


@pytest.mark.parametrize("kind", [Agreement, LearnedVerifier])
def test_what_is_no_second_model_is_refused(kind):
    for second in (3, "", object()):
        with pytest.raises(ConfigurationError, match="the name of a tier above"):
            kind(second=second)
    with pytest.raises(ConfigurationError, match="asked once"):
        Agreement(2, second="middle")


async def test_in_time_for_a_race_the_second_opinion_is_the_next_attempt(
    ask, make, small, frontier
):
    small.script("41")
    frontier.script("42")
    router = make(verify=Agreement(second="frontier"), hedge=30)
    assert (await ask(router, "6 * 7?")).text == "42"
    assert len(frontier.requests) == 1


async def test_in_a_race_each_call_is_told_once(make, small, frontier):
    """The frontier is under way beside the small tier, so each of its calls stays what it is."""
    small.script(Reply("41", delay=0.3, input_tokens=3, output_tokens=1))
    frontier.script(
        Reply("42", delay=0.8, input_tokens=5, output_tokens=1),
        Reply("42", delay=0.1, input_tokens=5, output_tokens=1),
    )
    router = make(verify=Agreement(second="frontier"), hedge=0.05)
    answer = await router.ainvoke("6 * 7?")
    assert answer.text == "42"
    told = record(answer)
    calls = [*told["attempts"], *told["side_calls"]]
    models = [call["model"] for call in calls]
    assert models.count("frontier-model") == len(frontier.requests)
    assert models.count("small-model") == len(small.requests)


@pytest.mark.parametrize("kind", [Agreement, LearnedVerifier])
async def test_an_attempt_made_by_hand_has_no_tiers_to_ask(kind):
    attempt = Attempt("small", "m", AIMessage("42"), Request(messages=(HumanMessage("6 * 7?"),)))
    with pytest.raises(ConfigurationError, match="made by hand"):
        kind(second="middle")(attempt)
    with pytest.raises(ConfigurationError, match="made by hand"):
        await kind(second="middle").acall(attempt)


async def test_a_comparison_and_the_displays_know_each_tiers_check(three, small, middle):
    small.script("41")
    middle.script("42", "42")
    router = three(verify={"small": Agreement(second="middle"), "middle": None})
    compared = await router.acompare("6 * 7?")
    tries = compared.tries
    assert tries["small"].record.attempts[0].passed is False
    assert tries["middle"].record.attempts[0].passed is None
    shown = router._repr_html_()
    assert "checks on small" in shown
    assert "checks on middle" in shown
    assert "Agreement" in shown
    assert three(verify={"small": None, "middle": None}).policy.check is None


async def test_tool_calls_are_compared_and_the_second_ones_are_handed_on(
    three, ask, small, middle, arbiter
):
    def lookup(city: str) -> str:
        """Look up the weather of a city."""
        return city

    def call(city):
        return Reply(tool_calls=[ToolCall("lookup", {"city": city})])

    router = three().bind_tools([lookup])
    small.script(call("Paris"), call("Lyon"))
    middle.script(call("Paris"), call("Nice"))
    arbiter.script(call("Nice"))
    same = await ask(router, "Weather in Paris?")
    assert record(same)["tier"] == "small"
    other = await ask(router, "Weather in Nice?")
    assert record(other)["tier"] == "middle"
    assert [each["args"] for each in other.tool_calls] == [{"city": "Nice"}]
    assert len(middle.requests) == 2


@pytest.mark.parametrize("unit", ["calls", "tokens"])
async def test_a_budget_counts_the_second_opinion_once(three, ask, small, middle, arbiter, unit):
    small.script(Reply("41", input_tokens=10, output_tokens=4))
    middle.script(Reply("42", input_tokens=11, output_tokens=5))
    arbiter.script(Reply("42", input_tokens=12, output_tokens=1))
    budget = Budget(**{unit: 10_000}, per="day", max_output_tokens=50)
    answer = await ask(three(budgets=[budget]), "6 * 7?")
    assert record(answer)["tier"] == "middle"
    spent = {"calls": 3, "tokens": 14 + 16 + 13}[unit]
    balance = budget.balance()[unit]
    assert (balance["spent"], balance["reserved"]) == (spent, 0)
