"""Votes: each call is made and counted once, whatever is said, and what has won is shared by two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import UsageMetadataCallbackHandler

from lc_asym_router import AsymRouter, Breaker, Tier, Vote
from tests.behaviour.properties.cases import COMMON
from tests.behaviour.properties.conftest import QUIET
from tests.behaviour.properties.test_tiers_asked import NAMES, PRICE, Ladder, Script, _ask, scripts

pytestmark = QUIET


class Voting(Ladder):
    """Two cheap tiers and a model that is no tier, which vote before the frontier is asked."""

    def router(self, **changes: Any) -> AsymRouter:
        rule = Vote(
            of=["small", "middle", self.models["arbiter"]], parallel=changes.pop("parallel")
        )
        patient = Breaker(failures=1_000_000)
        tiers = [
            Tier(self.models[name], name, price=PRICE, breaker=patient, retry=1) for name in NAMES
        ]
        return AsymRouter(tiers=tiers, classify=lambda messages: 0.0, verify=rule, **changes)


@pytest.fixture(scope="module")
def ladder() -> Iterator[Voting]:
    world = Voting()
    yield world
    world.runner.close()
    for server in world.servers.values():
        server.close()


@pytest.mark.full
@given(
    script=scripts,
    parallel=st.booleans(),
    escalate_with=st.sampled_from(["request", "draft"]),
    way=st.sampled_from(["invoke", "stream", "ainvoke", "astream"]),
)
@settings(max_examples=60, **COMMON)
def test_every_call_is_made_and_counted_once(
    ladder: Voting, script: Script, parallel: bool, escalate_with: str, way: str
) -> None:
    for name, server in ladder.servers.items():
        server.reset()
        server.script(*(script.reply(name, number) for number in range(8)))
    router = ladder.router(parallel=parallel, escalate_with=escalate_with)
    usage = UsageMetadataCallbackHandler()
    text, told = _ask(ladder, router, way, {"callbacks": [usage]})

    calls = [*told["attempts"], *told["side_calls"]]
    assert Counter(call["model"] for call in calls) == Counter(
        f"{name}-model" for name, server in ladder.servers.items() for _ in server.requests
    )
    # Where the first tier's call fails, the vote that began beside it has nothing to vote on: a tier
    # whose vote failed is tried in its turn, and its own vote asks the model that is no tier again.
    again = {"middle", "arbiter"} if parallel and script.said["small"][0] is None else set()
    for name, server in ladder.servers.items():
        assert len(server.requests) <= (2 if name in again else 1)
        mine = [call for call in calls if call["model"] == f"{name}-model" and call["usage"]]
        both = tuple(
            sum(call["usage"][key] for call in mine) for key in ("input_tokens", "output_tokens")
        )
        counted = usage.usage_metadata.get(f"{name}-model", {})
        assert both == server.tokens
        assert both == (counted.get("input_tokens", 0), counted.get("output_tokens", 0))
    if text is None:
        assert told["attempts"][-1]["error"]
        return
    answered = told["attempts"][-1]
    assert text.startswith(f"{answered['model'].removesuffix('-model')} says ")
    assert text.count("says") == 1
    last = {name: max(0, len(server.requests) - 1) for name, server in ladder.servers.items()}
    said = {name: script.said[name][last[name]] for name in script.said}
    if told["vouched"] == "vote":
        number = text.split()[-1]
        sharing = [name for name in ("small", "middle", "arbiter") if str(said[name]) == number]
        assert len(sharing) > 1
        assert not ladder.servers["frontier"].requests
    else:
        assert told["vouched"] == "frontier"
        assert answered["tier"] == "frontier"
