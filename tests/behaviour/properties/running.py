"""Running a batch: every request through its face, at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from langchain_core.callbacks import get_usage_metadata_callback

from tests.behaviour.properties.cases import Batch, Case
from tests.behaviour.properties.judging import judge, judge_servers
from tests.behaviour.properties.seen import Seen
from tests.behaviour.properties.world import World
from tests.graph.both_ways import count_walks


def run_batch(
    world: World,
    batch: Batch,
    sync_faces: dict[str, Callable[..., None]],
    async_faces: dict[str, Callable[..., Any]],
) -> list[Seen]:
    """Run each case through its face; sync ones in threads, async ones in one loop, at once."""
    world.begin(batch)
    seen = [Seen(watched=batch.watched) for _ in batch.cases]

    def sync_one(case: Case, what: Seen) -> None:
        try:
            with same_usage(what):
                sync_faces[case.face](world, batch.setting, case, what)
        except AssertionError:
            raise
        except Exception as error:
            what.error = error

    async def async_one(case: Case, what: Seen) -> None:
        try:
            with same_usage(what):
                await async_faces[case.face](world, batch.setting, case, what)
        except AssertionError:
            raise
        except Exception as error:
            what.error = error

    pairs = list(zip(batch.cases, seen, strict=True))
    with judged_ways(batch), ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(sync_one, *pair) for pair in pairs if pair[0].face in sync_faces]

        async def all_async() -> None:
            tasks = [async_one(*pair) for pair in pairs if pair[0].face in async_faces]
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if left:
                await asyncio.wait(left, timeout=2)
            names = [task for task in left if not task.done()]
            assert not names, f"tasks are left: {names}"
            for outcome in outcomes:
                if outcome is not None:
                    raise outcome

        world.runner.run(all_async())
        for job in jobs:
            job.result()
    world.idle()
    return seen


@contextmanager
def same_usage(what: Seen) -> Iterator[None]:
    """Where a caller is watched, a handler of the block counts what the config's own does."""
    if not what.watched:
        yield
        return
    with get_usage_metadata_callback() as counted:
        try:
            yield
        finally:
            assert counted.usage_metadata == what.usage.usage_metadata


@contextmanager
def judged_ways(batch: Batch) -> Iterator[None]:
    """Requests that nobody watches walk; those that handlers follow run through the graph."""
    with pytest.MonkeyPatch.context() as patch:
        ways = count_walks(patch)
        yield
    assert set(ways) <= {"graph" if batch.watched else "walk"}
    if not (batch.watched or any(case.face[:2] == "c_" for case in batch.cases)):
        assert len(ways) == len(batch.cases)  # a cancelled one may not have begun


def check_batch(world: World, batch: Batch, *faces: Any) -> None:
    seen = run_batch(world, batch, *faces)
    for case, what in zip(batch.cases, seen, strict=True):
        judge(case, batch.setting, what, batch.cases)
    judge_servers(world, batch, seen)
