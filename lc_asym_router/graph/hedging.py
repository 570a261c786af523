"""Hedging: a small tier that is late gets company from the tier above, and the first answer that
passes is taken. Dean and Barroso, "The Tail at Scale" (2013)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from langchain_core.messages import AIMessageChunk, BaseMessage
from langgraph.constants import END

from lc_asym_router.errors import TiersFailedError
from lc_asym_router.graph.context import Aside, Scene, Surroundings
from lc_asym_router.graph.policy import Policy, tried
from lc_asym_router.graph.record import UNDER_WAY, attempt_entry
from lc_asym_router.graph.state import Update
from lc_asym_router.graph.streaming import Sink
from lc_asym_router.graph.updates import LEFT, Outcomes
from lc_asym_router.records.trail import Trail, open_record
from lc_asym_router.tiers.faults.connections import Connections
from lc_asym_router.tiers.tier import Tier

LONGEST = 600.0
"""Seconds after which a call that has lost, and that nothing else ends, is given up: a sync call whose
server has not begun to answer can't be hung up."""
Result = Update | TiersFailedError
"""What a way comes to: an update, or the error of one that has nobody left to ask."""


@dataclass(frozen=True)
class Hedge:
    """One request's race.

    Attributes:
        policy: What the nodes go by.
        tiers: Who is asked first, and who beside it.
        scene: What the first one's node found.
        after: Seconds that the first has for itself.
        sides: What each way runs in, heard by nobody until it has won.
    """

    policy: Policy
    tiers: tuple[Tier, Tier]
    scene: Scene
    after: float
    sides: tuple[Scene, Scene]
    began: float = field(default_factory=time.perf_counter)

    @classmethod
    def of(cls, policy: Policy, tier: Tier, scene: Scene) -> Hedge | None:
        """The race for a call of a tier; `None` where it is not hedged."""
        if policy.hedge is False or policy.checks(tier, scene.options) is None:
            return None
        after = tier.guard.p95 if policy.hedge is True else policy.hedge
        names = {*tried(scene.state["trail"]), tier.name}
        other = policy.next_after(tier, scene.request, scene.options, names)
        if after is None or other is None or policy.checks(other, scene.options) is not None:
            return None
        return cls(policy, (tier, other), scene, after, _sides(scene, tier, other, after))

    def won(self, update: Result) -> bool:
        """Whether a way has come to an answer that may be handed on."""
        return isinstance(update, dict) and update["route"] == END

    def stop(self, way: int) -> None:
        """Nobody waits for a way any more."""
        context = self.sides[way].around.context
        assert context.sink is not None
        assert context.aside is not None
        context.sink.close()
        context.aside.connections.close()

    @property
    def around(self) -> Surroundings:
        """Who hears the winner."""
        return self.scene.around

    def handed(self, way: int) -> tuple[list[AIMessageChunk], Sequence[BaseMessage]]:
        """What a way has said, once its reader has it, and what was asked."""
        chunks = cast("_Buffer", self.sides[way].around.context.sink).chunks
        if sink := self.scene.around.context.sink:
            for chunk in chunks:
                sink.put(chunk)
        return chunks, self.scene.request.messages

    def keep(self) -> None:
        """Keep account of both ways in the request's own context, should it be left now."""
        self.scene.around.context.keep(self._joined([self._trail(0), self._trail(1)]))

    def joined(self, results: Sequence[Result | None], winner: int | None) -> Update:
        """What the race comes to: both ways' attempts in one trail, the winner's last.

        Args:
            results: What each way came to; `None` where it was stopped or never started.
            winner: Which way has won, or `None`.

        Raises:
            TiersFailedError: Neither has, and nobody is left to ask.
        """
        trails = [self._trail(0), self._trail(1)]
        for way, result in enumerate(results):
            if isinstance(result, dict):
                trails[way] = result["trail"]
            elif result is None:
                trails[way] = self._stopped(way, trails[way])
            else:
                told = {key: result.record[key] for key in ("attempts", "side_calls")}
                trails[way] = cast("Trail", {**trails[way], **told})
            raised = self.sides[way].around.context.exceptions
            self.scene.around.context.exceptions.extend(raised)
        trail = self._joined(trails, last=winner)
        self.scene.around.context.keep(trail)
        if winner is not None:
            answer = cast("Update", results[winner])["messages"][-1]
            return Outcomes(self.policy).answered(trail, answer)
        asked = self.tiers[1].name in tried(trail)
        for result in reversed(
            results
        ):  # the second way knows of the first, so its word goes first
            if isinstance(result, dict) and not (asked and result["route"] == self.tiers[1].name):
                # Nothing ran beside it, so the calls stand where they stood.
                ready = None if asked else result["trail"].get("ready")
                return {**result, "trail": {**trail, "ready": ready} if ready else trail}
            if result is results[1] and isinstance(result, dict):
                return {**result, "trail": trail}  # its own retry
        raise TiersFailedError(open_record(trail), self.scene.around.context.exceptions)

    def _trail(self, way: int) -> Trail:
        kept = self.sides[way].around.context.kept
        if not kept:
            return self.sides[way].state["trail"]
        trail, side_calls = kept[-1]
        return {**trail, "side_calls": [*trail["side_calls"], *side_calls]}

    def _stopped(self, way: int, trail: Trail) -> Trail:
        """The trail of a way that was stopped: its last attempt was left, which may be billed."""
        began = len(self.sides[way].state["trail"]["attempts"])
        if len(trail["attempts"]) <= began:
            return trail
        *before, last = trail["attempts"]
        stopped = f"stopped: {self.tiers[1 - way].name} was first"
        if last["passed"] is None:  # it has answered, and was being checked: its cost is known
            return {**trail, "attempts": [*before, {**last, "passed": False, "error": stopped}]}
        if last["error"] != LEFT:
            return trail
        tier = self.tiers[way]
        model, price = tier.called(self.scene.request)
        entry = attempt_entry(
            tier=tier.name,
            model=model,
            price=price,
            seconds=time.perf_counter() - self.began - (self.after if way else 0.0),
            error=stopped,
        )
        return {**trail, "attempts": [*before, {**last, **entry}]}

    def _joined(self, trails: Sequence[Trail], last: int | None = None) -> Trail:
        """One trail of both: what each has beside what it began with, that of `last` at the end."""
        base = self.scene.state["trail"]
        attempts, side_calls = [*base["attempts"]], [*base["side_calls"]]
        for way in (1, 0) if last == 0 else (0, 1):
            began, has = self.sides[way].state["trail"], trails[way]
            attempts += has["attempts"][len(began["attempts"]) :]
            side_calls += has["side_calls"][len(began["side_calls"]) :]
        return {**base, "attempts": attempts, "side_calls": side_calls}


class _Buffer(Sink):
    """Keeps what a way says, as it was said; closed with the reader for whom it is."""

    def __init__(self, outer: Sink | None) -> None:
        super().__init__(lambda chunk: None)
        self.chunks: list[AIMessageChunk] = []
        self._outer = outer

    def put(self, chunk: AIMessageChunk) -> None:
        """Keep a chunk."""
        self.chunks.append(chunk)

    @property
    def closed(self) -> bool:
        """Whether the reader has gone, or the race is over."""
        return super().closed or (self._outer is not None and self._outer.closed)


def _sides(scene: Scene, first: Tier, second: Tier, after: float) -> tuple[Scene, Scene]:
    """The scene as each way of the race has it; to the second, the first counts as tried."""
    trail = scene.state["trail"]
    entry = attempt_entry(
        tier=first.name, model=first.model_name, price=None, seconds=0.0, error=UNDER_WAY
    )
    begun = {**trail, "attempts": [*trail["attempts"], entry]}
    return (
        _aside(scene, first.timeout or LONGEST),
        _aside(scene.with_update({"trail": begun}), after + (second.timeout or LONGEST)),
    )


def _aside(scene: Scene, seconds: float) -> Scene:
    """The scene, heard by nobody; its calls may take so many seconds, counted from now."""
    outer = scene.around.context
    context = replace(
        outer,
        sink=_Buffer(outer.sink),
        listeners=(),
        exceptions=[],
        kept=[],
        aside=Aside(Connections(seconds), scene.around.streams),
    )
    return replace(scene, around=Surroundings(context, scene.around.config, ()))
