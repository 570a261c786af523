"""What a competent model would answer: `answer(body) -> Reply`, for either server's `default`.

It reads a request in Ollama's or OpenAI's wire format. An output format is filled from its schema; a
tool is called where the request forces it, or where the question has to do with it and no tool has
answered yet; everything else gets a sentence. `spoiled(body)` answers the same request as a small
model may on a bad day: each time in a way that the router's default checks see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.servers import Reply, ToolCall

Schema = Mapping[str, Any]
GREETING = "Hello, how can I help you today?"
REFUSAL = "I'm sorry, but I can't help with that request."


def answer(body: dict[str, Any]) -> Reply:
    """A good answer to a chat request in either wire format."""
    asked = Asked(body)
    if (called := asked.call_for) is not None:
        arguments = Writer(asked.text).value(called.get("parameters") or {"type": "object"})
        return Reply(tool_calls=[ToolCall(called["name"], arguments)])
    if asked.schema is not None:
        return Reply(json.dumps(Writer(asked.text).value(asked.schema)))
    return Reply(asked.until_stop(asked.sentence))


def spoiled(body: dict[str, Any]) -> Reply:
    """An answer that fails a default check: of the form asked for, but wrong, or none at all."""
    asked = Asked(body)
    if asked.schema is not None:
        return Reply('{"not": "what was asked for"}')
    if (called := asked.call_for) is None:
        return Reply(REFUSAL if asked.tools else "")
    if (called.get("parameters") or {}).get("required"):
        return Reply(tool_calls=[ToolCall(called["name"], {"wrong": True})])
    return Reply(tool_calls=[ToolCall(f"no_{called['name']}")])


@dataclass(frozen=True)
class Asked:
    """A chat request, whichever protocol it came in."""

    body: Mapping[str, Any]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation."""
        return list(self.body.get("messages") or [])

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The functions that may be called."""
        return [tool["function"] for tool in self.body.get("tools") or [] if "function" in tool]

    @property
    def text(self) -> str:
        """What the user said last."""
        said = (each["content"] for each in reversed(self.messages) if each["role"] == "user")
        return _text(next(said, ""))

    @property
    def choice(self) -> str | None:
        """The tool that must be called, "required" for any, or `None`; Ollama has no such wish."""
        choice = self.body.get("tool_choice")
        if isinstance(choice, Mapping):
            return str(choice["function"]["name"])
        return choice if choice == "required" else None

    @property
    def call_for(self) -> dict[str, Any] | None:
        """The function to call now, or `None`."""
        tools = self.tools
        if not tools or self.body.get("tool_choice") == "none":
            return None
        if self.choice not in (None, "required"):
            return next(tool for tool in tools if tool["name"] == self.choice)
        best = max(tools, key=self._bearing)
        if self.choice == "required":
            return best
        done = self.messages[-1]["role"] == "tool"
        return best if not done and self._bearing(best) else None

    def _bearing(self, tool: Mapping[str, Any]) -> int:
        """How much the question has to do with a tool: common words, and numbers to work on."""
        described = f"{tool['name']} {tool.get('description', '')}"
        common = _words(self.text) & _words(described)
        properties = (tool.get("parameters") or {}).get("properties", {}).values()
        numeric = sum(each.get("type") in ("integer", "number") for each in properties)
        numbers = len(re.findall(r"\d+", self.text))
        return len(common) + bool(numeric and numbers >= numeric)

    @property
    def schema(self) -> Schema | None:
        """The JSON schema of the answer; of mere JSON the keys that the question quotes."""
        form = self.body.get("response_format") or self.body.get("format")
        if not form:
            return None
        if form == "json" or form.get("type") == "json_object":
            keys = re.findall(r"'(\w+)'", self.text)
            return {
                "type": "object",
                "properties": {key: {"type": "string"} for key in keys},
                "required": keys,
            }
        return form["json_schema"]["schema"] if form.get("type") == "json_schema" else form

    @property
    def sentence(self) -> str:
        """A text answer: what a tool found, or what the user said, taken up."""
        if not self.messages or self.messages[-1]["role"] != "tool":
            subject = " ".join(self.text.split()[:6])
            return GREETING if len(self.text) < 12 else f"On this there is much to say: {subject}"
        found = _text(self.messages[-1]["content"])
        return f"The tool says: {found}" if found else "The tool has shown me a file."

    def until_stop(self, text: str) -> str:
        """The text as a server gives it out: only up to a stop word."""
        options = self.body.get("options") or {}
        stop = self.body.get("stop") or options.get("stop") or []
        for word in [stop] if isinstance(stop, str) else stop:
            text = text.partition(word)[0]
        return text


@dataclass
class Writer:
    """Writes values that validate against a JSON schema, out of what the user said."""

    text: str
    root: Schema | None = None
    numbers: list[float] = field(default_factory=list)
    phrases: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.numbers = [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", self.text)]
        quoted = re.findall(r"'([^']+)'", self.text)
        named = re.findall(r"(?<=[a-z,] )[A-Z][\w]*(?:,? [A-Z]\w*)*", self.text)
        self.phrases = [*quoted, *named]

    def value(self, schema: Schema) -> Any:
        """A value for a schema."""
        if self.root is None:
            self.root = schema
        if "$ref" in schema:
            return self.value(self._referred(schema["$ref"]))
        for key in ("const", "default"):
            if schema.get(key) is not None:
                return schema[key]
        if "enum" in schema:
            return schema["enum"][0]
        if options := schema.get("anyOf") or schema.get("oneOf"):
            return self.value(next((o for o in options if o.get("type") != "null"), options[0]))
        if merged := schema.get("allOf"):
            return self.value({**schema, "allOf": None, **merged[0]})
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((each for each in kind if each != "null"), "null")
        write: Callable[[Schema], Any] = getattr(self, f"_{kind}")
        return write(schema)

    def _referred(self, place: str) -> Schema:
        found: Any = self.root
        for step in place.removeprefix("#/").split("/"):
            found = found[step]
        return found

    def _object(self, schema: Schema) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self.value(each)
            for name, each in schema.get("properties", {}).items()
            if name in required or f"no {name}" not in self.text
        }

    def _array(self, schema: Schema) -> list[Any]:
        return [self.value(schema.get("items", {})) for _ in range(schema.get("minItems", 1))]

    def _number(self, schema: Schema) -> float:
        return self._bounded(schema, 0.001)

    def _integer(self, schema: Schema) -> int:
        return int(self._bounded(schema, 1))

    def _bounded(self, schema: Schema, step: float) -> float:
        wanted = self.numbers.pop(0) if self.numbers else 1
        lows = [schema.get("minimum"), schema.get("exclusiveMinimum")]
        highs = [schema.get("maximum"), schema.get("exclusiveMaximum")]
        low = max((n + i * step for i, n in enumerate(lows) if n is not None), default=wanted)
        high = min((n - i * step for i, n in enumerate(highs) if n is not None), default=wanted)
        return min(max(wanted, low), high)

    def _string(self, schema: Schema) -> str:
        text = self.phrases.pop(0) if self.phrases else schema.get("description") or "something"
        return str(text).ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]

    def _boolean(self, schema: Schema) -> bool:
        return True

    def _null(self, schema: Schema) -> None:
        return None


def _text(content: Any) -> str:
    """The text of a message's content, as a string or in parts."""
    if isinstance(content, str) or content is None:
        return content or ""
    return "\n".join(part["text"] for part in content if part.get("type") == "text")


COMMON = frozenset(
    [
        "what",
        "which",
        "that",
        "this",
        "with",
        "from",
        "have",
        "does",
        "your",
        "using",
        "them",
        "then",
    ]
)


def _words(text: str) -> set[str]:
    """The words that carry meaning; `magic_function` is two."""
    return set(re.findall(r"[a-z]{4,}", text.lower().replace("_", " "))) - COMMON
