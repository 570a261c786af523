"""Numbers that a caller, a server or a file supplies: bounded, or refused in words; no raw error."""

from __future__ import annotations

import json
import math
import os
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router import AsymRouter, ConfigurationError, Retry, Tier
from lc_asym_router._internal.deadline import LONGEST, bounded, within
from lc_asym_router._internal.provider_errors import details_of
from lc_asym_router.batch.journal import Journal
from lc_asym_router.classify import Calibration
from lc_asym_router.errors import CalibrationError, DataError
from lc_asym_router.graph.state import check_deadline
from lc_asym_router.tiers.faults.error_kinds import retry_after
from lc_asym_router.tiers.faults.retry import LONGEST_WAIT
from lc_asym_router.tiers.provider import LEAST_LOGPROB, tokens_of
from tests.conftest import frontier_model, small_model

NUMBERS = st.one_of(
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.sampled_from([10**400, -(10**400), True, 2**63]),
)


@given(NUMBERS)
def test_a_time_is_one_that_can_be_waited_for(number: Any) -> None:
    assert 0 <= bounded(number) <= LONGEST
    try:
        deadline = check_deadline(number, "deadline")
    except ConfigurationError:
        assert isinstance(number, bool) or not number > 0
    else:
        assert deadline is not None
        assert 0 <= deadline <= LONGEST


@pytest.mark.parametrize("seconds", [math.inf, 10**400, 1e300])
def test_a_wait_without_end_ends_with_its_call(seconds: Any) -> None:
    assert within(seconds, lambda: 1) == 1


@pytest.mark.parametrize("seconds", [math.inf, 10**30, 1e300])
async def test_limits_of_any_size(small: Any, frontier: Any, seconds: Any) -> None:
    router = AsymRouter(
        small=Tier(small_model(small), timeout=seconds),
        frontier=Tier(frontier_model(frontier), timeout=10**30),
        deadline=seconds,
        classify_deadline=seconds,
        classify=lambda messages: 0.0,
        verify="form",
        hedge=seconds,
    )
    assert (await router.ainvoke("say")).text
    assert router.invoke("say").text


@pytest.mark.parametrize("window", [0, -1, 1.5, math.nan, math.inf, True, "8192", 10**400])
def test_a_window_is_a_number_of_tokens(small: Any, window: Any) -> None:
    with pytest.raises(ConfigurationError, match="context_window"):
        Tier(small_model(small), context_window=window)


@pytest.mark.parametrize("timeout", [0, -1, math.nan, True, "3"])
def test_a_timeout_is_a_time(small: Any, timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        Tier(small_model(small), timeout=timeout)


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, LONGEST_WAIT + 1, 10**400])
def test_a_retrys_waits_are_a_day_at_most(seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match="from 0 to"):
        Retry(max_wait=seconds)
    with pytest.raises(ConfigurationError, match="from 0 to"):
        Retry(initial=seconds)


@pytest.mark.parametrize(
    ("waits", "expected"), [(math.inf, LONGEST_WAIT), (math.nan, 0), (-5, 0), (7, 7)]
)
def test_a_wait_of_ones_own_is_bounded(waits: float, expected: float) -> None:
    assert Retry(attempts=2, wait=lambda state: waits).pause(1, TimeoutError()) == expected


@given(st.one_of(st.text(max_size=40), st.floats().map(str), st.integers().map(str)))
def test_a_retry_after_of_any_kind(text: str) -> None:
    error = TimeoutError()
    for name in ("retry-after", "retry-after-ms"):
        error.response = SimpleNamespace(headers={name: text})  # type: ignore[attr-defined]
        seconds = retry_after(error, now=0.0)
        assert seconds is None or (seconds >= 0 and math.isfinite(seconds))
        pause = Retry(attempts=2).pause(1, error)
        assert pause is None or 0 <= pause <= 8


@pytest.mark.parametrize("code", ["²²²", "9" * 5_000, "404", "x", ""])
def test_a_code_of_any_kind(code: str) -> None:
    error = ValueError("no")
    error.body = {"error": {"code": code, "message": "no"}}  # type: ignore[attr-defined]
    assert details_of(error).status == (404 if code == "404" else None)
    assert details_of(error).message == "no"


def test_logprobs_are_bounded_and_what_is_none_is_left_out() -> None:
    given = [-0.5, 10**400, -(10**400), math.nan, math.inf, -math.inf, True, None, "x", 0]
    tokens = [
        {"token": "a", "logprob": each, "top_logprobs": [{"token": "b", "logprob": each}]}
        for each in given
    ]
    found = tokens_of({"logprobs": {"content": [*tokens, 7, None, {"token": "a"}]}})
    expected = [-0.5, 0.0, LEAST_LOGPROB, 0.0, LEAST_LOGPROB, 0.0]
    assert [each["logprob"] for each in found] == expected
    assert [each["top_logprobs"][0]["logprob"] for each in found] == expected
    odd = {"token": "a", "logprob": -1.0, "top_logprobs": "no list"}
    assert tokens_of({"logprobs": [odd]})[0]["top_logprobs"] == []


def calibration(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "calibration": 1,
        "classifier": "learned",
        "threshold": 0.5,
        "checks": {"Judge": 0.5},
        "target": {},
        "expected": {},
        "rows": 1,
        "seen": {},
        "notes": [],
    }
    return {**plain, **changes}


def test_a_calibrations_numbers(tmp_path: Any) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(calibration()))
    assert Calibration.load(path).threshold == 0.5
    for bad in (
        *({"threshold": each} for each in (10**400, -0.1, 1.1, math.nan, math.inf, None, True)),
        *({"checks": {"Judge": each}} for each in (10**400, 2, math.nan, None, "x")),
        {"seen": {"complexity": [10**400]}},
        {"expected": {"quality": {"value": 10**400, "ci95": None}}},
    ):
        path.write_text(json.dumps(calibration(**bad)))
        with pytest.raises(CalibrationError):
            Calibration.load(path)
    path.write_text("[" * 100_000)
    with pytest.raises(CalibrationError):
        Calibration.load(path)


def test_what_is_no_regular_file_is_not_read(tmp_path: Any) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(100 << 20)
    for path, says in (
        (pipe, "no regular file"),
        (large, "over 1000000"),
        ("/dev/zero", "no regular file"),
        (tmp_path, "no regular file"),
    ):
        with pytest.raises(CalibrationError, match=says):
            Calibration.load(path)
    for path in (pipe, "/dev/zero", tmp_path):
        with pytest.raises(DataError, match="no regular file"):
            Journal(path, "maker")
