"""What flows through the graph: the words of the design, as frozen records."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Annotated, Any, NotRequired, TypedDict

from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph.message import add_messages

from lc_asym_router.records.trail import Trail


class RouterState(TypedDict):
    """The state of the graph. Only `messages` is seen from outside."""

    messages: Annotated[list[AnyMessage], add_messages]
    route: NotRequired[str]
    trail: NotRequired[Trail]
    draft: NotRequired[bytes | None]


Update = dict[str, Any]
"""What a node changes in the state."""


class RouterIO(TypedDict):
    """What goes into the graph and comes out of it: composes with `MessagesState`."""

    messages: Annotated[list[AnyMessage], add_messages]


_SERDE = JsonPlusSerializer()


def seal(draft: Sequence[AIMessageChunk] | AIMessage) -> bytes:
    """Close a draft into an envelope that no stream, event or trace takes for an answer.

    A draft stands in the graph's state between a tier and its check. As a message it would be
    emitted by LangGraph's messages mode and shown by its values and updates modes; as compressed
    bytes it can be checkpointed and carried, but not read by accident.
    """
    kind, data = _SERDE.dumps_typed(draft if isinstance(draft, AIMessage) else list(draft))
    return zlib.compress(kind.encode() + b"\0" + data, 1)


def unseal(envelope: bytes) -> list[AIMessageChunk] | AIMessage:
    """Open what `seal` closed."""
    kind, _, data = zlib.decompress(envelope).partition(b"\0")
    draft: list[AIMessageChunk] | AIMessage = _SERDE.loads_typed((kind.decode(), data))
    return draft
