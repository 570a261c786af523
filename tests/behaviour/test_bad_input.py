"""Each bad input: a clear error that names the fault and the remedy, as early as can be."""

from __future__ import annotations

import logging

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import ValidationError

from lc_asym_router import AsymRouter, ConfigurationError, InvalidRequestError, Price, Tier
from lc_asym_router.classify import JudgeClassifier, KeywordClassifier
from lc_asym_router.errors import CheckError
from lc_asym_router.verify import Agreement, Judge, SelfVerification
from tests.conftest import frontier_model, record, small_model
from tests.servers import Reply


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ([], "at least one human message"),
        ([SystemMessage("be nice")], "no human message"),
        ([AIMessage("hello")], "no human message"),
        ([HumanMessage("")], "empty"),
        ([HumanMessage([{"type": "text", "text": " "}])], "empty"),
        ([HumanMessage([{"type": ["text"], "text": "a"}])], "type is a list"),
        ([AIMessage([{"type": {}}]), HumanMessage("hi")], "type is a dict"),
    ],
)
async def test_nothing_to_route_on(make, ask, asked, says):
    router = make()
    with pytest.raises(InvalidRequestError, match=says):
        await ask(router, asked)
    with pytest.raises(InvalidRequestError, match=says):
        router.decide(asked)


async def test_a_block_without_its_text_does_not_stop_the_others(make, ask):
    asked = [HumanMessage([{"type": "text", "text": None}, {"type": "text", "text": "hi"}])]
    assert (await ask(make(), asked)).text == "a small answer"


def test_settings_are_checked_at_construction(small, frontier):
    s, f = small_model(small), frontier_model(frontier)
    two = {"small": s, "frontier": f}
    for settings, says in [
        ({**two, "threshold": 1.5}, "number in \\[0, 1\\]"),
        ({**two, "threshold": -0.1}, "number in \\[0, 1\\]"),
        ({**two, "threshold": float("nan")}, "number in \\[0, 1\\]"),
        ({**two, "threshold": [0.2, 0.4]}, "one number for each step up"),
        ({**two, "classify": "magic"}, "There is no classifier 'magic'"),
        ({**two, "classify": 7}, "no classifier"),
        ({**two, "classify_deadline": 0}, "positive number of seconds"),
        ({**two, "verify": "stricter"}, "is none of 'form', 'default', 'vote', 'strict'"),
        ({**two, "verify": 3}, "no check"),
        ({**two, "small_attempts": 0}, "at least 1"),
        ({**two, "escalate_with": "hope"}, "escalate_with"),
        ({**two, "sticky": "day"}, "sticky"),
        ({**two, "cache": True}, "on the tiers' models"),
        ({**two, "thresold": 0.5}, "thresold"),
        ({"small": s}, "frontier= is missing"),
        ({"frontier": f}, "small= is missing"),
        ({"tiers": [Tier(s, "one")]}, "at least two tiers"),
        ({"tiers": []}, "at least two tiers"),
        ({"tiers": [Tier(s, "one"), Tier(f, "one")]}, "Two tiers are named one"),
        ({"tiers": [s, f]}, "needs a name"),
        ({**two, "tiers": [Tier(s, "a"), Tier(f, "b")]}, "not both"),
        ({"small": s.bind(stop=["x"]), "frontier": f}, "bound on the router"),
        ({"small": "llama3.1", "frontier": f}, "names no provider"),
        ({"small": "embedded:smollm2:135m", "frontier": f}, "write AsymRouter.from_env"),
        ({"small": "cohere:command-x", "frontier": f}, "langchain-cohere"),
        ({"small": "nosuch:model", "frontier": f}, "nosuch"),
    ]:
        with pytest.raises(ValidationError, match=says) as caught:
            AsymRouter(**{"verify": "form", **settings})
        assert "sk-not-a-key" not in str(caught.value)


def test_a_model_string_without_a_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        Tier("openai:gpt-4o")


@pytest.mark.parametrize("name", ["classify", "verify", "a b", "a:b", "a|b"])
def test_a_name_that_no_node_can_have(small, name):
    with pytest.raises(ConfigurationError, match="can't be a tier's name"):
        Tier(small_model(small), name)


def test_limits_that_make_no_sense(small):
    model = small_model(small)
    with pytest.raises(ConfigurationError, match="positive number of tokens"):
        Tier(model, context_window=0)
    with pytest.raises(ConfigurationError, match="smell"):
        Tier(model, inputs=["smell"])
    with pytest.raises(ConfigurationError, match="0 or more"):
        Price(-1, 0)
    with pytest.raises(ConfigurationError, match="USD per million"):
        Price(float("nan"), 0)


def test_settings_of_classifiers_and_checks(small):
    model = small_model(small)
    for build, says in [
        (lambda: KeywordClassifier(words=[]), "empty"),
        (lambda: KeywordClassifier(words="debug"), "list of words"),
        (lambda: KeywordClassifier(words=[""]), "no word"),
        (lambda: KeywordClassifier(words={"a": 2}), "number in"),
        (lambda: KeywordClassifier.for_languages("xx"), "no words for xx"),
        (lambda: JudgeClassifier(chat=model, deadline=0), "positive number"),
        (lambda: Judge("gpt"), "needs a chat model"),
        (lambda: Judge(model, threshold=2), "in \\[0, 1\\]"),
        (lambda: Judge(model, deadline=-1), "positive number"),
        (lambda: Agreement(2, agree=3), "1 to samples"),
        (lambda: Agreement(temperature=0), "over 0"),
        (lambda: Agreement(overlap=2), "in \\[0, 1\\]"),
        (lambda: Agreement(second=9), "second=...* is a int; give a chat model"),
        (lambda: SelfVerification(model="gemma2:9b"), "model=str.* needs a chat model"),
    ]:
        with pytest.raises((ConfigurationError, ValidationError), match=says):
            build()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"tier": "gold"}, "this router's tiers are small, frontier"),
        ({"tier": 3}, "this router's tiers"),
        ({"threshold": 7}, "number in"),
        ({"threshold": "0.5"}, "number in"),
        ({"verify": "no"}, "True or False"),
        ({"escalate": 0}, "True or False"),
    ],
)
async def test_bad_overrides(make, ask, values, says):
    with pytest.raises(ConfigurationError, match=says):
        await ask(make(), "hi", {"configurable": values})


async def test_keys_of_its_own(make, ask):
    router = make(configurable_prefix="router_")
    answer = await ask(router, "hi", {"configurable": {"tier": "gold", "router_tier": "frontier"}})
    assert answer.text == "a frontier answer"


def raises(_):
    raise RuntimeError("a secret prompt")


async def araises(_):
    raise RuntimeError("a secret prompt")


@pytest.mark.parametrize(
    ("classifier", "says"),
    [
        (raises, "raises failed \\(RuntimeError: raised in behaviour/"),
        (araises, "araises failed"),
        (lambda _: float("nan"), "a number in \\[0, 1\\]"),
        (lambda _: 1.01, "a number in \\[0, 1\\]"),
        (lambda _: "high", "returned str"),
        (lambda _: True, "returned bool"),
        (lambda _: None, "returned NoneType"),
    ],
)
async def test_a_classifier_cant_take_the_request_down(make, ask, caplog, classifier, says):
    """No signal is not 'easy': it goes to the frontier, and the decision and the log say why."""
    with caplog.at_level(logging.WARNING, "lc_asym_router"):
        answer = await ask(make(classify=classifier), "hi")
    decision = record(answer)["decision"]
    assert decision["tier"] == "frontier"
    assert decision["complexity"] is None
    import re

    assert re.search(says, decision["reason"])
    assert "secret" not in decision["reason"] + caplog.text
    assert caplog.records


@pytest.mark.parametrize("value", [None, 1, "yes", 0.9])
async def test_a_check_of_the_wrong_type_is_told_at_once(make, ask, value):
    def check(attempt):
        return value

    with pytest.raises(CheckError, match="Return Verdict"):
        await ask(make(verify=check), "hi")


async def test_a_check_that_raises_hands_nothing_on(make, ask):
    answer = await ask(make(verify=raises), "hi")
    assert answer.text == "a frontier answer"
    assert "the check raised RuntimeError" in record(answer)["attempts"][0]["reason"]
    assert "secret" not in repr(record(answer))


def test_settings_are_fixed(make):
    router = make()
    with pytest.raises(AttributeError, match="model_copy"):
        router.threshold = 0.9
    other = router.model_copy(update={"threshold": 0.0})
    assert other.decide("hi").tier == "frontier"
    assert router.decide("hi").tier == "small"
    with pytest.raises(ValidationError, match="number in"):
        router.model_copy(update={"threshold": 3})


async def test_a_wrong_key_names_the_remedy(make, ask, frontier):
    frontier.script(Reply(status=401, error="bad key sk-not-a-key"))
    from lc_asym_router import TiersFailedError

    with pytest.raises(TiersFailedError, match="OPENAI_API_KEY"):
        await ask(make(), "debug")


def test_repr_holds_no_secret(make):
    assert "sk-not-a-key" not in repr(make()) + str(make()) + repr(make().ladder[1])
