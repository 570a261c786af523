"""A router with one real client of each provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from lc_asym_router import AsymRouter, Tier
from tests.servers import OllamaServer, OpenAIServer, Server
from tests.tiers.providers.clients import CLIENTS, Client, ollama, openai


@dataclass
class Rig:
    """One provider's server, and a spare that answers where it does not.

    Attributes:
        name: The client's name in `CLIENTS`.
        server: The provider's.
        spare: The fall-back's, an OpenAI.
        other: A small tier's, an Ollama.
    """

    name: str
    client: Client
    server: Server
    spare: OpenAIServer
    other: OllamaServer

    def model(self, **more: Any) -> Any:
        return self.client.make(self.server, **more)

    def last(self, **settings: Any) -> AsymRouter:
        """A router whose last tier is the provider's, live, with a fall-back behind it."""
        more = settings.pop("model", {})
        given = {
            "small": Tier(ollama(self.other), breaker=False),
            "frontier": Tier(self.model(**more), breaker=False, retry=1),
            "fallbacks": [Tier(openai(self.spare, model="spare"), breaker=False, retry=1)],
            "threshold": 0,
            "classify": lambda messages: 1.0,
        }
        return AsymRouter(**{**given, **settings})

    def first(self, **settings: Any) -> AsymRouter:
        """A router whose small tier is the provider's, checked, with an OpenAI above it."""
        more = settings.pop("model", {})
        given = {
            "small": Tier(self.model(**more), breaker=False, retry=1),
            "frontier": Tier(openai(self.spare, model="spare"), breaker=False, retry=1),
            "classify": lambda messages: 0.0,
            "threshold": 0.5,
            "verify": lambda attempt: True,
        }
        return AsymRouter(**{**given, **settings})


@pytest.fixture(params=sorted(CLIENTS))
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    client = CLIENTS[request.param]
    with (
        client.server(default="from the provider") as server,
        OpenAIServer(default="from the spare") as spare,
        OllamaServer() as other,
    ):
        yield Rig(request.param, client, server, spare, other)


def entries(answer: AIMessage) -> list[dict[str, Any]]:
    """The attempts in an answer's record."""
    return answer.response_metadata["router"]["attempts"]


Make = Callable[..., AsymRouter]
