"""What every client is asked to do: a tool loop of two turns, and an object."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from pydantic import BaseModel

from tests.servers import OpenAIServer, Reply, ToolCall

HARD = "Refactor and debug this distributed architecture step by step."
"""What the keyword rule sends to the frontier."""
WAYS = ("invoke", "ainvoke")
"""A client's twins; `make test` runs the first."""
LOOK = {
    "name": "look",
    "description": "Looks somewhere.",
    "schema": {
        "type": "object",
        "properties": {"at": {"type": "string"}},
        "required": ["at"],
        "additionalProperties": False,
    },
}
CALLS = Reply(tool_calls=[ToolCall("look", {"at": "sky"}, id="call_sky")])
BLUE = Reply("The sky is blue.")


class Person(BaseModel):
    """An object to answer with."""

    name: str
    age: int
    kind: Literal["person"] = "person"


ADA = '{"name": "Ada", "age": 36, "kind": "person"}'


async def got(value: Any) -> Any:
    """What a client returns, whichever twin it is."""
    return await value if inspect.isawaitable(value) else value


async def listed(stream: Any) -> list[Any]:
    """All of a stream."""
    if hasattr(stream, "__aiter__"):
        return [each async for each in stream]
    return list(stream)


def check_loop(frontier: OpenAIServer, question: str = HARD) -> None:
    """The frontier has had both turns of a loop, the second with its own id of the call."""
    first, second = (request.body["messages"] for request in frontier.requests)
    assert [each["content"] for each in first if each["role"] == "user"] == [question]
    (asked,) = [each for each in second if each["role"] == "assistant"]
    (result,) = [each for each in second if each["role"] == "tool"]
    assert asked["tool_calls"][0]["id"] == result["tool_call_id"] == "call_sky"
    assert result["content"] == "blue"
