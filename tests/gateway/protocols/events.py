"""Reading a stream of events, and answers to make streams of."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk

from lc_asym_router._internal.chunks import as_message
from lc_asym_router.gateway.protocols import GatewayAnswer, Heading


def events_in(stream: bytes) -> list[dict[str, Any]]:
    """The events' data; each event's name is its data's type."""
    found = []
    for block in stream.decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        body = json.loads(data.removeprefix("data: "))
        assert name == f"event: {body['type']}"
        found.append(body)
    return found


REQUEST = Heading(request_id="1", model="auto", created=1_700_000_000)
USAGE: Any = {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13}


def call(id: str, /, **args: Any) -> AIMessageChunk:
    """A chunk with a whole call of the tool "look"."""
    part = tool_call_chunk(name="look", args=json.dumps(args), id=id, index=0)
    return AIMessageChunk(content="", tool_call_chunks=[part])


def answered(message: AIMessage, finish: str = "stop") -> GatewayAnswer:
    """An answer of the small tier."""
    return GatewayAnswer(REQUEST, message, "small-model", finish, {"tier": "small"})


@st.composite
def streams(draw: st.DrawFn) -> list[AIMessageChunk]:
    """Chunks of an answer: thinking, text in parts, whole calls."""
    metadata = {"model_provider": "anthropic"}
    thoughts = draw(st.lists(st.text(), max_size=2))
    signature = [{"type": "thinking", "signature": "s", "index": 0}] if thoughts else []
    blocks = [{"type": "thinking", "thinking": each, "index": 0} for each in thoughts]
    said = draw(st.lists(st.text(), max_size=3))
    blocks += [*signature, *({"type": "text", "text": each, "index": 1} for each in said)]
    chunks = [AIMessageChunk(content=[each], response_metadata=metadata) for each in blocks]
    args = st.dictionaries(st.text(max_size=3), st.integers(-(2**40), 2**40) | st.text())
    for place, each in enumerate(draw(st.lists(args, max_size=3))):
        chunks.append(call(f"call_{place}", **each))
    return [*chunks, AIMessageChunk(content="", usage_metadata=USAGE)]


def merged(chunks: list[AIMessageChunk]) -> AIMessage:
    """The message that chunks with whole calls add up to."""
    calls = [each for chunk in chunks for each in chunk.tool_calls]
    plain = [chunk.model_copy(update={"tool_call_chunks": []}) for chunk in chunks]
    return AIMessage(
        content=as_message(plain).content,
        tool_calls=calls,
        usage_metadata=USAGE,
        response_metadata={"model_provider": "anthropic"},
    )
