"""JSON values, and Python's literals and calls, read from a place in a text.

Nothing is evaluated, nesting is bounded, and a value is read once from left to right.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import Any

DEEPEST = 60
"""Levels of nesting that are read; an answer that is nested deeper holds no value."""

MOST_CALLS = 128
"""Calls of one answer; OpenAI's own bound on tools."""

_STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?P<closed>")?|[{}\[\]]', re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>[rRbBuU]{0,2}(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''
        |"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'))
    |(?P<number>(?:0[xXoObB][0-9a-fA-F_]{1,64}|(?:\d[\d_]{0,400}\.?\d{0,400}|\.\d{1,400})(?:[eE][+-]?\d{1,4})?))
    |(?P<name>[^\W\d]\w*(?:\.\w+)*)
    |(?P<mark>[\[\](){},:=+\-])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KNOWN_ESCAPES = frozenset("\\'\"abfnrtvxuUN01234567\n")
_CONSTANTS: dict[str, Any] = {
    "True": True,
    "False": False,
    "None": None,
    "true": True,
    "false": False,
    "null": None,
}


class UnreadableError(ValueError):
    """There is no value that can be read; the message says why, without the text."""


class BareName(str):
    """A name without quotes where a value belongs."""


@dataclass(frozen=True, repr=False)
class PythonCall:
    """A call in Python's notation.

    Attributes:
        name: The function, dots included.
        arguments: Its keyword arguments.
        positional: Whether it has arguments without names.
    """

    name: str
    arguments: dict[str, Any]
    positional: bool = False


def bracketed(text: str, at: int) -> int:
    """The place behind the bracket that closes the one at a place, by JSON's rules.

    Raises:
        UnreadableError: It is never closed, closed by another kind, or nested too deep.
    """
    opened: list[str] = []
    for found in _STRUCTURE.finditer(text, at):
        char = text[found.start()]
        if char in "{[":
            opened.append("}" if char == "{" else "]")
            if len(opened) > DEEPEST:
                raise UnreadableError("its JSON is nested too deep")
        elif char in "}]":
            if opened.pop() != char:
                raise UnreadableError("its JSON is malformed")
            if not opened:
                return found.end()
        elif not found["closed"]:
            break
    raise UnreadableError("its JSON breaks off")


def json_value(text: str, at: int) -> tuple[Any, int]:
    """The JSON object or list at a place, and the place behind it. Bare line ends in strings pass.

    Raises:
        UnreadableError: There is none.
    """
    end = bracketed(text, at)
    try:
        return json.loads(text[at:end], strict=False), end
    except (ValueError, RecursionError):
        raise UnreadableError("its JSON is malformed") from None


def call_value(text: str, at: int) -> tuple[Any, int]:
    """The object or list of a call at a place, in JSON or in Python's notation, and the place behind.

    Raises:
        UnreadableError: There is none.
    """
    try:
        return json_value(text, at)
    except UnreadableError:
        if _SINGLE_QUOTED.match(text, at):
            reader = _PythonReader(text, at)
            try:
                return reader.value(0), reader.at
            except UnreadableError:
                pass
        return _doubled(text, at)


def data_value(text: str, at: int) -> tuple[Any, int]:
    """The JSON of a call without a mark, and the place behind; brackets may be doubled.

    Raises:
        UnreadableError: There is none.
    """
    try:
        return json_value(text, at)
    except UnreadableError:
        return _doubled(text, at)


def _doubled(text: str, at: int) -> tuple[Any, int]:
    """An object whose brackets are doubled, as those of a prompt's template are: all, or the outer.

    Raises:
        UnreadableError: There is none.
    """
    end = bracketed(text, at)
    if not text.startswith("{{", at):
        raise UnreadableError("its JSON is malformed")
    for inner in (text[at + 1 : end - 1], text[at:end].replace("{{", "{").replace("}}", "}")):
        try:
            return json.loads(inner, strict=False), end
        except (ValueError, RecursionError):
            pass
    raise UnreadableError("its JSON is malformed")


_SINGLE_QUOTED = re.compile(
    r"\[?\s{0,99}\{\s{0,99}"
    r"(?:'|\"name\"\s{0,9}:\s{0,9}\"[^\"]{1,200}\"\s{0,9},\s{0,9}\"arguments\"\s{0,9}:\s{0,9}'\{)"
)
"""Python's dict, or arguments as its text; JSON with Python's constants in it is malformed JSON."""
_ESCAPED_KEY = re.compile(r"\s*(\w{1,200}):")
_ESCAPED_TEXT = re.compile(r"\s*(<escape>|<\|\"\|>)")
_BETWEEN_ITEMS = re.compile(r"\s*,")
_ITEMS_END = re.compile(r"\s*[}\]]")
_PLAIN_VALUE = re.compile(r"\s*([^,{}\[\]<>]{1,400})")


def escaped_value(text: str, at: int, depth: int = 0) -> tuple[Any, int]:
    """A value in Gemma's notation at a place, and the place behind.

    Raises:
        UnreadableError: There is none, or it breaks off.
    """
    if depth > DEEPEST:
        raise UnreadableError("its arguments are nested too deep")
    if mark := _ESCAPED_TEXT.match(text, at):
        end = text.find(mark[1], mark.end())
        if end < 0:
            raise UnreadableError("its arguments break off")
        return text[mark.end() : end], end + len(mark[1])
    if text[at : at + 1] in ("{", "["):
        return _escaped_items(text, at, depth)
    plain = _PLAIN_VALUE.match(text, at)
    if not plain:
        raise UnreadableError("its arguments break off")
    try:
        return json.loads(plain[1].strip()), plain.end()
    except ValueError:
        return plain[1].strip(), plain.end()


def _escaped_items(text: str, at: int, depth: int) -> tuple[Any, int]:
    keyed, values = text[at] == "{", list[tuple[str, Any]]()
    at += 1
    while not (closing := _ITEMS_END.match(text, at)):
        key = _ESCAPED_KEY.match(text, at) if keyed else None
        if keyed and not key:
            raise UnreadableError("its arguments break off")
        value, at = escaped_value(text, key.end() if key else at, depth + 1)
        values.append((key[1] if key else "", value))
        comma = _BETWEEN_ITEMS.match(text, at)
        at = comma.end() if comma else at
        if not comma and not _ITEMS_END.match(text, at):
            raise UnreadableError("its arguments break off")
    return (dict(values) if keyed else [value for _, value in values]), closing.end()


def calls_at(text: str, at: int) -> tuple[list[PythonCall], int]:
    """A call in Python's notation, or a list of them, at a place, and the place behind.

    Raises:
        UnreadableError: There is none, or an argument is no literal.
    """
    reader = _PythonReader(text, at)
    if not reader.takes("["):
        return [reader.call(0)], reader.at
    calls = [reader.call(0)]
    while reader.takes(","):
        if reader.peek() == "]":
            break
        calls.append(reader.call(0))
        if len(calls) > MOST_CALLS:
            raise UnreadableError(f"they are more than {MOST_CALLS} calls")
    if not reader.takes("]") and text[reader.at :].strip():
        # Without the bracket at an answer's end the calls are whole even so.
        raise UnreadableError("its list of calls is malformed")
    return calls, reader.at


def literal(text: str) -> Any:
    """A text as the JSON or Python literal that it is.

    Raises:
        UnreadableError: It is none.
    """
    reader = _PythonReader(text, 0)
    stripped = text.strip()
    if stripped[:1] in ("{", "["):
        try:
            value, end = json_value(stripped, 0)
        except UnreadableError:
            reader.text = stripped
            value, end = reader.value(0), reader.at
        text, reader.at = stripped, end
    else:
        value = reader.value(0)
    if text[reader.at :].strip():
        raise UnreadableError("it is no literal")
    return value


class _PythonReader:
    """Reads literals and calls with literal arguments, token by token."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def _token(self) -> re.Match[str]:
        found = _TOKEN.match(self.text, self.at)
        if not found:
            raise UnreadableError("its arguments are no literals")
        return found

    def peek(self) -> str:
        found = _TOKEN.match(self.text, self.at)
        return (found["mark"] or "") if found else ""

    def takes(self, mark: str) -> bool:
        if self.peek() != mark:
            return False
        self.at = self._token().end()
        return True

    def expect(self, mark: str) -> None:
        if not self.takes(mark):
            raise UnreadableError("its call is malformed or breaks off")

    def name(self) -> str:
        found = self._token()
        if not found["name"]:
            raise UnreadableError("it names no function")
        self.at = found.end()
        return found["name"]

    def call(self, depth: int) -> PythonCall:
        name = self.name()
        self.expect("(")
        arguments: dict[str, Any] = {}
        positional = False
        while self.peek() != ")":
            before = self.at
            found = self._token()
            self.at = found.end()
            if found["name"] and self.takes("="):
                arguments[found["name"]] = self.value(depth + 1)
            else:
                self.at = before
                self.value(depth + 1)
                positional = True
            if not self.takes(","):
                break
        self.expect(")")
        return PythonCall(name, arguments, positional)

    def value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise UnreadableError("its arguments are nested too deep")
        found = self._token()
        self.at = found.end()
        if found["string"]:
            return self._strings(found["string"])
        if found["number"]:
            return _number(found["number"])
        if found["name"]:
            if found["name"] in _CONSTANTS:
                return _CONSTANTS[found["name"]]
            if depth == 1 and self.peek() in (",", ")"):
                return BareName(found["name"])
            raise UnreadableError("an argument is a name, not a value")
        mark = found["mark"]
        if mark in "+-":
            value = self.value(depth + 1)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UnreadableError("its arguments are no literals")
            return -value if mark == "-" else value
        if mark in "[(":
            return self._items("]" if mark == "[" else ")", depth)
        if mark == "{":
            return self._dict(depth)
        raise UnreadableError("its arguments are no literals")

    def _strings(self, first: str) -> str:
        parts = [_string(first)]
        while (found := _TOKEN.match(self.text, self.at)) and found["string"]:
            parts.append(_string(found["string"]))
            self.at = found.end()
        return "".join(parts)

    def _items(self, closing: str, depth: int) -> Any:
        items: list[Any] = []
        commas = False
        while self.peek() != closing:
            items.append(self.value(depth + 1))
            if not self.takes(","):
                break
            commas = True
        self.expect(closing)
        # "(5)" is 5; a tuple becomes a list, as in JSON.
        return items[0] if closing == ")" and len(items) == 1 and not commas else items

    def _dict(self, depth: int) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while self.peek() != "}":
            key = self.value(depth + 1)
            if isinstance(key, dict | list):
                raise UnreadableError("its arguments are no literals")
            self.expect(":")
            name = key if isinstance(key, str) else json.dumps(key)
            if name in items:
                raise UnreadableError("a key stands twice in it")
            items[name] = self.value(depth + 1)
            if not self.takes(","):
                break
        self.expect("}")
        return items


def _number(text: str) -> int | float:
    try:
        return int(text, 0) if re.fullmatch(r"0[xXoObB]\w+|[\d_]+", text) else float(text)
    except ValueError:
        raise UnreadableError("its arguments are no literals") from None


def _string(text: str) -> str:
    prefix = text[: re.search("[\"']", text).start()].lower()  # type: ignore[union-attr]
    if "b" in prefix:
        raise UnreadableError("its arguments are no literals")
    if "r" not in prefix:
        # Python warns of an unknown escape, in the application's log, and keeps the backslash.
        text = _ESCAPE.sub(_escape, text)
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        raise UnreadableError("its arguments are no literals") from None


def _escape(found: re.Match[str]) -> str:
    return found.group() if found[1] in _KNOWN_ESCAPES else "\\" + found.group()
