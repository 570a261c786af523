"""The request that is asked: a question inside a prompt, no classifier at all, the rule's languages."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate

from tests.conftest import record

CONTEXT = (
    "Chapter 7: how we refactor and debug the scheduler, a proof that it can't deadlock, and an "
    "analysis of the plan to migrate the payments to three regions. FAQ. Question: how do I debug it? "
)
RAG = ChatPromptTemplate([("human", "Context: {context}\n\nQuestion: {question}")])
TURNED = ChatPromptTemplate([("human", "Question: {question}\nContext: {context}\nBe brief.")])
SIMPLE = "What is the capital of France?"
HARD = "Debug this deadlock of two workers and design a version that can't stall."


def asked(prompt, question):
    return prompt.invoke({"context": CONTEXT, "question": question})


def last_line(messages):
    return messages[-1].text.rpartition("\n\nQuestion: ")[2]


@pytest.mark.parametrize("question", ["Question:", last_line])
@pytest.mark.parametrize("classify", ["default", "keyword", "learned"])
async def test_the_question_is_classified_and_not_the_context(make, ask, small, question, classify):
    router = make(question=question, classify=classify)
    assert make(classify="keyword").decide(asked(RAG, SIMPLE)).tier == "frontier"
    answer = await ask(router, asked(RAG, SIMPLE))
    assert record(answer)["decision"]["tier"] == "small"
    sent = small.requests[-1].body["messages"][-1]["content"]
    assert "Chapter 7" in sent, "the tiers get the whole"
    if classify != "learned":
        assert router.decide(asked(RAG, HARD)).tier == "frontier"


def test_a_pair_of_marks(make):
    router = make(question=("Question:", "Context:"))
    assert router.decide(asked(TURNED, SIMPLE)).tier == "small"
    assert router.decide(asked(TURNED, HARD)).tier == "frontier"


def test_a_callable_sees_all_messages(make):
    seen = []

    def question(messages):
        seen.append([m.type for m in messages])
        return messages[1].text

    messages = [
        SystemMessage("be brief"),
        HumanMessage("debug it"),
        AIMessage("?"),
        HumanMessage("hi"),
    ]
    assert make(question=question).decide(messages).tier == "frontier"
    assert seen == [["system", "human", "ai", "human"]]


@pytest.mark.parametrize(
    "question", ["No such mark:", lambda messages: 1 / 0, lambda messages: 3, lambda messages: " "]
)
def test_where_there_is_none_the_whole_turn_counts(make, question, caplog):
    router = make(question=question)
    assert router.decide("debug it").tier == "frontier"
    assert router.decide("hi").tier == "small"
    assert "debug it" not in caplog.text


class Later:
    """Gives a coroutine."""

    async def __call__(self, messages):
        return messages[-1].text


@pytest.mark.parametrize("question", [3, "", ("a",), ("a", ""), int, Later(), Later().__call__])
def test_what_is_no_question(make, question):
    with pytest.raises(ValueError, match="plain function from the messages"):
        make(question=question)


async def test_the_callables_errors_hold_no_prompt(make, caplog):
    def question(messages):
        raise ValueError(messages[-1].text)

    await make(question=question).adecide("a secret")
    assert "question= failed" in caplog.text
    assert "a secret" not in caplog.text


async def test_without_a_classifier_everything_is_tried_small(make, ask, small, frontier):
    router = make(classify=None)
    small.script("a plan", "")
    answer = await ask(router, HARD)
    decision = record(answer)["decision"]
    assert (decision["tier"], decision["classifier"], decision["complexity"]) == (
        "small",
        "none",
        None,
    )
    assert "small is asked first" in decision["reason"]
    assert (await ask(router, HARD)).text == "a frontier answer", "the checks decide"
    assert "classify=none" in repr(router)
    assert router.explain("hi").decision.tier == "small"


def test_without_a_classifier_limits_still_hold(make):
    image = HumanMessage([{"type": "image", "base64": "aGk=", "mime_type": "image/png"}])
    router = make(classify=None)
    assert router.decide("hi", {"configurable": {"tier": "frontier"}}).tier == "frontier"
    assert router.decide([image]).tier in ("small", "frontier")


def test_the_rules_languages(make):
    german = "Bitte refaktoriere das"
    assert make(classify="keyword").decide(german).tier == "frontier"
    assert make(classify="keyword", languages=["en"]).decide(german).tier == "small"
    assert make(languages=["en", "de"]).decide(german).classifier == "keyword"
    assert make(languages=["en"]).decide(german).classifier == "learned"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"languages": "en"}, "takes a list"),
        ({"languages": []}, "takes a list"),
        ({"languages": ["xx"]}, "no words for xx"),
        ({"languages": ["en"], "classify": "learned"}, "part of classify='default' and 'keyword'"),
        ({"languages": ["en"], "classify": None}, "part of classify='default' and 'keyword'"),
    ],
)
def test_languages_that_make_no_sense(make, settings, said):
    with pytest.raises(ValueError, match=said):
        make(**settings)
