"""From rows and a target to thresholds, to a file, to a router; and what says that they have aged."""

from __future__ import annotations

import itertools
import json
import logging
import os
import random
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lc_asym_router import Audit, Check, Price, Verdict, default_checks
from lc_asym_router.classify.calibration import Calibration
from lc_asym_router.classify.scorer import Scorer
from lc_asym_router.errors import CalibrationError
from lc_asym_router.evals import (
    Answer,
    DataError,
    Row,
    Target,
    calibrate,
    calibrate_rungs,
    calibrate_settings,
)
from lc_asym_router.observe.drift import DriftWatch
from lc_asym_router.shell import main
from tests.conftest import record

PRICES = {"weak_price": Price(0.05, 0.08), "strong_price": Price(2.5, 10)}


def length(messages) -> float:
    """A classifier: `xxx...` of up to 100 letters."""
    return min(1.0, len(messages[0].text) / 100)


class Sure(Check):
    """A check with a threshold: the answer says how sure it is."""

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = threshold

    def check(self, attempt):
        score = float(attempt.text.split()[-1])
        return Verdict(score >= self.threshold, score)


def rows(count: int = 400, seed: int = 7) -> list[Row]:
    """Long questions fail more, unsure answers are wrong more, and the frontier is right at .95."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        size = chance.randint(1, 99)
        right = chance.random() > size / 120
        sure = min(1.0, max(0.0, chance.gauss(0.7 if right else 0.3, 0.2)))
        made.append(
            Row(
                id=str(number),
                query="x" * size,
                weak=Answer(float(right), f"so it is {sure:.3f}"),
                strong=Answer(float(chance.random() < 0.95), "y" * 400),
                dataset="made",
            )
        )
    return made


def found(target, dataset=None, check=None, **prices):
    return calibrate_settings(
        dataset or rows(), target, scorer=Scorer(length), check=check or Sure(), **prices
    )


def outcome(calibration, dataset):
    """Share and quality of a calibration on other rows, worked out by hand."""
    up = [
        length_of(row) >= calibration.threshold
        or float(row.weak.response.split()[-1]) < calibration.checks["Sure"]
        for row in dataset
    ]
    quality = [r.strong_score if u else r.weak_score for r, u in zip(dataset, up, strict=True)]
    return sum(up) / len(up), sum(quality) / len(quality)


def length_of(row) -> float:
    return min(1.0, len(row.query) / 100)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_a_share_of_frontier_calls(share):
    calibration = found({"frontier_share": share})
    got, quality = outcome(calibration, rows())
    assert got <= share + 1e-9
    low, high = calibration.expected["frontier_share"].ci95
    assert low - 0.03 <= got <= high + 0.03
    assert calibration.expected["quality"].value == pytest.approx(quality, abs=0.05)


def test_rungs_are_proposed_from_rows_each_stricter_than_the_one_before(make):
    router = make(classify=length, verify=Sure())
    rungs = calibrate_rungs(router, rows(), kept=(0.95, 0.7, 0.85))
    names = [rung.label for rung in rungs]
    assert names == sorted(names)
    assert len(rungs) >= 2
    for one, other in itertools.pairwise([rung.threshold for rung in rungs]):
        assert other.threshold <= one.threshold
        assert other.checks["Sure"] >= one.checks["Sure"]
        assert other.expected["frontier_share"].value > one.expected["frontier_share"].value
    kept = make(classify=length, verify=Sure(), audit=Audit(target=0.1, rungs=rungs))
    assert [rung.name for rung in kept.target.rungs] == names
    kept.close_audits(0.0)
    with pytest.raises(CalibrationError):
        calibrate_rungs(router, rows(), kept=())


@pytest.mark.full
@pytest.mark.parametrize("kept", [0.8, 0.9, 0.97])
def test_a_quality_to_keep_is_kept_on_rows_that_were_not_seen(kept):
    calibration = found(Target(quality_kept=kept), **PRICES)
    unseen = rows(2000, seed=8)
    _, quality = outcome(calibration, unseen)
    strong = sum(row.strong_score for row in unseen) / len(unseen)
    low, high = calibration.expected["quality_kept"].ci95
    assert low - 0.02 <= quality / strong <= high + 0.02


def test_more_quality_costs_more():
    costs = [found({"gain_kept": kept}, **PRICES).expected["cost_usd"].value for kept in (0.5, 0.9)]
    assert 0 < costs[0] < costs[1]


@pytest.mark.full
def test_a_cost_a_request():
    half = found({"quality_kept": 0.97}, **PRICES).expected["cost_usd"].value / 2
    calibration = found({"cost_usd": half}, **PRICES)
    assert calibration.expected["cost_usd"].value <= half * 1.15


@pytest.mark.full
def test_the_same_rows_give_the_same_file(tmp_path):
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    for path in (one, other):
        found({"quality_kept": 0.9}).save(path)
    assert one.read_bytes() == other.read_bytes()
    assert Calibration.load(one) == found({"quality_kept": 0.9})
    assert "xxx" not in one.read_text()


def test_it_says_what_it_left_out(make):
    from lc_asym_router import Agreement

    calibration = found({"frontier_share": 0.5}, check=Sure() & Agreement(), **PRICES)
    assert any("Agreement asks a model" in note for note in calibration.notes)
    assert any("no token counts" in note for note in calibration.notes)
    silent = [replace(row, weak=Answer(row.weak.score)) for row in rows()]
    assert any("no small answer" in note for note in found({"frontier_share": 0.5}, silent).notes)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ({}, "exactly one of"),
        ({"frontier_share": 0.1, "cost_usd": 1}, "exactly one of"),
        ({"speed": 1}, "exactly one of"),
        ({"frontier_share": 1.2}, r"frontier_share=1\.2"),
        ({"cost_usd": -1}, "cost_usd=-1"),
        ({"cost_usd": 1}, "needs the prices of both tiers"),
    ],
)
def test_a_target_that_makes_no_sense(target, told):
    with pytest.raises(CalibrationError, match=told):
        found(target)


def test_a_target_that_cannot_be_reached():
    with pytest.raises(CalibrationError, match=r"cost_usd=1e-12 can't be reached: the least cost"):
        found({"cost_usd": 1e-12}, **PRICES)
    poor = [replace(row, strong=Answer(0.0), weak=Answer(0.0, row.weak.response)) for row in rows()]
    flat = found({"quality_kept": 1.0}, poor)
    assert "gain_kept" not in flat.expected
    refusing = [replace(row, weak=Answer(0.0, "")) for row in rows()]
    with pytest.raises(CalibrationError, match="the least share is 1"):
        found({"frontier_share": 0.5}, refusing, default_checks())


def test_too_few_rows():
    with pytest.raises(CalibrationError, match="49 rows are too few"):
        found({"frontier_share": 0.5}, rows(49))


def test_rows_that_nobody_graded():
    """They would count as wrong on both tiers."""
    ungraded = [*rows(59), replace(rows(60)[59], strong=Answer(None))]
    with pytest.raises(DataError, match="The row '59' lacks a score"):
        found({"frontier_share": 0.5}, ungraded)


def test_too_few_questions_to_judge_by():
    with pytest.raises(CalibrationError, match=r"80 rows hold 1 different question\(s\)"):
        found({"frontier_share": 0.5}, [replace(row, query="Why?") for row in rows(80)])


@pytest.mark.full
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 1))
def test_the_chosen_share_is_never_passed_on_the_rows_themselves(seed, share):
    dataset = rows(80, seed)
    assert outcome(found({"frontier_share": share}, dataset), dataset)[0] <= share + 1e-9


# A router takes it --------------------------------------------------------------------------------


CALIBRATED: list[Calibration] = []


def calibration_of(make) -> Calibration:
    """A router's calibration: made once, as it takes a while, asks no server and can't be changed."""
    if not CALIBRATED:
        router = make(classify=length, verify=Sure())
        CALIBRATED.append(calibrate(router, rows(), {"quality_kept": 0.9}))
    return CALIBRATED[0]


@pytest.mark.parametrize("as_file", [False, True])
def test_a_router_goes_by_it(make, small, frontier, tmp_path, as_file):
    calibration = calibration_of(make)
    calibration = replace(calibration, threshold=0.9, checks={"Sure": 0.25})
    calibration.save(tmp_path / "calibration.json")
    given_as = str(tmp_path / "calibration.json") if as_file else calibration
    router = make(classify=length, verify=default_checks() & Sure(), threshold=given_as)
    small.script("so it is 0.3", "so it is 0.2")
    assert record(router.invoke("x"))["tier"] == "small"
    assert record(router.invoke("x"))["escalated"]
    decided = record(router.invoke("x" * 95))["decision"]
    assert (decided["tier"], decided["threshold"]) == ("frontier", 0.9)
    assert "threshold=0.9" in repr(router)


def test_a_calibration_for_something_else_is_refused(make, tmp_path):
    calibration = calibration_of(make)
    with pytest.raises(ValidationError, match="for the classifier 'length'"):
        make(threshold=calibration, verify=Sure())
    with pytest.raises(ValidationError, match="for the check Sure"):
        make(classify=length, threshold=calibration)
    with pytest.raises(ValidationError, match="can't be read"):
        make(classify=length, threshold=tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "can't be read"),
        ("[]", "no calibration of version 1"),
        ('{"calibration": 2}', "no calibration of version 1"),
        ('{"calibration": 1}', "lacks a part"),
        ('{"calibration": 1, "expected": {}, "threshold": 0.5}', "lacks a part"),
    ],
)
def test_a_file_that_is_no_calibration(tmp_path, text, told):
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(CalibrationError, match=told):
        Calibration.load(path)


@pytest.mark.parametrize(
    "part",
    [
        {"threshold": None},
        {"threshold": float("nan")},
        {"checks": [1]},
        {"checks": {"Sure": "0.5"}},
        {"seen": {"complexity": ["a", "b"]}},
        {"expected": {"quality": {"value": 1, "ci95": [1]}}},
        {"expected": {"quality": {"value": None, "ci95": None}}},
    ],
)
def test_a_calibration_with_a_damaged_part(tmp_path, part):
    """A threshold of null was taken for none: the router went by its own."""
    path = tmp_path / "calibration.json"
    found({"frontier_share": 0.5}, rows(60)).save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | part))
    with pytest.raises(CalibrationError, match="a part is damaged"):
        Calibration.load(path)


@pytest.mark.full
def test_nothing_is_half_written(tmp_path, monkeypatch):
    path = tmp_path / "calibration.json"
    found({"frontier_share": 0.5}).save(path)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        found({"frontier_share": 0.2}).save(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["calibration.json"]


def test_everybody_may_read_it_and_it_replaces_files_alone(tmp_path):
    """A service under another user takes it; a device in /dev stays one."""
    calibration = found({"frontier_share": 0.5})
    calibration.save(tmp_path / "calibration.json")
    assert (tmp_path / "calibration.json").stat().st_mode & 0o444 == 0o444
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path):
        with pytest.raises(CalibrationError, match="no file that can be replaced"):
            calibration.save(place)
    assert (tmp_path / "pipe").is_fifo()


# Drift --------------------------------------------------------------------------------------------


@pytest.mark.full
def test_scores_that_have_moved_are_told_once(make, small, caplog):
    small.default = "so it is 0.7"
    calibration = calibration_of(make)
    watch = DriftWatch(calibration)
    router = make(classify=length, verify=Sure(), threshold=calibration, callbacks=[watch])
    chance = random.Random(3)
    with caplog.at_level(logging.WARNING, "lc_asym_router.observe.drift"):
        router.batch(["x" * chance.randint(1, 99) for _ in range(250)])
        assert not watch.drift().drifted
        assert "complexity" not in caplog.text
        router.batch(["x" * chance.randint(1, 20) for _ in range(600)])
    assert watch.drift().drifted
    assert caplog.text.count("The complexity scores") == 1
    assert watch.drift().scores == 850


def test_too_few_scores_say_nothing(make):
    watch = DriftWatch(calibration_of(make))
    make(classify=length, verify=Sure(), callbacks=[watch]).batch(["x"] * 20)
    assert watch.drift() is None
    with pytest.raises(Exception, match="window=10"):
        DriftWatch(watch.calibration, window=10)


@pytest.mark.full
def test_a_chain_around_the_router_counts_once(make, small):
    from langchain_core.runnables import RunnablePassthrough

    small.default = "so it is 0.7"
    watch = DriftWatch(calibration_of(make))
    chain = RunnablePassthrough() | make(classify=length, verify=Sure()) | RunnablePassthrough()
    threads = [
        threading.Thread(target=lambda: chain.batch(["x"] * 50, {"callbacks": [watch]}))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert watch.drift().scores == 250


# The shell ----------------------------------------------------------------------------------------


def test_from_the_shell(tmp_path, capsys):
    data = tmp_path / "rows.jsonl"
    data.write_text(
        "\n".join(
            json.dumps(
                {
                    "query": f"debug {row.query}" if row.gain > 0 else row.query,
                    "weak_score": row.weak_score,
                    "strong_score": row.strong_score,
                    "weak_response": row.weak.response,
                }
            )
            for row in rows()
        )
    )
    out = tmp_path / "calibration.json"
    arguments = ["calibrate", "--data", str(data), "--classify", "keyword", "--out", str(out)]
    assert main([*arguments, "--gain-kept", "0.9"]) == 0
    assert "expected gain_kept" in capsys.readouterr().out
    assert Calibration.load(out).classifier == "keyword"
    prices = ["--small-price", "0.05", "0.08", "--frontier-price", "2.5", "10"]
    assert main([*arguments, "--cost-usd", "0.004", *prices, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["expected"]["cost_usd"]["value"] <= 0.0041
    unwritable = [*arguments[:-1], str(data / "calibration.json"), "--gain-kept", "0.9"]
    assert main(unwritable) == 2
    assert "can't be written" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*arguments, "--cost-usd", "0.01", "--small-price", "1"])
    assert "expected 2 arguments" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*arguments, "--gain-kept", "0.9", "--cost-usd", "1"])


@pytest.mark.parametrize("amount", [float("inf"), float("nan"), -1.0])
def test_a_cost_that_is_no_amount_is_refused(amount):
    with pytest.raises(CalibrationError, match="finite USD"):
        Target(cost_usd=amount)
