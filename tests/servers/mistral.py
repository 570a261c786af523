"""Mistral's wire format: JSON and SSE on /v1/chat/completions, strict about what it is sent."""

from __future__ import annotations

import json
import re
from typing import Any

from .openai import OpenAIAnswer, OpenAIServer
from .reply import Reply

FIELDS = frozenset(
    {
        "frequency_penalty",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_mode",
        "random_seed",
        "reasoning_effort",
        "response_format",
        "safe_prompt",
        "stop",
        "stream",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
    }
)
"""What a request may say; anything else is a 422."""
KINDS = {
    400: ("invalid_request_error", "3000"),
    422: ("invalid_request_error", None),
    429: ("service_tier_capacity_exceeded", "3505"),
}
_CALL_ID = re.compile(r"[a-zA-Z0-9]{9}")


class MistralAnswer(OpenAIAnswer):
    """A reply as Mistral writes it; `reasoning` is a chunk of type `thinking` before the text.

    Tool calls have ids of nine characters and come whole, usage comes without being asked for.
    """

    @property
    def reports_usage(self) -> bool:
        """Always."""
        return True

    def _calls(self) -> list[dict[str, Any]]:
        calls = super()._calls()
        for at, call in enumerate(calls):
            call["id"] = self.reply.tool_calls[at].id or f"{at:0>9}"
            del call["type"]
        return calls

    def _thinking(self) -> list[dict[str, Any]]:
        if self.reply.reasoning is None:
            return []
        said = [{"type": "text", "text": self.reply.reasoning}]
        return [{"type": "thinking", "thinking": said, "closed": True}]

    def _delta(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        head = self._object("chat.completion.chunk", choices=[choice], **more)
        return self._event({key: head[key] for key in head if key != "system_fingerprint"})

    def opening(self) -> bytes:
        """The chunk that tells the role."""
        return self._delta({"role": "assistant", "content": ""})

    def pieces(self) -> list[bytes]:
        """The thinking, the chunks of the text, one piece a tool call."""
        events = [self._delta({"content": [each]}) for each in self._thinking()]
        events += [self._delta({"content": part}) for part in self.reply.parts]
        for at, call in enumerate(self._calls()):
            events.append(self._delta({"content": "", "tool_calls": [{**call, "index": at}]}))
        return events

    def closing(self) -> bytes:
        """The finish reason with the usage, and ``[DONE]``."""
        usage = {"usage": self._usage} if self.reply.usage else {}
        return self._delta({"content": ""}, self._finish, **usage) + b"data: [DONE]\n\n"

    def whole(self) -> bytes:
        """All in one object."""
        content: Any = self.reply.full_text
        if thinking := self._thinking():
            content = [*thinking, {"type": "text", "text": content}]
        calls = self._calls() or None
        message = {"role": "assistant", "tool_calls": calls, "content": content}
        choice = {"index": 0, "finish_reason": self._finish, "message": message}
        usage = {"usage": self._usage} if self.reply.usage else {}
        return json.dumps(self._object("chat.completion", choices=[choice], **usage)).encode()

    def failure(self) -> bytes:
        """``{"object": "error", "message": "text", ...}``."""
        kind, code = KINDS.get(self.reply.status, ("internal_server_error", None))
        named = self.reply.error_code
        error = {
            "object": "error",
            "message": self.reply.error or f"status {self.reply.status}",
            "type": named or kind,
            "param": None,
            "code": code,
        }
        return json.dumps(error).encode()


class MistralServer(OpenAIServer):
    """A scripted Mistral; give its ``base_url`` to ``ChatMistralAI(endpoint=..., api_key='x')``."""

    answer = MistralAnswer

    def checked(self, body: dict[str, Any]) -> Reply | None:
        """The refusal of a request that Mistral would not take."""
        if unknown := sorted(set(body) - FIELDS):
            fault = {"type": "extra_forbidden", "loc": ["body", unknown[0]], "input": None}
            fault["msg"] = "Extra inputs are not permitted"
            return Reply(status=422, body=json.dumps({"detail": [fault]}).encode())
        said = _misplaced(body.get("messages") or [])
        return said and Reply(status=400, error=said, error_code="invalid_request_message_order")


def _misplaced(messages: list[dict[str, Any]]) -> str | None:
    for at, message in enumerate(messages):
        role = message["role"]
        if role == "system" and at and messages[at - 1]["role"] != "system":
            return f"Unexpected role 'system' after role '{messages[at - 1]['role']}'"
        if role == "assistant" and not (message.get("content") or message.get("tool_calls")):
            return "Assistant message must have either content or tool_calls, but not none."
        ids = [call.get("id") for call in message.get("tool_calls") or []]
        ids += [message.get("tool_call_id")] if role == "tool" else []
        if any(not _CALL_ID.fullmatch(str(each)) for each in ids):
            return "Tool call id was wrong: must be a-z, A-Z, 0-9, with a length of 9."
        if isinstance(message.get("content"), list):
            kinds = {block["type"] for block in message["content"]}
            if strange := sorted(kinds - BLOCKS):
                return f"Unknown content chunk: {strange[0]}"
    last = messages[-1] if messages else {"role": "none"}
    if last["role"] not in ("user", "tool") and not last.get("prefix"):
        return f"Expected last role User or Tool for serving but got {last['role']}"
    return None


BLOCKS = frozenset(
    {"text", "thinking", "reference", "image_url", "document_url", "input_audio", "file"}
)
