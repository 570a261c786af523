"""LangChain's own models as clients of the gateway: ChatOpenAI by either API, and ChatAnthropic."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_anthropic._client_utils import _get_default_async_httpx_client
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from tests.gateway.loop import ADA, BLUE, CALLS, HARD, Person, check_loop
from tests.gateway.serving import Served
from tests.servers import Reply, ToolCall


@pytest.fixture(autouse=True)
def connections_of_this_loop() -> None:
    """A test's event loop is its own, and ChatAnthropic shares an async client between all."""
    _get_default_async_httpx_client.cache_clear()


def look(at: str) -> str:
    """Looks somewhere."""
    return "blue"


@pytest.fixture(params=["openai", "responses", "anthropic"])
def ask_model(request, gateway: Served, small, frontier) -> Any:
    """Makes a client for a model's name."""

    def made(model: str = "auto") -> Any:
        known: dict[str, Any] = {"model": model, "api_key": "any", "max_retries": 0, "timeout": 30}
        if request.param == "anthropic":
            return ChatAnthropic(base_url=gateway.url, max_tokens=100, **known)
        responses = request.param == "responses"
        return ChatOpenAI(
            base_url=f"{gateway.url}/v1", use_responses_api=responses, stream_usage=True, **known
        )

    return made


def counts(message: Any) -> tuple[int, int]:
    return message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]


async def test_text(ask_model, small, ask):
    made = await ask(ask_model(), "hi")
    assert made.text == "a small answer"
    assert counts(made) == tuple(each // len(small.requests) for each in small.tokens)


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_loop(ask_model, frontier, streamed):
    frontier.script(CALLS, BLUE)
    model = ask_model().bind_tools([look])
    messages: list[Any] = [HumanMessage(HARD)]
    for _ in range(2):
        if streamed:
            chunks: list[AIMessageChunk] = list(model.stream(messages))
            answer = chunks[0] + chunks[1:]
        else:
            answer = model.invoke(messages)
        messages.append(answer)
        for call in answer.tool_calls:
            assert (call["name"], call["args"]) == ("look", {"at": "sky"})
            messages.append(ToolMessage("blue", tool_call_id=call["id"]))
    assert answer.text == "The sky is blue."
    check_loop(frontier)


def test_object(ask_model, small):
    called = ToolCall("Person", {"name": "Ada", "age": 36, "kind": "person"}, id="call_1")
    small.script(lambda body: Reply(tool_calls=[called]) if body.get("tools") else ADA)
    made = ask_model().with_structured_output(Person).invoke("hi")
    assert made == Person(name="Ada", age=36)


def test_errors(ask_model, frontier):
    with pytest.raises(Exception, match="no model 'gpt-9'"):
        ask_model("gpt-9").invoke("hi")
    frontier.script(Reply(status=429, error="slow down", headers={"retry-after": "7"}))
    with pytest.raises(Exception, match="429"):
        ask_model("frontier").invoke("hi")


def test_a_stream_that_breaks_off(ask_model, frontier):
    frontier.script(Reply("one two three", error="out of memory"))
    with pytest.raises(Exception, match="No tier could answer"):
        list(ask_model("frontier").stream("hi"))
