"""What a router does with answers that were cut off, calibration knows; and a missed target is said."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lc_asym_router import AsymRouter
from lc_asym_router.classify.scorer import Scorer
from lc_asym_router.evals import calibrate_settings, evaluate, load, record_tiers
from lc_asym_router.verify import CutOff, NotEmpty
from tests.conftest import frontier_model, small_model
from tests.evals.test_calibration import PRICES, length, rows
from tests.servers import Reply

CHECK = NotEmpty() & CutOff()


def found(data, target=None, check=CHECK):
    scorer = Scorer(length)
    return calibrate_settings(
        data, target or {"quality": 0.1}, scorer=scorer, check=check, **PRICES
    )


def cut(data, every: int = 3):
    """Each third small answer was cut off, and is as right as it was."""
    return [
        replace(row, weak=replace(row.weak, end="stop" if number % every else "length"))
        for number, row in enumerate(data)
    ]


def test_answers_that_were_cut_off_go_up():
    assert found(cut(rows(60), 1_000)).expected["frontier_share"].value <= 0.1
    assert found(cut(rows(60))).expected["frontier_share"].value >= 20 / 60
    unchecked = found(cut(rows(60)), check=NotEmpty())
    assert unchecked.expected["frontier_share"].value <= 0.1


def test_rows_that_do_not_say_it_are_named():
    (note,) = [note for note in found(rows(60)).notes if "weak_end" in note]
    assert "60 of 60" in note
    assert not [note for note in found(cut(rows(60))).notes if "weak_end" in note]
    assert not [note for note in found(rows(60), check=NotEmpty()).notes if "weak_end" in note]


def test_recorded_answers_say_how_they_ended(make, small, frontier, tmp_path):
    """Recorded, written, read and calibrated on: what is promised is what comes."""
    data = rows(60)
    small.script(*[Reply("x", finish="length" if n % 3 else "stop") for n in range(60)])
    recorded = record_tiers(make(), data, lambda row, answer: 1.0, concurrency=1)
    assert [row.weak.end for row in recorded] == ["length" if n % 3 else "stop" for n in range(60)]
    assert {row.strong.end for row in recorded} == {"stop"}
    share = found(recorded).expected["frontier_share"].value
    small.script(*[Reply("x", finish="length" if n % 3 else "stop") for n in range(60)])
    live = evaluate(
        AsymRouter(
            small=small_model(small),
            frontier=frontier_model(frontier),
            classify=length,
            threshold=found(recorded).threshold,
            verify=CHECK,
        ),
        data,
        lambda row, answer: 1.0,
        concurrency=1,
    )
    assert live.to_dict()["share"]["frontier"] == pytest.approx(2 / 3)
    assert share == pytest.approx(2 / 3, abs=0.1)


def test_a_file_may_say_it(tmp_path):
    row = {"query": "q", "weak_score": 1, "strong_score": 1, "weak_end": "length"}
    row["other"] = {"middle": {"score": 1, "end": "stop"}}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    (read,) = load(path)
    assert (read.weak.end, read.strong.end, read.other["middle"].end) == ("length", "", "stop")


def test_a_target_that_is_not_met_is_said():
    """On few rows the best thresholds of four parts are not good enough on the fifth."""
    data = cut(rows(60, seed=3), 1_000)
    missed = met = 0
    for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
        calibration = found(data, {"frontier_share": share})
        said = [note for note in calibration.notes if "not met" in note]
        over = calibration.expected["frontier_share"].value > share + 1e-9
        assert bool(said) is over
        assert all(note in repr(calibration) or note in str(calibration) for note in said)
        missed, met = missed + over, met + (not over)
    assert missed
    assert met
