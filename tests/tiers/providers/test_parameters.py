"""Call parameters reach each provider under its own names, and the record says what it lacks."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.tools import tool

from lc_asym_router import AsymRouter
from lc_asym_router.errors import InvalidRequestError
from lc_asym_router.tiers.providers import provider_of
from lc_asym_router.verify import Agreement
from tests.servers import OllamaServer, OpenAIServer
from tests.tiers.providers.clients import CLIENTS, WAYS, ask, ollama, openai
from tests.tiers.providers.conftest import Rig, entries

GIVEN = {
    "temperature": 0.3,
    "max_tokens": 50,
    "seed": 5,
    "top_p": 0.9,
    "top_k": 7,
    "presence_penalty": 0.2,
    "stop": ["END"],
}
SENT: dict[str, dict[str, Any]] = {
    "ollama": {
        "temperature": 0.3,
        "num_predict": 50,
        "seed": 5,
        "top_p": 0.9,
        "top_k": 7,
        "presence_penalty": 0.2,
        "stop": ["END"],
    },
    "openai": {
        "temperature": 0.3,
        "max_completion_tokens": 50,
        "seed": 5,
        "top_p": 0.9,
        "presence_penalty": 0.2,
        "stop": ["END"],
    },
    "responses": {"temperature": 0.3, "max_output_tokens": 50, "top_p": 0.9},
    "anthropic": {
        "temperature": 0.3,
        "max_tokens": 50,
        "top_p": 0.9,
        "top_k": 7,
        "stop_sequences": ["END"],
    },
    "gemini": {
        "temperature": 0.3,
        "maxOutputTokens": 50,
        "seed": 5,
        "topP": 0.9,
        "topK": 7,
        "presencePenalty": 0.2,
        "stopSequences": ["END"],
    },
    "mistral": {
        "temperature": 0.3,
        "max_tokens": 50,
        "random_seed": 5,
        "top_p": 0.9,
        "presence_penalty": 0.2,
        "stop": ["END"],
    },
    "deepseek": {
        "temperature": 0.3,
        "max_tokens": 50,
        "top_p": 0.9,
        "presence_penalty": 0.2,
        "stop": ["END"],
    },
    "groq": {
        "temperature": 0.3,
        "max_tokens": 50,
        "seed": 5,
        "top_p": 0.9,
        "presence_penalty": 0.2,
        "stop": ["END"],
    },
    "xai": {
        "temperature": 0.3,
        "max_tokens": 50,
        "seed": 5,
        "top_p": 0.9,
        "presence_penalty": 0.2,
    },
}
SENT["azure"] = SENT["openai"]
DROPPED = {
    "ollama": set(),
    "openai": {"top_k"},
    "azure": {"top_k"},
    "responses": {"top_k", "seed", "presence_penalty", "stop"},
    "anthropic": {"seed", "presence_penalty"},
    "gemini": set(),
    "mistral": {"top_k"},
    "deepseek": {"top_k", "seed"},
    "groq": {"top_k"},
    "xai": {"top_k", "stop"},
}


def parameters(body: dict[str, Any]) -> dict[str, Any]:
    """Where a wire format keeps them."""
    return {**body, **body.get("options", {}), **body.get("generationConfig", {})}


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return city


@pytest.mark.parametrize("way", WAYS)
async def test_standard_parameters_of_a_call(rig: Rig, way: str) -> None:
    answer = await ask(rig.last(), way, **GIVEN)
    assert answer.text == "from the provider"
    sent = parameters(rig.server.requests[-1].body)
    assert {key: sent.get(key) for key in SENT[rig.name]} == SENT[rig.name]
    entry = entries(answer)[-1]
    assert set(entry.get("dropped_parameters", ())) == DROPPED[rig.name]


@pytest.mark.parametrize("limit", ["max_completion_tokens", "max_output_tokens", "num_predict"])
def test_a_limit_under_any_providers_name(rig: Rig, limit: str) -> None:
    rig.last().invoke("hi", **{limit: 9})
    assert 9 in parameters(rig.server.requests[-1].body).values()


def test_parameters_of_the_router(rig: Rig) -> None:
    rig.last(temperature=0.3, max_tokens=50).invoke("hi")
    sent = parameters(rig.server.requests[-1].body)
    wanted = {k: v for k, v in SENT[rig.name].items() if v in (0.3, 50)}
    assert {key: sent.get(key) for key in wanted} == wanted


def test_parameters_that_an_agent_binds_with_its_tools(rig: Rig) -> None:
    rig.last().bind_tools([weather], temperature=0.3, max_tokens=50).invoke("hi")
    sent = parameters(rig.server.requests[-1].body)
    assert sent["tools"]
    wanted = {k: v for k, v in SENT[rig.name].items() if v in (0.3, 50)}
    assert {key: sent.get(key) for key in wanted} == wanted


OWN = {
    "num_ctx": 2048,
    "keep_alive": "5m",
    "safe_prompt": True,
    "search_parameters": {"mode": "off"},
    "cached_content": "c",
    "inference_geo": "us",
    "reasoning_format": "hidden",
    "verbosity": "low",
}
READERS = {
    "ollama": {"num_ctx", "keep_alive"},
    "openai": {"verbosity"},
    "responses": {"verbosity"},
    "azure": {"verbosity"},
    "anthropic": {"inference_geo"},
    "gemini": {"cached_content"},
    "mistral": {"safe_prompt"},
    "deepseek": set(),
    "groq": {"reasoning_format"},
    "xai": {"search_parameters"},
}


def test_a_providers_own_settings_reach_it_and_nobody_else(rig: Rig) -> None:
    kept = {k: v for k, v in OWN.items() if k != "search_parameters" or rig.name != "xai"}
    answer = rig.last().invoke("hi", **kept)
    dropped = set(entries(answer)[-1].get("dropped_parameters", ()))
    assert answer.text == "from the provider"
    assert dropped == set(kept) - READERS[rig.name]


def test_an_argument_that_nobody_knows_is_named_before_any_call(rig: Rig) -> None:
    router = rig.last()
    for call in (router.invoke, lambda *a, **k: list(router.stream(*a, **k)), router.decide):
        with pytest.raises(InvalidRequestError, match=r"'temprature'.*'temperature'"):
            call("hi", temprature=1)
    with pytest.raises(InvalidRequestError, match="'flux'"):
        router.bind_tools([weather], flux=1).invoke("hi")
    assert not rig.server.requests
    assert not rig.spare.requests


@pytest.mark.parametrize("way", ["bind_tools", "call"])
def test_no_tool_is_to_be_called(rig: Rig, way: str) -> None:
    bound = rig.last()
    if way == "bind_tools":
        bound.bind_tools([weather], tool_choice="none").invoke("hi")
    else:
        bound.bind_tools([weather]).invoke("hi", tool_choice="none")
    body = rig.server.requests[-1].body
    if not provider_of(rig.model()).keeps_tool_choice_none:
        assert not body.get("tools")
    elif rig.name == "gemini":
        assert body["toolConfig"]["functionCallingConfig"]["mode"] == "NONE"
    else:
        assert body["tools"]
        assert body["tool_choice"] in ("none", {"type": "none"})


@pytest.mark.parametrize(
    "argument",
    [
        {"strict": True},
        {"stream_usage": True},
        {"stream": True},
        {"parallel_tool_calls": False},
        {"n": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("way", WAYS)
async def test_what_a_client_would_stumble_over(rig: Rig, way: str, argument: Any) -> None:
    assert (await ask(rig.last(), way, **argument)).text == "from the provider"
    assert (await ask(rig.first(), way, **argument)).text == "from the provider"


def test_what_langchain_keeps_for_a_run_is_no_argument(rig: Rig) -> None:
    with pytest.raises(InvalidRequestError, match="'metadata'"):
        rig.last().invoke("hi", metadata={"a": "b"})
    assert rig.last().invoke("hi", {"metadata": {"a": "b"}}).text == "from the provider"


@pytest.mark.parametrize("tools", [False, True])
def test_json_of_any_shape(rig: Rig, tools: bool) -> None:
    asked = {"response_format": {"type": "json_object"}}
    rig.server.default = rig.spare.default = '{"a": 1}'
    router = rig.last(fallbacks=[])
    bound = router.bind_tools([weather], **asked) if tools else router.bind(**asked)
    answer = bound.invoke("as JSON")
    assert answer.text == '{"a": 1}'
    left_out = entries(answer)[0].get("dropped_parameters", [])
    assert left_out == (["response_format"] if rig.name == "anthropic" else [])


@pytest.mark.parametrize("way", WAYS)
async def test_one_stop_word_is_a_list_of_one(rig: Rig, way: str) -> None:
    answer = await ask(rig.last(), way, stop="END")
    sent = parameters(rig.server.requests[-1].body)
    stops = [value for name, value in sent.items() if name.lower().startswith("stop")]
    assert stops == (
        [] if "stop" in entries(answer)[-1].get("dropped_parameters", ()) else [["END"]]
    )


@pytest.mark.parametrize("wish", [True, {"effort": "low"}])
def test_one_name_of_two_meanings_goes_to_whom_it_fits(rig: Rig, wish: Any) -> None:
    model = {"model": "o4-mini"} if rig.name == "responses" else {}
    answer = rig.last(model=model).invoke("hi", reasoning=wish)
    assert answer.text == "from the provider"
    sent = rig.server.requests[-1].body
    fits = rig.name == "ollama" if wish is True else rig.name == "responses"
    assert (sent.get("think") == wish or sent.get("reasoning") == wish) is fits
    dropped = entries(answer)[-1].get("dropped_parameters", [])
    assert dropped == ([] if fits else ["reasoning"])


@pytest.mark.parametrize("way", WAYS)
async def test_another_model_for_one_call(rig: Rig, way: str) -> None:
    answer = await ask(rig.last().bind(model="another"), way)
    body, entry = rig.server.requests[-1].body, entries(answer)[-1]
    assert answer.text == "from the provider"
    named = "gemini-2.5-flash" if rig.name == "gemini" else "another"
    assert entry["model"] == named
    assert named in (body.get("model") or rig.server.requests[-1].path)  # Gemini's is in the path
    assert ("model" in entry.get("dropped_parameters", ())) is (rig.name == "gemini")


def test_settings_of_the_responses_api_do_not_send_a_call_there() -> None:
    with OpenAIServer(default="well") as server, OllamaServer() as small:
        router = AsymRouter(small=ollama(small), frontier=openai(server), threshold=0)
        answer = router.invoke("hi", truncation="auto", reasoning={"effort": "low"})
        assert answer.text == "well"
        assert set(entries(answer)[0]["dropped_parameters"]) == {"truncation", "reasoning"}


def test_settings_of_chat_completions_do_not_reach_responses() -> None:
    with CLIENTS["responses"].server(default="well") as server, OllamaServer() as small:
        up = CLIENTS["responses"].make(server)
        router = AsymRouter(small=ollama(small), frontier=up, threshold=0)
        answer = router.invoke("hi", prediction={"type": "content", "content": "x"})
        assert answer.text == "well"
        assert entries(answer)[0]["dropped_parameters"] == ["prediction"]


# models that take less than their provider -------------------------------------------------------


@pytest.mark.parametrize("model", ["gpt-5", "gpt-5-nano", "o3-mini", "o4-mini"])
def test_reasoning_models_get_what_they_take(model: str) -> None:
    with OpenAIServer() as server, OllamaServer() as small:
        router = AsymRouter(
            small=ollama(small), frontier=openai(server, model=model), temperature=0.2, threshold=0
        )
        answer = router.invoke("hi", max_tokens=9, top_p=0.5, stop=["x"], reasoning_effort="low")
        body = server.requests[-1].body
        assert not {"temperature", "top_p", "stop", "max_tokens"} & set(body)
        assert body["max_completion_tokens"] == 9
        assert body["reasoning_effort"] == "low"
        dropped = set(entries(answer)[-1]["dropped_parameters"])
        assert dropped == {"temperature", "top_p", "stop"}
        router.invoke("hi", temperature=1)
        assert server.requests[-1].body["temperature"] == 1


@pytest.mark.parametrize("given", [{}, {"temperature": 0}])
@pytest.mark.parametrize(
    ("model", "resampled"), [("gpt-5-nano", None), ("gpt-4o", 0.8), ("gpt-5-chat-latest", 0.8)]
)
def test_a_second_sample_of_a_model(model: str, resampled: float | None, given: Any) -> None:
    def strict(body: dict[str, Any]) -> Any:
        if model == "gpt-5-nano" and body.get("temperature", 1) != 1:
            raise ValueError("Unsupported value: 'temperature'")
        return "42"

    with OpenAIServer(default=strict) as server, OpenAIServer() as up:
        router = AsymRouter(
            small=openai(server, model=model),
            frontier=openai(up),
            classify=lambda messages: 0.0,
            verify=Agreement(),
        )
        answer = router.invoke("What is 6 * 7?", **given)
        assert answer.response_metadata["router"]["tier"] == "small"
        assert server.requests[-1].body.get("temperature") == resampled


def test_options_of_a_call_keep_the_models_own() -> None:
    with OllamaServer() as server, OpenAIServer() as up:
        small = ollama(server, num_ctx=4096, top_k=3, stop=["own"])
        router = AsymRouter(
            small=small, frontier=openai(up), classify=lambda messages: 0.0, verify="form"
        )
        router.invoke("hi", temperature=0, stop=["call"])
        options = server.requests[-1].body["options"]
        assert options == {"num_ctx": 4096, "top_k": 3, "temperature": 0, "stop": ["call"]}


def test_a_class_that_nobody_knows_is_said_to_be_unknown() -> None:
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel

    fake = GenericFakeChatModel(messages=iter(["hello"]))
    with OpenAIServer() as up:
        router = AsymRouter(small=fake, frontier=openai(up), classify=lambda messages: 0.0)
        entry = entries(router.invoke("hi", temperature=0))[0]
        assert entry["unknown_class"] == "GenericFakeChatModel"
        assert entry["error"] is None


def test_every_client_is_known() -> None:
    for name, client in CLIENTS.items():
        with client.server() as server:
            assert provider_of(client.make(server)).name == client.name, name
