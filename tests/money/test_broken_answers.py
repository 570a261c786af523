"""What an answer used that broke off or can't be read: an estimate from what was received."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router import AsymRouter, Budget, Price, Retry, Tier, TiersFailedError
from lc_asym_router.money.usage import MOST_TOKENS
from lc_asym_router.tiers.faults.bodies import KEPT, ResponseBody
from tests.conftest import frontier_model, small_model
from tests.servers import Reply

TEXT = "".join(f"{number:04} " for number in range(7, 1007, 10))
"""500 characters that do not loop."""


def openai(**changed: Any) -> bytes:
    """A body of the OpenAI wire format."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": TEXT},
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 11, "completion_tokens": 101, "total_tokens": 112}
    return json.dumps({"id": "1", "choices": [choice], "usage": usage, **changed}).encode()


BROKEN: dict[str, tuple[Reply, int | None]] = {
    "cut in its text": (Reply(body=openai()[:300]), 57),
    "no choices": (Reply(body=openai(choices=None)), 101),
    "closed half-way": (Reply(TEXT, drop_after_bytes=300), 4),
    "an end that is an error": (
        Reply(TEXT, finish="error", input_tokens=11, output_tokens=101),
        128,
    ),
    "no JSON": (Reply(body=b"{not json"), None),
    "a page": (Reply(body=b"<html>", headers={"Content-Type": "text/html"}), None),
    "a status": (Reply(status=500, body=openai()), None),
}


def routed(small: Any, frontier: Any, tier: str, **settings: Any) -> AsymRouter:
    once: dict[str, Any] = {"retry": Retry(attempts=1), "breaker": False, "price": Price(1, 1)}
    return AsymRouter(
        small=Tier(small_model(small, num_predict=300), **once),
        frontier=Tier(frontier_model(frontier, max_tokens=300), **once),
        classify=lambda messages: float(tier == "frontier"),
        **{"verify": "form", **settings},
    )


@pytest.mark.parametrize("tier", ["small", "frontier"])
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize("case", BROKEN)
async def test_it_is_booked_by_an_estimate(small, frontier, case, way, tier):
    reply, output = BROKEN[case]
    (small if tier == "small" else frontier).script(reply)
    budget = Budget(tokens=100_000)
    router = routed(small, frontier, tier, budgets=[budget])
    try:
        answer = router.invoke("hi") if way == "invoke" else await router.ainvoke("hi")
    except TiersFailedError as error:
        record = error.record
    else:
        record = answer.response_metadata["router"]
    first, *others = record["attempts"]
    assert first["error"]
    assert first["passed"] is False
    assert first.get("usage_estimated", False) is (output is not None)
    later = sum(each["usage"]["total_tokens"] for each in others)
    if output is None:
        assert first["usage"] is None
        assert first["cost_usd"] == (0 if case == "a status" else None)
        return
    assert first["usage"]["output_tokens"] == pytest.approx(output, abs=2)
    assert first["cost_usd"] == pytest.approx(first["usage"]["total_tokens"] / 1e6)
    assert budget.balance()["tokens"]["spent"] == first["usage"]["total_tokens"] + later


def body_of(*parts: bytes) -> ResponseBody:
    body = ResponseBody()
    body.begin()
    for part in parts:
        body.add(part)
    return body


@pytest.mark.parametrize(
    ("said", "output"),
    [
        (b'{"message":{"content":"abcd', 0),
        (b'{"content": "a\\u00e9\\', 0),
        (b'{"delta":{"partial_json":"{\\"a\\": 1"}}\n{"delta":{"text":"b"}}', 0),
        (b'{"usage":{"prompt_tokens":7,"completion_tokens":-5}, "text": "x"}', 0),
        (b'{"eval_count":99999999999999999,"done":true}', MOST_TOKENS),
        (b'{"eval_count":' + b"9" * 4_000 + b',"content":"x"}', MOST_TOKENS),
        (b'{"eval_count":1e400,"content":"x"}', 1),
        (b'{"content":"' + b"x" * 40_000, 40_000 // 4),
    ],
)
def test_what_a_body_says_of_it(said, output):
    received = body_of(*(said[at : at + 1000] for at in range(0, len(said), 1000))).received()
    assert received is not None
    assert received.usage_metadata["output_tokens"] == pytest.approx(output, rel=0.01)


@pytest.mark.parametrize("said", [b"", b"{}", b"\xff\xfe" * 99, b'{"content":""}', b'{"a":"b"}'])
def test_a_body_that_says_nothing(said):
    assert body_of(said).received() is None


@given(
    st.lists(
        st.binary(max_size=200) | st.sampled_from([b'"content":"', b"\\", b'"', b'"eval_count":9'])
    )
)
def test_any_body_can_be_looked_at(parts):
    received = body_of(*parts).received()
    assert received is None or 0 <= received.usage_metadata["output_tokens"] <= MOST_TOKENS
    assert received is None or len(received.text) <= KEPT
