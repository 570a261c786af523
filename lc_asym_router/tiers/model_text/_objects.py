"""The calls that JSON objects and Python's calls stand for, under whatever keys models write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lc_asym_router.tiers.model_text._values import (
    BareName,
    PythonCall,
    UnreadableError,
    call_value,
    literal,
)

_NAME_KEYS = ("name", "function", "tool_name", "tool", "function_name", "func", "action")
_ARGUMENT_KEYS = (
    *("arguments", "parameters", "args", "input", "tool_input", "action_input", "params", "kwargs"),
    *("tool_arguments", "tool_args", "function_arguments", "function_args"),
)
_WRAPPERS = ("function", "function_call", "tool_call", "tool_use", "functionCall", "toolCall")
_LISTS = ("tool_calls", "function_calls", "toolCalls", "calls")
_SCHEMA = {"type", "properties"}
_BESIDE = frozenset({"id", "type", "index", "call_id", "tool_call_id", "plan", "thought"})
_AROUND = _BESIDE | {"content", "role", "refusal"}
_IDENTIFIER = re.compile(r"[\w.\-/:]{1,200}")
_NAMESPACE = re.compile(r"(?:functions|default_api)\.")
_KINDS: dict[type, frozenset[str]] = {
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "number"}),
    float: frozenset({"number"}),
    list: frozenset({"array"}),
    dict: frozenset({"object"}),
    type(None): frozenset({"null"}),
}


@dataclass(frozen=True, repr=False)
class Raw:
    """A call as it was written; the name not yet looked up.

    Attributes:
        fault: Why its arguments can't be taken, though the call was read to its end.
        evident: Whether it has a call's own keys, so that it is one whatever it names.
    """

    name: str
    arguments: dict[str, Any]
    fault: str | None = None
    evident: bool = True


class Names:
    """The bound tools, found by the names that models write.

    Args:
        tools: For each name the JSON schema of its parameters.
    """

    def __init__(self, tools: Mapping[str, Mapping[str, Any]]) -> None:
        self._tools = tools
        self._bound = {_plain(name): name for name in tools}

    def bound(self, written: str) -> str | None:
        """The tool that is meant: models write dots for underscores and put a namespace before."""
        return self._bound.get(_plain(written)) or self._bound.get(
            _plain(_NAMESPACE.sub("", written, count=1).removesuffix(".call"))
        )

    def properties(self, written: str) -> Mapping[str, Any]:
        """The schemas of a tool's parameters by name; empty where they are not known."""
        schema = self._tools.get(self.bound(written) or "")
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        return properties if isinstance(properties, Mapping) else {}

    def takes(self, written: str, arguments: Mapping[str, Any]) -> bool:
        """Whether a bound tool has parameters by all the names of some arguments."""
        return (
            self.bound(written) is not None and arguments.keys() <= self.properties(written).keys()
        )


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)


def of_python(call: PythonCall, names: Names) -> Raw:
    """A call in Python's notation; a name without quotes is a text where one is wanted."""
    name, properties = call.name.removesuffix(".call"), names.properties(call.name)
    arguments = dict(call.arguments)
    if call.positional:
        return Raw(name, arguments, "it writes a tool call as text, with arguments without names")
    for key, value in call.arguments.items():
        if isinstance(value, BareName):
            schema = properties.get(key)
            if not isinstance(schema, Mapping) or schema.get("type", "string") != "string":
                return Raw(name, {}, "it writes a tool call as text, a name among its values")
            arguments[key] = str(value)
    return Raw(name, arguments)


def raws(value: Any, names: Names, *, bare: bool = False) -> list[Raw] | None:
    """The calls that a JSON value stands for; `None` where it is anything else.

    Args:
        value: The value.
        names: The bound tools.
        bare: Whether it stands without a mark, so that it may be data that only looks alike.
    """
    if isinstance(value, list):
        listed = [raws(item, names, bare=bare) for item in value]
        if not listed or any(item is None for item in listed):
            return None
        return [raw for item in listed if item for raw in item]
    if not isinstance(value, Mapping):
        return None
    for key in _LISTS:
        if isinstance(value.get(key), list) and not value.keys() - _AROUND - {key}:
            found = raws(value[key], names, bare=bare and key != "tool_calls") or []
            evident = key == "tool_calls"
            return [replace(raw, evident=evident) for raw in found] or None
    if isinstance(choices := value.get("choices"), list) and len(choices) == 1:
        inner = choices[0].get("message") if isinstance(choices[0], Mapping) else None
        return raws(inner, names, bare=bare) if isinstance(inner, Mapping) else None
    for wrapper in _WRAPPERS:
        if isinstance(function := value.get(wrapper), Mapping):
            return raws(function, names, bare=bare)
    return _object(value, names, bare)


def _object(value: Mapping[str, Any], names: Names, bare: bool) -> list[Raw] | None:
    name_key = next((key for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    if name_key is None:
        return _by_name(value, names)
    name = value[name_key].strip()
    key = next((key for key in _ARGUMENT_KEYS if key in value), None)
    if not _IDENTIFIER.fullmatch(name):
        return None
    if key is None:
        beside = {k: v for k, v in value.items() if k not in _BESIDE | {name_key}}
        properties = names.properties(name)
        # The arguments beside the name; or none, of a tool that has no parameters.
        flat = names.takes(name, beside) and bool(beside) == bool(properties)
        return [Raw(name, beside)] if flat and not bare else None
    if bare and value.keys() - _BESIDE - {name_key, key}:
        return None
    arguments = value[key]
    if key == "parameters" and isinstance(arguments, dict) and arguments.keys() >= _SCHEMA:
        return None
    if isinstance(arguments, str):
        arguments = _from_string(arguments)
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        return [Raw(name, {}, "it writes a tool call as text, and its arguments are no object")]
    return [Raw(name, arguments, evident=name_key == "name" and key in _ARGUMENT_KEYS[:2])]


def _by_name(value: Mapping[str, Any], names: Names) -> list[Raw] | None:
    """Calls as `{"tool": {"argument": ...}}`, of bound tools and with their parameters alone."""
    calls = [
        Raw(name, dict(arguments), evident=False)
        for name, arguments in value.items()
        if isinstance(arguments, Mapping) and arguments and names.takes(name, arguments)
    ]
    return calls if calls and len(calls) == len(value) else None


def _from_string(text: str) -> Any:
    stripped = text.strip()
    if not stripped:
        return {}
    try:
        value, end = call_value(stripped, 0) if stripped[0] == "{" else (text, len(stripped))
    except UnreadableError:
        return text
    return value if end == len(stripped) else text


def typed(text: str, schema: Any) -> Any:
    """A parameter's text as its schema wants it: a text stays one, else a literal is read."""
    if text.startswith("\n"):
        text = text[1:].removesuffix("\n")
    kinds = frozenset(_kinds(schema))
    if kinds == {"string"}:
        return text
    value = _literal(text)
    # One of several kinds, a text among them, is a text where it is none of the others.
    other = "string" in kinds and not _KINDS.get(type(value), frozenset()) & kinds
    return text if other else value


def _kinds(schema: Any, depth: int = 0) -> Iterator[str]:
    """The types that a JSON schema names, those of its choices included."""
    if not isinstance(schema, Mapping) or depth > 5:
        return
    named = schema.get("type")
    yield from (named,) if isinstance(named, str) else filter(None, named or ())
    listed = schema.get("enum") if named is None else None
    if isinstance(listed, list) and listed and all(isinstance(each, str) for each in listed):
        yield "string"
    for key in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(key) or ():
            yield from _kinds(each, depth + 1)


def _literal(text: str) -> Any:
    try:
        return json.loads(text) if len(text) < 100 and text[:1] not in "{[" else literal(text)
    except (ValueError, RecursionError):
        pass
    try:
        return literal(text)
    except UnreadableError:
        return text
