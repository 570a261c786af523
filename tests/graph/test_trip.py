"""One plain request passes through few of our files and functions: `make trip` shows which."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage

from lc_asym_router.classify import KeywordClassifier
from lc_asym_router.verify import Attempt, Judge, NotEmpty, Refusal, Verdict, default_checks
from tests.benchmarks.trip import MOST_CALLS, MOST_FILES, QUESTION, fake_router, followed, warm_trip


def test_a_plain_request_has_a_short_way() -> None:
    trip = warm_trip()

    assert len(trip.functions) <= MOST_FILES, f"more files than {MOST_FILES}:\n{trip}"
    assert trip.calls <= MOST_CALLS, f"more calls than {MOST_CALLS}:\n{trip}"


def test_every_warm_request_takes_the_same_way() -> None:
    router = fake_router()
    router.invoke(QUESTION)
    first, second = (followed(lambda: router.invoke(QUESTION)) for _ in range(2))

    assert first.functions == second.functions


def test_the_way_is_counted_from_the_first_function_on() -> None:
    trip = warm_trip()
    first = next(iter(trip.functions))

    assert first == "router/chain_model.py"
    assert next(iter(trip.functions[first])) == "ChainChatModel.invoke"
    assert {"graph/nodes.py", "verify/check.py"} <= set(trip.functions)


class AskingRefusal(Refusal):
    """A check of one's own that asks a model: its base says that it calls nothing."""

    def check(self, attempt: Attempt) -> Verdict:
        FakeMessagesListChatModel(responses=[AIMessage("no")]).invoke("Is it one?")
        return super().check(attempt)


class AskingKeywords(KeywordClassifier):
    """A classifier of one's own that asks a model, likewise."""

    def _classify(self, state: Any, questions: Any) -> Any:
        FakeMessagesListChatModel(responses=[AIMessage("no")]).invoke("Is it hard?")
        return super()._classify(state, questions)


def test_a_subclass_of_what_calls_nothing_is_metered() -> None:
    router = fake_router().model_copy(
        update={"classify": AskingKeywords(), "verify": NotEmpty() & AskingRefusal()}
    )
    record = router.invoke(QUESTION).response_metadata["router"]

    assert [call["purpose"] for call in record["side_calls"]] == ["classify", "verify"]


@pytest.mark.parametrize(
    ("check", "calls"),
    [
        (default_checks(), False),
        (NotEmpty() | Refusal(), False),
        (~Refusal(), False),
        (NotEmpty() & AskingRefusal(), True),
        (~AskingRefusal(), True),
        (NotEmpty() & (lambda attempt: True), True),
        (Judge(FakeMessagesListChatModel(responses=[AIMessage("5")])), True),
    ],
    ids=lambda each: str(each),
)
def test_which_checks_may_call_a_model(check: Any, calls: bool) -> None:
    assert check.makes_calls is calls
