"""Checks that ask tiers above: whatever the three models say, each call is made and counted once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import UsageMetadataCallbackHandler

from lc_asym_router import Agreement, AsymRouter, Breaker, Price, Tier, TiersFailedError
from tests.behaviour.properties.cases import COMMON
from tests.behaviour.properties.conftest import QUIET
from tests.conftest import frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply

pytestmark = QUIET

PRICE = Price(1.0, 2.0)
NAMES = ("small", "middle", "frontier")


class Ladder:
    """Three tiers and an arbiter on loopback servers, with a router for each setting."""

    def __init__(self) -> None:
        self.servers: dict[str, OllamaServer | OpenAIServer] = {
            "small": OllamaServer(),
            "middle": OpenAIServer(),
            "frontier": OpenAIServer(),
            "arbiter": OllamaServer(),
        }
        self.models: dict[str, Any] = {
            name: (small_model if isinstance(server, OllamaServer) else frontier_model)(server)
            for name, server in self.servers.items()
        }
        for name, model in self.models.items():
            field = "model" if isinstance(self.servers[name], OllamaServer) else "model_name"
            setattr(model, field, f"{name}-model")
        self.runner = asyncio.Runner()

    def router(self, **changes: Any) -> AsymRouter:
        patient = Breaker(failures=1_000_000)
        tiers = [
            Tier(self.models[name], name, price=PRICE, breaker=patient, retry=1) for name in NAMES
        ]
        checks = {
            "small": Agreement(second="middle"),
            "middle": Agreement(second=self.models["arbiter"]),
        }
        return AsymRouter(tiers=tiers, classify=lambda messages: 0.0, verify=checks, **changes)


@pytest.fixture(scope="module")
def ladder() -> Iterator[Ladder]:
    world = Ladder()
    yield world
    world.runner.close()
    for server in world.servers.values():
        server.close()


@dataclass(frozen=True)
class Script:
    """What each model says, in order; `None` is a failure."""

    said: dict[str, list[int | None]]
    tokens: list[int]

    def reply(self, name: str, number: int) -> Reply:
        said = self.said[name][number % len(self.said[name])]
        if said is None:
            return Reply(status=500, error="x")
        token = self.tokens[(number * 7 + len(name)) % len(self.tokens)]
        return Reply(f"{name} says {said}", input_tokens=token, output_tokens=token + 3)


replies = st.lists(st.sampled_from([1, 1, 2, 3, None]), min_size=3, max_size=3)
scripts = st.builds(
    Script,
    st.fixed_dictionaries(dict.fromkeys((*NAMES, "arbiter"), replies)),
    st.lists(st.integers(1, 400), min_size=5, max_size=5),
)


@given(
    script=scripts,
    attempts=st.sampled_from([1, 1, 2]),
    escalate_with=st.sampled_from(["request", "draft"]),
    way=st.sampled_from(["invoke", "stream", "ainvoke", "astream"]),
)
@settings(max_examples=80, **COMMON)
@pytest.mark.full
def test_every_call_is_made_and_counted_once(
    ladder: Ladder, script: Script, attempts: int, escalate_with: str, way: str
) -> None:
    for name, server in ladder.servers.items():
        server.reset()
        server.script(*(script.reply(name, number) for number in range(8)))
    router = ladder.router(small_attempts=attempts, escalate_with=escalate_with)
    usage = UsageMetadataCallbackHandler()
    text, told = _ask(ladder, router, way, {"callbacks": [usage]})

    calls = [*told["attempts"], *told["side_calls"]]
    assert Counter(call["model"] for call in calls) == Counter(
        f"{name}-model" for name, server in ladder.servers.items() for _ in server.requests
    )
    for name, server in ladder.servers.items():
        mine = [call for call in calls if call["model"] == f"{name}-model" and call["usage"]]
        both = tuple(
            sum(call["usage"][key] for call in mine) for key in ("input_tokens", "output_tokens")
        )
        assert both == server.tokens
        counted = usage.usage_metadata.get(f"{name}-model", {})
        assert both == (counted.get("input_tokens", 0), counted.get("output_tokens", 0))
    answered = [call for call in told["attempts"] if not call["error"]]
    if text is None:
        assert told["attempts"][-1]["error"]
    else:
        tier = answered[-1]["tier"]
        assert text.startswith(f"{tier} says ")
        assert text.count("says") == 1
        assert told["cost_usd"] is None or told["cost_usd"] == pytest.approx(
            sum(call["cost_usd"] for call in calls)
        )
    # A second opinion that was given is never asked for again, but with a draft or on another try.
    opinions = [call for call in told["side_calls"] if call["model"] == "middle-model"]
    reached = [call["tier"] for call in told["attempts"]]
    if escalate_with == "request" and attempts == 1 and "middle" in reached:
        assert all(call["error"] for call in opinions)


def _ask(
    ladder: Ladder, router: AsymRouter, way: str, config: Any
) -> tuple[str | None, dict[str, Any]]:
    """The answer's text and the record; no text where all failed."""

    async def chunks() -> list[Any]:
        return [chunk async for chunk in router.astream("6 * 7?", config)]

    try:
        if way == "invoke":
            parts = [router.invoke("6 * 7?", config)]
        elif way == "ainvoke":
            parts = [ladder.runner.run(router.ainvoke("6 * 7?", config))]
        elif way == "stream":
            parts = list(router.stream("6 * 7?", config))
        else:
            parts = ladder.runner.run(chunks())
    except TiersFailedError as error:
        return None, error.record
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole.text, whole.response_metadata["router"]
