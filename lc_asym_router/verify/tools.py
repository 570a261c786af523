"""Are the answer's tool calls good?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from langchain_core.messages import AIMessage, ToolCall
from langchain_core.tools import BaseTool

from lc_asym_router._internal.schemas import (
    SchemaError,
    as_json_schema,
    conform,
    parse_json,
    validate_json,
)
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.request import ToolBinding
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check


class ValidToolCalls(Check):
    """Passes where each tool call names a bound tool and its arguments validate.

    It also fails a call that was written as text, a call that could not be parsed, and no call
    where `tool_choice` asked for one. A request without bound tools passes unless it makes a call.
    """

    vouches: ClassVar[str] = "form"

    def check(self, attempt: Attempt) -> Verdict:
        if attempt.request.schema:
            return Verdict(True)
        if fault := _fault(attempt.message, attempt.request.tools):
            return Verdict(False, reason=fault)
        return Verdict(True)


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
    if not message.tool_calls and _call_as_text(message.text, tools):
        return "it wrote a tool call as text instead of making it"
    return None


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
        return str(choice.get("function", {}).get("name") or choice.get("name") or "any")
    if choice in ("any", "required", True):
        return "any"
    if isinstance(choice, str) and choice not in ("auto", "none"):
        return choice
    return None


def _call_as_text(text: str, tools: Mapping[str, Any]) -> bool:
    try:
        data = parse_json(text)
    except SchemaError:
        return False
    calls = data if isinstance(data, list) else [data]
    return any(
        isinstance(call, Mapping)
        and (call.get("name") in tools or call.get("function") in tools)
        and ({"arguments", "parameters", "args"} & set(call))
        for call in calls
    )
