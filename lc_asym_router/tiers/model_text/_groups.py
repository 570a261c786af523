"""The calls of one place in a text: behind a family's opening mark, or bare."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lc_asym_router.tiers.model_text._families import (
    CHILD,
    ESCAPED,
    HARMONY,
    KEYED,
    KEYED_ARGUMENT,
    LABELLED,
    LABELLED_END,
    NAMED,
    PARAMETER,
    PARAMETER_END,
    PRINTED,
    SKIPPED,
    TAGGED,
    TAGGED_CHILD,
    TAGGED_END,
)
from lc_asym_router.tiers.model_text._objects import Names, Raw, of_python, raws, typed
from lc_asym_router.tiers.model_text._values import (
    PythonCall,
    UnreadableError,
    call_value,
    calls_at,
    data_value,
    escaped_value,
    json_value,
)

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
_LABELLED_FENCE = re.compile(r"\s*```")


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
        value, end = data_value(text, at)
        found = raws(value, names, bare=True)
        # Data with a name and an input is no call of a tool that nobody knows.
        if found and any(
            (raw.fault or not raw.evident) and names.bound(raw.name) is None for raw in found
        ):
            return None, at
        return found, end
    if (named := NAMED.match(text, at)) and names.bound(named["name"]):
        # Mistral's form, its special tokens dropped by the server.
        value, end = json_value(text, named.end())
        return [Raw(named["name"], value)], end
    listed = text[at] == "["
    word = _WORD.match(text, at)
    if not listed and not (word and text[word.end() : word.end() + 1] == "("):
        return None, at
    calls, end = calls_at(text, at)
    if (
        word
        and names.bound(word.group()) is None
        and not (_alone(text, at, end) and _made(calls[0]))
    ):
        return None, at
    return [of_python(call, names) for call in calls], end


def _alone(text: str, at: int, end: int) -> bool:
    """Whether a text holds nothing but what stands between two places."""
    return not text[:at].strip() and not text[end:].strip()


def _made(call: PythonCall) -> bool:
    """Whether a call of a tool that is not bound is one, and not a word about a program: all its
    arguments have names, and without any its own name is that of a tool (`get_time()`)."""
    named = bool(call.arguments) or ("_" in call.name and "." not in call.name)
    return named and not call.positional


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


class _GroupReader:
    def __init__(self, text: str, names: Names) -> None:
        self.text = text
        self.names = names
        self.calls: list[Raw] = []

    def _python(self, at: int) -> int:
        calls, end = calls_at(self.text, at)
        self.calls += [of_python(call, self.names) for call in calls]
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
        if found := TAGGED_CHILD.match(text, at):
            return self._children(found)
        if found := LABELLED.match(text, at):
            return self._labelled(found)
        if (found := HARMONY.match(text, at)) or (
            (found := NAMED.match(text, at)) and not ESCAPED.match(text, at)
        ):
            arguments, end = call_value(text, found.end())
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
        found = raws(value, self.names)
        if found is None:
            if value == []:
                return end
            raise UnreadableError("its JSON is no call")
        self.calls += found
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
            arguments[key] = typed(text[parameter.end() : closing.start()], schema.get(key))
            at = closing.end()
        ended = TAGGED_END.match(text, _behind(_SPACE, text, at))
        if not ended:
            raise UnreadableError("its tag is not closed")
        self.calls.append(Raw(name, arguments))
        return ended.end()

    def _children(self, opening: re.Match[str]) -> int:
        """A call whose name and arguments are tags of their own."""
        text, schema = self.text, self.names.properties(opening["name"])
        at = _behind(_SPACE, text, opening.end())
        arguments: dict[str, Any] = {}
        if text[at : at + 1] == "{":
            arguments, at = call_value(text, at)
        while child := CHILD.match(text, at):
            key = child["key"]
            arguments[key] = typed(child["value"].strip(), schema.get(key))
            at = child.end()
        at, closing = _behind(_SPACE, text, at), f"</{opening['tag']}>"
        if not text.startswith(closing, at):
            raise UnreadableError("its tag is not closed")
        self.calls.append(Raw(opening["name"].strip(), arguments))
        return at + len(closing)

    def _labelled(self, opening: re.Match[str]) -> int:
        """A call in lines with labels: ReAct's, Qwen-agent's."""
        arguments, end = call_value(self.text, opening.end())
        if not isinstance(arguments, dict):
            raise UnreadableError("its arguments are no object")
        self.calls.append(Raw(opening["action"] or opening["function"], arguments))
        end = _behind(_LABELLED_FENCE, self.text, end)
        if (found := LABELLED_END.match(self.text, end)) and self.text[found.end() :].strip():
            raise UnreadableError("it goes on with what the tool is to answer")
        return found.end() if found else end

    def _keyed(self, opening: re.Match[str]) -> int:
        at = opening.end()
        schema = self.names.properties(opening["name"])
        arguments: dict[str, Any] = {}
        while argument := KEYED_ARGUMENT.match(self.text, at):
            closing = f"</{argument['tag']}>"
            end = self.text.find(closing, argument.end())
            if end < 0:
                raise UnreadableError("an argument's tag is not closed")
            key = argument["key"].strip()
            arguments[key] = typed(self.text[argument.end() : end], schema.get(key))
            at = end + len(closing)
        self.calls.append(Raw(opening["name"], arguments))
        return at


def _behind(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
