"""Settings of audits that make no sense, and audits that can say nothing: each is said in words."""

from __future__ import annotations

import math

import pytest
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Audit, ConfigurationError, Tier
from lc_asym_router.audits import Rung, Shadow
from tests.conftest import frontier_model, small_model
from tests.servers import Reply

NUMBERS = (math.nan, math.inf, -math.inf, -1, True, "1", None, [0.1], {}, 1j)
WRONG = {
    "share": (*NUMBERS, 0, 0.0, 1.0001, False),
    "confidence": (*NUMBERS, 0, 1, 1.5, 1 - 1e-17),
    "first": (*NUMBERS, 2.5),
    "queue": (*NUMBERS, 0, 1.5),
    "workers": (*NUMBERS, 0, 1.5),
    "tag_limit": (*NUMBERS, 0.5),
    "timeout": (*NUMBERS, 0, 1e300),
    "close_seconds": (*NUMBERS, 1e300),
    "judge": (1, True, "gpt-4o", "Frontier", [], object()),
    "budget": (1.0, True, {"usd": 1}, "1 USD"),
    "url": (1, True, [], b"costs.sqlite3"),
    "seed": (math.nan, 1.5, True, "1", [], {}),
}
TARGETS = {
    "target": (*(each for each in NUMBERS if each is not None), 0, 1, 0.0005, 1e-300),
    "of": ("lost", None, 1, True),
    "over": ("all", None, 1),
    "start": (-1, True, 0.0, "0"),
    "rungs": (
        [],
        (),
        "form",
        [1],
        Rung(),
        5,
        {"a": 1},
        [Rung(), Rung()],
        [Rung(name="all frontier")],
    ),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_setting_that_makes_no_sense_is_named(name, value):
    with pytest.raises(ConfigurationError, match=name):
        Audit(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in TARGETS.items() for value in values]
)
def test_a_setting_of_a_target_that_makes_no_sense_is_named(name, value):
    with pytest.raises(ConfigurationError, match="rungs|Rung" if name == "rungs" else name):
        Audit(**{"target": 0.05, name: value})


@pytest.mark.parametrize("name", ["share", "confidence", "queue", "workers", "timeout", "seed"])
def test_a_shadow_refuses_the_same(name):
    with pytest.raises(ConfigurationError, match=name):
        Shadow(**{name: math.nan})


def test_rungs_and_a_start_without_a_target():
    for given in ({"rungs": [Rung()]}, {"start": 0}):
        with pytest.raises(ConfigurationError, match="are for a target"):
            Audit(**given)


@pytest.mark.parametrize("name", [5, None, b"strict"])
def test_a_rungs_name_is_a_text(name):
    with pytest.raises(ConfigurationError, match="must be a text"):
        Rung(name=name)


@pytest.mark.parametrize(
    ("audit", "word"),
    [
        (Audit(url=""), "names no file"),
        (Audit(url=":memory:"), "names no file"),
        (Audit(url="mysql://host/costs"), "SQLite and PostgreSQL"),
        (Audit(url="/dev/zero"), "no regular file"),
        (Audit(url="postgresql://me:secret@host:x/db"), "can't be read"),
        (Audit(target=0.05, rungs=[Rung(threshold=math.nan)]), "threshold"),
        (Audit(target=0.05, rungs=[Rung(threshold=True)]), "threshold"),
        (Audit(target=0.05, rungs=[Rung(threshold="nowhere.json")]), "can't be read"),
        (Audit(target=0.05, rungs=[Rung(verify="fromm")]), "none of"),
        (Audit(target=0.05, rungs=[Rung(verify=5)]), "no check"),
        (Audit(target=0.05, start=5), "names none of the 2 rungs"),
    ],
)
def test_what_only_the_router_can_know(make, audit, word):
    with pytest.raises(ValueError, match=word) as caught:
        make(audit=audit, classify=None)
    assert "secret" not in str(caught.value)


PROSE = "I would go to Paris, since one can walk along the river at night there."
OTHER = "I would rather see the mountains: the air is clear there, and nobody shouts."


def ended(make, **settings) -> AsymRouter:
    """A router that has answered three requests, and audited them."""
    router = make(classify=None, **settings)
    for _ in range(3):
        router.invoke("Where should I go?")
        assert router.flush_audits()
    router.close_audits(5.0)
    return router


def test_no_comparable_answers_are_a_line_in_the_report(make, small, frontier):
    small.default, frontier.default = PROSE, OTHER
    router = ended(make, audit=Audit(share=1.0))
    text = repr(router.audits)
    assert "3 audited, 3 not comparable; differ unknown: no audit could say" in text
    assert "why audits could not say, in this process: free text, and no judge (3)" in text


def test_with_a_target_no_comparable_answers_are_why_all_go_to_the_frontier(make, small, frontier):
    small.default, frontier.default = PROSE, OTHER
    router = ended(make, audit=Audit(share=1.0, target=0.3, rungs=[Rung()]))
    text = repr(router.target)
    assert "all go to the frontier: 3 answers could not be compared" in text
    assert "Audit(judge=...)" in text


def test_a_judge_that_fails_is_a_line_in_the_report(make, small, frontier):
    small.default, frontier.default = PROSE, Reply(OTHER)
    judge = ChatOpenAI(
        model="judge", base_url="http://127.0.0.1:9/v1", api_key="none", max_retries=0
    )
    router = ended(make, audit=Audit(share=1.0, judge=judge))
    text = repr(router.audits)
    assert "3 audited, 3 not comparable" in text
    assert "why audits could not say, in this process: the judge failed" in text


def test_prices_that_are_not_known_are_a_line_in_the_report(small, frontier):
    own = frontier_model(frontier).model_copy(update={"model_name": "own-model"})
    router = AsymRouter(
        small=small_model(small),
        frontier=Tier(own, "frontier"),
        verify="form",
        classify=None,
        audit=Audit(share=1.0),
    )
    router.invoke("hi")
    assert router.flush_audits()
    assert "audits cost nobody knows how much: 1 calls have no known price" in repr(router.audits)
    assert "price=Price(input, output)" in repr(router.audits)
    router.close_audits(5.0)
