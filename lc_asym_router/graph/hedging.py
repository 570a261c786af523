"""Hedging: if a small tier is late, the tier above is called too, and the first passing answer is
taken.

Dean and Barroso, "The Tail at Scale" (2013).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from langchain_core.messages import AIMessageChunk
from langgraph.constants import END

from lc_asym_router.errors import TiersFailedError
from lc_asym_router.graph.calls.tier_call import UNDER_WAY, tried
from lc_asym_router.graph.entries import attempt_entry
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.state import NodeRun, RaceSide, Surroundings, Update
from lc_asym_router.graph.streaming import Sink
from lc_asym_router.graph.updates import UNFINISHED, Updates
from lc_asym_router.records.trail import Trail, open_record
from lc_asym_router.tiers.faults.connections import Connections
from lc_asym_router.tiers.faults.race import arace, race
from lc_asym_router.tiers.tier import Tier

LONGEST = 600.0
"""Seconds after which a call that has lost, and that nothing else ends, is given up: a sync call whose
server has not begun to answer can't be closed."""
Result = Update | TiersFailedError
"""What a side comes to: an update, or the error of one that has nobody more to ask."""


@dataclass(frozen=True)
class Hedge:
    """One request's race between two tiers.

    Attributes:
        policy: The router's resolved settings.
        tiers: The tier that is asked first, and the one asked concurrently.
        run: The first one's node run.
        after: Seconds that the first tier has to itself.
        sides: The run context of each side; its answer is delivered only if it wins.
    """

    policy: Policy
    tiers: tuple[Tier, Tier]
    run: NodeRun
    after: float
    sides: tuple[NodeRun, NodeRun]
    began: float = field(default_factory=time.perf_counter)

    @classmethod
    def of(cls, policy: Policy, tier: Tier, run: NodeRun) -> Hedge | None:
        """The race for a call of a tier; `None` where it is not hedged."""
        if policy.hedge is False or policy.checks(tier, run.options) is None:
            return None
        after = tier.guard.p95 if policy.hedge is True else policy.hedge
        names = {*tried(run.state["trail"]), tier.name}
        other = policy.next_after(tier, run.request, run.options, names)
        if after is None or other is None or policy.checks(other, run.options) is not None:
            return None
        return cls(policy, (tier, other), run, after, _sides(run, tier, other, after))

    def won(self, update: Result) -> bool:
        """Whether a side has an answer that may be returned."""
        return isinstance(update, dict) and update["route"] == END

    def stop(self, side: int) -> None:
        """Nobody waits for a side any more."""
        context = self.sides[side].around.context
        assert context.sink is not None
        assert context.race is not None
        context.sink.close()
        context.race.connections.close()

    def draft(self, side: int) -> list[AIMessageChunk]:
        """What a side has answered."""
        return cast("_Buffer", self.sides[side].around.context.sink).chunks

    def note(self) -> None:
        """Note both sides in the request's own context, should it end now."""
        self.run.around.context.note(self._joined([self._trail(0), self._trail(1)]))

    def joined(self, results: Sequence[Result | None], winner: int | None) -> Update:
        """What the race comes to: both sides' attempts in one trail, the winner's last.

        Args:
            results: What each side came to; `None` where it was stopped or never started.
            winner: Which side has won, or `None`.

        Raises:
            TiersFailedError: Neither has, and there is nobody more to ask.
        """
        trails = [self._trail(0), self._trail(1)]
        for side, result in enumerate(results):
            if isinstance(result, dict):
                trails[side] = result["trail"]
            elif result is None:
                trails[side] = self._stopped(side, trails[side])
            else:
                known = {key: result.record[key] for key in ("attempts", "side_calls")}
                trails[side] = cast("Trail", {**trails[side], **known})
            raised = self.sides[side].around.context.exceptions
            self.run.around.context.exceptions.extend(raised)
        trail = self._joined(trails, last=winner)
        self.run.around.context.note(trail)
        if winner is not None:
            answer = cast("Update", results[winner])["messages"][-1]
            return Updates(self.policy).answered(trail, answer)
        asked = self.tiers[1].name in tried(trail)
        for result in reversed(
            results
        ):  # the second side knows of the first, so its word goes first
            if isinstance(result, dict) and not (asked and result["route"] == self.tiers[1].name):
                # Nothing ran beside it, so the calls stand where they stood.
                ready = None if asked else result["trail"].get("ready")
                return {**result, "trail": {**trail, "ready": ready} if ready else trail}
            if result is results[1] and isinstance(result, dict):
                return {**result, "trail": trail}  # its own retry
        raise TiersFailedError(open_record(trail), self.run.around.context.exceptions)

    def _trail(self, side: int) -> Trail:
        progress = self.sides[side].around.context.progress
        if not progress:
            return self.sides[side].state["trail"]
        trail, side_calls = progress[-1]
        return {**trail, "side_calls": [*trail["side_calls"], *side_calls]}

    def _stopped(self, side: int, trail: Trail) -> Trail:
        """The trail of a side that was stopped: an unfinished attempt may be billed."""
        began = len(self.sides[side].state["trail"]["attempts"])
        if len(trail["attempts"]) <= began:
            return trail
        *before, last = trail["attempts"]
        stopped = f"stopped: {self.tiers[1 - side].name} was first"
        if last["passed"] is None:  # it has answered, and was being checked: its cost is known
            return {**trail, "attempts": [*before, {**last, "passed": False, "error": stopped}]}
        if last["error"] != UNFINISHED:
            return trail
        tier = self.tiers[side]
        model, price = self.policy.called(tier, self.run.request)
        if last["usage"] is not None:  # estimated from what was received
            return {**trail, "attempts": [*before, {**last, "error": stopped}]}
        entry = attempt_entry(
            tier=tier.name,
            model=model,
            price=price,
            seconds=time.perf_counter() - self.began - (self.after if side else 0.0),
            error=stopped,
        )
        return {**trail, "attempts": [*before, {**last, **entry}]}

    def _joined(self, trails: Sequence[Trail], last: int | None = None) -> Trail:
        """One trail of both: what each has beside what it began with, that of `last` at the end."""
        base = self.run.state["trail"]
        attempts, side_calls = [*base["attempts"]], [*base["side_calls"]]
        for side in (1, 0) if last == 0 else (0, 1):
            began, has = self.sides[side].state["trail"], trails[side]
            attempts += has["attempts"][len(began["attempts"]) :]
            side_calls += has["side_calls"][len(began["side_calls"]) :]
        return {**base, "attempts": attempts, "side_calls": side_calls}


def hedged(
    hedge: Hedge, ask: Callable[[Tier, NodeRun], Update], verify: Callable[[NodeRun], Update]
) -> tuple[Update, int | None]:
    """Ask a tier, and another one beside it where it is late.

    Args:
        hedge: The race.
        ask: Asks one of them.
        verify: Checks its answer.

    Returns:
        The update, and which side's answer has passed; `None` for neither's.
    """

    def side(number: int) -> Result:
        try:
            update = ask(hedge.tiers[number], hedge.sides[number])
            if update["route"] != "verify":
                return update
            return verify(hedge.sides[number].with_update(update))
        except TiersFailedError as error:
            return error

    try:
        ran = race((lambda: side(0), lambda: side(1)), hedge.after, hedge.won, hedge.stop)
    except BaseException:
        hedge.note()
        raise
    return hedge.joined(ran.results, ran.winner), ran.winner


async def ahedged(
    hedge: Hedge,
    ask: Callable[[Tier, NodeRun], Awaitable[Update]],
    verify: Callable[[NodeRun], Awaitable[Update]],
) -> tuple[Update, int | None]:
    """The async twin of `hedged`."""

    async def side(number: int) -> Result:
        try:
            update = await ask(hedge.tiers[number], hedge.sides[number])
            if update["route"] != "verify":
                return update
            return await verify(hedge.sides[number].with_update(update))
        except TiersFailedError as error:
            return error

    try:
        ran = await arace((lambda: side(0), lambda: side(1)), hedge.after, hedge.won)
    except BaseException:
        hedge.note()
        raise
    return hedge.joined(ran.results, ran.winner), ran.winner


class _Buffer(Sink):
    """Buffers what a side answers; closed together with the reader for whom it is."""

    def __init__(self, outer: Sink | None) -> None:
        super().__init__(lambda chunk: None)
        self.chunks: list[AIMessageChunk] = []
        self._outer = outer

    def put(self, chunk: AIMessageChunk) -> None:
        """Buffer a chunk."""
        self.chunks.append(chunk)

    @property
    def closed(self) -> bool:
        """Whether the outer stream is closed, or the race is over."""
        return super().closed or (self._outer is not None and self._outer.closed)


def _sides(run: NodeRun, first: Tier, second: Tier, after: float) -> tuple[NodeRun, NodeRun]:
    """The run as each side of the race has it; to the second, the first counts as tried."""
    trail = run.state["trail"]
    entry = attempt_entry(
        tier=first.name, model=first.model_name, price=None, seconds=0.0, error=UNDER_WAY
    )
    begun = {**trail, "attempts": [*trail["attempts"], entry]}
    return (
        _side(run, first.timeout or LONGEST),
        _side(run.with_update({"trail": begun}), after + (second.timeout or LONGEST)),
    )


def _side(run: NodeRun, seconds: float) -> NodeRun:
    """The run without listeners; its calls may take so many seconds, counted from now."""
    outer = run.around.context
    context = replace(
        outer,
        sink=_Buffer(outer.sink),
        listeners=(),
        exceptions=[],
        progress=[],
        race=RaceSide(Connections(seconds), run.around.streams),
    )
    return replace(run, around=Surroundings(context, run.around.config, ()))
