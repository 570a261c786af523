"""Running a batch: every request through its face, at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from langchain_core.callbacks import UsageMetadataCallbackHandler, get_usage_metadata_callback

from tests.behaviour.properties.cases import Batch, Case
from tests.behaviour.properties.judging import judge, judge_servers
from tests.behaviour.properties.seen import Seen
from tests.behaviour.properties.world import World


def run_batch(
    world: World,
    batch: Batch,
    sync_faces: dict[str, Callable[..., None]],
    async_faces: dict[str, Callable[..., Any]],
) -> list[Seen]:
    """Run each case through its face; sync ones in threads, async ones in one loop, at once."""
    world.begin(batch)
    seen = [Seen() for _ in batch.cases]

    def sync_one(case: Case, what: Seen) -> None:
        try:
            with get_usage_metadata_callback() as counted:
                sync_faces[case.face](world, batch.setting, case, what)
        except AssertionError:
            raise
        except Exception as error:
            what.error = error
        assert_same_usage(counted, what.usage)

    async def async_one(case: Case, what: Seen) -> None:
        try:
            with get_usage_metadata_callback() as counted:
                await async_faces[case.face](world, batch.setting, case, what)
        except AssertionError:
            raise
        except Exception as error:
            what.error = error
        assert_same_usage(counted, what.usage)

    pairs = list(zip(batch.cases, seen, strict=True))
    with ThreadPoolExecutor(8) as pool:
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


def assert_same_usage(
    config_context: UsageMetadataCallbackHandler, explicit: UsageMetadataCallbackHandler
) -> None:
    assert config_context.usage_metadata == explicit.usage_metadata


def check_batch(world: World, batch: Batch, *faces: Any) -> None:
    seen = run_batch(world, batch, *faces)
    for case, what in zip(batch.cases, seen, strict=True):
        judge(case, batch.setting, what, batch.cases)
    judge_servers(world, batch, seen)
