"""Token logprobs: recorded with the answers, calibrated on them, and used live."""

from __future__ import annotations

import json
import math
import random

import pytest

from lc_asym_router import AsymRouter, default_checks
from lc_asym_router.evals import Answer, DataError, Row, calibrate, load, record_tiers
from lc_asym_router.verify import MeanLogprob
from tests.conftest import frontier_model, record, small_model
from tests.servers import Reply

COUNT = 120


def rows() -> list[Row]:
    """Questions without answers."""
    return [
        Row(
            id=str(n), query=f"question {n}", weak=Answer(None), strong=Answer(None), dataset="made"
        )
        for n in range(COUNT)
    ]


def answers() -> list[tuple[bool, float]]:
    """Whether the small model is right, and the logprob of its answer's tokens."""
    chance = random.Random(5)
    rights = [chance.random() < 0.6 for _ in range(COUNT)]
    return [(right, round(chance.gauss(-0.3 if right else -1.2, 0.3), 3)) for right in rights]


@pytest.fixture
def router(small, frontier):
    """A small model that gives logprobs, low ones where it is wrong."""

    def says(body):
        right, logprob = answers()[int(body["messages"][-1]["content"].split()[-1])]
        text = "right" if right else "wrong"
        return Reply(text, logprobs=[{text: min(0.0, logprob)}])

    small.default, frontier.default = says, "right"
    return AsymRouter(
        small=small_model(small, logprobs=True, top_logprobs=1),
        frontier=frontier_model(frontier),
        classify=lambda messages: 0.0,
        verify=default_checks() & MeanLogprob(-9.0),
    )


@pytest.mark.full
def test_from_recording_to_a_calibrated_router(router, tmp_path):
    recorded = record_tiers(
        router, rows(), lambda row, answer: float("right" in answer.text), progress=False
    )
    known = [min(0.0, logprob) for _, logprob in answers()]
    assert [row.weak.logprob for row in recorded] == pytest.approx(known)
    calibration = calibrate(router, recorded, {"gain_kept": 0.9})
    least = calibration.checks["MeanLogprob"]
    assert math.exp(-1.5) < least < math.exp(-0.2)
    assert calibration.expected["frontier_share"].value < 0.6
    calibration.save(tmp_path / "calibration.json")

    calibrated = router.model_copy(update={"threshold": str(tmp_path / "calibration.json")})
    live = [record(each)["escalated"] for each in calibrated.batch([row.query for row in rows()])]
    assert live == [math.exp(logprob) < least for logprob in known]
    assert 0 < sum(live) < COUNT


def test_rows_without_logprobs_are_told(router):
    recorded = [
        Row(row.id, row.query, Answer(n % 2, "right"), Answer(1.0, "right"), "made")
        for n, row in enumerate(rows())
    ]
    calibration = calibrate(router, recorded, {"frontier_share": 0.5})
    assert "MeanLogprob gives 120 of 120 rows no score: taken as passed." in calibration.notes
    assert "check" not in calibration.seen
    assert calibration.checks["MeanLogprob"] == 0.0  # what says nothing lets everything pass


def test_rows_hold_them(tmp_path):
    path = tmp_path / "rows.jsonl"
    row = {"query": "q", "weak_score": 0, "strong_score": 1, "weak_logprob": -0.5}
    path.write_text(json.dumps(row))
    assert load(path)[0].weak.logprob == -0.5
    path.write_text(json.dumps({**row, "weak_logprob": 0.5}))
    with pytest.raises(DataError, match=r"'weak_logprob' is 0\.5"):
        load(path)
