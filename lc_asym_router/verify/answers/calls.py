"""Compare tool calls by their effect."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DEEPEST = 60
"""Lists and objects in each other up to which arguments are compared; deeper ones differ."""

_CHOICES = ("anyOf", "oneOf", "allOf")


class _TooDeep(ValueError):
    """Arguments that are nested too deep to be compared."""


def same_calls(
    one: Sequence[Mapping[str, Any]],
    other: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
) -> bool:
    """Whether two answers' tool calls do the same, in any order.

    Numbers are compared by value (5 is 5.0), texts without case and runs of spaces where the schema
    lists no values for them, an argument at its default is as good as one that was left out, and so
    is null for one that is not required; "true" is true where the schema wants a boolean. Two answers
    without a call do the same, whatever they say.

    Args:
        one: The calls of an answer, each with its `name` and `args`, as `AIMessage.tool_calls` has
            them.
        other: Those of another.
        tools: The bound tools in OpenAI's format, as `ToolBinding.openai_tools` has them; the
            arguments of a tool that is not among them are compared without a schema.
    """
    if len(one) != len(other):
        return False
    ours, theirs = (sorted(call_keys(calls, tools)) for calls in (one, other))
    return ours == theirs


def call_keys(
    calls: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
) -> list[str]:
    """A text for each call, equal for calls that do the same; see `same_calls`.

    One that is nested too deep is like no other.
    """
    schemas = {
        str(function.get("name")): function.get("parameters")
        for tool in tools
        if isinstance(function := tool.get("function", tool), Mapping)
    }
    return [_key(call, schemas) for call in calls]


def _key(call: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    try:
        return _call(call, schemas)
    except _TooDeep:
        return f"too deep: {id(call)}"


def _call(call: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    name, root = str(call.get("name")), schemas.get(str(call.get("name")))
    root = root if isinstance(root, Mapping) else {}
    return json.dumps([name, _plain(call.get("args") or {}, root, root, 0)])


def _plain(value: Any, schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    """A value so that equal ones do the same; numbers and texts as pairs with their kind."""
    if depth > DEEPEST:
        raise _TooDeep
    if isinstance(value, Mapping):
        return {"": sorted(_entries(value, list(_branches(schema, root)), root, depth))}
    if isinstance(value, list | tuple):
        items = next((each["items"] for each in _branches(schema, root) if "items" in each), None)
        return [_plain(item, items, root, depth + 1) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return ["number", _number(value)]
    text = unicodedata.normalize("NFKC", str(value))
    if text.lower() in ("true", "false") and _boolean(schema, root):
        return text.lower() == "true"
    listed = any("enum" in each or "const" in each for each in _branches(schema, root))
    return ["text", text if listed else re.sub(r"\s+", " ", text).strip().casefold()]


def _boolean(schema: Any, root: Mapping[str, Any]) -> bool:
    """Whether a schema wants a boolean, and no text."""
    kinds: set[str] = set()
    for each in _branches(schema, root):
        named = each.get("type")
        kinds.update([named] if isinstance(named, str) else map(str, named or ()))
    return "boolean" in kinds and "string" not in kinds


def _entries(
    value: Mapping[str, Any],
    branches: Sequence[Mapping[str, Any]],
    root: Mapping[str, Any],
    depth: int,
) -> Iterator[list[Any]]:
    """The arguments that are not as good as left out, by name."""
    known: dict[str, Any] = {}
    required: set[str] = set()
    for each in branches:
        properties = each.get("properties")
        known.update(properties if isinstance(properties, Mapping) else {})
        required.update(map(str, each.get("required") or ()))
    for name, held in value.items():
        schema = known.get(name)
        plain = _plain(held, schema, root, depth + 1)
        defaults = [each["default"] for each in _branches(schema, root) if "default" in each]
        if any(plain == _plain(default, schema, root, depth + 1) for default in defaults):
            continue
        if held is None and name in known and name not in required and not defaults:
            continue
        yield [str(name), json.dumps(plain)]


def _branches(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """A schema and those that it refers to or chooses from."""
    if not isinstance(schema, Mapping) or depth > 9:
        return
    yield schema
    if isinstance(reference := schema.get("$ref"), str):
        target: Any = root
        for part in reference.removeprefix("#").strip("/").split("/"):
            target = target.get(part) if isinstance(target, Mapping) else None
        yield from _branches(target, root, depth + 1)
    for key in _CHOICES:
        for each in schema.get(key) or ():
            yield from _branches(each, root, depth + 1)


def _number(value: float) -> str:
    # In hexadecimal: Python writes no decimal number of more than 4,300 digits.
    whole = isinstance(value, int) or value.is_integer()
    return hex(int(value)) if whole else repr(value)
