"""Every route through the graph, in every way to ask."""

from __future__ import annotations

import json

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from lc_asym_router import AsymRouter, NoTierError, Tier, TiersFailedError, UnverifiedError, Verdict
from lc_asym_router.records.signing import with_record
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply

REFUSAL = "I'm sorry, but I can't help with that."


async def test_a_simple_request_stays_small(make, ask, small, frontier):
    answer = await ask(make(), "What is the capital of France?")
    assert answer.text == "a small answer"
    assert record(answer)["tier"] == "small"
    assert not record(answer)["escalated"]
    assert len(small.requests) == 1
    assert not frontier.requests


async def test_a_complex_request_goes_to_the_frontier(make, ask, small, frontier):
    answer = await ask(make(), "Please DEBUG my code")
    assert answer.text == "a frontier answer"
    assert record(answer)["decision"]["complexity"] == 1.0
    assert "'debug'" in record(answer)["decision"]["reason"]
    assert not small.requests
    assert len(frontier.requests) == 1


async def test_an_answer_without_an_end_is_a_failed_call(make, ask, small, frontier):
    small.script(Reply("a silent cut is", truncate_after=2))
    answer = await ask(make(), "hi")
    assert answer.text == "a frontier answer"
    first, second = record(answer)["attempts"]
    assert (first["tier"], first["passed"], second["tier"]) == ("small", False, "frontier")
    assert "end mark" in first["error"]


@pytest.mark.parametrize(
    ("bad", "check"),
    [
        (Reply(""), "NotEmpty"),
        (Reply(REFUSAL), "Refusal"),
        (Reply("cut off in the mid", finish="length"), "CutOff"),
        (Reply("it is " * 60), "Looping"),
    ],
)
async def test_a_failed_draft_escalates(make, ask, small, frontier, bad, check):
    small.script(bad)
    answer = await ask(make(), "hi")
    assert answer.text == "a frontier answer"
    first, second = record(answer)["attempts"]
    assert (first["tier"], first["passed"], first["check"]) == ("small", False, check)
    assert first["reason"]
    assert (second["tier"], second["passed"]) == ("frontier", None)
    assert record(answer)["escalated"]
    assert [m["content"] for m in frontier.requests[0].body["messages"]] == ["hi"]


@pytest.mark.parametrize(
    "fault",
    [
        Reply(status=500, error="boom"),
        Reply(status=404, error="model not found"),
        Reply("one two three", drop_after=1, chunk_delay=0.01),
        Reply("one two", garbage=b"{not json\n"),
    ],
    ids=["500", "404", "drop", "garbage"],
)
async def test_a_tier_that_raises_escalates(make, ask, small, frontier, fault):
    small.script(fault)
    answer = await ask(make(), "hi")
    assert answer.text == "a frontier answer"
    assert record(answer)["attempts"][0]["error"]
    assert "ollama pull small-model" in record(answer)["attempts"][0]["error"] or (
        fault.status != 404
    )


async def test_an_unreachable_tier_escalates(ask, frontier):
    with OllamaServer() as gone:
        gone.stop()
        router = AsymRouter(
            small=small_model(gone), frontier=frontier_model(frontier), verify="form"
        )
        answer = await ask(router, "hi")
    assert answer.text == "a frontier answer"
    assert "ollama serve" in record(answer)["attempts"][0]["error"]


async def test_every_tier_failing_is_one_error_with_all_attempts(make, ask, small, frontier):
    small.script(Reply(REFUSAL))
    frontier.script(Reply(status=401, error="Incorrect API key provided: sk-not-a-key"))
    with pytest.raises(TiersFailedError) as caught:
        await ask(make(), "a secret prompt")
    assert [a["tier"] for a in caught.value.attempts] == ["small", "frontier"]
    text = str(caught.value)
    assert "OPENAI_API_KEY" in text
    assert "Refusal" in text
    assert "sk-not" not in text + repr(caught.value)
    assert "secret" not in text + repr(caught.value)
    assert caught.value.__cause__ is None
    assert len(caught.value.exceptions) == 1
    json.dumps(caught.value.record)


async def test_retries_get_the_reason_then_it_escalates(make, ask, small, frontier):
    small.script(Reply(REFUSAL), Reply(REFUSAL))
    answer = await ask(make(small_attempts=2), "hi")
    assert [a["tier"] for a in record(answer)["attempts"]] == ["small", "small", "frontier"]
    told = small.requests[1].body["messages"][-1]["content"]
    assert "begins like a refusal" in told
    assert "sorry" not in told
    assert len(frontier.requests[0].body["messages"]) == 1


async def test_a_retry_that_passes_is_the_answer(make, ask, small, frontier):
    small.script(Reply(""), Reply("better"))
    answer = await ask(make(small_attempts=2), "hi")
    assert answer.text == "better"
    assert not record(answer)["escalated"]
    assert not frontier.requests


async def test_escalating_with_the_draft(make, ask, small, frontier):
    small.script(Reply(REFUSAL))
    await ask(make(escalate_with="draft"), "hi")
    messages = frontier.requests[0].body["messages"]
    assert messages[0]["content"] == "hi"
    assert REFUSAL in messages[1]["content"]
    assert "refusal" in messages[1]["content"]


async def test_three_tiers_escalate_one_by_one(ask, small, frontier):
    with OpenAIServer(default=Reply(REFUSAL)) as middle:
        router = AsymRouter(
            tiers=[
                Tier(small_model(small), "tiny"),
                Tier(frontier_model(middle), "middle"),
                Tier(frontier_model(frontier), "large"),
            ],
            verify="form",
        )
        small.script(Reply(""))
        answer = await ask(router, "hi")
    assert [a["tier"] for a in record(answer)["attempts"]] == ["tiny", "middle", "large"]
    assert answer.text == "a frontier answer"


@pytest.mark.parametrize(("complexity", "tier"), [(0.1, "a"), (0.5, "b"), (0.9, "c")])
async def test_a_threshold_for_each_step(small, frontier, complexity, tier):
    router = AsymRouter(
        tiers=[Tier(small_model(small), name) for name in "abc"],
        threshold=[0.3, 0.8],
        classify=lambda _: complexity,
        verify="form",
    )
    assert router.decide("hi").tier == tier
    assert (await router.adecide("hi")).tier == tier


async def test_overrides_of_one_call(make, ask, small, frontier):
    router = make()

    def configurable(**values):
        return {"configurable": values}

    assert record(await ask(router, "hi", configurable(tier="frontier")))["decision"] == {
        "tier": "frontier",
        "complexity": None,
        "threshold": None,
        "confidence": None,
        "classifier": "forced",
        "reason": "this call's configuration names the tier",
        "cached": False,
    }
    assert (await ask(router, "hi", configurable(threshold=0))).text == "a frontier answer"
    small.script(Reply(REFUSAL), Reply(REFUSAL))
    assert (await ask(router, "hi", configurable(verify=False))).text == REFUSAL
    with pytest.raises(UnverifiedError, match="verify=False"):
        await ask(router, "hi", configurable(escalate=False))


async def test_no_checks_at_all(make, ask, small):
    small.script(Reply(REFUSAL))
    answer = await ask(make(verify=None), "hi")
    assert answer.text == REFUSAL
    assert record(answer)["attempts"][0]["passed"] is None


async def test_own_checks_compose(make, ask, small, frontier):
    def has_digit(attempt):
        return Verdict(any(c.isdigit() for c in attempt.text), 0.3, "no digit in it")

    async def is_long(attempt):
        return len(attempt.text) > 100

    from lc_asym_router.verify import NotEmpty

    router = make(verify=NotEmpty() & has_digit | is_long)
    answer = await ask(router, "hi")
    assert record(answer)["attempts"][0]["check"] == "(NotEmpty & has_digit) | is_long" or (
        "has_digit" in record(answer)["attempts"][0]["check"]
    )
    assert record(answer)["attempts"][0]["score"] == 0.3
    small.script("42")
    assert (await ask(router, "hi")).text == "42"


async def test_every_token_is_counted_once(make, ask, small, frontier):
    small.script(Reply(REFUSAL, input_tokens=11, output_tokens=13))
    frontier.script(Reply("fine", input_tokens=17, output_tokens=19))
    with get_usage_metadata_callback() as counted:
        answer = await ask(make(), "hi")
    usage = {
        name: (u["input_tokens"], u["output_tokens"]) for name, u in counted.usage_metadata.items()
    }
    assert usage == {"small-model": (11, 13), "frontier-model": (17, 19)}
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (
        17,
        19,
    )
    small_cost = (11 * SMALL_PRICE.input + 13 * SMALL_PRICE.output) / 1e6
    frontier_cost = (17 * FRONTIER_PRICE.input + 19 * FRONTIER_PRICE.output) / 1e6
    assert record(answer)["cost_usd"] == pytest.approx(small_cost + frontier_cost)
    assert record(answer)["frontier_cost_usd"] == pytest.approx(frontier_cost)
    assert record(answer)["saved_usd"] == pytest.approx(-small_cost)


async def test_an_unknown_price_is_none(small, frontier, ask):
    router = AsymRouter(small=small_model(small), frontier=frontier_model(frontier), verify="form")
    answer = await ask(router, "hi")
    for key in ("cost_usd", "frontier_cost_usd", "saved_usd"):
        assert record(answer)[key] is None


async def test_the_record_is_plain_json_and_survives_load(make, ask, small):
    small.script(Reply(REFUSAL))
    answer = await ask(make(), "hi")
    assert json.loads(json.dumps(record(answer))) == record(answer)
    message = AIMessage(**answer.model_dump(exclude={"type", "tool_call_chunks", "chunk_position"}))
    assert record(loads(dumps(message), allowed_objects="messages")) == record(answer)


async def test_only_the_latest_human_turn_is_classified(make, ask):
    seen = []

    def spy(messages):
        seen.append(messages)
        return 0.0

    conversation = [
        SystemMessage("You debug, optimize, analyze and refactor."),
        HumanMessage("debug this"),
        AIMessage("done"),
        HumanMessage("thanks"),
        AIMessage("", tool_calls=[{"name": "t", "args": {}, "id": "1"}]),
        ToolMessage("optimize", tool_call_id="1"),
    ]
    answer = await ask(make(), conversation)
    assert record(answer)["decision"]["tier"] == "small"
    await ask(make(classify=spy), conversation)
    assert [m.text for m in seen[0]] == ["thanks"]


async def test_the_callers_messages_are_not_touched(make, ask):
    message = HumanMessage("hi")
    conversation = [message, AIMessage("yes?"), message]
    await ask(make(), conversation)
    assert message.id is None
    assert len(conversation) == 3


async def test_limits_decide_before_the_classifier(small, frontier, ask):
    def never(messages):
        raise AssertionError("asked")

    router = AsymRouter(
        small=small_model(small, num_ctx=512),
        frontier=frontier_model(frontier),
        classify=never,
        verify="form",
    )
    answer = await ask(router, "word " * 600)
    assert record(answer)["decision"]["classifier"] == "limits"
    assert "room for 256" in record(answer)["decision"]["reason"]
    assert answer.text == "a frontier answer"


def image() -> HumanMessage:
    block = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
    return HumanMessage([{"type": "text", "text": "What is it?"}, block])


async def test_an_image_goes_only_where_it_is_taken(small, frontier):
    router = AsymRouter(
        small=Tier(small_model(small), inputs=()), frontier=frontier_model(frontier), verify="form"
    )
    assert router.decide([image()]).tier == "frontier"
    blind = AsymRouter(
        small=Tier(small_model(small), inputs=()),
        frontier=Tier(frontier_model(frontier), inputs=["audio"]),
        verify="form",
    )
    with pytest.raises(NoTierError, match="no image input"):
        blind.invoke([image()])
    with pytest.raises(NoTierError, match="no image input"):
        router.invoke([image()], {"configurable": {"tier": "small"}})


async def test_a_turn_stays_on_its_tier(make, ask, small, frontier):
    router = make()
    first = await ask(router, "debug this", {"configurable": {"tier": "frontier"}})
    called = AIMessage("", tool_calls=[{"name": "t", "args": {}, "id": "1"}])
    called = with_record(called, record(first), "hi")
    turn = [HumanMessage("hi"), called, ToolMessage("data", tool_call_id="1")]
    answer = await ask(router, turn)
    assert record(answer)["decision"]["classifier"] == "sticky"
    assert answer.text == "a frontier answer"
    next_turn = [*turn, AIMessage("done"), HumanMessage("and now?")]
    assert (await ask(router, next_turn)).text == "a small answer"
    assert (await ask(make(sticky="thread"), next_turn)).text == "a frontier answer"
    assert (await ask(make(sticky=None), turn)).text == "a small answer"


async def test_generate_and_agenerate(make, small):
    small.script(Reply(REFUSAL))
    router = make()
    result = router.generate([[HumanMessage("hi")], [HumanMessage("debug")]])
    assert [g[0].text for g in result.generations] == ["a frontier answer"] * 2
    result = await router.agenerate([[HumanMessage("hi")], [HumanMessage("debug")]])
    assert [g[0].text for g in result.generations] == ["a small answer", "a frontier answer"]
