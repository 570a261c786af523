"""Gemini's wire format: JSON on :generateContent, events on :streamGenerateContent."""

from __future__ import annotations

import json
import re
from typing import Any

from .answers import Answer
from .base import Server
from .http import Request

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_PATH = re.compile(r"/v1(?:beta)?/models/([^:/]+):(generateContent|streamGenerateContent)$")


class GeminiAnswer(Answer):
    """A reply as Gemini writes it."""

    stream_type = "text/event-stream"

    @property
    def streamed(self) -> bool:
        """The path says so."""
        return bool(self.body.get("stream"))

    @property
    def reports_usage(self) -> bool:
        """Always."""
        return True

    def _response(self, parts: list[Any], reason: str | None = None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
        found: dict[str, Any] = {"candidates": [candidate], "modelVersion": self.model}
        if reason:
            candidate["finishReason"] = reason
            tokens_in, tokens_out = self.reply.tokens
            if self.reply.usage:
                found["usageMetadata"] = {
                    "promptTokenCount": tokens_in,
                    "candidatesTokenCount": tokens_out,
                    "totalTokenCount": tokens_in + tokens_out,
                }
        return found

    @property
    def _reason(self) -> str:
        return REASONS.get(self.reply.finish, self.reply.finish)

    def _calls(self) -> list[dict[str, Any]]:
        return [
            {
                "functionCall": {
                    "name": call.name,
                    "args": {} if isinstance(call.args, str) else dict(call.args),
                }
            }
            for call in self.reply.tool_calls
        ]

    def _event(self, data: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps(data).encode() + b"\r\n\r\n"

    def pieces(self) -> list[bytes]:
        """A chunk a part of the text, and one a call."""
        parts: list[Any] = [{"text": part} for part in self.reply.parts]
        return [self._event(self._response([part])) for part in [*parts, *self._calls()]]

    def closing(self) -> bytes:
        """The last chunk, with the reason and the tokens."""
        return self._event(self._response([{"text": ""}], self._reason))

    def whole(self) -> bytes:
        """All in one object."""
        text = [{"text": self.reply.full_text}] if self.reply.full_text else []
        return json.dumps(self._response([*text, *self._calls()], self._reason)).encode()

    def failure(self) -> bytes:
        """``{"error": {"code": ..., "message": ..., "status": ...}}``."""
        code = self.reply.status if self.reply.status != 200 else 503
        code = int(self.reply.error_code or code)
        message = self.reply.error or f"status {code}"
        status = STATUSES.get(code, "UNKNOWN")
        return json.dumps({"error": {"code": code, "message": message, "status": status}}).encode()

    def stream_failure(self) -> bytes:
        """The same, as an event."""
        return b"data: " + self.failure() + b"\r\n\r\n"


class GeminiServer(Server):
    """A scripted Gemini; give its ``url`` to ``ChatGoogleGenerativeAI(base_url=...)``."""

    chat_path = "/v1beta/models/gemini:generateContent"
    answer = GeminiAnswer

    def is_chat(self, path: str) -> bool:
        """The model and the kind of call stand in the path."""
        return _PATH.match(path.partition("?")[0]) is not None

    def asked(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The body with what the path says."""
        found = _PATH.match(path.partition("?")[0])
        assert found is not None
        return {**body, "model": found[1], "stream": found[2] == "streamGenerateContent"}

    def fixed(self, request: Request) -> Any:
        """Nothing else is served."""
        return None
