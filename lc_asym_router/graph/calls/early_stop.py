"""Check an answer while it arrives, and end it once it can no longer pass."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk

from lc_asym_router._internal.compat import with_streams
from lc_asym_router.tiers.model_text import split_thinking
from lc_asym_router.tiers.model_text.thinking import (
    THINKING_SIGNS,
    closes_unopened,
    may_close_thinking,
    opens_thinking_in_template,
)
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.attempt import Prefix, Verdict
from lc_asym_router.verify.check import Check

GRACE = 0.05
"""Seconds that a failed answer may still take to end by itself. Most refusals are a sentence: their
end, and with it their true token counts, often comes within that time."""


LONGEST_MARK = 40
"""Characters of a mark that closes thinking, at most."""
_MOST_KNOWN = 1_000
_OPENED: dict[tuple[str, str], None] = {}
"""Addresses and models whose answers closed thinking that they had not opened, as this process has
seen: their prompts open it."""


def note_thinking(tier: Tier, text: str) -> None:
    """Remember of a tier's whole answer whether its prompt opens the thinking."""
    if closes_unopened(text):
        _OPENED[tier.endpoint, tier.model_name] = None
        if len(_OPENED) > _MOST_KNOWN:
            del _OPENED[next(iter(_OPENED))]


def thinks_unopened(tier: Tier) -> bool:
    """Whether a tier's answers may begin with thinking that no mark opens."""
    known = (tier.endpoint, tier.model_name) in _OPENED
    return known or opens_thinking_in_template(tier.model_name)


@dataclass
class Watch:
    """The early stop of one answer. It checks less often as the text grows: its total time is linear.

    Attributes:
        verdict: The failed verdict, once there is one.
        cut: Whether the answer was ended before it ended by itself.
    """

    check: Check
    prefix: Prefix
    tier: Tier
    verdict: Verdict | None = None
    cut: bool = False
    _next: int = 8
    _until: float = 0.0
    _ended: bool = False
    _looked: int = 0

    def ends_at(self, generation: ChatGenerationChunk) -> bool:
        """Add a chunk; returns whether to end the answer here."""
        chunk = cast("AIMessageChunk", generation.message)
        if info := generation.generation_info:
            # Below the model's run the provider's fields are not on the message yet.
            metadata = {**info, **chunk.response_metadata}
            chunk = chunk.model_copy(update={"response_metadata": metadata})
        self.prefix.add(chunk)
        if self.verdict is not None and self._was_thought():
            self.verdict, self._next = None, 0
        if self.verdict is None:
            self._look()
        # An answer that has ended by itself brings its true counts, perhaps a chunk later: read on.
        self._ended = self._ended or has_ended(chunk)
        late = self.verdict is not None and time.monotonic() >= self._until
        self.cut = late and not self._ended
        return self.cut

    def _look(self) -> None:
        seen = len(self.prefix.text)
        if seen < self._next:
            return
        self._next = seen + max(8, seen // 16)
        said = self._said()
        if said is None:
            return
        self.verdict = self.check.end_early(said)
        self._until, self._looked = time.monotonic() + GRACE, seen

    def _was_thought(self) -> bool:
        """Whether a closing mark that came since the verdict makes thinking of what was judged."""
        text, begin = self.prefix.text, max(0, self._looked - LONGEST_MARK)
        self._looked = len(text)
        return may_close_thinking(text, begin) and closes_unopened(text)

    def _said(self) -> Prefix | None:
        """What has arrived without the thinking in its text, which is no part of the answer; `None`
        while a model whose prompt opens its thinking has not closed it."""
        text = self.prefix.text
        if not THINKING_SIGNS.search(text):
            return None if thinks_unopened(self.tier) else self.prefix
        if thinks_unopened(self.tier) and split_thinking(text).answer == text:
            return None
        return replace(self.prefix, text=split_thinking(self.prefix.text).answer)

    def last(self) -> ChatGenerationChunk:
        """Return the last chunk of an answer that was cut, with an estimate of its tokens.

        Without it the call would be missing from every count of tokens.
        """
        tokens, chunks = self.prefix.request.input_tokens, self.prefix.chunks
        usage = UsageMetadata(
            input_tokens=tokens, output_tokens=chunks, total_tokens=tokens + chunks
        )
        metadata = {"model_name": self.tier.model_name, "done_reason": "stopped_early"}
        return ChatGenerationChunk(
            message=AIMessageChunk(content="", usage_metadata=usage, response_metadata=metadata)
        )


def has_ended(chunk: AIMessageChunk) -> bool:
    """Whether a chunk says that its answer ends here."""
    reasons = ("done_reason", "finish_reason", "stop_reason")
    return chunk.usage_metadata is not None or any(
        chunk.response_metadata.get(reason) for reason in reasons
    )


def watched_model(model: BaseChatModel, watch: Watch) -> BaseChatModel:
    """A copy of the model whose streams end when the watch says so.

    The stream ends below the model's own run, so that the run ends well (and is counted) where
    closing the run from outside would make an error of it; and the request to the server is closed
    at once.
    """

    def stream(own: Any) -> Any:
        def watched_stream(*args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
            with closing(cast("Any", own(*args, **kwargs))) as chunks:
                for chunk in chunks:
                    yield chunk
                    if watch.ends_at(chunk):
                        yield watch.last()
                        return

        return watched_stream

    def astream(own: Any) -> Any:
        async def watched_stream(*args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
            async with aclosing(cast("Any", own(*args, **kwargs))) as chunks:
                async for chunk in chunks:
                    yield chunk
                    if watch.ends_at(chunk):
                        yield watch.last()
                        return

        return watched_stream

    return with_streams(model, stream, astream)
