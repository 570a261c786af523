"""Faults that the properties have found, each alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.callbacks import get_usage_metadata_callback

from lc_asym_router import AsymRouter, Tier
from lc_asym_router.errors import UnreadableOutputError
from tests.behaviour.properties.cases import LEAD
from tests.behaviour.properties.conftest import QUIET
from tests.behaviour.properties.judging import no_leak
from tests.behaviour.properties.seen import said_calls
from tests.behaviour.properties.world import MODELS, PRICES, Facts, lookup
from tests.conftest import frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply, ToolCall

pytestmark = QUIET


@pytest.fixture
def pair() -> Iterator[tuple[OllamaServer, OpenAIServer]]:
    with OllamaServer() as small, OpenAIServer(default="fine") as frontier:
        yield small, frontier


def _router(pair: Any, **settings: Any) -> AsymRouter:
    return AsymRouter(
        small=Tier(small_model(pair[0]), price=PRICES["small"]),
        frontier=Tier(frontier_model(pair[1]), price=PRICES["frontier"]),
        **{"verify": "form", **settings},
    )


def test_a_reason_does_not_name_an_unknown_key(pair: Any) -> None:
    """A key that the schema does not know is the model's own text."""
    pair[0].script('{"city": "x", "count": 1, "ᎠᎡ": 2}')
    pair[1].script('{"city": "x", "count": 1}')
    chain = _router(pair).with_structured_output(Facts, include_raw=True)
    no_leak(repr(chain.invoke("hi")))


def test_a_reason_does_not_name_a_key_of_a_json_schema(pair: Any) -> None:
    counts = {"type": "object", "additionalProperties": {"type": "integer"}}
    pair[0].script('{"counts": {"ᎠᎡ": "x"}}')
    pair[1].script('{"counts": {"x": 1}}')
    no_leak(repr(_facts(pair, {"properties": {"counts": counts}}).invoke("hi")))


@pytest.mark.parametrize(
    ("schema", "bad", "good"),
    [
        ({"additionalProperties": {"type": "integer"}}, '{"ᎠᎡ": "x"}', '{"x": 1}'),
        ({"type": "array", "items": {"type": "integer"}}, '["ᎠᎡ"]', "[1]"),
    ],
    ids=["map", "list"],
)
def test_a_json_schema_without_properties_is_checked(
    pair: Any, schema: Any, bad: str, good: str
) -> None:
    """Promise 6: a structured output passes only when it validates."""
    pair[0].script(bad)
    pair[1].script(good)
    output = _facts(pair, schema).invoke("hi")
    assert output["raw"].response_metadata["router"]["escalated"]
    no_leak(repr(output))


def _facts(pair: Any, schema: dict[str, Any]) -> Any:
    whole = {"title": "facts", "description": "Counts of cities.", "type": "object", **schema}
    return _router(pair).with_structured_output(whole, include_raw=True, method="json_mode")


FREE = {
    "whole, dropped": ({}, Reply("one two three", drop_after=2, chunk_delay=0.01)),
    "whole, cut": ({}, Reply("one two three", truncate_after=2)),
    "held, an unreadable call": (
        {"verify": "form"},
        Reply(tool_calls=[ToolCall("lookup", '{"city": "x')]),
    ),
}


@pytest.mark.parametrize("how", FREE)
def test_a_call_that_broke_off_is_not_free(pair: Any, how: str) -> None:
    """The model had begun to answer, so what it cost is estimated from what came, or unknown; not 0."""
    settings_, reply = FREE[how]
    pair[0].script(reply)
    router = _router(pair, **{"verify": None, **settings_}).bind_tools([lookup])
    record = router.invoke("hi").response_metadata["router"]
    attempt = record["attempts"][0]
    assert attempt["error"] or not attempt["passed"]
    if attempt["usage"]:
        assert attempt["cost_usd"] > 0
        assert record["cost_usd"] > attempt["cost_usd"]
    else:
        assert attempt["cost_usd"] is record["cost_usd"] is None
    if how.startswith("whole"):
        assert attempt["usage_estimated"]


async def test_events_do_not_show_a_draft_that_is_sent_along(pair: Any) -> None:
    pair[0].script(f"{LEAD}ᎠᎡ")
    router = _router(pair, escalate_with="draft")
    no_leak(repr([event async for event in router.astream_events("hi")]))


def test_include_raw_raises_nothing_in_a_stream_either(pair: Any) -> None:
    pair[1].script("no JSON")
    chain = _router(pair).with_structured_output(Facts, include_raw=True, method="json_mode")
    whole: dict[str, Any] = {}
    for chunk in chain.stream("debug this as JSON"):
        whole.update(chunk)
    assert whole["parsed"] is None
    assert whole["parsing_error"] is not None


def test_an_unreadable_last_output_is_one_error_in_any_way(pair: Any) -> None:
    """`stream` raises UnreadableOutputError here; so should `invoke`, as documented."""
    pair[1].script("no JSON", "no JSON")
    chain = _router(pair).with_structured_output(Facts)
    with pytest.raises(UnreadableOutputError):
        list(chain.stream("debug"))
    with pytest.raises(UnreadableOutputError):
        chain.invoke("debug")


@pytest.mark.parametrize("verify", ["form", None])
def test_v3_keeps_both_tool_calls(pair: Any, verify: Any) -> None:
    """ChatOllama's chunks give no index to a tool call; v3 loses both of two (a bare one's too)."""
    calls = [ToolCall("lookup", {"city": city}, city) for city in "xy"]
    pair[0].script(Reply(tool_calls=calls))
    stream = _router(pair, verify=verify).bind_tools([lookup]).stream_events("hi", version="v3")
    assert said_calls(stream.output) == [("lookup", {"city": city}) for city in "xy"]


def test_a_watch_does_not_end_an_answer_that_has_ended(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grace runs out just as the answer's own end comes: its counts are true, so no estimate."""
    clock = itertools.chain([0.0, 0.0], itertools.repeat(1.0))
    monkeypatch.setattr(
        "lc_asym_router.graph.calls.early_stop.time", SimpleNamespace(monotonic=lambda: next(clock))
    )
    refusal = f"{LEAD}that at all."
    pair[0].script(Reply(refusal, chunks=[refusal], input_tokens=41, output_tokens=50))
    with get_usage_metadata_callback() as counted:
        (first, _) = _router(pair).invoke("hi").response_metadata["router"]["attempts"]
    assert first["check"] == "Refusal"
    assert set(counted.usage_metadata) == set(MODELS.values())
    assert (first["usage"]["input_tokens"], first["usage"]["output_tokens"]) == (41, 50)
    assert "stopped_early" not in first
