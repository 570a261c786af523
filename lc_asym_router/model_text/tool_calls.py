"""Tool calls that a model wrote as text, read as the calls that they are.

Local servers hand a model's calls on as text where they don't know its form. A call that is whole
and names a bound tool is read; one that is broken is said to be; an answer that only shows what a
call looks like stays text. Nothing is evaluated, nesting and size are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, ToolCall

from lc_asym_router.model_text._families import (
    ENDS,
    EXPLAINS,
    LEAKED,
    OPENING,
    PLACEHOLDER,
)
from lc_asym_router.model_text._groups import Group, Names, Raw, bare_group, group_at
from lc_asym_router.model_text._spans import CodeSpans, Fence
from lc_asym_router.model_text.thinking import split_thinking

LONGEST = 400_000
"""Characters of an answer that are read for calls."""

_MOST_SHOWN = 32
"""Calls that are only shown, after which the rest of an answer counts as text."""

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
    return _Reading(text, split_thinking(text).answer, tools).result()


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
    if message.response_metadata.get("output_version") == "v1" and isinstance(content, list):
        content = [*content, *calls]
    update = {"content": content, "tool_calls": calls}
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
        self.spans = CodeSpans(self.answer)
        self.names = Names(self.tools)
        if LEAKED.match(self.answer) and OPENING.search(self.answer) is None:
            probe = _Reading("", LEAKED.sub("", self.answer).rpartition("|>")[2], self.tools)
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
        rest = ENDS.sub("", "\n\n".join(part.strip() for part in self.kept if part.strip()))
        return ReadCalls(tuple(self.calls), rest.strip())

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
        self.kept.append(self.answer[kept_from:])
        return None

    def _take(self, raws: Sequence[Raw]) -> str | None:
        for raw in raws:
            name = self.names.bound(raw.name)
            if name is None:
                return f"it writes a call of a tool that is not bound ({_bound(self.tools)})"
            if raw.fault:
                return raw.fault
            self.calls.append(TextCall(name, raw.arguments))
        return None

    def _only_shown(self, start: int, mark_end: int, group: Group, end: int) -> bool:
        """Whether what stands at a mark is shown or spoken of, and not a call that is made."""
        before, behind = self.answer[:start].strip(), self.answer[end:]
        behind = ENDS.sub("", behind).strip()
        code = self.spans.around(start)
        if code and code[0] != start:
            fenced = self.answer.startswith("```", code[0])
            lead = self.answer[: code[0]].strip()
            after = self.answer[max(end, code[1]) :].strip(" \n\t`")
            if not fenced:
                return bool(lead.strip("`") or after)
            return _explains(lead, after) or bool(lead and after)
        if self.spans.quoted(start, mark_end) or self.spans.quoted(start, end):
            return bool(before[:-1])
        if not group.calls and not group.tried:
            # The mark alone: at an answer's or line's beginning it is a try, in a sentence a word.
            ended = not ENDS.sub("", self.answer[mark_end:]).strip()
            begins = not self.answer[max(0, start - 80) : start].rpartition("\n")[2].strip()
            return not (ended or begins) or (self.answer.startswith("to=", start))
        if not before and not behind:
            return False
        lead = before.rpartition("\n\n")[2]
        if group.fault or any(self.names.bound(raw.name) is None for raw in group.calls):
            return bool(PLACEHOLDER.search(self.answer, start, end)) or _explains(lead, behind)
        filled = not any(_placeholders(raw.arguments) for raw in group.calls)
        return bool(EXPLAINS.search(lead[-200:])) and (bool(behind) or not filled)

    def _unmarked(self) -> str | None:
        """Read an answer that is, or ends in, JSON or Python's calls without a mark."""
        text = ENDS.sub("", self.answer).strip()
        if len(self.spans.fences) == 1 and (broken := self._fenced(self.spans.fences[0])):
            return broken
        if self.calls or not text:
            return None
        wrapped = text.strip("`").strip() if not text.startswith("```") else text
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

    def _fenced(self, fence: Fence) -> str | None:
        """Read the one fence of an answer."""
        if fence.language not in (
            "",
            "json",
            "jsonc",
            "json5",
            "python",
            "py",
            "xml",
            "plaintext",
            "text",
        ):
            return None
        lead, behind = self.answer[: fence.start].strip(), self.answer[fence.end :].strip()
        if _explains(lead, behind) or (lead and behind):
            return None
        group = bare_group(fence.inside, 0, self.names)
        code = fence.language in ("python", "py")
        if code and not (not lead and not behind and fence.inside.startswith("[")):
            return None
        if group.fault:
            return group.fault if group.tried else None
        if not group.calls or fence.inside[group.end :].strip():
            return None
        if (lead or behind) and not all(self.names.bound(raw.name) for raw in group.calls):
            return None
        self.kept += [lead, behind]
        return self._take(group.calls)

    def _trailing(self, text: str) -> str | None:
        """Read the calls that an answer ends in, behind a sentence, from a line's beginning."""
        if self.spans.around(len(text) - 1):
            return None
        for tries, found in enumerate(re.finditer(r"^[ \t]{0,9}(?=[{\[])", text, re.MULTILINE)):
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
    return any(isinstance(value, str) and PLACEHOLDER.search(value) for value in arguments.values())


def _unfenced(text: str) -> str:
    """Text before a call, without the opening of a fence that the call stands in."""
    return re.sub(r"```\w{0,20}\s{0,99}\Z", "", text)


def _bound(tools: Tools) -> str:
    return "bound: " + ", ".join(sorted(tools))
