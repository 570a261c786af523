"""The request: its messages, and the tools, schema and arguments bound to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeVar, cast

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
)
from langchain_core.messages.utils import count_tokens_approximately

from lc_asym_router.errors import InvalidRequestError
from lc_asym_router.records.bindings import SCHEMA_KEY, TOOLS_KEY, SchemaBinding, ToolBinding

T = TypeVar("T")

LONGEST_ID = 40
"""Characters that OpenAI allows in a tool call's id."""
UNFIT_CALL = re.compile(r"[^a-zA-Z0-9_-]")
"""What most providers refuse in a tool's name."""
_DENSE = re.compile("[\u0300-\U0010ffff]+")
"""Characters that are about a token each in today's vocabularies."""
_OF_TOOLS = ("tool_choice", "parallel_tool_calls", "strict")


@dataclass(frozen=True)
class Survey:
    """What a conversation holds, as far as it matters to who can read it.

    Attributes:
        plain: Whether each message stands in a form that every client and server takes: texts alone,
            without names, tool calls with short ids and plain names, nothing only its maker can read.
        makers: The providers that made answers in it, as their clients name them.
        silent: Whether an answer says nothing.
        late_system: Whether a system message is empty or not the first message.
        opened_by_human: Whether no model speaks first.
        modalities: The kinds of content besides text, of `image`, `audio`, `pdf`, `video`, `file`;
            without what models said.
    """

    plain: bool
    makers: frozenset[str]
    silent: bool
    late_system: bool
    opened_by_human: bool
    modalities: frozenset[str]

    @classmethod
    def of(cls, messages: Sequence[BaseMessage]) -> Survey:
        """Look at each message once.

        Args:
            messages: The conversation, oldest first.

        Raises:
            InvalidRequestError: A content block has a type that is no text.
        """
        plain, silent, late_system, opened, opener = True, False, False, True, True
        makers: set[str] = set()
        modalities: set[str] = set()
        for place, message in enumerate(messages):
            content = message.content
            if not isinstance(content, str):
                plain = False
                _check_types(content)
                if not isinstance(message, AIMessage):
                    modalities.update(filter(None, map(_modality, content)))
            # ChatOpenAI leaves empty entries beside its answers.
            if message.name or any(message.additional_kwargs.values()):
                plain = False
            if isinstance(message, SystemMessage):
                late_system = late_system or place > 0 or not content
                continue
            if isinstance(message, AIMessage):
                metadata = message.response_metadata
                if metadata:
                    makers.add(metadata.get("model_provider") or "")
                    plain = plain and not str(metadata.get("id", "")).startswith("resp_")
                if message.tool_calls or message.invalid_tool_calls:
                    plain = plain and _plain_calls(message)
                elif not content or not str(message.text).strip():
                    silent = True
                opened = opened and not opener
            elif isinstance(message, ChatMessage | FunctionMessage):
                plain = False
            opener = False
        return cls(
            plain, frozenset(makers - {""}), silent, late_system, opened, frozenset(modalities)
        )


@dataclass(frozen=True)
class Request:
    """The messages of one call, with what is bound to it. Its repr has no text of the messages.

    Attributes:
        messages: The conversation, oldest first.
        tools: The bound tools, or `None`.
        schema: The bound output schema, or `None`.
        kwargs: All other arguments of the call (`stop`, `temperature`, ...), passed to the tiers
            unchanged.
    """

    messages: tuple[BaseMessage, ...] = field(default=(), repr=False)
    tools: ToolBinding | None = field(default=None, repr=False)
    schema: SchemaBinding | None = field(default=None, repr=False)
    kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: what was computed from them may hold models, and is computed again."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def of_call(cls, kwargs: Mapping[str, Any]) -> Request:
        """Read the bindings from the keyword arguments of a call; there are no messages yet."""
        rest = dict(kwargs)
        converted = rest.pop("tools", None)
        tools = rest.pop(TOOLS_KEY, None)
        schema = rest.pop(SCHEMA_KEY, None)
        if tools is None and converted:
            # Bound by somebody else's code, in OpenAI's format, past our own bind_tools.
            tools = ToolBinding(tuple(converted))
        # Said of the call rather than of the tools, and without tools it says nothing.
        choice = {k: v for k in _OF_TOOLS if (v := rest.pop(k, None)) is not None}
        if tools is not None and choice:
            tools = replace(tools, kwargs={**tools.kwargs, **choice})
        if not rest.get("stop"):
            rest.pop("stop", None)
        return cls(tools=tools, schema=schema, kwargs=rest)

    def with_messages(self, messages: Sequence[BaseMessage]) -> Request:
        """Return the same bindings with these messages.

        Raises:
            InvalidRequestError: There are no messages, no human turn, or the human turn is empty; or
                a content block has a type that is no text.
        """
        if not messages:
            raise InvalidRequestError(
                "The request is empty. Pass a text, a prompt value or a list of messages with at "
                "least one human message."
            )
        request = replace(self, messages=tuple(messages))
        _ = request.survey  # an odd block is refused here, before any call
        if not request.turn:
            raise InvalidRequestError(
                "The request holds no human message, so there is nothing to route on. Add a "
                "HumanMessage with what is asked; a system message alone is not a request."
            )
        if not any(has_content(message) for message in request.turn):
            raise InvalidRequestError(
                "The latest human message is empty. Give it a text, an image or another block."
            )
        return request

    @property
    def response_schema(self) -> dict[str, Any] | None:
        """The JSON schema of an OpenAI-style `response_format` among the arguments, or `None`."""
        asked = self.kwargs.get("response_format")
        if asked is None and self.tools:
            asked = self.tools.kwargs.get("response_format")
        if not isinstance(asked, Mapping) or asked.get("type") != "json_schema":
            return None
        return dict(asked["json_schema"]["schema"])

    @cached_property
    def turn(self) -> list[BaseMessage]:
        """The latest human turn: the last human message and those just before it."""
        turn: list[BaseMessage] = []
        for message in reversed(self.messages):
            if isinstance(message, HumanMessage):
                turn.append(message)
            elif turn:
                break
        return turn[::-1]

    @cached_property
    def turn_text(self) -> str:
        """The text of the latest human turn."""
        return "\n".join(map(attrgetter("text"), self.turn))

    @property
    def binds(self) -> bool:
        """Whether anything must be bound to the model that is called."""
        return bool(self.schema or self.tools or self.kwargs)

    @cached_property
    def texts(self) -> list[str]:
        """All texts in the messages: contents, arguments of tool calls, reasoning."""
        found: list[str] = []
        for message in self.messages:
            blocks = [message.content] if isinstance(message.content, str) else message.content
            found += [each for block in blocks for each in _texts_in(block)]
            for call in getattr(message, "tool_calls", ()):
                found += _texts_in(call["args"])
            found += _texts_in(message.additional_kwargs)
        return found

    @property
    def replies(self) -> list[AIMessage]:
        """The models' messages since the latest human turn, oldest first."""
        replies: list[AIMessage] = []
        for message in reversed(self.messages):
            if isinstance(message, HumanMessage):
                break
            if isinstance(message, AIMessage):
                replies.append(message)
        return replies[::-1]

    @cached_property
    def survey(self) -> Survey:
        """What one pass over the messages finds, for all tiers.

        Raises:
            InvalidRequestError: A content block has a type that is no text.
        """
        return Survey.of(self.messages)

    @property
    def modalities(self) -> frozenset[str]:
        """The kinds of content besides text: of `image`, `audio`, `pdf`, `video`, `file`.

        What models said is left out: of another provider's answer only the text goes on.
        """
        return self.survey.modalities

    def once(self, what: Hashable, compute: Callable[[], T]) -> T:
        """Compute a value from the request once, however many tiers and checks need it.

        Args:
            what: The value's name.
            compute: Computes it; two threads that ask at once may both do so.
        """
        if what not in self._computed:
            self._computed[what] = compute()
        return cast("T", self._computed[what])

    @cached_property
    def _computed(self) -> dict[Hashable, Any]:
        return {}

    @cached_property
    def input_tokens(self) -> int:
        """Estimated input tokens, tools included; an overestimate for scripts without spaces.

        `count_tokens_approximately` assumes four characters per token, which is right for English.
        A
        character outside ASCII is about one token in today's vocabularies, so each is counted as
        one.
        """
        return estimated_tokens(self.messages, self.tools.openai_tools if self.tools else None)


def estimated_tokens(messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None) -> int:
    """Estimate the tokens of messages and tools; an overestimate for scripts without spaces."""
    offered = list(tools) if tools else None
    try:
        tokens = count_tokens_approximately(messages, tools=offered)
    except (TypeError, AttributeError):  # a block without what its type promises
        said = [each.model_copy(update={"content": str(each.content)}) for each in messages]
        tokens = count_tokens_approximately(said, tools=offered)
    dense = sum(
        sum(map(len, _DENSE.findall(text)))
        for message in messages
        if not (text := message.text).isascii()
    )
    return int(tokens + dense * 0.75)


def has_content(message: BaseMessage) -> bool:
    """Whether a message has any text, or any block that is not text."""
    if isinstance(message.content, str):
        return bool(message.content.strip())
    return any(
        bool(block.strip())
        if isinstance(block, str)
        else block.get("type") != "text" or bool(str(block.get("text", "")).strip())
        for block in message.content
    )


def has_answer(message: BaseMessage) -> bool:
    """Whether a message has any content besides thinking."""
    if isinstance(message.content, str):
        return has_content(message)
    blocks = [
        block
        for block in message.content
        if isinstance(block, str) or block.get("type") not in _THINKING
    ]
    return has_content(AIMessage(blocks))


_THINKING = frozenset({"reasoning", "thinking", "redacted_thinking", "reasoning_content"})
"""Types of blocks that hold thinking."""


def _texts_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [text for each in value for text in _texts_in(each)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _plain_calls(message: AIMessage) -> bool:
    return not message.invalid_tool_calls and all(
        call["id"] and len(call["id"]) <= LONGEST_ID and not UNFIT_CALL.search(call["name"])
        for call in message.tool_calls
    )


def _check_types(blocks: Sequence[Any]) -> None:
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind is not None and not isinstance(kind, str):
            raise InvalidRequestError(
                f"A content block's type is a {type(kind).__name__}. Write a text, such as "
                '{"type": "text", "text": "..."}.'
            )


_MODALITY_OF_BLOCK = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "audio": "audio",
    "input_audio": "audio",
    "video": "video",
    "media": "file",
    "file": "file",
    "input_file": "file",
    "document": "file",
}


def _modality(block: Any) -> str | None:
    if not isinstance(block, dict):
        return None
    kind = _MODALITY_OF_BLOCK.get(str(block.get("type")))
    if kind == "file":
        source = block.get("source")
        nested = source if isinstance(source, Mapping) else {}
        mime = str(block.get("mime_type") or nested.get("media_type") or "")
        inline = block.get("file")
        inline = inline if isinstance(inline, Mapping) else block
        data = str(inline.get("file_data", ""))
        if mime == "application/pdf" or data.startswith("data:application/pdf"):
            return "pdf"
        for prefix in ("image", "audio", "video"):
            if mime.startswith(prefix):
                return prefix
    return kind
