"""Images, audio, files and video in a conversation: who can read them, and in which form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage

from lc_asym_router.records.request import Request
from lc_asym_router.tiers.providers.description import Provider
from lc_asym_router.tiers.providers.openai import TRANSPORT, UNHEARD_BY_RESPONSES, responses_api

IMAGES = frozenset({"image", "image_url", "input_image"})
"""Types of the blocks that hold an image."""
_FILES = frozenset({"file", "input_file", "document", "media"})


def refuses_media(
    request: Request, model: BaseChatModel, provider: Provider, declared: frozenset[str] | None
) -> str | None:
    """Return why a model can't read a request's images, audio, files or video, or `None`.

    What its owner declared counts first, then what the model's profile says, then what its provider
    and its client carry; where nothing is known, nothing is ruled out.

    Args:
        request: The request.
        model: Who would read it.
        provider: What is known of the model's provider.
        declared: What its owner says that it takes besides text.
    """
    profile = cast("dict[str, Any]", model.profile or {})
    carried = provider.inputs
    by_responses = responses_api(model, request.kwargs)
    if carried is not None and by_responses:
        carried -= UNHEARD_BY_RESPONSES
    for modality in sorted(request.modalities):
        if declared is not None:
            taken = modality in declared
        elif (said := profile.get(f"{modality}_inputs")) is not None:
            taken = bool(said)
        else:
            taken = carried is None or modality in carried
        if not taken:
            return f"it takes no {modality} input"
    fetches_files = provider.file_urls or by_responses
    for block in _blocks(request):
        image = block["type"] in IMAGES
        if image and not provider.image_urls and _is_linked(block):
            return "it takes images as data, not by their address"
        if not image and block["type"] in _FILES and not fetches_files and _is_linked(block):
            return "it takes files as data, not by their address"
    return None


def is_image(block: Any) -> bool:
    """Whether a content block is an image, in any provider's form."""
    return isinstance(block, Mapping) and block.get("type") in IMAGES


def portable(message: BaseMessage, provider: Provider) -> BaseMessage:
    """The message with other providers' own blocks in a form that the provider's client reads.

    That form is OpenAI's `image_url` for images, and LangChain's standard block for the rest, which
    each client brings into its own form.
    """
    if isinstance(message.content, str) or not provider.known:
        return message
    blocks = [
        {"type": "text", "text": block} if isinstance(block, str) else _portable(block, provider)
        for block in message.content
    ]
    if all(new is old for new, old in zip(blocks, message.content, strict=True)):
        return message
    return message.model_copy(update={"content": blocks})


def _portable(block: Any, provider: Provider) -> Any:
    if not isinstance(block, Mapping):
        return block
    kind = block.get("type")
    if kind == "text-plain" and isinstance(block.get("text"), str):
        return block if provider.name == "anthropic" else {"type": "text", "text": block["text"]}
    if kind == "input_text":
        return {"type": "text", "text": block.get("text", "")}
    if kind in ("input_image", "image_url") and isinstance(block.get("image_url"), str):
        return _image(block["image_url"])
    made = _standard(block, provider)
    if provider.name == "mistral" and (made or block).get("type") == "audio":
        # Its client knows no audio; its API takes the data alone.
        data = (made or block).get("base64") or (made or block).get("data")
        return {"type": "input_audio", "input_audio": data} if data else block
    return block if made is None else made


def _standard(block: Mapping[str, Any], provider: Provider) -> dict[str, Any] | None:
    """A provider's own block in everybody's form; `None` where the reader's client knows it anyway,
    or nobody else can read it."""
    kind, source, own = block.get("type"), block.get("source"), block.get("file")
    if kind in ("image", "document") and isinstance(source, Mapping):
        return None if provider.name == "anthropic" else _of_source(kind, source)
    if kind == "media" and isinstance(block.get("data"), str):
        mime = str(block.get("mime_type"))
        return None if provider.name == "google_genai" else _inline(mime, block["data"])
    like_openai = provider.own >= TRANSPORT
    sound = block.get("input_audio")
    if isinstance(sound, str) and provider.name != "mistral":
        return _inline("audio/mpeg", sound)  # Mistral's own, which says nothing of its kind
    if isinstance(sound, Mapping) and not like_openai:
        return _inline(f"audio/{sound.get('format', 'wav')}", str(sound.get("data", "")))
    inner = own if isinstance(own, Mapping) else block if kind == "input_file" else None
    if kind not in ("file", "input_file") or inner is None or (like_openai and inner is own):
        return None
    if inner.get("file_id"):
        return {"type": "file", "file_id": inner["file_id"]}
    if inner.get("file_url"):
        return {"type": "file", "url": inner["file_url"], "mime_type": "application/pdf"}
    head, comma, data = str(inner.get("file_data", "")).partition(",")
    if not comma:
        return None
    mime = head.removeprefix("data:").removesuffix(";base64")
    made = _inline(mime, data)
    return {**made, "filename": inner["filename"]} if inner.get("filename") else made


def _of_source(kind: str, source: Mapping[str, Any]) -> dict[str, Any] | None:
    """Anthropic's image or document."""
    form, mime = source.get("type"), str(source.get("media_type"))
    if form == "base64":
        return _inline(mime, str(source.get("data")))
    if form == "text":
        return {"type": "text", "text": str(source.get("data", ""))}
    if not source.get("url"):
        return None
    if kind == "image":
        return _image(str(source["url"]))
    return {"type": "file", "url": str(source["url"]), "mime_type": "application/pdf"}


def _inline(mime: str, data: str) -> dict[str, Any]:
    """Data as a block of the kind that its MIME type says."""
    kind = mime.partition("/")[0]
    if kind == "image":
        return _image(f"data:{mime};base64,{data}")
    if kind in ("audio", "video"):
        return {"type": kind, "base64": data, "mime_type": mime}
    named = f"file.{mime.rpartition('/')[2]}"  # OpenAI refuses a file without a name
    return {"type": "file", "base64": data, "mime_type": mime, "filename": named}


def _image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def _blocks(request: Request) -> Iterator[Mapping[str, Any]]:
    """The typed blocks of what the model is given to read; what models said is fitted elsewhere."""
    for message in request.messages:
        if isinstance(message.content, str) or isinstance(message, AIMessage):
            continue
        for block in message.content:
            if isinstance(block, Mapping) and isinstance(block.get("type"), str):
                yield block


def _is_linked(block: Mapping[str, Any]) -> bool:
    """Whether a block holds an address in the place of its data."""
    given = block.get("image_url", block.get("url", block.get("source", block.get("file_url"))))
    address = given.get("url") if isinstance(given, Mapping) else given
    return str(address).startswith(("http://", "https://"))
