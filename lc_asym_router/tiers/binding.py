"""What a tier's model is given in its own dialect, and structured output read back from it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableConfig,
    RunnableLambda,
    RunnableSequence,
)
from langchain_core.utils.function_calling import convert_to_openai_tool

from lc_asym_router._internal.compat import openai_response_format
from lc_asym_router._internal.schemas import SchemaError, conform, parse_json, too_deep
from lc_asym_router.errors import UnreadableOutputError
from lc_asym_router.records.bindings import SchemaBinding, ToolBinding
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.model_text import (
    json_candidates,
    repair_tool_calls,
    separate_thinking,
    thinking_is_complete,
    tools_of,
)
from lc_asym_router.tiers.model_text.thinking import THINKING_SIGNS
from lc_asym_router.tiers.providers.openai import TRANSPORT, responses_api
from lc_asym_router.tiers.providers.parameters import BOUND_WITH_TOOLS, settings, translated
from lc_asym_router.tiers.providers.registry import provider_of


class ReadReply(NamedTuple):
    """A model's whole reply, read.

    Attributes:
        message: The reply, its thinking set apart and its tool calls made; itself where there is
            nothing to change.
        repaired: Whether it wrote tool calls as text.
        thought: Whether its text had thinking in it that came to an end.
    """

    message: AIMessage
    repaired: bool = False
    thought: bool = False


def read_reply(message: AIMessage, request: Request, repairs: bool = True) -> ReadReply:
    """Set apart what a model has thought aloud, and make the tool calls that it has written as text.

    Args:
        message: The whole reply.
        request: What was asked, with its tools.
        repairs: Whether calls that are written as text become real ones.
    """
    thinks = THINKING_SIGNS.search(str(message.text)) is not None
    tools, read = request.tools, message
    whole = not thinks or thinking_is_complete(message)
    if thinks and whole:
        read = separate_thinking(message)
    if repairs and tools and tools.may_be_called and not request.schema:
        # Thinking that is not closed may end in a call, so that is looked for first.
        found = repair_tool_calls(read, tools_of(tools.openai_tools))
        if found.calls:
            return ReadReply(found.message, True, thinks and whole)
    return ReadReply(read if whole else separate_thinking(message), False, thinks and whole)


def structured(message: AIMessage, binding: SchemaBinding) -> Any:
    """Return the structured output in a message: a tool call's arguments, or its text as JSON.

    Tiers use their own best method (a tool call, a JSON mode, a grammar), so the answer's form is
    not known beforehand.

    Returns:
        An instance for a pydantic class, a dict for a TypedDict or a JSON schema.

    Raises:
        SchemaError: There is none, or it does not validate.
    """
    tool = convert_to_openai_tool(binding.schema)["function"]
    name = tool["name"]
    if message.tool_calls:
        for call in message.tool_calls:
            if call["name"] == name:
                return conform(call["args"], binding.schema)
        raise SchemaError("it called another tool than the schema's")
    fields = (tool.get("parameters") or {}).get("properties") or {}
    return _read(message.text, binding.schema, name, fields)


_ARGUMENTS = ("arguments", "parameters", "args")


def _unwrapped(data: Any, name: str, fields: Mapping[str, Any]) -> Any:
    """What a call of the schema's tool that was written as text holds; other data as they are."""
    if isinstance(data, list) and len(data) == 1:
        inner = _unwrapped(data[0], name, fields)
        return data if inner is data[0] else inner
    if not isinstance(data, Mapping):
        return data
    function = data.get("function")
    call = function if isinstance(function, Mapping) else data
    key = next((each for each in _ARGUMENTS if each in call and each not in fields), None)
    if key is not None and call.get("name") == name:
        given = call[key]
        return parse_json(given) if isinstance(given, str) else given
    if set(data) == {name} and name not in fields and isinstance(data[name], Mapping):
        return data[name]
    return data


def _read(text: str, schema: Any, name: str, fields: Mapping[str, Any]) -> Any:
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
        return conform(_unwrapped(data, name, fields), schema)
    for place, candidate in enumerate(json_candidates(text)):
        try:
            return conform(_unwrapped(candidate, name, fields), schema)
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


def bind(model: BaseChatModel, request: Request) -> Runnable[Any, AIMessage]:
    """Bind the request's tools, schema and other arguments to the model.

    Tools and schemas are converted here, by the model's own `bind_tools` and
    `with_structured_output`, and nowhere earlier. The schema's parser is removed: the model returns
    the raw message, which `structured` parses in the same way for every tier.
    """
    bound: Runnable[Any, Any] = model
    rest, _ = translated(model, wanted(request))
    if request.schema:
        method = model.with_structured_output
        chain = method(request.schema.schema, **_taken(method, request.schema.kwargs))
        bound = _unparsed(chain.first if isinstance(chain, RunnableSequence) else chain)
    elif request.tools and _may_call(model, request.tools):
        bound = model.bind_tools(list(request.tools.tools), **_with_tools(model, request.tools))
        rest = _beside_tools(model, rest)
    if rest:
        bound = bound.bind(**rest)
    return cast("Runnable[Any, AIMessage]", bound)


def bind_again(
    model: BaseChatModel, request: Request, temperature: float, seed: int
) -> Runnable[Any, AIMessage]:
    """Bind a request for a further sample, with another temperature and seed."""
    kwargs = {key: value for key, value in request.kwargs.items() if key != "temperature"}
    if isinstance(given := kwargs.get("seed"), int):
        kwargs["seed"] = given + seed
    return bind(resampled(model, temperature, seed), replace(request, kwargs=kwargs))


def wanted(request: Request) -> dict[str, Any]:
    """Return the call parameters of a request, including those given with its tools."""
    beside = request.tools.kwargs if request.tools else {}
    along = {
        key: value
        for key, value in beside.items()
        if key not in BOUND_WITH_TOOLS or (key == "response_format" and _is_mode(value))
    }
    return {**along, **request.kwargs}


def dropped_parameters(model: BaseChatModel, request: Request) -> tuple[str, ...]:
    """Return the names of the request's parameters that the provider or the model does not accept."""
    return translated(model, wanted(request))[1]


def _may_call(model: BaseChatModel, tools: ToolBinding) -> bool:
    """Whether tools are to be bound: where a provider can't be told to call none, they are not."""
    return provider_of(model).keeps_tool_choice_none or tools.may_be_called


def _with_tools(model: BaseChatModel, tools: ToolBinding) -> dict[str, Any]:
    """What goes to the model's `bind_tools` beside the tools."""
    beside = {key: value for key, value in tools.kwargs.items() if key in BOUND_WITH_TOOLS}
    asked, provider = beside.pop("response_format", None), provider_of(model)
    if asked is not None and not _is_mode(asked):
        beside |= provider.arranged(model, {"response_format": asked})
    if beside.get("tool_choice") in ("none", "required") and provider.name == "anthropic":
        # ChatAnthropic takes any other word than "auto" and "any" for a tool's name.
        beside["tool_choice"] = {"type": {"none": "none", "required": "any"}[beside["tool_choice"]]}
    return _taken(model.bind_tools, beside)


def _beside_tools(model: BaseChatModel, rest: dict[str, Any]) -> dict[str, Any]:
    """The call's parameters, with a wish for JSON of any shape past OpenAI's own parser.

    Its client parses wherever there is a `response_format`, and refuses tools that are not strict.
    """
    parses = provider_of(model).own >= TRANSPORT and not responses_api(model, {})
    if not parses or not _is_mode(rest.get("response_format")):
        return rest
    rest = dict(rest)
    body = {**(getattr(model, "extra_body", None) or {}), **(rest.get("extra_body") or {})}
    body["response_format"] = rest.pop("response_format")
    return {**rest, "extra_body": body}


def _is_mode(response_format: Any) -> bool:
    """Whether it asks for JSON of any shape, which `bind_tools` takes for a broken schema."""
    return isinstance(response_format, Mapping) and response_format.get("type") != "json_schema"


def _unparsed(bound: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """The same, with OpenAI's `response_format` as the JSON that goes on the wire.

    Given a class, OpenAI's client parses by itself and raises in the middle of the call, so that the
    answer is lost; the router reads every tier's answer in its own place.
    """
    wanted = bound.kwargs.get("response_format") if isinstance(bound, RunnableBinding) else None
    if not isinstance(wanted, type):
        return bound
    return bound.bind(response_format=openai_response_format(wanted))


OPTIONAL = frozenset({"strict", "parallel_tool_calls"})
"""Wishes that not every provider knows; its absence changes no answer that a check would pass."""


def _taken(method: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out optional wishes that the model's own method does not declare (Ollama's don't)."""
    declared = inspect.signature(method).parameters
    return {k: v for k, v in wanted.items() if k not in OPTIONAL or k in declared}


def resampled(model: BaseChatModel, temperature: float, seed: int) -> BaseChatModel:
    """A copy of the model that samples anew: another temperature, another seed, no cache.

    Without `cache=False` a second sample would be the first one's cached answer. A model that takes
    no temperature (gpt-5, o-series) samples anew by itself.
    """
    fields = type(model).model_fields
    update: dict[str, Any] = {"cache": False, **settings(model, {"temperature": temperature})[0]}
    own_seed = getattr(model, "seed", None) if "seed" in fields else None
    if own_seed is not None:
        update["seed"] = own_seed + seed
    return model.model_copy(update=update)
