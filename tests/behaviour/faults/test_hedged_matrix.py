"""Faults in a race: the small tier fails, or both do, while they run side by side."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from tests.behaviour.faults.rig import ONCE, SECRETS, TIGHT, WAYS, Rig, Seen, ask, no_tasks
from tests.servers import Reply
from tests.servers.faults import BODIES, DROPPING, STATUSES, WAITING, Fault

pytestmark = [pytest.mark.full, pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")]
HEDGE = 0.05
LATE = 0.1
"""Seconds until a fault shows: by then the other tier is under way."""
SOME = [*WAITING, *DROPPING, *STATUSES[:4], *STATUSES[8:10], *BODIES[:4], *BODIES[-3:]]
ASKED = {"small": ["small", "frontier"], "both": ["small", "frontier", "spare"]}


@pytest.mark.parametrize("faulty", ASKED)
@pytest.mark.parametrize("fault", SOME, ids=str)
async def test_hedged(fault: Fault, faulty: str) -> None:
    with ExitStack() as stack:
        rigs = [stack.enter_context(Rig()) for _ in WAYS]
        pairs = list(zip(rigs, WAYS, strict=True))
        seen = await asyncio.gather(
            *(one(rig, way, fault, ASKED[faulty][:-1]) for rig, way in pairs)
        )
        for (rig, way), got in zip(pairs, seen, strict=True):
            try:
                judge(rig, got, ASKED[faulty])
            except AssertionError as error:
                error.add_note(f"{way}: {got.told()}")
                raise
        await no_tasks()


async def one(rig: Rig, way: str, fault: Fault, faulty: list[str]) -> Seen:
    tight: dict[str, Any] = {
        "retry": ONCE,
        "timeout": 2 * TIGHT if fault.waits else None,
        "patience": 2 * TIGHT if fault.waits else 10,  # see test_found.py
    }
    for name in faulty:
        rig.breaks(name, fault)
        server = rig.servers[name]
        if isinstance(server.default, Reply) and not fault.waits:
            server.default = replace(server.default, delay=LATE)
    router = rig.router(
        tiers=dict.fromkeys(faulty, tight),
        hedge=HEDGE,
        fallbacks=[rig.tier("spare")],
        deadline=20,
    )
    return await ask(router, way, "say MARKED")


def judge(rig: Rig, seen: Seen, tiers: list[str]) -> None:
    """The last one of the tiers answers, and nothing of the others is left."""
    assert seen.error is None
    assert seen.text == f"a {tiers[-1]} answer"
    assert sorted(seen.tiers) == sorted(tiers)
    assert seen.tiers[-1] == tiers[-1]
    assert not SECRETS.search(seen.told())
    for attempt in seen.attempts[:-1]:
        assert attempt["error"] or attempt["check"]
    assert seen.record["escalated"]
    assert seen.seconds < 8
    rig.idle()
