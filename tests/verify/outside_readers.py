"""The other functions that read text from outside: tool calls as text, thinking, judges' replies,
requests, programs, plans. As `readers`, each as a function of one text."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from lc_asym_router import Attempt, KeywordClassifier, LearnedClassifier
from lc_asym_router._internal import chunks, provider_errors, redaction
from lc_asym_router.classify import chat_decision_model, keyword, kind_features
from lc_asym_router.classify import text_features as features
from lc_asym_router.classify.scorer import QUESTION, RUBRIC
from lc_asym_router.decompose.splitting.planner import StructuralPlanner
from lc_asym_router.embedded import tool_text
from lc_asym_router.money.budgets.amounts import most_input_tokens
from lc_asym_router.records import request as requests
from lc_asym_router.records.request import Request
from lc_asym_router.tiers import provider
from lc_asym_router.tiers.model_text import structured_output as structured
from lc_asym_router.tiers.model_text import thinking, tool_calls
from lc_asym_router.verify import judge_check as self_verify
from lc_asym_router.verify import recast, second
from lc_asym_router.verify.answers import evaluate_program as evaluate
from tests.verify.readers import TOOL, two

TOOLS = tool_calls.tools_of([TOOL])
MODULES = (thinking, tool_calls, structured, tool_text, evaluate, keyword, kind_features, redaction)


def json_in(text: str) -> Any:
    with suppress(ValueError):  # as it says
        return structured.json_in(text)
    return None


def asked(text: str) -> Request:
    return Request((HumanMessage(text),))


def attempt(text: str) -> Attempt:
    return Attempt("small", "m", AIMessage(text), asked(text))


def streamed(text: str) -> list[AIMessageChunk]:
    """The text as a stream brings it, the end of it as a tool call's arguments."""
    pieces = [text[at : at + 50] for at in range(0, len(text), 50)]
    return [
        *(AIMessageChunk(piece) for piece in pieces),
        *(
            AIMessageChunk(
                "", tool_call_chunks=[{"name": None, "args": piece, "id": None, "index": 0}]
            )
            for piece in pieces
        ),
    ]


def recasting(text: str) -> Any:
    return [way.read(AIMessage(text)) for way in recast.recasts(asked(text))]


def reading(kind: Any) -> Callable[[str], Any]:
    """What a sample says that was asked in one representation."""
    letters = {"A": "B", "B": "A"}
    return lambda text: recast.Recast(kind, (HumanMessage("x"),), letters).read(AIMessage(text))


def unfolding(text: str) -> Any:
    """A whole completion of the text, as a stream."""
    choice = {"index": 0, "message": {"content": text}, "finish_reason": "stop"}
    return list(tool_text.unfold({"choices": [choice]}, usage=True))


def classified(model: Any) -> Callable[[str], Any]:
    return lambda text: model.invoke({"state": text, "questions": {QUESTION: RUBRIC}})


def logprobs(text: str) -> Any:
    tokens = [{"token": piece, "logprob": -1.0} for piece in text[:2000]]
    message = AIMessage(text, response_metadata={"logprobs": {"content": tokens}})
    return chat_decision_model.level_probabilities(message, 0, 5)


OUTSIDE: dict[str, Callable[[str], Any]] = {
    "thinking.split_thinking": thinking.split_thinking,
    "thinking.separate_thinking": lambda text: thinking.separate_thinking(AIMessage(text)),
    "thinking.thinking_is_complete": lambda text: thinking.thinking_is_complete(AIMessage(text)),
    "thinking.closes_unopened": thinking.closes_unopened,
    "thinking.may_close_thinking": lambda text: thinking.may_close_thinking(text, 5),
    "thinking.opens_thinking_in_template": thinking.opens_thinking_in_template,
    "tool_calls.read_calls": lambda text: tool_calls.read_calls(text, TOOLS),
    "tool_calls.repair_tool_calls": lambda text: tool_calls.repair_tool_calls(
        AIMessage(text), TOOLS
    ),
    "tool_calls.tools_of": lambda text: tool_calls.tools_of([{text: text}, {"function": text}]),
    "structured_output.json_candidates": structured.json_candidates,
    "structured_output.json_in": json_in,
    "tool_text.calls_in": lambda text: tool_text.calls_in(text, frozenset({"f"})),
    "tool_text.may_become_calls": tool_text.may_become_calls,
    "tool_text.offered_names": lambda text: tool_text.offered_names([{"function": {"name": text}}]),
    "tool_text.readable": tool_text.readable,
    "tool_text.unfold": unfolding,
    "evaluate_program.has_program": evaluate.has_program,
    "evaluate_program.program_value": evaluate.program_value,
    "keyword.turn_text": keyword.turn_text,
    "kind_features.kind_features": kind_features.kind_features,
    "redaction.redacted": two(lambda one, other: redaction.redacted(one, [other, "key"], ["k"])),
    "chunks.as_message": lambda text: chunks.as_message(streamed(text)) if text else None,
    "classify.features": lambda text: features.question_features(features.read_question(text)),
    "classify.buckets": lambda text: features.buckets(features.read_question(text), 1 << 12),
    "recasts": recasting,
    "Recast(same)": reading("same"),
    "Recast(steps)": reading("steps"),
    "Recast(order)": reading("order"),
    "Recast(program)": reading("program"),
    "Recast(turned)": reading("turned"),
    "second.replies_agree": two(
        lambda one, other: second.replies_agree(asked(one), AIMessage(one), AIMessage(other), 0.8)
    ),
    "self_verify.verdict_of": self_verify.verdict_of,
    "self_verify.question": lambda text: self_verify.question(attempt(text)),
    "chat_decision_model.level_probabilities": logprobs,
    "provider.no_answer": lambda text: provider.no_answer(AIMessage(text)),
    "provider_errors.describe_error": lambda text: provider_errors.describe_error(
        ValueError(text), texts=[text[:-3]]
    ),
    "request.estimated_tokens": lambda text: requests.estimated_tokens(
        [HumanMessage(text)], [TOOL]
    ),
    "bounds.most_input_tokens": lambda text: most_input_tokens([HumanMessage(text)]),
    "KeywordClassifier": classified(KeywordClassifier()),
    "LearnedClassifier": classified(LearnedClassifier()),
    "StructuralPlanner": StructuralPlanner(),
}
