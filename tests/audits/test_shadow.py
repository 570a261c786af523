"""A shadow: the frontier answers, and what the lower tiers would save and lose is told."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from pydantic import ValidationError

from lc_asym_router import AsymRouter, Audit, Budget, ConfigurationError, Price, Tier
from lc_asym_router.audits import Rung, Shadow
from lc_asym_router.shell import main
from lc_asym_router.verify import Verdict
from tests.conftest import frontier_model, record, small_model
from tests.servers import Reply


@pytest.fixture
def shadowed(make):
    """Build a router with a shadow; all are closed at the end."""
    made: list[AsymRouter] = []

    def build(shadow: Any = True, **settings: Any) -> AsymRouter:
        made.append(make(shadow=shadow, **{"classify": None, **settings}))
        return made[-1]

    yield build
    for router in made:
        router.close_audits(5.0)


async def test_the_frontier_answers_and_the_small_tier_is_asked_beside(
    shadowed, ask, small, frontier
):
    small.default = frontier.default = "Answer: 12"
    router = shadowed(Shadow(share=1.0))
    answer = await ask(router, "How many are a dozen?")
    assert record(answer)["tier"] == "frontier"
    assert "audit" not in record(answer)
    assert await router.aflush_audits()
    assert (len(small.requests), len(frontier.requests)) == (
        2,
        1,
    )  # the answer, and a second opinion
    assert router.target.requests == 1
    assert [each.name for each in router.target.rungs] == ["as set", "second opinion"]


def test_it_says_what_each_rung_would_save_and_lose(shadowed, small, frontier):
    """One in five answers differs, and one check lets half of them through."""
    calls = {"n": 0}

    def half(attempt: Any) -> Verdict:
        calls["n"] += 1
        return Verdict(calls["n"] % 2 == 0, 1.0, "every other")

    small.default = "Answer: 12"
    rungs = [Rung(name="loose", verify=None), Rung(name="half", verify=half)]
    router = shadowed(Shadow(share=1.0, rungs=rungs))
    for number in range(20):
        frontier.default = "Answer: 13" if number % 5 == 0 else "Answer: 12"
        assert record(router.invoke("How many are a dozen?"))["tier"] == "frontier"
        assert router.flush_audits()
    loose, strict = router.target.rungs
    assert (loose.handed_on, loose.losses) == (1.0, 0.2)
    assert strict.handed_on == 0.5
    assert loose.at_most > 0.2
    assert loose.cost is not None
    assert loose.saved is not None
    assert loose.saved[0] == pytest.approx(1 - loose.cost)
    text = repr(router.target)
    assert "loose: would save" in text
    assert "would differ on 20.0% (at most" in text
    assert router.target.target is None


def test_a_small_tier_whose_price_is_not_known_saves_nothing_that_could_be_said(small, frontier):
    router = AsymRouter(
        small=Tier(small_model(small), price=Price(0, 0)),
        frontier=Tier(frontier_model(frontier).model_copy(update={"model_name": "own-model"})),
        verify="form",
        classify=None,
        shadow=Shadow(share=1.0),
    )
    router.invoke("hi")
    assert router.flush_audits()
    assert "a price is not known" in repr(router.target)
    router.close_audits(5.0)


def test_a_budget_in_usd_needs_the_price_of_every_tier_that_a_shadow_asks(frontier):
    with pytest.raises(ValidationError, match="price of the tier 'small'"):
        AsymRouter(
            small=Tier(frontier_model(frontier).model_copy(update={"model_name": "own"}), "small"),
            frontier=frontier_model(frontier),
            shadow=Shadow(budget=Budget(usd=1, per="day")),
        )


def test_no_request_waits_for_a_shadow(shadowed, small, frontier):
    """The small tier answers nothing until every request has its answer."""
    gate = threading.Event()
    small.default = Reply("a small answer", hold=gate)
    router = shadowed(Shadow(share=1.0, queue=3))
    answers = [router.invoke("hi") for _ in range(8)]
    assert {record(answer)["tier"] for answer in answers} == {"frontier"}
    gate.set()
    assert router.flush_audits()
    assert router.target.requests == 8
    assert router.target.rungs[0].requests <= 4


def test_only_a_share_is_asked_and_within_its_budget(shadowed, small):
    router = shadowed(Shadow(share=0.3, seed=3))
    for _ in range(40):
        router.invoke("hi")
        assert router.flush_audits()
    asked = router.target.rungs[0].requests
    assert 3 <= asked <= 25
    small.requests.clear()
    router = shadowed(Shadow(share=1.0, budget=Budget(calls=2, per="day", name="shadow")))
    for _ in range(5):
        router.invoke("hi")
        assert router.flush_audits()
    assert len(small.requests) == 2


def test_a_small_tier_that_fails_would_have_gone_up(shadowed, small):
    small.default = Reply(status=400, error="no")
    router = shadowed(Shadow(share=1.0))
    router.invoke("hi")
    assert router.flush_audits()
    assert router.target.rungs[0].handed_on == 0.0
    assert router.target.rungs[0].losses == 0.0


def test_the_shell_prints_the_shadow(shadowed, small, frontier, tmp_path, capsys):
    file = tmp_path / "costs.sqlite3"
    small.default = frontier.default = "Answer: 12"
    router = shadowed(Shadow(share=1.0, url=file))
    for _ in range(3):
        router.invoke("How many are a dozen?")
    router.close_audits(30.0)
    assert main(["report", "--url", str(file), "--shadow"]) == 0
    shown = capsys.readouterr().out
    assert "3 requests in shadow" in shown
    assert "as set: would save" in shown
    assert main(["report", "--url", str(file)]) == 0
    assert "shadow\nas set" in capsys.readouterr().out

    assert main(["report", "--url", str(file), "--shadow", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["requests"], found["target"], found["kind"]) == (3, None, "differs")
    first, second = found["rungs"]
    assert (first["name"], second["name"]) == ("as set", "second opinion")
    assert first["losses"] == 0.0
    assert first["at_most"] > 0.3
    assert first["saved"][1] <= first["saved"][0] <= first["saved"][2]
    assert found["moves"] == []


def test_the_shell_without_a_shadow_says_how_to_get_one(tmp_path, capsys):
    file = tmp_path / "costs.sqlite3"
    from lc_asym_router import Ledger

    with Ledger(file) as ledger:
        ledger.rows()
    assert main(["report", "--url", str(file), "--shadow"]) != 0
    assert main(["report", "--url", str(file), "--shadow", "--json"]) != 0
    assert "Shadow(url=...)" in capsys.readouterr().err


def test_settings_that_make_no_sense(make):
    with pytest.raises(ConfigurationError, match="share"):
        Shadow(share=0)
    with pytest.raises(ConfigurationError, match="of"):
        Shadow(of="lost")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="either shadow"):
        make(shadow=True, audit=Audit())
    with pytest.raises(ValidationError, match="give True"):
        make(shadow=0.1)
    with pytest.raises(ConfigurationError, match="no target"):
        _ = make(audit=Audit()).target
