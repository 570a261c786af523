"""`make bench-checks`: its calculations, its recording against a loopback server, its errors."""

from __future__ import annotations

import gzip
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lc_asym_router.evals import DataError
from lc_asym_router.evals.example import write_example
from tests.benchmarks import check_recording, recorded_checks
from tests.benchmarks.check_recording import FinishedRequest, Plan, kept, record
from tests.benchmarks.recorded_checks import (
    Signal,
    calibrated,
    cross_found,
    kept_at,
    main,
    shipped,
    threshold,
)
from tests.conftest import small_model
from tests.servers import OllamaServer, Reply

WEAK = np.asarray([1.0, 1.0, 0.0, 0.0])
STRONG = np.ones(4)


def told(**more: Any) -> FinishedRequest:
    given = {"part": "own", "model": "m", "source": "s", "id": "1", "right": 1.0, "strong": 1.0}
    return FinishedRequest(**{**given, "verdicts": "ccc", **more})


def signal(scores: Any, weak: Any) -> Signal:
    weak = np.asarray(weak, dtype=float)
    return Signal("check", np.asarray(scores, dtype=float), None, weak, np.ones(len(weak)))


# what a check is worth ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "share", "part"),
    [
        ([0.9, 0.8, 0.2, 0.1], 0.5, 1.0),
        ([0.9, 0.8, 0.2, 0.1], 0.25, 0.5),
        ([0.1, 0.2, 0.8, 0.9], 0.5, 0.0),
        ([1, 1, 1, 1], 0.3, 0.3),  # knows nothing: as good as chance
        ([1, 0, 0, 0], 0.75, 1.0),
    ],
)
def test_the_gain_that_is_kept_at_a_share(scores: list[float], share: float, part: float) -> None:
    assert kept_at(np.asarray(scores, dtype=float), WEAK, STRONG, share) == pytest.approx(part)


def test_no_gain_no_part() -> None:
    assert kept_at(WEAK, WEAK, WEAK, 0.5) is None


def test_the_least_threshold_that_keeps_enough() -> None:
    scores = np.asarray([0.9, 0.8, 0.2, 0.1])
    assert threshold(scores, WEAK, STRONG, 0.5) == 0.2
    assert threshold(scores, WEAK, STRONG, 0.9) == 0.8
    against = threshold(-scores, WEAK, STRONG, 0.9)
    assert (-scores < against).all()  # nothing less than all of them is enough


def test_what_is_reported_had_no_part_in_the_choice() -> None:
    random = np.random.default_rng(1)
    scores, weak = random.random(60), (random.random(60) < 0.5) * 1.0
    before = cross_found(signal(scores, weak))
    even = np.arange(60) % 2 == 0
    after = cross_found(signal(scores, np.where(even, 1 - weak, weak)))
    # The bound that was found on the odd ones decides about the even ones, whatever those are.
    assert (before.up[even] == after.up[even]).all()
    assert before.bounds[0] == after.bounds[0]


def test_calibrated_chances_rise_and_are_as_often_right() -> None:
    random = np.random.default_rng(2)
    scores = random.random(2000)
    right = (random.random(2000) < scores) * 1.0
    chances = calibrated(scores, right, np.asarray([0.1, 0.5, 0.9]))
    assert chances == pytest.approx([0.1, 0.5, 0.9], abs=0.08)
    assert calibrated(np.ones(4), WEAK, np.ones(1)) == pytest.approx([0.5])


def test_a_score_that_tells_beats_one_chance_for_all() -> None:
    weak = np.asarray([0.0, 0.0, 1.0, 1.0] * 10)
    told_apart = cross_found(signal(weak, weak))
    assert told_apart.brier < told_apart.brier_flat
    assert not told_apart.up[weak > 0.5].any()


@pytest.mark.parametrize("verdicts", ["".join(each) for each in product("ci-", repeat=3)])
def test_the_shipped_check_goes_by_the_recorded_verdicts(verdicts: str) -> None:
    assert shipped(told(verdicts=verdicts)).passed is (verdicts.count("c") >= 2)


# recording ---------------------------------------------------------------------------------------


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: OllamaServer) -> OllamaServer:
    """Two made-up rows in place of the shared data, and a server in place of the embedded model."""
    rows = write_example(tmp_path / "zeroeval_gsm.jsonl", count=2).read_bytes()
    (tmp_path / "zeroeval_gsm.jsonl.gz").write_bytes(gzip.compress(rows))
    plans = (
        Plan("own", "answer", "m", "zeroeval_gsm", 2),
        Plan("own", "verify", "m", "zeroeval_gsm", 1),
        Plan("recorded", "verify", "m", "zeroeval_gsm", 1),
    )
    monkeypatch.setattr(check_recording, "PLANS", plans)
    monkeypatch.setattr(check_recording, "DATA", tmp_path)
    monkeypatch.setattr(check_recording, "FIGURES", tmp_path / "figures.jsonl")
    monkeypatch.setenv("LC_ASYM_ROUTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        check_recording,
        "embedded_small",
        lambda model, num_predict, seed: small_model(small, num_predict=num_predict, seed=seed),
    )
    small.default = Reply("It is #### 3\nVerdict: correct", logprobs=[{"a": -0.5}, {"b": -1.5}])
    return small


def test_a_recording_goes_on_where_it_stopped(asked: OllamaServer) -> None:
    assert record(0) == []
    first = record(1)
    assert len(asked.requests) == 2 + 2 * 3 + 2 * 3
    assert [each.part for each in first] == ["own", "own", "recorded", "recorded"]
    own, other = first[0], first[-1]
    assert (own.verdicts, own.mean, own.least) == ("ccc", -1.0, -1.5)
    assert (other.verdicts, other.mean, other.least) == ("ccc", None, None)
    assert record(1) == first == kept()
    assert len(asked.requests) == 14  # nobody was asked again


def test_a_run_that_has_begun_leaves_more_figures_alone(
    asked: OllamaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    check_recording.FIGURES.write_text("{}\n" * 9)
    assert len(record(1)) == 4
    assert check_recording.FIGURES.read_text() == "{}\n" * 9
    assert "4 answers so far, and figures.jsonl holds 9: it stays as it is." in (
        capsys.readouterr().out
    )


def test_it_asks_as_the_shipped_check_does(asked: OllamaServer) -> None:
    record(1)
    answer, verdicts = asked.requests[0].body, [each.body for each in asked.requests[2:5]]
    assert answer["logprobs"] is True
    assert "####" in answer["messages"][-1]["content"]
    # The router adds a sample's number to the model's own seed, which is 1.
    assert [body["options"]["seed"] for body in verdicts] == [2, 3, 4]
    assert {body["options"]["temperature"] for body in verdicts} == {0.8}
    assert "Is the answer right?" in verdicts[0]["messages"][-1]["content"]


def test_the_figures_hold_no_text_of_the_data(asked: OllamaServer) -> None:
    record(1)
    text = check_recording.FIGURES.read_text()
    assert "How many" not in text
    assert "####" not in text


# the command -------------------------------------------------------------------------------------


@pytest.mark.full
def test_the_committed_numbers_make_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    printed = capsys.readouterr().out
    assert "| zeroeval_crux, own | qwen2.5-coder:0.5b |" in printed
    assert "| zeroeval_gsm, recorded | SelfVerification(3) |" in printed
    assert "| zeroeval_crux, own | SelfVerification(3) |" in printed
    assert "| MeanLogprob |" in printed


@pytest.mark.full
@pytest.mark.usefixtures("few_resamples")
def test_without_the_data_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recorded_checks, "DATA", tmp_path / "nothing")
    main(["--record"])
    printed = capsys.readouterr().out
    assert "is not there: nothing can be asked. The committed numbers are used." in printed
    assert "| MeanLogprob |" in printed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "can't be read"),
        ("", "is empty"),
        ("{}\n", "line 1: no figures"),
        ("no JSON\n", "line 1: no figures"),
        ("[1]\n", "line 1: no figures"),
    ],
)
def test_figures_that_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, says: str
) -> None:
    place = tmp_path / "figures.jsonl"
    if text is not None:
        place.write_text(text)
    monkeypatch.setattr(check_recording, "FIGURES", place)
    with pytest.raises(DataError, match=says):
        kept()
    with pytest.raises(SystemExit, match=says):
        main([])


@pytest.mark.parametrize("minutes", ["-1", "nan", "inf", "soon"])
def test_minutes_that_are_none(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--record", "--minutes", minutes])
    assert "--minutes" in capsys.readouterr().err
