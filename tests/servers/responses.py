"""OpenAI's Responses API: JSON and named events on /v1/responses."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

from .openai import OpenAIAnswer, OpenAIServer

NUMBERS = itertools.count(1)


class ResponsesAnswer(OpenAIAnswer):
    """A reply as the Responses API writes it; `reasoning` is an item with encrypted content."""

    def __init__(self, reply: Any, body: dict[str, Any]) -> None:
        super().__init__(reply, body)
        self._id = f"resp_{next(NUMBERS)}"
        self._order = itertools.count()

    @property
    def reports_usage(self) -> bool:
        """Always."""
        return True

    def _items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        if self.reply.reasoning is not None:
            summary = [{"type": "summary_text", "text": self.reply.reasoning}]
            secret = f"enc-of-{self.model}"
            items.append({"type": "reasoning", "summary": summary, "encrypted_content": secret})
        if self.reply.full_text:
            text = {"type": "output_text", "text": self.reply.full_text, "annotations": []}
            items.append({"type": "message", "role": "assistant", "content": [text]})
        items += [
            {
                "type": "function_call",
                "call_id": call["id"],
                "name": call["function"]["name"],
                "arguments": call["function"]["arguments"],
            }
            for call in self._calls()
        ]
        prefixes = {"reasoning": "rs", "message": "msg", "function_call": "fc"}
        done = {"status": "completed"}
        return [
            {"id": f"{prefixes[item['type']]}_{self._id}_{at}", **item, **done}
            for at, item in enumerate(items)
        ]

    def _response(self, status: str, items: list[Any], **more: Any) -> dict[str, Any]:
        tokens_in, tokens_out = self.reply.tokens
        usage = {
            "input_tokens": tokens_in,
            "output_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        }
        return {
            "id": self._id,
            "object": "response",
            "created_at": int(time.time()),
            "model": self.model,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "output": items,
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "usage": usage if status != "in_progress" and self.reply.usage else None,
            **more,
        }

    def _named(self, kind: str, **data: Any) -> bytes:
        body = json.dumps({"type": kind, "sequence_number": next(self._order), **data})
        return f"event: {kind}\ndata: {body}\n\n".encode()

    def _finished(self) -> dict[str, Any]:
        reason = {"length": "max_output_tokens"}.get(self.reply.finish, self.reply.finish)
        if reason == "stop":
            return self._response("completed", self._items())
        if reason in ("failed", "error"):
            error = {"code": "server_error", "message": "the model failed"}
            return self._response("failed", self._items(), error=error)
        return self._response("incomplete", self._items(), incomplete_details={"reason": reason})

    def opening(self) -> bytes:
        """The response, still empty."""
        return self._named("response.created", response=self._response("in_progress", []))

    def pieces(self) -> list[bytes]:
        """Each item's start, deltas and end."""
        events: list[bytes] = []
        for at, item in enumerate(self._items()):
            empty = {**item, "status": "in_progress"}
            if item["type"] == "message":
                start = self._named(
                    "response.output_item.added", output_index=at, item={**empty, "content": []}
                )
                where = {"item_id": item["id"], "output_index": at, "content_index": 0}
                made = [
                    self._named("response.output_text.delta", **where, delta=part, logprobs=[])
                    for part in self.reply.parts
                ]
            elif item["type"] == "function_call":
                start = self._named(
                    "response.output_item.added", output_index=at, item={**empty, "arguments": ""}
                )
                made = [
                    self._named(
                        "response.function_call_arguments.delta",
                        item_id=item["id"],
                        output_index=at,
                        delta=item["arguments"],
                    )
                ]
            else:
                start = self._named(
                    "response.output_item.added", output_index=at, item={**empty, "summary": []}
                )
                made = [b""]
            made[0] = start + made[0]
            made[-1] += self._named("response.output_item.done", output_index=at, item=item)
            events += made
        return events

    def closing(self) -> bytes:
        """The whole response again."""
        whole = self._finished()
        return self._named(f"response.{whole['status']}", response=whole)

    def whole(self) -> bytes:
        """All in one object."""
        return json.dumps(self._finished()).encode()

    def stream_failure(self) -> bytes:
        """An error event."""
        code = self.reply.error_code or "server_error"
        return self._named("error", code=code, message=self.reply.error, param=None)


class ResponsesServer(OpenAIServer):
    """A scripted OpenAI for ``ChatOpenAI(base_url=..., use_responses_api=True)``."""

    chat_path = "/v1/responses"
    answer = ResponsesAnswer
