"""Anthropic's wire format: JSON and named events on /v1/messages."""

from __future__ import annotations

import itertools
import json
from typing import Any

from .answers import Answer
from .base import Server
from .http import Request

NUMBERS = itertools.count(1)
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


class AnthropicAnswer(Answer):
    """A reply as Anthropic writes it; `reasoning` is a thinking block with a signature."""

    stream_type = "text/event-stream; charset=utf-8"

    @property
    def streamed(self) -> bool:
        """Anthropic streams when told to."""
        return bool(self.body.get("stream"))

    @property
    def reports_usage(self) -> bool:
        """Always."""
        return True

    @property
    def _reason(self) -> str:
        if self.reply.tool_calls and self.reply.finish == "stop":
            return "tool_use"
        return REASONS.get(self.reply.finish, self.reply.finish)

    def _event(self, kind: str, **data: Any) -> bytes:
        body = json.dumps({"type": kind, **data})
        return f"event: {kind}\ndata: {body}\n\n".encode()

    def _message(self, content: list[Any], reason: str | None, output: int) -> dict[str, Any]:
        return {
            "id": f"msg_{next(NUMBERS)}",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {"input_tokens": self.reply.tokens[0], "output_tokens": output},
        }

    def _blocks(self) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        if self.reply.reasoning is not None:
            signed = {"thinking": self.reply.reasoning, "signature": f"sig-of-{self.model}"}
            blocks.append({"type": "thinking", **signed})
        if self.reply.full_text:
            blocks.append({"type": "text", "text": self.reply.full_text})
        blocks += [
            {
                "type": "tool_use",
                "id": call.id or f"toolu_{at}",
                "name": call.name,
                "input": call.args if isinstance(call.args, str) else dict(call.args),
            }
            for at, call in enumerate(self.reply.tool_calls)
        ]
        return blocks

    def opening(self) -> bytes:
        """The message, still empty."""
        return self._event("message_start", message=self._message([], None, 1))

    def pieces(self) -> list[bytes]:
        """Each block's start, deltas and stop; a text has as many deltas as it has parts."""
        events: list[bytes] = []
        for at, block in enumerate(self._blocks()):
            kind = block["type"]
            if kind == "text":
                empty: dict[str, Any] = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": part} for part in self.reply.parts]
            elif kind == "thinking":
                empty = {"type": "thinking", "thinking": "", "signature": ""}
                deltas = [
                    {"type": "thinking_delta", "thinking": block["thinking"]},
                    {"type": "signature_delta", "signature": block["signature"]},
                ]
            else:
                empty = {**block, "input": {}}
                args = block["input"]
                text = args if isinstance(args, str) else json.dumps(args)
                deltas = [{"type": "input_json_delta", "partial_json": text}]
            start = self._event("content_block_start", index=at, content_block=empty)
            made = [self._event("content_block_delta", index=at, delta=each) for each in deltas]
            made[0] = start + made[0]
            made[-1] += self._event("content_block_stop", index=at)
            events += made
        return events

    def closing(self) -> bytes:
        """The reason of the end with the tokens, and the end."""
        usage = {"output_tokens": self.reply.tokens[1]}
        delta = {"stop_reason": self._reason, "stop_sequence": None}
        last = self._event("message_delta", delta=delta, usage=usage)
        return last + self._event("message_stop")

    def whole(self) -> bytes:
        """All in one object."""
        message = self._message(self._blocks(), self._reason, self.reply.tokens[1])
        return json.dumps(message).encode()

    def _error(self) -> dict[str, Any]:
        status = self.reply.status
        kind = self.reply.error_code or TYPES.get(status, "api_error")
        return {"type": kind, "message": self.reply.error or f"status {status}"}

    def failure(self) -> bytes:
        """``{"type": "error", "error": {"type": ..., "message": ...}}``."""
        return json.dumps({"type": "error", "error": self._error()}).encode()

    def stream_failure(self) -> bytes:
        """The same, as an event."""
        return self._event("error", error=self._error())


class AnthropicServer(Server):
    """A scripted Anthropic; give its ``url`` to ``ChatAnthropic(base_url=..., api_key='x')``."""

    chat_path = "/v1/messages"
    answer = AnthropicAnswer

    def fixed(self, request: Request) -> Any:
        """Nothing else is served."""
        return None
