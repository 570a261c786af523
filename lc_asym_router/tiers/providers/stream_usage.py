"""Token counts in streams, from clients that must ask for them and servers that may refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from functools import lru_cache
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGenerationChunk

from lc_asym_router._internal.compat import class_streams
from lc_asym_router._internal.provider_errors import details_of
from lc_asym_router.tiers.providers.registry import endpoint_digest, provider_of

_REFUSED: set[str] = set()
"""Digests of addresses whose servers do not know `stream_options`, as this process has found out."""


def asking_for_usage(model: BaseChatModel) -> BaseChatModel:
    """A copy of the model whose streams bring token counts; the model itself where they do anyway,
    where its owner has said that they should not, or where its client has no setting for it.

    Where a server refuses `stream_options`, the call is made again without, and no later one asks.
    """
    fields = type(model).model_fields
    # Azure's client asks by itself, and older versions of its API refuse that.
    unwanted = getattr(model, "stream_usage", None) is False
    if not provider_of(model).asks_for_usage or "stream_usage" not in fields or unwanted:
        return model
    copy = model.model_copy(update={"stream_usage": True})
    # By class, not on the instance: further copies of the model must stream with their own settings.
    object.__setattr__(copy, "__class__", _asking(type(model)))
    return copy


@lru_cache(maxsize=64)
def _asking(base: type[BaseChatModel]) -> type[BaseChatModel]:
    """A subclass of a client's class, under its name, that bears a refusal of `stream_options`."""
    stream, astream = class_streams(base)

    def _stream(self: Any, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        place, begun = endpoint_digest(self), False
        if place not in _REFUSED:
            try:
                with closing(stream(self, *args, **kwargs)) as chunks:
                    for chunk in chunks:
                        begun = True
                        yield chunk
                return
            except Exception as error:
                if begun or not _refuses(error):
                    raise
                _REFUSED.add(place)
        yield from stream(self, *args, **{**kwargs, "stream_usage": False})

    async def _astream(self: Any, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        place, begun = endpoint_digest(self), False
        if place not in _REFUSED:
            try:
                async with aclosing(astream(self, *args, **kwargs)) as chunks:
                    async for chunk in chunks:
                        begun = True
                        yield chunk
                return
            except Exception as error:
                if begun or not _refuses(error):
                    raise
                _REFUSED.add(place)
        without = {**kwargs, "stream_usage": False}
        async with aclosing(astream(self, *args, **without)) as chunks:
            async for chunk in chunks:
                yield chunk

    hooks = {hook.__name__: hook for hook in (_stream, _astream)}
    space = {**hooks, "__module__": base.__module__, "__qualname__": base.__qualname__}
    made = cast("Any", type(base))(base.__name__, (base,), space)
    return cast("type[BaseChatModel]", made)


def _refuses(error: Exception) -> bool:
    """Whether a server says that it does not know how to count in a stream."""
    found = details_of(error)
    named = "stream_options" in found.message or "include_usage" in found.message
    return named and found.status in (400, 404, 422, 500, 501)
