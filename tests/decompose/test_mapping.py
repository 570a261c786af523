"""The same small task over many items: bounded, resumable, added up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.runnables import RunnableLambda

from lc_asym_router import ConfigurationError
from lc_asym_router.errors import DataError
from tests.decompose.test_properties import most_at_once
from tests.decompose.world import World, plan_of, result
from tests.servers import Reply

ITEMS = [f"task t{place}" for place in range(6)]
TEXTS = [result(f"t{place}") for place in range(6)]


@pytest.fixture(params=[False, True], ids=["map", "amap"])
def mapped(request: pytest.FixtureRequest) -> Any:
    """Maps, sync or async."""

    async def run(decomposer: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs = {"progress": False, **kwargs}
        if request.param:
            return await decomposer.amap(*args, **kwargs)
        return decomposer.map(*args, **kwargs)

    return run


async def test_each_item_is_answered_in_order_and_added_up(world: World, mapped: Any) -> None:
    world.bad = {"t2"}
    world.delays = {"t0": 0.1}
    decomposer = world.decomposer(None, max_concurrency=2)
    with get_usage_metadata_callback() as counted:
        found = await mapped(decomposer, "Do this:", ITEMS)
    assert found.texts == TEXTS
    assert found.errors == (None,) * 6
    assert found.totals["by_tier"] == {"small": 5, "frontier": 1}
    assert found.totals["escalated"] == 1
    assert found.totals["cost_usd"] == pytest.approx(world.spent())
    saved = found.totals["frontier_cost_usd"] - found.totals["cost_usd"]
    assert found.totals["saved_usd"] == pytest.approx(saved)
    assert counted.usage_metadata["small-model"]["output_tokens"] == world.small.tokens[1]
    assert most_at_once([each for _, each in world.asked()]) <= 2
    assert world.small.requests[0].body["messages"][-1]["content"].startswith("Do this:\n\ntask t")


async def test_a_failed_item_is_told_and_asked_again(
    world: World, mapped: Any, tmp_path: Path
) -> None:
    world.bad = {"t1"}
    world.replies["frontier", "t1"] = Reply(status=500, error="boom")
    decomposer = world.decomposer(None)
    found = await mapped(decomposer, "Do this:", ITEMS, out=tmp_path / "map.jsonl")
    assert found.texts == [*TEXTS[:1], None, *TEXTS[2:]]
    assert "No tier could answer" in found.errors[1]
    assert found.totals["failed"] == 1
    assert found.totals["cost_usd"] is None
    asked = len(world.asked())
    del world.replies["frontier", "t1"]
    found = await mapped(decomposer, "Do this:", ITEMS, out=tmp_path / "map.jsonl")
    assert found.texts == TEXTS
    assert [task for task, _ in world.asked()[asked:]] == ["t1", "t1"]


async def test_another_task_does_not_take_up_the_file(
    world: World, mapped: Any, tmp_path: Path
) -> None:
    decomposer = world.decomposer(None)
    await mapped(decomposer, "Do this:", ITEMS, out=tmp_path / "map.jsonl")
    with pytest.raises(DataError, match="another setting"):
        await mapped(decomposer, "Do that:", ITEMS, out=tmp_path / "map.jsonl")


async def test_no_items_and_no_sense(world: World, mapped: Any) -> None:
    decomposer = world.decomposer(None)
    assert (await mapped(decomposer, "Do this:", [])).totals["items"] == 0
    for given in (("", ITEMS), ("Do this:", "task t0")):
        with pytest.raises(ConfigurationError, match="list of items"):
            await mapped(decomposer, *given)


def test_progress_is_shown(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.decomposer(None).map("Do this:", ITEMS, progress=True)
    assert "6/6" in capsys.readouterr().err


def test_it_is_still_every_runnables_map(world: World) -> None:
    chain = RunnableLambda(lambda _: ["task t0", "task t1"]) | world.decomposer(None).map()
    assert [answer.text for answer in chain.invoke("x")] == TEXTS[:2]


@pytest.mark.full
def test_a_killed_map_is_taken_up(world: World, tmp_path: Path) -> None:
    world.replies["small", "t3"] = Reply(hang="before")
    out = tmp_path / "map.jsonl"
    code = (
        "import sys; from types import SimpleNamespace as N\n"
        "from lc_asym_router import AsymRouter, Decomposer\n"
        "from tests.conftest import small_model, frontier_model\n"
        "from tests.decompose.test_mapping import ITEMS\n"
        f"s, f = N(url={world.small.url!r}), N(base_url={world.frontier.base_url!r})\n"
        "r = AsymRouter(small=small_model(s), frontier=frontier_model(f), classify='keyword', "
        "verify='form')\n"
        f"d = Decomposer(router=r, max_concurrency=2)\n"
        f"print(d.map('Do this:', ITEMS, out={str(out)!r}, progress=False).texts)\n"
    )
    first = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while len(world.asked()) < 6 or world.small.open_requests != 1:
        assert time.monotonic() < deadline, first.poll()
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    asked = len(world.asked())
    del world.replies["small", "t3"]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == repr(TEXTS)
    assert [task for task, _ in world.asked()[asked:]] == ["t3"]


def test_a_plan_is_not_needed(world: World) -> None:
    found = world.decomposer(plan_of([[], []])).map("Do this:", ITEMS[:2], progress=False)
    assert found.texts == TEXTS[:2]
