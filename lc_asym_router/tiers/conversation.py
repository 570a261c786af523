"""A conversation fitted to a tier's model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from lc_asym_router._internal.compat import ls_provider
from lc_asym_router.records.request import Request
from lc_asym_router.records.signing import believed_record, maker_of
from lc_asym_router.tiers.history_calls import (
    id_of_function,
    with_its_function,
    with_plain_calls,
)
from lc_asym_router.tiers.media import IMAGES, is_image, portable
from lc_asym_router.tiers.providers.description import Provider
from lc_asym_router.tiers.providers.openai import (
    LEFT_OUT_BY_CHAT,
    TRANSPORT,
    model_name,
    responses_api,
)
from lc_asym_router.tiers.providers.registry import endpoint_digest, provider_of

FROM_TOOLS = "Images from the tool results above:"


def with_plain_results(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The conversation with each tool's result as text; its images stand in a human message behind
    the results, where every model that sees images looks at them."""
    plain: list[BaseMessage] = []
    images: list[Any] = []
    for message in messages:
        if images and not isinstance(message, ToolMessage):
            plain.append(_shown(images))
            images = []
        if isinstance(message, ToolMessage) and not isinstance(message.content, str):
            images += [block for block in message.content if is_image(block)]
            texts = [_text(block) for block in message.content if not is_image(block)]
            content = "\n".join(texts) or ("[image, see below]" if images else "")
            message = message.model_copy(update={"content": content})
        plain.append(message)
    return [*plain, _shown(images)] if images else plain


def with_readable_results(message: ToolMessage, provider: Provider) -> ToolMessage:
    """A tool's result with the blocks that its reader's client does not know as JSON."""
    known = provider.result_blocks
    if known is None or isinstance(message.content, str):
        return message
    known = known | IMAGES | {"text"}
    if all(isinstance(block, str) or block.get("type") in known for block in message.content):
        return message
    blocks = [
        block
        if isinstance(block, str) or block.get("type") in known
        else {"type": "text", "text": _text(block)}
        for block in message.content
    ]
    return message.model_copy(update={"content": blocks})


def _shown(images: list[Any]) -> HumanMessage:
    return HumanMessage([{"type": "text", "text": FROM_TOOLS}, *images])


def _text(block: Any) -> str:
    if isinstance(block, str):
        return block
    if isinstance(block, Mapping) and block.get("type") == "text":
        return str(block.get("text", ""))
    return json.dumps(block, default=str)


CACHE_KEY = "cache_control"
"""Anthropic's cache marker: other providers reject it."""
_UNFIT_NAME = re.compile(r"[\s<|\\/>]+")
"""What OpenAI refuses in a speaker's name."""
OPENING = "(The conversation begins with the assistant.)"
"""A human's words before an answer, where its reader wants some."""
_ROLES: dict[str, type[BaseMessage]] = {
    "user": HumanMessage,
    "human": HumanMessage,
    "assistant": AIMessage,
    "ai": AIMessage,
    "system": SystemMessage,
    "developer": SystemMessage,
}
_SNAPSHOT = re.compile(r"-(?:\d{4}-?\d{2}-?\d{2}|\d{3,4}|latest)$")
"""What a provider's answer adds to the name of the model that was asked for."""


def fit(
    messages: Sequence[BaseMessage], model: BaseChatModel, provider: Provider | None = None
) -> list[BaseMessage]:
    """Return the messages in a form that the model accepts.

    - What another provider's model said is brought down to its text and its tool calls; a refusal
      stands as the text that it was. So is what another model of the same provider said, or the
      same at another address, where it holds what only its maker can read: signed or encrypted
      reasoning, ids of items.
    - Late system messages join the first one, for providers that are strict; so do empty ones go,
      and AI messages that say nothing, where they are refused.
    - A `ChatMessage` of a usual role is a message of that role, a `FunctionMessage` a tool's result; a
      speaker's name has no spaces.
    - A call whose arguments could not be read has them as the text that they were; a tool's name has no
      characters that its reader refuses. Where the model speaks first and its reader does not allow
      that, a human message stands before it.
    - Images and tool results take a form that the provider's client reads.
    - Anthropic's cache markers are taken off for every other provider.
    - Tool-call ids that are missing or too long are replaced, alike in the call and in its result.

    Messages that fit already are handed through as they are.

    Args:
        messages: The conversation.
        model: Who is to read it.
        provider: What is known of the model's provider, where the caller has it at hand.
    """
    provider = provider_of(model) if provider is None else provider
    reader: _Reader | None = None
    rich_results = False
    renamed: dict[str | None, str] = {}
    fitted: list[BaseMessage] = []
    for message in messages:
        odd = isinstance(message, ChatMessage | FunctionMessage)
        if odd or message.name or message.content == [] or message.additional_kwargs:
            message = _usual(message)
        if isinstance(message, AIMessage):
            reader = reader or _Reader.of(model, provider)
            if not reader.reads(message):
                message = _plain(message)
            if not provider.empty_answers and _says_nothing(message):
                continue
            message = with_plain_calls(message, renamed, provider)
        elif isinstance(message, ToolMessage) and message.tool_call_id in renamed:
            message = message.model_copy(update={"tool_call_id": renamed[message.tool_call_id]})
        if not isinstance(message.content, str):
            if provider.name != "anthropic":
                message = _without_cache_marks(message)
            if not isinstance(message, AIMessage):
                message = portable(message, provider)
            if isinstance(message, ToolMessage):
                message = with_readable_results(message, provider)
                rich_results = True
        fitted.append(message)
    if rich_results and not provider.rich_tool_results and provider.known:
        fitted = with_plain_results(fitted)
    if not provider.late_system:
        fitted = _with_one_system(fitted)
    return fitted if provider.opens_with_answers else _opened_by_human(fitted)


def fitted(request: Request, model: BaseChatModel, provider: Provider | None = None) -> Request:
    """Return a request with its messages in a form that the model accepts.

    It is the same request where they fit already, which is known from its survey, without another
    pass; else they are fitted once for each model.

    Args:
        request: The request.
        model: Who is to read it.
        provider: What is known of the model's provider, where the caller has it at hand.
    """
    provider = provider_of(model) if provider is None else provider
    found = request.survey
    if (
        found.plain
        and (not found.makers or found.makers <= {ls_provider(model), *provider.written_as})
        and (provider.empty_answers or not found.silent)
        and (provider.late_system or not found.late_system)
        and (provider.opens_with_answers or found.opened_by_human)
    ):
        return request
    _, again = request.once(
        ("fitted", id(model)),  # the model is kept beside, so that no other one gets its id
        lambda: (model, _refitted(request, fit(request.messages, model, provider))),
    )
    return again


def _refitted(request: Request, messages: Sequence[BaseMessage]) -> Request:
    same = [*map(id, messages)] == [*map(id, request.messages)]
    return request if same else replace(request, messages=tuple(messages))


@dataclass(frozen=True)
class _Reader:
    """Who is to read a conversation."""

    provider: Provider
    named: str
    """The provider, as LangSmith names it."""
    model: str
    endpoint: str
    by_chat: bool
    """Whether by OpenAI's chat completions, whose clients send blocks on that they don't know."""

    @classmethod
    def of(cls, model: BaseChatModel, provider: Provider) -> _Reader:
        by_chat = provider.own >= TRANSPORT and not responses_api(model, {})
        named, endpoint = ls_provider(model), endpoint_digest(model)
        return cls(provider, named, model_name(model), endpoint, by_chat)

    def reads(self, message: AIMessage) -> bool:
        """Whether a model's message passes as it is."""
        by = message.response_metadata.get("model_provider")
        if by is None:
            return not _strange(message, self.provider.reads_blocks)
        if by != self.named and by not in self.provider.written_as:
            return False
        if _refusal(message) and not str(message.text):
            return False  # several clients leave a refusal out, and nothing is said then
        if self.by_chat and _strange(message, self.provider.reads_blocks | LEFT_OUT_BY_CHAT):
            return False
        return not _signed(message) or self._made(message)

    def _made(self, message: AIMessage) -> bool:
        """Whether it was this model, at this address, as far as the message tells."""
        found = maker_of(believed_record(message))
        if endpoint := found.get("endpoint"):
            return bool(endpoint == self.endpoint) and _same(found.get("model"), self.model)
        return _same(message.response_metadata.get("model_name"), self.model)


def _same(name: Any, model: str) -> bool:
    """Whether two names are one model's; a name that is missing speaks against nothing."""
    if not isinstance(name, str) or name in ("", "None") or not model:
        return True
    return _SNAPSHOT.sub("", name.lower()) == _SNAPSHOT.sub("", model)


def _signed(message: AIMessage) -> bool:
    """Whether a message holds what only its maker can read: signatures, encrypted text, item ids."""
    if any(key.startswith("__") or key == "reasoning" for key in message.additional_kwargs):
        return True
    if str(message.response_metadata.get("id", "")).startswith("resp_"):
        return True
    return isinstance(message.content, list) and any(map(_signed_block, message.content))


def _signed_block(block: Any) -> bool:
    if not isinstance(block, Mapping):
        return False
    kind = block.get("type")
    if kind not in ("text", "tool_use", "tool_call", "image_url", "refusal"):
        return True
    extras = block.get("extras")
    inner = extras if isinstance(extras, Mapping) else {}
    signed = {"signature", "thought_signature", "encrypted_content", "citations"}
    return bool(signed & {*block, *inner}) or (kind == "text" and "id" in block)


def _strange(message: AIMessage, known: frozenset[str]) -> bool:
    """Whether a message holds blocks that its reader's client or server would reject."""
    if isinstance(message.content, str):
        return False
    return any(
        isinstance(block, dict) and block.get("type") not in known for block in message.content
    )


def _usual(message: BaseMessage) -> BaseMessage:
    """The message in a class, with a content and under a name that every client takes."""
    if isinstance(message, FunctionMessage):
        made_by = id_of_function(message.name)
        return ToolMessage(message.content, tool_call_id=made_by, name=message.name, id=message.id)
    if isinstance(message, AIMessage):
        message = with_its_function(message)
    if isinstance(message, ChatMessage) and (kind := _ROLES.get(message.role.lower())):
        message = kind(content=message.content, name=message.name, id=message.id)
    if isinstance(message, AIMessage) and message.content == []:
        message = message.model_copy(update={"content": ""})
    if not message.name or isinstance(message, ToolMessage) or not _UNFIT_NAME.search(message.name):
        return message
    name = _UNFIT_NAME.sub("_", message.name).strip("_")
    return message.model_copy(update={"name": name or None})


def _opened_by_human(messages: list[BaseMessage]) -> list[BaseMessage]:
    """The conversation with a human message before an answer that it begins with."""
    first = next((at for at, m in enumerate(messages) if not isinstance(m, SystemMessage)), None)
    if first is None or not isinstance(messages[first], AIMessage):
        return messages
    return [*messages[:first], HumanMessage(OPENING), *messages[first:]]


def _says_nothing(message: AIMessage) -> bool:
    """Whether an AI message has neither text nor a call, nor any other block."""
    if message.tool_calls or message.invalid_tool_calls or str(message.text).strip():
        return False
    content = message.content
    return isinstance(content, str) or all(
        isinstance(block, str) or block.get("type") == "text" for block in content
    )


def _with_one_system(messages: list[BaseMessage]) -> list[BaseMessage]:
    """The conversation with all its system messages in one, the first; empty ones go."""
    systems = [message for message in messages if isinstance(message, SystemMessage)]
    if not systems or (len(systems) == 1 and messages[0] is systems[0] and systems[0].content):
        return messages
    rest = [message for message in messages if not isinstance(message, SystemMessage)]
    systems = [message for message in systems if message.content]
    if not systems:
        return rest
    if len(systems) == 1:
        return [systems[0], *rest]
    if all(isinstance(each.content, str) for each in systems):
        content: Any = "\n\n".join(each.text for each in systems)
    else:
        content = [block for each in systems for block in _blocks(each)]
    return [systems[0].model_copy(update={"content": content}), *rest]


def _blocks(message: BaseMessage) -> list[Any]:
    content = message.content
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _plain(message: AIMessage) -> AIMessage:
    """Text and tool calls alone."""
    return AIMessage(
        # A plain string: pydantic refuses LangChain's own class of text where half a pair stands in it.
        content=str(message.text) or _refusal(message) or _spoken(message),
        tool_calls=message.tool_calls,
        invalid_tool_calls=message.invalid_tool_calls,
        name=message.name,
    )


def _refusal(message: AIMessage) -> str:
    if refusal := message.additional_kwargs.get("refusal"):
        return str(refusal)
    blocks = message.content if isinstance(message.content, list) else []
    said = (block.get("refusal") for block in blocks if isinstance(block, dict))
    return " ".join(str(refusal) for refusal in said if refusal)


def _spoken(message: AIMessage) -> str:
    """What OpenAI's audio says."""
    audio = message.additional_kwargs.get("audio")
    return str(audio.get("transcript") or "") if isinstance(audio, Mapping) else ""


def _without_cache_marks(message: BaseMessage) -> BaseMessage:
    content = message.content
    if not any(map(_marked, content)):
        return message
    return message.model_copy(update={"content": [_unmarked(block) for block in content]})


def _marked(block: Any) -> bool:
    return isinstance(block, Mapping) and (
        CACHE_KEY in block or any(CACHE_KEY in part for part in _nested(block))
    )


def _nested(block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    parts = (block.get(key) for key in ("extras", "metadata"))
    return [part for part in parts if isinstance(part, Mapping)]


def _unmarked(block: Any) -> Any:
    if not isinstance(block, Mapping):
        return block
    return {
        key: _unmarked(value) if key in ("extras", "metadata") else value
        for key, value in block.items()
        if key != CACHE_KEY
    }
