"""Separate thinking in the text of an answer from the answer.

Reasoning models mark their thinking in the text; servers that don't know a model's marks pass them
on. Templates often contain the opening mark, so that only the closing one is in the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router.tiers.model_text._spans import CodeSpans

THINKING_SIGNS = re.compile("[<\\[◁]|analysis")
"""Any text with thinking in it holds one of these: a quick look before the reading."""

_NAMES = r"(?:\w+:)?(?:think|thinking|thoughts?|reasoning|scratchpad)"
_MARK = re.compile(
    rf"(?P<open><{_NAMES}\s*>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|START_THINKING\|>"
    r"|<\|channel>thought\b|<unused94>(?:thought\b)?)"
    rf"|(?P<close></{_NAMES}\s*>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|END_THINKING\|>"
    r"|<channel\|>|<unused95>)",
    re.IGNORECASE,
)
_HARMONY = re.compile(
    r"(?:<\|start\|>)?(?:assistant)?(?P<to>\s{0,9}to=[\w.\-]+)?\s{0,9}"
    r"<\|channel\|>(?P<channel>\w+)(?P<head>[^<]*(?:<\|constrain\|>[^<]*)?)<\|message\|>"
)
_HARMONY_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_HARMONY_START = re.compile(
    r"\s*+(?:(?:<\|start\|>)?(?:assistant)?(?:\s{0,9}to=[\w.\-]+)?\s{0,9}<\|channel\|>"
    r"|(?:analysis|final|commentary)<\|message\|>)"
)
_HARMONY_SWALLOWED = re.compile(r"<\|end\|>\s*<\|start\|>assistant(?=[^<]{0,100}<\|channel\|>)")
# Servers that drop special tokens leave the names of the channels behind.
_HARMONY_BARE = re.compile(r"\s*analysis(?=[^\sa-z]|\n)")
_HARMONY_BARE_NEXT = re.compile(r"assistant(?:final|(?=commentary\s*to=))")
_OPENS_IN_TEMPLATE = re.compile(
    r"deepseek-r\d|\br1\b|qwq|qwen-?3|think|reason|magistral|nemotron|glm-?(?:4\.[1-9]|z1)|exaone-deep"
    r"|marco-o1|skywork-o1|olmo-?3|smollm-?3|seed-oss|minimax-m",
    re.IGNORECASE,
)
"""Names of models whose prompt templates, some or all of them, open the thinking."""
_RESPONSE = (
    ("<response>", "</response>"),
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
)
_DATA = ("{", "[{", "[TOOL_CALLS]", "```", "<tool_call", "<function", "<invoke", "<|tool", "<｜")
_MOST_MARKS = 1000


@dataclass(frozen=True, repr=False)
class ThoughtText:
    """A text with its thinking separated. Its repr has no text.

    Attributes:
        thinking: The model's thinking; "" where none is marked.
        answer: The text outside of the thinking; the whole text where none is marked.
        whole: Whether the thinking is complete; after an unclosed one there is no answer.
    """

    thinking: str
    answer: str
    whole: bool = True


def split_thinking(text: str) -> ThoughtText:
    """Separate a text's thinking from its answer.

    Thinking is what stands between marks such as `<think>` and `</think>` at the beginning of the
    text or of a line of it, nested ones included; what stands before a closing mark alone; and
    the analysis channel of harmony (gpt-oss). Marks that stand in code or between quotation marks
    are part of the answer. The time is linear in the text.
    """
    if _HARMONY_START.match(text):
        return _harmony(text)
    if swallowed := _HARMONY_SWALLOWED.search(text):
        rest = _harmony(text[swallowed.end() :])
        return ThoughtText(_joined(text[: swallowed.start()], rest.thinking), rest.answer)
    if bare := _HARMONY_BARE.match(text):
        following = _HARMONY_BARE_NEXT.search(text, bare.end())
        if following:
            return ThoughtText(
                text[bare.end() : following.start()].strip(), text[following.end() :].lstrip()
            )
    return _marked(text)


def separate_thinking(message: AIMessage) -> AIMessage:
    """A message whose thinking is a reasoning block and whose text is the answer alone.

    Thinking in the text becomes LangChain's standard block `{"type": "reasoning", "reasoning":
    ...}` in the content, before the text that it stood in.

    Returns:
        The message itself where its text holds no thinking.
    """
    content = message.content
    if isinstance(content, str):
        found = split_thinking(content)
        if found.answer == content:
            return message
        # Without thoughts in it ("<think></think>") the content stays a plain text.
        if not found.thinking:
            return message.model_copy(update={"content": found.answer})
        return message.model_copy(
            update={
                "content": [*_blocks(found, {}), *message.tool_calls],
                # Some providers' translators know no reasoning beside text; standard blocks pass.
                "response_metadata": {**message.response_metadata, "output_version": "v1"},
            }
        )
    blocks: list[Any] = []
    for block in content:
        text = block if isinstance(block, str) else _text_of(block)
        found = split_thinking(text)
        if found.answer == text:
            blocks.append(block)
        else:
            blocks += _blocks(found, block if isinstance(block, dict) else {})
    if blocks == content:
        return message
    return message.model_copy(update={"content": blocks})


def thinking_is_complete(message: AIMessage) -> bool:
    """Whether all thinking in a message's text has its closing mark."""
    content = message.content
    texts = [content] if isinstance(content, str) else content
    return all(
        split_thinking(block if isinstance(block, str) else _text_of(block)).whole
        for block in texts
    )


def opens_thinking_in_template(model: str) -> bool:
    """Whether a model is known, by its name, to be prompted with the opening mark of its thinking."""
    return _OPENS_IN_TEMPLATE.search(model) is not None


def may_close_thinking(text: str, begin: int) -> bool:
    """Whether a closing mark stands in a text from a place on, spoken of or not."""
    return any(found["close"] for found in _MARK.finditer(text, begin))


def closes_unopened(text: str) -> bool:
    """Whether a text ends thinking that no mark in it has opened."""
    first = _MARK.search(text)
    return bool(first and first["close"]) and split_thinking(text).answer != text


def _text_of(block: dict[str, Any]) -> str:
    text = block.get("text") if block.get("type") == "text" else None
    return text if isinstance(text, str) else ""


def _blocks(found: ThoughtText, block: dict[str, Any]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if found.thinking:
        blocks.append({"type": "reasoning", "reasoning": found.thinking})
    if found.answer:
        blocks.append({**block, "type": "text", "text": found.answer})
    return blocks


def _joined(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _marked(text: str) -> ThoughtText:
    marks = [found for found, _ in zip(_MARK.finditer(text), range(_MOST_MARKS), strict=False)]
    if not marks:
        return ThoughtText("", text)
    spans = CodeSpans(text)
    # JSON and calls may hold a mark in their strings, and never begin with thoughts.
    data = text.lstrip().startswith(_DATA)
    thoughts: list[str] = []
    answer: list[str] = []
    at = index = 0
    first = len(text) - len(text.lstrip())
    while index < len(marks):
        mark = marks[index]
        if mark["close"]:
            if not data and _closes_alone(text, mark, spans):
                # The template wrote the opening: all that came before was thought.
                thoughts += [*answer, text[at : mark.start()]]
                answer, at = [], mark.end()
            index += 1
            continue
        if not _begins_line(text, mark, at) or (
            mark.start() > first and spans.quoted(mark.start(), mark.end())
        ):
            index += 1
            continue
        closing = _closing(text, marks, index, spans)
        answer.append(text[at : mark.start()])
        if closing is None:
            return _thought([*thoughts, text[mark.end() :]], answer, whole=False)
        thoughts.append(text[mark.end() : marks[closing].start()])
        at, index = marks[closing].end(), closing + 1
    if not at:
        return ThoughtText("", text)
    return _thought(thoughts, [*answer, text[at:]])


def _thought(thoughts: list[str], answer: list[str], *, whole: bool = True) -> ThoughtText:
    said = "".join(answer) if any(part.strip() for part in answer[:-1]) else answer[-1].lstrip()
    for opening, closing in _RESPONSE:
        if said.startswith(opening):
            said = said.removeprefix(opening).rstrip().removesuffix(closing).strip()
    return ThoughtText(_joined(*thoughts), said if said.strip() else "", whole)


def _begins_line(text: str, mark: re.Match[str], at: int) -> bool:
    before = text[max(at, mark.start() - 80) : mark.start()].rpartition("\n")[2]
    return not before.strip() and (mark.start() - at < 80 or len(before) < 80)


def _before(text: str, mark: re.Match[str]) -> str:
    return text[max(0, mark.start() - 1) : mark.start()]


def _closes_alone(text: str, mark: re.Match[str], spans: CodeSpans) -> bool:
    """Whether a closing mark without its opening ends thinking, and is not just spoken of."""
    if spans.quoted(mark.start(), mark.end()):
        return False
    before, behind = _before(text, mark), text[mark.end() : mark.end() + 1]
    return before in ("", "\n") or behind in ("", "\n") or before in ".!?。！？)…}]`*"


def _closing(text: str, marks: list[re.Match[str]], opening: int, spans: CodeSpans) -> int | None:
    """The index of the mark that closes an opening one.

    A closing mark that the thoughts quote does not count; where the openings are more than the
    closings (the thoughts speak of one), the last closing counts.
    """
    depth, last, last_quoted = 0, None, None
    for index in range(opening, len(marks)):
        mark = marks[index]
        quoted = index > opening and spans.quoted(mark.start(), mark.end())
        if mark["close"] and quoted and _before(text, mark) == "\n":
            # An unclosed fence in the thoughts swallows their end.
            last_quoted = index if last_quoted is None else last_quoted
        if quoted:
            continue
        depth += 1 if mark["open"] else -1
        if mark["close"]:
            last = index
        if depth == 0:
            return index
    return last if last is not None else last_quoted


def _harmony(text: str) -> ThoughtText:
    """Harmony's channels: `analysis` is thought, `final` and `commentary` are said.

    A commentary to a tool stays as it is, since it is a tool call.
    """
    if not text.lstrip().startswith("<"):
        text = "<|channel|>" + text.lstrip()
    thoughts: list[str] = []
    answer: list[str] = []
    at, whole = 0, True
    while found := _HARMONY.search(text, at):
        end = _HARMONY_END.search(text, found.end())
        stop = end.start() if end else len(text)
        body = text[found.end() : stop]
        if "to=" in found["head"] or found["to"]:
            answer.append(text[found.start() : end.end() if end else stop])
            whole = True
        elif found["channel"] == "analysis":
            thoughts.append(body)
            whole = end is not None
        else:
            answer.append(body)
            whole = True
        at = end.end() if end and end.group() in ("<|end|>", "<|return|>", "<|call|>") else stop
    if not at:
        # A head that was cut off before its message.
        return ThoughtText("", "", whole=False)
    said = [part.strip() for part in [*answer, text[at:]] if part.strip()]
    return ThoughtText(_joined(*thoughts), "\n\n".join(said), whole)
