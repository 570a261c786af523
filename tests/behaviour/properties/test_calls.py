"""Calls: `invoke`, `stream`, `batch`, and their async twins."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.behaviour.properties.cases import COMMON, Batch, batches
from tests.behaviour.properties.conftest import QUIET
from tests.behaviour.properties.faces import ASYNC_CALLS, SYNC_CALLS
from tests.behaviour.properties.judging import judge, judge_servers
from tests.behaviour.properties.running import check_batch, judged_ways
from tests.behaviour.properties.seen import Seen, raw
from tests.behaviour.properties.world import World

pytestmark = QUIET


CALLS = [*SYNC_CALLS, *ASYNC_CALLS]


@pytest.mark.full
@given(batch=batches(CALLS) | batches(CALLS, watched=False))
@settings(max_examples=120, **COMMON)
def test_calls(world: World, batch: Batch) -> None:
    check_batch(world, batch, SYNC_CALLS, ASYNC_CALLS)


@pytest.mark.full
@given(batch=batches(["batch"]) | batches(["batch"], watched=False), is_async=st.booleans())
@settings(max_examples=40, **COMMON)
def test_one_batch_of_all(world: World, batch: Batch, is_async: bool) -> None:
    """`batch` and `abatch` of several requests, failures returned beside answers."""
    world.begin(batch)
    seen = [Seen(watched=batch.watched) for _ in batch.cases]
    prompts, configs = [c.prompt for c in batch.cases], [s.config for s in seen]
    model = world.bound(batch.setting)
    with judged_ways(batch):
        if is_async:
            outputs = world.runner.run(model.abatch(prompts, configs, return_exceptions=True))
        else:
            outputs = model.batch(prompts, configs, return_exceptions=True)
    world.idle()
    for case, what, output in zip(batch.cases, seen, outputs, strict=True):
        if isinstance(output, Exception):
            what.error = output
        else:
            what.everything.append(output)
            what.answer = raw(output)
        judge(case, batch.setting, what, batch.cases)
    judge_servers(world, batch, seen)
