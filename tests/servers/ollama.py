"""Ollama's wire format: NDJSON on /api/chat, and /api/tags, /api/show, /api/version."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from .answers import Answer, deal, top_logprobs
from .base import Server
from .http import Request

DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "llama",
    "families": ["llama"],
    "parameter_size": "3.2B",
    "quantization_level": "Q4_K_M",
}


def now() -> str:
    """The time as Ollama writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class OllamaAnswer(Answer):
    """A reply as Ollama writes it."""

    stream_type = "application/x-ndjson"
    reports_usage = True

    @property
    def streamed(self) -> bool:
        """Ollama streams unless told not to."""
        return self.body.get("stream") is not False

    def _logprobs(self) -> list[dict[str, Any]] | None:
        if not self.body.get("logprobs") or self.reply.logprobs is None:
            return None
        tops = [dict(top) for top in self.reply.logprobs]
        return top_logprobs(tops, self.body.get("top_logprobs") or 0)

    def _line(self, message: dict[str, Any], **more: Any) -> bytes:
        record = {
            "model": self.model,
            "created_at": now(),
            "message": {"role": "assistant", "content": "", **message},
            "done": False,
            **more,
        }
        return json.dumps(record).encode() + b"\n"

    def _thinking(self) -> dict[str, Any]:
        if self.reply.reasoning is None or self.body.get("think") is False:
            return {}
        return {"thinking": self.reply.reasoning}

    def _calls(self) -> list[dict[str, Any]]:
        return [
            {
                "id": call.id or f"call_{at}",
                "function": {
                    "index": at,
                    "name": call.name,
                    "arguments": call.args if isinstance(call.args, str) else dict(call.args),
                },
            }
            for at, call in enumerate(self.reply.tool_calls)
        ]

    def pieces(self) -> list[bytes]:
        """The thinking, the chunks of the text, the tool calls: a line each."""
        parts = self.reply.parts
        dealt = deal(self._logprobs() or [], len(parts))
        lines = [self._line(thinking) for thinking in [self._thinking()] if thinking]
        for part, logprobs in zip(parts, dealt, strict=True):
            more = {"logprobs": logprobs} if logprobs else {}
            lines.append(self._line({"content": part}, **more))
        return lines + [self._line({"tool_calls": [call]}) for call in self._calls()]

    def _end(self) -> dict[str, Any]:
        finish = "stop" if self.reply.finish == "tool_calls" else self.reply.finish
        end: dict[str, Any] = {"done": True, "done_reason": finish}
        end |= {"total_duration": 3_000_000, "load_duration": 1_000_000}
        if self.reply.usage:
            tokens_in, tokens_out = self.reply.tokens
            end |= {"prompt_eval_count": tokens_in, "prompt_eval_duration": 1_000_000}
            end |= {"eval_count": tokens_out, "eval_duration": 1_000_000}
        return end

    def closing(self) -> bytes:
        """The line that says ``done: true``, with the counts."""
        return self._line({}, **self._end())

    def whole(self) -> bytes:
        """All in one object."""
        message: dict[str, Any] = {"content": self.reply.full_text, **self._thinking()}
        if self.reply.tool_calls:
            message["tool_calls"] = self._calls()
        logprobs = self._logprobs()
        more = {} if logprobs is None else {"logprobs": logprobs}
        return self._line(message, **more, **self._end())

    def failure(self) -> bytes:
        """``{"error": "text"}``."""
        text = self.reply.error or f"status {self.reply.status}"
        return json.dumps({"error": text}).encode()

    def stream_failure(self) -> bytes:
        """The same, as a line."""
        return self.failure() + b"\n"


class OllamaServer(Server):
    """A scripted Ollama; give its ``url`` to ``ChatOllama(base_url=...)``."""

    chat_path = "/api/chat"
    answer = OllamaAnswer

    def fixed(self, request: Request) -> Any:
        """Model list, model card, version."""
        if request.path == "/":
            return "Ollama is running"
        if request.path == "/api/version":
            return {"version": "0.12.6"}
        if request.path == "/api/tags":
            return {"models": [self._card(name) for name in self.models]}
        if request.path == "/api/show":
            wanted = json.loads(request.body or b"{}")
            if (wanted.get("model") or wanted.get("name")) not in self.models:
                return None
            return {
                "modelfile": "",
                "parameters": "",
                "template": "{{ .Prompt }}",
                "details": DETAILS,
                "model_info": {"general.architecture": "llama", "llama.context_length": 8192},
                "capabilities": ["completion", "tools"],
                "modified_at": now(),
            }
        return None

    def _card(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "model": name,
            "modified_at": now(),
            "size": 2_019_393_189,
            "digest": "a" * 64,
            "details": DETAILS,
        }
