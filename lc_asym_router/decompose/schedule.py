"""Schedule the steps: one begins when its needs have answers and the concurrency limit allows it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from langgraph.errors import GraphBubbleUp, GraphInterrupt

from lc_asym_router.decompose.plan import Plan, Step
from lc_asym_router.decompose.plan_state import StepResult


@dataclass
class Turn:
    """A step that may run now.

    Attributes:
        known: Instruction and answer of each step that it needs.
        result: The step's result, set by whoever runs it.
    """

    known: list[tuple[str, str]]
    result: StepResult | None = None


class Schedule:
    """Progress of one request's plan. A step waits for its own needs only.

    Args:
        plan: The plan.
        most: How many steps run concurrently.
        results: Results of an earlier run of the same request, by step.

    Attributes:
        error: The first exception that a step raised, or `None`.
        noted: The results so far, by step.
    """

    def __init__(self, plan: Plan, most: int, results: Mapping[str, StepResult]) -> None:
        self.plan = plan
        self.most = most
        self._texts: dict[str, str] = {}
        self._interrupted: set[str] = set()  # resumed in a later run, as after a person's reply
        self._begun: set[str] = set()
        self._running = 0
        self._useless = False  # a step has no answer: the whole request goes to the frontier
        self._stopped = False
        self.error: Exception | None = None
        self.noted = dict(results)
        self._changed = threading.Condition()
        self._changed_async = asyncio.Event()
        for name, result in results.items():
            self._note(name, result)

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Enclose a run of the steps; raises a step's exception after all running steps have ended."""
        try:
            yield
        except GraphInterrupt:
            if self.error is not None:
                raise self.error from None
            raise

    @contextmanager
    def turn(self, step: Step) -> Iterator[Turn | None]:
        """Wait until the step may run; yields `None` if the plan has failed in the meantime.

        Raises:
            GraphInterrupt: The step can't run in this run; LangGraph resumes it in the next one.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._settled(step))
            turn = self._begin(step)
        with self._taken(step, turn):
            yield turn

    @asynccontextmanager
    async def aturn(self, step: Step) -> AsyncIterator[Turn | None]:
        """The async twin of `turn`."""
        while not self._settled(step):
            await self._changed_async.wait()
        turn = self._begin(step)
        with self._taken(step, turn):
            yield turn

    def stop(self) -> None:
        """Stop starting steps: the run is being cancelled."""
        with self._changed:
            self._stopped = True
            self._notify()

    @contextmanager
    def _taken(self, step: Step, turn: Turn | None) -> Iterator[None]:
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            if isinstance(raised, GraphBubbleUp) or not isinstance(raised, Exception):
                raise
            # LangGraph would cancel the other steps, whose answers are nearly paid for: so this one
            # counts as interrupted, and `ended` raises the error when the others have ended.
            raise GraphInterrupt from None
        finally:
            with self._changed:
                self._end(step, turn, error)

    def _settled(self, step: Step) -> bool:
        """Whether the step has nothing more to wait for."""
        if self._useless or self._stopped or self._interrupted.intersection(step.needs):
            return True
        room = self.most - self._running
        ready = [each.id for each in self.plan.ready(self._texts) if each.id not in self._begun]
        return step.id in ready[:room]  # in the plan's order, not in that of threads

    def _begin(self, step: Step) -> Turn | None:
        if self._useless:
            return None
        if self._stopped or self._interrupted.intersection(step.needs):
            self._interrupted.add(step.id)
            self._notify()
            raise GraphInterrupt
        self._running += 1
        self._begun.add(step.id)
        return Turn([(self.plan.named(need).instruction, self._texts[need]) for need in step.needs])

    def _end(self, step: Step, turn: Turn | None, error: BaseException | None) -> None:
        if turn is None:
            return
        self._running -= 1
        if isinstance(error, GraphBubbleUp):
            self._interrupted.add(step.id)
        elif error is not None:
            self._stopped = True
            if self.error is None and isinstance(error, Exception):
                self.error = error
            if turn.result is not None:  # what it cost; the next run repeats it
                self.noted[step.id] = turn.result
        elif turn.result is not None:
            self._note(step.id, turn.result)
        self._notify()

    def _note(self, name: str, result: StepResult) -> None:
        self.noted[name] = result
        if result["text"] is None:
            self._useless = True
        else:
            self._texts[name] = result["text"]

    def _notify(self) -> None:
        """Wake all waiting steps."""
        with self._changed:
            self._changed.notify_all()
        self._changed_async.set()
        self._changed_async = asyncio.Event()
