"""What tiers declare reaches LangChain, and streams bring their tokens where they are needed."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, trim_messages

from lc_asym_router import AsymRouter, Budget, Price, Tier
from tests.servers import OllamaServer, OpenAIServer, Reply
from tests.tiers.providers.clients import ask, ollama, openai
from tests.tiers.providers.conftest import Rig

PRICE = Price(1.0, 2.0)


def router_of(small: Any, up: Any, **settings: Any) -> AsymRouter:
    with OllamaServer() as one, OpenAIServer() as two:
        return AsymRouter(
            small=Tier(ollama(one), **small), frontier=Tier(openai(two), **up), **settings
        )


@pytest.mark.parametrize(
    ("small", "up", "window"),
    [
        ({"context_window": 8192}, {"context_window": 64000}, 64000),
        ({"context_window": 128000}, {"context_window": 64000}, 64000),
        ({"context_window": 8192}, {}, 128000),  # gpt-4o's own
    ],
)
def test_the_profile_is_that_of_the_last_tiers_window(small: Any, up: Any, window: int) -> None:
    profile = router_of(small, up).profile
    assert profile is not None
    assert profile["max_input_tokens"] == window


def test_declared_inputs_and_tools_are_in_the_profile() -> None:
    profile = router_of({"tools": False}, {"inputs": [], "tools": False}).profile
    assert profile is not None
    assert profile["image_inputs"] is False
    assert profile["tool_calling"] is False


def test_an_unknown_last_window_is_as_large_as_the_largest_known() -> None:
    with OllamaServer() as one, OllamaServer() as two:
        router = AsymRouter(small=ollama(one, num_ctx=4096), frontier=ollama(two))
        assert router.profile is not None
        assert router.profile["max_input_tokens"] == 4096


def test_tokens_are_counted_without_transformers() -> None:
    router = router_of({}, {})
    assert 0 < router.get_num_tokens("one two three") < 20
    assert router.get_num_tokens("漢字仮名交じり文") >= 6
    history = [HumanMessage("word " * 100), AIMessage("word " * 100), HumanMessage("last")]
    kept = trim_messages(history, max_tokens=60, token_counter=router, strategy="last")
    assert [message.text for message in kept] == ["last"]
    code = "import sys, lc_asym_router; assert 'transformers' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_a_stream_brings_its_tokens_where_there_is_a_price(rig: Rig, way: str) -> None:
    if rig.name in ("groq", "mistral"):
        return  # they send them without being asked, which the OpenAI server does not
    priced = Tier(rig.model(), price=PRICE, breaker=False)
    answer = await ask(rig.last(frontier=priced), way)
    assert answer.usage_metadata is not None
    assert answer.response_metadata["router"]["attempts"][-1]["cost_usd"] > 0


@pytest.mark.parametrize("way", ["stream", "astream", "invoke", "ainvoke"])
async def test_a_server_that_does_not_know_stream_options(way: str) -> None:
    def old(body: dict[str, Any]) -> Any:
        if "stream_options" in body:
            return Reply(status=400, error="Unrecognized request argument: stream_options")
        return "well"

    with OpenAIServer(default=old) as server, OllamaServer() as small:
        up = Tier(openai(server, temperature=0.1), price=PRICE)
        router = AsymRouter(small=ollama(small), frontier=up, threshold=0, temperature=0.5)
        assert (await ask(router, way)).text == "well"
        assert (await ask(router, way)).text == "well"
        asked = [body for each in server.requests if (body := each.body)]
        assert sum("stream_options" in body for body in asked) <= 1
        assert {body["temperature"] for body in asked} == {0.5}


def test_a_budget_of_streams_from_an_endpoint_like_openais() -> None:
    with OpenAIServer(default="four tokens of text") as server, OllamaServer() as small:
        up = Tier(openai(server, max_tokens=1000), price=Price(2.5, 10.0))
        free = Tier(ollama(small, num_predict=10), price=Price(0, 0))
        limit = Budget(usd=0.05, per="day", name="streams")
        router = AsymRouter(small=free, frontier=up, threshold=0, budgets=[limit])
        for _ in range(8):
            assert list(router.stream("hi"))


def test_what_the_owner_of_a_model_has_said_stands() -> None:
    with OpenAIServer() as server, OllamaServer() as small:
        up = Tier(openai(server, stream_usage=False), price=PRICE)
        router = AsymRouter(small=ollama(small), frontier=up, threshold=0)
        list(router.stream("hi"))
        assert "stream_options" not in server.requests[-1].body


@pytest.mark.parametrize("kept", [("messages", 2), ("fraction", 0.2)])
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_an_agents_history_is_summarised_at_a_fraction_of_the_window(
    kept: Any, way: str
) -> None:
    from langchain.agents import create_agent
    from langchain.agents.middleware import SummarizationMiddleware

    with OpenAIServer(default="a summary") as server, OllamaServer() as small:
        router = AsymRouter(
            small=Tier(ollama(small), context_window=8_000),
            frontier=Tier(openai(server, model="mystery"), context_window=9_000),
            threshold=0,
        )
        shortening = SummarizationMiddleware(router, trigger=("fraction", 0.8), keep=kept)
        agent = create_agent(router, middleware=[shortening])

        async def lengths(turns: int) -> list[int]:
            pairs = ((HumanMessage("word " * 300), AIMessage("word " * 300)) for _ in range(turns))
            history = [message for pair in pairs for message in pair]
            asked = {"messages": [*history, HumanMessage("now?")]}
            out = agent.invoke(asked) if way == "invoke" else await agent.ainvoke(asked)
            return [len(out["messages"]), len(asked["messages"])]

        left, given = await lengths(2)
        assert left == given + 1  # it fits, so all of it stays
        left, given = await lengths(20)
        assert left < given
