"""Checks of form, and of the sums in an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from langchain_core.messages import AIMessage, ToolCall
from langchain_core.tools import BaseTool

from lc_asym_router._internal.schemas import (
    SchemaError,
    as_json_schema,
    conform,
    could_be_json,
    parse_json,
    validate_json,
)
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.bindings import ToolBinding
from lc_asym_router.records.request import has_answer
from lc_asym_router.tiers.binding import structured
from lc_asym_router.tiers.model_text import (
    read_calls,
    thinking_is_complete,
    tools_of,
)
from lc_asym_router.tiers.model_text.thinking import THINKING_SIGNS
from lc_asym_router.tiers.provider import (
    LENGTH_REASONS,
    UNFINISHED,
    ends_unmarked,
    finish_reason,
    lost_call,
)
from lc_asym_router.verify.attempt import PASSED, TOO_LONG, Attempt, Prefix, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.working import statements, wrong


class NotEmpty(Check):
    """Passes if the answer has any text, block or tool call besides thinking."""

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def check(self, attempt: Attempt) -> Verdict:
        message = attempt.message
        if message.tool_calls or message.invalid_tool_calls or has_answer(message):
            return PASSED
        return Verdict(False, reason="the answer is empty")


class CutOff(Check):
    """Passes if the answer was not cut off, at a token limit or by a lost connection.

    ChatOllama and ChatOpenAI silently accept a stream that ends without its end marker; the missing
    finish reason is the only sign.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def check(self, attempt: Attempt) -> Verdict:
        text = attempt.text
        thinks = THINKING_SIGNS.search(text) is not None
        if thinks and not thinking_is_complete(attempt.message):
            return Verdict(False, reason="the answer was cut off in its thinking")
        reason = finish_reason(attempt.message)
        if reason in LENGTH_REASONS:
            return Verdict(False, reason="the answer was cut off at the token limit")
        if reason in UNFINISHED:
            return Verdict(False, reason=f"the answer is not finished ({reason})")
        if lost_call(attempt.message):
            return Verdict(False, reason="the answer ends as a tool call does, and holds none")
        if ends_unmarked(attempt.message, attempt.provider):
            return Verdict(False, reason="the answer has no end mark: its stream was cut off")
        return PASSED


class ParsesAsJSON(Check):
    """Passes if the answer's text is JSON, with or without a code fence around it."""

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def check(self, attempt: Attempt) -> Verdict:
        try:
            parse_json(attempt.text)
        except SchemaError as error:
            return Verdict(False, reason=f"the answer is not as asked: {error}")
        return PASSED

    def early(self, prefix: Prefix) -> Verdict | None:
        return _not_json(prefix)


class MatchesSchema(Check):
    """Passes if the answer's text is JSON that validates against a schema.

    Args:
        schema: A pydantic class, a TypedDict, or a JSON schema.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def __init__(self, schema: Any) -> None:
        self.schema = schema

    def check(self, attempt: Attempt) -> Verdict:
        try:
            conform(parse_json(attempt.text), self.schema)
        except SchemaError as error:
            return Verdict(False, reason=f"the answer does not fit the schema: {error}")
        return PASSED

    def early(self, prefix: Prefix) -> Verdict | None:
        return _not_json(prefix)


class ValidStructure(Check):
    """Passes if the output of `with_structured_output`, or of a `response_format`, validates.

    A request that asks for neither passes; so do tool calls before an agent's final answer.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def check(self, attempt: Attempt) -> Verdict:
        request = attempt.request
        try:
            if request.schema:
                structured(attempt.message, request.schema)
            elif request.response_schema and not attempt.message.tool_calls:
                conform(parse_json(attempt.text), request.response_schema)
        except SchemaError as error:
            return Verdict(False, reason=f"the structured output does not validate: {error}")
        return PASSED


def _not_json(prefix: Prefix) -> Verdict | None:
    # What stands behind thinking is not known before it has come.
    if could_be_json(prefix.text) or THINKING_SIGNS.match(prefix.text.lstrip()):
        return None
    return Verdict(False, reason="the answer begins as no JSON can")


# tool calls ----------------------------------------------------------------------------------


class ValidToolCalls(Check):
    """Passes if each tool call names a bound tool and its arguments validate.

    It also fails a call written as text, a call that can't be parsed, and an answer without a call
    where `tool_choice` requires one. A request without bound tools passes unless the answer has a
    call.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def check(self, attempt: Attempt) -> Verdict:
        if attempt.request.schema:
            return PASSED
        if fault := _fault(attempt.message, attempt.request.tools):
            return Verdict(False, reason=fault)
        return PASSED


def _fault(message: AIMessage, binding: ToolBinding | None) -> str | None:
    if message.invalid_tool_calls:
        return "a tool call's arguments are no JSON object"
    if binding is None:
        return "it called a tool, and none is bound" if message.tool_calls else None
    tools = tools_by_name(binding)
    for call in message.tool_calls:
        if call["name"] not in tools:
            return f"it called a tool that is not bound (bound: {', '.join(sorted(tools))})"
        if fault := _argument_fault(call, tools[call["name"]]):
            return fault
    choice = _choice(binding)
    if choice and not message.tool_calls:
        return "it called no tool, and tool_choice asks for one"
    if choice in tools and any(call["name"] != choice for call in message.tool_calls):
        return f"it called another tool than {choice}, which tool_choice asks for"
    if message.tool_calls:
        return None
    written = read_calls(message.text, tools_of(binding.openai_tools))
    if written.broken:
        return f"it wrote a tool call as text, and that is broken: {written.broken}"
    return "it wrote a tool call as text instead of making it" if written.calls else None


def tools_by_name(binding: ToolBinding) -> dict[str, Any]:
    """The bound tools, unconverted, by the name under which a model calls them."""
    return {
        converted["function"]["name"]: tool
        for tool, converted in zip(binding.tools, binding.openai_tools, strict=True)
        if "function" in converted
    }


def _argument_fault(call: ToolCall, tool: Any) -> str | None:
    schema = tool.tool_call_schema if isinstance(tool, BaseTool) else tool
    try:
        if isinstance(schema, Mapping) and isinstance(tool, BaseTool):
            validate_json(call["args"], schema)
        elif callable(schema) and not isinstance(schema, type):
            validate_json(call["args"], as_json_schema(schema))
        else:
            conform(call["args"], schema)
    except SchemaError as error:
        return f"the arguments for {call['name']} don't validate: {error}"
    except ConfigurationError as error:
        # Without a validator the call can't be vouched for, so it does not pass.
        return f"the arguments for {call['name']} can't be validated: {error}"
    return None


def _choice(binding: ToolBinding) -> str | None:
    """The tool that `tool_choice` asks for, "any" for any; `None` where it asks for none."""
    choice = binding.kwargs.get("tool_choice")
    if isinstance(choice, Mapping):
        function = choice.get("function")
        name = function.get("name") if isinstance(function, Mapping) else None
        return str(name or choice.get("name") or "any")
    if choice in ("any", "required", True):
        return "any"
    if isinstance(choice, str) and choice not in ("auto", "none"):
        return choice
    return None


LONGEST = 200_000
"""Characters of an answer, and of a question, that are looked at."""

MOST = 2_000
"""Sums that are worked out."""

_CODE = re.compile(r"```(?!json).*?(?:```|\Z)", re.DOTALL)


class Arithmetic(Check):
    """Passes if no calculation in the answer is false (as "17 * 23 = 411" is).

    An answer without calculations passes. Rounding is allowed; code blocks, and calculations that are
    in the request itself, are ignored. A small model that gets a step wrong seldom gets the rest right:
    `make bench-routing` says what share of answers it escalates and how much of the gain that keeps.
    It calls no model. An answer of more than `LONGEST` characters, or `MOST` calculations, fails: it
    is too long to check.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def check(self, attempt: Attempt) -> Verdict:
        text = attempt.text
        if "=" not in text:
            return PASSED
        if len(text) > LONGEST:
            return Verdict(False, reason=TOO_LONG)
        # What is only said to be near can't be false.
        text = _CODE.sub(" ", text).replace("≈", " about ")
        stated = statements(text, MOST)
        if not stated:
            return PASSED
        given = set(statements(attempt.request.turn_text[:LONGEST], MOST))
        made = [sum_ for sum_ in stated if sum_ not in given]
        false = sum(wrong(*sum_) for sum_ in made)
        if false:
            return Verdict(False, reason=f"{false} of {len(made)} sums in the answer are false")
        if len(stated) == MOST:
            return Verdict(False, reason=TOO_LONG)
        return PASSED
