"""Compare an accepted answer with the last tier's: the same, different, or not to be compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from langchain_core.decisions import BaseDecisionModel, Noul, NoulCriteria
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router._internal.schemas import SchemaError, parse_json
from lc_asym_router.classify.chat_decision_model import ChatDecisionModel
from lc_asym_router.errors import ClassifierError, ConfigurationError
from lc_asym_router.records.request import Request
from lc_asym_router.verify.answers.calls import same_calls
from lc_asym_router.verify.answers.comparing import agree
from lc_asym_router.verify.answers.final_answer import FinalAnswer, final_answer
from lc_asym_router.verify.answers.structured_values import normalized_data
from lc_asym_router.verify.answers.texts import SHORT

Outcome = Literal["same", "differs", "incomparable"]

_OVERLAP = 0.8
"""Share of common words from which two long texts may mean the same."""
_YES = 0.5
"""Probability of "yes" from which a judge says yes."""

SAME = Noul(
    instructions=(
        "Would a reader who asked this get the same from either answer? Compare what the answers say "
        "and do, not how they are worded, how long they are, or which comes first."
    ),
    criteria=NoulCriteria(
        true="Both say the same in substance: neither states or does what the other does not.",
        false="They differ in something that matters to whoever asked.",
    ),
)
BETTER = Noul(
    instructions=(
        "Is the first answer better than the second one for this request? What counts is whether it "
        "is right and complete, not its length, its style, or that it comes first."
    ),
    criteria=NoulCriteria(
        true="The first answer is right where the second is wrong, or clearly more useful.",
        false="They are equally good, or the second is better.",
    ),
)
_ID = "answer"


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """What comparing two answers has come to. It holds none of their text.

    Attributes:
        outcome: "same", "differs", or "incomparable": nothing here can say.
        by: What compared them: "calls", "fields", "answer" or "judge".
        worse: Whether the last tier's answer is the better one; `None` where nobody can say.
        reason: Why they can't be compared, or why `worse` is not known, in one line; else "".
    """

    outcome: Outcome
    by: str
    worse: bool | None = None
    reason: str = ""


class PairJudge:
    """A model that sees two answers in both orders, each in a frame that it can't close.

    Args:
        model: A chat model or a decision model.

    Raises:
        ConfigurationError: It is neither.
    """

    def __init__(self, model: BaseChatModel | BaseDecisionModel) -> None:
        if not isinstance(model, BaseChatModel | BaseDecisionModel):
            raise ConfigurationError(
                f"Audit(judge={type(model).__name__}) needs a chat model, a decision model, or "
                '"frontier" for the last tier\'s own.'
            )
        self.model = (
            model if isinstance(model, BaseDecisionModel) else ChatDecisionModel(chat=model)
        )

    def same(self, request: Request, small: AIMessage, frontier: AIMessage) -> bool | None:
        """Whether two answers say the same; `None` where the judge contradicts itself.

        Raises:
            Exception: Whatever the model raises.
        """
        one = self._asked(SAME, request, small, frontier)
        other = self._asked(SAME, request, frontier, small)
        return one if one == other else None

    def worse(self, request: Request, small: AIMessage, frontier: AIMessage) -> bool | None:
        """Whether the last tier's answer is the better one; `None` where the order decides.

        Raises:
            Exception: Whatever the model raises.
        """
        first = self._asked(BETTER, request, frontier, small)
        other = self._asked(BETTER, request, small, frontier)
        return None if first and other else first

    def _asked(self, question: Noul, request: Request, one: AIMessage, other: AIMessage) -> bool:
        state: Any = {
            "request": list(request.messages),
            "first answer": _shown(one),
            "second answer": _shown(other),
        }
        response = self.model.invoke({"state": state, "questions": {_ID: question}})
        found = response.nouls.get(_ID)
        if found is None:
            raise ClassifierError(f"{response.model} did not answer the Noul question.")
        return found.noul >= _YES


def compare_pair(
    request: Request,
    small: AIMessage,
    frontier: AIMessage,
    judge: PairJudge | None = None,
    *,
    arbitrate: bool = True,
    settle: Callable[[PairOutcome], None] = lambda found: None,
) -> PairOutcome:
    """Compare an accepted answer with the last tier's to the same request.

    Tool calls are compared for what they do, structured outputs field by field, final answers by
    meaning. Free text is for the judge; without one it can't be compared, and that is never counted
    as agreement.

    Args:
        request: What was asked.
        small: The accepted answer.
        frontier: The last tier's.
        judge: Who compares free text, and says which of two different answers is better.
        arbitrate: Whether the judge is to say that.
        settle: Called with what is found so far, before the judge is asked that.
    """
    found = _by_rules(request, small, frontier)
    if found.outcome == "incomparable" and judge is not None:
        said = _judged(lambda: judge.same(request, small, frontier))
        if isinstance(said, str):
            return PairOutcome("incomparable", "judge", None, said)
        found = PairOutcome("same" if said else "differs", "judge")
    if found.outcome == "same":
        return PairOutcome("same", found.by, False)
    if found.outcome == "incomparable" or judge is None or not arbitrate:
        return found
    settle(found)
    worse = _judged(lambda: judge.worse(request, small, frontier))
    if isinstance(worse, str):
        return PairOutcome("differs", found.by, None, worse)
    return PairOutcome("differs", found.by, worse)


def _judged(ask: Callable[[], bool | None]) -> bool | str:
    """What a judge says, or why it says nothing."""
    try:
        said = ask()
    except Exception as error:  # a judge is anybody's, and never an audit's end
        return f"the judge failed: {describe_error(error)}"
    return "the judge contradicts itself when the order is turned" if said is None else said


def _by_rules(request: Request, small: AIMessage, frontier: AIMessage) -> PairOutcome:
    """What can be said without a model; "incomparable" for free text."""
    if request.schema is not None:
        return _fields(small, frontier)
    if small.tool_calls or frontier.tool_calls:
        tools = request.tools.openai_tools if request.tools else []
        ours, theirs = (
            cast("list[Mapping[str, Any]]", each.tool_calls) for each in (small, frontier)
        )
        return PairOutcome("same" if same_calls(ours, theirs, tools) else "differs", "calls")
    one, other = final_answer(str(small.text)), final_answer(str(frontier.text))
    if "none" in (one.kind, other.kind):
        return PairOutcome("incomparable", "answer", None, "an answer's end is missing")
    if agree(request.turn_text, one, other, _OVERLAP):
        return PairOutcome("same", "answer")
    if _is_brief(one) and _is_brief(other):
        return PairOutcome("differs", "answer")
    return PairOutcome("incomparable", "answer", None, "free text, and no judge")


def _is_brief(answer: FinalAnswer) -> bool:
    """Whether an answer is a value and not a text that may say the same in other words."""
    if answer.kind in ("code", "formula"):
        return False
    return answer.kind != "text" or len(answer.value.split()) <= SHORT // 3


def _fields(small: AIMessage, frontier: AIMessage) -> PairOutcome:
    """Two structured outputs, field by field."""
    one, other = _data(small), _data(frontier)
    if one is None or other is None:
        return PairOutcome("incomparable", "fields", None, "an output is no JSON")
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return PairOutcome(
            "same" if normalized_data(one) == normalized_data(other) else "differs", "fields"
        )
    ours, theirs = normalized_data(one), normalized_data(other)
    unlike = [
        (ours.get(name), theirs.get(name))
        for name in {*ours, *theirs}
        if ours.get(name) != theirs.get(name)
    ]
    if not unlike:
        return PairOutcome("same", "fields")
    if all(_are_prose(*pair) for pair in unlike):
        return PairOutcome("incomparable", "fields", None, "fields of free text, and no judge")
    return PairOutcome("differs", "fields")


def _are_prose(one: Any, other: Any) -> bool:
    return all(isinstance(each, str) and len(each.split()) > SHORT // 3 for each in (one, other))


def _data(message: AIMessage) -> Any:
    """A structured output: the arguments of its one tool call, or its text as JSON."""
    if message.tool_calls:
        return message.tool_calls[0]["args"]
    try:
        return parse_json(str(message.text))
    except (SchemaError, RecursionError):
        return None


def _shown(message: AIMessage) -> str:
    calls = [[call["name"], call["args"]] for call in message.tool_calls]
    return str(message.text) + (f"\n{json.dumps(calls, default=str)}" if calls else "")
