"""Every fault, at every tier, in every way to ask.

An answer comes whenever a tier can give one; else one error that holds all attempts. What has been
seen of a live answer can't be taken back: a stream that breaks off in it ends in the error.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from lc_asym_router import Breaker
from tests.behaviour.faults.rig import ONCE, QUICK, SECRETS, TIGHT, WAYS, Rig, Seen, ask, no_tasks
from tests.servers.faults import DRAFT, FAULTS, Fault, at

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
UP, DIRECT = "say MARKED", "debug MARKED"


@dataclass(frozen=True)
class Scene:
    """Which tiers fail, what is asked, and how the router is set.

    Attributes:
        faulty: The servers that fail, in the order in which they are asked.
        rescue: The tier that answers then, or `None`.
        prompt: What is asked: `UP` goes to the small tier, `DIRECT` to the frontier.
        live: The failing tiers whose answer nothing checks.
    """

    faulty: tuple[str, ...]
    rescue: str | None
    prompt: str = DIRECT
    live: tuple[str, ...] = ("frontier", "spare")
    fallback: bool = False
    degrade: bool = False
    verify: Any = "default"


SCENES = {
    "small": Scene(("small",), "frontier", UP),
    "small, unchecked": Scene(("small",), "frontier", UP, live=("small",), verify=None),
    "frontier": Scene(("frontier",), None),
    "both": Scene(("small", "frontier"), None, UP),
    "fall-back": Scene(("frontier",), "spare", fallback=True),
    "degrade": Scene(("frontier",), "small", degrade=True),
    "all": Scene(("frontier", "spare", "small"), None, fallback=True, degrade=True),
}
BRIEF = ("small",)
"""The scene of `make test`; `make test-all` has the others."""


@pytest.mark.parametrize(
    "scene",
    [scene if scene in BRIEF else pytest.param(scene, marks=pytest.mark.full) for scene in SCENES],
)
@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_matrix(fault: Fault, scene: str) -> None:
    """All four ways at once, each on servers of its own, so that the waits don't add up.

    A tier that is not going to answer gets little time. On a busy machine that may be over before
    what comes first has been seen, and then it is another fault: it gets more time once again.
    """
    for patience in (TIGHT, 10 * TIGHT):
        if await judged(fault, SCENES[scene], patience, last=patience > TIGHT):
            break


async def judged(fault: Fault, scene: Scene, patience: float, *, last: bool) -> bool:
    """Whether the fault came as it should, before the time was up; then all is as expected."""
    with ExitStack() as stack:
        cases = [Case(stack.enter_context(Rig()), fault, scene, way, patience) for way in WAYS]
        seen = await asyncio.gather(*(ask(c.router, c.way, c.scene.prompt) for c in cases))
        if not last and any(c.too_late(got) for c, got in zip(cases, seen, strict=True)):
            return False
        for case, got in zip(cases, seen, strict=True):
            try:
                case.judge(got)
                case.rig.idle()
                case.judge_servers(got)
            except AssertionError as error:
                error.add_note(f"{case.way}: {got.told()}")
                raise
        await no_tasks()
    return True


class Case:
    """One fault in one scene, and what is expected of it."""

    def __init__(
        self, rig: Rig, fault: Fault, scene: Scene, way: str, patience: float = TIGHT
    ) -> None:
        self.rig, self.fault, self.scene, self.way = rig, fault, scene, way
        self.patience = patience
        self.retry = ONCE if fault.waits else QUICK
        per = {name: self.settings(name) for name in scene.faulty}
        spare = rig.tier("spare", **per.get("spare", {}))
        self.router = rig.router(
            tiers=per,
            fallbacks=[spare] if scene.fallback else [],
            degrade=scene.degrade,
            verify=scene.verify,
            deadline=10 if fault.waits else None,
        )
        for name in scene.faulty:
            rig.breaks(name, fault)

    def settings(self, name: str) -> dict[str, Any]:
        """Of a failing tier: its breaker opens at its last try."""
        once = self.retry is ONCE or self.fault.retried is False or self.seen_live(name)
        breaker = Breaker(failures=1 if once else 2, cooldown=60)
        return {
            "retry": self.retry,
            "breaker": breaker,
            "timeout": self.patience if self.fault.waits else None,
        }

    def too_late(self, seen: Seen) -> bool:
        """Whether a tier's time was up before the caller saw what it should have of its answer."""
        if not self.fault.waits or (seen.text and seen.error is not None):
            return False
        attempts = seen.attempts
        return any(self.seen_live(each["tier"]) and each["error"] for each in attempts)

    def seen_live(self, name: str) -> bool:
        """Whether the caller has seen a part of a failing tier's answer."""
        return self.fault.begun and "stream" in self.way and name in self.scene.live

    def harmless(self, name: str) -> bool:
        return at(self.fault.answers, "ollama" if name == "small" else "openai", self.way)

    def tries(self, name: str, attempts: list[dict[str, Any]]) -> None:
        """A failing tier was asked as often as its fault is worth."""
        count = len(attempts)
        if self.seen_live(name) or self.fault.retried is False or self.retry is ONCE:
            assert count == 1
        elif self.fault.retried:
            assert count == 2
        else:
            assert count in (1, 2)
        for each in attempts:
            assert each["passed"] is False
            if each["error"] is None:  # a check saw it
                assert name not in self.scene.live
                assert each["check"] in ("CutOff", "Looping", "NotEmpty")
            else:
                assert re.search(self.fault.error, each["error"])

    def judge(self, seen: Seen) -> None:
        """The attempts, the answer or the error, and that nothing of a draft has leaked."""
        left = list(seen.attempts)
        expected = self.scene.rescue
        for name in self.scene.faulty:
            if self.harmless(name):
                expected = name
                break
            mine = seen.attempts_of(name)
            assert left[: len(mine)] == mine, seen.tiers
            left = left[len(mine) :]
            self.tries(name, mine)
            if self.seen_live(name):
                expected = None
                break
        assert not SECRETS.search(seen.told())
        assert seen.seconds < 3 * self.patience * bool(self.fault.waits) + 5
        if expected is None:
            assert not left
            assert seen.error is not None
            for each in seen.attempts:
                assert each["tier"] in str(seen.error)
            assert seen.text == "" or self.seen_live(seen.tiers[-1])
            return
        assert seen.error is None
        assert [each["tier"] for each in left] == [expected]
        assert seen.text == (DRAFT if expected in self.scene.faulty else f"a {expected} answer")
        assert seen.record["tier"] == expected
        first = self.scene.faulty[0]
        assert seen.record["escalated"] == (first == "small" and expected != "small")
        assert seen.record["degraded"] == (first != "small" and expected == "small")

    def judge_servers(self, seen: Seen) -> None:
        """Connections and breakers."""
        for name in self.scene.faulty:
            for record in self.rig.servers[name].requests:
                # A check may end an endless answer before its time is up.
                assert record.closed_by_client == bool(self.fault.waits)
        for name, breaker in self.router.breakers.items():
            asked = name in seen.tiers and name in self.scene.faulty
            if not asked or self.harmless(name):
                assert breaker.state == "closed", name
            elif self.fault.down is not None and seen.attempts_of(name)[-1]["error"]:
                assert breaker.state == ("open" if self.fault.down else "closed"), name
