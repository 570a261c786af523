"""OpenAI's Responses, the answer: whole, as a stream of events, and errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from lc_asym_router.gateway.http_errors import GatewayError
from lc_asym_router.gateway.protocols import GatewayAnswer, Heading, event
from lc_asym_router.gateway.protocols.pieces import (
    Piece,
    RefusalPiece,
    Text,
    Thinking,
    ToolCallPiece,
    pieces_of,
)

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "user": None,
}
"""What a response repeats of its request, with the value of what was left out."""
_PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc"}
_CODES = {400: "invalid_prompt", 429: "rate_limit_exceeded"}
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def body_of(request: Mapping[str, Any], answered: GatewayAnswer) -> dict[str, Any]:
    """The body of a whole answer.

    Args:
        request: The request's body.
        answered: The answer.
    """
    stream = ResponseStream(answered.heading, request)
    for piece in pieces_of(answered.message):
        stream.add(piece)
    return stream.finished(answered)


def error_body(error: GatewayError) -> dict[str, Any]:
    """The body of an error."""
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    kind = _TYPES.get(error.status, kind)
    if error.code == "insufficient_quota":
        kind = error.code
    told = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    return {"error": told}


class ResponseStream:
    """Writes one streamed response: items one after the other, each event with its number.

    Args:
        heading: What is known of it.
        request: The request's body, of which a response repeats some.
    """

    def __init__(self, heading: Heading, request: Mapping[str, Any]) -> None:
        self._heading = heading
        self._request = request
        self._items: list[dict[str, Any]] = []
        self._open = False
        self._number = 0
        self._events: list[bytes] = []

    def begin(self) -> bytes:
        """The response, still empty."""
        empty = self._response("in_progress", self._heading.model, [])
        self._add("response.created", response=empty)
        self._add("response.in_progress", response=empty)
        return self._sent()

    def chunk(self, chunk: AIMessageChunk) -> bytes:
        """The deltas of texts and reasoning, and whole calls."""
        for piece in pieces_of(chunk):
            self.add(piece)
        return self._sent()

    def end(self, answered: GatewayAnswer) -> bytes:
        """The end of the last item, and the whole response with what the router did."""
        response = self.finished(answered)
        self._add(f"response.{response['status']}", response=response)
        return self._sent()

    def error(self, error: GatewayError) -> bytes:
        """The stream breaks off."""
        code = error.code or _CODES.get(error.status, "server_error")
        self._add("error", code=code, message=error.message, param=error.param)
        return self._sent()

    def add(self, piece: Piece) -> None:
        """Add a piece of the answer."""
        if isinstance(piece, ToolCallPiece):
            self._call(piece)
        elif isinstance(piece, Thinking):
            self._thinking(piece)
        else:
            self._said(piece)

    def finished(self, answered: GatewayAnswer) -> dict[str, Any]:
        """End the last item; the whole response."""
        reason = _INCOMPLETE.get(answered.finish)
        status = "completed" if reason is None else "incomplete"
        self._close(status)
        return self._response(
            status,
            answered.model,
            self._items,
            incomplete_details={"reason": reason} if reason else None,
            usage=_usage(answered.message.usage_metadata),
            router=answered.router,
        )

    def _response(
        self, status: str, model: str, output: list[dict[str, Any]], **more: Any
    ) -> dict[str, Any]:
        echoed = {
            name: default if self._request.get(name) is None else self._request[name]
            for name, default in _ECHOED.items()
        }
        return {
            "id": f"resp_{self._heading.request_id}",
            "object": "response",
            "created_at": self._heading.created,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": model,
            "output": output,
            "previous_response_id": None,
            "store": False,
            "truncation": "disabled",
            "usage": None,
            **echoed,
            **more,
        }

    def _add(self, kind: str, **data: Any) -> None:
        body = {"type": kind, "sequence_number": self._number, **data}
        self._number += 1
        self._events.append(
            event(json.dumps(body, ensure_ascii=False, separators=(",", ":")), kind)
        )

    def _sent(self) -> bytes:
        sent, self._events = b"".join(self._events), []
        return sent

    def _said(self, piece: Text | RefusalPiece) -> None:
        kind, field = ("output_text", "text") if isinstance(piece, Text) else ("refusal",) * 2
        item = self._item("message", role="assistant", content=[])
        content = item["content"]
        more: dict[str, Any] = {"logprobs": []} if field == "text" else {}
        if not content or content[-1]["type"] != kind:
            self._close_part()
            marks = {"annotations": [], **more} if field == "text" else more
            content.append({"type": kind, field: "", **marks})
            self._add("response.content_part.added", **self._part, part=content[-1])
        content[-1][field] += piece.text
        self._add(f"response.{kind}.delta", **self._part, delta=piece.text, **more)

    def _close_part(self) -> None:
        """End the open message's last part, where it has one."""
        for part in self._items[-1]["content"][-1:]:
            if part["type"] == "output_text":
                done = {"text": part["text"], "logprobs": []}
                self._add("response.output_text.done", **self._part, **done)
            else:
                self._add("response.refusal.done", **self._part, refusal=part["refusal"])
            self._add("response.content_part.done", **self._part, part=part)

    def _thinking(self, piece: Thinking) -> None:
        item = self._item("reasoning", summary=[])
        if piece.encrypted:
            item["encrypted_content"] = piece.encrypted
        if not piece.text:
            return
        where = {**self._where, "summary_index": 0}
        if not item["summary"]:
            item["summary"].append({"type": "summary_text", "text": ""})
            part = item["summary"][0]
            self._add("response.reasoning_summary_part.added", **where, part=part)
        item["summary"][0]["text"] += piece.text
        self._add("response.reasoning_summary_text.delta", **where, delta=piece.text)

    def _close_summary(self) -> None:
        where = {**self._where, "summary_index": 0}
        for part in self._items[-1]["summary"]:
            self._add("response.reasoning_summary_text.done", **where, text=part["text"])
            self._add("response.reasoning_summary_part.done", **where, part=part)

    def _call(self, piece: ToolCallPiece) -> None:
        self._close("completed")
        named = {"call_id": piece.id, "name": piece.name, "arguments": ""}
        item = self._item("function_call", **named)
        item["arguments"] = piece.arguments
        if piece.arguments:
            delta = piece.arguments
            self._add("response.function_call_arguments.delta", **self._where, delta=delta)

    # items --------------------------------------------------------------------------------------

    @property
    def _where(self) -> dict[str, Any]:
        return {"item_id": self._items[-1]["id"], "output_index": len(self._items) - 1}

    @property
    def _part(self) -> dict[str, Any]:
        return {**self._where, "content_index": len(self._items[-1]["content"]) - 1}

    def _item(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The open item of a kind; a new one where none is open."""
        if not self._open or self._items[-1]["type"] != kind:
            self._close("completed")
            id = f"{_PREFIXES[kind]}_{self._heading.request_id}_{len(self._items)}"
            self._items.append({"type": kind, "id": id, "status": "in_progress", **fields})
            self._open = True
            place = len(self._items) - 1
            self._add("response.output_item.added", output_index=place, item=self._items[-1])
        return self._items[-1]

    def _close(self, status: str) -> None:
        """End the open item, where there is one."""
        if not self._open:
            return
        self._open = False
        item = self._items[-1]
        if item["type"] == "message":
            self._close_part()
        elif item["type"] == "reasoning":
            self._close_summary()
        else:
            done = {"name": item["name"], "arguments": item["arguments"]}
            self._add("response.function_call_arguments.done", **self._where, **done)
        item["status"] = status
        place = len(self._items) - 1
        self._add("response.output_item.done", output_index=place, item=item)


def _usage(usage: UsageMetadata | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    given, made = usage.get("input_token_details") or {}, usage.get("output_token_details") or {}
    return {
        "input_tokens": usage["input_tokens"],
        "input_tokens_details": {
            "cached_tokens": given.get("cache_read") or 0,
            "cache_write_tokens": given.get("cache_creation") or 0,
        },
        "output_tokens": usage["output_tokens"],
        "output_tokens_details": {"reasoning_tokens": made.get("reasoning") or 0},
        "total_tokens": usage["total_tokens"],
    }
