"""Translate Ollama's chat protocol to OpenAI's and back: pure functions between JSON objects."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from lc_asym_router.embedded.api_errors import BadRequest
from lc_asym_router.embedded.tool_text import (
    calls_in,
    may_become_calls,
    offered_names,
    readable,
)

DEFAULT_MAX_TOKENS = 512
"""Tokens to generate where the request sets no limit: a small model can ramble for minutes."""

_SAME_OPTIONS = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "seed",
    "stop",
    "repeat_penalty",
    "repeat_last_n",
    "presence_penalty",
    "frequency_penalty",
)
_ROLES = ("system", "user", "assistant", "tool")
_NANOSECONDS = {"prompt_eval_duration": "prompt_ms", "eval_duration": "predicted_ms"}


def to_openai(body: Mapping[str, Any]) -> dict[str, Any]:
    """Translate the body of ``POST /api/chat``.

    Args:
        body: Ollama's request. ``stream`` defaults to true; ``options.num_ctx`` and
            ``keep_alive`` are accepted and have no effect.

    Returns:
        A body for ``POST /v1/chat/completions`` with a limit on the tokens to generate.

    Raises:
        BadRequest: When the request is malformed or holds an image.
    """
    options = body.get("options") or {}
    if not isinstance(options, Mapping):
        raise BadRequest("options must be an object")
    if body.get("think"):
        raise BadRequest(f'"{body.get("model")}" does not support thinking')
    limit = options.get("num_predict")
    request: dict[str, Any] = {
        "model": body.get("model"),
        "messages": messages_to_openai(body.get("messages") or []),
        "stream": body.get("stream", True) is not False,
        "max_tokens": limit if isinstance(limit, int) and limit > 0 else DEFAULT_MAX_TOKENS,
    }
    request.update({name: options[name] for name in _SAME_OPTIONS if options.get(name) is not None})
    if request["stream"]:
        request["stream_options"] = {"include_usage": True}
    if body.get("tools"):
        offered_names(body["tools"])  # raises where they are malformed
        request["tools"] = body["tools"]
    if body.get("format"):
        request["response_format"] = format_to_openai(body["format"])
    if body.get("logprobs"):
        further = body.get("top_logprobs") or 0
        if not isinstance(further, int):
            raise BadRequest("top_logprobs must be a whole number")
        request["logprobs"] = True
        # llama.cpp gives the tokens' own logprobs only where it is asked for further ones.
        request["top_logprobs"] = max(1, further)
    return request


def format_to_openai(form: Any) -> dict[str, Any]:
    """Translate Ollama's ``format``, ``"json"`` or a JSON schema, to ``response_format``.

    Raises:
        BadRequest: When it is neither.
    """
    if form == "json":
        return {"type": "json_object"}
    if isinstance(form, Mapping):
        schema = {"name": "response", "strict": True, "schema": dict(form)}
        return {"type": "json_schema", "json_schema": schema}
    raise BadRequest('format must be "json" or a JSON schema')


def messages_to_openai(messages: Any) -> list[dict[str, Any]]:
    """Translate Ollama's messages.

    Ollama's tool calls and tool results need no ids, OpenAI's do: where they lack them, they
    are numbered, and each result takes the id of the oldest open call (of its tool, if named).

    Raises:
        BadRequest: When a message is malformed or holds an image.
    """
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        raise BadRequest("messages must be a list")
    translated: list[dict[str, Any]] = []
    pending: list[tuple[str, str]] = []  # (id, tool name) of calls that lack a result
    count = 0
    for message in messages:
        if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
            raise BadRequest(f"each message needs a role, one of {', '.join(_ROLES)}")
        if message.get("images"):
            raise BadRequest("this model takes text only; the request holds an image")
        content = message.get("content")
        if content is not None and not isinstance(content, str):
            raise BadRequest("the content of a message must be a string")
        entry: dict[str, Any] = {"role": message["role"], "content": content or ""}
        if message["role"] == "tool":
            entry["tool_call_id"] = _take(pending, message)
        elif message.get("tool_calls"):
            if not isinstance(message["tool_calls"], list):
                raise BadRequest("tool_calls must be a list")
            calls = [
                _call_to_openai(call, count + n) for n, call in enumerate(message["tool_calls"])
            ]
            count += len(calls)
            pending += [(call["id"], call["function"]["name"]) for call in calls]
            entry["tool_calls"] = calls
        translated.append(entry)
    return translated


def _take(pending: list[tuple[str, str]], message: Mapping[str, Any]) -> str:
    """Choose the id of the call that a tool message answers, and close that call."""
    wanted, tool = message.get("tool_call_id"), message.get("tool_name")
    for n, (call_id, name) in enumerate(pending):
        if call_id == wanted if wanted else (not tool or name == tool):
            return pending.pop(n)[0]
    return str(wanted or "call_unknown")


def _call_to_openai(call: Any, number: int) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise BadRequest("each tool call needs a function with a name")
    arguments = function.get("arguments") or {}
    return {
        "id": call.get("id") or f"call_{number}",
        "type": "function",
        "function": {
            "name": function["name"],
            "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
        },
    }


def call_to_ollama(name: str, arguments: str | Mapping[str, Any]) -> dict[str, Any]:
    """Make one of Ollama's tool calls, whose arguments are an object.

    Args:
        name: The tool.
        arguments: An object, or OpenAI's JSON string; a string that isn't the JSON of an
            object (the answer was cut off) is kept under ``"raw"`` rather than lost.
    """
    if isinstance(arguments, str):
        try:
            parsed = json.loads(arguments or "{}") if readable(arguments) else None
        except ValueError:
            parsed = None
        arguments = parsed if isinstance(parsed, dict) else {"raw": arguments}
    return {"function": {"name": name, "arguments": dict(arguments)}}


class Reply:
    """Translates llama.cpp's response to one request into Ollama's objects."""

    def __init__(self, body: Mapping[str, Any], *, began_ns: int, load_ns: int) -> None:
        """Remember what the answer has to repeat.

        Args:
            body: Ollama's request.
            began_ns: When it arrived, by `time.perf_counter_ns`.
            load_ns: How long it waited for the model, in ns.
        """
        self._model = body.get("model")
        self._offered = offered_names(body.get("tools"))
        self._began_ns = began_ns
        self._load_ns = load_ns
        self._buffered = ""
        self._holding = bool(self._offered)
        self._calls: dict[int, dict[str, str]] = {}
        self._finish: str | None = None
        self._usage: Mapping[str, Any] = {}
        self._timings: Mapping[str, Any] = {}

    def whole(self, response: Mapping[str, Any]) -> dict[str, Any]:
        """Translate an unstreamed chat completion."""
        choice = response["choices"][0]
        answer = choice["message"]
        message: dict[str, Any] = {"role": "assistant", "content": answer.get("content") or ""}
        calls = [
            call_to_ollama(call["function"]["name"], call["function"]["arguments"])
            for call in answer.get("tool_calls") or ()
        ]
        if not calls:
            calls = self._calls_in(message["content"])
            if calls:
                message["content"] = ""
        if calls:
            message["tool_calls"] = calls
        self._note(response, choice)
        return self._last(message, choice.get("logprobs"))

    def load_only(self) -> dict[str, Any]:
        """Answer a request without messages, which asks only to load the model."""
        message = {"role": "assistant", "content": ""}
        return {**self._frame(message), "done": True, "done_reason": "load"}

    def feed(self, chunk: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Translate one chunk of a stream; the last line comes from `finish`.

        Text that may turn out to be tool calls is buffered until that is certain.
        """
        choice: Mapping[str, Any] = next(iter(chunk.get("choices") or ()), {})
        self._note(chunk, choice)
        delta = choice.get("delta") or {}
        for call in delta.get("tool_calls") or ():
            into = self._calls.setdefault(call.get("index", 0), {"name": "", "arguments": ""})
            for key, piece in (call.get("function") or {}).items():
                if key in into and piece:
                    into[key] += piece
        text = delta.get("content") or ""
        if self._holding:
            self._buffered += text
            if may_become_calls(self._buffered):
                return []
            self._holding, text, self._buffered = False, self._buffered, ""
        return [self._piece({"content": text}, choice.get("logprobs"))] if text else []

    def finish(self) -> list[dict[str, Any]]:
        """Return the lines that end a stream: the buffered text, tool calls, the closing line."""
        calls = [
            call_to_ollama(call["name"], call["arguments"])
            for _, call in sorted(self._calls.items())
        ] or self._calls_in(self._buffered)
        lines = []
        if calls:
            lines.append(self._piece({"content": "", "tool_calls": calls}))
        elif self._buffered:
            lines.append(self._piece({"content": self._buffered}))
        self._buffered = ""
        return [*lines, self._last({"role": "assistant", "content": ""})]

    def _calls_in(self, text: str) -> list[dict[str, Any]]:
        if not self._offered:
            return []
        return [call_to_ollama(call.name, call.arguments) for call in calls_in(text, self._offered)]

    def _note(self, response: Mapping[str, Any], choice: Mapping[str, Any]) -> None:
        self._finish = choice.get("finish_reason") or self._finish
        self._usage = response.get("usage") or self._usage
        self._timings = response.get("timings") or self._timings

    def _frame(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return {"model": self._model, "created_at": timestamp(), "message": message}

    def _piece(self, message: Mapping[str, Any], logprobs: Any = None) -> dict[str, Any]:
        line = {**self._frame({"role": "assistant", **message}), "done": False}
        return {**line, **_logprobs(logprobs)}

    def _last(self, message: Mapping[str, Any], logprobs: Any = None) -> dict[str, Any]:
        counts: dict[str, Any] = {
            "total_duration": time.perf_counter_ns() - self._began_ns,
            "load_duration": self._load_ns,
            "prompt_eval_count": self._usage.get("prompt_tokens", 0),
            "eval_count": self._usage.get("completion_tokens", 0),
        }
        for name, source in _NANOSECONDS.items():
            counts[name] = int(self._timings.get(source, 0) * 1e6)
        reason = "length" if self._finish == "length" else "stop"
        done = {"done": True, "done_reason": reason}
        return {**self._frame(message), **_logprobs(logprobs), **done, **counts}


def _logprobs(logprobs: Any) -> dict[str, Any]:
    """Translate OpenAI's logprobs of a choice; Ollama has the same list one level up."""
    content = (logprobs or {}).get("content")
    return {"logprobs": content} if content else {}


def timestamp() -> str:
    """Return the present moment in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
