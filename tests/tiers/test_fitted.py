"""A request is looked at once, however many tiers read it, and fitted as its messages would be."""

from __future__ import annotations

import copy
import pickle
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_mistralai import ChatMistralAI
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Budget, Price, Tier
from lc_asym_router.records import Request
from lc_asym_router.tiers.conversation import fit, fitted
from tests.conftest import frontier_model, record, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply

MODELS: list[Any] = [
    ChatOllama(model="llama3"),
    ChatOpenAI(model="gpt-4o", api_key="k"),
    ChatOpenAI(model="gpt-4o", api_key="k", use_responses_api=True),
    ChatAnthropic(model="claude-3-5-haiku-latest", api_key="k"),
    ChatMistralAI(model="mistral-small", api_key="k"),
    ChatGoogleGenerativeAI(model="gemini-2.0-flash", google_api_key="k"),
]
TEXT = {"type": "text", "text": "hi"}
CONTENTS: Any = st.sampled_from(
    [
        "hi",
        "",
        "  ",
        [],
        [TEXT],
        ["hi"],
        [{**TEXT, "cache_control": {"type": "ephemeral"}}],
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}],
        [{"type": "thinking", "thinking": "hm", "signature": "s"}, TEXT],
    ]
)
IDS = ["call-1", "x" * 41, None, ""]
CALLS = st.lists(
    st.builds(
        dict, name=st.sampled_from(["look", "look.up"]), args=st.just({}), id=st.sampled_from(IDS)
    ),
    max_size=2,
)
UNREADABLE = [{"name": "look", "args": "{", "id": "call-2", "error": None}]
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "model_provider": st.sampled_from(["openai", "ollama", "anthropic", "mistralai", None]),
        "model_name": st.sampled_from(["gpt-4o-2024-08-06", "llama3"]),
        "id": st.sampled_from(["resp_1", "chatcmpl-1"]),
    },
)
KWARGS = st.sampled_from(
    [{}, {}, {"refusal": None}, {"refusal": "no"}, {"reasoning": {"id": "rs_1"}}]
)
NAMES = st.sampled_from([None, None, None, "ann", "ann <b>"])


@st.composite
def message(draw: Any) -> BaseMessage:
    kind = draw(st.sampled_from(["human", "ai", "ai", "system", "tool", "chat", "function"]))
    content, name = draw(CONTENTS), draw(NAMES)
    if kind == "human":
        return HumanMessage(content, name=name)
    if kind == "system":
        return SystemMessage(content)
    if kind == "tool":
        return ToolMessage(content, tool_call_id=draw(st.sampled_from(["call-1", "x" * 41])))
    if kind == "chat":
        return ChatMessage(content, role=draw(st.sampled_from(["user", "assistant", "critic"])))
    if kind == "function":
        return FunctionMessage("hi", name="look")
    return AIMessage(
        content,
        name=name,
        tool_calls=draw(CALLS),
        invalid_tool_calls=draw(st.sampled_from([[], [], UNREADABLE])),
        additional_kwargs=draw(KWARGS),
        response_metadata=draw(METADATA),
    )


PLAIN = st.one_of(
    st.builds(HumanMessage, st.just("hi")),
    st.builds(SystemMessage, st.sampled_from(["be brief", ""])),
    st.builds(ToolMessage, st.just("found"), tool_call_id=st.just("call-1")),
    st.builds(
        AIMessage, st.sampled_from(["yes", "", " "]), response_metadata=METADATA, tool_calls=CALLS
    ),
)
CONVERSATIONS = st.lists(message(), min_size=1, max_size=5) | st.lists(PLAIN, min_size=1)


@given(messages=CONVERSATIONS, place=st.integers(0, len(MODELS) - 1))
@settings(max_examples=300, deadline=None)
def test_a_request_is_fitted_as_its_messages_are(messages: Any, place: int) -> None:
    model, request = MODELS[place], Request(messages=tuple(messages))
    found = fitted(request, model)

    expected = fit(messages, model)
    assert list(found.messages) == expected
    assert (found is request) == ([*map(id, expected)] == [*map(id, messages)])
    assert fitted(request, model) is found, "fitted once"


def test_what_was_computed_is_not_sent_along() -> None:
    """A fitted request is kept with its model, whose key must not be pickled with it."""
    model = ChatOpenAI(model="gpt-4o", api_key="sk-secret")
    request = Request(messages=(HumanMessage("hi", name="ann <b>"),))
    assert fitted(request, model) is not request
    assert b"sk-secret" not in pickle.dumps(request)
    for other in (pickle.loads(pickle.dumps(request)), copy.deepcopy(request), copy.copy(request)):
        assert other == request
        assert "_computed" not in vars(other)


class Watched(HumanMessage):
    """A message that counts how often this package reads its content."""

    def __getattribute__(self, name: str) -> Any:
        if name == "content":
            frame = sys._getframe(1)
            if frame.f_globals["__name__"].startswith("lc_asym_router"):
                READ[frame.f_code.co_qualname] += 1
        return super().__getattribute__(name)


READ: Counter[str] = Counter()


@pytest.mark.parametrize("maker", ["ollama", "openai"])
@pytest.mark.parametrize("paid", [False, True], ids=["free", "a budget in USD"])
def test_more_tiers_read_a_message_no_more_often(
    small: OllamaServer, frontier: OpenAIServer, paid: bool, maker: str
) -> None:
    """Four tiers that are asked one after the other read a message as often as one does. What another
    provider's model said is put into other words for each tier that reads it, once."""
    found = {}
    for failing in (0, 3):
        models = [small_model(small, model=f"m{n}", num_predict=9) for n in range(4)]
        tiers = [Tier(each, name=each.model, price=Price(1, 1)) for each in models]
        last = Tier(frontier_model(frontier, max_tokens=9), name="last", price=Price(2, 2))
        router = AsymRouter(
            tiers=[*tiers, last],
            verify="form",
            classify=None,
            budgets=[Budget(usd=1.0, per="request")] if paid else [],
        )
        said = AIMessage(
            "Yes?",
            additional_kwargs={"refusal": None},  # as ChatOpenAI has it
            response_metadata={"model_provider": maker},
        )
        small.script(*[Reply("")] * failing, Reply("Paris."))
        READ.clear()
        answer = router.invoke([Watched("a question before"), said, HumanMessage("hi")])
        assert len(record(answer)["attempts"]) == failing + 1
        found[failing] = dict(READ)

    if maker == "openai":
        assert found[3].pop("fit") == 4 * found[0].pop("fit")
    assert found[0] == found[3]
    assert max(found[0].values()) == 1, found[0]
