"""Events: `astream_events`, and v3."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.behaviour.properties.cases import COMMON, Batch, batches
from tests.behaviour.properties.conftest import QUIET
from tests.behaviour.properties.faces import ASYNC_EVENTS, SYNC_EVENTS
from tests.behaviour.properties.judging import foresee, judge, judge_servers
from tests.behaviour.properties.running import run_batch
from tests.behaviour.properties.world import World

pytestmark = QUIET


@pytest.mark.full
@given(
    batch=batches(
        ["v3", "av3", "astream_events", "astream_events"],
        st.fixed_dictionaries({"version": st.sampled_from(["v1", "v2", "v2"])}),
    )
)
@settings(max_examples=100, **COMMON)
def test_events(world: World, batch: Batch) -> None:
    if batch.setting.bound == "schema":  # v3 is the model's own face
        for case in batch.cases:
            case.face = "astream_events"
            case.extra = {"version": "v2"}  # v1 cannot take in what ChatOpenAI parses
    seen = run_batch(world, batch, SYNC_EVENTS, ASYNC_EVENTS)
    for case, what in zip(batch.cases, seen, strict=True):
        judge(case, batch.setting, what, batch.cases)
        if case.face in ("v3", "av3"):
            expected = foresee(case, batch.setting, True)
            want = (expected.partial,) if expected.answer is None else (expected.answer.text,)
            assert what.v3_text in want  # type: ignore[attr-defined]
    judge_servers(world, batch, seen)
