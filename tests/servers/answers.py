"""What an answer is in either protocol: the pieces that a server sends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from .reply import Reply


class Answer(ABC):
    """A reply in one protocol's wire format, for one request's body."""

    stream_type: ClassVar[str]

    def __init__(self, reply: Reply, body: dict[str, Any]) -> None:
        self.reply = reply
        self.body = body
        self.model = str(body.get("model", ""))

    @property
    @abstractmethod
    def streamed(self) -> bool:
        """Whether the request asks for a stream."""

    @property
    @abstractmethod
    def reports_usage(self) -> bool:
        """Whether the whole answer tells the client its token counts."""

    def opening(self) -> bytes:
        """What a stream starts with, before the first piece."""
        return b""

    @abstractmethod
    def pieces(self) -> list[bytes]:
        """The stream's pieces, those that faults are counted in."""

    @abstractmethod
    def closing(self) -> bytes:
        """What ends a stream."""

    @abstractmethod
    def whole(self) -> bytes:
        """The answer that is not streamed."""

    @abstractmethod
    def failure(self) -> bytes:
        """The body of an error."""

    @abstractmethod
    def stream_failure(self) -> bytes:
        """An error told inside a stream."""


def top_logprobs(tops: Sequence[dict[str, float]], limit: int) -> list[dict[str, Any]]:
    """Logprobs in the form both protocols share, from top dicts with the chosen token first."""

    def entry(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode())}

    return [
        {
            **entry(*next(iter(top.items()))),
            "top_logprobs": [entry(*item) for item in list(top.items())[:limit]],
        }
        for top in tops
    ]


def deal(logprobs: list[dict[str, Any]], count: int) -> list[list[dict[str, Any]]]:
    """Deal logprobs out to count pieces, one each, the last piece taking the rest."""
    if not count:
        return []
    return [logprobs[at : at + 1] for at in range(count - 1)] + [logprobs[count - 1 :]]
