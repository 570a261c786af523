"""The form in which a provider's properties are described: plain data, used by the whole package."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel

STANDARD = (
    "temperature",
    "max_tokens",
    "stop",
    "seed",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "logprobs",
    "top_logprobs",
    "n",
    "logit_bias",
)
"""Parameters that mean the same to many providers, under the names that most of them use."""
ALIASES = {
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "num_predict": "max_tokens",
    "stop_sequences": "stop",
    "random_seed": "seed",
    "candidate_count": "n",
}
"""Providers' own names of standard parameters: under any of them a call sets all tiers."""
SHARED = frozenset({"model", "response_format", "tool_choice", "parallel_tool_calls", "strict"})
"""Arguments that every client takes, or that are bound with tools and schemas."""
UNSENT = frozenset({"stream", "stream_usage"})
"""Arguments that are known and go to nobody: what is streamed, and counted in it, the router says."""

GAVE_UP = frozenset(
    {
        "abort",
        "aborted",
        "cancelled",
        "canceled",
        "error",
        "failed",
        "internal_error",
        "malformed_function_call",
        "malformed_model_output",
        "malformed_tool_use",
        "repetition",
        "time_limit",
        "timed_out",
        "timeout",
        "user_cancel",
    }
)
"""What servers call an end that is none: vLLM and SGLang say "abort", OpenRouter "error", ..."""

GAVE_UP_LIKE = re.compile(
    "error|fail|abort|cancel|time_?out|overload|unavailable|insufficient|interrupt|malformed"
    "|disconnect|preempt|evict|crash"
)
"""Parts of further words for such an end; servers make new ones."""

Wanted = Mapping[str, Any]
RefusedNames = Callable[[BaseChatModel, Wanted], frozenset[str]]
Arranged = Callable[[BaseChatModel, dict[str, Any]], dict[str, Any]]


def refuses_nothing(model: BaseChatModel, wanted: Wanted) -> frozenset[str]:
    """No model of the provider is known to refuse what its provider takes."""
    return frozenset()


def as_it_is(model: BaseChatModel, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments go to the client as they are."""
    return arguments


@dataclass(frozen=True)
class Provider:
    """What is known of a provider and of its LangChain client.

    Attributes:
        name: As LangSmith names it (`ls_provider`): "ollama", "openai", ...
        title: For people.
        clients: Client classes, as "package.Class".
        parameters: Standard parameters that it takes, with its client's name of each in a call.
        own: Further arguments of a call that it takes, and that go to nobody else.
        refused: Which arguments one model of it refuses, from the model and the arguments.
        arranged: Puts translated arguments into the form that its client takes.
        written_as: What stands under `model_provider` on the messages that its client makes.
        reads_blocks: Types of content blocks in an AI message that its client reads.
        late_system: Whether it takes a system message that is not the first one.
        inputs: What its API and its client carry besides text, of "image", "audio", "pdf", "video",
            "file"; `None` where that is not known.
        image_urls: Whether it fetches images by their address.
        file_urls: Whether it fetches files by their address.
        rich_tool_results: Whether a tool's result may hold images.
        result_blocks: Types of further blocks that its client reads in a tool's result; `None` for any.
        opens_with_answers: Whether the first message after the system's may be a model's.
        plain_call_names: Whether it refuses other characters than letters, digits, "_" and "-" in
            the names of tools.
        empty_answers: Whether an AI message without text and calls may stand in a history.
        keeps_tool_choice_none: Whether it can be told to call none of the bound tools.
        marks_end: Whether every whole answer says why it ended.
        failed_ends: Reasons of an end that is no end, in lower case; those of `GAVE_UP` are added.
        asks_for_usage: Whether token counts come in a stream only where the client asks for them.
        known: Whether anything is known of it; `False` for a class that is in no file here.
        notes: What else a user should know, for the table in the docs.
    """

    name: str
    title: str
    clients: tuple[str, ...]
    parameters: Mapping[str, str]
    own: frozenset[str] = frozenset()
    refused: RefusedNames = refuses_nothing
    arranged: Arranged = as_it_is
    written_as: frozenset[str] = frozenset()
    reads_blocks: frozenset[str] = frozenset({"text", "tool_use", "tool_call"})
    late_system: bool = True
    inputs: frozenset[str] | None = None
    image_urls: bool = True
    file_urls: bool = False
    rich_tool_results: bool = False
    result_blocks: frozenset[str] | None = None
    opens_with_answers: bool = True
    plain_call_names: bool = True
    empty_answers: bool = True
    keeps_tool_choice_none: bool = True
    marks_end: bool = True
    failed_ends: frozenset[str] = frozenset()
    asks_for_usage: bool = False
    known: bool = True
    notes: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "failed_ends", self.failed_ends | GAVE_UP)

    def lacks(self) -> list[str]:
        """Standard parameters that it does not have."""
        return [name for name in STANDARD if name not in self.parameters]


def same_names(*left_out: str, **renamed: str) -> dict[str, str]:
    """The standard parameters under their own names.

    Args:
        *left_out: Those that a provider lacks.
        **renamed: Those that it calls otherwise.
    """
    names = {name: renamed.get(name, name) for name in STANDARD}
    return {standard: name for standard, name in names.items() if standard not in left_out}
