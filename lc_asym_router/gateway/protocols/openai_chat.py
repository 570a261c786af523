"""OpenAI's chat completions: `POST /v1/chat/completions`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    convert_to_messages,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import UsageMetadata

from lc_asym_router.gateway.http_errors import GatewayError, invalid, unsupported
from lc_asym_router.gateway.protocols import GatewayAnswer, Heading, ParsedRequest, event
from lc_asym_router.gateway.protocols.chat_values import (
    READ_PARTS,
    SERVED_PARTS,
    Parts,
    PassedValues,
)
from lc_asym_router.gateway.protocols.validation import validated

_PASSED = frozenset(
    {
        "temperature",
        "top_p",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "reasoning_effort",
        "logit_bias",
        "parallel_tool_calls",
        "user",
        "service_tier",
        "prompt_cache_key",
        "safety_identifier",
        "verbosity",
    }
)
"""Parameters that go to the tiers as they are; the record says which a tier does not have."""
_NOT_SERVED = {
    "n": "only n=1 is; ask several times.",
    "logprobs": "several models may be asked, whose probabilities don't compare.",
    "top_logprobs": "several models may be asked, whose probabilities don't compare.",
    "audio": "answers are text.",
    "modalities": "answers are text; leave it out, or send ['text'].",
    "functions": "send tools.",
    "function_call": "send tool_choice.",
    "store": "nothing is stored; leave it out, or send false.",
    "prediction": "leave it out.",
    "web_search_options": "leave it out.",
}
_KNOWN = (
    _PASSED
    | set(_NOT_SERVED)
    | {
        "messages",
        "model",
        "stream",
        "stream_options",
        "tools",
        "tool_choice",
        "response_format",
        "stop",
        "max_tokens",
        "max_completion_tokens",
        "metadata",
    }
)
_HARMLESS = {"n": (1,), "store": (False,), "logprobs": (False,), "modalities": (["text"],)}
"""Values that ask for nothing."""
_OF_MESSAGES = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "refusal"})
_ECHOED = frozenset({"annotations", "parsed", "router", "reasoning", "reasoning_content"})
"""What clients send back of an answer, and no model reads."""
_TYPES = {429: "rate_limit_error", 401: "authentication_error", 403: "permission_error"}


class OpenAIChat:
    """Reads and writes chat completions."""

    name = "openai-chat"
    path = "/v1/chat/completions"

    def parse(self, body: Mapping[str, Any]) -> ParsedRequest:
        """Read a request.

        Raises:
            GatewayError: Something in it is wrong, or not served; it is named.
        """
        given = {name: value for name, value in body.items() if value is not None}
        for name, value in given.items():
            if name not in _KNOWN:
                raise unsupported(name, "leave it out.")
            if name in _NOT_SERVED and not any(value == each for each in _HARMLESS.get(name, ())):
                raise unsupported(name, _NOT_SERVED[name])
        kwargs = {name: given[name] for name in _PASSED if name in given}
        limit = given.get("max_completion_tokens", given.get("max_tokens"))
        if given.get("max_tokens", limit) != limit:
            raise invalid("max_tokens", "the same as max_completion_tokens, or leave it out.")
        if limit is not None:
            if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
                raise invalid("max_completion_tokens", "a whole number of tokens from 1 on.")
            kwargs["max_tokens"] = limit
        if "stop" in given:
            kwargs["stop"] = _stop(given["stop"])
        if given.get("tools"):
            kwargs["tools"] = _tools(given["tools"])
            if "tool_choice" in given:
                kwargs["tool_choice"] = _tool_choice(given["tool_choice"], kwargs["tools"])
        elif given.get("tool_choice", "none") not in ("none", "auto"):
            raise invalid("tool_choice", "there are no tools to choose from.")
        form = given.get("response_format")
        if form is not None and (form := _response_format(form)):
            kwargs["response_format"] = form
        _check_values(kwargs)
        return ParsedRequest(
            messages=_messages(given.get("messages")),
            kwargs=kwargs,
            model=_text(given, "model", "auto"),
            stream=_flag(given, "stream"),
            include_usage=_include_usage(_object(given, "stream_options")),
            user=_text(given, "user", "") or None,
            metadata=_object(given, "metadata"),
            body=body,
        )

    def answer(self, parsed: ParsedRequest, answered: GatewayAnswer) -> dict[str, Any]:
        """The body of a whole answer."""
        choice = {
            "index": 0,
            "message": openai_message(answered.message),
            "logprobs": None,
            "finish_reason": answered.finish,
        }
        return {
            **_head(answered.heading, "chat.completion", answered.model),
            "choices": [choice],
            "usage": openai_usage(answered.message.usage_metadata),
            "router": answered.router,
        }

    def stream(self, parsed: ParsedRequest, heading: Heading) -> OpenAIChatStream:
        """What writes a streamed answer."""
        return OpenAIChatStream(heading, parsed.include_usage)

    def error(self, error: GatewayError) -> dict[str, Any]:
        """The body of an error."""
        kind = "server_error" if error.status >= 500 else "invalid_request_error"
        if error.code == "insufficient_quota":
            kind = "insufficient_quota"
        return {
            "error": {
                "message": error.message,
                "type": _TYPES.get(error.status, kind) if kind != "insufficient_quota" else kind,
                "param": error.param,
                "code": error.code,
            }
        }


class OpenAIChatStream:
    """Writes one streamed chat completion.

    Args:
        heading: What is known of it.
        include_usage: Whether a last chunk tells the usage.
    """

    def __init__(self, heading: Heading, include_usage: bool) -> None:
        self._heading = heading
        self._include_usage = include_usage
        # The same in each chunk: written once.
        head = _head(heading, "chat.completion.chunk", heading.model)
        self._start = f"{_json(head)[:-1]},"
        self._usage = {"usage": None} if include_usage else {}
        self._calls = 0

    def begin(self) -> bytes:
        """The chunk with the role."""
        return self._chunk({"role": "assistant", "content": ""})

    def chunk(self, chunk: AIMessageChunk) -> bytes:
        """A piece of text, or whole tool calls."""
        events = b""
        if text := chunk.text:
            events += self._chunk({"content": text})
        if refusal := chunk.additional_kwargs.get("refusal"):
            events += self._chunk({"refusal": refusal})
        if chunk.tool_calls:
            for call in openai_message(chunk)["tool_calls"]:
                events += self._chunk({"tool_calls": [{"index": self._calls, **call}]})
                self._calls += 1
        return events

    def end(self, answered: GatewayAnswer) -> bytes:
        """Why it ended, the usage where it was asked for, and what the router did."""
        usage = openai_usage(answered.message.usage_metadata)
        if not self._include_usage:
            events = self._chunk({}, answered.finish, router=answered.router)
        else:
            head = _head(self._heading, "chat.completion.chunk", answered.model)
            last = {**head, "choices": [], "usage": usage, "router": answered.router}
            events = self._chunk({}, answered.finish) + event(_json(last))
        return events + event("[DONE]")

    def error(self, error: GatewayError) -> bytes:
        """The stream breaks off."""
        return event(_json(OpenAIChat().error(error)))

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event(self._start + _json({"choices": [choice], **self._usage, **more})[1:])


def openai_message(message: AIMessage) -> dict[str, Any]:
    """An answer as OpenAI's message: text, refusal and tool calls; thinking is not in it."""
    text = message.text
    found: Any = {"role": "assistant", "content": text}
    if message.tool_calls:
        plain = AIMessage(text, tool_calls=message.tool_calls)
        found = convert_to_openai_messages(plain, text_format="string")
        found["content"] = text or None
    return {**found, "refusal": message.additional_kwargs.get("refusal")}


def openai_usage(usage: UsageMetadata | None) -> dict[str, Any] | None:
    """Token counts in OpenAI's form; `None` where the model has told none."""
    if usage is None:
        return None
    read = usage.get("input_token_details") or {}
    written = usage.get("output_token_details") or {}
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
        "prompt_tokens_details": {"cached_tokens": read.get("cache_read") or 0},
        "completion_tokens_details": {"reasoning_tokens": written.get("reasoning") or 0},
    }


def read_messages(given: Any, param: str = "messages") -> tuple[BaseMessage, ...]:
    """Read messages in any form that LangChain converts.

    Raises:
        GatewayError: They are none.
    """
    try:
        return tuple(convert_to_messages(given))
    except Exception as error:  # it raises many kinds, whose texts quote the messages
        raise invalid(param, f"they can't be read ({type(error).__name__}).") from None


def _messages(given: Any) -> tuple[BaseMessage, ...]:
    if not isinstance(given, list) or not given:
        raise invalid("messages", "a list of messages, with at least one from the user.")
    messages: list[BaseMessage] = []
    for n, each in enumerate(given):
        messages += read_messages([_message(each, f"messages[{n}]")], f"messages[{n}]")
    return tuple(messages)


def _message(given: Any, param: str) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not isinstance(given.get("role"), str):
        raise invalid(param, "an object with a role.")
    known = {name: value for name, value in given.items() if value is not None}
    if known["role"] == "function" or "function_call" in known:
        raise unsupported(f"{param}.function_call", "send tool_calls, and the role 'tool'.")
    for name in set(known) - _OF_MESSAGES:
        if name not in _ECHOED:
            raise unsupported(f"{param}.{name}", "leave it out.")
        del known[name]
    if isinstance(parts := known.get("content"), list):
        _check_parts(parts, param)
    return {"content": None, **known}


def _check_values(kwargs: Mapping[str, Any]) -> None:
    values = dict(kwargs)
    # Without their types, which an error's path would be without.
    if "tools" in values:
        values["tools"] = [{"function": tool["function"]} for tool in values["tools"]]
    if "response_format" in values:
        values["response_format"] = {"json_schema": values["response_format"].get("json_schema")}
    validated(PassedValues, values)


def _check_parts(parts: list[Any], param: str) -> None:
    for n, part in enumerate(parts):
        place = f"{param}.content[{n}]"
        if isinstance(part, str):
            continue
        if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            raise invalid(place, "an object with a type.")
        if part["type"] not in SERVED_PARTS:
            raise unsupported(f"{place}.type", f"{', '.join(sorted(SERVED_PARTS))} are.")
        if part["type"] in READ_PARTS:
            try:
                validated(Parts, {"content": [part]})
            except GatewayError as error:
                inner = str(error.param).removeprefix("content[0]")
                raise invalid(f"{place}{inner}", "of another type, or missing.") from None


def _tools(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list):
        raise invalid("tools", "a list of tools.")
    for place, each in enumerate(given):
        if not isinstance(each, Mapping):
            raise invalid(f"tools[{place}]", "an object.")
        if each.get("type") != "function":
            raise unsupported(f"tools[{place}].type", "only 'function' is.")
        function = each.get("function")
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise invalid(f"tools[{place}].function", "an object with a name.")
    return list(given)


def _tool_choice(given: Any, tools: list[dict[str, Any]]) -> str:
    if given in ("none", "auto"):
        return str(given)
    if given == "required":
        return "any"
    if isinstance(given, Mapping) and given.get("type") == "function":
        function = given.get("function")
        if isinstance(function, Mapping) and isinstance(name := function.get("name"), str):
            if all(name != tool["function"]["name"] for tool in tools):
                raise invalid("tool_choice.function.name", "the name of one of the tools.")
            return name
    raise unsupported("tool_choice", "'none', 'auto', 'required' and one function are.")


def _response_format(given: Any) -> dict[str, Any] | None:
    kind = given.get("type") if isinstance(given, Mapping) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return dict(given)
    if kind != "json_schema":
        raise unsupported("response_format", "types text, json_object and json_schema are.")
    schema = given.get("json_schema")
    if not isinstance(schema, Mapping) or not isinstance(schema.get("schema"), Mapping):
        raise invalid("response_format.json_schema", "an object with a name and a schema.")
    return dict(given)


def _stop(given: Any) -> list[str]:
    stops = [given] if isinstance(given, str) else given
    if not isinstance(stops, list) or not all(isinstance(each, str) for each in stops):
        raise invalid("stop", "a text, or a list of texts.")
    return stops


def _text(given: Mapping[str, Any], name: str, default: str) -> str:
    value = given.get(name, default)
    if not isinstance(value, str):
        raise invalid(name, "a text.")
    return value


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise invalid(name, "true or false.")
    return value


def _include_usage(options: Mapping[str, Any]) -> bool:
    for name, value in options.items():
        # None is added, which is what false asks for.
        if name != "include_usage" and not (name == "include_obfuscation" and value is not True):
            raise unsupported(f"stream_options.{name}", "include_usage is.")
    if not isinstance(options.get("include_usage"), bool | None):
        raise invalid("stream_options.include_usage", "true or false.")
    return bool(options.get("include_usage"))


def _object(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = given.get(name, {})
    if not isinstance(value, Mapping):
        raise invalid(name, "an object.")
    return value


def _head(heading: Heading, kind: str, model: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{heading.request_id}",
        "object": kind,
        "created": heading.created,
        "model": model,
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
