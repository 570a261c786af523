"""The judgement: what is to come of a request, and whether it came of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.messages import AIMessage

from lc_asym_router import TiersFailedError
from tests.behaviour.properties.cases import Batch, Case, Said, Setting
from tests.behaviour.properties.seen import Seen, joined, raw, said_calls
from tests.behaviour.properties.world import MODELS, PRICES, World

LEAK = re.compile(r"[\u13a0-\u13ff]|\\u13[a-fA-F]|I'm sorry, but|draftarg|stray_tool")
SEAL = re.compile(r"b[\"']x\\x01")
"""The envelope that holds a draft. A subgraph's inner events show it, a stream's parts must not."""


@dataclass
class Foreseen:
    """What a request must come to: its attempts, and the reply that is the answer (or none)."""

    attempts: list[tuple[str, str, Said]]
    answer: Said | None
    partial: str = ""
    """What a caller that takes chunks may have seen before all failed."""
    drafts_pass: bool = False


def foresee(case: Case, setting: Setting, streams: bool) -> Foreseen:
    """The reference: the graph's picture in fifteen lines."""
    attempts: list[tuple[str, str, Said]] = []
    tools_decide = setting.bound == "tools" and setting.checked  # the small tier is asked first
    for said in () if case.direct and not tools_decide else case.small:
        fate = said.fate if setting.checked else said.unchecked
        attempts.append(("small", fate, said))
        if fate == "passes":
            return Foreseen(attempts, said, drafts_pass=not setting.checked)
        if fate == "raises":
            if not setting.checked and streams and said.begun:
                return Foreseen(attempts, None, said.text, drafts_pass=True)
            break
    fate = case.frontier.fate
    attempts.append(("frontier", fate, case.frontier))
    if fate == "passes":
        return Foreseen(attempts, case.frontier)
    return Foreseen(attempts, None, case.frontier.text)


def judge(case: Case, setting: Setting, seen: Seen, others: Sequence[Case]) -> None:
    """All six properties of one request that ran to its end."""
    expected = foresee(case, setting, seen.streams)
    text = seen.text()
    if not expected.drafts_pass:
        no_leak(text)
    if case.face != "p_events":
        assert not SEAL.search(text), "a sealed draft is seen"
    for other in others:
        if other is not case:
            assert other.name not in text, "another request is seen"
            assert f"ok{'ABCD'[other.index]}" not in text, "another answer is seen"

    if seen.error is not None and not isinstance(seen.error, TiersFailedError):
        raise seen.error
    if seen.watched:
        assert seen.counter.settled(), "a model call has no end, or two"
        assert len(seen.counter.started) == len(case.asked)
        assert len(set(seen.counter.started)) == len(case.asked)
    assert [tier for tier, _ in case.asked] == [tier for tier, _, _ in expected.attempts]

    if expected.answer is None:
        assert isinstance(seen.error, TiersFailedError), f"no TiersFailedError: {seen}"
        record = seen.error.record
        for channel, parts in seen.channels.items():
            shown = "".join(part.text for part in parts)
            assert shown in ("", expected.partial), f"{channel}: {shown!r}"
    else:
        assert seen.error is None, repr(seen.error)
        assert seen.answer is not None
        _judge_answer(expected.answer, seen.answer, "the answer")
        record = seen.answer.response_metadata["router"]
        for channel, parts in seen.channels.items():
            _judge_answer(expected.answer, joined(_of_last(parts, expected)), channel)
        _judge_totals(record, expected)
    _judge_record(record, expected, setting, seen.streams)
    if seen.watched:
        _judge_usage(record, seen.usage)


def _of_last(parts: list[AIMessage], expected: Foreseen) -> list[AIMessage]:
    """The answer's own parts: a listener hears of an unchecked call before it is known to be empty,
    as a message of its own without text."""
    if not any((said.kind, fate) == ("empty", "raises") for _, fate, said in expected.attempts):
        return parts
    others = [part for part in parts if part.id != parts[-1].id]
    assert not any(part.content or part.tool_call_chunks for part in others)  # type: ignore[attr-defined]
    return [part for part in parts if part.id == parts[-1].id]


def no_leak(text: str) -> None:
    if found := LEAK.search(text):
        around = text[max(0, found.start() - 300) : found.end() + 100]
        raise AssertionError(f"a failed draft is seen: {found[0]!r} in {around}")


def _judge_answer(said: Said, message: AIMessage, where: str) -> None:
    assert message.text == said.text, f"{where}: {message.text!r} is not {said.text!r}"
    assert said_calls(message) == list(said.calls), where
    usage = message.usage_metadata
    assert usage is not None, f"{where} has no usage"
    assert (usage["input_tokens"], usage["output_tokens"]) == said.reply.tokens, where
    name = message.response_metadata.get("model_name")
    assert name in MODELS.values(), f"{where}: {name}"


def _judge_record(
    record: dict[str, Any], expected: Foreseen, setting: Setting, streams: bool
) -> None:
    entries = record["attempts"]
    assert [entry["tier"] for entry in entries] == [tier for tier, _, _ in expected.attempts]
    for entry, (tier, fate, said) in zip(entries, expected.attempts, strict=True):
        assert entry["model"] == MODELS[tier]
        assert bool(entry["error"]) == (fate == "raises"), f"{said.kind}: {entry}"
        checked = setting.checked and tier == "small"
        passed = {"passes": True if checked else None, "fails": False, "raises": False}[fate]
        assert entry["passed"] is passed, f"{said.kind}: {entry}"
        assert bool(entry["reason"]) == (fate == "fails"), f"{said.kind}: {entry}"
        if "stopped_early" in entry:
            assert fate == "fails"
        elif said.kind == "empty" or (fate != "raises" and said.kind not in ("cut", "malformed")):
            usage = entry["usage"]
            assert (usage["input_tokens"], usage["output_tokens"]) == said.reply.tokens
        cost = entry["cost_usd"]
        raised = entry["error"] or said.kind == "malformed"
        guessed = bool(raised and entry["usage"]) and said.kind != "empty"
        assert bool(entry.get("usage_estimated")) == guessed
        if entry["usage"]:
            assert cost == pytest.approx(PRICES[tier].of(entry["usage"]))
        elif said.kind == "status":
            assert cost == 0.0
        elif said.kind == "inside" and not streams and tier == "frontier":
            assert cost in (0.0, None)  # a whole body that is an error: nothing was answered
        else:
            assert cost is None, f"{said.kind}: tokens that nobody counted cost {cost}"


def _judge_totals(record: dict[str, Any], expected: Foreseen) -> None:
    costs = [entry["cost_usd"] for entry in record["attempts"]]
    assert not record["side_calls"]
    tier = expected.attempts[-1][0]
    assert record["tier"] == tier
    assert record["escalated"] == (tier != expected.attempts[0][0])
    if None in costs:
        assert record["cost_usd"] is None
        assert record["saved_usd"] is None
        return
    alone = PRICES["frontier"].of(record["attempts"][-1]["usage"])
    assert record["cost_usd"] == pytest.approx(sum(costs))
    assert record["frontier_cost_usd"] == pytest.approx(alone)
    assert record["saved_usd"] == pytest.approx(alone - sum(costs))


def _judge_usage(record: dict[str, Any], usage: UsageMetadataCallbackHandler) -> None:
    """A callback's totals are those of the record (and so of the servers; see `judge_servers`)."""
    counted = {
        name: (each["input_tokens"], each["output_tokens"])
        for name, each in usage.usage_metadata.items()
    }
    assert counted == _reported([record])


def _reported(records: Sequence[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """The tokens that the attempts of some records were told, by model."""
    totals: dict[str, tuple[int, int]] = {}
    for entry in (entry for record in records for entry in record["attempts"]):
        if entry["usage"] and not entry.get("usage_estimated"):
            had = totals.get(entry["model"], (0, 0))
            more = entry["usage"]["input_tokens"], entry["usage"]["output_tokens"]
            totals[entry["model"]] = had[0] + more[0], had[1] + more[1]
    return totals


def judge_servers(world: World, batch: Batch, seen: Sequence[Seen]) -> None:
    """What the servers reported, where every call ended by itself, is in the records (and so is what
    all callbacks saw; see `_judge_usage`)."""
    fates = [said for case in batch.cases for _, said in case.asked]
    if any(said.kind in ("garbage", "malformed") for said in fates):
        return  # the counts are sent, but the client library has raised before it reads them
    records = [
        s.error.record if s.error else raw(s.answer).response_metadata["router"] for s in seen
    ]
    if any("stopped_early" in entry for record in records for entry in record["attempts"]):
        return
    totals = _reported(records)
    for server, model in ((world.small, "small-model"), (world.frontier, "frontier-model")):
        assert totals.get(model, (0, 0)) == server.tokens
