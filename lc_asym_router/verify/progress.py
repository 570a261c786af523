"""Does an agent's turn get anywhere, or does it go round in circles?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from lc_asym_router.records.request import Request
from lc_asym_router.verify.answers.calls import call_keys
from lc_asym_router.verify.attempt import PASSED, Attempt, Verdict
from lc_asym_router.verify.check import Check

Calls = Sequence[Mapping[str, Any]]

_NO_ERROR = (
    r"(?!\W{1,3}(?:null|none|false|0|\[\]|\{\}|\"\"|'')"
    r"|\W{1,2}(?:rate|count|log|budget|bars?|free))"
)
_FAILED = re.compile(
    rf"\W{{0,3}}(?:(?:errors?|exceptions?|failed|failures?)\b{_NO_ERROR}|traceback\b"
    r"|(?:status|type|result)\W{1,5}(?:error|failed|failure)\b|(?:ok|success)\W{1,4}false\b"
    r"|is_?error\W{1,4}true\b|(?:[a-z_]\w{0,40}\.){0,4}(?-i:[A-Z]\w{0,40}(?:Error|Exception))\b)",
    re.IGNORECASE,
)
"""How a tool's result begins that is an error: in words, as Python's, as JSON."""
_EMPTY = re.compile(
    r"\W*(?:\w{1,20}\W+){0,3}(?:(?:none|null|empty)\W*|(?:nothing|not found"
    r"|(?:no|0|zero) (?:\w{1,20} ){0,2}(?:results?|match(?:es)?|hits?|data|entr(?:y|ies)|records?"
    r"|documents?|items?|rows?|answers?))\b.{0,60})"
    r"|\W*(?:\w{1,20}\W{1,4})?[\[{]\s?[\]}]\W*|\W*"
)
"""A result that holds nothing."""
_PASSING = re.compile(
    r"\d{4}-\d\d-\d\d|\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?|0x[0-9a-f]+"
    r"|\b[0-9a-f]{8}(?:-?[0-9a-f]{4,12}){0,4}\b"
    r"|\d+(?:\.\d+)?\s?(?:ms|s|sec|seconds)\b|\breq(?:uest)?\W{0,2}(?:id)?\W{1,3}\S{4,60}"
)
"""What differs from one time to the next in an error that is the same: times, addresses, ids."""
_WAITS = re.compile(
    r"\b(?:pending|running|queued|processing|in progress|not (?:yet )?(?:ready|done|finished)"
    r"|try again"
    r"|still)\b",
    re.IGNORECASE,
)
_LOOKED_AT = 2_000
"""Characters of a tool's result that are compared and searched."""
_BRIEF = 80
"""Characters up to which equal results of different calls are different news: "ok", "sunny"."""
_STEPS = 60
"""The latest steps of a turn that are looked at."""


@dataclass(frozen=True)
class ToolResult:
    """What a tool has answered; equal ones bring nothing new.

    Attributes:
        tool: The tool's name.
        key: The call, as `AgentStep.keys` has it, where its result says something of that call alone;
            "" where the result is an error, empty, or long.
        text: What it said, in lower case; an error without times and ids.
        failed: Whether that is an error.
    """

    tool: str
    key: str
    text: str
    failed: bool


@dataclass(frozen=True)
class AgentStep:
    """One step of an agent's turn: what a model called, and what came back.

    Attributes:
        message: The model's message.
        keys: A text for each of its calls, equal for calls that do the same.
        results: What the tools said, by the ids of the calls.
    """

    message: AIMessage
    keys: tuple[str, ...]
    results: Mapping[str, ToolMessage]

    @property
    def said(self) -> list[ToolResult]:
        """What each tool has answered."""
        found = []
        for call, key in zip(self.message.tool_calls, self.keys, strict=True):
            result = self.results.get(str(call["id"]))
            if result is not None:
                raw = str(result.text)[:_LOOKED_AT]
                text = " ".join(raw.casefold().split())
                if result.status == "error" or _FAILED.match(raw):
                    found.append(ToolResult(call["name"], "", _PASSING.sub("", text), True))
                else:
                    alike = len(text) > _BRIEF or _EMPTY.fullmatch(text)
                    found.append(ToolResult(call["name"], "" if alike else key, text, False))
        return found

    def result(self, key: str) -> str:
        """What a call of the step has brought; "" where nothing has come."""
        call = self.message.tool_calls[self.keys.index(key)]
        found = self.results.get(str(call["id"]))
        return str(found.text)[:_LOOKED_AT] if found is not None else ""

    @property
    def waits(self) -> bool:
        """Whether a tool has said that it is not done: to call it again is no circle."""
        return any(_WAITS.search(said.text) for said in self.said if not said.failed)


def steps_of(request: Request) -> list[AgentStep]:
    """The steps of the turn that a request goes on with, oldest first."""
    tools = request.tools.openai_tools if request.tools else []
    results: dict[str, ToolMessage] = {}
    steps: list[AgentStep] = []
    for message in reversed(request.messages):
        if isinstance(message, HumanMessage) or len(steps) == _STEPS:
            break
        if isinstance(message, ToolMessage):
            results[message.tool_call_id] = message
        elif isinstance(message, AIMessage) and message.tool_calls:
            keys = call_keys(cast("Calls", message.tool_calls), tools)
            steps.append(AgentStep(message, tuple(keys), results))
            results = {}
    return steps[::-1]


def repeated_steps(steps: Sequence[AgentStep], keys: Sequence[str]) -> int | None:
    """Which call was made before in a turn, with the same arguments and nothing new since.

    A call that stands between both and is new makes it none: tests that are run again after an edit
    are progress. Nor is it one where the tool has said to wait, or has said something else each time.

    Args:
        steps: The steps of the turn.
        keys: The calls of the next one, as `AgentStep.keys` has them.

    Returns:
        Its place among the calls, or `None`.
    """
    seen: set[str] = set()
    fresh = []  # whether a step has a call that none before it has
    for step in steps:
        fresh.append(not seen.issuperset(step.keys))
        seen.update(step.keys)
    for place, key in enumerate(keys):
        before = [i for i, step in enumerate(steps) if key in step.keys]
        if not before or any(fresh[before[-1] + 1 :]) or steps[before[-1]].waits:
            continue
        results = [steps[i].result(key) for i in before]
        if len(results) < 2 or len(set(results)) < len(results):
            return place
    return None


def stalled(request: Request, longest: int, mine: Callable[[AIMessage], bool]) -> str | None:
    """Why a turn gets nowhere, in a line; `None` where it gets on.

    It gets nowhere where the same call was made again with the same arguments and brought the same,
    where a tool failed twice in the same way, or where so many steps in a row brought nothing that
    was not there before.

    Args:
        request: What is asked: a turn that has begun, with its tools.
        longest: Steps in a row that may bring nothing new.
        mine: Whether a message was made by the tier that goes on: what others did before it is not
            its own doing.
    """
    steps = [step for step in steps_of(request) if mine(step.message)]
    if len(steps) < 2:
        return None
    *before, last = steps
    known = _all_said(before)
    for said in last.said:
        if said.failed and said in known:
            return f"the tool {said.tool} failed twice in the same way"
    place = repeated_steps(before, last.keys)
    if place is not None and last.said and known.issuperset(last.said):
        name = last.message.tool_calls[place]["name"]
        return f"the tool {name} was called again with the same arguments"
    if len(steps) >= longest and not any(_brings_news(steps, i) for i in range(-longest, 0)):
        return f"{longest} steps in a row brought nothing new"
    return None


class RepeatedCalls(Check):
    """Passes where no call of an agent's turn is made a second time with nothing new since.

    A call with the same arguments as one before in the turn tells a model that goes round in circles,
    and it may do its deed twice. It is none where another call that is new stands between both, or
    where the tool has said to wait ("pending", "still running"). It is part of the default where tools
    are bound. It costs nothing.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def check(self, attempt: Attempt) -> Verdict:
        calls, request = attempt.message.tool_calls, attempt.request
        if not calls or not (steps := steps_of(request)):
            return PASSED
        tools = request.tools.openai_tools if request.tools else []
        place = repeated_steps(steps, call_keys(cast("Calls", calls), tools))
        if place is None:
            return PASSED
        return Verdict(
            False,
            reason=f"it called {calls[place]['name']} again with the same arguments: the turn goes "
            "round in circles",
        )


def _all_said(steps: Sequence[AgentStep]) -> set[ToolResult]:
    return {each for step in steps for each in step.said}


def _brings_news(steps: Sequence[AgentStep], at: int) -> bool:
    """Whether a step has brought a result that is no error and was not there before."""
    before = _all_said(steps[:at])
    said = steps[at].said
    return not said or any(not each.failed and each not in before for each in said)
