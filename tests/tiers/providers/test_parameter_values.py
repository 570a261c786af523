"""Neighbours of the usual call parameters: on a checked tier, of an agent, zero, rare, and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware

from lc_asym_router import AsymRouter
from lc_asym_router.tiers.providers import provider_of
from tests.servers import OllamaServer, OpenAIServer, Reply
from tests.tiers.providers.clients import CLIENTS, WAYS, ask, ollama
from tests.tiers.providers.conftest import Rig, entries
from tests.tiers.providers.test_parameters import DROPPED, GIVEN, SENT, parameters, weather


@pytest.mark.parametrize("way", WAYS)
async def test_a_checked_tier_answers_whatever_a_call_sets(rig: Rig, way: str) -> None:
    answer = await ask(rig.first(), way, **GIVEN)
    assert answer.text == "from the provider"
    sent = parameters(rig.server.requests[-1].body)
    assert {key: sent.get(key) for key in SENT[rig.name]} == SENT[rig.name]
    assert set(entries(answer)[0].get("dropped_parameters", ())) == DROPPED[rig.name]
    assert not rig.spare.requests


RARE: dict[str, Any] = {
    "frequency_penalty": 0.1,
    "reasoning_effort": "low",
    "logprobs": True,
    "top_logprobs": 2,
    "n": 1,
    "logit_bias": {"5": 1},
}


@pytest.mark.parametrize("name", sorted(RARE))
@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_a_rare_parameter_costs_no_tier_its_answer(rig: Rig, way: str, name: str) -> None:
    given = {name: RARE[name], **({"logprobs": True} if name == "top_logprobs" else {})}
    answer = await ask(rig.last(), way, **given)
    assert answer.text == "from the provider"
    dropped = entries(answer)[0].get("dropped_parameters", [])
    lacks = name not in provider_of(rig.model()).parameters and name != "n"
    assert not lacks or name in dropped


@pytest.mark.parametrize(
    "values", [{"temperature": 0}, {"max_tokens": 1}, {"seed": 0}, {"top_p": 0.0}], ids=str
)
def test_zero_is_a_value(rig: Rig, values: dict[str, Any]) -> None:
    answer = rig.last().bind(**values).invoke("hi")
    assert answer.text == "from the provider"
    (name, value), *_ = values.items()
    if name in entries(answer)[0].get("dropped_parameters", ()):
        assert name in DROPPED[rig.name]
        return
    wire = next(key for key, usual in SENT[rig.name].items() if usual == GIVEN[name])
    assert parameters(rig.server.requests[-1].body)[wire] == value


class Settings(AgentMiddleware):
    """Gives each call of an agent's model settings of its own."""

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        return handler(request.override(model_settings={"max_tokens": 50, "temperature": 0.3}))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        own = request.override(model_settings={"max_tokens": 50, "temperature": 0.3})
        return await handler(own)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_an_agents_model_settings(rig: Rig, way: str) -> None:
    for router in (rig.first(), rig.last()):
        agent = create_agent(router, [weather], middleware=[Settings()])
        asked: Any = {"messages": [("user", "hi")]}
        out = agent.invoke(asked) if way == "invoke" else await agent.ainvoke(asked)
        assert out["messages"][-1].text == "from the provider"
        sent = parameters(rig.server.requests[-1].body)
        wanted = {k: v for k, v in SENT[rig.name].items() if v in (0.3, 50)}
        assert {key: sent.get(key) for key in wanted} == wanted


@pytest.mark.parametrize("way", WAYS)
async def test_a_checked_tier_is_told_to_call_no_tool(rig: Rig, way: str) -> None:
    call = '<tool_call>{"name": "weather", "arguments": {"city": "Paris"}}</tool_call>'
    for text in ("It is sunny.", call):
        rig.server.default = Reply(text)
        bound = rig.first().bind_tools([weather], tool_choice="none")
        answer = await ask(bound, way)
        assert (answer.text, answer.tool_calls) == (text, [])
        body = rig.server.requests[-1].body
        if not provider_of(rig.model()).keeps_tool_choice_none:
            assert not body.get("tools")
        elif rig.name == "gemini":
            assert body["toolConfig"]["functionCallingConfig"]["mode"] == "NONE"
        else:
            assert body["tool_choice"] in ("none", {"type": "none"})


# models that take less than their provider -------------------------------------------------------

THINKING: list[tuple[str, dict[str, Any], set[str]]] = [
    ("openai", {"model": "gpt-5"}, {"temperature", "top_p", "stop", "presence_penalty"}),
    ("openai", {"model": "openai/gpt-5-mini"}, {"temperature", "top_p", "stop"}),
    ("azure", {"model": "gpt-5", "azure_deployment": "gpt-5"}, {"temperature", "top_p", "stop"}),
    ("azure", {"model": "o3-mini", "azure_deployment": "o3-mini"}, {"temperature", "top_p"}),
    ("responses", {"model": "gpt-5-nano"}, {"temperature", "top_p", "stop"}),
    ("responses", {"model": "o4-mini"}, {"temperature", "top_p"}),
    ("deepseek", {"model": "deepseek-reasoner"}, {"temperature", "top_p", "presence_penalty"}),
    ("xai", {"model": "grok-4"}, {"stop", "presence_penalty"}),
    (
        "anthropic",
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"temperature", "top_k"},
    ),
]


@pytest.mark.parametrize(("name", "own", "refused"), THINKING)
@pytest.mark.parametrize("way", ["invoke", "astream"])
@pytest.mark.parametrize("set_by", ["call", "router"])
async def test_a_thinking_model_gets_what_it_takes(
    name: str, own: dict[str, Any], refused: set[str], way: str, set_by: str
) -> None:
    client = CLIENTS[name]
    wire = refused & {"temperature", "top_p", "top_k", "presence_penalty", "stop"}

    def strict(body: dict[str, Any]) -> Any:
        if found := wire & set(body):
            return Reply(status=400, error=f"Unsupported parameter: {sorted(found)}")
        return "well"

    with client.server(default=strict) as server, OllamaServer() as small:
        given = {key: value for key, value in GIVEN.items() if key != "max_tokens"}
        shared = {"temperature": 0.3} if set_by == "router" else {}
        router = AsymRouter(
            small=ollama(small), frontier=client.make(server, **own), threshold=0, **shared
        )
        answer = await ask(router, way, **({} if shared else given))
        assert answer.text == "well"
        dropped = set(entries(answer)[0].get("dropped_parameters", ()))
        assert dropped >= (refused & {"temperature"} if shared else refused)


def test_a_second_sample_of_any_clients_thinking_model() -> None:
    from lc_asym_router.verify import Agreement

    for name, own, refused in THINKING:
        client = CLIENTS[name]

        def strict(body: dict[str, Any], no: set[str] = refused) -> Any:
            if "temperature" in no and body.get("temperature", 1) != 1:
                return Reply(status=400, error="Unsupported value: 'temperature'")
            return "42"

        with client.server(default=strict) as server, OpenAIServer() as up:
            router = AsymRouter(
                small=client.make(server, **own),
                frontier=CLIENTS["openai"].make(up),
                classify=lambda messages: 0.0,
                verify=Agreement(),
            )
            answer = router.invoke("What is 6 * 7?")
            assert answer.response_metadata["router"]["tier"] == "small", (name, own)
