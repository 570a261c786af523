"""Parse structured output from any tier's message, in the same way for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.utils.function_calling import convert_to_openai_tool

from lc_asym_router._internal.schemas import SchemaError, conform, parse_json, too_deep
from lc_asym_router.errors import UnreadableOutputError
from lc_asym_router.records.request import SchemaBinding
from lc_asym_router.tiers.model_text import json_candidates


def structured(message: AIMessage, binding: SchemaBinding) -> Any:
    """Return the structured output in a message: a tool call's arguments, or its text as JSON.

    Tiers use their own best method (a tool call, a JSON mode, a grammar), so the answer's form is
    not known beforehand.

    Returns:
        An instance for a pydantic class, a dict for a TypedDict or a JSON schema.

    Raises:
        SchemaError: There is none, or it does not validate.
    """
    if message.tool_calls:
        name = convert_to_openai_tool(binding.schema)["function"]["name"]
        for call in message.tool_calls:
            if call["name"] == name:
                return conform(call["args"], binding.schema)
        raise SchemaError("it called another tool than the schema's")
    return _read(message.text, binding.schema)


def _read(text: str, schema: Any) -> Any:
    """The first JSON in a text that fits a schema: the whole, or what stands in fences or in prose.

    Raises:
        SchemaError: None fits.
    """
    try:
        data = parse_json(text)
    except SchemaError as error:
        if too_deep(text):
            raise
        fault = error
    else:
        return conform(data, schema)
    for place, candidate in enumerate(json_candidates(text)):
        try:
            return conform(candidate, schema)
        except SchemaError as error:
            fault = error if place == 0 else fault
    raise fault


def with_parser(
    model: Runnable[Any, AIMessage],
    binding: SchemaBinding,
    include_raw: bool,
    unreadable: Callable[[UnreadableOutputError, RunnableConfig], None],
) -> Runnable[Any, Any]:
    """A model and the parser of its structured output behind it.

    Args:
        include_raw: Put out `{"raw", "parsed", "parsing_error"}` and raise nothing.
        unreadable: Called where the output can't be read, with the config of the parser's run.
    """

    def parse(message: AIMessage, config: RunnableConfig) -> Any:
        try:
            return structured(message, binding)
        except SchemaError as fault:
            error = UnreadableOutputError(str(fault), message)
            unreadable(error, config)
            raise error from None

    def both(message: AIMessage, config: RunnableConfig) -> dict[str, Any]:
        try:
            return {"raw": message, "parsed": parse(message, config), "parsing_error": None}
        except UnreadableOutputError as error:
            return {"raw": message, "parsed": None, "parsing_error": error}

    return model | RunnableLambda(both if include_raw else parse, name="StructuredOutput")
