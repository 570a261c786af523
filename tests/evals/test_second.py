"""Calibrating checks that ask a second model, on that model's recorded answers."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from lc_asym_router import (
    Agreement,
    AsymRouter,
    Joint,
    LearnedVerifier,
    Price,
    Tier,
    Vote,
    default_checks,
)
from lc_asym_router.classify.calibration import Calibration
from lc_asym_router.classify.scorer import Scorer
from lc_asym_router.errors import CalibrationError, ConfigurationError
from lc_asym_router.evals import (
    Answer,
    DataError,
    Row,
    Target,
    calibrate,
    calibrate_settings,
    replay_router,
)
from lc_asym_router.shell import main
from tests.conftest import FRONTIER_PRICE, frontier_model, record, small_model
from tests.servers import OllamaServer

SECOND = "other-model"
PRICE = Price(0.05, 0.08)


def simple(messages) -> float:
    return 0.0


def rows(count: int = 120, seed: int = 3) -> list[Row]:
    """Sums: who is right agrees mostly, who is wrong says something else."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        a, b = chance.randint(100, 999), chance.randint(100, 999)
        right = chance.random() < 0.6
        weak = a + b if right else a + b + chance.randint(1, 50)
        other = a + b if chance.random() < 0.8 else a + b + 100
        made.append(
            Row(
                id=str(number),
                query=f"What is {a} plus {b}? ({number})",
                weak=Answer(float(right), f"The answer is {weak}."),
                strong=Answer(1.0, f"The answer is {a + b}."),
                dataset="made",
                other={SECOND: Answer(None, f"I get {other}.")},
            )
        )
    return made


@pytest.fixture
def second():
    answers = {row.asked: row.other[SECOND].response for row in rows()}
    with OllamaServer(default=lambda body: answers[body["messages"][-1]["content"]]) as server:
        yield server


CHECKS = {
    "learned": lambda model: default_checks() & LearnedVerifier(0.6, second=model),
    "agreement": lambda model: default_checks() & Agreement(second=model),
    "joint": lambda model: Joint(LearnedVerifier(), LearnedVerifier(0.6, second=model), sure=0.8),
    "joint agreement": lambda model: Joint(LearnedVerifier(), Agreement(second=model), sure=0.8),
    "either": lambda model: Agreement(second=model) | LearnedVerifier(0.9),
    "not": lambda model: default_checks() & ~Agreement(second=model),
}


@pytest.mark.full
@pytest.mark.parametrize("name", CHECKS)
def test_recorded_answers_tell_what_the_live_model_would(make, small, second, name):
    """The same rows through the real router, its tier and its second model over HTTP."""
    answers = {row.asked: row.weak.response for row in rows()}
    small.default = lambda body: answers[body["messages"][-1]["content"]]
    model = small_model(second)
    router = make(classify=simple, threshold=0.5, verify=CHECKS[name](model))
    replayed = replay_router(router, rows(), SECOND, PRICE)
    _, up = replayed.ups(0.5, replayed.threshold)
    live = [record(answer) for answer in router.batch([row.asked for row in rows()])]
    assert [each["escalated"] for each in live] == up.tolist()
    asked = [any(call["purpose"] == "verify" for call in each["side_calls"]) for each in live]
    assert asked == (replayed.ask_usd > 0).tolist()
    assert 0 < sum(up) < len(up)


@pytest.mark.parametrize("name", ["learned", "joint"])
def test_the_checks_threshold_is_found_and_taken(make, second, name, tmp_path):
    router = make(classify=simple, verify=CHECKS[name](small_model(second)))
    target = {"gain_kept": 0.9}
    calibration = calibrate(router, rows(), target, second=SECOND, second_price=PRICE)
    assert list(calibration.checks) == ["LearnedVerifier"]
    assert calibration.expected["gain_kept"].value > 0.7
    assert not calibration.notes or "asks a model" not in " ".join(calibration.notes)
    calibration.save(tmp_path / "calibration.json")
    taken = make(
        classify=simple,
        verify=CHECKS[name](small_model(second)),
        threshold=str(tmp_path / "calibration.json"),
    )
    replayed = replay_router(taken, rows(), SECOND, PRICE)
    assert replayed.threshold == calibration.checks["LearnedVerifier"]


def found(target, second=SECOND, dataset=None, **prices):
    model = small_model(OllamaServer())
    return calibrate_settings(
        dataset or rows(),
        target,
        scorer=Scorer(simple),
        check=default_checks() & LearnedVerifier(second=model),
        weak_price=PRICE,
        strong_price=Price(2.5, 10),
        second=second,
        **prices,
    )


@pytest.mark.full
def test_a_second_model_is_in_the_bill():
    cheap = found({"gain_kept": 0.9}, second_price=PRICE).expected["cost_usd"].value
    dear = found({"gain_kept": 0.9}, second_price=Price(1, 1)).expected["cost_usd"].value
    assert dear > cheap
    assert "cost_usd" not in found({"gain_kept": 0.9}).expected
    with pytest.raises(CalibrationError, match="second model"):
        found({"cost_usd": 1})


def test_a_mean_grade_is_a_target_too():
    calibration = found(Target(quality=0.9), second_price=PRICE)
    assert calibration.expected["quality"].value > 0.85
    with pytest.raises(CalibrationError, match=r"quality=1 can't be reached"):
        found({"quality": 1.0}, dataset=[replace(row, strong=Answer(0.0)) for row in rows()])


def test_what_makes_no_sense_is_told(make):
    with pytest.raises(DataError, match="Models with answers: other-model"):
        found({"gain_kept": 0.9}, second="nobody")
    with pytest.raises(ConfigurationError, match="no check of the router asks a second model"):
        calibrate(make(classify=simple), rows(), {"gain_kept": 0.9}, second=SECOND)
    flat = [replace(row, strong=replace(row.strong, score=0.0)) for row in rows()]
    with pytest.raises(CalibrationError, match="no gap"):
        found({"gain_kept": 0.5}, dataset=flat)


def test_rows_without_the_second_answer_are_a_call_that_failed():
    holes = [replace(row, other={}) if place % 4 == 0 else row for place, row in enumerate(rows())]
    notes = found({"gain_kept": 0.5}, dataset=holes).notes
    assert "30 of 120 rows have no answer of other-model: taken as a call that failed." in notes


def test_samples_of_the_tier_itself_are_still_left_out(make):
    router = make(classify=simple, verify=default_checks() & LearnedVerifier() & Agreement())
    calibration = calibrate(router, rows(), {"frontier_share": 0.5})
    assert any("Agreement asks a model" in note for note in calibration.notes)


@pytest.mark.parametrize("second", [None, SECOND])
@pytest.mark.parametrize("verify", [Vote(), default_checks() & Vote(samples=1), "strict"])
def test_a_vote_cannot_be_replayed_and_says_what_can(make, verify, second):
    router = make(classify=simple, verify=verify)
    with pytest.raises(ConfigurationError, match=r"vote_report\(rows"):
        calibrate(router, rows(), {"gain_kept": 0.9}, second=second)
    with pytest.raises(ConfigurationError, match="verify='form'"):
        replay_router(router, rows())


def test_from_the_shell(tmp_path, capsys):
    data, out = tmp_path / "rows.jsonl", tmp_path / "calibration.json"
    data.write_text(
        "\n".join(
            json.dumps(
                {
                    "query": row.query,
                    "weak_score": row.weak_score,
                    "strong_score": row.strong_score,
                    "weak_response": row.weak.response,
                    "other": {SECOND: {"score": 0, "response": row.other[SECOND].response}},
                }
            )
            for row in rows()
        )
    )
    arguments = ["calibrate", "--data", str(data), "--out", str(out), "--quality", "0.9"]
    arguments += ["--second", SECOND, "--second-price", "0.05", "0.08"]
    prices = ["--small-price", "0.05", "0.08", "--frontier-price", "2.5", "10"]
    assert main([*arguments, *prices]) == 0
    assert "for the check LearnedVerifier" in capsys.readouterr().out
    assert "cost_usd" in Calibration.load(out).expected


def test_a_tier_that_is_the_second_model_brings_its_price(small, frontier, second):
    router = AsymRouter(
        tiers=[
            Tier(small_model(small), "small", price=PRICE),
            Tier(small_model(second), "middle", price=Price(0.5, 0.8)),
            Tier(frontier_model(frontier), "frontier", price=FRONTIER_PRICE),
        ],
        classify=simple,
        verify={"small": LearnedVerifier(second="middle"), "middle": None},
    )
    found = calibrate(router, rows(), {"gain_kept": 0.9}, second=SECOND)
    cheap = calibrate(router, rows(), {"gain_kept": 0.9}, second=SECOND, second_price=PRICE)
    assert found.expected["cost_usd"].value > cheap.expected["cost_usd"].value
    assert any("middle" in note and "not replayed" in note for note in found.notes)
    changed = router.model_copy(update={"threshold": found}).policy
    assert changed.check_on(changed.ladder[0]).threshold == found.checks["LearnedVerifier"]
