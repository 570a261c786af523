"""The calls of one place in a text: behind a family's opening mark, or bare."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lc_asym_router.tiers.model_text._families import (
    ESCAPED,
    HARMONY,
    KEYED,
    KEYED_ARGUMENT,
    NAMED,
    PARAMETER,
    PARAMETER_END,
    PRINTED,
    SKIPPED,
    TAGGED,
    TAGGED_END,
)
from lc_asym_router.tiers.model_text._values import (
    BareName,
    PythonCall,
    UnreadableError,
    call_value,
    calls_at,
    escaped_value,
    json_value,
    literal,
)

_NAME_KEYS = ("name", "function", "tool_name", "tool", "function_name", "action")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input", "tool_input", "action_input")
_WRAPPERS = ("function", "function_call", "tool_call")
_SCHEMA = {"type", "properties"}
_BESIDE = frozenset({"id", "type", "index", "call_id", "tool_call_id", "plan", "thought"})
_IDENTIFIER = re.compile(r"[\w.\-/:]{1,200}")
_TRIES_JSON = re.compile(
    r"\s*\[?\s*\{\s*[\"'](?:tool_calls[\"']\s*:|(?:name|function|tool_name|tool)[\"']\s*:\s*[\"']"
    r"(?P<name>[^\"']{1,200})|(?:arguments|parameters)[\"']\s*:\s*\{)"
)
_TRIES_PYTHON = re.compile(r"\s*\[?\s*(?P<name>[^\W\d][\w.]*)\(")
_WORD = re.compile(r"[\w.]+")
_LIST_OF_CALLS = re.compile(r"\[\s*[\w.]+\(")
_LIST_OF_OBJECTS = re.compile(r"\[\s*\{")
_BETWEEN = re.compile(r"[\s,;]*")
_PRINT_END = re.compile(r"\s*\)?")
_SPACE = re.compile(r"\s*")


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


@dataclass(frozen=True, repr=False)
class Group:
    """Calls that follow one another.

    Attributes:
        calls: The calls.
        end: The place behind them.
        fault: Why a further one could not be read.
        tried: Whether what stands there is evidently a call, if a broken one.
        json: Whether they were written in JSON.
    """

    calls: tuple[Raw, ...]
    end: int
    fault: str | None = None
    tried: bool = False
    json: bool = False


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
            _plain(written.removeprefix("functions.").removesuffix(".call"))
        )

    def properties(self, written: str) -> Mapping[str, Any]:
        """The schemas of a tool's parameters by name; empty where they are not known."""
        schema = self._tools.get(self.bound(written) or "")
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        return properties if isinstance(properties, Mapping) else {}


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)


def group_at(text: str, at: int, names: Names) -> Group:
    """The calls behind an opening mark that stands at a place."""
    return _GroupReader(text, names).read(at)


def bare_group(text: str, at: int, names: Names) -> Group:
    """The calls at a place without a mark: JSON values one after another, or Python's calls.

    `tried` is set where the beginning is a call's, so that what breaks off is a broken call.
    """
    calls: list[Raw] = []
    end = at
    is_json = text[at : at + 1] == "{" or bool(_LIST_OF_OBJECTS.match(text, at))
    while True:
        place = _behind(_BETWEEN, text, end)
        if place >= len(text):
            break
        try:
            found, following = _bare(text, place, is_json, names)
        except UnreadableError as error:
            if _tries(text, place, is_json, names):
                return Group(tuple(calls), end, f"it writes a tool call as text: {error}", True)
            break
        if found is None:
            break
        calls += found
        end = following
    return Group(tuple(calls), end, json=is_json)


def _bare(text: str, at: int, is_json: bool, names: Names) -> tuple[list[Raw] | None, int]:
    if is_json:
        if text[at] not in "{[":
            return None, at
        value, end = json_value(text, at)
        raws = _raws(value, bare=True)
        # Data with a name and an input is no call of a tool that nobody knows.
        if raws and any(
            (raw.fault or not raw.evident) and names.bound(raw.name) is None for raw in raws
        ):
            return None, at
        return raws, end
    if (named := NAMED.match(text, at)) and names.bound(named["name"]):
        # Mistral's form, its special tokens dropped by the server.
        value, end = json_value(text, named.end())
        return [Raw(named["name"], value)], end
    listed = text[at] == "["
    word = _WORD.match(text, at)
    if not listed and not (word and text[word.end() : word.end() + 1] == "("):
        return None, at
    if word and names.bound(word.group()) is None:
        return None, at
    calls, end = calls_at(text, at)
    if not calls:
        return None, at
    return [_of_python(call, names.properties(call.name)) for call in calls], end


def _tries(text: str, at: int, is_json: bool, names: Names) -> bool:
    """Whether what can't be read begins as a call does."""
    if not is_json:
        found = _TRIES_PYTHON.match(text, at)
        return found is not None and names.bound(found["name"]) is not None
    found = _TRIES_JSON.match(text, at)
    if not found:
        return False
    name = found["name"]
    if name is None:
        return True
    return names.bound(name) is not None


def _of_python(call: PythonCall, properties: Mapping[str, Any]) -> Raw:
    """A call in Python's notation; a name without quotes is a text where one is wanted."""
    arguments = dict(call.arguments)
    fault = "it writes a tool call as text, with arguments without names"
    raw = Raw(call.name.removesuffix(".call"), arguments, fault if call.positional else None)
    for key, value in call.arguments.items():
        if isinstance(value, BareName):
            schema = properties.get(key)
            if not isinstance(schema, Mapping) or schema.get("type", "string") != "string":
                return Raw(raw.name, {}, "it writes a tool call as text, a name among its values")
            arguments[key] = str(value)
    return raw


def _raws(value: Any, *, bare: bool = False) -> list[Raw] | None:
    """The calls that a JSON value stands for; `None` where it is anything else."""
    if isinstance(value, list):
        found = [_raws(item, bare=bare) for item in value]
        if not found or any(item is None for item in found):
            return None
        return [raw for item in found if item for raw in item]
    if not isinstance(value, Mapping):
        return None
    if isinstance(value.get("tool_calls"), list) and not value.keys() - _BESIDE - {
        "tool_calls",
        "content",
        "role",
    }:
        return _raws(value["tool_calls"]) or None
    for wrapper in _WRAPPERS:
        if isinstance(function := value.get(wrapper), Mapping):
            return _raws(function, bare=bare)
    name_key = next((key for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    if name_key is None:
        return None
    name = value[name_key].strip()
    key = next((key for key in _ARGUMENT_KEYS if key in value), None)
    if key is None or not _IDENTIFIER.fullmatch(name):
        return None
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


def _from_string(text: str) -> Any:
    if not text.strip():
        return {}
    try:
        return json_value(text.strip(), 0)[0] if text.strip()[0] == "{" else text
    except UnreadableError:
        return text


class _GroupReader:
    def __init__(self, text: str, names: Names) -> None:
        self.text = text
        self.names = names
        self.calls: list[Raw] = []

    def _python(self, at: int) -> int:
        calls, end = calls_at(self.text, at)
        self.calls += [_of_python(call, self.names.properties(call.name)) for call in calls]
        return end

    def read(self, at: int) -> Group:
        end = at
        while True:
            at = self._skip(at)
            try:
                following = self._one(at)
            except UnreadableError as error:
                fault = f"it writes a tool call as text: {error}"
                return Group(tuple(self.calls), max(at, end), fault, tried=True)
            if following is None:
                break
            at = end = following
        if not self.calls:
            return Group((), at, "it begins a tool call as text and writes none")
        return Group(tuple(self.calls), self._skip(end))

    def _skip(self, at: int) -> int:
        while found := SKIPPED.match(self.text, at):
            at = found.end()
        return at

    def _one(self, at: int) -> int | None:
        """Read one call, or a list of them; the place behind, `None` where none stands there."""
        text = self.text
        if text[at : at + 1] in ("{", "["):
            return self._valued(at)
        if found := TAGGED.match(text, at):
            return self._tagged(found)
        if (found := HARMONY.match(text, at)) or (
            (found := NAMED.match(text, at)) and not ESCAPED.match(text, at)
        ):
            arguments, end = json_value(text, found.end())
            if not isinstance(arguments, dict):
                raise UnreadableError("its arguments are no object")
            if "name" in arguments and found["name"] in ("assistant", "json", "function"):
                return self._valued(found.end())
            self.calls.append(Raw(found["name"], arguments))
            return end
        if found := ESCAPED.match(text, at):
            arguments, end = escaped_value(text, found.end())
            self.calls.append(Raw(found["name"], arguments))
            return end
        if found := KEYED.match(text, at):
            return self._keyed(found)
        if found := PRINTED.match(text, at):
            return _behind(_PRINT_END, text, self._python(found.end()))
        word = _WORD.match(text, at)
        if word and text[word.end() : word.end() + 1] == "(":
            return self._python(at)
        return None

    def _valued(self, at: int) -> int:
        try:
            value, end = call_value(self.text, at)
        except UnreadableError:
            if self.text[at] != "[" or not _LIST_OF_CALLS.match(self.text, at):
                raise
            return self._python(at)
        raws = _raws(value)
        if raws is None:
            if value == []:
                return end
            raise UnreadableError("its JSON is no call")
        self.calls += raws
        return end

    def _tagged(self, opening: re.Match[str]) -> int:
        name = opening["function"] or opening["named"] or opening["invoke"]
        text = self.text
        at = _behind(_SPACE, text, opening.end())
        schema = self.names.properties(name)
        arguments: dict[str, Any] = {}
        if text[at : at + 1] == "{":
            value, at = json_value(text, at)
            if not isinstance(value, dict):
                raise UnreadableError("its arguments are no object")
            arguments = value
        while parameter := PARAMETER.match(text, at):
            closing = PARAMETER_END.search(text, parameter.end())
            if not closing:
                raise UnreadableError("a parameter's tag is not closed")
            key = parameter["key"] or parameter["name"]
            arguments[key] = _typed(text[parameter.end() : closing.start()], schema.get(key))
            at = closing.end()
        ended = TAGGED_END.match(text, _behind(_SPACE, text, at))
        if not ended:
            raise UnreadableError("its tag is not closed")
        self.calls.append(Raw(name, arguments))
        return ended.end()

    def _keyed(self, opening: re.Match[str]) -> int:
        at = opening.end()
        schema = self.names.properties(opening["name"])
        arguments: dict[str, Any] = {}
        while argument := KEYED_ARGUMENT.match(self.text, at):
            end = self.text.find("</arg_value>", argument.end())
            if end < 0:
                raise UnreadableError("an argument's tag is not closed")
            key = argument["key"].strip()
            arguments[key] = _typed(self.text[argument.end() : end], schema.get(key))
            at = end + len("</arg_value>")
        self.calls.append(Raw(opening["name"], arguments))
        return at


def _behind(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _typed(text: str, schema: Any) -> Any:
    """A parameter's text as its schema wants it: a text stays one, else a literal is read."""
    if text.startswith("\n"):
        text = text[1:].removesuffix("\n")
    kinds = schema.get("type") if isinstance(schema, Mapping) else None
    if kinds == "string":
        return text
    try:
        return json.loads(text) if len(text) < 100 and text[:1] not in "{[" else literal(text)
    except (ValueError, RecursionError):
        pass
    try:
        return literal(text)
    except UnreadableError:
        return text
