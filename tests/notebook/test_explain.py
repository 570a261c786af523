"""`explain`: a decision with its parts, and no tier asked."""

from __future__ import annotations

import logging

import pytest
from langchain_core.callbacks import get_usage_metadata_callback

from lc_asym_router import InvalidRequestError, KeywordClassifier, LearnedClassifier, NoTierError
from lc_asym_router.classify.classifier_weights import load_weights
from tests.notebook.conftest import judge, twins
from tests.notebook.looking import safe

explained = twins("explain")


async def test_the_words_that_moved_it(make, explained, small, frontier):
    words = KeywordClassifier(words={"prove": 0.5, "why": 0.25, "debug": 1.0})
    explanation = await explained(make(classify=words), "Prove it. Why?")
    assert {part.name: part.moved for part in explanation.parts} == {"prove": 0.5, "why": 0.25}
    assert explanation.decision.complexity == 0.75
    page = safe(explanation)
    assert page.tags.count("mark") == 2
    assert "+0.50" in page.text
    assert not small.requests
    assert not frontier.requests


async def test_the_features_that_moved_it(make, explained):
    text = "If Ann has 3 apples and Ben has twice as many, how many have they together?"
    explanation = await explained(make(classify="learned"), text)
    gain = load_weights().judge(text)
    assert [part.moved for part in explanation.parts] == sorted(
        gain.parts.values(), key=lambda moved: -abs(moved)
    )
    assert explanation.parts[0].name in explanation.decision.reason
    assert explanation.decision.threshold == LearnedClassifier().threshold
    assert explanation.levels == ()
    assert text in safe(explanation).text


async def test_the_default_classifier_tells_words_where_it_goes_by_them(make, explained):
    explanation = await explained(make(classify="default"), "Refactor this.")
    assert [(part.name, part.word) for part in explanation.parts] == [("refactor", True)]
    assert all(not part.word for part in (await explained(make(classify="default"), "hi")).parts)


async def test_nothing_to_go_by(make, explained):
    explanation = await explained(make(), "Good morning.")
    assert explanation.parts == explanation.levels == ()
    assert explanation.decision.tier == "small"
    assert "what moved it" not in safe(explanation).text


async def test_the_levels_of_a_judge(make, explained, small):
    small.script(judge)
    with get_usage_metadata_callback() as usage:
        explanation = await explained(make(classify="judge"), "Is it so?")
    assert [level.probability for level in explanation.levels] == [0, 0, 0, 1, 0]
    assert "100% Hard: several dependent steps" in safe(explanation).text
    assert len(small.requests) == 1
    assert usage.usage_metadata["small-model"]["total_tokens"] == sum(small.tokens)


async def test_a_judge_that_fails_tells_the_parts_of_its_fall_back(make, explained, small, failing):
    small.script(failing)
    explanation = await explained(make(classify="judge"), "Debug it.")
    assert [part.name for part in explanation.parts] == ["debug"]
    assert explanation.decision.classifier == "judge -> keyword"


async def test_a_callable_tells_no_parts(make, explained):
    explanation = await explained(make(classify=lambda messages: 0.7), "hi")
    assert explanation.decision.complexity == 0.7
    assert explanation.parts == explanation.levels == ()
    safe(explanation)


async def test_a_classifier_that_fails(make, explained, caplog):
    def broken(messages):
        raise ValueError("the secret of the request")

    with caplog.at_level(logging.ERROR):
        explanation = await explained(make(classify=broken), "hi")
    assert explanation.decision.tier == "frontier"
    assert explanation.decision.complexity is None
    assert "secret" not in safe(explanation).text


async def test_a_forced_tier_and_another_threshold(make, explained):
    router = make()
    forced = await explained(router, "debug it", {"configurable": {"tier": "small"}})
    assert (forced.decision.classifier, forced.parts) == ("forced", ())
    moved = await explained(router, "hi", {"configurable": {"threshold": 0}})
    assert moved.decision.tier == "frontier"


async def test_a_tier_that_cannot_take_it(make, explained, frontier):
    router = make()
    ladder = [tier.named(tier.name) for tier in router.ladder]
    tools = [{"type": "web_search"}]
    explanation = await explained(router, "hi", tools=tools)
    assert list(explanation.refusals) == ["small"]
    assert "small can't take it: its provider does not run the tool" in safe(explanation).text
    assert len(ladder) == 2


async def test_what_can_not_be_routed(make, explained):
    with pytest.raises(InvalidRequestError):
        await explained(make(), [])
    image = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
    blind = make().model_copy()
    tiers = [tier._changed(inputs=frozenset()) for tier in blind.ladder]
    from lc_asym_router import AsymRouter

    with pytest.raises(NoTierError):
        await explained(
            AsymRouter(tiers=tiers, classify="keyword", verify="form"), [("human", [image])]
        )


async def test_it_is_the_decision_that_the_router_makes(make, explained):
    router = make(classify="default")
    for text in ("hi", "debug it", "What is 17 times 23?"):
        explanation = await explained(router, text)
        assert explanation.decision == router.decide(text)
        record = (await router.ainvoke(text)).response_metadata["router"]
        assert record["decision"] == explanation.decision.to_dict()
