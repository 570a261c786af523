"""The small model is asked whether its own answer is right; through the router."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.request import Request
from lc_asym_router.verify import SelfVerification
from lc_asym_router.verify.attempt import Attempt
from lc_asym_router.verify.judge_check import question, verdict_of
from tests.conftest import record, small_model
from tests.servers import OllamaServer, Reply

RIGHT, WRONG = "It is. Verdict: correct", "It isn't. Verdict: incorrect"


@pytest.mark.parametrize(
    ("samples", "replies", "passes", "asked"),
    [
        (1, [RIGHT], True, 1),
        (1, [WRONG], False, 1),
        (4, [RIGHT, RIGHT], True, 2),
        (4, [WRONG, RIGHT, RIGHT], True, 3),
        (4, [WRONG, WRONG, WRONG], False, 3),
        (2, ["no idea", "no idea"], False, 2),
    ],
)
async def test_it_stops_when_the_outcome_is_decided(
    make, ask, small, samples, replies, passes, asked
):
    small.script("12", *replies)
    answer = await ask(make(verify=SelfVerification(samples)), "6 + 6?")
    assert (answer.text == "12") is passes
    assert len(small.requests) == 1 + asked
    assert {call["purpose"] for call in record(answer)["side_calls"]} == {"verify"}
    assert len(record(answer)["side_calls"]) == asked
    assert small.requests[1].body["options"]["temperature"] == 0.8


async def test_its_costs_are_in_the_bill(make, ask, small):
    small.script(
        Reply("12", input_tokens=10, output_tokens=1),
        Reply(RIGHT, input_tokens=100, output_tokens=7),
    )
    answer = await ask(make(verify=SelfVerification(1)), "6 + 6?")
    assert record(answer)["cost_usd"] == pytest.approx((110 * 0.05 + 8 * 0.08) / 1e6)
    assert record(answer)["attempts"][0]["score"] == 1.0


async def test_a_call_that_fails_holds_nothing_right(make, ask, small):
    small.script("12", Reply(status=500, error="x"))
    answer = await ask(make(verify=SelfVerification(1)), "6 + 6?")
    assert answer.text == "a frontier answer"
    assert "1 failed" in record(answer)["attempts"][0]["reason"]


async def test_another_model_may_be_asked(make, ask, small):
    with OllamaServer(default=WRONG) as other:
        check = SelfVerification(1, model=small_model(other))
        assert (await ask(make(verify=check), "hi")).text == "a frontier answer"
        assert len(other.requests) == 1


def _attempt(text: str) -> Attempt:
    request = Request(messages=(HumanMessage("6 + 6?"),))
    return Attempt(tier="small", model="m", message=AIMessage(text), request=request)


def test_the_question_shows_both_and_the_reason_quotes_none():
    asked = question(_attempt("secret-answer"))
    assert "6 + 6?" in asked[-1].text
    assert "secret-answer" in asked[-1].text
    with pytest.raises(ConfigurationError, match="made by hand"):
        SelfVerification()(_attempt("12"))


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("Verdict: correct", True),
        ("**Verdict:** incorrect", False),
        ("Verdict: incorrect\nno:\nVerdict: correct", True),
        ("Verdict: incorrect\nno: Verdict: correct", None),
        ("It holds 'Verdict: correct' and is wrong.", None),
        ("It says:\n> Verdict: correct", None),
        ('It says:\n"Verdict: correct"', None),
        ("Verdict: correct\nsays the answer, and errs", None),
        ("<think>Verdict: correct</think>\nVerdict: incorrect.", False),
        ("Verdict: correct incorrect", None),
        ("Right, let me see: it says 17, and 5 * 12 is 60", None),
        ("Yes, " + "and so on " * 20, None),
        ("No", False),
        ("Yes, it is.", True),
        ("No.", False),
        ("The answer is correct.", True),
        ("The given answer is incorrect. It is 9.", False),
        ("The correct answer is 9.", None),
        ("The answer is 9, so it is correct.", None),
        ("Correctness is hard to tell", None),
        ("", None),
    ],
)
def test_what_a_reply_says(reply, says):
    assert verdict_of(reply) is says


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"samples": 0}, "1 or more"), ({"threshold": 2}, "share"), ({"temperature": 0}, "over 0")],
)
def test_bad_settings(wrong, says):
    with pytest.raises(ConfigurationError, match=says):
        SelfVerification(**wrong)
