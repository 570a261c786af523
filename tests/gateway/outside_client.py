"""What runs in the environment of the clients that need other versions of our libraries.

    python outside_client.py URL

LiteLLM asks the gateway by each of its three protocols, and prints what it got, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import litellm

litellm.suppress_debug_info = True
URL = sys.argv[1]
HARD = "Refactor and debug this distributed architecture step by step."
SCHEMA = {
    "type": "object",
    "properties": {"at": {"type": "string"}},
    "required": ["at"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA},
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "person", "schema": PERSON, "strict": True},
}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def failure(call: Callable[[], Any]) -> dict[str, Any] | None:
    try:
        call()
    except Exception as error:
        return {"status": getattr(error, "status_code", None), "message": str(error)}
    return None


def completions(provider: str, base: str, **more: Any) -> dict[str, Any]:
    def create(messages: list[Any], model: str = "auto", **given: Any) -> Any:
        known = {"api_base": base, "api_key": "any", "num_retries": 0, "timeout": 60}
        return litellm.completion(f"{provider}/{model}", messages, **known, **more, **given)

    text = create([user("hi")])
    chunks = list(create([user("hi")], stream=True))
    streamed = "".join(each.choices[0].delta.content or "" for each in chunks)
    messages: list[Any] = [user(HARD)]
    for _ in range(2):
        parts = list(create(messages, tools=[TOOL], stream=True))
        answer = litellm.stream_chunk_builder(parts).choices[0].message  # type: ignore[union-attr]
        messages.append(answer.model_dump())
        calls = answer.tool_calls or ()
        messages += [{"role": "tool", "tool_call_id": c.id, "content": "blue"} for c in calls]
    made = create([user("Who?")], response_format=FORMAT).choices[0].message
    return {
        "text": text.choices[0].message.content,
        "usage": [text.usage.prompt_tokens, text.usage.completion_tokens],
        "streamed": streamed,
        "loop": answer.content,
        "object": json.loads(made.content),
        "refused": failure(lambda: create([user("hi")], model="gpt-9")),
        "broken": failure(lambda: list(create([user("BREAK")], model="frontier", stream=True))),
    }


def responses() -> dict[str, Any]:
    def create(given: Any, model: str = "auto", **more: Any) -> Any:
        known = {"api_base": f"{URL}/v1", "api_key": "any", "num_retries": 0, "timeout": 60}
        return litellm.responses(model=f"openai/{model}", input=given, **known, **more)

    deltas = [getattr(each, "delta", "") for each in create("hi", stream=True)]
    return {
        "text": create("hi").output[0].content[0].text,
        "streamed": "".join(deltas),
        "refused": failure(lambda: create("hi", previous_response_id="resp_1")),
    }


print(
    json.dumps(
        {
            "openai": completions("openai", f"{URL}/v1"),
            "anthropic": completions("anthropic", URL, max_tokens=100),
            "responses": responses(),
        }
    )
)
