"""What a server said in place of an answer, where its client throws that away.

An error under HTTP 200 comes out of several clients as a `KeyError` or an empty stream. So parts of
each body are kept while a call runs, and are looked at where the call has failed.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call
from pydantic import ValidationError

from lc_asym_router._internal.compat import hook_google_replies, http_clients
from lc_asym_router._internal.provider_errors import ResponseBodyError, message_in, status_of
from lc_asym_router.errors import AttemptTimeoutError
from lc_asym_router.money.usage import MOST_TOKENS

KEPT = 16_384
"""Bytes that are kept of a body's beginning, and of its end."""

CHARACTERS_PER_TOKEN = 4
"""As LangChain's own estimate has it."""

_ANSWERS = frozenset({"choices", "candidates", "content", "output", "delta", "done"})
"""Keys of an answer in one of the wire formats."""


class ResponseBody:
    """The beginning and the end of what the server sent in one call."""

    def __init__(self) -> None:
        self._begin, self._end, self._size = b"", b"", 0
        self._came = False

    @contextmanager
    def kept(self, model: BaseChatModel, *, is_async: bool = False) -> Iterator[None]:
        """Keep what comes to a call that is made in this block.

        Args:
            model: Who is called.
            is_async: Whether by its async client.
        """
        _hook(model, is_async)
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def begin(self) -> None:
        """Another response has come: the one before was tried again, or redirected."""
        self._begin, self._end, self._size = b"", b"", 0
        self._came = True

    def add(self, part: bytes) -> None:
        """Keep a part of the body."""
        if self._size < KEPT:
            self._begin += part[: KEPT - self._size]
        self._end = (self._end + part)[-KEPT:]
        self._size += len(part)

    def received(self) -> AIMessage | None:
        """The part of an answer that has come, for an estimate of what it used; `None` for none.

        Read from a body that may be cut off or damaged anywhere: its text from the beginning, which
        stands for the whole of a long one, and its counts from the end.
        """
        text = "".join(map(_plain, _TEXT.findall(self._begin.decode("utf-8", "replace"))))
        end = self._end.decode("utf-8", "replace")
        came, went = (_last(pattern, end) for pattern in _COUNTS)
        if not text and not went:
            return None
        if not went and self._size > KEPT:
            went = len(text) * self._size // (KEPT * CHARACTERS_PER_TOKEN)
        went = min(went, MOST_TOKENS)
        usage = UsageMetadata(input_tokens=came, output_tokens=went, total_tokens=came + went)
        return AIMessage(text, usage_metadata=usage)

    def cause(self, error: Exception) -> Exception:
        """What a call has failed of: the error in the body where the exception says nothing of it."""
        if isinstance(error, AttemptTimeoutError) or status_of(error) is not None:
            return error
        found = error_in(self._end.decode("utf-8", "replace"))
        if found is None and self._came and _misread(error):
            said = f"what the server sent is no answer ({type(error).__name__} in its client)"
            found = {"message": said}
        if found is None:
            return error
        told = ResponseBodyError(found)
        told.__cause__ = error
        return told


def misread_call(error: Exception) -> AIMessage | None:
    """The answer of a model whose client could not read the arguments of its tool calls, because they
    are JSON but no object; `None` for any other error.

    Clients raise there, but keep a call whose arguments are no JSON at all as an invalid one. Both are
    faults of the model, not of its server.
    """
    if not isinstance(error, ValidationError):
        return None
    calls = []
    for fault in error.errors(include_url=False, include_context=False):
        if "tool_calls" not in fault["loc"] or fault["loc"][-1] not in ("args", "arguments"):
            return None
        given = fault["input"]
        try:
            args = given if isinstance(given, str) else json.dumps(given)
        except (ValueError, TypeError, RecursionError):
            args = ""
        calls.append(invalid_tool_call(args=args, error="its arguments are no JSON object"))
    return AIMessage(
        "", invalid_tool_calls=calls, response_metadata={"finish_reason": "tool_calls"}
    )


def _misread(error: Exception) -> bool:
    """Whether a client stumbled over what a server sent."""
    if isinstance(error, TypeError | KeyError | AttributeError | IndexError | ValidationError):
        return True
    return isinstance(error, ValueError) and str(error) == "No generation chunks were returned"


def error_in(text: str) -> Mapping[str, Any] | None:
    """The error in a body, or in the last event or line of a stream that is one; `None` for none.

    Returns:
        Its object: `message` and, as far as they are given, `code`, `type` and `status`.
    """
    try:
        return _error_of(json.loads(text))
    except (ValueError, RecursionError):
        pass
    for line in reversed(text.splitlines()):
        data = line.strip().removeprefix("data:").lstrip()
        if data.startswith(("{", "[")):
            try:
                found = _error_of(json.loads(data))
            except (ValueError, RecursionError):
                continue
            if found is not None:
                return found
    return None


def _error_of(given: Any) -> Mapping[str, Any] | None:
    value = given
    if isinstance(value, list) and value:
        # Gemini's streams are lists where no events are asked for.
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    found: Mapping[str, Any] = value
    response = found.get("response")
    if isinstance(response, Mapping) and response.get("error"):
        found = response
    error = found.get("error")
    if isinstance(error, Mapping) and error:
        return error
    if isinstance(error, str) and error:
        return {**found, "message": found.get("message") or error}
    if found.get("object") == "error" or found.get("type") == "error":
        return {**found, "message": message_in(found)}
    if not _ANSWERS & found.keys() and (said := message_in(found)):
        return {**found, "message": said}
    return None


_TEXT = re.compile(
    r'"(?:content|text|thinking|reasoning_content|reasoning|arguments|partial_json)"'
    r'[ \t\r\n]{0,9}:[ \t\r\n]{0,9}"((?:[^"\\]|\\.)*+)',
    re.S,
)
"""What a model wrote, in one of the wire formats; the last may have no end."""
_COUNTS = (
    re.compile(
        r'"(?:prompt_tokens|input_tokens|prompt_eval_count|promptTokenCount)" ?: ?(\d{1,18})'
    ),
    re.compile(
        r'"(?:completion_tokens|output_tokens|eval_count|candidatesTokenCount)" ?: ?(\d{1,18})'
    ),
)
"""The counts of input and output tokens, likewise."""


def _plain(escaped: str) -> str:
    """A JSON string's text; as it stands where it is cut off in an escape."""
    try:
        return str(json.loads(f'"{escaped}"', strict=False))
    except ValueError:
        return escaped


def _last(pattern: re.Pattern[str], body: str) -> int:
    found = pattern.findall(body)
    return min(int(found[-1]), MOST_TOKENS) if found else 0


_current: ContextVar[ResponseBody | None] = ContextVar("lc_asym_router_body", default=None)
_hooking = threading.Lock()


def _hook(model: BaseChatModel, is_async: bool) -> None:
    """Hang the hook on the model's HTTP client, once; it does nothing outside a call of a router."""
    hook: Callable[[Any], Any] = _akeep if is_async else _keep
    for client in http_clients(model, is_async=is_async):
        hooks = getattr(client, "event_hooks", None)
        if isinstance(hooks, dict) and hook not in hooks["response"]:
            with _hooking:
                if hook not in hooks["response"]:
                    hooks["response"].append(hook)
    if is_async:
        hook_google_replies(model, _begin)


def _begin() -> Callable[[bytes], None] | None:
    """What takes the parts of a reply that has come to the current call; `None` outside of one."""
    body = _current.get()
    if body is None:
        return None
    body.begin()
    return body.add


def _keep(response: Any) -> None:
    """Keep the body as it is read: nothing is read here, and nothing twice."""
    body = _current.get()
    if body is None or response.status_code >= 400:
        return
    body.begin()
    read = response.iter_bytes

    def iter_bytes(*args: Any, **kwargs: Any) -> Iterator[bytes]:
        again = response.is_stream_consumed
        for part in read(*args, **kwargs):
            if not again:
                body.add(part)
            yield part

    response.iter_bytes = iter_bytes


async def _akeep(response: Any) -> None:
    """The async twin of `_keep`."""
    body = _current.get()
    if body is None or response.status_code >= 400:
        return
    body.begin()
    read = response.aiter_bytes

    async def aiter_bytes(*args: Any, **kwargs: Any) -> AsyncIterator[bytes]:
        again = response.is_stream_consumed
        async for part in read(*args, **kwargs):
            if not again:
                body.add(part)
            yield part

    response.aiter_bytes = aiter_bytes
