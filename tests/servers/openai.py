"""OpenAI's wire format: JSON and SSE on /v1/chat/completions, and /v1/models."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any, ClassVar

from .answers import Answer, deal, top_logprobs
from .base import Server
from .http import Request

NUMBERS = itertools.count(1)
CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class OpenAIAnswer(Answer):
    """A reply as OpenAI writes it."""

    stream_type = "text/event-stream; charset=utf-8"

    @property
    def streamed(self) -> bool:
        """OpenAI streams when told to."""
        return bool(self.body.get("stream"))

    @property
    def _include_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def reports_usage(self) -> bool:
        """A stream tells its usage only if asked to."""
        return self._include_usage or not self.streamed

    @property
    def _finish(self) -> str:
        calls = self.reply.tool_calls and self.reply.finish == "stop"
        return "tool_calls" if calls else self.reply.finish

    @property
    def _usage(self) -> dict[str, Any]:
        tokens_in, tokens_out = self.reply.tokens
        return {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        }

    def _object(self, kind: str, **more: Any) -> dict[str, Any]:
        if not hasattr(self, "_head"):
            self._head = {"id": f"chatcmpl-{next(NUMBERS)}", "created": int(time.time())}
        return {
            **self._head,
            "object": kind,
            "model": self.model,
            "system_fingerprint": "fp_test",
            **more,
        }

    def _logprobs(self) -> list[dict[str, Any]] | None:
        if not self.body.get("logprobs") or self.reply.logprobs is None:
            return None
        tops = [dict(top) for top in self.reply.logprobs]
        return top_logprobs(tops, self.body.get("top_logprobs") or 0)

    def _event(self, data: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps(data).encode() + b"\n\n"

    def _chunk(
        self,
        delta: dict[str, Any],
        finish: str | None = None,
        logprobs: list[dict[str, Any]] | None = None,
    ) -> bytes:
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": {"content": logprobs, "refusal": None} if logprobs else None,
            "finish_reason": finish,
        }
        more = {"usage": None} if self._include_usage else {}
        return self._event(self._object("chat.completion.chunk", choices=[choice], **more))

    def _calls(self) -> list[dict[str, Any]]:
        return [
            {
                "id": call.id or f"call_{at}",
                "type": "function",
                "function": {
                    "name": call.name,
                    "arguments": call.args
                    if isinstance(call.args, str)
                    else json.dumps(dict(call.args)),
                },
            }
            for at, call in enumerate(self.reply.tool_calls)
        ]

    def opening(self) -> bytes:
        """The chunk that tells the role."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def pieces(self) -> list[bytes]:
        """The chunks of the text, the refusal, two pieces per tool call."""
        parts = self.reply.parts
        dealt = deal(self._logprobs() or [], len(parts))
        events = [
            self._chunk({"content": part}, logprobs=logprobs)
            for part, logprobs in zip(parts, dealt, strict=True)
        ]
        if self.reply.refusal is not None:
            events.append(self._chunk({"refusal": self.reply.refusal}))
        for at, call in enumerate(self._calls()):
            arguments = call["function"]["arguments"]
            half = len(arguments) // 2
            first = {**call["function"], "arguments": arguments[:half]}
            events.append(self._chunk({"tool_calls": [{"index": at, **call, "function": first}]}))
            rest = {"index": at, "function": {"arguments": arguments[half:]}}
            events.append(self._chunk({"tool_calls": [rest]}))
        return events

    def closing(self) -> bytes:
        """The finish reason, the usage if asked for, and ``[DONE]``."""
        events = self._chunk({}, finish=self._finish)
        if self._include_usage and self.reply.usage:
            last = self._object("chat.completion.chunk", choices=[], usage=self._usage)
            events += self._event(last)
        return events + b"data: [DONE]\n\n"

    def whole(self) -> bytes:
        """All in one object."""
        text: str | None = self.reply.full_text
        message: dict[str, Any] = {"role": "assistant", "refusal": self.reply.refusal}
        if self.reply.tool_calls:
            message["tool_calls"] = self._calls()
        if not text and (self.reply.tool_calls or self.reply.refusal is not None):
            text = None
        message["content"] = text
        logprobs = self._logprobs()
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None if logprobs is None else {"content": logprobs, "refusal": None},
            "finish_reason": self._finish,
        }
        more = {"usage": self._usage} if self.reply.usage else {}
        return json.dumps(self._object("chat.completion", choices=[choice], **more)).encode()

    def failure(self) -> bytes:
        """``{"error": {"message": "text", ...}}``."""
        status = self.reply.status
        kind = "invalid_request_error" if 400 <= status < 500 else "server_error"
        error = {
            "message": self.reply.error or f"status {status}",
            "type": "rate_limit_error" if status == 429 else kind,
            "param": None,
            "code": self.reply.error_code or CODES.get(status),
        }
        return json.dumps({"error": error}).encode()

    def stream_failure(self) -> bytes:
        """The same, as an event."""
        return b"data: " + self.failure() + b"\n\n"


class OpenAIServer(Server):
    """A scripted OpenAI; give its ``base_url`` to ``ChatOpenAI(base_url=..., api_key='x')``."""

    chat_path = "/v1/chat/completions"
    answer: ClassVar[type[Answer]] = OpenAIAnswer

    def is_chat(self, path: str) -> bool:
        """Azure's and Groq's paths too, which end alike."""
        return path.partition("?")[0].endswith(self.chat_path.removeprefix("/v1"))

    @property
    def base_url(self) -> str:
        """The URL with the API's prefix."""
        return f"{self.url}/v1"

    def fixed(self, request: Request) -> Any:
        """The model list and its entries."""
        cards = {
            name: {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "tests"}
            for name in self.models
        }
        if request.path == "/v1/models":
            return {"object": "list", "data": list(cards.values())}
        return cards.get(request.path.removeprefix("/v1/models/"))
