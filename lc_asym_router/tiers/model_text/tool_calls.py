"""Parse tool calls that a model wrote as text.

Local servers pass a model's calls on as text where they don't know its format. A complete call of a
bound tool is read; a broken one is reported as broken; an answer that only shows an example of a
call stays text. Nothing is evaluated, and nesting and size are limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, ToolCall

from lc_asym_router.tiers.model_text._families import (
    EXPLAINS,
    HEADER,
    LABEL,
    LEAKED,
    OPENING,
    PLACEHOLDER_TEXT,
    PLACEHOLDER_VALUE,
    without_ends,
)
from lc_asym_router.tiers.model_text._groups import Group, bare_group, group_at
from lc_asym_router.tiers.model_text._objects import Names, Raw
from lc_asym_router.tiers.model_text._spans import CodeSpans, Fence
from lc_asym_router.tiers.model_text._values import MOST_CALLS
from lc_asym_router.tiers.model_text.thinking import split_thinking

LONGEST = 200_000
"""Characters of an answer that are read for calls."""

_MOST_SHOWN = 32
"""Calls that are only shown, after which the rest of an answer counts as text."""

_TRAILING = re.compile(
    r"(?:^|(?<=[.!?:。：！？])[ \t])[ \t]{0,9}(?=[{\[])|^(?=[\w.]{1,200}\(\w{1,200}=)", re.MULTILINE
)
_SPOKEN = re.compile(r"[^.!?:;。：！？>\n]\Z")
_GOES_ON = re.compile(r"[ \t]*\w")
_DATA_FENCES = frozenset(
    {"", "json", "jsonc", "json5", "xml", "plaintext", "text", "action", "function_call", "tool"}
)
_IN_TAG = re.compile(r"<(?P<tag>[\w:]{1,30})>\s*+(?P<inside>[\[{].*)</(?P=tag)>", re.DOTALL)
"""JSON in some tag: `<action>{...}</action>`."""

Tools = Mapping[str, Mapping[str, Any]]
"""The bound tools: for each name the JSON schema of its parameters, `{}` where it is not known."""


@dataclass(frozen=True, repr=False)
class TextCall:
    """A tool call found in text. Its repr holds no text.

    Attributes:
        name: The tool, as it is bound.
        arguments: Its arguments, not yet validated.
    """

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, repr=False)
class ReadCalls:
    """What a text holds of tool calls. Its repr holds no text.

    Attributes:
        calls: The whole calls of bound tools, in order; none where one of them is broken.
        rest_text: What the text says besides; the text itself where no call is made.
        broken: Why a call that was evidently tried is none, without the model's words; `None`
            where none was tried, or all are whole.
    """

    calls: tuple[TextCall, ...] = ()
    rest_text: str = ""
    broken: str | None = None


@dataclass(frozen=True, repr=False)
class RepairedMessage:
    """A message whose calls were read out of its text. Its repr holds no text.

    Attributes:
        message: The message with its `tool_calls`; the one given where none was read.
        calls: How many calls were read.
        broken: Why a call that was tried is none; else `None`.
    """

    message: AIMessage
    calls: int = 0
    broken: str | None = None


def tools_of(openai_tools: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Tools in OpenAI's form as names and the JSON schemas of their parameters.

    Tools that a provider runs itself have no name and are left out.
    """
    functions = (tool.get("function") for tool in openai_tools)
    return {
        str(function["name"]): function.get("parameters") or {}
        for function in functions
        if isinstance(function, Mapping) and function.get("name")
    }


def read_calls(text: str, tools: Tools) -> ReadCalls:
    """Read the tool calls of a text, in whatever form a model wrote them.

    Thinking is passed over: a call that a model only thinks of is none. The time is linear in the
    text, and texts over `LONGEST` characters are not read.

    Args:
        text: The whole answer.
        tools: The bound tools, see `tools_of`.
    """
    if not tools:
        return ReadCalls(rest_text=text)
    if len(text) > LONGEST:
        fault = "it writes a tool call in a text that is too long to be read"
        return ReadCalls(rest_text=text, broken=fault if OPENING.match(text.lstrip()) else None)
    split = split_thinking(text)
    if split.whole or split.answer.strip():
        return _Reading(text, split.answer, tools).result()
    # A model that forgets to close its thoughts: the call that they end in is made.
    found = _Reading(text, split.thinking, tools).result()
    ends = without_ends(split.thinking).endswith(("}", "]", ")", ">", "```"))
    if found.calls and ends:
        return ReadCalls(found.calls)
    return ReadCalls(rest_text=text, broken=found.broken)


def repair_tool_calls(message: AIMessage, tools: Tools) -> RepairedMessage:
    """Turn the calls that a message's text holds into real ones.

    The repaired message has them in `tool_calls`, with ids, and its text is what it says besides;
    thinking and other content blocks stay.

    Args:
        message: An answer, its thinking set apart or not.
        tools: The bound tools, see `tools_of`.

    Returns:
        The message as it is where it has tool calls already, or its text holds none.
    """
    if message.tool_calls or message.invalid_tool_calls:
        return RepairedMessage(message)
    found = read_calls(str(message.text), tools)
    if not found.calls:
        return RepairedMessage(message, broken=found.broken)
    calls = [
        ToolCall(name=call.name, args=call.arguments, id=f"call_{uuid4().hex}", type="tool_call")
        for call in found.calls
    ]
    content = _content(message, found.rest_text)
    metadata = message.response_metadata
    if isinstance(message.content, str) and isinstance(content, list):
        # Some providers' translators know no reasoning beside text; standard blocks pass.
        metadata = {**metadata, "output_version": "v1"}
    if metadata.get("output_version") == "v1" and isinstance(content, list):
        content = [*content, *calls]
    update = {"content": content, "tool_calls": calls, "response_metadata": metadata}
    return RepairedMessage(message.model_copy(update=update), calls=len(calls))


def _content(message: AIMessage, rest: str) -> str | list[Any]:
    thinking = split_thinking(str(message.text)).thinking
    if isinstance(message.content, str):
        if not thinking:
            return rest
        reasoning = {"type": "reasoning", "reasoning": thinking}
        return [reasoning, {"type": "text", "text": rest}] if rest else [reasoning]
    blocks: list[Any] = []
    for block in message.content:
        if isinstance(block, str) or block.get("type") == "text":
            if thinking:
                blocks.append({"type": "reasoning", "reasoning": thinking})
            if rest:
                blocks.append({"type": "text", "text": rest})
            thinking = rest = ""
        else:
            blocks.append(block)
    return blocks


@dataclass
class _Reading:
    """One reading of one answer."""

    text: str
    answer: str
    tools: Tools
    calls: list[TextCall] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def result(self) -> ReadCalls:
        self.answer = HEADER.sub("", self.answer)
        self.spans = CodeSpans(self.answer)
        self.names = Names(self.tools)
        if LEAKED.match(self.answer) and OPENING.search(self.answer) is None:
            probe = _Reading("", self.answer.rpartition("|>")[2], self.tools)
            tried = probe.result()
            if tried.calls or tried.broken:
                return self._broken("it writes a tool call among marks of its chat template")
            return ReadCalls(rest_text=self.text)
        broken = self._marked()
        if broken:
            return self._broken(broken)
        if self.calls:
            return self._whole()
        broken = self._unmarked()
        if broken:
            return self._broken(broken)
        return self._whole() if self.calls else ReadCalls(rest_text=self.text)

    def _broken(self, reason: str) -> ReadCalls:
        return ReadCalls(rest_text=self.text, broken=reason)

    def _whole(self) -> ReadCalls:
        parts = map(_unlabelled, self.kept)
        rest = "\n\n".join(part for part in parts if part)
        rest = without_ends(rest)
        # A bracket too many is no word of the answer.
        return ReadCalls(tuple(self.calls), "" if set(rest) <= set("{}[]()`;, \n") else rest)

    def _marked(self) -> str | None:
        """Read the calls behind opening marks; why one is broken, if any."""
        at, shown, kept_from = 0, 0, 0
        while shown < _MOST_SHOWN and (opening := OPENING.search(self.answer, at)):
            group = group_at(self.answer, opening.start(), self.names)
            start, end = opening.start(), max(group.end, opening.end())
            if self._only_shown(start, opening.end(), group, end):
                shown, at = shown + 1, end
                continue
            if fault := group.fault or self._take(group.calls):
                return fault
            self.kept.append(_unfenced(self.answer[kept_from:start]))
            at = kept_from = end
        self.kept = [*self.kept, self.answer[kept_from:]] if self.calls else []
        return None

    def _take(self, raws: Sequence[Raw]) -> str | None:
        for raw in raws:
            name = self.names.bound(raw.name)
            if name is None:
                return f"it writes a call of a tool that is not bound ({_bound(self.tools)})"
            if raw.fault:
                return raw.fault
            self.calls.append(TextCall(name, raw.arguments))
        if len(self.calls) > MOST_CALLS:
            return f"it writes more than {MOST_CALLS} tool calls as text"
        return None

    def _only_shown(self, start: int, mark_end: int, group: Group, end: int) -> bool:
        """Whether what stands at a mark is shown or spoken of, and not a call that is made."""
        before = self.answer[:start].strip()
        behind = without_ends(self.answer[end:])
        code = self.spans.around(start)
        if code and code[0] != start:
            lead, after = self.answer[: code[0]].strip(), self.answer[max(end, code[1]) :]
            after = after.strip(" \n\t`")
            if self.answer.startswith("```", code[0]):
                return _explains(lead, after) or bool(lead and after)
            return bool(lead or after)
        if not code and self.spans.in_quotes(start):
            return bool(before[:-1])
        if not group.calls and not group.tried:
            # The mark alone: at an answer's or line's beginning it is a try, in a sentence a word.
            ended = not without_ends(self.answer[mark_end:])
            begins = not self.answer[max(0, start - 80) : start].rpartition("\n")[2].strip()
            return not (ended or begins)
        if not before and not behind:
            return False
        if _SPOKEN.search(self.answer[:start].rstrip(" \t")) and _GOES_ON.match(self.answer, end):
            return True  # in the middle of a sentence
        lead = before.rpartition("\n\n")[2]
        if group.fault or not all(self.names.bound(raw.name) for raw in group.calls):
            ends = [at for mark in ("</", "\n\n") if (at := self.answer.find(mark, end)) >= 0]
            shape = self.answer[mark_end : min([*ends, len(self.answer)])]
            return bool(PLACEHOLDER_TEXT.search(shape)) or _explains(lead, behind)
        filled = not any(_placeholders(raw.arguments) for raw in group.calls)
        return bool(EXPLAINS.search(lead[-200:])) and (bool(behind) or not filled)

    def _unmarked(self) -> str | None:
        """Read an answer that is, or ends in, JSON or Python's calls without a mark."""
        text = without_ends(self.answer)
        if self.spans.fences and (broken := self._fenced(self.spans.fences)):
            return broken
        if self.calls or not text:
            return None
        wrapped = text.strip("`").strip() if not text.startswith("```") else text
        if tagged := _IN_TAG.fullmatch(wrapped):
            wrapped = tagged["inside"]
        alone = bare_group(wrapped, 0, self.names)
        if alone.calls and not wrapped[alone.end :].strip():
            return self._take(alone.calls)
        if alone.tried and alone.fault:
            return alone.fault
        if alone.calls and all(self.names.bound(raw.name) for raw in alone.calls):
            behind = wrapped[alone.end :].strip()
            if alone.json and not EXPLAINS.search(behind[:300]):
                self.kept.append(behind)
                return self._take(alone.calls)
            return None
        return self._trailing(text)

    def _fenced(self, fences: Sequence[Fence]) -> str | None:
        """Read the fences of an answer, where they follow one another and hold nothing but calls."""
        lead = self.answer[: fences[0].start].strip()
        behind = without_ends(self.answer[fences[-1].end :])
        if _explains(lead, behind) or (lead and behind):
            return None
        for fence, following in pairwise(fences):
            if self.answer[fence.end : following.start].strip():
                return None
        found: list[Raw] = []
        for fence in fences:
            # Python in a fence is a program, unless it is a list of calls and nothing else.
            listed = fence.inside.startswith(("[", "{")) and not lead and not behind
            if fence.language not in (_DATA_FENCES | ({"python", "py"} if listed else set())):
                return None
            group = bare_group(fence.inside, 0, self.names)
            if group.fault:
                return group.fault
            if not group.calls or fence.inside[group.end :].strip():
                return None
            found += group.calls
        if (lead or behind) and not all(self.names.bound(raw.name) for raw in found):
            return None
        self.kept += [lead, behind]
        return self._take(found)

    def _trailing(self, text: str) -> str | None:
        """Read the calls that an answer ends in, behind a sentence or on a line of their own."""
        if self.spans.around(len(text) - 1):
            return None
        for tries, found in enumerate(_TRAILING.finditer(text)):
            if tries >= _MOST_SHOWN:
                break
            if self.spans.around(found.end()):
                continue
            lead = text[: found.start()].strip()
            group = bare_group(text, found.end(), self.names)
            named = [raw for raw in group.calls if self.names.bound(raw.name)]
            if group.tried and group.fault and not _explains(lead, ""):
                return group.fault
            if named and len(named) == len(group.calls) and not text[group.end :].strip():
                if EXPLAINS.search(lead[-200:]):
                    return None
                self.kept.append(lead)
                return self._take(named)
        return None


def _explains(lead: str, behind: str) -> bool:
    return bool(EXPLAINS.search(lead[-200:]) or EXPLAINS.search(behind[:300]))


def _placeholders(arguments: Mapping[str, Any]) -> bool:
    return any(
        isinstance(value, str) and PLACEHOLDER_VALUE.search(value) for value in arguments.values()
    )


def _unlabelled(text: str) -> str:
    """Text beside a call, without a last line that only announces it."""
    before, _, last = text.strip().rpartition("\n")
    return before.rstrip() if len(last) < 60 and LABEL.fullmatch(last) else text.strip()


def _unfenced(text: str) -> str:
    """Text before a call, without the opening of a fence that the call stands in."""
    return re.sub(r"```\w{0,20}\s{0,99}\Z", "", text)


def _bound(tools: Tools) -> str:
    return "bound: " + ", ".join(sorted(tools))
