"""Anthropic's Messages, the answer: whole, as a stream of events, and errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.utils.json import parse_partial_json

from lc_asym_router.gateway.http_errors import GatewayError, invalid, unsupported
from lc_asym_router.gateway.protocols import GatewayAnswer, Heading, event
from lc_asym_router.gateway.protocols.pieces import (
    Piece,
    RefusalPiece,
    Thinking,
    ToolCallPiece,
    pieces_of,
)
from lc_asym_router.tiers.provider import finish_reason

_ENDS = {"length": "max_tokens", "content_filter": "refusal", "tool_calls": "tool_use"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def body_of(answered: GatewayAnswer) -> dict[str, Any]:
    """The body of a whole answer."""
    message = _message(answered.heading, answered.model)
    content = [_block(piece) for piece in pieces_of(answered.message)]
    usage = _usage(answered.message.usage_metadata)
    return {
        **message,
        "content": content,
        **_end(answered),
        "usage": usage,
        "router": answered.router,
    }


def error_body(error: GatewayError) -> dict[str, Any]:
    """The body of an error, and the data of an `error` event."""
    kind = "invalid_request_error" if error.status < 500 else "api_error"
    told = {"type": _ERRORS.get(error.status, kind), "message": error.message}
    return {"type": "error", "error": told, "request_id": None}


class MessageStream:
    """Writes one streamed answer: blocks one after the other, each begun, filled, ended.

    Args:
        heading: What is known of it.
    """

    def __init__(self, heading: Heading) -> None:
        self._heading = heading
        self._index = -1
        self._open: str | None = None

    def begin(self) -> bytes:
        """The message, still empty. Token counts come with the last events."""
        message = _message(self._heading, self._heading.model)
        ends = {"stop_reason": None, "stop_sequence": None}
        return _event("message_start", message={**message, "content": [], **ends, **_NO_USAGE})

    def chunk(self, chunk: AIMessageChunk) -> bytes:
        """The deltas of texts and thinking, and whole calls."""
        return b"".join(data for piece in pieces_of(chunk) for data in self._piece(piece))

    def end(self, answered: GatewayAnswer) -> bytes:
        """Why it ended, the usage, and what the router did."""
        usage = _usage(answered.message.usage_metadata)
        last = _event("message_delta", delta=_end(answered), usage=usage, router=answered.router)
        return b"".join([*self._closed(), last, _event("message_stop")])

    def error(self, error: GatewayError) -> bytes:
        """The stream breaks off."""
        return event(_json(error_body(error)), "error")

    def _piece(self, piece: Piece) -> Iterator[bytes]:
        if isinstance(piece, ToolCallPiece):
            yield from self._begun({**_block(piece), "input": {}})
            # As it came: what is cut off stays so, as in Anthropic's own streams.
            yield self._delta("input_json", partial_json=piece.arguments)
        elif isinstance(piece, Thinking):
            yield from self._thinking(piece)
        else:
            if self._open != "text":
                yield from self._begun({"type": "text", "text": ""})
            yield self._delta("text", text=piece.text)

    def _thinking(self, piece: Thinking) -> Iterator[bytes]:
        if piece.encrypted and not piece.text:
            yield from self._begun(_block(piece))
            return
        if self._open != "thinking":
            yield from self._begun({"type": "thinking", "thinking": "", "signature": ""})
        if piece.text:
            yield self._delta("thinking", thinking=piece.text)
        if piece.signature:
            yield self._delta("signature", signature=piece.signature)
            yield from self._closed()

    def _begun(self, block: Mapping[str, Any]) -> Iterator[bytes]:
        yield from self._closed()
        self._index += 1
        self._open = block["type"]
        yield _event("content_block_start", index=self._index, content_block=block)

    def _closed(self) -> Iterator[bytes]:
        if self._open is not None:
            self._open = None
            yield _event("content_block_stop", index=self._index)

    def _delta(self, kind: str, **delta: Any) -> bytes:
        data = {"type": f"{kind}_delta", **delta}
        return _event("content_block_delta", index=self._index, delta=data)


def _message(heading: Heading, model: str) -> dict[str, Any]:
    named = {"id": f"msg_{heading.request_id}", "type": "message", "role": "assistant"}
    return {**named, "model": model}


def _block(piece: Piece) -> dict[str, Any]:
    if isinstance(piece, ToolCallPiece):
        given = _input(piece.arguments)
        return {"type": "tool_use", "id": piece.id, "name": piece.name, "input": given}
    if not isinstance(piece, Thinking):
        return {"type": "text", "text": piece.text}
    if piece.encrypted and not piece.text:
        return {"type": "redacted_thinking", "data": piece.encrypted}
    return {"type": "thinking", "thinking": piece.text, "signature": piece.signature}


def _input(arguments: str) -> dict[str, Any]:
    """A call's input; of one that was cut off what there is of it."""
    try:
        read = parse_partial_json(arguments) if arguments else {}
    except (ValueError, RecursionError):
        read = {}
    return read if isinstance(read, dict) else {}


def _end(answered: GatewayAnswer) -> dict[str, Any]:
    """Why an answer ended; Anthropic's own tiers tell which stop sequence it was."""
    message = answered.message
    if finish_reason(message) == "stop_sequence":
        sequence = message.response_metadata.get("stop_sequence")
        return {"stop_reason": "stop_sequence", "stop_sequence": sequence}
    refused = any(isinstance(piece, RefusalPiece) for piece in pieces_of(message))
    reason = _ENDS.get(answered.finish, "refusal" if refused else "end_turn")
    return {"stop_reason": reason, "stop_sequence": None}


def model_body(name: str) -> dict[str, Any]:
    """One model, as a list has it and alone."""
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    }


def models_body(names: Sequence[str], query: Mapping[str, str]) -> dict[str, Any]:
    """A page of the models: those behind `after_id`, or those before `before_id`, `limit` of them.

    Raises:
        GatewayError: A parameter is wrong, or not served; it is named.
    """
    if unknown := sorted(set(query) - {"limit", "after_id", "before_id"}):
        raise unsupported(unknown[0], "limit, after_id and before_id are.")
    limit = query.get("limit", "1000")
    if not (limit.isdecimal() and len(limit) < 5 and 1 <= int(limit) <= 1000):
        raise invalid("limit", "a whole number from 1 to 1000.")
    listed = list(names)
    for name in ("after_id", "before_id"):
        if (id := query.get(name)) is not None:
            if id not in listed:
                raise invalid(name, "the id of one of the models.")
            place = listed.index(id)
            listed = listed[place + 1 :] if name == "after_id" else listed[:place]
    backwards = "before_id" in query
    page = listed[-int(limit) :] if backwards else listed[: int(limit)]
    return {
        "data": [model_body(name) for name in page],
        "has_more": len(page) < len(listed),
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
    }


def _usage(usage: UsageMetadata | None) -> dict[str, Any]:
    """Token counts as Anthropic has them: what was read from a cache or written to it is not among
    the input tokens. Zeros where the answer came without counts, since its clients want numbers."""
    if usage is None:
        return _NO_USAGE["usage"]
    details = usage.get("input_token_details") or {}
    read, written = details.get("cache_read") or 0, details.get("cache_creation") or 0
    counts: dict[str, Any] = {
        "input_tokens": max(0, usage["input_tokens"] - read - written),
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": usage["output_tokens"],
    }
    thinking = (usage.get("output_token_details") or {}).get("reasoning")
    if thinking:
        counts["output_tokens_details"] = {"thinking_tokens": thinking}
    return counts


_NO_USAGE = {"usage": {"input_tokens": 0, "output_tokens": 0}}


def _event(kind: str, **data: Any) -> bytes:
    return event(_json({"type": kind, **data}), kind)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
