"""Convert images and tool results to the format that a provider's client reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage

from lc_asym_router.tiers.providers.description import Provider

IMAGES = frozenset({"image", "image_url", "input_image"})
FROM_TOOLS = "Images from the tool results above:"


def portable(message: BaseMessage, provider: Provider) -> BaseMessage:
    """The message with other providers' own image and text blocks in the form that all clients read.

    That form is OpenAI's `image_url`; LangChain's standard blocks pass as they are.
    """
    if isinstance(message.content, str) or not provider.known:
        return message
    blocks = [_portable(block, provider) for block in message.content]
    if all(new is old for new, old in zip(blocks, message.content, strict=True)):
        return message
    return message.model_copy(update={"content": blocks})


def _portable(block: Any, provider: Provider) -> Any:
    if not isinstance(block, Mapping):
        return block
    kind, source = block.get("type"), block.get("source")
    if kind == "image" and isinstance(source, Mapping) and provider.name != "anthropic":
        if source.get("type") == "base64":
            return _image(f"data:{source.get('media_type')};base64,{source.get('data')}")
        return _image(str(source["url"])) if source.get("url") else block
    if kind == "media" and provider.name != "google_genai" and isinstance(block.get("data"), str):
        mime = str(block.get("mime_type"))
        return _image(f"data:{mime};base64,{block['data']}") if mime[:6] == "image/" else block
    if kind == "input_image" and isinstance(block.get("image_url"), str):
        return _image(block["image_url"])
    if kind == "image_url" and isinstance(block.get("image_url"), str):
        return _image(block["image_url"])
    if kind == "input_text":
        return {"type": "text", "text": block.get("text", "")}
    return block


def _image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


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
            images += [block for block in message.content if _is_image(block)]
            texts = [_text(block) for block in message.content if not _is_image(block)]
            content = "\n".join(texts) or ("[image, see below]" if images else "")
            message = message.model_copy(update={"content": content})
        plain.append(message)
    return [*plain, _shown(images)] if images else plain


def linked_images(messages: Sequence[BaseMessage]) -> bool:
    """Whether any image is given by its address, which not every server fetches."""
    return any(
        _is_image(block) and str(_address(block)).startswith(("http://", "https://"))
        for message in messages
        if not isinstance(message.content, str)
        for block in message.content
    )


def _address(block: Any) -> Any:
    given = block.get("image_url", block.get("url", block.get("source")))
    return given.get("url") if isinstance(given, Mapping) else given


def _shown(images: list[Any]) -> HumanMessage:
    return HumanMessage([{"type": "text", "text": FROM_TOOLS}, *images])


def _is_image(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") in IMAGES


def _text(block: Any) -> str:
    if isinstance(block, str):
        return block
    if isinstance(block, Mapping) and block.get("type") == "text":
        return str(block.get("text", ""))
    return json.dumps(block, default=str)
